"""`runr`, and `python -m runr`."""

import gc
import os
import sys

#: Number of allocations of a command before the first garbage collection.
_ALLOCATIONS = 1_000_000


def main() -> int:
    """Run a command, the process of a run, the MCP server or a hook; return the exit code."""
    if sys.argv[1:2] == ["exec"]:
        if os.fork():
            # The caller continues at once, without waiting for the process of the run.
            os._exit(0)
        # Imported after the fork, so that the caller does not wait for it either.
        from runr.execution import process  # noqa: PLC0415 - see above

        code = process.main(sys.argv[2:])
        _refresh_summary(sys.argv[3])
        return code
    if sys.argv[1:2] == ["exec-job"]:
        if os.fork():
            os._exit(0)
        from runr.jobs import process as job_process  # noqa: PLC0415 - see above

        return job_process.main(sys.argv[2:])
    match sys.argv[1:]:
        case ["mcp"]:
            return serve(None)
        case ["mcp", "--repo", repo]:
            return serve(repo)
        case ["hook", event] if not event.startswith("-"):
            # Claude Code starts it for every tool call and waits for it.
            from runr.cli import hook  # noqa: PLC0415 - see above

            return hook.serve(event, os.environ)
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
