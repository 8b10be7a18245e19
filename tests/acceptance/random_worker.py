"""What a worker may do to a small repository and to git, and what a check may ask: drawn at random.

The script of a worker is a list of steps; one that fails is passed over. A check depends on the
files of its folder only, so that it says the same in a clone.
"""

from hypothesis import strategies as st

FILES = (
    *("src/a", "src/b", "lib/a", "check.sh", "more/a", "src/with space", "src/deep/er/a"),
    *(".gitignore", "more/.gitignore", ".gitattributes", "src/.gitattributes"),
)
FOLDERS = ("src", "lib", "more", "src/deep", "empty")
TEXTS = (
    *("good", "bad", "exit 0", "grep -q good lib/a", "", "*", "lib/", "!a", "src/b"),
    *("* text eol=crlf", "* ident", "* filter=old", "* -text", "*a export-ignore", "$Id$"),
)
_COMMON = "$(git rev-parse --git-common-dir)"
#: The working tree of the user, which may be that of the run.
_USER = f"$(dirname {_COMMON})"

#: Where the parts of a step are drawn from.
_PARTS = {"f": FILES, "g": FILES, "d": FOLDERS, "e": FOLDERS, "t": TEXTS}

_TREE = (
    "mkdir -p $(dirname '{f}'); echo '{t}' > '{f}'",
    "mkdir -p $(dirname '{f}'); printf '{t}' >> '{f}'",
    "mkdir -p $(dirname '{g}'); mv '{f}' '{g}'",
    "mkdir -p $(dirname '{g}'); cp -p '{f}' '{g}'",
    "mkdir -p $(dirname '{g}'); ln -f '{f}' '{g}'",
    "mkdir -p $(dirname '{g}'); ln -sfn $PWD/'{f}' '{g}'",
    "mkdir -p $(dirname '{f}'); ln -sfn a '{f}'",
    "ln -sfn {d} {e}",
    "rm -f '{f}'",
    "rm -rf {d}; echo '{t}' > {d}",
    "rm -rf '{f}'; mkdir -p '{f}'",
    "rm -rf {d}",
    "mv {d} {e}",
    "mkdir -p {d}",
    "chmod +x '{f}'",
    "chmod -x '{f}'",
    "chmod 000 '{f}'",
    "mkdir -p {d}; mkfifo {d}/pipe",
    "touch -d '2001-01-01' '{f}'",
    "cp -p '{f}' old; echo '{t}' > '{f}'; touch -r old '{f}'; rm old",
    "git init -q {d}",
    "git init -q {d}; git -C {d} add -A; git -C {d} commit -q -m inner",
)
_INDEX = (
    "git add -A",
    "git add -f '{f}'",
    "git add -N '{f}'",
    "git rm -q --cached -f '{f}'",
    "git mv '{f}' '{g}'",
    "git update-index --skip-worktree '{f}'",
    "git update-index --assume-unchanged '{f}'",
    "git update-index --chmod=+x '{f}'",
    "git update-index --cacheinfo 100644,$(echo '{t}' | git hash-object -w --stdin),'{f}'",
    "git read-tree --empty",
    "rm -f $(git rev-parse --git-path index)",
    "git update-index --split-index; git update-index --untracked-cache",
    "git sparse-checkout set src",
)
_HISTORY = (
    "git commit -q -a -m mine",
    "git add -A; git commit -q -m mine",
    "git commit -q --amend -a -m other",
    "git add -A; git commit -q -m mine; git reset -q --hard HEAD^",
    "git stash -q -u",
    "git checkout -q --detach",
    "git checkout -q --orphan other",
    "git switch -q -c other",
    "git branch -f other HEAD",
    "git reset -q --soft $(git commit-tree -m new HEAD^{tree})",
    "git update-ref refs/heads/main HEAD",
    "git update-ref refs/heads/main $(git commit-tree -m x -p HEAD $(git write-tree))",
    "git symbolic-ref HEAD refs/heads/main",
    "git replace -f HEAD^{tree} $(git write-tree)",
    "git replace -f HEAD $(git commit-tree -m x $(git write-tree))",
    f"git rev-parse HEAD > {_COMMON}/shallow",
    "git pack-refs --all; git gc -q --prune=now",
    "git tag -f main; git tag -f HEAD",
)
_SETTINGS = (
    f"echo '{{t}}' >> {_COMMON}/info/exclude",
    f"echo '{{t}}' >> {_COMMON}/info/attributes",
    "git config filter.old.clean 'echo good'",
    "git config filter.old.smudge 'echo good'",
    "git config core.trustctime false",
    "git config core.checkStat minimal",
    "git config core.fileMode false",
    "git config core.symlinks false",
    "git config core.autocrlf true",
    "git config core.ignoreCase true",
    "git config core.sparseCheckout true",
    "git config core.excludesFile $PWD/.gitignore",
    "git config core.attributesFile $PWD/.gitattributes",
    "git config core.hooksPath $PWD/lib",
    "git config core.fsmonitor true",
    "git config core.worktree $PWD/src",
    "git config core.bare true",
    "git config extensions.worktreeConfig true; git config --worktree core.autocrlf input",
    "git config merge.ours.driver true",
    "git config commit.gpgSign true",
    "git config i18n.commitEncoding UTF-16",
)
_ELSEWHERE = (
    f"echo '{{t}}' > {_USER}/'{{f}}'",
    f"rm -f {_USER}/'{{f}}'",
    f"git -C {_USER} add -A",
    f"git -C {_USER} commit -q -a -m theirs",
    f"git -C {_USER} update-index --assume-unchanged '{{f}}'",
    f"printf '[verify]\\ntier0 = [\"true\"]\\n' > {_USER}/.runr/config.toml",
    f"echo '{{t}}' > {_USER}/.runr/tasks/t0.md",
    "echo '{t}' > .runr/tasks/t0.md",
    "echo '{t}' > .runr/tasks/t1.md",
    "test -f .git && rm .git",
    "test -f .git && rm .git && git init -q && git add -A && git commit -q -m mine",
)

_ASKED = (
    "grep -q good '{f}'",
    "grep -q 'good$' '{f}'",
    "cat '{f}'",
    "test -e '{f}'",
    "test -s '{f}'",
    "test -x '{f}'",
    "test -L '{f}'",
    "test -f '{f}' && test ! -L '{f}'",
    "test -d {d}",
    "ls -A {d} | grep -q .",
    "cmp -s '{f}' '{g}'",
    'test "$(wc -c < src/a)" -eq 5',
    "sh check.sh",
    "! grep -rq bad src",
    "test ! -e '{f}'",
    "test ! -d {d}",
)
#: A check may write before it asks, in files that the next check sees as they were.
_FIRST = ("", "", "echo good > '{f}'; ", "rm -f '{f}'; ", "touch lib more/a; ", "mkdir -p {d}; ")


@st.composite
def _filled(draw: st.DrawFn, patterns: tuple[str, ...]) -> str:
    pattern = draw(st.sampled_from(patterns))
    parts = {
        name: draw(st.sampled_from(of)) for name, of in _PARTS.items() if f"{{{name}}}" in pattern
    }
    for name, value in parts.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return pattern


_step = st.one_of(
    *(_filled(kind) for kind in (_TREE, _TREE, _TREE, _INDEX, _HISTORY, _SETTINGS, _ELSEWHERE))
)
#: What a worker does, one command after the other.
steps = st.lists(_step, max_size=8)

_questions = st.lists(_filled(_ASKED), min_size=1, max_size=2).map(" || ".join)
#: One check: a command for a shell.
check = st.builds("{}{}".format, _filled(_FIRST), _questions)
