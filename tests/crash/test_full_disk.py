"""The disk may be full at any write; `python -m crash.full_disk` takes every step there is."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.required import require

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
    require(there=False, what="a small disk cannot be mounted here")
    return []


@pytest.mark.long
def test_a_full_disk_loses_nothing_and_the_run_resumes_when_there_is_space(
    namespace: list[str],
) -> None:
    command = [*namespace, sys.executable, "-m", "crash.full_disk", *STEPS.values()]
    tests = Path(__file__).parent.parent
    ended = subprocess.run(command, cwd=tests, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
