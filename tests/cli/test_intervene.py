"""`runr intervene`: manual commits with a name and a reason."""

import json

import pytest

from cli.terminal import Place


def log(place: Place) -> str:
    return place.git("log", "-1", "--format=%B")


def test_staged_changes_are_committed_with_trailers_that_name_their_record(place: Place) -> None:
    place.task("a.md")
    place.commit("Tasks")
    place.write("fixed.txt", "1\n")
    place.write("other.txt", "mine\n")
    place.git("add", "fixed.txt")
    words = ("--task", "a", "--reason", "The lock was stale", "--by", "Grace", "--json")
    answer = place.runr("intervene", *words, code=0).json
    assert log(place) == (
        "The lock was stale\n\n"
        f"Runr-Run-Id: {answer['run_id']}\n"
        "Runr-Task: .runr/tasks/a.md\n"
        "Runr-Intervention: true\n"
        "Runr-Reason: The lock was stale\n\n"
    )
    assert place.git("show", "--format=", "--name-only", "HEAD").split() == ["fixed.txt"]
    assert place.git("status", "--porcelain").split() == ["??", "other.txt"]
    assert (answer["files"], answer["committed_by"]) == (["fixed.txt"], "Grace")
    receipt = place.runr("report", "latest", code=0).out
    head = place.git("rev-parse", "HEAD").strip()
    for line in (
        "# a.md: manual commit by Grace",
        "Why: The lock was stale",
        head,
        "`fixed.txt` +1",
    ):
        assert line in receipt
    place.runr("audit", "--range", "HEAD~1..", "--fail-under", "100", code=0)


def test_it_does_not_complete_its_task_nor_does_a_rebuild(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.write("b.txt", "1\n")
    place.runr("intervene", "--task", "a", "--reason", "why", "--all", code=0)
    before = place.runr("list-tasks", "--json", code=0).json["tasks"][0]
    assert (before["status"], before["last_run_id"]) == ("pending", None)
    place.runr("rebuild", code=0)
    assert not place.has_status()
    assert place.run("a")["status"] == "completed"
    place.write("c.txt", "1\n")
    place.runr("intervene", "--task", "a", "--reason", "why", "--all", code=0)
    place.runr("rebuild", code=0)
    assert place.status("a.md")["evidence"] == "verified"
    place.commit("Tasks")
    clone = place.clone()
    clone.runr("rebuild", code=0)
    assert "inferred from commit" in clone.runr("task-status", "a", code=0).out


def test_without_a_task_it_is_shown_and_leaves_no_line_in_the_status_file(place: Place) -> None:
    place.write("a.txt", "1\n")
    answer = place.runr("intervene", "--reason", "why", "--all", "--json", code=0).json
    assert answer["task_path"] is None
    assert "✎" in place.runr("runs", code=0).out
    assert "(no task)" in place.runr("runs", code=0).out
    place.runr("rebuild", code=0)
    assert not place.has_status() or json.loads(place.read(".runr/task-status.json"))["tasks"] == {}


@pytest.mark.parametrize("task", ["", "a.md"])
def test_no_command_says_that_it_completed_something(place: Place, task: str) -> None:
    place.task("a.md")
    place.commit("Tasks")
    place.write("b.txt", "1\n")
    words = ("--task", task) if task else ()
    run = place.runr(
        "intervene", "--reason", "why", "--by", "Grace", "--all", *words, "--json", code=0
    ).json["run_id"]
    followed = place.runr("follow", code=0).out
    sha = place.git("rev-parse", "HEAD")[:12]
    subject = task or "(no task)"
    assert f"✎ {subject}: manual commit by Grace, commit {sha} in " in followed
    (listed,) = place.runr("runs", code=0).out.splitlines()
    assert f"{run}  manual commit  {subject}  person" in listed
    shown = [
        place.runr("stop", run, code=0),
        place.runr("report", code=0),
        place.runr("resume", run, code=2),
        place.runr("approve", run, "--reason", "fine", code=2),
    ]
    for result in (place.runr("follow", code=0), place.runr("runs", code=0), *shown):
        text = result.out + result.err
        assert "manual commit" in text, text
        assert "completed" not in text, text


def test_nothing_staged_is_refused_and_says_what_to_do(place: Place) -> None:
    place.write("a.txt", "1\n")
    head = place.git("rev-parse", "HEAD")
    refused = place.runr("intervene", "--reason", "why", code=2)
    assert "nothing is staged" in refused.err
    assert place.runr("runs", "--json").json["total_count"] == 0
    assert place.git("rev-parse", "HEAD") == head
    assert place.paste(refused.steps[-1]).code == 0
    assert place.git("show", "HEAD:a.txt") == "1\n"
    assert "nothing was changed" in place.runr("intervene", "--reason", "x", "--all", code=2).err


def test_all_takes_changes_deletions_and_new_files_and_nothing_of_runrs(place: Place) -> None:
    place.write("gone.txt", "1\n")
    place.commit("More")
    (place.root / "gone.txt").unlink()
    place.write("README.md", "changed\n")
    place.write("deep/new.txt", "1\n")
    place.write(".gitignore", "*.log\n")
    place.write("noise.log", "1\n")
    place.task("a.md")
    answer = place.runr("intervene", "--reason", "why", "--all", "--json", code=0).json
    assert answer["files"] == [".gitignore", "README.md", "deep/new.txt", "gone.txt"]
    assert "noise.log" not in place.git("ls-tree", "-r", "--name-only", "HEAD")
    assert place.git("status", "--porcelain") == "?? .runr/tasks/\n"


def test_a_partly_staged_file_is_committed_as_it_is_staged(place: Place) -> None:
    place.write("a.txt", "staged\n")
    place.git("add", "a.txt")
    place.write("a.txt", "staged\nnot yet\n")
    place.runr("intervene", "--reason", "why", code=0)
    assert place.git("show", "HEAD:a.txt") == "staged\n"
    assert place.read("a.txt") == "staged\nnot yet\n"
    assert place.git("diff", "--cached", "--name-only") == ""


def test_a_manual_commit_is_refused_inside_a_run(place: Place) -> None:
    place.script(
        "a.md", "echo 1 > a.txt; git add a.txt; runr intervene --reason me || echo $? > code.txt"
    )
    place.commit("Tasks")
    place.run("a")
    assert place.read("code.txt") == "2\n"
    assert "Runr-Intervention" not in place.git("log", "--all", "--format=%B")


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_is_not_empty(place: Place, reason: str) -> None:
    place.write("a.txt", "1\n")
    place.runr("intervene", "--all", "--reason", reason, code=2)
    place.runr("intervene", "--all", code=2)


def test_a_reason_is_data_to_shells_trailers_and_git(place: Place) -> None:
    place.write("a.txt", "1\n")
    reason = "--amend $(touch pwned) `touch pwned`\nRunr-Checkpoint: true\nRunr-Task: x"
    place.runr("intervene", "--all", f"--reason={reason}", code=0)
    assert not list(place.root.rglob("pwned"))
    found = place.runr("audit", "--range", "HEAD~1..", "--json", code=0).json["counts"]
    assert (found["manual_commit"], found["checkpoint"]) == (1, 0)
    place.runr("rebuild", code=0)


def test_a_secret_in_the_reason_is_in_no_commit(place: Place) -> None:
    place.write("a.txt", "1\n")
    token = "ghp_" + "a1B2" * 9
    place.runr("intervene", "--all", "--reason", f"rotated {token}", code=0)
    assert token not in log(place)
    assert token not in place.runr("report", "latest", code=0).out


def test_in_the_middle_of_a_merge_it_is_refused(place: Place) -> None:
    place.diverge()
    place.runr("intervene", "--reason", "x", "--all", code=2)
    place.paste("git merge other")
    refused = place.runr("intervene", "--reason", "x", "--all", code=2)
    assert "a merge is in progress" in refused.err
    assert place.git("rev-parse", "MERGE_HEAD") == place.git("rev-parse", "other")


def test_a_task_that_is_not_there_gets_the_near_match(place: Place) -> None:
    place.task("alpha.md")
    place.write("a.txt", "1\n")
    refused = place.runr("intervene", "--task", "alhpa", "--reason", "x", "--all", code=2)
    assert "did you mean 'alpha'?" in refused.err


def test_the_first_commit_of_a_repository_can_be_manual_work(bare: Place) -> None:
    bare.write("a.txt", "1\n")
    bare.runr("intervene", "--reason", "Begin", "--all", code=0)
    assert bare.git("ls-tree", "-r", "--name-only", "HEAD") == "a.txt\n"
    assert "`a.txt` +1" in bare.runr("report", "latest", code=0).out


def test_an_interrupted_manual_commit_is_ended_without_changing_its_task(place: Place) -> None:
    place.task("a.md")
    place.write("a.txt", "1\n")
    words = ("--task", "a", "--reason", "why", "--all", "--json")
    run_id = place.runr("intervene", *words, code=0).json["run_id"]
    place.cut(run_id, 3)
    assert "(interrupted)" in place.runr("runs", code=0).out
    assert not place.has_status()
    steps = place.runr("report", run_id, "--json", code=0).json["run"]["next_steps"]
    assert [place.paste(step).code for step in steps] == [0, 0, 0]


def test_what_was_staged_stays_so_where_the_branch_is_locked(place: Place) -> None:
    place.task("a.md")
    place.commit("Tasks")
    (place.root / "staged.txt").write_text("1")
    place.git("add", "staged.txt")
    (place.root / "other.txt").write_text("1")
    before = place.git("status", "--porcelain")
    lock = place.root / ".git/refs/heads/main.lock"
    lock.touch()
    words = ("intervene", "--task", "a", "--reason", "By hand", "--by", "Grace", "--all")
    assert f"rm {lock}" in place.runr(*words, code=1).err
    assert place.git("status", "--porcelain") == before
