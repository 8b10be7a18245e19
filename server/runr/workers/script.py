"""The worker `script`: the task says itself what to do, in blocks marked `sh run`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from runr.config.settings import WorkerSettings
from runr.redaction import Redactor
from runr.workers import process
from runr.workers.program import limit_outcome, require_program, worker_variables
from runr.workers.protocol import Assignment, WorkReport
from runr.workers.transcript import Transcript

_MARK = ["sh", "run"]
_LIST_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])( {1,4})(?=\S)")
_FENCE = re.compile(r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)$")
# Indented further than this, a fence is the text of an indented block.
_INDENT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One script; `line` is the line of its fence, counted from 1."""

    line: int
    text: str
    closed: bool


def extract_scripts(markdown: str) -> tuple[Block, ...]:
    """Return the blocks marked `sh run`, in order; those in an HTML comment do not count."""
    # Not `splitlines`: a form feed in a script ends no line.
    originals = [line.removesuffix("\r") for line in markdown.split("\n")]
    expanded = [line.expandtabs(4) for line in originals]
    return tuple(_scripts(enumerate(expanded, start=1), originals))


def _scripts(lines: Iterator[tuple[int, str]], originals: list[str]) -> Iterator[Block]:
    items = [0]
    for number, line in lines:
        rest = _inside_items(line, items)
        if rest.startswith("<!--"):
            _skip_comment(rest, lines)
            continue
        fence = _FENCE.match(rest.lstrip(" "))
        indent = len(line) - len(rest.lstrip(" "))
        if fence is None or indent - items[-1] > _INDENT:
            continue
        text, closed = _body(fence["fence"], indent, items[-1], lines, originals)
        if fence["info"].split() == _MARK:
            yield Block(line=number, text=text, closed=closed)


def _inside_items(line: str, items: list[int]) -> str:
    """Return the text in the innermost list item, and keep track of where items begin."""
    rest = line.lstrip(" ")
    if not rest:
        return rest
    indent = len(line) - len(rest)
    while items[-1] > indent:
        items.pop()
    while indent - items[-1] <= _INDENT and (item := _LIST_ITEM.match(rest)):
        indent += item.end()
        items.append(indent)
        rest = rest[item.end() :]
    return line[items[-1] :]


def _skip_comment(rest: str, lines: Iterator[tuple[int, str]]) -> None:
    if "-->" not in rest:
        next((number for number, line in lines if "-->" in line), None)


def _body(
    fence: str, indent: int, item: int, lines: Iterator[tuple[int, str]], originals: list[str]
) -> tuple[str, bool]:
    """Return the text up to the closing fence, and whether there is one in the list item."""
    body: list[str] = []
    for number, line in lines:
        stripped = line.strip(" ")
        begins = len(line) - len(line.lstrip(" "))
        if stripped and begins < item:
            break
        closes = stripped.startswith(fence) and not stripped.strip(fence[0])
        if closes and begins <= indent + _INDENT:
            return "".join(body), True
        body.append(_dedent(originals[number - 1], indent) + "\n")
    return "".join(body), False


def _dedent(line: str, indent: int) -> str:
    """Take away what the fence was indented by; tabs of a here-document stay tabs."""
    blank = len(line) - len(line.lstrip(" "))
    return line[min(blank, indent) :]


_HOW_TO = "write one in the task:\n\n```sh run\necho hello > hello.txt\n```"


class Script:
    """Each block is a shell script of its own; the first that fails ends the attempt."""

    program = "sh"

    def preflight(self, settings: WorkerSettings, environment: Mapping[str, str]) -> None:
        """Refuse where there is no shell."""
        del settings
        require_program(self.program, environment)

    async def work(self, assignment: Assignment) -> WorkReport:
        """Run the task's blocks in order, all within one time limit."""
        blocks = extract_scripts(assignment.task_text)
        if not blocks:
            return _failed(f"the task has no block marked `sh run`; {_HOW_TO}")
        torn = next((block for block in blocks if not block.closed), None)
        if torn:
            return _failed(f"the block that begins in line {torn.line} is not closed")
        left = assignment.timeout_s
        with Transcript(assignment.transcript, Redactor(assignment.environment)) as transcript:
            for number, block in enumerate(blocks, start=1):
                ended = await _run(assignment, block, number, transcript, left)
                left -= ended.seconds
                transcript.exit(ended.exit_code, block=number)
                if ended.exit_code is None:
                    stop, reached = limit_outcome(assignment, ended)
                    summary = f"block {number} was {reached}\n{transcript.tail}"
                    return WorkReport(stop=stop, summary=summary.strip())
                if ended.exit_code:
                    summary = f"block {number} (line {block.line}) failed"
                    said = f"{summary} with exit code {ended.exit_code}\n{transcript.tail}"
                    return _failed(said.strip(), ended.exit_code)
        done = f"{len(blocks)} block{'s' if len(blocks) > 1 else ''} ran"
        return WorkReport(summary=f"{done}\n{transcript.tail}".strip(), exit_code=0)


async def _run(
    assignment: Assignment, block: Block, number: int, transcript: Transcript, timeout_s: float
) -> process.Ended:
    # The whole block is one argument, and the name after it is what the shell calls it in errors.
    return await process.run(
        (*assignment.launcher, Script.program, "-e", "-u", "-c", block.text, f"block-{number}"),
        cwd=assignment.workdir,
        env=worker_variables(assignment),
        on_line=partial(transcript.output, block=number),
        timeout_s=max(timeout_s, 0),
        stall_s=assignment.stall_s,
        marker=assignment.run_id,
    )


def _failed(summary: str, exit_code: int | None = None) -> WorkReport:
    return WorkReport(stop="worker_failed", summary=summary, exit_code=exit_code)
