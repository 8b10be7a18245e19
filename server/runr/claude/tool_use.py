"""Before a tool is used: edits stay within the task's scope, commits name their run."""

import os
from pathlib import Path

from runr.claude import commit_trailers, protocol
from runr.claude.context import HookContext, HookResponse
from runr.runs.session_index import OpenRun
from runr.scope import rules
from runr.storage import state_dir
from runr.storage.state_dir import Caller

EDIT_TOOLS = ("Edit", "Write", "MultiEdit", "NotebookEdit")


def on_pre_tool_use(context: HookContext) -> HookResponse:
    """Deny an edit out of scope, stamp a commit, and note which session calls a tool of ours."""
    if context.call.tool not in (*EDIT_TOOLS, "Bash"):
        caller = Caller(context.call.session_id, context.call.cwd)
        state_dir.note_caller(context.layout, context.call.tool_use_id, caller)
        return HookResponse()
    run = context.run()
    if run is None:
        return HookResponse()
    return HookResponse(
        _edit(context, run) if context.call.tool in EDIT_TOOLS else _commit(context, run)
    )


def _edit(context: HookContext, run: OpenRun) -> str | None:
    path = relative_path(context, run)
    refused = _refused(run, path) if path else None
    if path is None or refused is None or _is_ignored(run, path):
        return None  # what git ignores is not counted by what judges the run in the end either
    call = context.call
    about = {"tool": call.tool, "path": path, **owning_run(context), "id": call.tool_use_id}
    # Two installations of the hooks, a plugin and a project's, tell the same thing twice.
    context.note(run, "session.denied", about, once="id")
    return protocol.deny(
        f"runr: {refused} is outside the scope of {run.name} (run {run.id}). {_limits(run)}"
        f"If the task cannot be done within it, say so: the user can change `owns` in {run.task}, "
        f"then run `runr stop {run.id}` and `runr resume {run.id}`."
    )


def _refused(run: OpenRun, path: str) -> str | None:
    """Return the path, with the reason where it helps, if no work on the task may change it."""
    found = _violations(run, [path])
    if found and run.lockfiles == "follow" and rules.is_lockfile(path):
        # Its manifest may be edited later than the lockfile: the guard sees both together.
        led = (name for name in _manifests(run, path) if not _violations(run, [name]))
        found = _violations(run, [path, *led])
    return found[0] if found else None


def _violations(run: OpenRun, paths: list[str]) -> list[str]:
    return rules.violations(
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


def _commit(context: HookContext, run: OpenRun) -> str | None:
    trailers = (f"Runr-Run-Id: {run.id}", f"Runr-Session: {context.call.session_id}")
    command = commit_trailers.with_trailers(context.call.command, trailers)
    if command is None or _git_stamps(context, Path(run.workdir)):
        return None
    message = (
        f"runr: run {run.id} of {run.name} is open. You need not commit: complete-task runs the "
        "checks and makes the checkpoint commit itself. This commit was given the run's trailers."
    )
    return protocol.replace_command(context.call, command, message)


def owning_run(context: HookContext) -> dict[str, str]:
    """Return the subagent that uses the tool, as a timeline names it; nothing for the session."""
    return {"agent": context.call.agent} if context.call.agent else {}


def relative_path(context: HookContext, run: OpenRun) -> str | None:
    """Return the edited file as a path in the run's tree; None where it lies in no or another."""
    tree = os.path.realpath(run.workdir)
    file = os.path.realpath(Path(context.call.cwd) / context.call.path)
    if not file.startswith(f"{tree}/"):
        return None
    owner = next((above for above in Path(file).parents if (above / ".git").exists()), None)
    return os.path.relpath(file, tree) if owner == Path(tree) else None


def _manifests(run: OpenRun, path: str) -> list[str]:
    """Return the manifests that a lockfile could follow: those beside it, and those in the tree."""
    from runr.git.repo import Repo  # noqa: PLC0415 - a lockfile is seldom edited by hand

    names = rules.manifests(path)
    folder = path.rpartition("/")[0]
    beside = [f"{folder}/{name}".lstrip("/") for name in names]
    listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--")
    known = Repo(Path(run.workdir)).fields(*listed, *(f":(glob)**/{name}" for name in names))
    return [*beside, *known]


def _is_ignored(run: OpenRun, path: str) -> bool:
    # Only what is about to be denied needs git.
    from runr.git.repo import Repo  # noqa: PLC0415 - see above

    return Repo(Path(run.workdir)).attempt("check-ignore", "-q", "--", path).ok


def _git_stamps(context: HookContext, tree: Path) -> bool:
    """Tell whether runr's own git hook is at work, so that the command can stay as it is."""
    folders = [
        value
        for name, value in context.environment.items()
        if name.startswith("GIT_CONFIG_VALUE_")
        and context.environment.get(name.replace("VALUE", "KEY"), "").lower() == "core.hookspath"
    ]
    folders = folders or [str(tree / ".git" / "hooks")]
    for folder in folders:
        try:
            if b"runr" in (tree / folder / "prepare-commit-msg").read_bytes():
                return True
        except OSError:
            continue
    return False


#: How much of a command is kept.
_LONGEST = 2000


def on_post_tool_use(context: HookContext) -> HookResponse:
    """Note what the session did, if it has a run open."""
    run = context.run()
    if run is None:
        return HookResponse()
    call = context.call
    kind = "session.edited" if call.tool in EDIT_TOOLS else "session.ran"
    about = (
        {"path": relative_path(context, run) or call.path}
        if call.tool in EDIT_TOOLS
        else {"command": call.command[:_LONGEST]}
    )
    # Two installations of the hooks, a plugin and a project's, tell the same thing twice.
    message = {"tool": call.tool, **about, **owning_run(context), "id": call.tool_use_id}
    context.note(run, kind, message, once="id")
    return HookResponse()
