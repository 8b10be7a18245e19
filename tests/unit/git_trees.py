"""Real repositories for the tests of git, made and inspected without runr's own code."""

import os
import subprocess
from pathlib import Path

from fakes import templates

ODD_NAMES = (
    "with space.txt",
    "quote'and\"double.txt",
    "$(touch x).txt",
    "-rf",
    "new\nline.txt",
    "tab\there.txt",
    "größe-日本.txt",
    ":(exclude)magic",
    "*.glob?",
    "folder with space/-x",
    os.fsdecode(b"not-utf8-\xff.txt"),
)


def git(path: Path, *args: str, stdin: bytes = b"") -> str:
    done = subprocess.run(
        ["git", "-C", str(path), *args], input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, (args, done.stderr)
    return os.fsdecode(done.stdout).removesuffix("\n")


def make(path: Path, files: dict[str, str] | None = None) -> Path:
    """Make a repository; with `files`, they are its first commit."""
    named = files or {}

    def build(root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        git(root, "init", "-q", "-b", "main")
        git(root, "config", "user.name", "Ada Example")
        git(root, "config", "user.email", "ada@example.invalid")
        if named:
            save(root, named)

    templates.fill(path, ("tree", tuple(named.items())), build)
    return path


def write(path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def save(path: Path, files: dict[str, str], message: str = "change") -> str:
    """Write and commit, and return the commit."""
    write(path, files)
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", message)
    return git(path, "rev-parse", "HEAD")


def listing(path: Path, tree: str) -> set[str]:
    return set(git(path, "ls-tree", "-r", "-z", "--name-only", tree).split("\0")) - {""}


def state(path: Path) -> tuple[str, str, dict[str, bytes]]:
    """Return what is staged, what git calls changed, and every file's bytes."""
    staged = git(path, "ls-files", "-s", "-z")
    changed = git(path, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignored")
    files = {
        str(file.relative_to(path)): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file() and ".git" not in file.relative_to(path).parts
    }
    return staged, changed, files


def install_hooks(path: Path) -> Path:
    """Install hooks that leave a mark and refuse; return where the mark would be."""
    mark = path.parent / f"{path.name}-hook-ran"
    names = (
        "pre-commit prepare-commit-msg commit-msg post-commit post-checkout pre-merge-commit "
        "post-merge post-index-change reference-transaction post-rewrite fsmonitor"
    )
    for name in names.split():
        hook = path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\necho {name} >> '{mark}'\nexit 1\n")
        hook.chmod(0o755)
    return mark
