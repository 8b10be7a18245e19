"""The near match for a mistyped name."""

from collections.abc import Iterable


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that the user most likely meant, if any is near."""
    names = list(known)
    begun = [longer for longer in names if name and longer.startswith(name)]
    if begun:
        return min(begun, key=len)
    # Only a mistake pays for this import.
    import difflib  # noqa: PLC0415 - see above

    matches = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return matches[0] if matches else None
