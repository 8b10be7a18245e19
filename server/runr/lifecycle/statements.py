"""What a person states: who, why, over which channel; what is only relayed is refused."""

from collections.abc import Sequence

from runr.errors import UsageError
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.runs.channel import Channel
from runr.runs.model import Approval
from runr.workers.agents import agent_above, agent_that_left


def build_statement(project: Project, reason: str, by: str | None) -> Approval:
    """Return what is declared in the name of `by`, by default git's user."""
    return Approval(by=project.person(by), reason=reason.strip(), channel=project.channel)


def build_attestation(
    project: Project, reason: str, by: str | None, steps: Sequence[NextStep]
) -> Approval:
    """Return what a person declares, or what is relayed where the settings have that recorded.

    Raises UsageError, with `steps` for the person, where no person has confirmed it.
    """
    channel = channel_of(project)
    word = build_statement(project, reason, by)._replace(channel=channel)
    if channel.is_person:
        return word
    if project.config().attest.relayed == "refuse":
        refuse_relayed(project, steps)
    if by is None:
        raise UsageError("what is relayed needs the name of the person who said it: pass `by`")
    return word


def refuse_relayed(project: Project, steps: Sequence[NextStep]) -> None:
    """Raise UsageError, with `steps` for the person, where no person has confirmed a decision."""
    channel = channel_of(project)
    if not channel.is_person:
        raise UsageError(
            f"no person has confirmed this: {channel.client or 'a program'} passes it on, and only "
            "a person's own confirmation counts. A person types it in a terminal",
            next_steps=[step._replace(tool=None) for step in steps],
        )


def channel_of(project: Project) -> Channel:
    """Return the way of a decision: no person's own where an agent has started the command."""
    channel = project.channel
    if channel.kind not in ("terminal", "script"):
        return channel
    places = (project.tree, project.layout.root)
    agent = agent_above(places) or (agent_that_left(places) if channel.kind == "script" else "")
    if agent:
        return Channel("relayed", agent)
    # That of a script counts as the settings have it.
    if channel.kind == "script" and project.config().attest.scripts == "relay":
        return Channel("relayed", "a script")
    return channel
