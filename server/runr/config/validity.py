"""Whether the settings are valid, without the models of all settings where that is known already.

Every command says so where they are not. The models take longer to load than a listing takes, so
the text that was valid last is kept, and compared.
"""

import os
from contextlib import suppress
from pathlib import Path

from runr import nofollow
from runr.errors import RunrError
from runr.git import folders
from runr.storage.layout import Layout


def find_problem(layout: Layout) -> str | None:
    """Return why the settings are invalid, as a run is refused with it; None where they are not."""
    kept, content = _kept(layout), _content(layout)
    if content == b"":
        return None
    if content is None or kept is None:
        return _check(layout)
    text = _mark() + content
    if _is(kept, text):
        return None
    problem = _check(layout)
    if problem is None:
        _keep(kept, text)
    return problem


def _content(layout: Layout) -> bytes | None:
    """Return the settings as they are in their file; None where it cannot be read."""
    for path in (layout.config, layout.old_config):
        try:
            return nofollow.read(path)
        except FileNotFoundError:
            continue
        except (OSError, RunrError):
            return None
    return b""


def _check(layout: Layout) -> str | None:
    from runr.config import loader  # noqa: PLC0415 - see above

    try:
        loader.load(layout)
    except RunrError as error:
        return error.message
    return None


def _mark() -> bytes:
    """Return what changes with the settings that there are."""
    return b"%d\n" % Path(__file__).with_name("settings.py").stat().st_mtime_ns


def _kept(layout: Layout) -> Path | None:
    common = folders.common_dir(layout.root)
    return common / "runr" / "valid-settings" if common else None


def _is(path: Path, text: bytes) -> bool:
    try:
        return path.read_bytes() == text
    except OSError:
        return False


def _keep(path: Path, text: bytes) -> None:
    begun = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        begun.write_bytes(text)
        begun.replace(path)
