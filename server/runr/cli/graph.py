"""The command `graph`: the dependency graph as a tree or a picture."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import click

from runr.cli import console, render_tasks
from runr.cli.answers import answer_document
from runr.cli.app import Invocation, command, task_names
from runr.cli.console import Choice, style
from runr.cli.filters import filtered
from runr.graphics import chart, svg, tree
from runr.graphics.dependency_graph import (
    DependencyView,
    gather,
    graph_chart,
    graph_result,
    graph_steps,
)
from runr.graphics.tree import Line
from runr.next_steps import commands
from runr.query.filters import Filter
from runr.query.task_state import DisplayStatus, TaskState

#: The most names of a critical path that are shown.
_CHAIN = 6


def render_graph(graphed: DependencyView, *, depth: int, limit: int) -> str:
    """Return the graph as a tree, each task below its dependencies."""
    if not graphed.paths:
        steps = console.written(graph_steps(graphed))
        return "\n".join(["No tasks.", *console.render_next_steps(steps)])
    message = [_summary(graphed), *_cycles(graphed)]
    if graphed.about is None:
        message += _cut(_forest(graphed, depth), limit)
    else:
        message += _around(graphed, graphed.about, depth, limit)
    return "\n".join(message)


def _summary(graphed: DependencyView) -> str:
    counts = Counter[str](graphed.task_states[path].display_status for path in graphed.paths)
    lines = [console.render_counts(counts)]
    if len(graphed.critical) > 1:
        names = [render_tasks.shown_path(path) for path in graphed.critical]
        left = len(names) - _CHAIN
        shown = names if left <= 1 else [*names[: _CHAIN - 1], f"{left} more", names[-1]]
        lines.append(f"critical path, {len(names)} tasks: {' → '.join(shown)}")
    return "\n".join(lines)


def _cycles(graphed: DependencyView) -> list[str]:
    ways = dict.fromkeys(graphed.snapshot.graph.cycles.values())
    inside = frozenset(graphed.paths)
    return [
        style(f"cycle: {' → '.join(map(render_tasks.shown_path, way))}", fg="red")
        for way in ways
        if not inside.isdisjoint(way)
    ]


def _forest(graphed: DependencyView, depth: int) -> Iterator[str]:
    needs, below = graphed.needs, graphed.unblocks
    roots = [path for path, ends in needs.items() if not ends]
    roots += _entrances(needs, below, roots)
    for line in tree.lines(roots, below, depth=depth, alike=_kind_of(graphed)):
        yield _line(graphed, line)


def _entrances(
    needs: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]], roots: Sequence[str]
) -> list[str]:
    """Return one task of each cycle that no root leads to."""
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


def _around(graphed: DependencyView, about: str, depth: int, limit: int) -> Iterator[str]:
    """Yield the dependencies of the task, then its dependents."""
    needs, below = graphed.needs, graphed.unblocks
    for heading, links in (("needs", needs), ("unblocks", below)):
        if not links[about]:
            yield f"{heading} nothing"
            continue
        yield f"{heading}:"
        drawn = tree.lines([about], links, depth=depth, alike=_kind_of(graphed))
        yield from _cut((_line(graphed, line) for line in drawn), limit)


def _kind_of(graphed: DependencyView) -> Callable[[str], str]:
    return lambda path: graphed.task_states[path].display_status


def _cut(lines: Iterator[str], limit: int) -> Iterator[str]:
    if not limit:
        yield from lines
        return
    yield from islice(lines, limit)
    left = sum(1 for _ in lines)
    if left:
        yield f"… and {left} more lines: --limit 0 shows all, --where is:open or --path filters"


def _line(graphed: DependencyView, line: Line) -> str:
    task_state = graphed.task_states[line.path]
    kind = task_state.display_status
    stem = style(line.stem, dim=True)
    if line.kind == "more":
        return stem + style(f"… and {line.count} more, {console.status_label(kind)}", dim=True)
    sign = style(chart.sign(task_state), fg=console.STATUS_COLORS[kind])
    named = f"{stem}{sign} {render_tasks.shown_path(line.path)}"
    match line.kind:
        case "again":
            return f"{named}  {style('(above)', dim=True)}"
        case "round":
            return f"{named}  {style('(cycle)', fg='red')}"
        case "deeper":
            below = console.written([commands.graph(line.path)])[0]
            more = f"… {line.count} more below: {below}"
            return f"{named}  {_remark(task_state, kind)}  {style(more, dim=True)}"
        case _:
            return f"{named}  {_remark(task_state, kind)}"


def _remark(task_state: TaskState, kind: DisplayStatus) -> str:
    message = style(
        console.status_label(kind), fg=console.STATUS_COLORS[kind], dim=kind == "blocked"
    )
    wrong = [cause for cause in task_state.blocked_by if "(" in cause]
    problem = task_state.task.error
    wrong += [problem.message] if problem else []
    return "  ".join([message, *(style(text, fg="red") for text in wrong)])


_PICTURES = {"mermaid": chart.render_mermaid, "dot": chart.render_dot, "svg": svg.render_svg}


@command("graph")
@click.argument("about", required=False, metavar="[TASK]", shell_complete=task_names)
@filtered()
@click.option(
    "--format",
    "form",
    type=Choice(["tree", "json", *_PICTURES]),
    default="tree",
    help="Output format.",
)
@click.option("--depth", type=click.IntRange(1, 100), default=12, help="Maximum depth of the tree.")
@click.option(
    "--limit", type=click.IntRange(0), default=300, help="Maximum number of lines; 0 for all."
)
def graph(
    invocation: Invocation, about: str | None, form: str, depth: int, limit: int, *, wanted: Filter
) -> None:
    """Show the dependency graph.

    With TASK, show only its dependencies and its dependents.
    """
    graphed = gather(invocation.project(), wanted, about)
    if form == "json" or invocation.as_json:
        click.echo(answer_document(graph_result(graphed)))
    elif form == "tree":
        invocation.say(render_graph(graphed, depth=depth, limit=limit))
    else:
        click.echo(_PICTURES[form](graph_chart(graphed)), nl=False)
