"""The worker `command`: any program that reads a prompt and changes files."""

from collections.abc import Mapping

from runr.config.settings import WorkerSettings
from runr.errors import WorkerUnavailableError
from runr.redaction import Redactor
from runr.workers import process
from runr.workers.program import limit_outcome, require_program, worker_variables
from runr.workers.protocol import Assignment, WorkReport
from runr.workers.transcript import Transcript
from runr.workers.usage_limit import IS_USAGE_LIMIT


class Command:
    """The prompt goes in on standard input; exit code 0 means that the work is done."""

    def __init__(self, name: str = "command") -> None:
        self._name = name

    def preflight(self, settings: WorkerSettings, environment: Mapping[str, str]) -> None:
        """Refuse a worker without a command, and one whose program is not there."""
        wanted = f"set `command` under [workers.{self._name}] in .runr/config.toml"
        if not settings.command:
            raise WorkerUnavailableError(
                f"the worker {self._name} has no command", next_steps=(wanted,)
            )
        require_program(settings.command[0], environment, wanted)

    async def work(self, assignment: Assignment) -> WorkReport:
        """Run the program once."""
        settings = assignment.settings
        self.preflight(settings, assignment.environment)
        with Transcript(assignment.transcript, Redactor(assignment.environment)) as transcript:
            ended = await process.run(
                (*assignment.launcher, *settings.command, *settings.extra_args),
                cwd=assignment.workdir,
                env=worker_variables(assignment),
                input=assignment.prompt.encode("utf-8", "replace"),
                on_line=transcript.output,
                timeout_s=assignment.timeout_s,
                stall_s=assignment.stall_s,
                marker=assignment.run_id,
            )
            transcript.exit(ended.exit_code)
        said = transcript.tail
        if ended.exit_code is None:
            stop, reached = limit_outcome(assignment, ended)
            return WorkReport(stop=stop, summary=f"{reached}\n{said}".strip())
        if ended.exit_code:
            last = (said.strip().splitlines() or [""])[-1]
            if IS_USAGE_LIMIT.search(last):
                return WorkReport(stop="usage_limit", summary=last, exit_code=ended.exit_code)
            failed = f"{settings.command[0]} ended with exit code {ended.exit_code}\n{said}"
            return WorkReport(
                stop="worker_failed", summary=failed.strip(), exit_code=ended.exit_code
            )
        return WorkReport(summary=said, answer=transcript.said, exit_code=0)
