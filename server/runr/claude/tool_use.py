"""The hooks before and after the use of a tool: scope of edits, trailers of commits, a record."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runr.claude import commit_trailers, protocol
from runr.claude.context import HookContext, HookResponse
from runr.next_steps import commands
from runr.runs import journal
from runr.runs.model import RunState
from runr.scope import rules

if TYPE_CHECKING:
    from runr.runs.session_events import ToolCommand, ToolDenied, ToolEdit

EDIT_TOOLS = ("Edit", "Write", "MultiEdit", "NotebookEdit")


def on_pre_tool_use(context: HookContext) -> HookResponse:
    """Deny an edit out of scope, add trailers to a commit, record which session calls runr."""
    if context.call.tool not in (*EDIT_TOOLS, "Bash"):
        # Only a tool of the MCP server needs it.
        from runr.storage import state_dir  # noqa: PLC0415 - see above

        caller = state_dir.Caller(context.call.session_id, context.call.cwd)
        state_dir.note_caller(context.layout, context.call.tool_use_id, caller)
        return HookResponse()
    run = context.run()
    if run is None:
        return HookResponse()
    return HookResponse(
        _edit(context, run) if context.call.tool in EDIT_TOOLS else _commit(context, run)
    )


def _edit(context: HookContext, run: RunState) -> str | None:
    path = relative_path(context, run)
    refused = _refused(run, path) if path else None
    if path is None or refused is None or _is_ignored(run, path):
        return None  # the scope check of the run does not count ignored files either
    # Most edits are within the scope.
    from runr.runs.session_events import ToolDenied  # noqa: PLC0415 - see above

    call = context.call
    _record_once(context, run, ToolDenied(call.tool, path, call.tool_use_id, _agent(context)))
    return protocol.deny(
        f"runr: {refused} is outside the scope of {run.task_name} (run {run.id}). {_limits(run)}"
        "If the task cannot be done within it, say so: the user can change `owns` in "
        f"{run.start.task}, then run `{commands.stop(run.id)}` and `{commands.resume(run.id)}`."
    )


def _refused(run: RunState, path: str) -> str | None:
    """Return the path, with a reason where it helps, if the task may not change it."""
    found = _violations(run, [path])
    if found and run.spec.lockfiles == "follow" and rules.is_lockfile(path):
        # Its manifest may be edited after the lockfile: the scope check sees both together.
        allowed = (name for name in _manifests(run, path) if not _violations(run, [name]))
        found = _violations(run, [path, *allowed])
    return found[0] if found else None


def _violations(run: RunState, paths: list[str]) -> list[str]:
    spec = run.spec
    return rules.violations(
        paths, owns=spec.owns, deny=spec.deny, allow=spec.allow, lockfiles=spec.lockfiles
    )


def _limits(run: RunState) -> str:
    """Return what the task may change and what not, in sentences."""
    limits = (
        (run.spec.owns, f"It may change only: {', '.join(run.spec.owns)}"),
        (run.spec.owns and run.spec.allow, f"Where necessary, also: {', '.join(run.spec.allow)}"),
        (run.spec.owns and run.spec.lockfiles == "allow", "Lockfiles may change"),
        (run.spec.lockfiles == "deny", "It must not change any lockfile"),
        (run.spec.deny, f"It must not change: {', '.join(run.spec.deny)}"),
    )
    return "".join(f"{sentence}. " for holds, sentence in limits if holds)


def _commit(context: HookContext, run: RunState) -> str | None:
    trailers = (f"Runr-Run-Id: {run.id}", f"Runr-Session: {context.call.session_id}")
    command = commit_trailers.with_trailers(context.call.command, trailers)
    if command is None or _git_adds_trailers(context, Path(run.start.workdir)):
        return None
    message = (
        f"runr: run {run.id} of {run.task_name} is open. You need not commit: complete-task runs "
        "the checks and makes the checkpoint commit itself. The run's trailers were added to this "
        "commit."
    )
    return protocol.replace_command(context.call, command, message)


def _agent(context: HookContext) -> str | None:
    """Return the subagent that uses the tool; None for the session itself."""
    return context.call.agent or None


def _record_once(
    context: HookContext, run: RunState, data: "ToolCommand | ToolDenied | ToolEdit"
) -> None:
    """Record the use of a tool once: a plugin's hooks and a project's report it both."""
    files = context.layout.run(run.id)
    context.record(run, data, condition=lambda _: not journal.has_tool_event(files, data.id))


def relative_path(context: HookContext, run: RunState) -> str | None:
    """Return the edited file as a path in the run's tree; None where it is in none or another."""
    tree = os.path.realpath(run.start.workdir)
    file = os.path.realpath(Path(context.call.cwd) / context.call.path)
    if not file.startswith(f"{tree}/"):
        return None
    owner = next((above for above in Path(file).parents if (above / ".git").exists()), None)
    return os.path.relpath(file, tree) if owner == Path(tree) else None


def _manifests(run: RunState, path: str) -> list[str]:
    """Return the manifests that a lockfile can belong to: those beside it, and those below."""
    from runr.git.repo import Repo  # noqa: PLC0415 - a lockfile is rarely edited directly

    names = rules.manifests(path)
    folder = path.rpartition("/")[0]
    beside = [f"{folder}/{name}".lstrip("/") for name in names]
    listed = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--")
    known = Repo(Path(run.start.workdir)).fields(*listed, *(f":(glob)**/{name}" for name in names))
    return [*beside, *known]


def _is_ignored(run: RunState, path: str) -> bool:
    # Only what is about to be denied needs git.
    from runr.git.repo import Repo  # noqa: PLC0415 - see above

    return Repo(Path(run.start.workdir)).attempt("check-ignore", "-q", "--", path).ok


def _git_adds_trailers(context: HookContext, tree: Path) -> bool:
    """Tell whether runr's git hook adds the trailers, so that the command can stay unchanged."""
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


#: How many characters of a command are recorded.
_COMMAND_LENGTH = 2000


def on_post_tool_use(context: HookContext) -> HookResponse:
    """Record what the session did, if it has a run open."""
    run = context.run()
    if run is None:
        return HookResponse()
    from runr.runs.session_events import ToolCommand, ToolEdit  # noqa: PLC0415 - only with an open run

    call, agent = context.call, _agent(context)
    if call.tool in EDIT_TOOLS:
        path = relative_path(context, run) or call.path
        _record_once(context, run, ToolEdit(call.tool, path, call.tool_use_id, agent))
    else:
        command = call.command[:_COMMAND_LENGTH]
        _record_once(context, run, ToolCommand(call.tool, command, call.tool_use_id, agent))
    return HookResponse()
