"""The text of a new task: a template, with its title and the keys that the user asked for. Pure."""

import json
import re
from collections.abc import Mapping, Sequence

from runr.tasks.document import BOUNDARY

_BODY = {
    "feature": "## What\n\n\n## Done when\n\n- [ ] \n",
    "bugfix": "## What happens\n\n\n## What should happen\n\n\n## Done when\n\n"
    "- [ ] a test fails before the change and passes after it\n",
    "docs": "## What is missing\n\n\n## For whom\n\n\n",
    "chore": "```sh run\n# the commands that do it\n```\n",
    "manual": "## What to do\n\n1. \n\n## How to see that it is done\n\n\n",
}
_HEADER = {
    "feature": "type: automated\ntags: [feature]\n",
    "bugfix": "type: automated\ntags: [bug]\n",
    "docs": "type: automated\ntags: [docs]\nowns: [docs/, README.md]\n",
    "chore": "type: automated\nworker: script\ntags: [chore]\n",
    "manual": "type: manual\n",
}

#: What each template that runr brings along is for.
MEANINGS: Mapping[str, str] = {
    "feature": "something new, with what has to be true when it is done",
    "bugfix": "what happens, what should happen, and a test for it",
    "docs": "pages; it owns docs/ and README.md",
    "chore": "commands for the worker `script`",
    "manual": "work for a person",
}

#: What a task can say, for a client that writes the file itself.
ANNOTATED = """\
---
depends_on: []  # names of tasks
owns: [src/]  # what it may change
verify: [make test]  # passes when it is done
---
# Title

What to do.
"""

_PLAIN = re.compile(r"\w[\w./@+-]*(?::[\w./@#+-]+)?")


def builtin(name: str) -> str:
    """Return the text of a built-in template; `{title}` is replaced by the title."""
    return f"---\n{_HEADER[name]}---\n# {{title}}\n\n{_BODY[name]}"


def filled(text: str, title: str, keys: Mapping[str, str | Sequence[str]]) -> str:
    """Return the template with its title, and with `keys` in its header."""
    text = text.replace("{title}", title)
    for key, value in keys.items():
        if value:
            written = scalar(value) if isinstance(value, str) else listed(value)
            text = _with_key(text, key, f"{key}: {written}\n")
    return text


def title_of(stem: str) -> str:
    """Return a title made of a file's name: no number before it, words instead of hyphens."""
    title = stem.lstrip("0123456789-_ ").replace("-", " ").replace("_", " ") or stem
    return title[:1].upper() + title[1:]


def listed(texts: Sequence[str]) -> str:
    """Return a list as a header writes it on one line."""
    return f"[{', '.join(map(scalar, texts))}]"


def scalar(text: str) -> str:
    """Return `text` as YAML that reads as this text and nothing else."""
    if _PLAIN.fullmatch(text) and text.lower() != "null":
        return text
    # JSON escapes fewer control characters than YAML refuses.
    written = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else _escaped(ord(sign)) for sign in written)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what `\u` holds


def _with_key(text: str, key: str, line: str) -> str:
    """Put a key into the header, in the place of the template's own."""
    opening = BOUNDARY.match(text)
    closing = BOUNDARY.search(text, opening.end()) if opening else None
    if opening is None or closing is None:
        return f"---\n{line}---\n{text}"
    start, end = opening.end() + 1, closing.start()
    header = text[start:end]
    # The key with what is indented below it.
    own = re.compile(rf"^{key}:.*\n(?:[ \t-].*\n)*", re.MULTILINE)
    header = own.sub(lambda _: line, header, count=1) if own.search(header) else header + line
    return f"{text[:start]}{header}{text[end:]}"
