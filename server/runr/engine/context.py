"""What performing a run needs at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runr.core.redact import Redactor
from runr.core.runstate import RunState
from runr.git.repo import Repo
from runr.store.layout import Layout, RunFiles
from runr.store.runlog import Clock, RunLog

#: What a session or an outer run put into our environment; no child of a run may see it.
_STRIPPED = ("CLAUDECODE", "AI_AGENT", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
_KEPT = ("CLAUDE_CONFIG_DIR", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_MAX_RETRIES")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One run's files and log, the repository it belongs to, and the outside world."""

    layout: Layout
    log: RunLog
    environment: Mapping[str, str]
    clock: Clock

    @classmethod
    def of(
        cls, layout: Layout, run: RunFiles, environment: Mapping[str, str], clock: Clock
    ) -> "RunContext":
        """Return the context of a run whose folder exists."""
        log = RunLog(run, clock, Redactor(environment))
        return cls(layout=layout, log=log, environment=environment, clock=clock)

    @property
    def files(self) -> RunFiles:
        """The run's folder."""
        return self.log.files

    @property
    def root(self) -> Repo:
        """The user's own working tree."""
        return Repo(self.layout.root)

    def workspace(self, state: RunState) -> Repo:
        """Return the tree that the work is done in."""
        return Repo(Path(state.start.workdir))

    def child_environment(self, state: RunState) -> dict[str, str]:
        """Return the environment of every program that the run starts."""
        inherited = {
            name: value
            for name, value in self.environment.items()
            if name in _KEPT
            or not (name in _STRIPPED or name.startswith(("CLAUDE_", "RUNR_")))
            or name.startswith("CLAUDE_CODE_USE_")
        }
        return inherited | {
            "RUNR_RUN_ID": state.id,
            "RUNR_TASK": state.start.task,
            "RUNR_ATTEMPT": str(state.attempt),
            "PWD": state.start.workdir,
        }
