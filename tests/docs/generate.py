"""Write what is made from the code, `make docs`: docs/reference, and the server's first answers."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    # As a script, this folder is on the path; as a test's module, the one above.
    sys.path[0] = str(_TESTS)

from docs import answer_schemas, prepared_answers, record_pages, surface_pages, task_states  # noqa: E402 - see above
from runr.cli.answers import PAYLOADS  # noqa: E402 - see above

ROOT = _TESTS.parent

PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/cli.md": surface_pages.commands,
    "docs/reference/tools.md": surface_pages.mcp_tools,
    "docs/reference/config.md": record_pages.settings,
    "docs/reference/stops.md": record_pages.stop_reasons,
    "docs/reference/run-states.md": record_pages.run_states,
    "docs/reference/task-states.md": task_states.rendered,
    "server/runr/mcp_server/prepared.json": prepared_answers.rendered,
} | {
    f"docs/reference/json/{payload.replace('_', '-')}.json": functools.partial(
        answer_schemas.rendered, payload
    )
    for payload in PAYLOADS
}


def stale() -> list[str]:
    """Return the files that are not what the code says."""
    return [name for name, made in PAGES.items() if _written(ROOT / name) != made()]


def _written(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main(arguments: Sequence[str]) -> int:
    """Write the files, or with `--check` only say which would change."""
    if "--check" in arguments:
        for name in (found := stale()):
            sys.stderr.write(f"{name} is out of date: make docs\n")
        return 1 if found else 0
    (ROOT / "docs/reference/json").mkdir(parents=True, exist_ok=True)
    for name in stale():
        (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"wrote {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
