import shutil
from pathlib import Path

import pytest

from runr.git import refs
from runr.git.repo import Repo
from unit.git_trees import git, make

COMMITS_WHEN_LISTED = """#!/bin/sh
"{git}" "$@" || exit
case " $* " in *" for-each-ref "*) "{git}" -C "{root}" commit -q --allow-empty -m meanwhile ;; esac
"""


def test_what_is_committed_while_the_refs_are_read_is_a_later_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(COMMITS_WHEN_LISTED.format(git=shutil.which("git"), root=root))
    wrapper.chmod(0o755)
    old = git(root, "rev-parse", "main")
    with monkeypatch.context() as during:
        during.setenv("PATH", str(wrapper.parent), prepend=":")
        before = refs.read(Repo(root))
    new = git(root, "rev-parse", "main")
    after = refs.read(Repo(root))
    assert list(refs.moves(before, after)) == [refs.Move("refs/heads/main", old, new)]
    steps = refs.logged_steps(before.trees[root / ".git"])
    assert new in refs.reached(steps, old)
