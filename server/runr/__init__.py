"""runr: the record of what coding agents really finished."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Return what the Python API offers; nothing of it is imported before it is used."""
    if name not in ("Project", "RunrError"):
        msg = f"module 'runr' has no attribute {name!r}"
        raise AttributeError(msg)
    # By name: who reads the version must not depend on all that the API imports.
    from importlib import import_module  # noqa: PLC0415 - see above

    return getattr(import_module("runr.api"), name)
