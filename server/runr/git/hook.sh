#!/bin/sh
# runr git hook @digest@
# Says in a commit which session and which run made it: the trailers Runr-Session and Runr-Run-Id.
# The hook that it replaced is run first, with the same arguments, input and exit code. Written by
# `runr install git-hooks` or for a run's worker; `runr install git-hooks --uninstall` removes it.

here=${0%/*}
name=${0##*/}
name=${name%.legacy}

# The folder in which git would look for hooks if this one were not there.
folder_before() {
    if [ -f "$here/.before" ]; then
        found=$(git config --file "$here/.before" --type=path --get core.hooksPath)
    else
        found=$(git config --type=path --get-all core.hooksPath | grep -vxF -e "$here" | tail -n 1)
    fi
    [ -n "$found" ] || found=$(git rev-parse --git-common-dir)/hooks
    printf '%s\n' "$found"
}

if [ @in_default@ = yes ]; then
    before=$here/$name.before-runr
else
    before=$(folder_before)/$name
fi
case $name in
reference-transaction)
    moved=$(cat)
    log=${here%/*}/refs/$RUNR_RUN_ID.moved
    # A run notes which branches and tags its worker moves.
    if [ "$1" = committed ] && [ -f "${log%.moved}.json" ]; then
        printf '%s\n' "$moved" | grep -E ' refs/(heads|tags)/' >>"$log"
    fi
    if [ -x "$before" ]; then
        printf '%s\n' "$moved" | "$before" "$@"
        exit $?
    fi
    exit 0
    ;;
post-index-change)
    log=${here%/*}/refs/$RUNR_RUN_ID
    # Whose index its worker writes.
    [ ! -f "$log.json" ] || git rev-parse --absolute-git-dir >>"$log.indexed"
    if [ -x "$before" ]; then exec "$before" "$@"; fi
    exit 0
    ;;
prepare-commit-msg | commit-msg)
    if [ -x "$before" ]; then "$before" "$@" || exit $?; fi
    ;;
*)
    if [ -x "$before" ]; then exec "$before" "$@"; fi
    exit 0
    ;;
esac

# From here on only `provenance.enforce` may refuse the commit.
message=$1
records=$PWD/.runr
# A run's own tree keeps its records where the repository does; a repository inside of it does not.
case ${PWD##*/.runr/worktrees/} in
*/*) ;;
*) [ ! -f "$PWD/.git" ] || records=${PWD%/worktrees/*} ;;
esac
if [ -f "$PWD/.git" ] && [ ! -e "$records/task-status.json" ] && [ ! -d "$records/runs" ]; then
    # A linked worktree has its record in the main one, unless it has begun one of its own.
    common=$(cd "$(git rev-parse --git-common-dir)" && pwd)
    [ ! -d "${common%/.git}/.runr" ] || records=${common%/.git}/.runr
fi

ask() {
    if [ -x @python@ ]; then
        @python@ -m runr git-hook "$@"
    elif command -v runr >/dev/null 2>&1; then
        runr git-hook "$@"
    fi
}

is_ours() {
    [ -d "$records" ] || [ -d "$(git rev-parse --git-common-dir)/runr" ]
}

# A rebase and a cherry-pick make commits again, perhaps those of another author.
is_replayed() {
    folder=$(git rev-parse --git-dir)
    [ ! -e "$folder/CHERRY_PICK_HEAD" ] || return 0
    [ -d "$folder/rebase-merge" ] || [ -d "$folder/rebase-apply" ] || return 1
    # Where a rebase has stopped for its user, what is committed is new.
    case $name,$GIT_REFLOG_ACTION in commit-msg,rebase*) return 0 ;; commit-msg,*) return 1 ;; esac
}

plain() {
    sed '/^. -\{20,\} >8 -\{20,\}$/,$d' "$1" 2>/dev/null | git stripspace --strip-comments
}

# A message without words, or with those of the template alone, gives the commit up.
is_written() {
    words=$(plain "$message")
    [ -n "$words" ] || return 1
    template=$(git config --type=path --get commit.template) || return 0
    [ "$words" != "$(plain "$template")" ]
}

is_id() {
    case $1 in '' | *[!0-9A-Za-z_-]*) return 1 ;; esac
}

stamp() {
    run=$RUNR_RUN_ID
    if is_id "$run"; then
        [ -d "$records/runs/$run" ] || run=
    else
        run=
        if grep -q in_progress "$records/task-status.json" 2>/dev/null; then
            run=$(ask open-run 2>/dev/null)
        fi
    fi
    session=$CLAUDE_CODE_SESSION_ID
    set -- --in-place --no-divider --if-exists addIfDifferent --if-missing add
    if is_id "$run"; then set -- "$@" --trailer "Runr-Run-Id: $run"; run=yes; else run=no; fi
    if is_id "$session"; then set -- "$@" --trailer "Runr-Session: $session"; run=yes; fi
    [ $run = yes ] || return 0
    # A merge's message ends without a line end, and git would put no blank line behind it.
    [ -z "$(tail -c 1 "$message")" ] || echo >>"$message"
    git -c trailer.separators=: interpret-trailers "$@" "$message"
}

if is_ours && ! is_replayed; then
    case $name,$2 in
    prepare-commit-msg,message | prepare-commit-msg,commit) stamp ;;
    prepare-commit-msg,merge | prepare-commit-msg,squash) stamp ;;
    commit-msg,*) if is_written; then stamp; fi ;;
    esac
    if [ "$name" = commit-msg ] && grep -q enforce "$records/config.toml" 2>/dev/null; then
        [ -e "$(git rev-parse --git-dir)/MERGE_HEAD" ] || ask enforce "$message"
        [ $? -ne 9 ] || exit 1
    fi
fi
exit 0
