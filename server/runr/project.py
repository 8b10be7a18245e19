"""The composition root: one repository with its environment, passed to every operation."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runr import nofollow
from runr.clock import Clock, format_utc, utc_now
from runr.config.staleness import StalenessPolicy, load_policy
from runr.errors import (
    RepositoryError,
    RunrError,
    UnknownNameError,
    UnknownTaskError,
    UsageError,
)
from runr.git.folders import find_root, head_commit, is_unborn, main_tree, may_be_refused
from runr.next_steps import commands
from runr.next_steps.step import CLI, NextStep, Surface
from runr.runs.channel import UNCONFIRMED, Channel
from runr.status.model import Entry, State
from runr.status.store import DamagedStatusError, StatusIndex
from runr.storage.layout import Layout, RunFiles, choose_root
from runr.tasks.model import Task
from runr.tasks.names import Resolver
from runr.tasks.repository import TaskIndex
from runr.text import ProgressScope, closest_match

if TYPE_CHECKING:
    # Imported where they are used: a listing needs none of them.
    from runr.config.settings import Config
    from runr.execution.context import RunContext
    from runr.git.repo import Repo
    from runr.next_steps.setup import CommitFacts
    from runr.storage.state_dir import Caller

Value = TypeVar("Value")

#: The beginning of a run's id.
_RUN_ID = r"\d{8}-\d"

#: Lists show who decided; a longer text is no name.
_NAME_LENGTH = 200

#: Of as many entries, what was found out for all of them is not found out again.
_MANY = 500

_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"


def random_suffixes() -> Iterator[str]:
    """Yield four characters that distinguish runs of the same second."""
    while True:
        yield "".join(_LETTERS[byte % len(_LETTERS)] for byte in os.urandom(4))


class Memo:
    """A cache of one value per name, valid as long as its key is the same."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[object, ...], Any]] = {}

    def get(self, name: str, key: tuple[object, ...], make: Callable[[], Value]) -> Value:
        """Return the cached value of `name`; call `make` if the key has changed."""
        kept = self._kept.get(name)
        # Identical objects need no comparison.
        if kept is None or not all(a is b or a == b for a, b in zip(kept[0], key, strict=True)):
            kept = key, make()
            self._kept[name] = kept
        value: Value = kept[1]
        return value


class ProjectCache:
    """The caches of a repository in one process; each is validated before use."""

    def __init__(self) -> None:
        self.tasks = TaskIndex()
        self.statuses = StatusIndex()
        self.memo = Memo()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A repository, with everything that operations need from outside.

    `here` is the current folder, to resolve relative names; `warn` shows a message
    to the user; `surface` formats next steps; `doing` is a context manager around
    slow steps. `tree` is the current working tree; in a linked worktree the record
    (`layout`) is in the main one. `branch` is the one whose commits count, and that runs start
    from and land on, in place of the one that is checked out. `client` is the name of the MCP
    client that asks. `channel` is how a decision reaches this process; by default no
    person has confirmed it.
    """

    layout: Layout
    tree: Path
    here: Path
    environment: Mapping[str, str]
    clock: Clock = utc_now
    suffixes: Iterator[str] = field(default_factory=random_suffixes)
    warn: Callable[[str], None] = lambda _message: None
    surface: Surface = CLI
    doing: ProgressScope = nullcontext
    cache: ProjectCache = field(default_factory=ProjectCache, compare=False)
    branch: str | None = None
    client: str = ""
    channel: Channel = UNCONFIRMED

    @classmethod
    def open(
        cls,
        start: Path,
        environment: Mapping[str, str],
        *,
        warn: Callable[[str], None] = lambda _message: None,
        surface: Surface = CLI,
        doing: ProgressScope = nullcontext,
        cache: ProjectCache | None = None,
    ) -> "Project":
        """Open the repository that contains `start`; RepositoryError if there is none.

        With `cache`, only files that changed since its last use are read.
        """
        tree, here = find_root(start), start.resolve()
        layout = choose_root(tree, main_tree(tree))
        return cls(
            layout=layout,
            tree=tree,
            here=here,
            environment=environment,
            warn=warn,
            surface=surface.seen_from(str(here), str(layout.root)),
            doing=doing,
            cache=cache or ProjectCache(),
        )

    def for_caller(self, caller: "Caller") -> "Project":
        """Return the project with the session and the working tree of the caller."""
        environment = {**self.environment, "CLAUDE_CODE_SESSION_ID": caller.session_id}
        with suppress(RepositoryError):  # its folder may be outside of any repository
            there = Project.open(
                Path(caller.cwd), environment, warn=self.warn, surface=self.surface
            )
            if there.layout == self.layout and there.tree != self.tree:
                return replace(there, clock=self.clock, suffixes=self.suffixes)
        return replace(self, environment=environment)

    @property
    def repo(self) -> "Repo":
        """Git in the user's current working tree."""
        from runr.git.repo import Repo  # noqa: PLC0415 - see the imports

        return Repo(self.tree)

    def tip(self) -> str | None:
        """Return the last commit of the branch that counts; None where there is none."""
        return self.repo.resolve(f"refs/heads/{self.branch}") if self.branch else self.head()

    def head(self) -> str | None:
        """Return the commit that is checked out, None before the first one.

        git is asked once about each commit that the file of the branch names.
        """
        named = head_commit(self.tree)
        if named is None or not self.memo.get(
            "head", (self.tree, named), lambda: self._is_commit(named)
        ):
            return self.repo.head()
        return named

    @property
    def memo(self) -> Memo:
        """Cached values that are derived from the repository."""
        return self.cache.memo

    def config(self) -> "Config":
        """Read the settings; ConfigError if they are invalid."""
        from runr.config import loader  # noqa: PLC0415 - see the imports

        return loader.load(self.layout)

    def settings_problem(self) -> str | None:
        """Return why the settings are invalid; None where they are valid."""
        from runr.config import validity  # noqa: PLC0415 - see the imports

        return validity.find_problem(self.layout)

    def staleness_policy(self) -> StalenessPolicy:
        """Read the settings for staleness; the defaults if they are invalid."""
        return load_policy(self.layout)

    def tasks(self) -> tuple[Task, ...]:
        """Read all task files, in the natural order of their paths."""
        with self.doing("reading the task files"):
            return self.cache.tasks.scan(self.layout)

    def entries(self) -> Mapping[str, Entry]:
        """Read all status entries; reconcile dead runs and rebuild a damaged file first."""
        for folder in (self.layout.runs, self.layout.status_lock.parent, self.layout.worktrees):
            nofollow.refuse_links(folder)
        entries: Mapping[str, Entry]
        try:
            contents = self.cache.statuses.read(self.layout)
        except DamagedStatusError as damage:
            kept = f"kept aside as {self.layout.status.name}.corrupt-TIME"
            self.warn(f"{damage.message}; it is {kept} and rebuilt from runs and git commits")
            entries = self._rebuild_status()
        else:
            entries = contents.tasks
            if contents.read_only:
                return entries
        return self._reconciled(entries)

    def digest_of(self, entries: Mapping[str, Entry]) -> str | None:
        """Return what stands for many entries, if they are those of the status file as it is."""
        return self.cache.statuses.digest(entries) if len(entries) >= _MANY else None

    def repair(self, damage: DamagedStatusError) -> dict[str, Entry]:
        """Return the rebuilt entries of a damaged status file."""
        from runr.evidence import rebuild  # noqa: PLC0415 - see the imports

        return rebuild.entries(self.layout, damage.salvaged)

    def commit_facts(self, paths: Sequence[str], message: str) -> "CommitFacts":
        """Return whether, and as whom, new files at these paths can be committed."""
        from runr.git.repo import Repo  # noqa: PLC0415 - see the imports
        from runr.next_steps.setup import CommitFacts  # noqa: PLC0415 - see the imports

        repo = Repo(self.layout.root)
        possible = repo.refusal() is None and repo.operation() is None
        # Nothing is shown of what is ignored, or committed already.
        possible = possible and bool(repo.text("status", "--porcelain", "--", *paths))
        return CommitFacts(paths, message, possible, unnamed=repo.missing_identity())

    def refuse_inside(self, why: str) -> None:
        """Raise UsageError if this is called from inside a run: a run decides nothing itself.

        `why` ends the sentence. All that a person decides is refused here.
        """
        from runr.execution.inside import run_around  # noqa: PLC0415 - see the imports

        outer = run_around(self.layout, self.environment)
        if outer:
            raise UsageError(f"this is inside run {outer}: {why}")

    def person(self, by: str | None) -> str:
        """Return the name of the person who decides: `by`, or git's user if it is None.

        UsageError inside a run, whatever name is given.
        """
        self.refuse_inside("only a person outside of it attests, approves or accepts anything")
        name = self.repo.user() if by is None else by.strip()
        if not name:
            from runr.next_steps import setup  # noqa: PLC0415 - see the imports

            raise UsageError(
                "no name: pass --by NAME (`by` in MCP) or set git user.name",
                next_steps=[setup.set_identity(("user.name",))],
            )
        if not name.isprintable():
            raise UsageError(f"{name!r} is no name: it must be on one line, as plain text")
        if len(name) > _NAME_LENGTH:
            raise UsageError(f"a name has at most {_NAME_LENGTH} characters, not {len(name)}")
        if self._is_agent(name):
            raise UsageError(
                f"{name!r} is an agent, a model or a worker: only a person decides",
                next_steps=["pass the name of the person who decided: --by NAME (`by` in MCP)"],
            )
        return name

    def actor(self) -> str:
        """Return who acts where that needs no person: the client that asks, or the user."""
        client = "" if self.channel.is_person else self.channel.client
        return client or self.repo.user() or "a person"

    def _is_agent(self, name: str) -> bool:
        from runr.config.agent_names import is_agent  # noqa: PLC0415 - see the imports
        from runr.workers import registry  # noqa: PLC0415 - see the imports

        try:
            config = self.config()
        except RunrError:
            return is_agent(name)
        return is_agent(name, (*config.workers, *registry.names(config), self.client))

    def with_prerequisites(self, steps: Sequence[NextStep]) -> tuple[NextStep, ...]:
        """Return next steps behind what they need first: a git that works here, a first commit."""
        from runr.next_steps import setup  # noqa: PLC0415 - see the imports

        if not any(map(setup.needs_git, steps)):
            return tuple(steps)
        # Files answer for nearly all repositories, and start no process.
        if may_be_refused(self.tree) and (refused := self.repo.refusal()):
            return setup.repaired_first(steps, refused.message, refused.next_steps)
        if any(map(setup.starts_run, steps)) and self._is_unborn():
            return setup.commit_before_runs(steps, self.repo.missing_identity())
        return tuple(steps)

    def now(self) -> str:
        """Return the current time in the format of `format_utc`."""
        return format_utc(self.clock())

    def context(self, run: RunFiles) -> "RunContext":
        """Return the context in which a run is executed."""
        from runr.execution.context import RunContext  # noqa: PLC0415 - see the imports

        return RunContext.of(self.layout, run, self.environment, self.clock)

    def find_task(self, wanted: str, tasks: tuple[Task, ...]) -> Task:
        """Return the task named `wanted`; UnknownNameError names the nearest match."""
        resolver = self.memo.get("names", (tasks,), lambda: Resolver.of(tasks))
        matches = resolver.find(wanted) or resolver.find(self._from_root(wanted))
        if len(matches) == 1:
            return resolver.task(matches[0])
        if matches:
            raise UnknownNameError(f"task {wanted!r} is ambiguous: {', '.join(matches)}")
        names = [task.name.removesuffix(".md") for task in tasks]
        longer = next((name for name in names if wanted and name.startswith(wanted)), None)
        near = longer or closest_match(wanted.removesuffix(".md"), names)
        offer = f"; did you mean {near!r}?" if near else ""
        raise UnknownTaskError(
            f"there is no task {wanted!r}{offer}{self._elsewhere()}",
            next_steps=[commands.list_tasks()],
        )

    def is_run_id(self, wanted: str) -> bool:
        """Tell whether `wanted` can only be the id of a run, or its beginning."""
        return wanted == "latest" or re.match(_RUN_ID, wanted) is not None

    def find_run(self, wanted: str) -> RunFiles:
        """Return the run named `wanted`, or the last run of the task named `wanted`."""
        from runr.runs import journal  # noqa: PLC0415 - see the imports

        if not self.is_run_id(wanted):
            matches = Resolver.of(self.tasks()).find(wanted)
            run_id = self.entries().get(matches[0], Entry()).last_run_id if matches else None
            if len(matches) == 1 and run_id is None:
                raise UnknownNameError(
                    f"no worker has run {wanted} yet",
                    next_steps=[commands.status(wanted)],
                )
            if len(matches) == 1 and run_id is not None:
                return self.layout.run(run_id)
        return journal.find(self.layout, wanted)

    def _is_unborn(self) -> bool:
        """Tell whether the branch that is checked out has no commit."""
        unborn = is_unborn(self.tree)
        return self.repo.head() is None if unborn is None else unborn

    def _is_commit(self, name: str) -> bool:
        return self.repo.resolve(name) == name

    def _rebuild_status(self) -> dict[str, Entry]:
        from runr.status import store  # noqa: PLC0415 - see the imports

        return store.update(self.layout, dict, repair=self.repair)

    def _reconciled(self, entries: Mapping[str, Entry]) -> Mapping[str, Entry]:
        """Return the entries, with runs whose process is gone ended as interrupted."""
        from runr.status import open_again  # noqa: PLC0415 - see the imports

        again = open_again.find(self.layout, entries)
        if not again and all(each.status is not State.IN_PROGRESS for each in entries.values()):
            return entries
        from runr.execution.reconcile import reconcile  # noqa: PLC0415 - see the imports

        settled = reconcile(self.layout, entries, self.environment, self.clock, again)
        return entries if settled == entries else settled

    def _elsewhere(self) -> str:
        """Return a hint where the tasks are, for users of a linked worktree."""
        if self.tree == self.layout.root:
            return ""
        return f" in {self.layout.tasks}: a linked worktree has the tasks of the main working tree"

    def _from_root(self, wanted: str) -> str:
        """Resolve `wanted` relative to the current folder."""
        try:
            path = (self.here / wanted).resolve()
        except (OSError, ValueError):
            return wanted
        root = self.tree
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else wanted
