"""Before a tool is used: edits stay within the task's scope, commits name their run."""

import os
from pathlib import Path

from runr.app.hooks.scene import Reply, Scene
from runr.core import gitcommand, hookcall, lockfiles, scope
from runr.store import callers
from runr.store.callers import Caller
from runr.store.openrun import OpenRun

EDITS = ("Edit", "Write", "MultiEdit", "NotebookEdit")


def answer(scene: Scene) -> Reply:
    """Deny an edit out of scope, stamp a commit, and note which session calls a tool of ours."""
    if scene.call.tool not in (*EDITS, "Bash"):
        caller = Caller(scene.call.session_id, scene.call.cwd)
        callers.note(scene.layout, scene.call.tool_use_id, caller)
        return Reply()
    run = scene.run()
    if run is None:
        return Reply()
    return Reply(_edit(scene, run) if scene.call.tool in EDITS else _commit(scene, run))


def _edit(scene: Scene, run: OpenRun) -> str | None:
    path = inside(scene, run)
    refused = _refused(run, path) if path else None
    if path is None or refused is None or _is_ignored(run, path):
        return None  # what git ignores is not counted by what judges the run in the end either
    call = scene.call
    about = {"tool": call.tool, "path": path, **whose(scene), "id": call.tool_use_id}
    # Two installations of the hooks, a plugin and a project's, tell the same thing twice.
    scene.note(run, "session.denied", about, once="id")
    return hookcall.deny(
        f"runr: {refused} is outside the scope of {run.name} (run {run.id}). {_limits(run)}"
        f"If the task cannot be done within it, say so: the user can change `owns` in {run.task}, "
        f"then run `runr stop {run.id}` and `runr resume {run.id}`."
    )


def _refused(run: OpenRun, path: str) -> str | None:
    """Return the path, with the reason where it helps, if no work on the task may change it."""
    found = _violations(run, [path])
    if found and run.lockfiles == "follow" and lockfiles.is_lockfile(path):
        # Its manifest may be edited later than the lockfile: the guard sees both together.
        led = (name for name in _manifests(run, path) if not _violations(run, [name]))
        found = _violations(run, [path, *led])
    return found[0] if found else None


def _violations(run: OpenRun, paths: list[str]) -> list[str]:
    return scope.violations(
        paths, owns=run.owns, deny=run.deny, allow=run.allow, lockfiles=run.lockfiles
    )


def _limits(run: OpenRun) -> str:
    """Return what the task may change and what not, in sentences."""
    said = (
        (run.owns, f"It may change only: {', '.join(run.owns)}"),
        (run.owns and run.allow, f"Where that needs it, also: {', '.join(run.allow)}"),
        (run.owns and run.lockfiles == "allow", "Lockfiles may change"),
        (run.lockfiles == "deny", "It must not change any lockfile"),
        (run.deny, f"It must not change: {', '.join(run.deny)}"),
    )
    return "".join(f"{sentence}. " for holds, sentence in said if holds)


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


def whose(scene: Scene) -> dict[str, str]:
    """Return the subagent that uses the tool, as a timeline names it; nothing for the session."""
    return {"agent": scene.call.agent} if scene.call.agent else {}


def inside(scene: Scene, run: OpenRun) -> str | None:
    """Return the edited file as a path in the run's tree; None where it lies in no or another."""
    tree = os.path.realpath(run.workdir)
    file = os.path.realpath(Path(scene.call.cwd) / scene.call.path)
    if not file.startswith(f"{tree}/"):
        return None
    owner = next((above for above in Path(file).parents if (above / ".git").exists()), None)
    return os.path.relpath(file, tree) if owner == Path(tree) else None


def _manifests(run: OpenRun, path: str) -> list[str]:
    """Return the manifests that a lockfile could follow: those beside it, and those in the tree."""
    from runr.git.repo import Repo  # noqa: PLC0415 - a lockfile is seldom edited by hand

    names = lockfiles.manifests(path)
    folder = path.rpartition("/")[0]
    beside = [f"{folder}/{name}".lstrip("/") for name in names]
    listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--")
    known = Repo(Path(run.workdir)).fields(*listed, *(f":(glob)**/{name}" for name in names))
    return [*beside, *known]


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
