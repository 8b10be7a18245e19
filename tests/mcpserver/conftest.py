"""Fixtures of the MCP tests: a repository with a task of each type."""

import subprocess
from pathlib import Path

import pytest

from fakes import templates

TASKS = {
    "00-setup.md": """\
---
worker: script
verify: ["test -f setup.txt"]
---
# Set it up

```sh run
echo made > setup.txt
```
""",
    "01-api.md": """\
---
depends_on: [00-setup.md]
verify: ["test -f api.txt"]
---
# Build the API

Write api.txt.
""",
    "02-manual.md": """\
---
type: manual
---
# Ask the users
""",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository whose tasks are committed."""
    root = tmp_path / "repository"
    templates.fill(root, "tasks", _build)
    return root


def _build(root: Path) -> None:
    for name, text in TASKS.items():
        file = root / ".runr/tasks" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "Start"]):
        subprocess.run(["git", *command], cwd=root, check=True)
