"""What a client is sent about tools: lean schemas, and one line about wrong arguments."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runr.mcp_server.schema import accepted, explain_validation_error


class Part(BaseModel):
    """A part of the arguments."""

    kind: Literal["text", "list"] = Field("text", description="Which kind.")


class Given(BaseModel):
    """What the reader of the source has to know."""

    model_config = ConfigDict(extra="forbid")

    task: str = Field(min_length=1, max_length=9, description="Path or name.")
    tag: str | None = Field(None, description="One tag.")
    limit: int = Field(20, ge=1)
    force: bool = False
    wide: bool = True
    parts: list[Part] = Field(default_factory=list, max_length=2)
    either: int | list[int] | None = Field(None, description="One or several.")
    level: Literal["low", "high"] = "low"
    levels: list[Literal["low", "high"]] = Field(default_factory=list)


def test_a_call_is_described_by_what_the_caller_needs_and_nothing_else() -> None:
    assert accepted(Given) == {
        "type": "object",
        "properties": {
            "task": {"type": "string", "description": "Path or name."},
            "tag": {"type": "string", "description": "One tag."},
            "limit": {"type": "integer", "default": 20},
            "force": {"type": "boolean"},
            "wide": {"type": "boolean", "default": True},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
            "either": {
                "anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}],
                "description": "One or several.",
            },
            "level": {"type": "string", "enum": ["low", "high"], "default": "low"},
            "levels": {"type": "array", "items": {"type": "string", "enum": ["low", "high"]}},
        },
        "required": ["task"],
        "$defs": {
            "Part": {
                "type": "object",
                "properties": {
                    "kind": {
                        "type": "string",
                        "enum": ["text", "list"],
                        "default": "text",
                        "description": "Which kind.",
                    }
                },
            }
        },
    }


def refused(**arguments: Any) -> str:
    with pytest.raises(ValidationError) as error:
        Given(**arguments)
    return explain_validation_error("run-task", accepted(Given), error.value)


NAMES = "task, tag, limit, force, wide, parts, either, level, levels"


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        ({}, "task is required"),
        ({"task": "a", "tga": 1}, 'unknown argument "tga" (did you mean tag?)'),
        ({"task": "a", "zebra": 1}, 'unknown argument "zebra"'),
        (
            {"task": "a", "level": "hihg"},
            'level must be one of low, high, not "hihg" (did you mean high?)',
        ),
        ({"task": "a", "level": 3}, "level must be one of low, high, not 3"),
        (
            {"task": "a", "levels": ["low", "x"]},
            'levels.1 must be one of low, high, not "x"',
        ),
        (
            {"task": "a", "limit": 0},
            "limit: Input should be greater than or equal to 1, not 0",
        ),
        (
            {"task": "é" * 58},
            f'task: String should have at most 9 characters, not "{"é" * 58}"',
        ),
        (
            {"task": "x" * 99},
            f'task: String should have at most 9 characters, not "{"x" * 59}…',
        ),
        (
            {"task": "", "limit": 0},
            (
                'task: String should have at least 1 character, not ""; '
                "limit: Input should be greater than or equal to 1, not 0"
            ),
        ),
    ],
)
def test_a_wrong_call_is_explained_in_one_line(arguments: dict[str, Any], mistake: str) -> None:
    message = refused(**arguments)
    assert message == f"Invalid arguments for run-task: {mistake}. run-task accepts: {NAMES}."


def test_of_many_mistakes_the_first_five_are_named() -> None:
    message = refused(task="a", **{f"x{number}": 1 for number in range(5)})
    assert "more" not in message
    message = refused(task="a", **{f"x{number}": 1 for number in range(7)})
    assert message.count("unknown argument") == 5
    assert "; and 2 more. " in message


def test_a_tool_without_arguments_says_so() -> None:
    class Nothing(BaseModel):
        model_config = ConfigDict(extra="forbid")

    with pytest.raises(ValidationError) as error:
        Nothing(x=1)  # type: ignore[call-arg] # that is what is refused
    message = explain_validation_error("doctor", {"properties": {}}, error.value)
    assert message.endswith("doctor accepts: no arguments.")
