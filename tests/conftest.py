"""Fixtures of every test: an empty home, a git identity, and a check for left processes."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from fakes import forked, templates
from fakes.processes import ends, working_below

_FOREIGN = ("RUNR_", "CLAUDE", "ANTHROPIC", "AI_AGENT", "GIT_", "XDG_", "LC_")
_COLOUR = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE")
_GIT_CONFIG = """\
[user]
	name = Ada Example
	email = ada@example.invalid
[init]
	defaultBranch = main
[commit]
	gpgSign = false
[gc]
	auto = 0
"""
_GRACE_S = 10

# A deadline would be a timed assertion.
# The same examples each time: a failure is that of the change. The others draw new ones.
settings.register_profile("short", max_examples=30, deadline=None, database=None, derandomize=True)
settings.register_profile("long", max_examples=150, deadline=None, database=None)
settings.register_profile(
    "mutation", max_examples=10, deadline=None, database=None, derandomize=True
)
settings.register_profile("nightly", max_examples=1500, deadline=None, database=None)
settings.load_profile("short")

# A job in the background of a shell, as CI starts one, ignores Ctrl-C, and so would whatever the
# tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


#: Where files are in memory, and how much room there must be.
_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30


def pytest_configure() -> None:
    """Keep the folders of the tests in memory where that can be: a run waits for the disk often."""
    if "PYTEST_DEBUG_TEMPROOT" in os.environ or not os.access(_MEMORY, os.W_OK):
        return
    found = os.statvfs(_MEMORY)
    if found.f_bavail * found.f_frsize >= _ROOM and not found.f_flag & os.ST_NOEXEC:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_MEMORY)


def pytest_xdist_auto_num_workers() -> int:
    """Return twice as many as there are processors: tests wait for what they have started."""
    return (os.cpu_count() or 1) * 2


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give a test that is marked with `installed` the installed `runr`, before any fixture."""
    forked.allow(forks=item.get_closest_marker("installed") is None)


@pytest.fixture(autouse=True, scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Set the folder of the repository templates."""
    templates.keep_in(tmp_path_factory.mktemp("templates"))


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the test's own home folder; nothing of the machine's settings shows through."""
    folder = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name in _COLOUR:
            monkeypatch.delenv(name)
    config = folder / ".gitconfig"
    config.write_text(_GIT_CONFIG, encoding="utf-8")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    # Otherwise every start of `runr` compiles all of it again.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    # `runr` and `python3` are the ones under test, also from the commands of a task.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    return folder


@pytest.fixture(autouse=True)
def _no_process_left(tmp_path: Path) -> Iterator[None]:
    """Fail a test that left a process working in its folder."""
    yield
    left = [pid for pid in working_below(tmp_path) if not ends(pid, _GRACE_S)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    if left:
        pytest.fail(f"left {len(left)} process(es) behind in {tmp_path}: {left}")
