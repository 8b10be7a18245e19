"""A pytest session that is forked for each change, when all but the code under test is loaded.

The changed code is never written: an importer in the forked process gives it out.
"""

import gc
import json
import os
import resource
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import pytest

#: The lines that run before the first test are recorded under this name.
IMPORT = ""
_MEMORY = 4 << 30


class Record:
    """A fork that writes down how long each test takes, and the lines of `module` that it runs."""

    def __init__(self, module: Path, to: Path) -> None:
        self._module, self._to = str(module), to
        self._lines: dict[str, set[int]] = {IMPORT: set()}
        self._now = self._lines[IMPORT]
        self._seconds = {IMPORT: 0.0}
        self._failed: set[str] = set()

    def begin(self, config: pytest.Config) -> None:
        # A test that counts what is done fails because it is watched, and is not used.
        config.option.maxfail = 0
        self._watch()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._now = self._lines.setdefault(item.nodeid, set())
        self._watch()  # the watch ends where a test uses up the stack
        begun = sum(os.times()[:4])
        result = yield
        self._seconds[item.nodeid] = sum(os.times()[:4]) - begun
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        sys.settrace(None)
        lines = {
            test: (self._seconds[test], sorted(ran))
            for test, ran in self._lines.items()
            if test not in self._failed
        }
        self._to.write_text(json.dumps(lines), encoding="utf-8")

    def _watch(self) -> None:
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, event: str, arg: object) -> Any:
        del event, arg
        return self._line if frame.f_code.co_filename == self._module else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Any:
        del event, arg
        self._now.add(frame.f_lineno)
        return self._line


class Try:
    """A fork in which a module has other code, and only some tests are run."""

    def __init__(self, name: str, code: str, tests: Sequence[str], seconds: int) -> None:
        self._name, self._code, self._seconds = name, code, seconds
        self._order = {test: at for at, test in enumerate(tests)}

    def begin(self, config: pytest.Config) -> None:
        config.option.maxfail = 1
        # A change may make a loop endless.
        resource.setrlimit(resource.RLIMIT_CPU, (self._seconds, self._seconds))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        sys.meta_path.insert(0, _Changed(self._name, self._code))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if not self._order.keys() <= {item.nodeid for item in items}:
            return  # the change is in the id of a test, so all are run
        chosen = [item for item in items if item.nodeid in self._order]
        items[:] = sorted(chosen, key=lambda item: self._order[item.nodeid])


@dataclass(slots=True)
class Fork:
    """What a forked session is to do; afterwards its status, 0 if all tests pass, and its time."""

    work: Record | Try
    files: Sequence[str]
    status: int = 0
    seconds: float = 0.0


class Forks:
    """The plugin that forks the session for each of `forks` when it has started."""

    def __init__(self, forks: Iterator[Fork]) -> None:
        self._forks = forks

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        # Otherwise each fork copies all that is loaded when its garbage is collected.
        gc.freeze()
        for fork in self._forks:
            sys.stdout.flush()
            pid = os.fork()
            if not pid:
                _silence()
                session.config.args = list(fork.files)
                session.config.pluginmanager.register(fork.work)
                fork.work.begin(session.config)
                return
            _, fork.status, used = os.wait4(pid, 0)
            fork.seconds = used.ru_utime + used.ru_stime
        sys.stdout.flush()
        os._exit(0)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        # No report, and nothing of what the process that it was forked from does at its end.
        os._exit(exitstatus)


class _Changed(MetaPathFinder):
    def __init__(self, name: str, code: str) -> None:
        self._name, self._code = name, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.origin:
            spec.loader = _Loader(fullname, spec.origin, self._code)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, code: str) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._code, self.get_filename(fullname), "exec", dont_inherit=True)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
