"""What cannot be removed, or is not runr's: it stays, and no result changes with it."""

from pathlib import Path

import pytest

from cli.terminal import Place, Result, typed
from fakes.forked import RUNR
from fakes.required import require
from runr.execution.reserved_checkout import can_mount


@pytest.fixture
def precious(place: Place) -> Path:
    """Return a file of the user's in a folder elsewhere, which is there at the end, too."""
    require(can_mount(), "nothing can be mounted here")
    place.write(".gitignore", "data/\n")
    place.commit("Files")
    file = place.root.with_name("data") / "precious"
    file.parent.mkdir()
    file.write_text("precious\n")
    return file


def mounting(place: Place, precious: Path, at: str, command: str, code: int) -> Result:
    """Type a command of runr where the user's folder is mounted at a path of the repository."""
    script = f"mkdir -p {at} && mount --bind {precious.parent} {at} && exec {RUNR} {command}"
    done = typed(["unshare", "-rm", "sh", "-c", script], place.root, {})
    assert done.code == code, done
    assert precious.read_text() == "precious\n"
    return done


def worktrees(place: Place) -> list[str]:
    return [each.name for each in (place.root / ".runr/worktrees").iterdir()]


def test_what_a_worker_mounts_in_its_worktree_is_not_deleted_with_it(
    place: Place, precious: Path
) -> None:
    mount = f"mkdir data\nmount --bind {precious.parent} data"
    place.script("a.md", f"{mount}\necho 1 > a.txt", 'verify: ["test -f a.txt"]')
    place.commit("Task")
    done = typed(["unshare", "-rm", RUNR, "run", "--task", "a"], place.root, {})
    assert done.code == 0, done
    assert "/data is a mount, unmount it first" in done.out
    assert "`runr clean` removes it after that" in done.out
    assert precious.read_text() == "precious\n"
    assert place.status("a.md")["evidence"] == "verified"
    assert place.git("show", "HEAD:a.txt") == "1\n"
    (run,) = worktrees(place)
    assert f"worktree of run {run}" in place.runr("clean", code=0).out
    assert worktrees(place) == []
    assert "runr/" not in place.git("branch")


def test_clean_keeps_a_worktree_in_which_something_is_mounted(place: Place, precious: Path) -> None:
    place.script("a.md", "echo 1 > a.txt; false")
    place.commit("Task")
    run = place.run("a", code=1)["id"]
    at = f".runr/worktrees/{run}/data"
    kept = mounting(place, precious, at, f"clean --force {run}", 0)
    assert f"{at} is a mount, unmount it first" in kept.out
    assert (place.root / f".runr/worktrees/{run}/a.txt").exists()
    assert run not in place.runr("clean", "--force", run, code=0).err
    assert worktrees(place) == []


def test_a_checkout_in_which_something_is_mounted_is_not_used(place: Place, precious: Path) -> None:
    for name in ("a", "b"):
        place.script(f"{name}.md", f"echo 1 > {name}.txt", f'verify: ["test -f {name}.txt"]')
    place.commit("Tasks")
    place.run("a")
    at = ".git/runr/checkouts/1/elsewhere"
    refused = mounting(place, precious, at, "run --task b", 4)
    assert "no clean checkout could be made" in refused.out
    assert f"{at} is a mount, unmount it first" in refused.out
    place.runr("resume", "latest", code=0)


def test_a_worktree_that_is_a_link_now_is_left_and_the_work_has_landed(
    place: Place, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    script = f'cd /; mv "$RUNR_WORKDIR" {moved}; ln -s {moved} "$RUNR_WORKDIR"; echo 1 > {moved}/a'
    place.script("a.md", script, 'verify: ["test -f a"]')
    place.commit("Task")
    done = place.runr("run", "--task", "a")
    assert "internal error" not in done.out + done.err
    assert done.code == 0, done
    (run,) = worktrees(place)
    link = place.root / ".runr/worktrees" / run
    assert f"{link} is a symbolic link, which runr does not follow: remove it" in done.out
    assert "is a symbolic link" in place.runr("clean", code=0).out
    link.unlink()
    assert f"worktree of run {run}" in place.runr("clean", code=0).out
    assert (moved / "a").exists()
    assert place.git("worktree", "list").count("\n") == 1
