"""What happens in a run whose worker is a session of Claude Code: its tools and usage. Pure."""

from typing import NamedTuple

from runr.runs.model import Usage


class SessionAttached(NamedTuple):
    """A session took the run over."""

    session_id: str
    why: str = ""
    previous_session_id: str | None = None


class SessionReminded(NamedTuple):
    """A session that was about to stop was reminded of what is missing."""

    missing: str = ""


class UsageRecorded(NamedTuple):
    """What the sessions of a run used in all, read from their transcripts up to `until`."""

    usage: Usage
    until: str | None = None


class ToolCommand(NamedTuple):
    """A session ran a command."""

    tool: str
    command: str
    id: str
    agent: str | None = None


class ToolEdit(NamedTuple):
    """A session edited a file."""

    tool: str
    path: str
    id: str
    agent: str | None = None


class ToolDenied(NamedTuple):
    """An edit outside the task's scope was denied."""

    tool: str
    path: str
    id: str
    agent: str | None = None
