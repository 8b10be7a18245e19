"""What is said to a model whose arguments do not fit, so that its next call does."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from runr.core.near import closest
from runr.mcpserver.schema import Schema

_SHOWN = 5
_WIDTH = 60


def explain(tool: str, schema: Schema, error: ValidationError) -> str:
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
    near = closest(name, known)
    return f" (did you mean {near}?)" if near else ""


def _quoted(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
