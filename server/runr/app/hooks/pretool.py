"""Before a tool is used: edits stay within the task's scope, commits name their run."""

import os
from pathlib import Path

from runr.app.hooks.scene import Scene
from runr.core import gitcommand, hookcall, scope
from runr.store.openrun import OpenRun

EDITS = ("Edit", "Write", "MultiEdit", "NotebookEdit")


def answer(scene: Scene) -> str | None:
    """Deny an edit out of scope, stamp a commit; say nothing about everything else."""
    if scene.call.tool not in (*EDITS, "Bash"):
        from runr.app.hooks import takeup  # noqa: PLC0415 - it needs the use cases

        takeup.answer(scene)
        return None
    run = scene.run()
    if run is None:
        return None
    return _edit(scene, run) if scene.call.tool in EDITS else _commit(scene, run)


def _edit(scene: Scene, run: OpenRun) -> str | None:
    path = inside(scene, run)
    if path is None or not scope.violations([path], owns=run.owns, deny=run.deny):
        return None
    if _is_ignored(run, path):
        return None  # neither does what judges the run in the end count it
    call = scene.call
    scene.note(run, "session.denied", {"tool": call.tool, "path": path, "id": call.tool_use_id})
    only = f" It may change only: {', '.join(run.owns)}." if run.owns else ""
    never = f" It must not change: {', '.join(run.deny)}." if run.deny else ""
    return hookcall.deny(
        f"runr: {path} is outside the scope of {run.name} (run {run.id}).{only}{never} "
        f"If the task cannot be done within it, say so: the user can change `owns` in {run.task}, "
        f"then run `runr stop {run.id}` and `runr resume {run.id}`."
    )


def _commit(scene: Scene, run: OpenRun) -> str | None:
    trailers = (f"Runr-Run-Id: {run.id}", f"Runr-Session: {scene.call.session_id}")
    command = gitcommand.stamped(scene.call.command, trailers)
    if command is None or _git_stamps(scene, Path(run.workdir)):
        return None
    told = (
        f"runr: run {run.id} of {run.name} is open. You need not commit: complete-task runs the "
        "checks and makes the checkpoint commit itself. This commit was given the run's trailers."
    )
    return hookcall.replace_command(scene.call, command, told)


def inside(scene: Scene, run: OpenRun) -> str | None:
    """Return the edited file as a path in the run's tree; None where it lies in no or another."""
    tree = os.path.realpath(run.workdir)
    file = os.path.realpath(Path(scene.call.cwd) / scene.call.path)
    if not file.startswith(f"{tree}/"):
        return None
    owner = next((above for above in Path(file).parents if (above / ".git").exists()), None)
    return os.path.relpath(file, tree) if owner == Path(tree) else None


def _is_ignored(run: OpenRun, path: str) -> bool:
    # Only what is about to be denied needs git.
    from runr.git.repo import Repo  # noqa: PLC0415 - see above

    return Repo(Path(run.workdir)).attempt("check-ignore", "-q", "--", path).ok


def _git_stamps(scene: Scene, tree: Path) -> bool:
    """Tell whether runr's own git hook is at work, so that the command can stay as it is."""
    folders = [
        value
        for name, value in scene.environment.items()
        if name.startswith("GIT_CONFIG_VALUE_")
        and scene.environment.get(name.replace("VALUE", "KEY"), "").lower() == "core.hookspath"
    ]
    folders = folders or [str(tree / ".git" / "hooks")]
    for folder in folders:
        try:
            if b"runr" in (tree / folder / "prepare-commit-msg").read_bytes():
                return True
        except OSError:
            continue
    return False
