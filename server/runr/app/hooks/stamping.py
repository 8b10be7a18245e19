"""A session's commits say whose they are: its shell gives git our hook, by the environment."""

import shlex
import sys
from pathlib import Path

from runr.app.hooks.scene import Scene
from runr.git import injection
from runr.store.layout import Layout


def inject(scene: Scene) -> None:
    """Write the variables where Claude Code takes them from for every command of the session.

    Nothing where the git hooks are installed, nobody wants that, or the repository is a linked
    worktree with a record of its own.
    """
    file = scene.environment.get("CLAUDE_ENV_FILE")
    common = scene.layout.root / ".git"
    if not file or not common.is_dir() or (common / "runr" / "receipt.json").exists():
        return
    if not _is_wanted(scene.layout):
        return
    hooks = injection.folder(common)
    if not injection.is_filled(hooks, sys.executable):
        _fill(scene.layout.root)
    wanted = injection.variables(hooks, scene.environment)
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in wanted.items())
    with Path(file).open("a", encoding="utf-8", errors="surrogateescape") as exports:
        exports.write(lines)


def _is_wanted(layout: Layout) -> bool:
    """Tell whether the settings allow it, without the model of them."""
    try:
        text = layout.config.read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    if "inject" not in text:
        return True
    import tomllib  # noqa: PLC0415 - few settings say anything about it

    match tomllib.loads(text):
        case {"provenance": {"inject": False}}:
            return False
    return True


def _fill(root: Path) -> None:
    # Once in a repository, and after every new version.
    from runr.git.hookplace import HookPlace  # noqa: PLC0415 - see above
    from runr.git.repo import Repo  # noqa: PLC0415 - see above

    HookPlace(Repo(root)).fill(sys.executable)
