"""The receipt of a job run as a page in Markdown, for people. Pure."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from runr.jobs import receipt_timeline
from runr.jobs.receipt_model import Receipt, ReceiptTask
from runr.next_steps.step import Line
from runr.runs import stop_reasons
from runr.tasks.model import short_name
from runr.text import (
    display_width,
    escape_markdown,
    flat,
    format_duration,
    markdown_code,
    pad,
    pluralize,
)

_SIGNS = {
    "completed": "✓",
    "failed": "✗",
    "skipped": "-",
    "held": "!",
    "waiting": "○",
    "left_out": "-",
}
#: What is said of each task in the table of all.
_COLUMNS = (
    "task",
    "result",
    "evidence",
    "commit",
    "files",
    "attempts",
    "time",
    "cost",
    "tokens",
    "checks",
)
#: How many columns the longest bar of a task has, at most and at least.
_BAR, _SHORTEST_BAR = 40, 10


def render(receipt: Receipt, width: int | None = None) -> str:
    """Return the page: what happened first, then what needs a person, then every task.

    Where the table of tasks is wider than a terminal of `width` columns, it is a list.
    """
    parts = [
        f"# {escape_markdown(receipt.headline)}",
        "\n".join(_facts(receipt)),
        _section("Changed since", _since(receipt)),
        _section("What needs a person", _persons(receipt)),
        _section("What landed", _landed(receipt)),
        _section("Tasks", _tasks(receipt, width)),
        _section("Started, not completed", _unfinished(receipt)),
        _section("Not started", _not_started(receipt)),
        _section("Tracks", _tracks(receipt, width)),
        _section("Waits", _waits(receipt)),
        _section("Workers", _workers(receipt)),
        _section("Why tasks are not completed", _reasons(receipt)),
        _section("Next", (f"    {step}" for step in receipt.next_steps)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, lines: Iterator[str]) -> str:
    found = "\n".join(lines)
    return f"## {title}\n\n{found}" if found else ""


def _facts(receipt: Receipt) -> Iterator[str]:
    begun = _clock(receipt.created_at, date=True)
    end = f" to {_clock(receipt.ended_at)}" if receipt.ended_at else ""
    yield f"- job run {receipt.id}, {begun}{end} ({format_duration(receipt.seconds)})"
    done = sum(task.result == "completed" for task in receipt.tasks)
    asked = [task for task in receipt.tasks if task.result != "left_out"]
    yield f"- {done} of {pluralize(len(asked), 'task')} completed"
    yield from (
        f"- before any work was done, {escape_markdown(each)}" for each in receipt.base_failures
    )
    yield from (f"- {escape_markdown(each)}" for each in receipt.failed_hooks)
    yield f"- {_spent(receipt.cost_usd, receipt.input_tokens + receipt.output_tokens)}"


def _since(receipt: Receipt) -> Iterator[str]:
    for task in receipt.tasks:
        if task.now:
            yield f"- {_name(task)}: {task.result} then, now {escape_markdown(flat(task.now))}"


def _persons(receipt: Receipt) -> Iterator[str]:
    for task in receipt.tasks:
        if (task.result == "failed" or task.needs_human) and not task.now:
            yield f"- {_name(task)}: {escape_markdown(task.reason or task.result)}"
            detail = flat((task.detail or "").split("\n", 1)[0])
            if detail and detail != task.reason:
                yield f"  {escape_markdown(detail)}"
            if task.kept_branch:
                yield f"  its work is on the branch {escape_markdown(task.kept_branch)}"
            yield from _commands(task.next_steps, "      ")


def _commands(steps: Sequence[Line], indent: str) -> Iterator[str]:
    """Yield commands as a block of code, which Markdown takes as they are behind an empty line."""
    yield from ("", *(f"{indent}{flat(str(step))}" for step in steps)) if steps else ()


def _landed(receipt: Receipt) -> Iterator[str]:
    landed = [task for task in receipt.tasks if task.result == "completed" and task.commit_sha]
    if not landed:
        return
    where = f"{pluralize(len(landed), 'task')} landed on {escape_markdown(receipt.landed_on)}"
    tip = f", now at {receipt.tip_sha[:12]}" if receipt.tip_sha else ""
    yield f"{where}{tip}; it began at {receipt.base_sha[:12]}."
    if receipt.lands_on:
        yield f"{escape_markdown(receipt.lands_on)} has none of it yet. To bring it there:\n"
        yield f"    {receipt.land_step}"
        yield "\nAfter that, this takes one back, with its commit:\n"
    else:
        yield "\nThis takes one back, with its commit:\n"
    yield f"    {receipt.take_back_step}"


def _tasks(receipt: Receipt, width: int | None) -> Iterator[str]:
    ran = [task for task in receipt.tasks if task.run_ids or task.result == "completed"]
    rows = _table([_COLUMNS, *(tuple(_cells(task)) for task in ran)])
    if width is not None and any(display_width(row) > width for row in rows):
        yield from (line for task in ran for line in _entry(task))
    elif ran:
        yield from rows


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table in Markdown whose columns are aligned; the last may be of any length."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 3
    head, *others = [[pad(*cell) for cell in zip(row, widths, strict=True)] for row in rows]
    line = ["-" * max(3, width) for width in widths]
    return [f"| {' | '.join(row)} |" for row in (head, line, *others)]


def _cells(task: ReceiptTask) -> Iterator[str]:
    yield _name(task)
    yield f"{_SIGNS.get(task.result, '')} {escape_markdown(task.code or task.result)}".strip()
    yield task.evidence or ""
    yield (task.commit_sha or "")[:12]
    yield str(task.changed_count or "")
    yield str(task.attempts or "")
    yield "" if task.seconds is None else format_duration(task.seconds)
    yield "" if task.cost_usd is None else f"${task.cost_usd:.2f}"
    yield f"{task.input_tokens + task.output_tokens:,}"
    yield _checks(task, _cell)


def _entry(task: ReceiptTask) -> Iterator[str]:
    """Yield what a row of the table says, as an item of a list."""
    name, result, evidence, commit, _, _, seconds, cost, tokens, _ = _cells(task)
    files = pluralize(task.changed_count, "file") if task.changed_count else ""
    attempts = pluralize(task.attempts, "attempt") if task.attempts else ""
    yield f"- {name}"
    facts = (
        (result, evidence, commit, files),
        (_checks(task, markdown_code),),
        (attempts, seconds, cost, f"{tokens} tokens"),
    )
    yield from (f"  {', '.join(filter(None, some))}" for some in facts if any(some))


def _checks(task: ReceiptTask, written: Callable[[str], str]) -> str:
    return "; ".join(
        f"{'✓' if check.exit_code == 0 else '✗'} {written(check.command)} "
        f"{format_duration(check.seconds)}"
        for check in task.checks
    )


def _cell(command: str) -> str:
    return markdown_code(command).replace("|", "\\|")


def _unfinished(receipt: Receipt) -> Iterator[str]:
    for task in receipt.tasks:
        is_open = task.result in ("skipped", "waiting") and not task.needs_human
        if is_open and task.run_ids and receipt.ended_at:
            yield f"- {_name(task)}: {escape_markdown(task.reason or 'a resume continues its run')}"


def _not_started(receipt: Receipt) -> Iterator[str]:
    for task in receipt.tasks:
        is_open = task.result in ("skipped", "waiting", "left_out") and not task.needs_human
        if is_open and not task.run_ids:
            yield f"- {_name(task)}: {escape_markdown(task.reason or 'its turn did not come')}"
    for path, why in receipt.not_ready.items():
        yield f"- {escape_markdown(short_name(path))}, not ready: {escape_markdown(why)}"


def _tracks(receipt: Receipt, width: int | None) -> Iterator[str]:
    """Yield when each task was worked on, as a block of code for each track."""
    tasks = sorted(
        (task for task in receipt.tasks if task.started_at), key=lambda each: each.started_at or ""
    )
    if not tasks:
        return
    names = max(display_width(flat(short_name(task.path))) for task in tasks)
    room = _BAR if width is None else width - names - len("      ✓ 18:00-18:00  ")
    scale = receipt_timeline.scale_of(receipt, max(_SHORTEST_BAR, min(_BAR, room)))
    gap = ""
    for track in dict.fromkeys(task.track for task in tasks):
        yield f"{gap}{escape_markdown(track)}:\n"
        for task in tasks:
            if task.track == track:
                name = pad(flat(short_name(task.path)), names)
                bar = receipt_timeline.bar(task, scale)
                yield f"    {_SIGNS.get(task.result, ' ')} {name}  {_span(task)}  {bar}"
        gap = "\n"


def _span(task: ReceiptTask) -> str:
    end = f"-{_clock(task.ended_at)}" if task.ended_at else ""
    return f"{_clock(task.started_at or '')}{end:6}"


def _waits(receipt: Receipt) -> Iterator[str]:
    for task in receipt.tasks:
        for wait in task.waits:
            why = escape_markdown(stop_reasons.explain(wait.code, task.worker or "the worker"))
            if wait.ended_at is not None:
                end = f"{_clock(wait.ended_at)} ({format_duration(wait.seconds)})"
            else:
                end = f"{_clock(task.not_before or '')} at least" if task.not_before else "now"
            yield f"- {_name(task)}: {_clock(wait.started_at)} to {end}, {why}"


def _workers(receipt: Receipt) -> Iterator[str]:
    for each in receipt.workers:
        spent = _spent(each.cost_usd, each.input_tokens + each.output_tokens)
        yield f"- {escape_markdown(each.worker)}: {pluralize(each.tasks, 'task')}, {spent}"


def _reasons(receipt: Receipt) -> Iterator[str]:
    return (f"- {escape_markdown(code)}: {count}" for code, count in receipt.stop_reasons.items())


def _spent(cost: float | None, tokens: int) -> str:
    return f"{'no cost reported' if cost is None else f'${cost:.2f}'}, {tokens:,} tokens"


def _name(task: ReceiptTask) -> str:
    return escape_markdown(short_name(task.path))


def _clock(time: str, *, date: bool = False) -> str:
    here = datetime.fromisoformat(time).astimezone()
    return f"{here:%Y-%m-%d %H:%M}" if date else f"{here:%H:%M}"
