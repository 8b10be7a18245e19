"""`runr`, and `python -m runr`."""

import gc
import os
import sys
from collections.abc import Sequence

#: The processes that leave the one that starts them: of a run, of a job, of hooks.
_DETACHED = ("exec", "exec-job", "exec-hooks", "exec-job-hooks")

#: Number of allocations of a command before the first garbage collection.
_ALLOCATIONS = 1_000_000


def main() -> int:
    """Run a command, the process of a run, the MCP server or a hook; return the exit code."""
    if sys.stdin is None:  # Closed by whoever started it: what reads it finds it empty.
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    if sys.argv[1:2] and sys.argv[1] in _DETACHED:
        if os.fork():
            # The caller continues at once, without waiting for the process.
            os._exit(0)
        return _execute(sys.argv[1], sys.argv[2:])
    match sys.argv[1:]:
        case ["mcp"]:
            return serve(None)
        case ["mcp", "--repo", repo]:
            return serve(repo)
        case ["hook", event] if event[:1].isupper():
            # Claude Code starts it for every tool call and waits for it.
            from runr.cli import hook  # noqa: PLC0415 - see above

            return hook.serve(event, os.environ)
        case ["call-hook", name, log]:
            from runr.lifecycle_hooks import packages  # noqa: PLC0415 - see above

            return packages.main(name, log)
        case ["git-hook", *words]:
            # git waits for it at each commit.
            from runr.provenance import commit_hook  # noqa: PLC0415 - see above

            return commit_hook.open_run_trailers(words, os.environ)
        case _:
            pass
    # A command ends soon: frequent garbage collection costs more than it saves.
    gc.set_threshold(_ALLOCATIONS, 10, 10)
    # The process of a run and the server do not need the command line.
    from runr.cli.main import run  # noqa: PLC0415 - see above

    code = run()
    gc.freeze()  # the process ends: its last collection would only cost time
    return code


def _execute(what: str, arguments: Sequence[str]) -> int:
    """Be the process of a run, of a job, or of the hooks after a run."""
    # Imported after the fork, so that the caller does not wait for it either.
    if what == "exec-job":
        from runr.jobs import process as job_process  # noqa: PLC0415 - see above

        return job_process.main(arguments)
    if what == "exec-job-hooks":
        from runr.jobs import job_hooks  # noqa: PLC0415 - see above

        return job_hooks.main(arguments)
    if what == "exec-hooks":
        from runr.execution import run_hooks  # noqa: PLC0415 - see above

        return run_hooks.main(arguments)
    from runr.execution import process  # noqa: PLC0415 - see above

    code = process.main(arguments)
    _refresh_summary(arguments[1])
    return code


def _refresh_summary(root: str) -> None:
    """Compute the summary of the next Claude Code session, in a process that no user waits for."""
    from runr.claude import summary_cache  # noqa: PLC0415 - only at the end of a run

    summary_cache.refresh_if_cached(root, os.environ)


def serve(repo: str | None) -> int:
    """Serve MCP without loading the command line: clients time out on a slow first answer."""
    from runr.mcp_server import bootstrap  # noqa: PLC0415 - see above

    bootstrap.serve(repo, os.environ)
    return 0


if __name__ == "__main__":
    sys.exit(main())
