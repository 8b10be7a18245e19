"""The composition root: one repository and the outside world, passed down to every use case."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from runr import nofollow
from runr.clock import Clock, format_utc, utc_now
from runr.config import loader
from runr.config.settings import Config
from runr.errors import RepositoryError, UnknownNameError
from runr.evidence import rebuild
from runr.execution.context import RunContext
from runr.execution.reconcile import reconcile
from runr.git.repo import Repo, find_root, main_tree
from runr.runs import journal
from runr.runs.next_steps import CLI, Surface
from runr.runs.stop_reasons import quoted
from runr.status import store
from runr.status.model import Entry
from runr.status.store import DamagedStatusError
from runr.storage.layout import Layout, RunFiles, choose_root
from runr.storage.state_dir import Caller
from runr.tasks import repository
from runr.tasks.model import Task
from runr.tasks.names import Resolver
from runr.text import ProgressScope, closest_match

#: How the id of a run begins.
_RUN_ID = re.compile(r"\d{8}-\d")

_LETTERS = "abcdefghjkmnpqrstvwxyz23456789"


def random_suffixes() -> Iterator[str]:
    """Yield the four characters that tell runs of one second apart."""
    while True:
        yield "".join(secrets.choice(_LETTERS) for _ in range(4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A repository as the use cases see it.

    `here` is the folder that the user stands in, for names relative to it;
    `warn` is told what must not go unnoticed; `voice` says next steps in the
    words of the surface; `doing` surrounds what may take its time. `tree` is
    the working tree that is worked in: another than the one with the record, in
    a linked worktree.
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

    @classmethod
    def open(
        cls,
        start: Path,
        environment: Mapping[str, str],
        *,
        warn: Callable[[str], None] = lambda _message: None,
        surface: Surface = CLI,
        doing: ProgressScope = nullcontext,
    ) -> "Project":
        """Open the repository around `start`; RepositoryError where there is none."""
        tree = find_root(start)
        return cls(
            layout=choose_root(tree, main_tree(tree)),
            tree=tree,
            here=start.resolve(),
            environment=environment,
            warn=warn,
            surface=surface,
            doing=doing,
        )

    def for_caller(self, caller: Caller) -> "Project":
        """Return the project as another session sees it, from a working tree of this repository."""
        environment = {**self.environment, "CLAUDE_CODE_SESSION_ID": caller.session_id}
        with suppress(RepositoryError):  # its folder may be anywhere
            there = Project.open(
                Path(caller.cwd), environment, warn=self.warn, surface=self.surface
            )
            if there.layout == self.layout and there.tree != self.tree:
                return replace(there, clock=self.clock, suffixes=self.suffixes)
        return replace(self, environment=environment)

    @property
    def repo(self) -> Repo:
        """The repository's git, in the user's own working tree."""
        return Repo(self.tree)

    def config(self) -> Config:
        """Read the settings; ConfigError for what does not fit."""
        return loader.load(self.layout)

    def tasks(self) -> tuple[Task, ...]:
        """Read all task files, sorted by path."""
        with self.doing("reading the task files"):
            return repository.scan(self.layout)

    def entries(self) -> dict[str, Entry]:
        """Read all statuses, after ending the runs that died and mending a damaged file."""
        for folder in (self.layout.runs, self.layout.status_lock.parent, self.layout.worktrees):
            nofollow.refuse_links(folder)
        try:
            contents = store.read(self.layout)
        except DamagedStatusError as damage:
            self.warn(
                f"{damage.message}; it was kept aside and made again from runs and git commits"
            )
            entries = store.update(self.layout, dict, repair=self.repair)
        else:
            entries = contents.tasks
            if contents.read_only:
                return entries
        return reconcile(self.layout, entries, self.environment, self.clock)

    def repair(self, damage: DamagedStatusError) -> dict[str, Entry]:
        """Return the statuses that a damaged file should have held."""
        return rebuild.entries(self.layout, damage.salvaged)

    def now(self) -> str:
        """Return the time as it is written into files."""
        return format_utc(self.clock())

    def context(self, run: RunFiles) -> RunContext:
        """Return what is needed to carry on a run."""
        return RunContext.of(self.layout, run, self.environment, self.clock)

    def find_task(self, wanted: str, tasks: tuple[Task, ...]) -> Task:
        """Return the task that `wanted` names; UnknownNameError offers the near match."""
        resolver = Resolver.of(tasks)
        matches = resolver.find(wanted) or resolver.find(self._from_root(wanted))
        if len(matches) == 1:
            return next(task for task in tasks if task.path == matches[0])
        if matches:
            raise UnknownNameError(f"task {wanted!r} is ambiguous: {', '.join(matches)}")
        names = [task.name.removesuffix(".md") for task in tasks]
        begun = [name for name in names if wanted and name.startswith(wanted)]
        near = begun[0] if begun else closest_match(wanted.removesuffix(".md"), names)
        offer = f"; did you mean {near!r}?" if near else ""
        raise UnknownNameError(
            f"there is no task {wanted!r}{offer}{self._elsewhere()}",
            next_steps=["runr list-tasks"],
        )

    def find_run(self, wanted: str) -> RunFiles:
        """Return the run that `wanted` names: a run, or a task, of which it is the last run."""
        if not _RUN_ID.match(wanted) and wanted != "latest":
            tasks = self.tasks()
            matches = Resolver.of(tasks).find(wanted)
            run_id = self.entries().get(matches[0], Entry()).last_run_id if matches else None
            if len(matches) == 1 and run_id is None:
                raise UnknownNameError(
                    f"{wanted} has no run yet",
                    next_steps=[f"runr task-status {quoted(wanted)}"],
                )
            if len(matches) == 1 and run_id is not None:
                return self.layout.run(run_id)
        return journal.find(self.layout, wanted)

    def _elsewhere(self) -> str:
        """Say where tasks are looked for, to somebody who may have written one elsewhere."""
        if self.tree == self.layout.root:
            return ""
        return f" in {self.layout.tasks}: a linked worktree has the tasks of the main working tree"

    def _from_root(self, wanted: str) -> str:
        """Read `wanted` as a path from the folder that the user stands in."""
        try:
            path = (self.here / wanted).resolve()
        except (OSError, ValueError):
            return wanted
        root = self.tree
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else wanted
