"""The pages about what users and clients call: commands and tools."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import click

from docs.markdown import alternatives, page, paragraphs, table
from mcpserver.sdk_answers import closed
from runr.cli.answers import ANSWERS, schema_name
from runr.cli.commands import COMMANDS
from runr.cli.main import cli
from runr.mcp_server import tools
from runr.mcp_server.project_calls import ProjectCalls
from runr.mcp_server.registry import Tool

_TOOLS = """\
What `runr mcp` offers. [MCP](../mcp.md) shows a call and an answer of each. An argument
that a tool does not know is an error."""


def commands() -> str:
    """Return the page of the command line."""
    parts = ["# Commands", paragraphs(cli.help)]
    parts += ["Options of every command:", *_options(cli, everywhere=True)]
    context = click.Context(cli, info_name="runr")
    shared = {name for parameter in cli.params for name in parameter.opts}
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is None:
            raise click.UsageError(name)
        parts += _command(command, context, name, shared)
        own = click.Context(command, info_name=name, parent=context)
        for word, below in getattr(command, "commands", {}).items():
            parts += _command(below, own, word, shared)
        parts += _answers(name)
    return page(parts)


def _command(
    command: click.Command, context: click.Context, name: str, shared: set[str]
) -> list[str]:
    """Return the section of a command, or of one below another."""
    own = click.Context(command, info_name=name, parent=context)
    parts = [f"## `{own.command_path}`", paragraphs(command.help)]
    parts.append(f"```text\n{_usage(command, own)}\n```")
    return [*parts, *_options(command, without=shared)]


def _answers(name: str) -> list[str]:
    """Return the line about what the command prints with `--json`."""
    links = [
        f"[`{schema_name(payload)}`](json/{payload.replace('_', '-')}.json)"
        for payload in ANSWERS.get(name, ())
    ]
    return [f"JSON: {', '.join(links)}"] if links else []


def _usage(command: click.Command, context: click.Context) -> str:
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece]
    return " ".join([context.command_path, *pieces])


def _options(
    command: click.Command, *, without: Iterable[str] = (), everywhere: bool = False
) -> list[str]:
    left = set(without)
    rows = []
    for parameter in command.params:
        names = (*parameter.opts, *parameter.secondary_opts)
        if not isinstance(parameter, click.Option) or not left.isdisjoint(names):
            continue
        if everywhere and parameter.is_eager:
            continue
        rows.append((_spelled(parameter), parameter.help, _option_default(parameter)))
    return [table(("option", "meaning", "default"), rows)] if rows else []


def _spelled(option: click.Option) -> str:
    names = "`, `".join((*option.opts, *option.secondary_opts))
    if option.is_flag:
        return f"`{names}`"
    if isinstance(option.type, click.Choice):
        return f"`{names}` {alternatives(option.type.choices)}"
    kind = option.metavar or option.type.name.upper().removesuffix(" RANGE")
    return f"`{names} {kind}`"


def _option_default(option: click.Option) -> str:
    default = option.default
    if option.is_flag:
        return f"`{option.opts[0]}`" if option.secondary_opts and default else ""
    # click's own mark for "no default" is no value that a user could write.
    return f"`{default}`" if isinstance(default, str | int) and not option.multiple else ""


def mcp_tools() -> str:
    """Return the page of the MCP tools."""
    parts = [
        "# MCP tools",
        _TOOLS,
    ]
    for tool in offered():
        listing, hints = tool.listing(), tool.annotations
        parts += [f"## `{listing.name}`", listing.description or ""]
        accepted = listing.input_schema
        required = set(accepted.get("required", ()))
        rows = [
            (
                f"`{name}`",
                _json_kind(schema),
                "required" if name in required else _json_default(schema),
                schema.get("description"),
            )
            for name, schema in accepted["properties"].items()
        ]
        parts.append(table(("argument", "type", "default", "meaning"), rows))
        names = dict.fromkeys(field.name for answer in tool.answers for field in fields(answer))
        answered = [f"`{name}`" for name in names]
        reads = "It only reads." if hints.read_only_hint else "It changes something."
        parts.append(f"Answer: {', '.join(answered)}. {reads}")
    return page(parts)


def offered() -> tuple[Tool[Any], ...]:
    """Return the tools."""
    return tools.build_registry(ProjectCalls(closed))


def _json_kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return alternatives(schema["enum"])
    if schema["type"] == "array":
        return f"list of {_json_kind(schema['items'])}"
    names = {"string": "text", "boolean": "true or false", "integer": "whole number"}
    return names[schema["type"]]


def _json_default(schema: dict[str, Any]) -> str:
    if "default" not in schema:
        return "`false`" if schema["type"] == "boolean" else ""
    value = schema["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
