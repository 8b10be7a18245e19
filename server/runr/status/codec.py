"""Status entries as JSON objects; unknown keys are kept, for newer versions and other tools."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from runr.status.model import OF_A_RESET, Entry, Evidence, State, Verification
from runr.text import flat

_NONE = type(None)
_ENUMS: dict[str, dict[str | None, StrEnum | None]] = {
    "status": {state.value: state for state in State},
    "verification": {verification.value: verification for verification in Verification},
    "evidence": {None: None} | {evidence.value: evidence for evidence in Evidence},
}
_COUNTS = frozenset({"run_count", "revision", "sequence", "acknowledged_sequence"})
_NUMBERS = frozenset({"confidence"})
_KEYS = tuple(name for name in Entry._fields if name != "extra")
_TEXTS = frozenset(_KEYS) - _ENUMS.keys() - _COUNTS - _NUMBERS
#: Texts of several lines; the others are shown in rows and sentences.
_PARAGRAPHS = frozenset({"reason", "stop_detail"})

#: Keys that are written only where they have a value.
_OPTIONAL = frozenset(
    {
        *("reason", "pending_branch", "override_reason", "confidence", "basis", "sequence"),
        *(
            "acknowledged_at",
            "acknowledged_by",
            "acknowledged_run",
            "acknowledged_commit",
            "acknowledged_sequence",
        ),
        *OF_A_RESET,
    }
)


def decode(raw: object) -> Entry:
    """Return the entry in a JSON object; ValueError names the first key that does not fit."""
    if not isinstance(raw, dict):
        raise ValueError("an entry must be an object")  # noqa: TRY004 - whoever reads catches one
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in raw.items():
        if key in _TEXTS:
            # Not in a function of its own: a status file has a hundred thousand of them.
            plain = value is None or (type(value) is str and value.isprintable())
            known[key] = value if plain else _text(key, value)
        elif key in _ENUMS:
            known[key] = _choice(key, value)
        elif key in _COUNTS:
            if type(value) is not int:
                raise ValueError(f"{key}: must be a whole number")
            known[key] = value
        elif key in _NUMBERS:
            if type(value) not in (int, float, _NONE):
                raise ValueError(f"{key}: must be a number or null")
            known[key] = value
        else:
            extra[key] = value
    return Entry(**known, extra=extra)


def decode_lenient(raw: Mapping[str, Any]) -> Entry:
    """Return the entry without the values that only a newer runr understands."""
    readable = {}
    for key, value in raw.items():
        try:
            decode({key: value})
        except ValueError:
            continue
        readable[key] = value
    return decode(readable)


def encode(entry: Entry) -> dict[str, Any]:
    """Return the entry as a JSON object, without optional keys that have no value."""
    raw = dict(entry.extra)
    for key in _KEYS:
        value = getattr(entry, key)
        if value or key not in _OPTIONAL:
            raw[key] = value
    return raw


def _text(key: str, value: object) -> str:
    if type(value) is not str:
        raise ValueError(f"{key}: must be a text or null")
    # Whoever wrote the file must not add lines to a list, or control a terminal.
    return value if value.isprintable() or key in _PARAGRAPHS else flat(value)


def _choice(key: str, value: object) -> StrEnum | None:
    choices = _ENUMS[key]
    if (value is None or isinstance(value, str)) and value in choices:
        return choices[value]
    raise ValueError(f"{key}: must be one of {', '.join(filter(None, choices))}")
