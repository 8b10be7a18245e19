"""Where checks run: among the files of the workspace, or in a clean checkout of the candidate."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from runr import nofollow
from runr.errors import VerificationError
from runr.execution import (
    carry,
    foreign_code,
    installed_copies,
    kept_writes,
    mount_over,
    observed_reads,
    reserved_checkout,
)
from runr.execution.candidate import Built
from runr.execution.context import RunContext
from runr.execution.dependencies import Installed
from runr.execution.observed_reads import Reads
from runr.execution.reserved_checkout import Reserved, Trees
from runr.git import checkout_repository, clean_checkout
from runr.git.checkout_repository import SHARED_OBJECTS, Checkout, Content
from runr.git.repo import Repo
from runr.git.snapshot import Change
from runr.next_steps import commands
from runr.runs.model import Candidate, RunSpec, RunState
from runr.scope import patterns
from runr.storage import files
from runr.text import join_limited


class CheckPlace(Protocol):
    """A folder in which checks run, one after the other."""

    def begin(self, *, again: bool = False) -> None:
        """Make the place as the first check finds it; `again` also what a check may write."""

    def command(self, line: str) -> list[str]:
        """Return the program and arguments that run a check."""

    def folder(self) -> Path:
        """Return the working directory."""

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a check."""

    def shown(self, line: str) -> str:
        """Return a line of a check's output with paths that lead to the workspace."""

    def refuse_unprepared(self) -> None:
        """Raise VerificationError where the last check was never started, whatever its end says."""

    def finish(self) -> str:
        """Look at what the last check changed; return a note about what does not count."""

    @property
    def written(self) -> Sequence[Change]:
        """The changes to files that checks are declared to write."""


class Workspace:
    """The run's own files, ignored ones included, as they are."""

    def __init__(self, state: RunState) -> None:
        self._folder = Path(state.start.workdir)

    def begin(self, *, again: bool = False) -> None:
        """Leave everything as the last check left it."""

    def command(self, line: str) -> list[str]:
        """Return a shell with the command, which it gets unchanged."""
        return ["sh", "-c", line]

    def folder(self) -> Path:
        """Return the workspace."""
        return self._folder

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the environment as it is."""
        return dict(inherited)

    def shown(self, line: str) -> str:
        """Return the line as it is."""
        return line

    def refuse_unprepared(self) -> None:
        """Accept every end: nothing is prepared."""

    def finish(self) -> str:
        """Return nothing: what checks write here is part of the workspace."""
        return ""

    @property
    def written(self) -> Sequence[Change]:
        """Nothing: see `finish`."""
        return ()


class CleanCheckout:
    """A checkout of the candidate; where the system allows it, at the path of the repository."""

    def __init__(
        self,
        checkout: Checkout,
        content: Content,
        built: Built,
        trees: Trees,
        spec: RunSpec,
        *,
        carried_changes: Callable[[], tuple[str, ...]],
    ) -> None:
        self._carried_changes = carried_changes
        self.record = built.record
        self._checkout = checkout
        self._content = content
        self._built = built
        self._objects = built.source.common_dir() / "objects"
        self._trees = trees
        self._roots = trees.roots
        self._rewriting = None if built.record.mounted else trees.rewriting(checkout.path)
        self._workspace = built.source.path
        self._spec = spec
        self._sources = trees.roots[0]
        self._installed: Installed | None = None
        self._is_fresh = True
        self._has_changed = True
        self._failure = self._beside("failure")
        self._python = self._beside("python")
        self.written: Sequence[Change] = ()

    def finished_record(self) -> Candidate:
        """Return the record, with what has changed in carried folders until now."""
        return self.record._replace(carried_changes=self._carried_changes())

    def begin(self, *, again: bool = False) -> None:
        """Undo what the check before has changed, and lay the carried folders over it."""
        if self._installed is not None:
            return
        with _preparing():
            self._undo(again=again)
        self._is_fresh, self._has_changed = False, True
        for path in self.record.carried:
            source, target = self._sources / path, self._checkout.path / self._trees.inside(path)
            with _preparing():
                carry.prepare(source, target, self._scratch(path), self._rewriting)

    def _undo(self, *, again: bool) -> None:
        # A mount leaves only its place.
        copies = () if self.record.mounted else self._copies
        writes = self._spec.writes
        kept = self._checkout.path.with_name(f"{self._checkout.path.name}.kept")
        if not self._is_fresh:
            undo = clean_checkout.prepare if self._has_changed else clean_checkout.remove_others
            undo(self._checkout, self._content, copies if again else (*writes, *copies))
        if again and writes:
            kept_writes.restore(kept, self._checkout)
        elif writes and self._spec.verify_retries:
            kept_writes.save(self._checkout, kept, self._copies)

    def command(self, line: str) -> list[str]:
        """Return a shell with the command, below the mounts where there are any."""
        if self._rewriting is not None:
            line = foreign_code.keep_guard(self._rewriting.text(line), self._python)
            return ["sh", "-c", line]
        # Made here, so that a disk without room for it is no failure of the check.
        os.close(nofollow.open_file(self._failure, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
        mounts = {
            "roots": [str(root) for root in self._roots],
            "checkout": str(self._checkout.path),
            "objects": str(self._objects),
            "shared": f".git/{SHARED_OBJECTS}",
            "carried": [self._mount(path) for path in self.record.carried],
            "covered": [tuple(each) for each in self._trees.covered],
            "failure": str(self._failure),
        }
        return mount_over.program(mounts, "sh", "-c", line)

    def folder(self) -> Path:
        """Return the checkout, which is mounted over the repository once the command runs."""
        return self._checkout.path

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the environment; where nothing is mounted, its paths lead to the checkout."""
        if self._rewriting is None:
            return {**inherited, "PWD": str(self._roots[0])}
        changed = {name: self._rewriting.text(value) for name, value in inherited.items()}
        programs = self._beside("programs")
        nofollow.remove(programs)
        if foreign_code.link_programs(self._rewriting, inherited, programs):
            changed["PATH"] = f"{programs}{os.pathsep}{changed['PATH']}"
        nofollow.unlink(self._failure, missing_ok=True)
        foreign_code.guard_imports(self._rewriting, self._python, self._failure)
        after = changed.get("PYTHONPATH")
        changed["PYTHONPATH"] = os.pathsep.join(filter(None, (str(self._python), after)))
        return {**changed, "PWD": str(self._checkout.path)}

    def begin_setup(self) -> tuple[str, ...]:
        """Return the commands that install the dependencies, none where they are kept.

        Until `finish_setup`, nothing is reset and nothing is carried.
        """
        if not self._spec.setup:
            return ()
        where = str(self._roots[0] if self.record.mounted else self._checkout.path)
        checkouts = self._checkout.path.parent
        installed = Installed.find(checkouts, self._checkout, self._spec, where)
        if installed.folder is not None:
            self._carry_installed(installed)
            return ()
        self._installed = installed
        self.record, self._carried_changes = self.record._replace(carried=()), tuple
        return self._spec.setup

    def observe_setup(self) -> AbstractContextManager[Reads]:
        """Observe what the setup commands read of the commit."""
        if self._installed is None:
            return nullcontext(Reads())
        return observed_reads.observe(self._checkout.path, self._installed.folders(self._checkout))

    def finish_setup(self, reads: Reads) -> None:
        """Keep what the setup commands have installed."""
        if self._installed is not None:
            self._carry_installed(self._installed.keep(self._checkout, self._spec, reads))
            self._installed, self._is_fresh = None, False

    def _carry_installed(self, installed: Installed) -> None:
        self._sources = installed.folder or self._sources
        carried = _outside(self._built, self._trees, installed.carried)
        self.record = self.record._replace(carried=carried)

    def shown(self, line: str) -> str:
        """Return a line of output; a worker would follow the path of another folder."""
        if not self.record.mounted:
            return line.replace(f"{self._checkout.path}/", f"{self._workspace}/")
        for root in self._roots:
            if root != self._workspace and f"{root}/" in line:
                pattern = rf"{re.escape(str(root))}/(?!\.runr/)"
                line = re.sub(pattern, lambda _: f"{self._workspace}/", line)
        return line

    def refuse_unprepared(self) -> None:
        """Raise VerificationError where the last check could not run on the checkout.

        It could not be mounted, or, where it is not, a Python would have run other files.
        """
        if not nofollow.exists(self._failure):
            return
        why = nofollow.read(self._failure).decode(errors="replace").strip()
        nofollow.unlink(self._failure)
        if why and self._rewriting is not None:
            raise foreign_code.refused(why.split("\n")[0])
        if why:
            raise VerificationError(
                f"a check could not be started: {why.removeprefix('runr: ')}",
                next_steps=[commands.doctor()],
            )

    def finish(self) -> str:
        """Keep the changes to declared files, and return a note about the others."""
        if self._installed is not None:
            return ""
        untouched = clean_checkout.is_untouched(self._checkout, self._content)
        self._has_changed = not untouched
        # What checks are declared to write can be new files, too.
        if untouched and not self._spec.writes:
            return ""
        # Settings that the check has written could hide a change.
        checkout_repository.restore(self._checkout, self._content)
        others = () if untouched else clean_checkout.changed_files(self._checkout)
        if self._spec.writes:
            found = clean_checkout.changes(self._checkout, self._content.commit)
            own = [change for change in found if patterns.matches(change.path, self._spec.writes)]
            self.written = (*self.written, *own)
            others = tuple(path for path in others if path not in {each.path for each in own})
        return f"dropped its changes to {join_limited(others, 5)}" if others else ""

    def copy_written(self, workspace: Path) -> None:
        """Copy the changes to declared files into the workspace."""
        there = Repo(workspace, self._built.source.variables)
        clean_checkout.copy_changes(self._checkout, self.written, there)

    @property
    def _copies(self) -> tuple[str, ...]:
        return tuple(self._trees.inside(path) for path in self.record.carried)

    def _mount(self, path: str) -> dict[str, str]:
        scratch = self._scratch(path)
        return {
            "target": str(self._roots[0] / path),
            "source": str(self._sources / path),
            "upper": str(scratch / "upper"),
            "work": str(scratch / "work"),
        }

    def _beside(self, what: str) -> Path:
        return self._checkout.path.with_name(f"{self._checkout.path.name}.{what}")

    def _scratch(self, path: str) -> Path:
        return self._beside("carried") / path.replace("/", "%")


def _outside(built: Built, trees: Trees, found: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that hide nothing of the commit, which may have files where they are."""
    places = {path: trees.inside(path) for path in found}
    if not places:
        return ()
    ours = set(built.source.fields("ls-tree", "-z", "--name-only", built.commit, *places.values()))
    return tuple(path for path in found if places[path] not in ours)


@contextmanager
def clean(
    context: RunContext, state: RunState, built: Built, reserved: Reserved | None = None
) -> Iterator[CleanCheckout]:
    """Yield a clean checkout of the candidate that no other run uses meanwhile."""
    with ExitStack() as stack:
        if reserved is None:
            known = reserved_checkout.reserve(context, state, has_candidate=True)
            reserved = stack.enter_context(known)
        checkout, trees, mounted = reserved.checkout, reserved.trees, reserved.mounted
        found = reserved.carried()
        carried = _outside(built, trees, found)
        installed_copies.refuse(trees.roots, carried)
        record = built.record._replace(
            mounted=mounted,
            carried=carried,
            covered=tuple(each.path for each in trees.covered) if mounted else (),
        )
        if not mounted:
            rewriting = trees.rewriting(checkout.path)
            foreign_code.refuse_editable_installs(rewriting, context.environment)
        places = tuple(trees.inside(path) for path in carried)
        content = Content(
            source=built.source,
            commit=built.commit,
            known=built.known,
            refs=checkout_repository.list_refs(built.source),
            branch=state.start.target,
            carried=places,
        )
        keep = () if mounted else places
        with _preparing():
            clean_checkout.prepare(checkout, content, keep=keep, is_clean=reserved.take_clean())
        yield CleanCheckout(
            checkout,
            content,
            replace(built, record=record),
            trees,
            state.spec,
            carried_changes=partial(reserved.carried_changes, carried),
        )


@contextmanager
def _preparing() -> Iterator[None]:
    """Raise VerificationError for files that cannot be read or written: no check has failed."""
    try:
        yield
    except OSError as error:
        if error.errno in files.DISK_FULL:
            raise
        raise VerificationError(
            f"no clean checkout could be made: {error}", next_steps=[commands.doctor()]
        ) from error
