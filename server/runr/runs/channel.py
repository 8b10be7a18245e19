"""How a decision reached runr: only a person's own confirmation is an attestation. Pure.

A name that a program passes on proves nothing: whoever writes it may be a model. So it is recorded
by which way each decision came.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

#: A person's terminal, a script without one, their answer to the question of an MCP client, or what
#: a program passes on.
ChannelKind = Literal["terminal", "script", "elicitation", "relayed"]

#: What agents set in the environment of the commands that they run.
_AGENTS = {
    "CLAUDECODE": "claude-code",
    "CLAUDE_CODE_SESSION_ID": "claude-code",
    "CODEX_THREAD_ID": "codex",
    "CODEX_SANDBOX": "codex",
    "GEMINI_CLI": "gemini-cli",
    "OPENCODE": "opencode",
    "CURSOR_AGENT": "cursor",
    "AI_AGENT": "an agent",
}

#: Of these, what an agent sets for the MCP servers that it starts, too.
_ALSO_OF_SERVERS = {"CLAUDE_CODE_SESSION_ID"}

#: The programs of agents.
_PROGRAMS = {
    "claude": "claude-code",
    "codex": "codex",
    "gemini": "gemini-cli",
    "opencode": "opencode",
    "cursor-agent": "cursor",
}


class Channel(NamedTuple):
    """The way of one decision.

    `client` is the name and version of the MCP client, or the agent whose command it was; `id` is
    that of the elicitation, or of the tool call that relayed it.
    """

    kind: ChannelKind
    client: str = ""
    id: str = ""

    @property
    def is_person(self) -> bool:
        """Whether a person answers for it: by a confirmation, or by the script that they wrote."""
        return self.kind != "relayed"

    def describe(self) -> str:
        """Return the way in words."""
        if self.kind in ("terminal", "script"):
            return f"in a {self.kind}"
        said = f" ({self.id})" if self.id else ""
        how = "confirmed in" if self.kind == "elicitation" else "relayed by"
        return f"{how} {self.client or 'a program'}{said}"


#: What a program passes on that does not say who it is.
UNCONFIRMED = Channel("relayed")


def of_process(environment: Mapping[str, str], *, is_terminal: bool) -> Channel:
    """Return how a command speaks for a person: not at all where an agent has started it."""
    agent = agent_around(environment)
    if agent:
        return Channel("relayed", agent)
    return Channel("terminal" if is_terminal else "script")


def agent_around(environment: Mapping[str, str], *, of_commands: bool = False) -> str:
    """Return the agent that has started this process, as its environment says; '' for none.

    With `of_commands`, only by what its MCP servers do not get.
    """
    names = _AGENTS.keys() - _ALSO_OF_SERVERS if of_commands else _AGENTS.keys()
    return next((_AGENTS[key] for key in _AGENTS if key in names and environment.get(key)), "")


def agent_named(program: str) -> str:
    """Return the agent whose program has this file name; '' for none."""
    return _PROGRAMS.get(program.partition(".")[0], "")
