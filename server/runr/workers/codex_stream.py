"""What the lines of `codex exec --json` add up to: a fold, one line at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class _Part(BaseModel):
    """A piece of a line; the many keys that we have no use for pass by."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Item(_Part):
    type: str = ""
    text: str = ""
    message: str = ""


class _Usage(_Part):
    input_tokens: int = 0
    output_tokens: int = 0


class _Error(_Part):
    message: str = ""


class _Line(_Part):
    type: str
    thread_id: str | None = None
    item: _Item = _Item()
    usage: _Usage = _Usage()
    error: _Error = _Error()
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The stream so far.

    `failure` is why the turn failed, `trouble` what went wrong since the last
    sign of work. Tokens count from the start of the session.
    """

    session_id: str | None = None
    words: str = ""
    failure: str | None = None
    trouble: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0


def fold(heard: Heard, line: Mapping[str, Any]) -> Heard:
    """Return what is known after one more line; one of another shape changes nothing."""
    try:
        told = _Line.model_validate(line)
    except ValidationError:
        return heard
    match told.type:
        case "thread.started":
            return replace(heard, session_id=told.thread_id)
        case "item.started" | "item.completed":
            return _item(heard, told.item)
        case "error":
            return replace(heard, trouble=told.message)
        case "turn.failed":
            return replace(heard, failure=told.error.message or heard.trouble or "no reason given")
        case "turn.completed":
            return replace(
                heard,
                trouble=None,
                failure=None,
                turns=heard.turns + 1,
                input_tokens=told.usage.input_tokens,
                output_tokens=told.usage.output_tokens,
            )
        case _:
            return heard


def _item(heard: Heard, item: _Item) -> Heard:
    if item.type == "error":  # a warning: the turn goes on
        return heard
    return replace(heard, trouble=None, words=item.text.strip() or heard.words)
