"""`runr status --infer-from-git`: what commits prove, also after they were rewritten."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from cli.terminal import Place

A, B = ".runr/tasks/a.md", ".runr/tasks/b.md"
STATUS = ".runr/task-status.json"


def worked(place: Place, *names: str) -> list[str]:
    """Let runs do the tasks on a branch `work`, and return their checkpoints."""
    for name in names:
        place.script(f"{name}.md", f"echo {name} > {name}.txt", "owns: ['*.txt']")
    place.git("add", ".runr/tasks")
    place.git("commit", "-q", "-m", "Tasks")
    place.git("switch", "-q", "-c", "work")
    return [str(place.run(name)["checkpoint_sha"]) for name in names]


def forget(place: Place) -> None:
    """Leave what a fresh clone has: commits and branches, no records."""
    for name in ("runs", "task-status.json", "runr.db"):
        place.git("clean", "-fdxq", f".runr/{name}")


def looked(place: Place, *words: str) -> dict[str, Any]:
    """Return the answer's findings by task."""
    answer = place.runr("status", "--infer-from-git", "--json", *words, code=0).json
    return {found["task_path"]: found for found in answer["matches"]}


def elsewhere(place: Place) -> None:
    """Let main go on, so that nothing on it leads to a tree of the branch."""
    place.git("switch", "-q", "main")
    other(place)


def other(place: Place) -> str:
    place.write("other.txt", f"{place.git('rev-list', '--count', 'HEAD')}")
    place.git("add", "other.txt")
    place.git("commit", "-q", "-m", "Something else")
    return place.git("rev-parse", "HEAD").strip()


def amended(place: Place) -> None:
    place.git("commit", "-q", "--amend", "--no-edit", "--reset-author")
    place.git("branch", "-q", "-f", "main")


def reworded(place: Place) -> None:
    place.git("switch", "-q", "-c", "reworded")
    place.git("commit", "-q", "--amend", "-m", "In my own words")


def rebased(place: Place) -> None:
    elsewhere(place)
    place.git("switch", "-q", "work")
    place.git("rebase", "-q", "main")


def picked(place: Place) -> None:
    elsewhere(place)
    place.git("cherry-pick", "work")


def picked_without_message(place: Place) -> None:
    elsewhere(place)
    place.git("cherry-pick", "--no-commit", "work")
    place.git("commit", "-q", "-m", "In my own words")


def merged(place: Place) -> None:
    elsewhere(place)
    place.git("merge", "-q", "--no-edit", "work")


def squashed(place: Place) -> None:
    elsewhere(place)
    place.git("merge", "-q", "--squash", "work")
    place.git("commit", "-q", "--no-edit")


def squashed_in_a_word(place: Place) -> None:
    elsewhere(place)
    place.git("merge", "-q", "--squash", "work")
    place.git("commit", "-q", "-m", "All of it")


def squashed_where_it_began(place: Place) -> None:
    place.git("switch", "-q", "main")
    place.git("merge", "-q", "--squash", "work")
    place.git("commit", "-q", "-m", "All of it")


def squashed_naming_the_run(place: Place) -> None:
    run = place.git("log", "-1", "--format=%(trailers:key=Runr-Run-Id,valueonly)", "work").strip()
    elsewhere(place)
    place.git("merge", "-q", "--squash", "work")
    place.write("a.txt", "a, fixed\n")
    place.git("add", "a.txt")
    place.git("commit", "-q", "-m", f"Merged in /runr/a-{run} by a web site")


def squashed_by_title(place: Place) -> None:
    elsewhere(place)
    place.git("merge", "-q", "--squash", "work")
    place.git("commit", "-q", "-m", "A (#12)")
    place.git("branch", "-q", "-D", "work")


def reverted(place: Place) -> None:
    merged(place)
    place.git("revert", "--no-edit", "work")


def merge_reverted(place: Place) -> None:
    merged(place)
    place.git("revert", "--no-edit", "-m", "1", "HEAD")


def revert_reverted(place: Place) -> None:
    reverted(place)
    place.git("revert", "--no-edit", "HEAD")


SCENARIOS: list[tuple[Callable[[Place], None], str, float, str]] = [
    (amended, "checkpoint", 0.85, "new"),
    (reworded, "tree", 0.9, "new"),
    (rebased, "trailers", 0.7, "new"),
    (picked, "trailers", 0.7, "new"),
    (picked_without_message, "patch", 0.8, "new"),
    (merged, "checkpoint", 0.85, "new"),
    (squashed, "trailers", 0.7, "new"),
    (squashed_in_a_word, "patch", 0.8, "new"),
    (squashed_where_it_began, "tree", 0.9, "new"),
    (squashed_naming_the_run, "scope", 0.6, "new"),
    (squashed_by_title, "title", 0.3, "weak"),
    (reverted, "checkpoint", 0.85, "reverted"),
    (merge_reverted, "checkpoint", 0.85, "reverted"),
    (revert_reverted, "checkpoint", 0.85, "new"),
]


@pytest.mark.parametrize(
    ("deed", "basis", "confidence", "effect"), SCENARIOS, ids=[row[0].__name__ for row in SCENARIOS]
)
def test_rewritten_work_is_recognised_after(
    place: Place, deed: Callable[[Place], None], basis: str, confidence: float, effect: str
) -> None:
    worked(place, "a")
    forget(place)
    deed(place)
    found = looked(place, "--apply")[A]
    assert (found["basis"], found["confidence"], found["effect"]) == (basis, confidence, effect)
    if effect == "new":
        known = place.status("a.md")
        assert (known["status"], known["evidence"]) == ("completed", "inferred")
        assert (known["confidence"], known["basis"]) == (confidence, basis)
        assert known["checkpoint_sha"] == found["commit_sha"]
        place.git("merge-base", "--is-ancestor", found["commit_sha"], "HEAD")
        assert looked(place)[A]["effect"] == "known"
    else:
        assert not place.has_status()


def test_every_task_of_a_squash_is_found(place: Place) -> None:
    worked(place, "a", "b")
    forget(place)
    squashed(place)
    found = looked(place, "--apply")
    assert [found[task]["basis"] for task in (A, B)] == ["trailers", "trailers"]
    assert (
        found[A]["commit_sha"] == found[B]["commit_sha"] == place.git("rev-parse", "HEAD").strip()
    )
    assert (place.status("a.md")["status"], place.status("b.md")["status"]) == ("completed",) * 2


def test_a_squash_of_several_commits_of_one_run_is_recognised_by_their_combined_patch(
    place: Place,
) -> None:
    body = "echo 1 > a.txt; git add -A; git commit -qm mine; echo 2 > b.txt"
    place.script("a.md", body)
    place.commit("Tasks")
    place.git("switch", "-q", "-c", "work")
    place.run("a")
    forget(place)
    squashed_in_a_word(place)
    assert looked(place)[A]["basis"] == "patch"


def test_each_worktree_infers_from_the_history_of_its_own_commit(place: Place) -> None:
    worked(place, "a")
    forget(place)
    there = Place(place.root.with_name("second"), place.home)
    place.git("worktree", "add", "-q", "--detach", str(there.root), "main")
    assert looked(there) == {}
    there.git("merge", "-q", "work")
    assert looked(there)[A]["effect"] == "new"


def test_nothing_is_recorded_without_apply(place: Place) -> None:
    worked(place, "a")
    forget(place)
    shown = place.runr("status", "--infer-from-git", code=0)
    assert "≈ a.md  " in shown.out
    assert "0.85 checkpoint" in shown.out
    assert shown.steps == ["runr status --infer-from-git --apply"]
    assert not place.has_status()
    place.paste(shown.steps[0])
    assert "≈ a.md  completed" in place.runr("status", "--tasks").out


def test_better_evidence_is_not_replaced(place: Place) -> None:
    worked(place, "a")
    before = place.read(STATUS)
    assert looked(place, "--apply")[A]["effect"] == "known"
    assert place.read(STATUS) == before
    place.task("m.md", "type: manual")
    place.runr("complete-task", "m", "--reason", "did it", code=0)
    before = place.read(STATUS)
    place.git(
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x\n\nRunr-Run-Id: 20250108-143022-k7qf\nRunr-Task: .runr/tasks/m.md\n"
        "Runr-Checkpoint: true\nRunr-Verified: tier1\nRunr-Worker: script",
    )
    assert looked(place, "--apply")[".runr/tasks/m.md"]["effect"] == "known"
    assert place.read(STATUS) == before


def test_work_that_was_squashed_by_hand_before_it_landed_is_landed(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.task("b.md", "depends_on: [a]")
    place.commit("Tasks")
    place.git("switch", "-q", "--detach")
    branch = place.run("a", code=11)["branch"]
    place.git("switch", "-q", "main")
    other(place)
    place.git("merge", "-q", "--squash", branch)
    place.git("commit", "-q", "-m", "All of it")
    place.runr("land", "a", code=0)
    assert place.git("diff", "HEAD~1", "HEAD") == ""
    assert place.status("a.md")["evidence"] == "verified"
    assert place.runr("why", "b", "--json").json["blocked_by"] == []


def test_a_more_certain_match_replaces_a_less_certain_one(place: Place) -> None:
    worked(place, "a")
    forget(place)
    squashed_by_title(place)
    looked(place, "--apply", "--min-confidence", "0.3")
    assert place.status("a.md")["confidence"] == 0.3
    trailers = f"Runr-Run-Id: 20250108-143022-k7qf\nRunr-Task: {A}\nRunr-Checkpoint: true"
    message = f"A\n\n{trailers}\nRunr-Verified: tier1\nRunr-Worker: script"
    place.git("commit", "-q", "--allow-empty", "-m", message)
    looked(place, "--apply")
    assert place.status("a.md")["confidence"] == 0.7


def test_an_inferred_completion_whose_commit_is_reverted_is_withdrawn(place: Place) -> None:
    worked(place, "a")
    forget(place)
    looked(place, "--apply")
    place.git("revert", "--no-edit", "HEAD")
    answer = place.runr("status", "--infer-from-git", "--apply", code=0)
    assert f"{place.git('rev-parse', 'HEAD')[:12]} reverted it" in answer.out
    assert place.status("a.md")["status"] == "pending"
    assert place.status("a.md")["evidence"] is None


def test_only_new_commits_are_read(place: Place) -> None:
    worked(place, "a")
    whole = int(place.git("rev-list", "--count", "HEAD"))

    def read() -> int:
        return int(place.runr("status", "--infer-from-git", "--json", code=0).json["commit_count"])

    assert [read(), read()] == [whole, 0]
    other(place)
    assert [read(), read()] == [1, 0]
    place.git("reset", "-q", "--hard", "HEAD~2")
    assert looked(place) == {}
    place.git("reset", "-q", "--hard", "work@{1}")
    assert looked(place)[A]["effect"] == "known"
    place.write(".runr/tasks/z.md", "# A title without a commit\n")
    assert read() == whole + 1
    (place.root / ".runr/runr.db").unlink()
    assert read() == whole + 1


def test_an_option_without_its_command_is_a_usage_error(place: Place) -> None:
    assert "--apply requires --infer-from-git" in place.runr("status", "--apply", code=2).err
    place.runr("status", "--min-confidence", "0.5", code=2)
    place.runr("status", "--infer-from-git", "--min-confidence", "2", code=2)


def test_a_repository_without_a_commit_says_nothing(bare: Place) -> None:
    shown = bare.runr("status", "--infer-from-git", "--apply", code=0)
    assert shown.out.startswith("No commit mentions a task.\n")
    assert "no commits yet" in shown.out


def test_a_commit_that_only_names_its_task_completes_nothing(place: Place) -> None:
    place.task("a.md")
    text = f"Half of it\n\nRunr-Run-Id: 20250108-143022-k7qf\nRunr-Task: {A}"
    place.git("commit", "-q", "--allow-empty", "-m", text)
    place.git("commit", "-q", "--allow-empty", "-m", f"{text}\nRunr-Checkpoint: false")
    partial = f"{text}\nRunr-Checkpoint: true\nRunr-Milestone: 1/2"
    place.git("commit", "-q", "--allow-empty", "-m", partial)
    assert looked(place) == {}


def test_a_trailer_with_a_path_outside_the_repository_is_ignored(place: Place) -> None:
    odd = ["../../etc/passwd", "-x", json.dumps("new\nline"), "HEAD", "a b"]
    for task in odd:
        text = f"Odd\n\nRunr-Task: {task}\nRunr-Checkpoint: true"
        place.git("commit", "-q", "--allow-empty", "-m", text)
    assert len(looked(place)) == len(odd)


def _forged(place: Place, run: str, *more: str) -> None:
    """Commit a change that has nothing to do with the task, with trailers that complete it."""
    place.write("README.md", f"typo {run}\n")
    lines = (f"Runr-Run-Id: {run}", f"Runr-Task: {A}", "Runr-Checkpoint: true", *more)
    place.git("commit", "-q", "-am", "\n".join(("Fix a typo", "", *lines)))


def test_trailers_of_an_unknown_run_never_count_as_passed_checks(place: Place) -> None:
    place.script("a.md", "true")
    place.task("b.md", "depends_on: [a]")
    place.commit("Tasks")
    _forged(place, "20260101-000000-aaaa", "Runr-Verified: tier1,task")
    assert looked(place, "--apply")[A]["effect"] == "weak"
    assert place.runr("task-status", "b", "--json").json["task"]["ready"] is False
    _forged(place, "20260101-000000-bbbb", "Runr-Verified: tier1", "Runr-Worker: script")
    looked(place, "--apply")
    known = place.status("a.md")
    assert (known["evidence"], known["verification"]) == ("inferred", "none")
    assert known["confidence"] < 1


def test_trailers_that_a_worker_writes_for_another_task_do_not_complete_it(place: Place) -> None:
    trailers = f"Runr-Run-Id: 20260101-000000-aaaa\nRunr-Task: {A}\nRunr-Checkpoint: true"
    text = f"Refactor\n\n{trailers}\nRunr-Verified: tier1\nRunr-Worker: claude-code"
    place.script("a.md", "exit 1")
    work = f"echo 2 > b.txt; git add -A; env -u GIT_CONFIG_COUNT git commit -qm '{text}'"
    place.script("b.md", f"{work}; echo 3 > c.txt")
    place.commit("Tasks")
    run = place.run("b")
    assert looked(place, "--apply").get(A) is None
    # A run that is here says for which task it was.
    _forged(place, run["id"], "Runr-Verified: tier1", "Runr-Worker: script")
    assert looked(place, "--apply").get(A) is None
    place.runr("rebuild", code=0)
    assert place.runr("task-status", "a", "--json").json["task"]["status"] == "pending"


def test_a_copied_folder_of_a_run_completes_no_other_task(place: Place) -> None:
    worked(place, "a")
    place.script("b.md", "exit 1")
    run = place.status("a.md")["last_run_id"]
    copy = f"{run[:-4]}copy"
    shutil.copytree(place.run_folder(run), place.run_folder(copy))
    # As if it had the seals of this clone.
    place.rewrite(copy, lambda line: line.replace(A, B).replace(run, copy))
    place.runr("rebuild", code=0)
    assert place.status("b.md") is None
    assert place.status("a.md")["evidence"] == "verified"
