"""A failure of git is never read as an answer."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runr.errors import GitError, RepositoryError
from runr.evidence import commit_index
from runr.git.folders import find_root
from runr.git.hooks import HooksFolder
from runr.git.repo import Repo, limit_processes
from unit.git_trees import git, make, save

_NO_COMMIT = "1" * 40

ASK: dict[str, Callable[[Repo], object]] = {
    "head": lambda repo: repo.head(),
    "checkout": lambda repo: repo.checkout(),
    "branch": lambda repo: repo.branch(),
    "resolve": lambda repo: repo.resolve("main"),
    "refs": lambda repo: repo.refs("refs/heads/main"),
    "is_ancestor": lambda repo: repo.is_ancestor("main", "HEAD"),
    "gone": lambda repo: commit_index.dropped_commits(repo, "main", "HEAD"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = make(tmp_path / "repo", {"a.txt": "1"})
    save(folder, {"a.txt": "2"})
    return folder


def loose(root: Path, sha: str) -> Path:
    return root / ".git" / "objects" / sha[:2] / sha[2:]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("question", ASK)
def test_a_repository_of_another_user_is_refused_with_gits_remedy(
    root: Path, question: str
) -> None:
    for folder, names, files in os.walk(root):
        for name in (".", *names, *files):
            os.chown(Path(folder, name), 12345, 12345)
    with pytest.raises(GitError, match="dubious ownership") as refused:
        ASK[question](Repo(root))
    assert [str(step) for step in refused.value.next_steps] == [
        f"git config --global --add safe.directory {root}"
    ]


@pytest.mark.parametrize("content", ["nonsense\n", f"{_NO_COMMIT}\n"])
@pytest.mark.parametrize("question", ["head", "checkout", "refs"])
def test_a_branch_that_cannot_be_read_is_no_branch_without_commits(
    root: Path, question: str, content: str
) -> None:
    (root / ".git" / "refs" / "heads" / "main").write_text(content)
    with pytest.raises(GitError, match=r"broken|bad object|missing object"):
        ASK[question](Repo(root))


@pytest.mark.parametrize("question", ["head", "checkout", "resolve", "refs", "is_ancestor"])
def test_a_damaged_commit_is_not_a_missing_one(root: Path, question: str) -> None:
    commit = loose(root, git(root, "rev-parse", "HEAD"))
    commit.chmod(0o644)
    commit.write_bytes(b"damaged")
    with pytest.raises(GitError, match=r"corrupt|missing object"):
        ASK[question](Repo(root))


def test_a_missing_commit_is_not_an_error(root: Path) -> None:
    repo = Repo(root)
    assert repo.resolve(_NO_COMMIT) is None
    assert repo.resolve("HEAD@{99}") is None
    assert not repo.is_ancestor(_NO_COMMIT, "HEAD")
    assert commit_index.dropped_commits(repo, _NO_COMMIT, "HEAD") is None
    assert repo.refs("refs/heads/none") == {}


def test_an_invalid_head_is_reported_as_damage(root: Path) -> None:
    (root / ".git" / "HEAD").write_text("nonsense")
    with pytest.raises(GitError, match=r"not a git repository.*damaged"):
        Repo(root).head()


def test_settings_that_cannot_be_read_are_not_unset(root: Path) -> None:
    with (root / ".git" / "config").open("a") as config:
        config.write("[")
    for ask in (HooksFolder(Repo(root)).configured, Repo(root).identity):
        with pytest.raises(GitError, match="bad config line"):
            ask()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_git_folder_that_may_not_be_read_is_no_missing_repository(root: Path) -> None:
    (root / ".git").chmod(0)
    try:
        with pytest.raises(RepositoryError, match=r"\.git cannot be read"):
            find_root(root)
    finally:
        (root / ".git").chmod(0o755)


@pytest.mark.parametrize(
    "ask", [lambda repo: repo.run("wait"), lambda repo: list(repo.records("wait"))]
)
def test_a_git_that_does_not_end_is_ended_at_the_limit(
    root: Path, ask: Callable[[Repo], object]
) -> None:
    git(root, "config", "alias.wait", "!exec sleep 600")
    limit_processes(0.1)
    try:
        with pytest.raises(GitError, match=r"git wait in .* did not end within 0\.1 s"):
            ask(Repo(root))
    finally:
        limit_processes(None)
