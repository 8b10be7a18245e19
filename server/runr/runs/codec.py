"""Named tuples as JSON and back; what is read is checked against the annotations. Pure.

A hook of Claude Code reads runs on every tool call. Dataclasses would take longer to define, and
pydantic's models much longer to import, than all of its work.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

Decoder = Callable[[object], Any]
Record = TypeVar("Record", bound=tuple[Any, ...])

_REQUIRED = object()


class CodecError(ValueError):
    """What was read has another shape; the message names the field."""


def encode(value: object) -> Any:
    """Return a named tuple, or a value in one, as JSON; an empty default is left out."""
    if not isinstance(value, tuple):
        return value
    if not hasattr(value, "_fields"):
        return [encode(item) for item in value]
    defaults: Mapping[str, object] = getattr(value, "_field_defaults", {})
    fields = zip(value._fields, value, strict=True)
    return {
        name: encode(item)
        for name, item in fields
        if item not in (None, ()) or item != defaults.get(name, _REQUIRED)
    }


def decode(record: type[Record], raw: object) -> Record:
    """Return the named tuple that `raw` holds; keys of a later version are ignored.

    Raises CodecError where a key is missing or has a value of another type.
    """
    if not isinstance(raw, dict):
        raise CodecError(f"expected an object, found {_shown(raw)}")
    values = {}
    for name, read in _fields(record).items():
        if name in raw:
            try:
                values[name] = read(raw[name])
            except CodecError as error:
                raise CodecError(f"{name}: {error}") from None
    try:
        return record(**values)
    except TypeError:
        required = _fields(record).keys() - getattr(record, "_field_defaults", {}).keys()
        missing = ", ".join(sorted(required - raw.keys()))
        raise CodecError(f"missing: {missing}") from None


@cache
def _fields(record: type[tuple[Any, ...]]) -> Mapping[str, Decoder]:
    return {name: _decoder(hint) for name, hint in record.__annotations__.items()}


def _decoder(hint: Any) -> Decoder:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return _optional(_decoder(inner))
    if origin is tuple:
        return _list(_decoder(arguments[0]))
    if origin is Literal:
        return _one_of(dict(zip(arguments, arguments, strict=True)))
    if issubclass(hint, Enum):
        return _one_of({member.value: member for member in hint})
    if hasattr(hint, "_fields"):
        return lambda raw: decode(cast("type[tuple[Any, ...]]", hint), raw)
    return _plain(hint)


def _optional(inner: Decoder) -> Decoder:
    return lambda raw: None if raw is None else inner(raw)


def _list(inner: Decoder) -> Decoder:
    def read(raw: object) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise CodecError(f"expected a list, found {_shown(raw)}")
        return tuple([inner(item) for item in raw])

    return read


def _one_of(known: Mapping[object, object]) -> Decoder:
    def read(raw: object) -> object:
        if not isinstance(raw, str) or raw not in known:
            raise CodecError(f"expected one of {', '.join(map(str, known))}, found {_shown(raw)}")
        return known[raw]

    return read


def _plain(kind: type) -> Decoder:
    accepted = (int, float) if kind is float else (kind,)

    def read(raw: object) -> object:
        if not isinstance(raw, accepted) or (isinstance(raw, bool) and kind is not bool):
            raise CodecError(f"expected {kind.__name__}, found {_shown(raw)}")
        return raw

    return read


def _shown(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 - as much as a line holds
