"""`runr`, and `python -m runr`."""

import gc
import os
import sys

#: Objects that a command makes before the garbage collector looks for cycles.
_ALLOCATIONS = 1_000_000


def main() -> int:
    """Run the command line, or the process of one run."""
    if sys.argv[1:2] == ["exec"]:
        if os.fork():
            # Whoever started the run continues at once, without waiting for its process.
            os._exit(0)
        # Imported behind the fork, so that the starter does not wait for it either.
        from runr.execution import process  # noqa: PLC0415 - see above

        code = process.main(sys.argv[2:])
        _look_ahead(sys.argv[3])
        return code
    match sys.argv[1:]:
        case ["mcp"]:
            return serve(None)
        case ["mcp", "--repo", repo]:
            return serve(repo)
        case ["hook", event] if not event.startswith("-"):
            # Claude Code starts it for every tool call, and waits for it.
            from runr.cli import hook  # noqa: PLC0415 - see above

            return hook.serve(event, os.environ)
        case ["git-hook", *words]:
            # A commit waits for it.
            from runr.provenance import commit_hook  # noqa: PLC0415 - see above

            return commit_hook.open_run_trailers(words, os.environ)
        case _:
            pass
    # A command ends soon: looking for garbage often costs more than it saves.
    gc.set_threshold(_ALLOCATIONS, 10, 10)
    # The run's process and the server must not pay for the command line.
    from runr.cli.main import run  # noqa: PLC0415 - see above

    code = run()
    gc.freeze()  # nor is there a use in a last look at all that the process ends with
    return code


def _look_ahead(root: str) -> None:
    """Compute the summary of the next Claude Code session, in a process that no user waits for."""
    from runr.claude import summary_cache  # noqa: PLC0415 - only at the end of a run

    summary_cache.refresh_if_cached(root, os.environ)


def serve(repo: str | None) -> int:
    """Serve MCP at once, as clients start it: they do not wait long for the first answer."""
    from runr.mcp_server import bootstrap  # noqa: PLC0415 - see above

    bootstrap.serve(repo, os.environ)
    return 0


if __name__ == "__main__":
    sys.exit(main())
