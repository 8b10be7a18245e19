"""Make a repository ready for runr: folders, settings, an example; never overwriting."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

from runr import nofollow
from runr.errors import ConfigError
from runr.git.repo import Repo
from runr.maintenance import merge_driver
from runr.next_steps.setup import after_init
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query.models import CommandResult
from runr.setup.claude_plugin import find_installations
from runr.setup.ecosystems import MARKERS, find_dependencies
from runr.storage import files, state_dir
from runr.storage.layout import Layout

_EXAMPLE = """\
---
# Every key is optional; docs/tasks.md lists them all.
type: automated
# depends_on: [00-setup.md]
# owns: [src/]
# verify: ["pytest -q"]
---
# Example: say hello

Add a file `hello.txt` that greets the reader.

Replace this file by your own tasks, or delete it.
"""

_CONFIG = """\
# Settings of runr. Every key has a default; `runr doctor` checks this file.

[run]
worker = "claude-code"   # or "script", "command", or a name from [workers.*]
attempts = 3
timeout = "45m"

# What has to pass before a task counts as completed. Without any check a run
# stops and asks a person.
[verify]
tier0 = {tier0}
tier1 = {tier1}
"""

_CARRY = """
# The checks run in a clean checkout of the commit. These folders, which git ignores, are laid over
# it as they are here.
carry = {folders}
# Or have them installed there instead, once for each state of the lockfiles:
# setup = {setup}
"""

_SHARED = """
[status]
shared = true
"""


def init(project: Project, *, dry_run: bool = False, shared: bool = False) -> CommandResult:
    """Write what is missing and leave what is there; `dry_run` only says what it would write.

    With `shared`, the status file is put into git, with the driver that merges it.
    """
    if not dry_run:
        project.refuse_inside("a run does not change the settings")
    layout = project.layout
    tier0, tier1 = detect(layout.root)
    config = _CONFIG.format(tier0=_toml(tier0), tier1=_toml(tier1))
    config += _carry(project.repo) + (_SHARED if shared else "")
    wanted = {layout.ignore: state_dir.IGNORE, layout.config: config}
    if nofollow.exists(layout.old_config):
        del wanted[layout.config]  # the earlier tool's settings are read as they are
    if not _has_tasks(layout):
        wanted[layout.tasks / "00-example.md"] = _EXAMPLE
    written = []
    for path, text in wanted.items():
        if not nofollow.exists(path):
            written.append(path.relative_to(layout.root).as_posix())
            if not dry_run:
                files.replace(path, text.encode())
    if (ignore := state_dir.with_later_lines(layout)) is not None:
        written.append(layout.ignore.relative_to(layout.root).as_posix())
        if not dry_run:
            files.replace(layout.ignore, ignore.encode())
    sharing = (
        merge_driver.share_status(project, dry_run=dry_run) if shared else CommandResult(message="")
    )
    written += [path for path in sharing.changed if path not in written]
    unknown = not (tier0 or tier1) and _has_no_checks(project)
    notes = ["no test or lint command was recognised: set [verify]"] if unknown else []
    verb = "would write" if dry_run else "wrote"
    message = f"runr {verb} in {layout.root}:" if written else "Nothing to do: all is in place."
    return CommandResult(
        message=message,
        changed=written,
        notes=[*notes, *sharing.notes],
        next_steps=project.surface.lines(
            _next_steps(project, written, dry_run=dry_run, shared=shared)
        ),
    )


def _has_no_checks(project: Project) -> bool:
    """Tell whether the settings that are there, if any, name no check either."""
    try:
        verify = project.config().verify
    except ConfigError:
        return False  # every other command says what is wrong with them
    return not (verify.tier0 or verify.tier1 or verify.tier2)


def _next_steps(
    project: Project, written: Sequence[str], *, dry_run: bool, shared: bool
) -> tuple[NextStep, ...]:
    tops = sorted({path.split("/")[0] for path in written if not path.endswith(" of git")})
    typed = ("--shared",) if shared else ()
    return after_init(
        project.commit_facts(tops, "Set up runr"),
        dry_run=typed if dry_run else None,
        has_claude=bool(find_installations(project.layout.root, project.environment)),
    )


def detect(root: Path) -> tuple[list[str], list[str]]:
    """Return the lint and test commands that the repository's files suggest."""
    tier0: list[str] = []
    tier1: list[str] = []
    _python(root, tier0, tier1)
    _node(root, tier0, tier1)
    if (root / "Cargo.toml").exists():
        tier0.append("cargo check")
        tier1.append("cargo test")
    if (root / "go.mod").exists():
        tier0.append("go vet ./...")
        tier1.append("go test ./...")
    if not tier1 and (root / "Makefile").exists():
        makefile = (root / "Makefile").read_text(encoding="utf-8", errors="replace")
        if any(line.startswith("test:") for line in makefile.splitlines()):
            tier1.append("make test")
    return tier0, tier1


def _carry(repo: Repo) -> str:
    """Return the settings for the dependencies; nothing where no package manager is recognised."""
    places = [f":(glob)**/{marker}" for marker in MARKERS]
    flags = ("-z", "--cached", "--others", "--exclude-standard")
    needs = find_dependencies(repo.fields("ls-files", *flags, "--", *places))
    if not needs.folders:
        return ""
    return _CARRY.format(folders=_toml(needs.folders), setup=_toml(needs.setup))


def _python(root: Path, tier0: list[str], tier1: list[str]) -> None:
    try:
        text = (root / "pyproject.toml").read_text(encoding="utf-8")
        tools = tomllib.loads(text).get("tool", {})
    except (OSError, ValueError):
        text, tools = "", {}
    if "ruff" in tools:
        tier0.append("ruff check .")
    if "pytest" in text or (root / "pytest.ini").exists() or (root / "conftest.py").exists():
        tier1.append("pytest -q")


def _node(root: Path, tier0: list[str], tier1: list[str]) -> None:
    try:
        scripts = json.loads((root / "package.json").read_bytes()).get("scripts", {})
    except (OSError, ValueError, AttributeError):
        return
    tool = "pnpm" if (root / "pnpm-lock.yaml").exists() else "npm"
    tier0.extend(f"{tool} run {name}" for name in ("lint", "typecheck") if name in scripts)
    if "test" in scripts and "no test specified" not in scripts["test"]:
        tier1.append(f"{tool} test")


def _has_tasks(layout: Layout) -> bool:
    return layout.tasks.is_dir() and any(layout.tasks.rglob("*.md"))


def _toml(commands: Sequence[str]) -> str:
    return json.dumps(commands, ensure_ascii=False)
