"""The graph of the tasks as an indented tree."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from click import style

from runr.app.tasks.graph import Graphed
from runr.cli import task_render
from runr.core import chart, tree
from runr.core.chart import Kind
from runr.core.standing import Standing
from runr.core.stops import quoted
from runr.core.tree import Line

_COLOURS: dict[Kind, str | None] = {
    "completed": "green",
    "in_progress": "cyan",
    "ready": None,
    "waiting": "magenta",
    "blocked": None,
    "stopped": "yellow",
    "failed": "red",
    "stale": "yellow",
}
_COUNTED: dict[Kind, str] = {"in_progress": "at work", "waiting": "for a person"}
_SPOKEN = _COUNTED | {"waiting": "waits for a person"}

#: Names of a chain that are shown; the rest are counted.
_CHAIN = 6


def graph(graphed: Graphed, *, depth: int, limit: int) -> str:
    """Return the graph with what waits for what, each task below those that it needs."""
    if not graphed.paths:
        return "No task matches."
    told = [_summary(graphed), *_cycles(graphed)]
    if graphed.about is None:
        told += _cut(_forest(graphed, depth), limit)
    else:
        told += _around(graphed, graphed.about, depth, limit)
    return "\n".join(told)


def _summary(graphed: Graphed) -> str:
    kinds = Counter(chart.kind(graphed.standings[path]) for path in graphed.paths)
    counted = [
        style(f"{kinds[kind]} {_COUNTED.get(kind, kind)}", fg=_COLOURS[kind])
        for kind in chart.KINDS
        if kinds[kind]
    ]
    total = "1 task" if len(graphed.paths) == 1 else f"{len(graphed.paths)} tasks"
    lines = [f"{total}: {', '.join(counted)}"]
    if len(graphed.critical) > 1:
        names = [task_render.shown_path(path) for path in graphed.critical]
        left = len(names) - _CHAIN
        shown = names if left <= 1 else [*names[: _CHAIN - 1], f"{left} more", names[-1]]
        lines.append(f"critical path, {len(names)} tasks: {' → '.join(shown)}")
    return "\n".join(lines)


def _cycles(graphed: Graphed) -> list[str]:
    ways = dict.fromkeys(graphed.board.graph.cycles.values())
    inside = frozenset(graphed.paths)
    return [
        style(f"cycle: {' → '.join(map(task_render.shown_path, way))}", fg="red")
        for way in ways
        if not inside.isdisjoint(way)
    ]


def _forest(graphed: Graphed, depth: int) -> Iterator[str]:
    needs, below = graphed.needs, graphed.unblocks
    roots = [path for path, ends in needs.items() if not ends]
    roots += _entrances(needs, below, roots)
    for line in tree.lines(roots, below, depth=depth, alike=_likeness(graphed)):
        yield _line(graphed, line)


def _entrances(
    needs: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]], roots: Sequence[str]
) -> list[str]:
    """Return a task of each way round, which nothing else leads to."""
    seen, found = set(roots), []
    waiting = list(roots)
    for path in needs:
        while waiting:
            fresh = [end for end in below[waiting.pop()] if end not in seen]
            seen.update(fresh)
            waiting += fresh
        if path not in seen:
            found.append(path)
            seen.add(path)
            waiting.append(path)
    return found


def _around(graphed: Graphed, about: str, depth: int, limit: int) -> Iterator[str]:
    """Yield what the task needs, and then what waits for it."""
    needs, below = graphed.needs, graphed.unblocks
    for heading, links in (("needs", needs), ("unblocks", below)):
        if not links[about]:
            yield f"{heading} nothing"
            continue
        yield f"{heading}:"
        drawn = tree.lines([about], links, depth=depth, alike=_likeness(graphed))
        yield from _cut((_line(graphed, line) for line in drawn), limit)


def _likeness(graphed: Graphed) -> Callable[[str], str]:
    return lambda path: chart.kind(graphed.standings[path])


def _cut(lines: Iterator[str], limit: int) -> Iterator[str]:
    if not limit:
        yield from lines
        return
    yield from islice(lines, limit)
    left = sum(1 for _ in lines)
    if left:
        yield f"… and {left} more lines: --limit 0 shows all, --where is:open or --path some"


def _line(graphed: Graphed, line: Line) -> str:
    standing = graphed.standings[line.path]
    kind = chart.kind(standing)
    stem = style(line.stem, dim=True)
    if line.kind == "more":
        return stem + style(f"… and {line.count} more, {_COUNTED.get(kind, kind)}", dim=True)
    sign = style(chart.sign(standing), fg=_COLOURS[kind])
    named = f"{stem}{sign} {task_render.shown_path(line.path)}"
    match line.kind:
        case "again":
            return f"{named}  {style('(above)', dim=True)}"
        case "round":
            return f"{named}  {style('(round again)', fg='red')}"
        case "deeper":
            name = quoted(standing.task.name)
            more = f"… {line.count} more below: runr graph {name}"
            return f"{named}  {_remark(standing, kind)}  {style(more, dim=True)}"
        case _:
            return f"{named}  {_remark(standing, kind)}"


def _remark(standing: Standing, kind: Kind) -> str:
    told = style(_SPOKEN.get(kind, kind), fg=_COLOURS[kind], dim=kind == "blocked")
    wrong = [cause for cause in standing.blocked_by if "(" in cause]
    problem = standing.task.error
    wrong += [problem.message] if problem else []
    return "  ".join([told, *(style(text, fg="red") for text in wrong)])
