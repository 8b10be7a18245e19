"""Tools from the view of a client: listing, answers and refusals."""

import json
from collections.abc import Iterable
from typing import Any

import jsonschema
import pytest
from mcp import MCPError
from mcp.client import Client
from mcp.types import CallToolResult, TextContent

from mcpserver.toys import TOYS
from runr.mcp_server.server import Offer, assemble

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("era", ["legacy", "2026-07-28"]),
]


def connect(era: str) -> Client:
    return Client(assemble(Offer(tools=TOYS)), mode=era)


def text(answer: CallToolResult) -> str:
    [content] = answer.content
    assert isinstance(content, TextContent)
    return content.text


async def refusal(era: str, tool: str, **arguments: Any) -> str:
    async with connect(era) as client:
        answer = await client.call_tool(tool, arguments)
    assert answer.is_error
    assert answer.structured_content is None
    return text(answer)


async def test_an_answer_is_the_same_as_text_and_as_structure(era: str) -> None:
    async with connect(era) as client:
        answer = await client.call_tool("echo", {"text": "grün", "times": "2", "title": "T"})
    expected = {"text": "grüngrün", "notes": [{"title": "T"}], "next": "call echo again"}
    assert answer.structured_content == expected
    assert json.loads(text(answer)) == expected
    assert text(answer).startswith('{"text":"grüngrün",')


async def test_the_schemas_are_valid_and_minimal(era: str) -> None:
    async with connect(era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for tool in tools.values():
        assert tool.output_schema is None
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert "docstring" not in json.dumps(tool.input_schema)
    assert tools["echo"].input_schema == {
        "properties": {
            "text": {"type": "string", "description": "What to say."},
            "times": {"type": "integer", "default": 1},
            "share": {"type": "number", "default": 1.0},
            "colour": {
                "type": "string",
                "enum": ["red", "green", "blue"],
                "description": "How it looks.",
            },
            "title": {"type": "string"},
        },
        "required": ["text"],
        "type": "object",
    }


async def test_a_listing_carries_description_and_annotations(era: str) -> None:
    async with connect(era) as client:
        listing = await client.list_tools()
    echo = next(tool for tool in listing.tools if tool.name == "echo")
    assert echo.description == "The toy echo."
    assert echo.annotations
    assert echo.annotations.read_only_hint
    if era != "legacy":
        assert (listing.ttl_ms, listing.cache_scope) == (3_600_000, "public")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ["text is required"]),
        ({"text": "a", "colr": "red"}, ['unknown argument "colr" (did you mean colour?)']),
        ({"text": "a", "qqq": 1}, ['unknown argument "qqq"']),
        (
            {"text": "a", "colour": "gren"},
            ['colour must be one of red, green, blue, not "gren" (did you mean green?)'],
        ),
        ({"text": "a", "colour": 7}, ["colour must be one of red, green, blue, not 7"]),
        ({"text": ""}, ['text: String should have at least 1 character, not ""']),
        ({"text": "a", "times": 99}, ["times: Input should be less than or equal to 9, not 99"]),
        ({"text": ["a\nb"]}, ['text: Input should be a valid string, not ["a\\nb"]']),
        ({"colour": "rod", "times": 0}, ["text is required", "did you mean red?", "times: "]),
        ({f"x{n}": n for n in range(9)}, ["and 5 more"]),
    ],
)
async def test_arguments_that_do_not_fit_are_explained_in_one_line(
    era: str, arguments: dict[str, Any], expected: Iterable[str]
) -> None:
    said = await refusal(era, "echo", **arguments)
    assert said.startswith("Invalid arguments for echo: ")
    assert said.endswith(". echo accepts: text, times, share, colour, title.")
    assert "\n" not in said
    assert "pydantic" not in said
    for part in expected:
        assert part in said


async def test_what_a_model_fills_in_without_a_value_is_left_out(era: str) -> None:
    empty = {"times": None, "share": None, "colour": "", "title": ""}
    async with connect(era) as client:
        answer = await client.call_tool("echo", {"text": "a", **empty})
    assert (answer.structured_content or {})["text"] == "a"
    assert not answer.is_error


async def test_a_tool_without_arguments_says_so(era: str) -> None:
    assert (await refusal(era, "count", a=1)).endswith("count accepts: no arguments.")


async def test_a_long_value_is_not_repeated_in_full(era: str) -> None:
    assert len(await refusal(era, "echo", text="a", colour="x" * 10_000)) < 400


async def test_a_refusal_carries_its_next_steps(era: str) -> None:
    assert await refusal(era, "refuse") == (
        "api waits for setup\nNext: run-task 'setup'\nNext: wait"
    )


async def test_a_crash_is_reported_without_its_details(
    era: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = await refusal(era, "crash")
    assert "a detail from inside" not in said
    assert "crash failed inside runr" in said
    captured = capsys.readouterr()
    assert "LookupError: a detail from inside" in captured.err
    assert captured.out == ""


async def test_an_unknown_tool_is_a_protocol_error_with_the_near_match(era: str) -> None:
    async with connect(era) as client:
        with pytest.raises(MCPError, match="Unknown tool: ecko; did you mean echo\\?") as caught:
            await client.call_tool("ecko", {})
    assert caught.value.code == -32602


async def test_an_unknown_cursor_is_a_protocol_error(era: str) -> None:
    async with connect(era) as client:
        with pytest.raises(MCPError, match="Unknown cursor") as caught:
            await client.list_tools(cursor="2")
    assert caught.value.code == -32602


async def test_progress_is_sent_to_a_caller_with_a_token(era: str) -> None:
    summary: list[tuple[float, float | None, str | None]] = []

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        summary.append((progress, total, message))

    async with connect(era) as client:
        await client.call_tool("count", {}, progress_callback=listen)
    assert sorted(summary) == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]
