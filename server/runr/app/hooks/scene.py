"""What every hook is given: the repository, the event, and the outside world."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runr.core.hookcall import HookCall
from runr.store import note, openrun
from runr.store.layout import Layout
from runr.store.openrun import OpenRun

if TYPE_CHECKING:
    from runr.app.project import Project


class Reply(NamedTuple):
    """What Claude Code is told, and what there is to do when it waits no longer."""

    said: str | None = None
    then: Callable[[], object] | None = None


class Scene(NamedTuple):
    """One event in one repository."""

    layout: Layout
    call: HookCall
    environment: Mapping[str, str]
    clock: Callable[[], datetime]

    def run(self) -> OpenRun | None:
        """Return the run that the session has open."""
        return openrun.of_session(self.layout, self.call.session_id)

    def note(
        self, run: OpenRun, kind: str, payload: dict[str, Any], *, once: str | None = None
    ) -> bool:
        """Write into the run's timeline what the session did, without secrets."""
        # Most events end before there is anything to write.
        from runr.core.redact import Redactor  # noqa: PLC0415 - see above

        redact = Redactor(self.environment)
        return note.append(run.files, kind, payload, now=self.clock(), redact=redact, once=once)

    def stop(self, run: OpenRun, code: str, detail: str) -> bool:
        """Write the end of the run into its timeline; False where it has ended already."""
        from runr.core.redact import Redactor  # noqa: PLC0415 - see `note`

        redact = Redactor(self.environment)
        return note.stop(run.files, code, detail, now=self.clock(), redact=redact)

    def project(self, tree: str | None = None) -> "Project":
        """Return the repository as the use cases see it from a tree of it; that takes its time."""
        from runr.app.project import Project  # noqa: PLC0415 - see above

        return Project.open(Path(tree or self.layout.root), self.environment)
