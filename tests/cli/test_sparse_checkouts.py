"""What a sparse checkout leaves out stays in the commits of runs, whenever it is narrowed."""

import pytest

from cli.terminal import Place

NARROW = "git sparse-checkout set kept .runr"


@pytest.fixture
def folders(place: Place) -> Place:
    """Return a repository with two folders, of which `away` will be left out."""
    place.config('[run]\nworker = "script"\nattempts = 1\n')
    place.write("kept/a", "1\n")
    place.write("away/b", "1\n")
    place.write("away/c", "1\n")
    return place


def landed(place: Place, script: str, *words: str) -> list[str]:
    """Run a task with the script and return what its commits changed."""
    place.script("t.md", script, header="verify: ['test -f away/b && test -f kept/a']")
    before = place.commit("Task")
    assert place.run("t", *words)["status"] == "completed"
    return place.git("diff", "--no-renames", "--name-status", before, "HEAD").split()


@pytest.mark.parametrize("words", [(), ("--in-place",)])
def test_a_checkout_that_a_worker_narrows_deletes_nothing(
    folders: Place, words: tuple[str, ...]
) -> None:
    assert landed(folders, f"{NARROW}; echo 2 > kept/a", *words) == ["M", "kept/a"]
    assert folders.git("status", "--short") == ""


@pytest.mark.parametrize("words", [("git add -A", "--in-place"), ("git commit -qam mine",)])
def test_what_was_changed_before_it_was_left_out_counts(
    folders: Place, words: tuple[str, ...]
) -> None:
    save, *options = words
    script = f"echo 2 > away/b; {save}; {NARROW}; echo 2 > kept/a"
    assert landed(folders, script, *options) == ["M", "away/b", "M", "kept/a"]
    assert folders.git("status", "--short") == ""


def test_what_was_left_out_before_can_be_changed_and_deleted(folders: Place) -> None:
    folders.commit("Files")
    folders.git("sparse-checkout", "set", "kept", ".runr")
    script = "git sparse-checkout add away; echo 2 > away/b; rm away/c; git rm -qr --sparse kept"
    folders.script("t.md", script, header="verify: ['grep 2 away/b && test ! -e away/c']")
    folders.commit("Task")
    assert folders.run("t")["status"] == "completed"
    changed = folders.git("show", "--format=", "--name-status", "HEAD").split()
    assert changed == ["M", "away/b", "D", "away/c", "D", "kept/a"]


def test_a_commit_that_deletes_what_is_left_out_is_the_workers(folders: Place) -> None:
    script = f"{NARROW}; git rm -q --sparse away/c; git commit -qm gone; echo 2 > kept/a"
    assert landed(folders, script) == ["D", "away/c", "M", "kept/a"]


def test_a_checkout_that_the_user_narrows_while_a_run_works_deletes_nothing(
    folders: Place,
) -> None:
    folders.script("t.md", "true", header="verify: ['grep 2 kept/a']")
    folders.commit("Task")
    folders.runr("run", "--task", "t", "--worker", "session", code=0)
    folders.git("sparse-checkout", "set", "kept", ".runr")
    folders.write("kept/a", "2\n")
    folders.runr("complete-task", "t", code=0)
    assert folders.git("show", "--format=", "--name-status", "HEAD").split() == ["M", "kept/a"]
