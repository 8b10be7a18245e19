"""The paths of all files below `.runr`. No other module builds them.

Tuples, not dataclasses: a hook of Claude Code, for which every tool call waits, would load those
longer than it works.
"""

from pathlib import Path
from typing import NamedTuple

TASKS = ".runr/tasks"


class RunFiles(NamedTuple):
    """The files of one run in the working tree at `root`; attempts are counted from 1."""

    folder: Path
    root: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def timeline(self) -> Path:
        return self.folder / "timeline.jsonl"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def task(self) -> Path:
        return self.folder / "task.md"

    @property
    def config(self) -> Path:
        return self.folder / "config.json"

    @property
    def refs(self) -> Path:
        """The refs of the repository when the run began."""
        return self.folder / "refs"

    @property
    def diff(self) -> Path:
        return self.folder / "diff.patch"

    @property
    def report(self) -> Path:
        return self.folder / "report.md"

    @property
    def runner_log(self) -> Path:
        return self.folder / "runner.log"

    @property
    def hooks_lock(self) -> Path:
        """What is held while lifecycle hooks of the run are called that others wait for."""
        return self.folder / "hooks.lock"

    @property
    def git_data(self) -> Path:
        """What git needs to compare the working tree with what the run found."""
        return self.folder / "git"

    def prompt(self, part: int | str) -> Path:
        """Return where a prompt is kept: of an attempt, of `plan`, or of `2-review`."""
        return self.folder / f"prompt-{part}.md"

    def transcript(self, part: int | str) -> Path:
        return self.folder / f"worker-{part}.jsonl"

    def verify_log(self, attempt: int) -> Path:
        return self.folder / f"verify-{attempt}.log"


class Layout(NamedTuple):
    """One repository's files."""

    root: Path

    @property
    def runr(self) -> Path:
        return self.root / ".runr"

    @property
    def ignore(self) -> Path:
        return self.runr / ".gitignore"

    @property
    def attributes(self) -> Path:
        return self.root / ".gitattributes"

    @property
    def config(self) -> Path:
        return self.runr / "config.toml"

    @property
    def old_config(self) -> Path:
        """The earlier TypeScript tool's settings."""
        return self.runr / "runr.config.json"

    @property
    def tasks(self) -> Path:
        return self.root / TASKS

    @property
    def templates(self) -> Path:
        return self.runr / "templates"

    @property
    def status(self) -> Path:
        return self.runr / "task-status.json"

    @property
    def status_lock(self) -> Path:
        return self.runr / "locks" / "status"

    def landing_queue(self, branch: str) -> Path:
        """Return the queue of those who move a branch; names that look alike share one."""
        return self.runr / "locks" / f"landing-{branch.replace('/', '%')[:60]}"

    @property
    def database(self) -> Path:
        return self.runr / "runr.db"

    @property
    def history(self) -> Path:
        return self.runr / "history.db"

    @property
    def history_lock(self) -> Path:
        return self.runr / "locks" / "history"

    @property
    def hooks_log(self) -> Path:
        return self.runr / "hooks.log"

    @property
    def greeting(self) -> Path:
        """The summary for the next Claude Code session, valid as long as nothing has changed."""
        return self.runr / "greeting.json"

    @property
    def callers(self) -> Path:
        """Which session has called which tool of the server, and where from."""
        return self.runr / "callers.json"

    @property
    def callers_lock(self) -> Path:
        return self.runr / "locks" / "callers"

    @property
    def runs(self) -> Path:
        return self.runr / "runs"

    def run(self, run_id: str) -> RunFiles:
        return RunFiles(self.runs / run_id, self.root)

    @property
    def jobs(self) -> Path:
        return self.runr / "jobs"

    @property
    def job_runs(self) -> Path:
        return self.runr / "job-runs"

    @property
    def job_firings(self) -> Path:
        """When each job has fired last."""
        return self.job_runs / ".fired.json"

    @property
    def job_starts_lock(self) -> Path:
        """Held while a job run is begun or resumed, so that two never begin at once."""
        return self.runr / "locks" / "job-starts"

    @property
    def job_firings_lock(self) -> Path:
        return self.runr / "locks" / "job-firings"

    def job_run(self, job_run_id: str) -> RunFiles:
        """Return the files of a job run: journal, state, lock and log are those of a run."""
        return RunFiles(self.job_runs / job_run_id, self.root)

    def reopened(self, folder: str) -> Path:
        """Return the notes of journals in `folder` that grow after their end."""
        return self.runr / "locks" / f"reopened-{folder}"

    @property
    def damaged_runs(self) -> Path:
        """Where `runr rebuild` keeps runs whose journal cannot be read."""
        return self.runr / "damaged-runs"

    @property
    def worktrees(self) -> Path:
        return self.runr / "worktrees"

    def worktree(self, run_id: str) -> Path:
        return self.worktrees / run_id

    @property
    def checkouts(self) -> Path:
        """Where commits are checked out to be verified, if nothing can be mounted."""
        return self.runr / "checkouts"

    def checkout_lock(self, name: str) -> Path:
        """Return what is held while a run uses one of the checkouts."""
        return self.runr / "locks" / f"checkout-{name}"


def choose_root(tree: Path, main: Path | None) -> Layout:
    """Return the location of the record of a working tree.

    That is the main working tree, unless the worktree has begun a record of its
    own, or the main tree knows nothing of runr.
    """
    own = Layout(tree)
    if main is None or own.status.exists() or own.runs.exists():
        return own
    shared = Layout(main)
    return shared if shared.runr.is_dir() else own
