"""Whatever a worker does, and whatever the check: what is called verified passes in a clone."""

import json
import shutil
import subprocess
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from acceptance import random_worker
from fakes.project_kit import ProjectKit
from runr.errors import RunrError
from runr.runs.codec import CodecError
from unit.git_trees import git

#: The cases are divided among the processes of pytest: two hundred for `make test`, ten thousand
#: for `make nightly`.
PARTS = 7
FILES = {
    "README.md": "# A project\n",
    "src/a": "good\n",
    "src/b": "good\n",
    "check.sh": "grep -q good src/a\n",
    ".gitignore": "lib/\n",
    ".runr/config.toml": '[run]\nworker = "script"\nattempts = 1\n',
}
_numbers = count()


@pytest.mark.parametrize("_part", range(PARTS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@pytest.mark.timeout(7200)  # with the many cases of the nightly profile
@example(tasks=[(["mkdir -p lib; echo good > lib/a"], ["cat lib/a"])], in_place=False)
@example(tasks=[(["echo bad > src/a"], ["echo good > src/a; grep -q good src/a"])], in_place=True)
@example(
    tasks=[
        (["echo 1 > lib/a; git add -f lib/a"], ["cat lib/a"]),
        (["echo '* text eol=crlf' > .gitattributes"], ["grep -q 'good$' src/a"]),
    ],
    in_place=False,
)
@given(
    tasks=st.lists(
        st.tuples(
            random_worker.steps, st.lists(random_worker.check, min_size=1, max_size=2, unique=True)
        ),
        min_size=1,
        max_size=2,
    ),
    in_place=st.booleans(),
)
def test_what_is_verified_passes_in_a_fresh_clone(
    tmp_path: Path, _part: int, tasks: list[tuple[list[str], list[str]]], in_place: bool
) -> None:
    """The second task is verified in the checkout that the first one has left."""
    folder = tmp_path / str(next(_numbers))
    kit = ProjectKit(folder, files=FILES)
    for number, (steps, checks) in enumerate(tasks):
        script = "\n".join(f"( {step} ) || true" for step in steps) or "true"
        kit.script(f"t{number}.md", script, header=f"verify: {json.dumps(checks)}")
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Tasks")
    for number, (_, checks) in enumerate(tasks):
        if _is_completed(kit, f"t{number}.md", in_place=in_place):
            assert _failing(folder, "main", checks) == []
    shutil.rmtree(folder, ignore_errors=True)


def _is_completed(kit: ProjectKit, task: str, *, in_place: bool) -> bool:
    try:
        return kit.run(task, in_place=in_place).status == "completed"
    except (RunrError, CodecError):
        # A worker removed the record of its run, or the one before it broke the repository.
        return False


def _failing(folder: Path, branch: str, checks: list[str]) -> list[str]:
    """Return the checks that fail in a clone of the branch, at the path that the repository has."""
    origin, clone = folder / "origin", folder / "repo"
    clone.rename(origin)
    git(folder, "clone", "-q", "--branch", branch, str(origin), str(clone))
    failing = []
    for check in checks:
        if subprocess.run(["sh", "-c", check], cwd=clone, check=False).returncode != 0:
            failing.append(check)
        git(clone, "reset", "-q", "--hard")
        git(clone, "clean", "-q", "-ffdx")
    shutil.rmtree(clone)
    origin.rename(clone)
    return failing
