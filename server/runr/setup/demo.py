"""A repository to try runr on: a false "done", a manual and a hybrid task, and an overreach."""

import tempfile
from pathlib import Path

from runr.errors import UsageError
from runr.git.repo import Repo
from runr.project import Project
from runr.storage import files, state_dir
from runr.storage.layout import Layout

_CONFIG = """\
[run]
worker = "script"   # runs the task's own `sh run` blocks: no account, no network
attempts = 2

[verify]
tier1 = ["sh check.sh"]
"""

_CHECK = """\
# The project's test: every greeting ends with an exclamation mark.
for file in greetings/*.txt; do
  [ -e "$file" ] || continue
  grep -q '!$' "$file" || { echo "$file does not end with an exclamation mark"; exit 1; }
done
"""

_TASKS = {
    "00-setup.md": """\
---
priority: 10
verify: ["test -d greetings"]
---
# Make a place for the greetings

```sh run
mkdir -p greetings
echo 'Hello, world!' > greetings/english.txt
```
""",
    "01-french.md": """\
---
depends_on: [00-setup]
owns: [greetings/]
verify: ["grep -rq Bonjour greetings"]
---
# Greet in French

The first attempt writes into a folder that git ignores. Its check passes where it works, but the
file is in no commit. The second attempt gets that as feedback.

```sh run
if [ "$RUNR_ATTEMPT" = 1 ]; then
  mkdir greetings/lib
  echo 'Bonjour !' > greetings/lib/french.txt
else
  mv greetings/lib/french.txt greetings/
fi
```
""",
    "02-german.md": """\
---
type: hybrid
depends_on: [00-setup]
owns: [greetings/]
---
# Greet in German, and have a speaker of it review the result

```sh run
echo 'Guten Tag!' > greetings/german.txt
```
""",
    "03-tell-the-team.md": """\
---
type: manual
depends_on: [01-french]
---
# Tell the team that there are greetings now

1. Write to the team.
2. Complete this task and say where you wrote it.
""",
    "04-tidy.md": """\
---
depends_on: [00-setup]
owns: [greetings/]
---
# Sort the greetings (and overreach)

This one changes a file that it does not own, so it is stopped.

```sh run
sort -o greetings/english.txt greetings/english.txt
echo '# no more checks' > check.sh
```
""",
}


def make(folder: Path | None = None) -> Project:
    """Make the repository in `folder`, or in a new temporary one, and return it."""
    root = (folder or Path(tempfile.mkdtemp(prefix="runr-demo-"))).resolve()
    if root.exists() and any(root.iterdir()):
        raise UsageError(f"{root} is not empty: the demo needs an empty folder")
    root.mkdir(parents=True, exist_ok=True)
    repo, layout = Repo(root), Layout(root)
    repo.run("init", "-q", "-b", "main")
    repo.run("config", "user.name", "Demo")
    repo.run("config", "user.email", "demo@example.invalid")
    repo.run("config", "commit.gpgSign", "false")  # no passphrase can be entered here
    files.replace(root / "check.sh", _CHECK.encode())
    files.replace(root / ".gitignore", b"lib/\n")  # as many templates have it
    files.replace(layout.config, _CONFIG.encode())
    for name, text in _TASKS.items():
        files.replace(layout.tasks / name, text.encode())
    state_dir.ensure_state_dir(layout)
    repo.run("add", "-A")
    repo.run("commit", "-q", "-m", "Start with a list of tasks")
    return Project.open(root, {})
