"""What the execution of a run needs: its record, its repository, its environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runr.clock import Clock
from runr.git import quarantine
from runr.git.repo import Repo
from runr.redaction import Redactor
from runr.runs.journal import Journal
from runr.runs.model import RunState
from runr.storage.layout import Layout, RunFiles

#: Variables that an outer session, an outer run or git sets for its own children; the run's
#: programs do not inherit them. The user's own settings of Claude Code stay.
_FOREIGN = re.compile(
    r"CLAUDECODE|AI_AGENT|CLAUDE_(PROJECT_DIR|PID|EFFORT|ENV_FILE|PLUGIN_\w+)"
    r"|CLAUDE_CODE_(SESSION_ID|ENTRYPOINT|CHILD_SESSION|SESSION_ATTENDED|MESSAGING_\w+)"
    r"|RUNR_\w+|GIT_(DIR|WORK_TREE|INDEX_FILE)"
)

_CEILING = "GIT_CEILING_DIRECTORIES"


def inherited_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the user that programs inherit."""
    return {name: value for name, value in environment.items() if not _FOREIGN.fullmatch(name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One run's journal, the repository that it belongs to, the environment and the clock."""

    layout: Layout
    journal: Journal
    environment: Mapping[str, str]
    clock: Clock

    @classmethod
    def of(
        cls,
        layout: Layout,
        run: RunFiles,
        environment: Mapping[str, str],
        clock: Clock,
        *,
        kind: type[Journal] = Journal,
    ) -> "RunContext":
        """Return the context of a run whose folder exists, with its journal of this kind."""
        journal = kind(run, clock, Redactor(environment))
        return cls(layout=layout, journal=journal, environment=environment, clock=clock)

    @property
    def files(self) -> RunFiles:
        """The run's folder."""
        return self.journal.files

    @property
    def root(self) -> Repo:
        """The working tree of the user."""
        return Repo(self.layout.root)

    def workspace(self, state: RunState) -> Repo:
        """Return the working tree of the run; new objects go into a folder of the run."""
        return quarantine.enter(Repo(Path(state.start.workdir)), self.files.git_data)

    def child_environment(self, state: RunState) -> dict[str, str]:
        """Return the environment of every program that the run starts."""
        inherited = inherited_environment(self.environment)
        # In a tree that lost its `.git`, git would find the user's repository around it.
        around = (str(Path(state.start.workdir).parent), inherited.get(_CEILING, ""))
        return inherited | {
            _CEILING: os.pathsep.join(filter(None, around)),
            "RUNR_RUN_ID": state.id,
            "RUNR_TASK": state.start.task,
            "RUNR_ATTEMPT": str(state.attempt),
            "PWD": state.start.workdir,
        }
