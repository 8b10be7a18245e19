"""Run the checks of a completion again, in a clean checkout of its commit or of the current one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import anyio

from runr.errors import GitError, VerificationError
from runr.execution import verification
from runr.execution.candidate import Built
from runr.execution.context import RunContext
from runr.git import quarantine
from runr.git.repo import Repo
from runr.project import Project
from runr.proof.report import CheckedAgain
from runr.proof.rules import Facts
from runr.runs import spec
from runr.runs.events import PhaseStarted
from runr.runs.model import Candidate, Phase, RunCreated, RunSpec
from runr.storage.layout import RunFiles
from runr.tasks.model import short_name

#: Characters of a failed check's output.
_TAIL = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecker:
    """Runs the recorded checks of completions on the `recorded` commit or on the `current` one.

    Nothing is recorded, and nothing of the user's working tree is touched.
    """

    project: Project
    on: Literal["recorded", "current"] = "recorded"

    def __call__(self, facts: Facts) -> CheckedAgain | None:
        """Return how the checks ended; None where the completion has none."""
        checked = self._spec(facts)
        if not checked.checks:
            return None
        sha = self._commit(facts)
        if sha is None:
            return _impossible("there is no commit here to check it on")
        if self.project.repo.resolve(f"{sha}^{{commit}}") is None:
            return _impossible(f"{sha[:12]} is not here, so its checks cannot be run again", sha)
        name = short_name(facts.task)
        with self.project.doing(f"checking {name} again on {sha[:12]}"):
            try:
                return self._check(facts, checked, sha)
            except (GitError, VerificationError) as error:
                why = f"{sha[:12]} could not be checked out, so its checks were not run again"
                return _impossible(f"{why}: {error.message}", sha)

    def _spec(self, facts: Facts) -> RunSpec:
        """Return what the run checked; of a run that is not here, what the settings ask for."""
        run = facts.run
        if run is not None and run.start.task == facts.task:
            return run.spec._replace(checks=spec.checks_of(run.spec, run.verification.checks))
        tasks = {task.path: task for task in self.project.tasks()}
        task = tasks.get(facts.task)
        return spec.build_spec(task, self.project.config()) if task else RunSpec()

    def _commit(self, facts: Facts) -> str | None:
        if self.on == "current":
            return self.project.repo.head()
        match = facts.match.sha if facts.match else None
        known = facts.landed or facts.commit
        if known or match:
            return known.sha if known else match
        # Of an attestation, what was checked out.
        run = facts.run
        return (run.checkpoint_sha or run.start.base_sha or None) if run else None

    def _check(self, facts: Facts, checked: RunSpec, sha: str) -> CheckedAgain:
        tree = self.project.repo.text("rev-parse", f"{sha}^{{tree}}")
        start = RunCreated(
            task=facts.task,
            worker="person",
            workdir=str(self.project.layout.root),
            base_sha=sha,
            base_tree=tree,
            spec=checked,
            branch="HEAD",
            target=self.project.repo.branch(),
        )
        root = Repo(self.project.layout.root)
        with self._context() as context, quarantine.temporary(root) as source:
            context.journal.append(start)
            state = context.journal.append(PhaseStarted(Phase.VERIFY))
            built = Built(record=Candidate(tree, tree), commit=sha, source=source, known=(sha,))
            done = anyio.run(verification.verify_candidate, context, state, built)
        failed = next((check for check in done.checks if check.failed), None)
        return CheckedAgain(
            commit_sha=sha,
            passed=failed is None and not done.written,
            seconds=round(sum(check.seconds for check in done.checks), 1),
            failed_command=failed.command if failed else None,
            tail=failed.tail[-_TAIL:] if failed else "",
            message=_message(sha, failed.command if failed else None, written=done.written),
        )

    @contextmanager
    def _context(self) -> Iterator[RunContext]:
        """Yield a context whose journal and logs are gone afterwards."""
        project = self.project
        with TemporaryDirectory(prefix="runr-recheck-") as folder:
            run = RunFiles(Path(folder).resolve(), project.layout.root)
            yield RunContext.of(project.layout, run, project.environment, project.clock)


def _impossible(why: str, sha: str = "") -> CheckedAgain:
    return CheckedAgain(commit_sha=sha, passed=False, message=why)


def _message(sha: str, failed: str | None, *, written: bool) -> str:
    if failed:
        return f"`{failed}` fails on commit {sha[:12]}"
    return "its checks change files of verify.writes" if written else ""
