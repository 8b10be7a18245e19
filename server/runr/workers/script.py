"""The worker `script`: the task says itself what to do, in blocks marked `sh run`."""

from collections.abc import Mapping
from functools import partial

from runr.core.config import WorkerSettings
from runr.core.redact import Redactor
from runr.workers import process
from runr.workers.assignment import Assignment, WorkReport
from runr.workers.blocks import Block, scripts
from runr.workers.program import limit, require, variables
from runr.workers.transcript import Transcript

_SHELL = "sh"
_HOW_TO = "write one in the task:\n\n```sh run\necho hello > hello.txt\n```"


class Script:
    """Each block is a shell script of its own; the first that fails ends the attempt."""

    def preflight(self, settings: WorkerSettings, environment: Mapping[str, str]) -> None:
        """Refuse where there is no shell."""
        del settings
        require(_SHELL, environment)

    async def work(self, assignment: Assignment) -> WorkReport:
        """Run the task's blocks in order, all within one time limit."""
        blocks = scripts(assignment.task_text)
        if not blocks:
            return _failed(f"the task has no block marked `sh run`; {_HOW_TO}")
        torn = next((block for block in blocks if not block.closed), None)
        if torn:
            return _failed(f"the block that begins in line {torn.line} is not closed")
        left = assignment.timeout_s
        with Transcript(assignment.transcript, Redactor(assignment.environment)) as transcript:
            for number, block in enumerate(blocks, start=1):
                ended = await _run(assignment, block, number, transcript, left)
                left -= ended.seconds
                transcript.exit(ended.exit_code, block=number)
                if ended.exit_code is None:
                    stop, reached = limit(assignment, ended)
                    summary = f"block {number} was {reached}\n{transcript.tail}"
                    return WorkReport(stop=stop, summary=summary.strip())
                if ended.exit_code:
                    summary = f"block {number} (line {block.line}) failed"
                    said = f"{summary} with exit code {ended.exit_code}\n{transcript.tail}"
                    return _failed(said.strip(), ended.exit_code)
        done = f"{len(blocks)} block{'s' if len(blocks) > 1 else ''} ran"
        return WorkReport(summary=f"{done}\n{transcript.tail}".strip(), exit_code=0)


async def _run(
    assignment: Assignment, block: Block, number: int, transcript: Transcript, timeout_s: float
) -> process.Ended:
    # The whole block is one argument, and the name after it is what the shell calls it in errors.
    return await process.run(
        (_SHELL, "-e", "-u", "-c", block.text, f"block-{number}"),
        cwd=assignment.workdir,
        env=variables(assignment),
        on_line=partial(transcript.output, block=number),
        timeout_s=max(timeout_s, 0),
        stall_s=assignment.stall_s,
        marker=assignment.run_id,
    )


def _failed(summary: str, exit_code: int | None = None) -> WorkReport:
    return WorkReport(stop="worker_failed", summary=summary, exit_code=exit_code)
