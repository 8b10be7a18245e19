"""Whatever a worker does, and whatever the check: what is called verified passes in a clone."""

import shutil
import subprocess
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fakes.project_kit import ProjectKit
from unit.git_trees import git

FILES = ("src/a", "src/b", "lib/a", "check.sh", "more/a", ".gitignore", "more/.gitignore")
TEXTS = ("good", "bad", "exit 0", "*", "lib/", "")
COMMON = "$(git rev-parse --git-common-dir)"

_file, _text = st.sampled_from(FILES), st.sampled_from(TEXTS)
_writes = st.builds(lambda f, t: f"mkdir -p $(dirname {f}); echo '{t}' > {f}", _file, _text)
_moves = st.builds(lambda f, g: f"mkdir -p $(dirname {g}); mv {f} {g}", _file, _file)
_one_file = st.builds(
    lambda what, f: f"{what} {f}",
    st.sampled_from(
        (
            "rm -f",
            "chmod +x",
            "git add -f",
            "git rm -q --cached -f",
            "git update-index --skip-worktree",
            "git update-index --assume-unchanged",
            "git add -N",
        )
    ),
    _file,
)
_settings = st.sampled_from(
    (
        f"echo more >> {COMMON}/info/exclude",
        f"echo '* filter=old' >> {COMMON}/info/attributes",
        "git config filter.old.clean 'echo good'",
        "git config core.trustctime false",
        "git config core.fileMode false",
        "ln -s src more",
        "git commit -qam mine",
        "git add -A; git commit -qm mine",
        "git update-ref refs/heads/main HEAD",
        "git replace -f HEAD^{tree} $(git write-tree)",
    )
)
_steps = st.lists(st.one_of(_writes, _writes, _moves, _one_file, _settings), max_size=6)
_check = st.sampled_from(
    (
        "sh check.sh",
        "grep -q good src/a",
        "cat lib/a",
        "test -e more/a || grep -q good src/b",
        "test ! -e more",
        "echo good > src/a; grep -q good src/a",
        "sh check.sh; touch lib more/a; grep -q good src/a lib/a",
    )
)
_numbers = count()


@settings(
    max_examples=settings().max_examples // 3,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.timeout(1800)  # with the many cases of the long profile
@example(steps=["mkdir -p lib; echo good > lib/a"], checks=["cat lib/a"])
@example(steps=["echo bad > src/a"], checks=["echo good > src/a; grep -q good src/a"])
@given(steps=_steps, checks=st.lists(_check, min_size=1, max_size=2, unique=True))
def test_what_is_verified_passes_in_a_fresh_clone(
    tmp_path: Path, steps: list[str], checks: list[str]
) -> None:
    folder = tmp_path / str(next(_numbers))
    kit = ProjectKit(folder)
    kit.config('[run]\nworker = "script"\nattempts = 1\n')
    (kit.root / "src").mkdir()
    for name, text in (("src/a", "good"), ("src/b", "good"), ("check.sh", "grep -q good src/a")):
        (kit.root / name).write_text(f"{text}\n", encoding="utf-8")
    (kit.root / ".gitignore").write_text("lib/\n", encoding="utf-8")
    quoted = ", ".join(f"'{check}'" for check in checks)
    script = "\n".join(f"( {step} ) || true" for step in steps) or "true"
    kit.script("t.md", script, header=f"verify: [{quoted}]")
    git(kit.root, "add", "-A")
    git(kit.root, "commit", "-q", "-m", "Start")
    run = kit.run("t.md")
    if run.status == "completed":
        landed = run.branch if run.integration == "pending" else "main"
        clone = folder / "clone"
        git(folder, "clone", "-q", "--branch", str(landed), str(kit.root), str(clone))
        for check in checks:
            ended = subprocess.run(["sh", "-c", check], cwd=clone, check=False)
            assert ended.returncode == 0, (steps, check)
    shutil.rmtree(folder)
