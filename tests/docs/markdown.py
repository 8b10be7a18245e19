"""Pieces of the generated pages."""

from collections.abc import Iterable, Sequence
from typing import Any

_NOTE = "<!-- Written by `make docs` from the code. Do not edit. -->"


def page(parts: Iterable[str]) -> str:
    """Return the parts, with blank lines between them, as a page."""
    return "\n\n".join([_NOTE, *(part for part in parts if part)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def alternatives(names: Iterable[Any]) -> str:
    """Return what may be written, as code."""
    return ", ".join(f"`{name}`" for name in names)


def paragraphs(text: str | None) -> str:
    """Return a docstring or help text without its line breaks."""
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n")).strip()
