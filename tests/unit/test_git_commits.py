"""Commits are signed if git is configured so; a failure is reported."""

import subprocess
from pathlib import Path

import pytest

from fakes.required import require_program
from runr.git import commits
from runr.git.repo import Repo
from unit.git_integration import integrate
from unit.git_trees import git, make, save


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = make(tmp_path / "repo", {"a.txt": "1\n"})
    key = tmp_path / "key"
    make_key = [
        require_program("ssh-keygen", "openssh-client"),
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-f",
        str(key),
    ]
    subprocess.run(make_key, check=True)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"ada@example.invalid {key.with_suffix('.pub').read_text()}")
    settings = {
        "commit.gpgSign": "true",
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "gpg.ssh.allowedSignersFile": str(allowed),
    }
    for name, value in settings.items():
        git(folder, "config", name, value)
    return folder


def create(root: Path) -> str:
    head = git(root, "rev-parse", "HEAD")
    return commits.create(Repo(root), f"{head}^{{tree}}", (head,), b"work\n")


def test_a_commit_is_signed_and_the_signature_is_good(root: Path) -> None:
    git(root, "verify-commit", create(root))
    assert commits.why_unsigned(Repo(root), 60) is None


@pytest.mark.parametrize("value", ["false", "no", "off", "0", ""])
def test_a_commit_is_not_signed_where_the_setting_is_off(root: Path, value: str) -> None:
    git(root, "config", "commit.gpgSign", value)
    assert "gpgsig" not in git(root, "cat-file", "commit", create(root))


def test_a_merge_that_git_wants_signed_is_signed(root: Path) -> None:
    git(root, "config", "merge.verifySignatures", "true")
    git(root, "checkout", "-q", "-b", "runr/a-1")
    save(root, {"b.txt": "1\n"})
    git(root, "checkout", "-q", "main")
    save(root, {"c.txt": "1\n"})
    done = integrate(Repo(root), branch="runr/a-1", target="main", message="Merge")
    assert done.how == "merge", done
    git(root, "verify-commit", "main")


def test_a_key_that_is_gone_is_named_with_what_to_do(root: Path, tmp_path: Path) -> None:
    (tmp_path / "key").unlink()
    (tmp_path / "key.pub").unlink()
    with pytest.raises(commits.UnsignedError, match=r"cannot be signed: .*key") as refused:
        create(root)
    assert "git config commit.gpgsign false" in map(str, refused.value.next_steps)


def test_a_signing_program_that_hangs_is_killed_with_its_processes(
    root: Path, tmp_path: Path
) -> None:
    program, started = tmp_path / "asks", tmp_path / "started"
    program.write_text(f"#!/bin/sh\ntouch {started}\nsleep 1000 & wait\n")
    program.chmod(0o755)
    git(root, "config", "gpg.format", "openpgp")
    git(root, "config", "gpg.program", str(program))
    why = commits.why_unsigned(Repo(root), 1)
    assert why is not None
    assert "passphrase" in why
    assert started.exists()


def test_what_is_checked_out_is_never_out_of_date(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    moves: list[tuple[str, ...]] = [
        ("commit", "-q", "--allow-empty", "-m", "Same tree"),
        ("pack-refs", "--all"),
        ("commit", "-q", "--amend", "--allow-empty", "-m", "Other"),
        ("switch", "-q", "-c", "side", "HEAD~"),
        ("checkout", "-q", "--detach"),
        ("symbolic-ref", "HEAD", "refs/heads/main"),
    ]
    for words in moves:
        git(root, *words)
        head = git(root, "rev-parse", "HEAD", "HEAD^{tree}").split()
        for _ in range(2):
            assert commits.checked_out(Repo(root)) == tuple(head), words
