"""The disk may be full at any write; `python -m crash.full_disk` takes every step there is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: Read here, because the test's own environment has no such variable.
_IN_CI = bool(os.environ.get("CI"))

#: What the first write without room belongs to, and how much room there is until then.
STEPS = {
    "the run's folder": "names:0:records",
    "its timeline": "names:4:records",
    "the status file": "names:6:records",
    "its process": "names:7:records",
    "the worktree": "blocks:8:records",
    "the prompt": "blocks:11:records",
    "the transcript": "blocks:18:records",
    "a snapshot": "blocks:45:repository",
}


@pytest.fixture(scope="session")
def namespace() -> list[str]:
    """Return the command that gives a process a namespace in which it may mount a disk."""
    for words in (["unshare", "-m"], ["unshare", "-rm"]):
        tried = [*words, "mount", "-t", "tmpfs", "runr-test", "/mnt"]
        if shutil.which("unshare") and subprocess.run(tried, check=False).returncode == 0:
            return words
    reason = "a small disk cannot be mounted here"
    if _IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("first", STEPS)
def test_a_full_disk_loses_nothing_and_the_run_resumes_when_there_is_space(
    namespace: list[str], first: str
) -> None:
    command = [*namespace, sys.executable, "-m", "crash.full_disk", STEPS[first]]
    tests = Path(__file__).parent.parent
    ended = subprocess.run(command, cwd=tests, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
