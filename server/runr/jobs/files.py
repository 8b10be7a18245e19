"""Job files on disk: `.runr/jobs/*.yaml`, and any other file by its path."""

import stat
from pathlib import Path
from typing import NamedTuple

from runr import nofollow
from runr.errors import ConfigError, DamagedStateError, UnknownNameError
from runr.jobs.model import Job
from runr.jobs.parser import parse_job
from runr.next_steps import commands
from runr.project import Project
from runr.storage.layout import Layout
from runr.tasks.model import Problem
from runr.text import closest_match

#: A job file that is longer was not written by hand: it would only be slow to read.
_MOST_BYTES = 1_000_000

_SUFFIXES = (".yaml", ".yml")


class JobFile(NamedTuple):
    """A job file; `job` is None where `message` says what is wrong with it, on `line` if known."""

    path: str
    job: Job | None
    text: str = ""
    message: str = ""
    line: int | None = None

    @property
    def name(self) -> str:
        """The name of the job; that of the file where it cannot be read."""
        return self.job.name if self.job else Path(self.path).stem

    @property
    def error(self) -> str:
        """What is wrong with it, with its place."""
        return located(self.path, self.line, self.message)


def located(path: str, line: int | None, message: str) -> str:
    """Return a message behind the place that it is about: `.runr/jobs/night.yaml:3: …`."""
    return f"{path}:{line}: {message}" if line else f"{path}: {message}"


def scan(layout: Layout) -> tuple[JobFile, ...]:
    """Return the files of the folder of jobs, by name."""
    try:
        names = sorted(nofollow.names(layout.jobs))
    except FileNotFoundError:
        return ()
    return tuple(_read(layout, layout.jobs / name) for name in names if name.endswith(_SUFFIXES))


def find(project: Project, wanted: str) -> JobFile:
    """Return the file of the job of this name; UnknownNameError without one."""
    found = scan(project.layout)
    stem = wanted.removesuffix(".yaml").removesuffix(".yml")
    matches = [each for each in found if wanted == each.name or stem == Path(each.path).stem]
    if len(matches) > 1:
        paths = ", ".join(each.path for each in matches)
        raise UnknownNameError(f"the job {wanted!r} is ambiguous: {paths}")
    if matches:
        return matches[0]
    near = closest_match(wanted, [each.name for each in found])
    offer = f"; did you mean {near!r}?" if near else ""
    raise UnknownNameError(f"there is no job {wanted!r}{offer}", next_steps=[commands.list_jobs()])


def load(project: Project, path: str) -> JobFile:
    """Return a job file anywhere; ConfigError for one that cannot be read."""
    place = project.here / path
    try:
        found = place.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{path}: is no file")
        if found.st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: {_too_long(found.st_size)}")
        data = place.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return _parsed(path, Path(path).stem, data)


def _read(layout: Layout, place: Path) -> JobFile:
    shown = str(place.relative_to(layout.root))
    try:
        size = nofollow.stat(place).st_size
        if size > _MOST_BYTES:
            return _broken(shown, _too_long(size))
        return _parsed(shown, place.stem, nofollow.read(place))
    except DamagedStateError as error:
        return _broken(shown, error.message.removeprefix(f"{place} "))
    except OSError as error:
        return _broken(shown, f"cannot be read: {error.strerror}")


def _too_long(size: int) -> str:
    return f"has {size:,} bytes, at most {_MOST_BYTES:,}"


def _parsed(shown: str, stem: str, data: bytes) -> JobFile:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return _broken(shown, "is not UTF-8 text", line)
    found = parse_job(text, stem)
    if isinstance(found, Problem):
        return _broken(shown, found.message, found.line)
    return JobFile(shown, found, text)


def _broken(shown: str, message: str, line: int | None = None) -> JobFile:
    return JobFile(shown, None, message=message, line=line)
