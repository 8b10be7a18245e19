"""What a hook works with: the repository, the call, the environment; and the table of handlers."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runr.claude.protocol import HookCall
from runr.clock import Clock, utc_now
from runr.runs import session_index
from runr.runs.journal import Condition, Journal
from runr.runs.model import RunState
from runr.storage.layout import Layout

if TYPE_CHECKING:
    from runr.project import Project
    from runr.runs.events import EventData

#: How long a hook waits for other writers of a journal.
_TIMEOUT_S = 1.0


class HookResponse(NamedTuple):
    """What is printed for Claude Code, and what is done after it has stopped waiting."""

    output: str | None = None
    deferred: Callable[[], object] | None = None


class HookContext(NamedTuple):
    """One call of a hook in one repository."""

    layout: Layout
    call: HookCall
    environment: Mapping[str, str]
    clock: Clock

    def run(self) -> RunState | None:
        """Return the run that the session has open."""
        return session_index.of_session(self.layout, self.call.session_id)

    def record(
        self, run: RunState, data: "EventData", *, condition: Condition = lambda _: True
    ) -> RunState | None:
        """Record what the session did, without secrets; None where `condition` does not hold.

        It is left out, too, where other writers of the journal take longer than a second.
        """
        # Most calls end before there is anything to write.
        from runr.redaction import Redactor  # noqa: PLC0415 - see above

        files = self.layout.run(run.id)
        journal = Journal(files, self.clock, Redactor(self.environment))
        return journal.append_if(condition, data, source="session", timeout_s=_TIMEOUT_S)

    def project(self, tree: str | None = None) -> "Project":
        """Open the repository from one of its working trees; that loads the models."""
        from runr.project import Project  # noqa: PLC0415 - see above

        return Project.open(Path(tree or self.layout.root), self.environment)


HANDLERS = {
    "SessionStart": ("session_events", "on_session_start"),
    "PreToolUse": ("tool_use", "on_pre_tool_use"),
    "PostToolUse": ("tool_use", "on_post_tool_use"),
    "Stop": ("session_events", "on_stop"),
    "SessionEnd": ("session_events", "on_session_end"),
}


def dispatch(root: str, event: str, data: bytes, environment: Mapping[str, str]) -> HookResponse:
    """Return the response to an event.

    Errors of damaged input or records are raised: the caller logs them.
    """
    module, function = HANDLERS[event]
    handler = getattr(importlib.import_module(f"runr.claude.{module}"), function)
    call = HookCall.parse(data)
    response: HookResponse = handler(HookContext(Layout(Path(root)), call, environment, utc_now))
    return response
