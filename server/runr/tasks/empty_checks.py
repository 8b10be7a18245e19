"""Which checks pass whatever the work is, so that they check nothing. Pure.

The text of the command decides. Where it is unclear it is a check: loops, functions and most
traps are not followed.
"""

import re
from functools import lru_cache

from runr.text import shortened

#: A command that neither begins nor goes on like this is a check; most need no further look.
_SUSPECT_START = re.compile(
    r"\s*(?:\Z|[#:!({\[\"'\\<>$`]|\.\s|\w+=|/(?:usr/)?bin/"
    r"|(?:sleep|touch|mkdir|git|find|node|perl|busybox|xargs|go|java)\s"
    r"|g?make\s.*-"
    r"|(?:awk|case|cat|cd|date|echo|for|perl|rm|sed|setsid|sort|until|while|env|eval|exec|exit|export|hostname|id|if|ls|nice|nohup|printf"
    r"|pwd|readonly|set|python[\d.]*|test|time|timeout|true|umask|uname|wait|whoami|builtin|command"
    r"|cut|fold|hash|head|less|more|nl|tail|tr|trap|type|uniq|unset|wc|which|source|tee|(?:ba|da|z|k)?sh)\b)"
)
# Begins with a set of characters, which `re` finds several times as fast as alternatives.
_SUSPECT_PART = re.compile(
    r"[;&|\n-](?:(?<=[;&|\n])|(?<=\s-)[hVl]\b|-(?:co\b|collect-only"
    r"|(?:exit-zero|version|help|fixtures|setup-plan|markers|showConfig|list|listTests)\b))"
)


@lru_cache(maxsize=4096)
def why_empty(command: str) -> str | None:
    """Return why the command is no check; None for one that is, or may be.

    Either it cannot fail, as `true`, `# later` or `make test | cat`, or it runs
    nothing of the project, as `make -n`.
    """
    if not (_SUSPECT_START.match(command) or _SUSPECT_PART.search(command)):
        return None
    # Takes a while to load, and few commands need it.
    from runr.tasks.shell_ends import End  # noqa: PLC0415 - see above
    from runr.tasks.shell_reader import Reader  # noqa: PLC0415 - see above
    from runr.tasks.shell_words import UnclearError  # noqa: PLC0415 - see above

    try:
        ends = Reader(command).ends()
    except UnclearError:
        return None
    if not ends <= {End.OK, End.NO_TEST, End.EXIT_OK}:
        return None
    return "runs no test" if End.NO_TEST in ends else "passes whatever the work is"


def is_empty(command: str) -> bool:
    """Tell whether the command is no check; see `why_empty`."""
    return why_empty(command) is not None


def explain(command: str) -> str:
    """Say of a command that is no check why, with the command in front."""
    return f"`{shortened(command)}` {why_empty(command) or 'is a check'}"
