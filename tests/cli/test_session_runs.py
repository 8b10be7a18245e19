"""Session runs from the terminal: holder, takeover and working tree."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place, Result

ADA, BOB = "aaaa1111-0000-4000-8000-000000000001", "bbbb2222-0000-4000-8000-000000000002"


@pytest.fixture
def place(place: Place) -> Place:
    place.config('[run]\nworker = "session"\n\n[verify]\ntier1 = ["grep -q good a.txt"]\n')
    place.task("a.md", header="owns: [a.txt]", body="Write a.txt.")
    return place


def by(place: Place, session: str | None, *words: str, **rest: Any) -> Result:
    """Type a command as a session's Bash does, or as a person does."""
    return place.runr(*words, env={"CLAUDE_CODE_SESSION_ID": session}, **rest)


def opened(place: Place, session: str | None = ADA) -> str:
    answer = by(place, session, "--json", "run", "--task", "a", code=0).json
    return str(answer["run"]["id"])


def leave(place: Place, session: str, *, ended: bool) -> None:
    """Write the transcript of a session that is over, or is not."""
    lines = [{"type": "assistant", "timestamp": "2026-01-01T00:00:00Z"}]
    lines += [{"type": "cost-state"}] if ended else []
    file = place.home / ".claude" / "projects" / "here" / f"{session}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def test_the_brief_is_given_again_with_what_failed_and_what_was_noted(place: Place) -> None:
    run = opened(place)
    place.write("a.txt", "bad\n")
    by(place, ADA, "note", "a", "the word has to be good", code=0)
    assert by(place, ADA, "complete-task", "a", code=4).out
    again = by(place, ADA, "--json", "run", "--task", "a", code=0).json
    assert again["run"]["id"] == run
    for part in ("Write a.txt.", "Failed checks of attempt 1", "the word has to be good"):
        assert part in again["brief"]
    assert again["next_steps"] == ["runr complete-task a.md"]
    shown = place.runr("task-status", "a", code=0)
    assert "note: " in shown.out
    assert ADA in shown.out
    assert "the word has to be good" in place.runr("follow", run, code=0).out
    assert "session: the word has to be good" in place.runr("report", run, code=0).out


def test_another_session_is_refused_with_the_holder_and_takes_over_only_with_force(
    place: Place,
) -> None:
    run = opened(place)
    leave(place, ADA, ended=False)
    for words in (("run", "--task", "a"), ("complete-task", "a")):
        refused = by(place, BOB, *words, code=1)
        assert f"run {run} is open" in refused.err
        assert f"session {ADA} in {place.root} on main, since 2" in refused.err
        assert "runr run --worker session --force --task a.md" in refused.steps
    taken = by(place, BOB, "--json", "run", "--worker", "session", "--force", "--task", "a", code=0)
    assert (taken.json["run"]["id"], taken.json["run"]["session_id"]) == (run, BOB)
    refused = by(place, ADA, "complete-task", "a", code=1)
    assert BOB in refused.err
    joined = [event for event in place.events(run) if event["type"] == "session.attached"]
    assert [event["payload"]["previous_session_id"] for event in joined] == [ADA]
    assert joined[0]["payload"]["why"] == "forced"


def test_the_run_of_an_ended_session_is_taken_over_by_the_next_one(place: Place) -> None:
    run = opened(place)
    leave(place, ADA, ended=True)
    assert "that session has ended" in place.runr("task-status", "a").out
    assert by(place, BOB, "--json", "run", "--task", "a", code=0).json["run"]["id"] == run
    place.write("a.txt", "good\n")
    by(place, BOB, "complete-task", "a", code=0)
    assert f"Runr-Session: {BOB}" in place.git("log", "-1", "--format=%B")
    assert "that session has ended" in place.runr("report", run).out


def test_a_session_that_was_silent_for_too_long_may_be_replaced(place: Place) -> None:
    place.config(
        '[run]\nworker = "session"\nsession_idle_timeout = 1\n\n[verify]\ntier1 = ["test -d ."]\n'
    )
    run = opened(place)
    place.rewrite(run, lambda line: line.replace('"time":"20', '"time":"19'))
    assert "it was silent for" in place.runr("task-status", "a").out
    assert by(place, BOB, "--json", "run", "--task", "a", code=0).json["run"]["session_id"] == BOB


def test_a_person_completes_the_run_that_a_session_left(place: Place) -> None:
    run = opened(place)
    place.write("a.txt", "good\n")
    done = by(place, None, "complete-task", "a", code=0)
    assert "completed, verified" in done.out
    assert "submitted by Ada Example" in place.runr("report", run).out
    assert place.status("a.md")["evidence"] == "verified"


def test_a_session_stops_a_run_and_resumes_it_later(place: Place) -> None:
    run = opened(place)
    place.write("a.txt", "good\n")
    given_up = by(place, ADA, "stop", "a", "--reason", "the API is gone", code=0)
    assert f"run {run} is stopped" in given_up.out
    assert "the API is gone" in place.runr("task-status", "a").out
    assert f"abandoned by session {ADA}: the API is gone" in place.runr("report", run).out
    assert place.read("a.txt") == "good\n"
    again = by(place, BOB, "--json", "run", "--task", "a", code=0).json
    assert (again["run"]["id"], again["run"]["session_id"]) == (run, BOB)
    by(place, BOB, "complete-task", "a", code=0)
    assert place.git("show", "--format=", "--name-only", "HEAD").split() == ["a.txt"]


def test_a_run_that_waits_for_a_person_is_not_resumed_without_it(place: Place) -> None:
    place.config('[run]\nworker = "script"\n')
    place.script("b.md", "echo 1 > b.txt")
    run = place.run("b", code=9)["id"]
    refused = place.runr("resume", run, code=9)
    assert f"run {run} waits for a person" in refused.err
    assert refused.steps[0].startswith(("runr approve b.md", "runr complete-task b.md"))
    assert place.paste(refused.steps[0]).code == 0
    assert place.status("b.md")["status"] == "completed"


def test_the_latest_run_is_the_latest_attempt_and_not_an_attestation(place: Place) -> None:
    place.config('[run]\nworker = "script"\n\n[verify]\ntier1 = ["test -d ."]\n')
    place.script("b.md", "echo 1 > b.txt")
    place.task("call.md", header="type: manual")
    place.runr("complete-task", "call", "--reason", "called", code=0)
    person = place.runr("--json", "report", "latest", code=0).json["run"]
    assert person["worker"] == "person"
    run = place.run("b")["id"]
    place.task("again.md", header="type: manual")
    place.runr("complete-task", "again", "--reason", "called", code=0)
    assert place.runr("--json", "report", "latest", code=0).json["run"]["id"] == run


def worktree(place: Place) -> Place:
    place.git("worktree", "add", "-q", "-b", "feature", str(place.root.with_name("linked")))
    return Place(place.root.with_name("linked"), place.home)


def test_a_linked_worktree_has_the_tasks_and_the_record_of_the_main_one(place: Place) -> None:
    linked = worktree(place)
    run = opened(linked)
    assert place.run_folder(run).is_dir()
    assert not (linked.root / ".runr" / "runs").exists()
    refused = by(place, BOB, "run", "--task", "a", code=1)
    assert f"in {linked.root} on feature" in refused.err
    linked.write("a.txt", "good\n")
    by(linked, ADA, "complete-task", "a", code=0)
    assert f"Runr-Run-Id: {run}" in place.git("log", "-1", "--format=%B", "feature")
    assert not (place.root / "a.txt").exists()
    assert linked.runr("--json", "task-status", "a").json["task"]["unmerged"] is False
    there = place.runr("task-status", "a")
    assert "but it is not on this branch" in there.out
    assert place.paste(there.steps[0]).code == 0
    assert place.runr("--json", "task-status", "a").json["task"]["unmerged"] is False


def test_a_worktree_with_a_record_of_its_own_keeps_it(place: Place) -> None:
    linked = worktree(place)
    linked.task("a.md", body="Write a.txt.")
    linked.config('[run]\nworker = "session"\n')
    linked.write(".runr/task-status.json", '{"schema_version": 1, "tasks": {}}')
    run = opened(linked)
    assert linked.run_folder(run).is_dir()
    assert not place.run_folder(run).exists()


def test_a_run_whose_worktree_is_gone_says_so(place: Place) -> None:
    linked = worktree(place)
    run = opened(linked)
    place.git("worktree", "remove", "--force", str(linked.root))
    refused = by(place, None, "complete-task", "a", code=2)
    assert "does not exist" in refused.err
    assert refused.steps == [f"runr stop {run}"]
    assert place.paste(refused.steps[0]).code == 0


def test_a_name_that_only_the_worktree_has_is_explained(place: Place) -> None:
    linked = worktree(place)
    linked.task("only-here.md")
    refused = linked.runr("task-status", "only-here", code=2)
    assert f"no task 'only-here' in {Path(place.root) / '.runr' / 'tasks'}" in refused.err


def test_a_note_needs_an_open_run_and_a_text(place: Place) -> None:
    assert "no worker has run a yet" in place.runr("note", "a", "text", code=2).err
    run = opened(place)
    assert "needs a text" in place.runr("note", run, "  ", code=2).err
    by(place, ADA, "stop", run, code=0)
    assert "has ended" in place.runr("note", run, "text", code=2).err


def test_of_two_runs_in_one_tree_one_has_the_change(place: Place) -> None:
    place.task("b.md", "owns: [a.txt]", "Write a.txt, too.")
    first, second = opened(place), by(place, ADA, "--json", "run", "--task", "b", code=0).json
    place.write("a.txt", "good\n")
    by(place, ADA, "complete-task", "a", code=0)
    commit = place.status("a.md")["checkpoint_sha"]
    left = by(place, ADA, "complete-task", "b", code=4)
    assert f"but by commit {commit[:12]} of run {first}" in left.out
    assert place.status("b.md")["status"] == "in_progress"
    assert place.git("rev-parse", "HEAD").strip() == commit
    # What it does itself is verified.
    place.write("a.txt", "good, better\n")
    by(place, ADA, "complete-task", "b", code=0)
    assert place.status("b.md")["last_run_id"] == second["run"]["id"]
    assert place.git("show", "--format=", "--name-only", "HEAD") == "a.txt\n"


@pytest.mark.parametrize("committed", [False, True])
def test_work_from_before_the_run_needs_a_person(place: Place, *, committed: bool) -> None:
    place.config('[run]\nworker = "session"\n\n[verify]\ntier1 = ["test -d ."]\n')
    place.write("a.txt", "good\n")
    if committed:
        place.commit("Before")
    opened(place)
    left = by(place, ADA, "complete-task", "a", code=4)
    assert "nothing was changed since the run was opened" in left.out
    assert ("changed before, and not part of it: a.txt" in left.out) is not committed
    by(place, None, "complete-task", "a", "--reason", "I wrote it before", code=0)
    assert place.status("a.md")["evidence"] == "attested"


def test_the_brief_names_what_was_changed_before_and_what_to_do(place: Place) -> None:
    place.commit("Task")
    place.write("a.txt", "good\n")
    place.write("README.md", "of mine\n")
    opening = ("--json", "run", "--task", "a")
    brief = by(place, ADA, *opening, code=0).json["brief"]
    assert "not part of this run:\n- `a.txt`\n\nCommit those" in brief
    assert "README.md" not in brief
    # What the brief says to do leads to the end.
    place.git("add", "a.txt")
    place.git("commit", "-q", "-m", "Before")
    assert "not part of this run" not in by(place, ADA, *opening, code=0).json["brief"]
    by(place, ADA, "complete-task", "a", code=0)
    assert place.status("a.md")["evidence"] == "verified"
    assert place.read("README.md") == "of mine\n"


def test_the_brief_of_a_clean_tree_names_nothing_from_before(place: Place) -> None:
    place.commit("Task")
    assert "Changed before" not in by(place, ADA, "--json", "run", "--task", "a").json["brief"]


REWRITES = {
    "amended": ["commit", "--quiet", "--amend", "--message", "In other words"],
    "rebased": ["pull", "--quiet", "--rebase", "origin", "main"],
    "pulled": ["pull", "--quiet", "--ff-only", "origin", "main"],
}


@pytest.mark.parametrize("how", REWRITES)
def test_the_commits_of_others_and_those_that_are_written_anew_are_no_work(
    place: Place, tmp_path: Path, how: str
) -> None:
    place.config('[run]\nworker = "session"\n\n[verify]\ntier1 = ["test -d ."]\n')
    place.task("a.md", header="owns: [a.txt, b.txt]", body="Write a.txt.")
    remote = tmp_path / "remote"
    place.git("clone", "--quiet", ".", str(remote))
    (remote / "a.txt").write_text("good\n")
    place.git("-C", str(remote), "add", "a.txt")
    eve = ("-c", "user.name=Eve", "-c", "user.email=e@example.org")
    place.git("-C", str(remote), *eve, "commit", "--quiet", "--message", "By Eve")
    place.git("remote", "add", "origin", str(remote))
    if how != "pulled":
        place.write("b.txt", "of mine\n")
        place.commit("Before the run")
    opened(place)
    place.git(*REWRITES[how])
    before = place.git("rev-parse", "HEAD")
    left = by(place, ADA, "complete-task", "a", code=4)
    assert "nothing was changed since the run was opened" in left.out
    assert place.git("rev-parse", "HEAD") == before
    assert place.status("a.md")["status"] == "in_progress"


def with_older_branch(place: Place) -> None:
    """Commit the work on a branch, an hour ago."""
    place.git("switch", "--quiet", "--create", "older")
    place.write("a.txt", "good\n")
    past = "GIT_COMMITTER_DATE=@$(($(date +%s) - 3600))"
    assert place.paste(f"git add a.txt && {past} git commit -q -m Earlier").code == 0
    place.git("switch", "--quiet", "main")


@pytest.mark.parametrize("how", [["--ff-only"], ["--no-ff", "--no-edit"]])
def test_a_branch_from_before_the_run_that_is_merged_is_no_work_of_it(
    place: Place, how: list[str]
) -> None:
    place.commit("Task")
    with_older_branch(place)
    opened(place)
    place.git("merge", "--quiet", *how, "older")
    left = by(place, ADA, "complete-task", "a", code=4)
    assert "nothing was changed since the run was opened" in left.out
    assert "from before the run" in left.out
    assert place.status("a.md")["status"] == "in_progress"
    place.write("a.txt", "good, and more\n")
    by(place, ADA, "complete-task", "a", code=0)
    assert place.status("a.md")["evidence"] == "verified"


SQUASHED = {
    "squashed": ["git merge --quiet --squash older"],
    "squashed and committed": ["git merge --quiet --squash older", "git commit --quiet -m Mine"],
    "picked": ["git cherry-pick older"],
    "restored": ["git restore --source older a.txt"],
    "of a stash": ["git stash pop --quiet"],
}


@pytest.mark.parametrize("how", SQUASHED)
def test_what_a_session_takes_from_before_its_run_is_no_work_of_it(place: Place, how: str) -> None:
    place.write("a.txt", "".join(f"{number}\n" for number in range(9)))
    place.commit("Task")
    place.git("switch", "--quiet", "--create", "older")
    place.write("a.txt", place.read("a.txt") + "good\n")
    place.commit("Earlier")
    place.git("switch", "--quiet", "main")
    if how == "of a stash":
        place.git("branch", "--quiet", "-D", "older")
        place.write("a.txt", place.read("a.txt") + "good\n")
        place.git("stash", "--quiet")
    elif "squashed" in how:
        # The merge is then another file than that of the branch.
        place.write("a.txt", "first\n" + place.read("a.txt"))
        place.commit("Meanwhile")
    opened(place)
    for line in SQUASHED[how]:
        assert place.paste(line).code == 0
    left = by(place, ADA, "complete-task", "a", code=4)
    # A commit that is picked in the second in which it was made is the same commit.
    said = "nothing was changed since the run was opened but (what was in|by) commit"
    assert re.search(said, left.out), left.out
    assert place.status("a.md")["status"] == "in_progress"
    place.write("a.txt", place.read("a.txt") + "and more\n")
    by(place, ADA, "complete-task", "a", code=0)
    assert place.status("a.md")["evidence"] == "verified"


def test_what_an_amended_commit_had_before_the_run_is_not_out_of_its_scope(place: Place) -> None:
    place.commit("Task")
    place.write("other.txt", "of mine\n")
    place.commit("Before")
    opened(place)
    place.write("a.txt", "good\n")
    place.write("more.txt", "not mine to change\n")
    place.git("add", "-A")
    place.git("commit", "--quiet", "--amend", "--no-edit")
    left = by(place, ADA, "complete-task", "a", code=5)
    assert left.out.count("out of scope") == left.out.count("out of scope: more.txt") == 1
    place.git("rm", "--quiet", "more.txt")
    place.git("commit", "--quiet", "--amend", "--no-edit")
    by(place, ADA, "complete-task", "a", code=0)
    assert place.status("a.md")["evidence"] == "verified"


def test_a_branch_of_the_second_in_which_the_run_begins_is_from_before(place: Place) -> None:
    place.commit("Task")
    place.git("switch", "--quiet", "--create", "older")
    place.write("a.txt", "good\n")
    # A clock that goes wrong does not matter.
    later = "GIT_COMMITTER_DATE=@$(($(date +%s) + 3600))"
    assert place.paste(f"git add a.txt && {later} git commit -q -m Earlier").code == 0
    place.git("switch", "--quiet", "main")
    place.git("reflog", "expire", "--expire=now", "--all")
    opened(place)
    place.git("merge", "--quiet", "--ff-only", "older")
    left = by(place, ADA, "complete-task", "a", code=4)
    assert "from before the run" in left.out


def test_the_refs_of_a_run_cannot_be_changed_while_it_is_open(place: Place) -> None:
    place.commit("Task")
    with_older_branch(place)
    run = opened(place)
    place.git("merge", "--quiet", "--ff-only", "older")
    place.write(f".runr/runs/{run}/refs", "")
    left = by(place, ADA, "complete-task", "a", code=5)
    assert (
        f"what run {run} keeps of its settings, its task or the refs was changed: refs" in left.out
    )


def test_a_branch_from_before_the_run_is_no_work_of_a_worker_in_its_worktree(place: Place) -> None:
    place.script("a.md", "git merge --quiet --no-edit older", "owns: [a.txt]")
    place.commit("Task")
    with_older_branch(place)
    stopped = place.runr("run", "--task", "a", "--worker", "script", code=9)
    assert "from before the run" in stopped.out + stopped.err
    assert place.status("a.md")["stop_reason"] == "no_changes"
    assert not (place.root / "a.txt").exists()


def test_a_commit_without_changes_names_those_that_hold_the_work(place: Place) -> None:
    place.commit("Task")
    with_older_branch(place)
    opened(place)
    place.git("switch", "--quiet", "--create", "helper")
    place.write("a.txt", "good, and new\n")
    place.commit("Runr-Task: b.md")
    made = place.git("rev-parse", "--short=12", "HEAD").strip()
    place.git("switch", "--quiet", "main")
    place.git("merge", "--quiet", "--no-ff", "--no-edit", "helper")
    by(place, ADA, "complete-task", "a", code=0)
    assert place.git("diff", "--name-only", "HEAD~1", "HEAD") == ""
    message = place.git("log", "-1", "--format=%B")
    subject, said, commits, *_ = message.split("\n\n")
    assert (subject, said) == ("a", "The work is in these commits:")
    assert commits == f"- {made} Runr-Task: b.md", message
    assert place.status("a.md")["evidence"] == "verified"
    place.runr("verify", "a", code=0)
    assert place.status("b.md") is None
    shown = place.git("log", "-1", "--format=%(trailers:key=Runr-Task,valueonly)").strip()
    assert shown == ".runr/tasks/a.md"


def test_a_commit_of_the_session_counts_after_it_was_pushed_and_amended(
    place: Place, tmp_path: Path
) -> None:
    place.git("clone", "--quiet", "--bare", ".", str(tmp_path / "remote"))
    place.git("remote", "add", "origin", str(tmp_path / "remote"))
    opened(place)
    place.write("a.txt", "good\n")
    place.commit("Work")
    place.git("commit", "--quiet", "--amend", "--message", "The work")
    place.git("push", "--quiet", "origin", "HEAD:refs/heads/work")
    assert place.git("rev-list", "--remotes", "--not", "HEAD~1").strip()
    by(place, ADA, "complete-task", "a", code=0)
    assert place.status("a.md")["evidence"] == "verified"


def test_commits_of_the_session_itself_are_its_work(place: Place) -> None:
    opened(place)
    place.write("a.txt", "good\n")
    place.git("add", "a.txt")
    place.git("commit", "-q", "-m", "By the session")
    by(place, ADA, "complete-task", "a", code=0)
    assert place.status("a.md")["evidence"] == "verified"


def test_a_completion_that_was_killed_anywhere_is_finished_with_one_commit(place: Place) -> None:
    run = opened(place)
    before = place.read(".runr/task-status.json")
    place.write("a.txt", "good\n")
    by(place, ADA, "complete-task", "a", code=0)
    head, timeline = place.git("rev-parse", "HEAD"), place.run_folder(run) / "timeline.jsonl"
    whole = timeline.read_bytes()
    phases = [(each["type"], each["payload"].get("phase")) for each in place.events(run)]
    # The effects of all events are there; of the events, those that the kill left.
    for kept in range(phases.index(("phase.started", "checkpoint")) + 1, len(phases)):
        timeline.write_bytes(whole)
        place.cut(run, kept)
        place.write(".runr/task-status.json", before)
        by(place, ADA, "complete-task", "a", code=0)
        entry = place.status("a.md")
        assert (entry["status"], entry["evidence"]) == ("completed", "verified"), kept
        assert place.git("rev-parse", "HEAD") == head, kept
        assert entry["checkpoint_sha"] == head.strip(), kept


@pytest.mark.parametrize("at_once", [True, False])
def test_sessions_that_share_a_working_tree_complete_their_own_work_only(
    place: Place, at_once: bool
) -> None:
    place.config('[run]\nworker = "session"\n')
    for name in "bc":
        header = f'owns: [{name}.txt]\nverify: ["grep -q good {name}.txt"]'
        place.task(f"{name}.md", header=header)
    place.write("mine.txt", "my own\n")
    for session, name in ((ADA, "b"), (BOB, "c")):
        by(place, session, "run", "--task", name, code=0)
        if at_once:
            place.write(f"{name}.txt", "good\n")
    for session, name in ((ADA, "b"), (BOB, "c")):
        place.write(f"{name}.txt", "good\n")
        done = by(place, session, "--json", "complete-task", name, code=0).json
        assert done["completed"] is True
        assert place.git("show", "--format=", "--name-only", "HEAD").split() == [f"{name}.txt"]
    assert place.git("status", "--porcelain", "*.txt").split() == ["??", "mine.txt"]


def test_what_no_open_task_may_change_is_still_out_of_scope(place: Place) -> None:
    place.task("b.md", header='owns: [b.txt]\nverify: ["test -f b.txt"]')
    opened(place)
    by(place, BOB, "run", "--task", "b", code=0)
    place.write("a.txt", "good\n")
    place.write("b.txt", "theirs\n")
    place.write("c.txt", "whose?\n")
    refused = by(place, ADA, "complete-task", "a", code=5)
    assert "c.txt" in refused.out
    assert "b.txt" not in refused.out


def test_after_a_stop_each_further_completion_says_how_the_run_is_resumed(place: Place) -> None:
    place.commit("Task")
    run = opened(place)
    place.write("a.txt", "good\n")
    lock = place.write(".git/index.lock")
    by(place, ADA, "complete-task", "a", code=1)
    for session in (ADA, None):
        refused = by(place, session, "complete-task", "a", code=2)
        assert refused.err.startswith(f"runr: run {run} of a.md has stopped (git_failed")
        assert f"runr resume {run}" in refused.steps
    lock.unlink()
    resumed = place.paste(f"runr resume {run}", env={"CLAUDE_CODE_SESSION_ID": ADA})
    assert resumed.steps == ["runr complete-task a.md"]
    by(place, ADA, "complete-task", "a", code=0)
    assert place.status("a.md")["evidence"] == "verified"


def test_a_completion_without_a_reason_names_the_decision_that_a_run_waits_for(
    place: Place,
) -> None:
    place.config('[run]\nworker = "script"\n')
    place.script("b.md", "echo good > a.txt", "type: hybrid\nverify: ['test -f a.txt']")
    place.commit("Task")
    place.run("b", code=9)
    refused = place.runr("complete-task", "b", code=2)
    assert [step.split()[1] for step in refused.steps] == ["log", "approve", "reject"]
    assert "needs_human" in refused.err
