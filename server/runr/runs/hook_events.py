"""What the journals of runs and of jobs say about lifecycle hooks. Pure.

Reading a journal loads it, which hooks of Claude Code do on every tool call: it is a named tuple.
"""

from typing import NamedTuple


class WorkRestored(NamedTuple):
    """What a stopped run had changed was taken out of its files, which are the `tree` again.

    It is kept as `ref`. In a worktree there is no such `tree`.
    """

    ref: str
    paths: tuple[str, ...]
    tree: str | None = None


class WorkReverted(NamedTuple):
    """The commits of a stopped run that had landed are taken back on `target` by `commit_sha`."""

    commit_sha: str
    target: str
    commits: tuple[str, ...]


class HookFinished(NamedTuple):
    """A lifecycle hook was called at a `point` of the run.

    `target` is its kind, such as `command`; `outcome` is `ok`, `refused` by a hook that may refuse,
    `failed`, `timed_out`, or `unavailable` where this machine shows no notifications.
    """

    point: str
    target: str
    name: str
    outcome: str
    detail: str = ""
    seconds: float = 0.0
    exit_code: int | None = None
    tries: int = 1

    @property
    def failed(self) -> bool:
        """Whether it did not do what it was to do."""
        return self.outcome not in ("ok", "unavailable")

    @property
    def message(self) -> str:
        """Which hook it was, and what became of it."""
        return f"{self.point} hook `{self.name}`: {self.result}"

    @property
    def result(self) -> str:
        """What became of it, with the last line of why."""
        how = self.outcome.replace("_", " ")
        return f"{how}, {self.why}" if self.why else how

    @property
    def why(self) -> str:
        """The last line of what it said, or of why it failed."""
        return (self.detail.splitlines() or [""])[-1]
