"""`runr`, and `python -m runr`."""

import os
import sys


def main() -> int:
    """Run the command line, or the process of one run."""
    if sys.argv[1:2] == ["exec"]:
        if os.fork():
            # Whoever started the run goes on at once; nobody has to wait for its process.
            os._exit(0)
        # Imported behind the fork, so that the starter does not wait for it either.
        from runr.engine import runner  # noqa: PLC0415

        return runner.main(sys.argv[2:])
    # The run's process must not pay for the command line.
    from runr.cli.main import run  # noqa: PLC0415

    return run()


if __name__ == "__main__":
    sys.exit(main())
