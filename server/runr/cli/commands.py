"""The commands of `runr`: their groups, help lines, modules and aliases.

A command's module is imported when the command is called: `runr --help` needs
this table only.
"""

import importlib
from collections.abc import Mapping
from typing import NamedTuple

import click

from runr.text import closest_match


class Entry(NamedTuple):
    """Where a command is defined, `module:function`, and its line in `runr --help`."""

    target: str
    help: str


#: group → name → command; the order is the order of `runr --help`.
GROUPS: Mapping[str, Mapping[str, Entry]] = {
    "Tasks": {
        "list-tasks": Entry("tasks:list_tasks", "List tasks with status and evidence."),
        "status": Entry("status:status", "Show what is done, running, waiting and stopped."),
        "task-status": Entry("tasks:task_status", "Show one task and its last run."),
        "next": Entry("tasks:next_task", "Show which task to do next."),
        "why": Entry("status:why", "Explain why a task is, or is not, completed."),
        "graph": Entry("graph:graph", "Show the dependency graph."),
        "new": Entry("setup:new", "Create a task file from a template."),
        "lint": Entry("lint:lint", "Check task files, settings and records."),
    },
    "Runs": {
        "run": Entry("runs:run", "Run tasks: work, verify, commit, record."),
        "runs": Entry("runs:runs", "List the latest runs, newest first."),
        "follow": Entry("runs:follow", "Show the progress of a run until it ends."),
        "report": Entry("reports:report", "Show what a run did and how it was verified."),
        "note": Entry("runs:note", "Add a progress note to an open run."),
        "stop": Entry("runs:stop", "Stop a run and keep its work."),
        "resume": Entry("runs:resume", "Resume a stopped run."),
    },
    "Jobs": {
        "list-jobs": Entry("jobs:list_jobs", "List jobs with their tracks, tasks and states."),
        "job": Entry("jobs:job", "Run, stop, resume and read jobs."),
        "upcoming": Entry("jobs:upcoming", "Show when jobs fire next, and which tasks are ready."),
        "scheduler": Entry("jobs:scheduler", "Start jobs when their schedules say so."),
    },
    "Decisions": {
        "complete-task": Entry("decisions:complete_task", "Complete a task."),
        "approve": Entry("decisions:approve", "Approve a run that waits for a person."),
        "reject": Entry("decisions:reject", "Reject a run that waits for a person."),
        "acknowledge": Entry("status:acknowledge", "Acknowledge a stale completion."),
        "reset": Entry("decisions:reset", "Take back a completion."),
    },
    "History and provenance": {
        "history": Entry("history:history", "Show everything that happened to a task."),
        "metrics": Entry("history:metrics", "Print figures as OpenMetrics text."),
        "verify": Entry("verify:verify", "Prove the recorded completions."),
        "health": Entry("health:health", "Show what in the records needs attention."),
        "audit": Entry("provenance:audit", "Audit commit provenance."),
        "intervene": Entry("provenance:intervene", "Commit manual work with a record."),
        "land": Entry("landing:land", "Land verified work that waits."),
        "submit": Entry("provenance:submit", "Merge the commits of a run or a job into a branch."),
        "clean": Entry("provenance:clean", "Remove worktrees and branches of ended runs."),
        "rebuild": Entry("setup:rebuild", "Rebuild the status file, the cache and the history."),
        "db": Entry("history:db", "Check, migrate and shrink the history database."),
        "import": Entry("interchange:import_", "Import tasks from another tool."),
        "export": Entry("interchange:export", "Export tasks, statuses and history."),
    },
    "Setup": {
        "init": Entry("setup:init", "Set up this repository."),
        "doctor": Entry("setup:doctor", "Check the installation and the settings."),
        "workers": Entry("setup:workers", "List or register workers."),
        "hooks": Entry("hooks:hooks", "List and test the lifecycle hooks of the settings."),
        "install": Entry("setup:install", "Install runr into an MCP client, or git hooks."),
        "completion": Entry("system:completion", "Print a shell completion script."),
        "demo": Entry("demo:demo", "Try runr in a small repository."),
        "version": Entry("system:version", "Print the version."),
    },
    "Called by other programs": {
        "mcp": Entry("system:mcp", "Serve MCP over standard input and output."),
        "hook": Entry("system:hook", "Answer a Claude Code hook event."),
        "merge-status": Entry("status:merge_status", "Merge two versions of the status file."),
    },
}

COMMANDS: Mapping[str, Entry] = {
    name: entry for group in GROUPS.values() for name, entry in group.items()
}

#: alias → command
ALIASES: Mapping[str, str] = {
    "list": "list-tasks",
    "ls": "list-tasks",
    "show": "task-status",
    "complete": "complete-task",
    "verify-tasks": "lint",
}


class CommandGroup(click.Group):
    """A group that imports a command when it is called, and suggests the nearest name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return the command or the one that an alias names; None if unknown."""
        entry = COMMANDS.get(ALIASES.get(cmd_name, cmd_name))
        if entry is None:
            return None
        module, function = entry.target.split(":")
        command = getattr(importlib.import_module(f"runr.cli.{module}"), function)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raise UsageError for an unknown command, with the nearest name."""
        known = [*COMMANDS, *ALIASES]
        if args and args[0] not in known and not args[0].startswith("-"):
            near = closest_match(args[0], known)
            hint = f"did you mean `runr {near}`?" if near else "see `runr --help`"
            raise click.UsageError(f"unknown command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the commands by group, then the aliases."""
        width = max(map(len, COMMANDS))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), entry.help) for name, entry in commands.items()]
                )
        with formatter.section("Aliases"):
            formatter.write_dl([(alias.ljust(width), name) for alias, name in ALIASES.items()])
