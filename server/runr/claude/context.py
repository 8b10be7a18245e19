"""What every hook is given: the repository, the event, and the outside world."""

import importlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runr.claude.protocol import HookCall
from runr.clock import utc_now
from runr.runs import journal, session_index
from runr.runs.session_index import OpenRun
from runr.storage.layout import Layout

if TYPE_CHECKING:
    from runr.project import Project


class HookResponse(NamedTuple):
    """What Claude Code is told, and what there is to do when it waits no longer."""

    said: str | None = None
    then: Callable[[], object] | None = None


class HookContext(NamedTuple):
    """One event in one repository."""

    layout: Layout
    call: HookCall
    environment: Mapping[str, str]
    clock: Callable[[], datetime]

    def run(self) -> OpenRun | None:
        """Return the run that the session has open."""
        return session_index.of_session(self.layout, self.call.session_id)

    def note(
        self, run: OpenRun, kind: str, payload: dict[str, Any], *, once: str | None = None
    ) -> bool:
        """Write into the run's timeline what the session did, without secrets."""
        # Most events end before there is anything to write.
        from runr.redaction import Redactor  # noqa: PLC0415 - see above

        redact = Redactor(self.environment)
        return journal.append_light(
            run.files, kind, payload, now=self.clock(), redact=redact, once=once
        )

    def stop(self, run: OpenRun, code: str, detail: str) -> bool:
        """Write the end of the run into its timeline; False where it has ended already."""
        from runr.redaction import Redactor  # noqa: PLC0415 - see `note`

        redact = Redactor(self.environment)
        return journal.stop_light(run.files, code, detail, now=self.clock(), redact=redact)

    def project(self, tree: str | None = None) -> "Project":
        """Return the repository as the use cases see it from a tree of it; that takes its time."""
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
    """Return what Claude Code is to be told, and what is left to do behind that.

    Raises what a damaged input or record makes of it: the caller lets that pass.
    """
    module, function = HANDLERS[event]
    handler = getattr(importlib.import_module(f"runr.claude.{module}"), function)
    call = HookCall.parse(data)
    reply: HookResponse = handler(HookContext(Layout(Path(root)), call, environment, utc_now))
    return reply
