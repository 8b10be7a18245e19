"""Write the pages of docs/reference from the code that they describe: `make docs`."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    # As a script, this folder is on the path; as a test's module, the one above.
    sys.path[0] = str(_TESTS)

from docs import answer_schemas, record_pages, surface_pages  # noqa: E402 - see above
from runr.cli.answers import PAYLOADS  # noqa: E402 - see above

REFERENCE = _TESTS.parent / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "cli.md": surface_pages.commands,
    "tools.md": surface_pages.mcp_tools,
    "config.md": record_pages.settings,
    "stops.md": record_pages.stop_reasons,
    "run-states.md": record_pages.run_states,
} | {
    f"json/{payload.replace('_', '-')}.json": functools.partial(answer_schemas.rendered, payload)
    for payload in PAYLOADS
}


def stale() -> list[str]:
    """Return the pages that are not what the code says."""
    return [name for name, made in PAGES.items() if _written(REFERENCE / name) != made()]


def _written(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` only say which would change."""
    if "--check" in arguments:
        for name in (found := stale()):
            sys.stderr.write(f"docs/reference/{name} is out of date: make docs\n")
        return 1 if found else 0
    (REFERENCE / "json").mkdir(parents=True, exist_ok=True)
    for name in stale():
        (REFERENCE / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"wrote docs/reference/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
