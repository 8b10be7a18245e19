"""What every command shares: `--json`, `--repo`, the project, and how an answer is printed."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from runr.cli import console, streams
from runr.errors import ConfigError, RepositoryError, RunrError
from runr.next_steps import commands
from runr.next_steps.step import Location, Surface
from runr.text import closest_match

if TYPE_CHECKING:
    from runr.project import Project

Answer = TypeVar("Answer")

# Everything but text and colours: a worker or a file name must not control the terminal.
# Marks of direction would let a terminal show letters in another order.
_CONTROL = (
    r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    r"|\x1b(?!\[[\d;]*m)"
)


class Invocation(NamedTuple):
    """How and where a command was called."""

    as_json: bool
    repo: str | None

    @property
    def start(self) -> Path:
        """Return the directory in which the search for the repository begins."""
        if self.repo is None:
            return _here()
        if not Path(self.repo).is_dir():
            raise RepositoryError(f"no such directory: {self.repo!r}")
        return Path(self.repo)

    @property
    def location(self) -> Location:
        """Where the command was typed, as far as its next steps have to say it."""
        # Only what was refused, or has a hint in its text, needs to know.
        from runr.git.folders import find_root  # noqa: PLC0415 - see above

        try:
            here = self.start.resolve()
            root = find_root(here)
        except RunrError:
            return Location(self.repo or "")
        elsewhere = self.repo or here != root
        return Location(self.repo or "", str(root) if elsewhere else "")

    def project(self) -> "Project":
        """Open the repository of the current directory, or the one that `--repo` names."""
        # `runr version` and a mistyped command need no models.
        from runr.project import Project  # noqa: PLC0415 - see above
        from runr.runs.channel import of_process  # noqa: PLC0415 - see above

        doing = console.show_progress(as_json=self.as_json)
        surface = Surface(is_shell=True, location=Location(repo=self.repo or ""))
        project = Project.open(self.start, os.environ, warn=self.warn, surface=surface, doing=doing)
        project = replace(project, channel=of_process(os.environ, is_terminal=os.isatty(0)))
        problem = project.settings_problem()
        if problem is not None:
            click.get_current_context().meta[console.WARNINGS] = [problem]
        return project

    def warn(self, message: str) -> None:
        """Print a warning to standard error."""
        streams.complain(click.style("runr: ", fg="yellow") + message)

    def show(self, answer: Answer, render: Callable[[Answer], str]) -> None:
        """Print the answer as JSON, or as text with `render`."""
        if not self.as_json:
            click.echo(_without_controls(render(answer)))
            return
        from runr.cli.answers import answer_document  # noqa: PLC0415 - most answers are for people

        click.echo(answer_document(answer))

    def say(self, line: str) -> None:
        """Print a line of progress; nothing with `--json`."""
        if not self.as_json:
            click.echo(_without_controls(line))


def command(
    name: str, *, reports_settings: bool = False, **settings: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a command that gets an Invocation first, then its own parameters.

    Where the settings are invalid it says so at the end, unless its answer does.
    """

    def decorate(function: Callable[..., Any]) -> click.Command:
        @click.pass_context
        def call(ctx: click.Context, /, *, as_json: bool, repo: str | None, **own: Any) -> Any:
            outer = ctx.obj or {}
            invocation = Invocation(
                as_json or outer.get("as_json", False), repo or outer.get("repo")
            )
            ctx.meta[console.LOCATION] = lambda: invocation.location
            said = reports_settings
            try:
                return function(invocation, **own)
            except RunrError as error:
                same = error.message in ctx.meta.get(console.WARNINGS, ())
                said = said or same or isinstance(error, ConfigError)
                error.warnings = () if said else tuple(ctx.meta.get(console.WARNINGS, ()))
                if error.next_steps:
                    location = invocation.location
                    error.next_steps = tuple(step.at(location) for step in error.next_steps)
                raise
            finally:
                for problem in () if said else ctx.meta.get(console.WARNINGS, ()):
                    invocation.warn(problem)

        call.__doc__ = function.__doc__
        shared = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(call)
        shared = click.option("--repo", metavar="DIR", help="Use the repository at DIR.")(shared)
        # click collects options from the bottom up; the command's own come before the shared.
        own = getattr(function, "__click_params__", [])[::-1]
        return click.command(name, cls=click.Command, params=own, **settings)(shared)

    return decorate


class Subcommands(click.Group):
    """A command with commands of its own, which suggests the nearest one."""

    def command_of(self, name: str) -> Callable[[Callable[..., Any]], click.Command]:
        """Make a function one of these commands, as `command` does."""

        def decorate(function: Callable[..., Any]) -> click.Command:
            made = command(name)(function)
            self.add_command(made)
            return made

        return decorate

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raise UsageError for an unknown command, with the nearest name."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            near = closest_match(args[0], self.commands)
            known = f"write one of {', '.join(self.commands)}"
            hint = f"did you mean `runr {self.name} {near}`?" if near else known
            raise click.UsageError(f"unknown command {self.name} {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


def group(name: str) -> Callable[[Callable[..., Any]], Subcommands]:
    """Make a function a command with others below it, before which the shared options may stand."""

    def decorate(function: Callable[..., Any]) -> Subcommands:
        @click.pass_context
        def call(ctx: click.Context, /, *, as_json: bool, repo: str | None) -> None:
            outer = ctx.obj or {}
            known = {"as_json": as_json or outer.get("as_json", False)}
            ctx.obj = known | {"repo": repo or outer.get("repo")}

        call.__doc__ = function.__doc__
        shared = click.option("--json", "as_json", is_flag=True, help="Print JSON.")(call)
        shared = click.option("--repo", metavar="DIR", help="Use the repository at DIR.")(shared)
        return click.group(name, cls=Subcommands)(shared)

    return decorate


def task_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the task names that begin with `incomplete`, for the shell."""
    # As in `Invocation.project`.
    from runr.project import Project  # noqa: PLC0415 - see above

    repo = ctx.params.get("repo")
    try:
        project = Project.open(Path(repo) if repo else Path.cwd(), os.environ)
    except RepositoryError:
        return []
    return [task.name for task in project.tasks() if task.name.startswith(incomplete)]


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise RepositoryError(
            "the current directory does not exist", next_steps=[commands.program("cd")]
        ) from None


def _without_controls(text: str) -> str:
    if text.replace("\n", "").isprintable():
        return text  # and the expression need not be compiled
    return re.sub(_CONTROL, "", text)
