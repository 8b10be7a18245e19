"""What the arguments of a tool look like to a client, and what is wrong with those given. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from runr.text import closest_match

Schema = dict[str, Any]

_NAMED = ("properties", "$defs")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
_NESTED = ("items", "additionalProperties")
_NULL = {"type": "null"}
_SELDOM = {
    "title",
    "maxLength",
    "minLength",
    "maxItems",
    "minimum",
    "maximum",
    "additionalProperties",
}


def accepted(model: type[BaseModel]) -> Schema:
    """Return the schema of a tool's arguments, with the words that explain each.

    Every session pays for it, used or not: lengths, and what is left out as a
    matter of course, are not in it. A call is held to them all the same.
    """
    return _trim(model.model_json_schema())


def _trim(schema: Schema, *, field: bool = False) -> Schema:
    kept: Schema = {}
    for key, value in _without_null(schema).items():
        if key in _NAMED:
            kept[key] = {
                name: _trim(inner, field=key == "properties") for name, inner in value.items()
            }
        elif key in _LISTED:
            kept[key] = [_trim(inner) for inner in value]
        elif key in _NESTED and isinstance(value, dict):
            kept[key] = _trim(value)
        elif not _is_noise(key, field=field) and not _goes_without_saying(key, value):
            kept[key] = value
    return kept


def _is_noise(key: str, *, field: bool) -> bool:
    # A model's docstring is for its reader, a field's description for the caller.
    return key in _SELDOM or (key == "description" and not field)


def _goes_without_saying(key: str, value: object) -> bool:
    return key == "default" and value in (False, "", 0)


def _without_null(schema: Schema) -> Schema:
    """Return the schema without the alternative null: such fields are left out instead."""
    if _NULL not in schema.get("anyOf", ()):
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if "default" in rest and rest["default"] is None:
        del rest["default"]
    match [choice for choice in schema["anyOf"] if choice != _NULL]:
        case [only]:
            return {**only, **rest}
        case several:
            return {"anyOf": several, **rest}


_SHOWN = 5
_WIDTH = 60


def explain_validation_error(tool: str, schema: Schema, error: ValidationError) -> str:
    """Return one line: each mistake, what is accepted there, and the near match."""
    found = error.errors(include_url=False)
    parts = [_mistake(schema, dict(detail)) for detail in found[:_SHOWN]]
    if len(found) > _SHOWN:
        parts.append(f"and {len(found) - _SHOWN} more")
    names = ", ".join(schema.get("properties", {})) or "no arguments"
    return f"Invalid arguments for {tool}: {'; '.join(parts)}. {tool} accepts: {names}."


def _mistake(schema: Schema, detail: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in detail["loc"]) or "arguments"
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown argument {_quoted(where)}{_guess(where, schema['properties'])}"
        case "missing":
            return f"{where} is required"
        case "literal_error" | "enum":
            choices = list(_choices(schema, detail["loc"]))
            given = detail["input"]
            hint = _guess(given, choices) if isinstance(given, str) else ""
            return f"{where} must be one of {', '.join(choices)}, not {_quoted(given)}{hint}"
        case _:
            reason = " ".join(str(detail["msg"]).split())
            return f"{where}: {reason}, not {_quoted(detail['input'])}"


def _choices(schema: Schema, path: tuple[str | int, ...]) -> Iterator[str]:
    """Yield the values that the argument at `path` may have."""
    node: Schema = schema.get("properties", {}).get(path[0], {})
    for _ in path[1:]:
        node = node.get("items", {})
    yield from (str(choice) for choice in node.get("enum", ()))


def _guess(name: str, known: Any) -> str:
    near = closest_match(name, known)
    return f" (did you mean {near}?)" if near else ""


def _quoted(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
