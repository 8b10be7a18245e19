"""Answers as JSON: dataclasses become objects, named after their fields."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from runr.next_steps.step import UserStep
from runr.text import encodable, escape_controls


def to_json(answer: object) -> str:
    """Return an answer as indented JSON."""
    return escape_controls(json.dumps(to_plain(answer), indent=2, ensure_ascii=False))


def to_plain(value: object) -> Any:
    """Return a value as what JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, UserStep):
        return {name: text for name, text in value._asdict().items() if text}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    return value


def to_sparse(answer: object) -> dict[str, Any]:
    """Return an answer as an object without null, and without empty values that are the default.

    For readers that pay for every character.
    """
    content: dict[str, Any] = {}
    for each in fields(answer):  # type: ignore[arg-type] # answers are dataclasses
        value = getattr(answer, each.name)
        required = each.default is MISSING and each.default_factory is MISSING
        usual = each.default_factory is not MISSING or value == each.default
        if value is not None and (value or required or not usual):
            content[each.name] = _sparse(value)
    return content


def _sparse(value: object) -> Any:
    if isinstance(value, str):
        # A client is sent UTF-8, which the name of a file need not be.
        return encodable(value)
    if is_dataclass(value):
        return to_sparse(value)
    if isinstance(value, list | tuple) and not isinstance(value, UserStep):
        return [_sparse(item) for item in value]
    plain = to_plain(value)
    return (
        {name: _sparse(item) for name, item in plain.items()} if isinstance(plain, dict) else plain
    )
