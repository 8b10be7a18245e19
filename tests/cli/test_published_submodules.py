"""A submodule is moved only to a commit that a clone can get from the remote of `.gitmodules`."""

import re
from pathlib import Path

import pytest

from cli.terminal import Place, Result

AS_USER = ("-c", "user.name=a", "-c", "user.email=a@b")
#: The worker's own commit in its submodule, checked out there.
COMMIT = "git -C sub -c user.name=a -c user.email=a@b commit -q --allow-empty -m mine"


@pytest.fixture
def library(place: Place, tmp_path: Path) -> Place:
    """Return the repository of which `place` has the submodule `sub`."""
    inner = Place(tmp_path / "library", place.home)
    inner.git("init", "-q", "-b", "main")
    inner.write("lib.txt", "lib\n")
    inner.commit("Library")
    place.git("-c", "protocol.file.allow=always", "submodule", "-q", "add", str(inner.root), "sub")
    place.commit("A submodule")
    return inner


def move(place: Place, script: str, code: int = 0, *words: str) -> Result:
    """Run a task that may move the submodule."""
    place.script("a.md", script, 'owns: [sub, .gitmodules]\nverify: ["test -d sub"]')
    result = place.runr("run", "--task", "a", *words, code=code)
    assert place.status("a.md")["status"] == ("stopped" if code else "completed")
    return result


def test_a_commit_that_only_the_runs_own_submodule_has_would_be_lost(
    place: Place, library: Place
) -> None:
    result = move(place, COMMIT, 5)
    named = rf"sub \(its commit [0-9a-f]{{12}} is in no branch of {library.root}\)"
    assert re.search(named, result.out)


def test_a_commit_that_only_a_submodule_here_has_is_no_work_of_a_run_in_place(
    place: Place, library: Place
) -> None:
    result = move(place, COMMIT, 5, "--in-place")
    assert f"is in no branch of {library.root})" in result.out
    place.git("-C", "sub", "push", "-q", "origin", "HEAD:refs/heads/mine")
    place.runr("resume", "latest", code=0)


@pytest.mark.parametrize(
    "claim",
    [
        "git remote add fork '{fork}'; git push -q fork HEAD:refs/heads/mine",
        "git remote set-url origin '{fork}'; git push -q origin HEAD:refs/heads/mine",
        "git remote add itself .; git push -q itself HEAD:refs/heads/mine",
        "git push -q '{root}/sub' HEAD:refs/remotes/origin/mine",
        "git update-ref refs/remotes/origin/mine HEAD",
        "git update-ref refs/remotes/origin/main HEAD",
        "git replace --graft origin/main HEAD",
        "git config url.'{fork}'.insteadOf '{library}'; git push -q origin HEAD:refs/heads/mine",
        "git push -q {fork} HEAD:refs/heads/m; git -C .. config url.'{fork}'.insteadOf '{library}'",
    ],
    ids=[
        "fork",
        "url",
        "itself",
        "users",
        "new-ref",
        "ref",
        "replaced",
        "instead",
        "instead-outer",
    ],
)
def test_a_commit_counts_as_published_only_by_the_remote_that_a_clone_asks(
    place: Place, library: Place, tmp_path: Path, claim: str
) -> None:
    fork = tmp_path / "fork.git"
    place.git("clone", "-q", "--bare", str(library.root), str(fork))
    made = claim.format(fork=fork, library=library.root, root=place.root)
    result = move(place, f"{COMMIT}; cd sub; {made}", 5)
    assert f"is in no branch of {library.root})" in result.out


def test_a_branch_that_the_user_has_not_pushed_is_none_of_the_remote(
    place: Place, library: Place
) -> None:
    place.git("-C", "sub", "checkout", "-q", "-b", "unpushed")
    place.git("-C", "sub", *AS_USER, "commit", "-q", "--allow-empty", "-m", "Not yet")
    place.git("-C", "sub", "checkout", "-q", "main")
    result = move(place, "git -C sub checkout -q origin/unpushed", 5)
    assert f"is in no branch of {library.root})" in result.out


def test_the_remote_that_the_moved_commit_itself_names_counts(
    place: Place, library: Place, tmp_path: Path
) -> None:
    fork = tmp_path / "fork.git"
    place.git("clone", "-q", "--bare", str(library.root), str(fork))
    push = f"git -C sub push -q '{fork}' HEAD:refs/heads/mine"
    move(place, f"{COMMIT}; {push}; git config -f .gitmodules submodule.sub.url '{fork}'")


def test_a_commit_that_the_worker_pushes_is_published(place: Place, library: Place) -> None:
    move(place, f"{COMMIT} && git -C sub push -q origin HEAD:refs/heads/mine")
    assert "mine" in library.git("branch")


def test_a_commit_is_published_also_when_others_have_gone_on_from_it(
    place: Place, library: Place
) -> None:
    there = f"git -C '{library.root}'"
    later = f"{there} checkout -q mine; {there} commit -q --allow-empty -m Later"
    move(place, f"{COMMIT} && git -C sub push -q origin HEAD:refs/heads/mine && {{ {later}; }}")


def test_without_an_answer_only_what_was_fetched_before_is_known_of_a_remote(
    place: Place, library: Place
) -> None:
    wanted = library.commit("Next")
    library.commit("Last")
    place.git("-C", "sub", "fetch", "-q")
    library.root.rename(library.root.with_name("away"))
    move(place, f"git -C sub checkout -q {wanted}")
    place.git("-C", "sub", "checkout", "-q", wanted)
    claim = "git -C sub update-ref refs/remotes/origin/main HEAD"
    result = move(place, f"{COMMIT}; {claim}", 5, "--force")
    known = f"is in no branch that was known of {library.root}, which does not answer)"
    assert known in result.out


def test_a_relative_address_is_one_beside_the_remote_of_the_repository(
    place: Place, library: Place, tmp_path: Path
) -> None:
    place.git("remote", "add", "origin", str(tmp_path / "hosted" / "repo.git"))
    place.git("config", "-f", ".gitmodules", "submodule.sub.url", "../../library")
    place.commit("Relative")
    result = move(place, COMMIT, 5)
    assert f"is in no branch of {library.root})" in result.out
    move(place, f"{COMMIT} && git -C sub push -q origin HEAD:refs/heads/mine", 0, "--force")


def test_a_submodule_of_a_submodule_is_moved_to_what_its_own_remote_has(
    place: Place, library: Place, tmp_path: Path
) -> None:
    deep = Place(tmp_path / "deep", place.home)
    deep.git("init", "-q", "-b", "main")
    deep.commit("Deep")
    files = ("-c", "protocol.file.allow=always")
    library.git(*files, "submodule", "-q", "add", str(deep.root), "deep")
    library.commit("A submodule of its own")
    place.git("-C", "sub", "pull", "-q")
    place.commit("Deeper")
    place.git(*files, "submodule", "-q", "update", "--init", "--recursive")
    inside = COMMIT.replace("-C sub", "-C sub/deep")
    outside = COMMIT.replace("commit -q", "commit -q -a")
    push = "git -C sub push -q origin HEAD:refs/heads/mine"
    result = move(place, f"{inside} && {outside} && {push}", 5)
    assert f"is in no branch of {deep.root})" in result.out
    assert re.search(r"sub/deep \(its commit", result.out)
