"""What every command shares: `--json` and `--repo`, the project, and how an answer is shown."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from runr.app.project import Project
from runr.errors import RepositoryError

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Surface:
    """The terminal, and the repository that the command is about."""

    as_json: bool
    repo: str | None

    @property
    def start(self) -> Path:
        """The folder from which the repository is looked for."""
        folder = Path(self.repo) if self.repo else Path.cwd()
        if not folder.is_dir():
            raise RepositoryError(f"there is no folder {self.repo}")
        return folder

    def mcp_start(self, environment: Mapping[str, str]) -> Path:
        """The folder in which an MCP client means us to work; it need not exist."""
        return Path(self.repo or environment.get("CLAUDE_PROJECT_DIR") or Path.cwd())

    def project(self) -> Project:
        """Open the repository around the current folder, or the one that `--repo` names."""
        return Project.open(self.start, os.environ, warn=self.warn)

    def warn(self, message: str) -> None:
        """Say on standard error what must not go unnoticed."""
        click.echo(click.style("runr: ", fg="yellow") + message, err=True)

    def show(self, answer: A, render: Callable[[A], str]) -> None:
        """Print the answer: its model as JSON, or as `render` puts it."""
        click.echo(answer.model_dump_json(indent=2) if self.as_json else render(answer))

    def say(self, line: str) -> None:
        """Print a line of progress, for people only."""
        if not self.as_json:
            click.echo(line)


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a command: it gets a Surface first, then its own parameters."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        @click.pass_context
        def call(ctx: click.Context, /, *, as_json: bool, repo: str | None, **own: Any) -> Any:
            outer = ctx.obj or {}
            surface = Surface(as_json or outer.get("as_json", False), repo or outer.get("repo"))
            return function(surface, **own)

        call.__doc__ = function.__doc__
        shared = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(call)
        shared = click.option("--repo", metavar="DIR", help="Work in this repository.")(shared)
        # click collects options from the bottom up: the command's own come before the shared.
        own = getattr(function, "__click_params__", [])
        shared.__click_params__ = [*shared.__click_params__, *own]  # type: ignore[attr-defined]
        made: click.Command = click.command(name, **settings)(shared)
        return made

    return decorate


def task_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Complete a task's name in the shell."""
    repo = ctx.params.get("repo")
    try:
        project = Project.open(Path(repo) if repo else Path.cwd(), os.environ)
    except RepositoryError:
        return []
    return [task.name for task in project.tasks() if task.name.startswith(incomplete)]
