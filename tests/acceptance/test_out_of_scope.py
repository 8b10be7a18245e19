"""Changes that must be scope violations, and changes that must not be."""

import pytest

from cli.terminal import Place

DENY = '[run]\nworker = "script"\n[scope]\ndeny = ["secret*"]\n[verify]\ntier1 = ["test -d ."]\n'


def _refused(place: Place, offender: str) -> None:
    result = place.runr("run", "--task", "a", code=5)
    assert f"out of scope: {offender}" in result.out
    assert place.status("a.md")["stop_reason"] == "scope_violation"
    assert not (place.root / offender).exists()


@pytest.mark.parametrize("words", [(), ("--in-place",)], ids=["worktree", "in-place"])
def test_runrs_own_files_are_never_a_scope_violation(place: Place, words: tuple[str, ...]) -> None:
    place.script("a.md", "date +%N > a.txt", "owns: [a.txt]")
    place.commit("Tasks")
    place.write(".runr/left-over.json", "{}")
    for _ in range(2):
        assert place.run("a", *words, "--force")["status"] == "completed"
    assert place.git("status", "--porcelain") == ""


def test_a_forbidden_file_in_a_new_folder_is_seen(place: Place) -> None:
    place.config(DENY)
    place.script("a.md", "mkdir -p secret/new; echo 1 > secret/new/key.txt")
    _refused(place, "secret/new/key.txt")


def test_a_file_that_verification_wrote_is_in_no_commit(place: Place) -> None:
    place.config(DENY)
    place.script("a.md", "echo 1 > ok.txt", 'verify: ["echo 1 > secret-of-the-check.txt"]')
    assert place.run("a")["status"] == "completed"
    assert "secret" not in place.git("ls-tree", "-r", "--name-only", "main")


def test_a_file_that_verification_wrote_into_the_workspace_is_seen(place: Place) -> None:
    place.config(f'{DENY}where = "workspace"\n')
    place.script("a.md", "echo 1 > ok.txt", 'verify: ["echo 1 > secret-of-the-check.txt"]')
    _refused(place, "secret-of-the-check.txt")


@pytest.mark.parametrize("then", ["true", "git rm -q secret.txt"], ids=["kept", "taken-back"])
def test_a_commit_of_the_workers_own_is_seen(place: Place, then: str) -> None:
    place.config(DENY)
    place.script("a.md", f"echo 1 > secret.txt; git add -A; git commit -qm mine; {then}")
    _refused(place, "secret.txt")


def test_a_worker_that_reports_success_without_changes_is_verified(place: Place) -> None:
    place.config(DENY)
    place.script("a.md", "echo 1 > secret.txt; echo 'No changes needed.'")
    _refused(place, "secret.txt")
    place.script("b.md", "echo 'No changes needed.'", 'verify: ["test -e b.txt"]')
    assert place.run("b", code=4)["verification"] == "failed"


def test_checks_that_pass_without_any_change_verify_nothing(place: Place) -> None:
    place.script("a.md", "echo 'No changes needed.'")
    result = place.runr("run", "--task", "a", code=9)
    assert "nothing was changed since the run was opened" in result.out
    assert place.status("a.md")["stop_reason"] == "no_changes"
    assert "runr approve a.md" in result.steps[0]
    approved = place.paste(result.steps[0])
    assert "no changes" in approved.out
    assert place.status("a.md")["evidence"] == "attested"
    assert "Nothing was changed." in place.runr("report", "latest").out


def test_work_that_follows_a_run_without_changes_is_verified(place: Place) -> None:
    place.script("a.md", "test -e ../../../go && echo 1 > a.txt; true")
    run = place.run("a", code=9)
    place.write("go")
    again = place.runr("resume", run["id"], "--from", "work", "--json", code=0).json
    assert (again["status"], again["changed_count"]) == ("completed", 1)
    assert place.status("a.md")["evidence"] == "verified"


CACHES = (".pytest_cache/x", ".vite/x", ".eslintcache", "coverage/x", ".DS_Store")
MAKE = "mkdir -p .pytest_cache .vite coverage; touch " + " ".join(CACHES)


def test_a_tools_cache_that_git_ignores_is_no_violation(place: Place) -> None:
    place.write(".gitignore", "".join(f"{cache.split('/')[0]}\n" for cache in CACHES))
    place.script("a.md", f"{MAKE}; echo 1 > a.txt", f'owns: [a.txt]\nverify: ["{MAKE}"]')
    place.commit("Tasks")
    assert place.run("a")["status"] == "completed"
    assert place.git("show", "--format=", "--name-only", "HEAD").split() == ["a.txt"]


def test_a_tools_cache_that_git_does_not_ignore_is_one(place: Place) -> None:
    place.script("a.md", f"{MAKE}; echo 1 > a.txt", "owns: [a.txt]")
    place.commit("Tasks")
    _refused(place, ".DS_Store")


def test_a_link_to_node_modules_is_no_change(place: Place) -> None:
    place.write(".gitignore", "node_modules\n")
    place.write("node_modules/left-pad/index.js", "1\n")
    place.script(
        "a.md", "ln -s ../../../node_modules node_modules; echo 1 > a.txt", "owns: [a.txt]"
    )
    place.commit("Tasks")
    assert place.run("a")["status"] == "completed"
    assert place.read("node_modules/left-pad/index.js") == "1\n"
