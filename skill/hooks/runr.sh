#!/bin/sh
# Hands an event of the session to `runr hook`. Outside a repository with a .runr folder, and
# where runr is not installed, it ends at once and says nothing. The .git of a linked worktree is a
# file, and its .runr may be in the main working tree. Where the project has hooks of its own, those
# answer: an event has one answer.
answered() {
  grep -qs "runr hook $1" "$CLAUDE_PROJECT_DIR/.claude/settings.json" \
    "$CLAUDE_PROJECT_DIR/.claude/settings.local.json"
}
for start in "$PWD" "$CLAUDE_PROJECT_DIR"; do
  folder=$start
  while [ -n "$folder" ]; do
    if [ -d "$folder/.runr" ] || [ -f "$folder/.git" ]; then
      answered "$1" && exit 0
      command -v runr >/dev/null 2>&1 && exec runr hook "$1"
      exit 0
    fi
    folder=${folder%/*}
  done
done
exit 0
