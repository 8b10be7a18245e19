"""Small tools with one unusual behaviour each."""

import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
import anyio.to_thread
from mcp.types import ToolAnnotations
from pydantic import Field

from runr.errors import BlockedError
from runr.mcp_server.registry import Arguments, Call, Tool
from runr.next_steps import commands

Colour = Literal["red", "green", "blue"]


class Nothing(Arguments):
    """No arguments."""


class Wanted(Arguments):
    """A docstring, which no client needs to see."""

    text: str = Field(min_length=1, description="What to say.")
    times: int = Field(1, ge=1, le=9)
    share: float = 1.0
    colour: Colour | None = Field(None, description="How it looks.")
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A docstring, which no client needs to see."""

    title: str
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A docstring, which no client needs to see."""

    text: str
    colour: Colour | None
    notes: list[Note] = field(default_factory=list)
    next: str = "call echo again"


async def echo(call: Call[Wanted]) -> Said:
    wanted = call.arguments
    notes = [Note(title=wanted.title)] if wanted.title else []
    return Said(text=wanted.text * wanted.times, colour=wanted.colour, notes=notes)


async def noisy(_: Call[Nothing]) -> Said:
    """Write to standard output in every way there is, and read standard input."""
    print("printed", flush=True)  # noqa: T201 - the habit that this toy has
    os.write(1, b"written\n")
    await anyio.to_thread.run_sync(lambda: subprocess.run(["echo", "by a child"], check=True))
    read = await anyio.to_thread.run_sync(lambda: subprocess.run(["cat"], check=True))
    return Said(text=f"cat ended with {read.returncode}", colour=None)


async def crash(_: Call[Nothing]) -> Said:
    raise LookupError("a detail from inside")


async def refuse(_: Call[Nothing]) -> Said:
    raise BlockedError("api waits for setup", next_steps=[commands.run("setup"), "wait"])


async def count(call: Call[Nothing]) -> Said:
    for step in (1, 2, 3):
        await call.progress(step, 3, f"step {step}")
    return Said(text="counted", colour=None)


async def caller(call: Call[Nothing]) -> Said:
    """Say what the server knows of its client."""
    return Said(text=f"{call.client} {call.version}", colour=None)


async def wait(_: Call[Nothing]) -> Said:
    """Wait forever, cancellably."""
    sys.stderr.write("waiting\n")
    await anyio.to_thread.run_sync(threading.Event().wait, abandon_on_cancel=True)
    return Said(text="never", colour=None)


async def hold(_: Call[Nothing]) -> Said:
    """Wait forever, not cancellably."""
    sys.stderr.write("holding\n")
    await anyio.to_thread.run_sync(threading.Event().wait)
    return Said(text="never", colour=None)


def toy(call: Callable[[Call[Any]], Awaitable[Said]], arguments: type[Arguments]) -> Tool[Any]:
    name = call.__name__
    return Tool(
        name=name,
        description=f"The toy {name}.",
        arguments=arguments,
        answers=(Said,),
        annotations=ToolAnnotations(read_only_hint=True),
        call=call,
    )


TOYS = (
    toy(echo, Wanted),
    *(toy(call, Nothing) for call in (noisy, crash, refuse, count, caller, wait, hold)),
)
