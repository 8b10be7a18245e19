"""What tools leave in a tree while they work: nothing that anybody wants in a commit."""

from fnmatch import fnmatchcase

CACHES = (
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".tox",
    ".nox",
    ".vite",
    ".next",
    ".turbo",
    ".parcel-cache",
    ".nyc_output",
    ".eslintcache",
    ".stylelintcache",
    ".coverage",
    "coverage",
    "*.pyc",
    "*.tsbuildinfo",
    ".DS_Store",
)


def cache(path: str) -> tuple[str, str] | None:
    """Return the tool's folder or file that holds `path`, and the line that lets git ignore it."""
    parts = path.split("/")
    for depth, part in enumerate(parts, start=1):
        line = next((name for name in CACHES if fnmatchcase(part, name)), None)
        if line is not None:
            return "/".join(parts[:depth]), line
    return None
