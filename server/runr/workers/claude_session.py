"""A Claude Code session that is the worker itself: its own transcript, read and never written."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from runr.workers.usage_limit import IS_USAGE_LIMIT, epoch_time, reset_time

#: How much a token costs beside an input token, in every price list of the Claude models.
_WEIGHTS = {
    "input_tokens": 1.0,
    "cache_creation_input_tokens": 1.25,
    "cache_read_input_tokens": 0.1,
    "output_tokens": 5.0,
}
_ID = re.compile(r"[0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSlice:
    """What a session said and used in a stretch of time; `lines` are its transcript's own."""

    lines: tuple[str, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0
    words: str = ""
    weight: float = 0.0


class UsageLimit(NamedTuple):
    """A usage limit in the words of Claude Code, and when it resets where that is known."""

    words: str
    resets_at: datetime | None


def transcript_path(session_id: str | None, environment: Mapping[str, str]) -> Path | None:
    """Return the session's transcript, where Claude Code keeps one."""
    if session_id is None or not _ID.fullmatch(session_id):
        return None
    folder = environment.get("CLAUDE_CONFIG_DIR") or f"{environment.get('HOME', '')}/.claude"
    return next(Path(folder).glob(f"projects/*/{session_id}.jsonl"), None)


def session_slice(*paths: Path, after: str = "", until: str = "~") -> SessionSlice:
    """Return what sessions did between two ISO times in UTC; all of it by default.

    What a forked session has of the one before it counts once.
    """
    kept: list[str] = []
    usages: dict[str, Mapping[str, int]] = {}
    words = ""
    for text, line in chain.from_iterable(map(_lines, paths)):
        if line.get("type") not in ("user", "assistant") or not _is_in(line, after, until):
            continue
        kept.append(text)
        message = line.get("message")
        if line["type"] == "assistant" and isinstance(message, dict):
            # One answer of the model fills several lines, each with the same usage.
            usages[str(message.get("id"))] = _usage(message)
            words = _words(message) or words
    return SessionSlice(
        lines=tuple(kept),
        input_tokens=sum(sum(use.values()) - use["output_tokens"] for use in usages.values()),
        output_tokens=sum(use["output_tokens"] for use in usages.values()),
        turns=len(usages),
        words=words,
        weight=sum(_WEIGHTS[key] * count for use in usages.values() for key, count in use.items()),
    )


def cost(path: Path, after: str, until: str) -> float | None:
    """Return a stretch's share of what the session cost, in US dollars.

    Claude Code writes what a session cost when it ends; before that, also
    where it had ended and was resumed, None.
    """
    total = None
    for _, line in _lines(path):
        match line.get("type"):
            case "cost-state":
                total = line.get("totalCostUSD")
            case "assistant":
                total = None
    whole = session_slice(path).weight
    if not isinstance(total, int | float) or not whole:
        return None
    return float(total) * session_slice(path, after=after, until=until).weight / whole


def usage_limit(path: Path, now: datetime) -> UsageLimit | None:
    """Return the usage limit with which the session has ended; None where it ended otherwise."""
    last: dict[str, Any] = {}
    for _, line in _lines(path):
        if line.get("type") in ("user", "assistant"):
            last = line
    message = last.get("message")
    if last.get("isApiErrorMessage") is not True or not isinstance(message, dict):
        return None
    words = _words(message)
    if last.get("apiError") != "usage_limit_reached" and not IS_USAGE_LIMIT.search(words):
        return None
    return UsageLimit(words, _reset(last) or reset_time(words, now))


def _reset(line: Mapping[str, Any]) -> datetime | None:
    """Return the reset that Claude Code writes beside the error, where it does."""
    limits = line.get("quotaLimits")
    seconds = limits.get("resetsAt") if isinstance(limits, dict) else None
    return epoch_time(seconds) if isinstance(seconds, int) else None


def has_ended(path: Path) -> bool:
    """Tell whether Claude Code has written that the session is over, and nothing behind that."""
    last = ""
    for _, line in _lines(path):
        last = str(line.get("type"))
    return last == "cost-state"


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for raw in text.splitlines():
        try:
            line = json.loads(raw)
        except ValueError:
            continue  # the last line may still be on its way
        if isinstance(line, dict):
            yield raw, line


def _is_in(line: Mapping[str, Any], after: str, until: str) -> bool:
    return after <= str(line.get("timestamp", "")) <= until


def _usage(message: Mapping[str, Any]) -> dict[str, int]:
    found = message.get("usage")
    known = found if isinstance(found, dict) else {}
    return {key: int(known.get(key) or 0) for key in _WEIGHTS}


def _words(message: Mapping[str, Any]) -> str:
    blocks = message.get("content")
    texts = [
        str(block.get("text", ""))
        for block in (blocks if isinstance(blocks, list) else [])
        if isinstance(block, dict) and block.get("type") == "text"
    ]
    return "\n".join(text for text in texts if text.strip())
