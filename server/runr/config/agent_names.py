"""Names of agents, models and bots: none of them is a person who decides. Pure."""

import re
from collections.abc import Iterable

#: Each says by itself that the name is no person's.
_AGENT = re.compile(
    r"(?:claude|gpt|chatgpt|codex|gemini|copilot|opencode|llama|mistral|qwen|deepseek|grok)[\d.]*\w{0,2}"
    r"|cursor|openai|anthropic|opus|sonnet|haiku|aider|windsurf"
    r"|assistant|agent|subagent|ai|bot|llm|model|worker|runr|o[1-9]"
)
#: What stands beside them in the names of models and programs.
_BESIDE = re.compile(
    r"(?:v?\d[\w]*|the|an?|my|your|code|cli|coding|pro|flash|mini|nano|max|turbo|large|small|language"
    r"|preview|latest|desktop|github|google|microsoft|vscode|by|and|session|reviewer|noreply|com)"
)


def is_agent(name: str, others: Iterable[str] = ()) -> bool:
    """Tell whether the name is that of an agent, or one of the `others`, such as of workers.

    A longer name that has one in it, as `Claude Monet`, is a person's.
    """
    plain = name.casefold().strip()
    if plain in {other.casefold().strip() for other in others if other.strip()}:
        return True
    if plain.endswith("[bot]"):
        return True
    words = [word for word in re.split(r"[\W_]+", plain) if word]
    agents = [word for word in words if _AGENT.fullmatch(word)]
    rest = [word for word in words if word not in agents]
    return bool(agents) and all(_BESIDE.fullmatch(word) for word in rest)
