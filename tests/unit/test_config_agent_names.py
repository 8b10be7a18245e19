"""Names of agents are no names of persons."""

import pytest

from runr.config.agent_names import is_agent


@pytest.mark.parametrize(
    "name",
    [
        *("Claude", "claude code", "Claude Opus 4.1", "claude-sonnet-4-5", "claude3", "gpt-5"),
        *("GPT-4o", "ChatGPT", "codex", "OpenAI Codex", "Gemini 2.5 Pro", "GitHub Copilot"),
        *("opencode", "Cursor", "o3", "AI", "AI assistant", "the agent", "an LLM", "coding agent"),
        *("dependabot[bot]", "bot", "agent-1", "my-worker", "CLIENT"),
    ],
)
def test_agents_models_and_workers_are_no_persons(name: str) -> None:
    assert is_agent(name, ("my-worker", "client"))


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Grace Hopper",
        "Claude Monet",
        "Claudette",
        "Max",
        "Ai Weiwei",
        "Devin",
        "Bo T",
        "李娜",
        "O. Two",
    ],
)
def test_persons_are_persons(name: str) -> None:
    assert not is_agent(name, ("my-worker", ""))
