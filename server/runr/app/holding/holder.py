"""Who holds a session's open run: since when, where, and whether that session is still there."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from runr.app.answers import RunView
from runr.app.project import Project
from runr.app.tasks import view
from runr.core.duration import spoken
from runr.core.runstate import RunState
from runr.store import runlog
from runr.store.layout import RunFiles
from runr.workers import session

SESSION = "CLAUDE_CODE_SESSION_ID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The session that works on a run, or a person at a terminal where `session_id` is None.

    It is `ended` where Claude Code wrote so into the session's transcript, and
    `idle` where nothing was heard of it for longer than `run.session_idle`.
    """

    run_id: str
    session_id: str | None
    since: str
    active_at: str
    silent_s: float
    place: str
    state: Literal["active", "ended", "idle"]

    @classmethod
    def of(cls, project: Project, state: RunState) -> "Holder":
        """Look at an open session run, and at its session's transcript where it is here."""
        path = session.transcript(state.holder, project.environment)
        heard = max(_time(state.updated_at), _touched(path) if path else _time(state.updated_at))
        silent = max(0.0, (project.clock() - heard).total_seconds())
        idle = silent > project.config().run.session_idle
        over = path is not None and session.has_ended(path)
        start = state.start
        return cls(
            run_id=state.id,
            session_id=state.holder,
            since=f"{state.created_at[:19]}Z",
            active_at=runlog.stamp(heard),
            silent_s=silent,
            place=f"{start.workdir} on {start.target or 'a detached HEAD'}",
            state="ended" if over else "idle" if idle else "active",
        )

    @property
    def is_gone(self) -> bool:
        """Tell whether somebody else may go on with the run."""
        return self.state != "active"

    @property
    def why(self) -> str:
        """Say how it is with the holder."""
        match self.state:
            case "ended":
                return "that session has ended"
            case "idle":
                return f"nothing was heard of it for {spoken(self.silent_s)}"
            case "active":
                return f"last active {self.active_at}"

    @property
    def told(self) -> str:
        """Say who it is, where, and since when."""
        who = f"session {self.session_id}" if self.session_id else "somebody at a terminal"
        return f"{who} in {self.place}, since {self.since}; {self.why}"


def show(project: Project, state: RunState, files: RunFiles, *, tail: int = 0) -> RunView:
    """Return where a run stands, with who holds it while a session has it open."""
    shown = view.run(state, files, tail=tail, now=project.now())
    if not state.by_session or state.ended:
        return shown
    holder = Holder.of(project, state)
    facts = {"held_by": holder.told, "session": holder.state, "active_at": holder.active_at}
    return shown.model_copy(update=facts)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _touched(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
