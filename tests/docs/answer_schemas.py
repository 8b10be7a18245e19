"""The JSON Schemas of what commands print with `--json`, one for each payload."""

import copy
import functools
import importlib
import json
from typing import Any

import jsonschema
from pydantic import TypeAdapter

from runr.cli.answers import PAYLOADS, schema_name

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string"}
_FOR_USER: Schema = {"$ref": "#/$defs/UserStep"}

#: The payloads that are no dataclass of the server.
_PLAIN: dict[str, Schema] = {
    "error": {
        "type": "object",
        "properties": {"code": _TEXT, "message": _TEXT, "exit_code": {"type": "integer"}},
        "required": ["code", "message", "exit_code"],
    },
    "export": {
        "type": "object",
        "properties": {"format": _TEXT, "content": _TEXT},
        "required": ["format", "content"],
    },
    "shell_completion": {
        "type": "object",
        "properties": {"shell": _TEXT, "script": _TEXT},
        "required": ["shell", "script"],
    },
    "version": _TEXT,
}


@functools.cache
def answer_schema(payload: str) -> Schema:
    """Return the schema of an answer with this payload."""
    target = PAYLOADS[payload]
    content = _PLAIN[payload] if target is None else _of_class(target)
    parts = content.pop("$defs", {})
    whole: Schema = {
        "$schema": _DIALECT,
        "title": schema_name(payload),
        "type": "object",
        "properties": {
            "schema": {"const": schema_name(payload)},
            "next_steps": {"type": "array", "items": _TEXT},
            "warnings": {"type": "array", "items": _TEXT},
            payload: content,
        },
        "required": ["schema", "next_steps", payload],
        "additionalProperties": False,
    }
    return whole | ({"$defs": parts} if parts else {})


def rendered(payload: str) -> str:
    """Return the schema as it is written into the reference."""
    return json.dumps(answer_schema(payload), indent=2, ensure_ascii=False) + "\n"


def valid_payload(document: Any) -> str:
    """Return the name of the payload; ValidationError for an answer that its schema forbids."""
    name = document["schema"].removeprefix("runr.").removesuffix("/1").replace("-", "_")
    jsonschema.validate(document, _closed(name))
    return str(name)


@functools.cache
def _closed(payload: str) -> Schema:
    """Return the schema with all objects closed: a field that it does not name is an error."""
    schema = copy.deepcopy(answer_schema(payload))
    inside = schema["properties"][payload]
    for part in [inside, *schema.get("$defs", {}).values()]:
        if "properties" in part:
            part["additionalProperties"] = False
    return schema


def _of_class(target: str) -> Schema:
    module, name = target.split(":")
    found = getattr(importlib.import_module(f"runr.{module}"), name)
    schema = TypeAdapter(found).json_schema(mode="serialization")
    # They stand beside the payload, not in it.
    schema["properties"].pop("next_steps", None)
    # What an answer leaves to the user of an agent is in no answer of a command.
    schema.get("$defs", {}).pop("UserStep", None)
    lean: Schema = _lean(schema)
    return lean


def _lean(value: Any, *, names: bool = False) -> Any:
    """Return a schema without titles, and without descriptions, which are for who reads code."""
    if isinstance(value, list):
        return [_lean(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _FOR_USER in value.get("anyOf", ()):
        return _TEXT
    left = set() if names else {"title", "description"}
    return {
        key: _lean(item, names=key in ("properties", "$defs"))
        for key, item in value.items()
        if key not in left
    }
