"""Runs in the user's own working tree, which has changes that are in no commit."""

import pytest

from cli.terminal import Place

LINES = "".join(f"{number}\n" for number in range(1, 10))
MINE = LINES.replace("1\n", "one\n")
SESSION = {"CLAUDE_CODE_SESSION_ID": "s1"}


@pytest.fixture
def mine(place: Place) -> Place:
    """Return a repository with a change of the user's in `f`."""
    place.config('[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["! grep -q one f"]\n')
    place.write("f", LINES)
    place.script("last.md", "sed -i s/9/nine/ f")
    place.script("first.md", "sed -i s/one/uno/ f; echo 1 > g")
    place.script("nothing.md", "git commit -q --allow-empty -m 'Nothing at all'")
    place.script("undone.md", "echo 1 > h; git add h; git commit -qm h; git revert --no-edit HEAD")
    place.commit("Tasks")
    place.write("f", MINE)
    return place


@pytest.mark.parametrize("is_session", [False, True])
def test_only_the_lines_of_the_run_are_committed_and_verified(
    mine: Place, is_session: bool
) -> None:
    if is_session:
        mine.runr("run", "--task", "last", "--worker", "session", env=SESSION, code=0)
        mine.write("f", MINE.replace("9\n", "nine\n"))
        assert "Left uncommitted: f" in mine.runr("complete-task", "last", env=SESSION, code=0).out
    else:
        assert mine.run("last", "--in-place")["verification"] == "passed"
    assert mine.git("show", "HEAD:f") == LINES.replace("9\n", "nine\n")
    assert mine.read("f") == MINE.replace("9\n", "nine\n")
    assert mine.git("status", "--porcelain") == " M f\n"
    assert "Left uncommitted: f" in mine.runr("report", "latest").out


def test_a_run_on_the_same_lines_stops_until_they_are_committed(mine: Place) -> None:
    before = mine.git("rev-parse", "HEAD")
    stopped = mine.run("first", "--in-place", code=5)
    assert (stopped["stop_reason"], "f (the run has" in stopped["detail"]) == (
        "mixed_changes",
        True,
    )
    assert mine.git("rev-parse", "HEAD") == before
    mine.git("commit", "-qm", "Mine", "--", "f")
    mine.runr("resume", stopped["id"], code=0)
    assert mine.git("show", "--format=", "--name-only", "HEAD") == "g\n"
    assert mine.git("status", "--porcelain") == ""


def test_a_session_gets_a_message_and_stays_open(mine: Place) -> None:
    mine.write("new", "mine\n")
    mine.runr("run", "--task", "first", "--worker", "session", env=SESSION, code=0)
    mine.write("new", "mine\nits\n")
    answer = mine.runr("complete-task", "first", env=SESSION, code=4)
    assert "new (a file that is in no commit" in answer.out
    mine.git("add", "new")
    mine.git("commit", "-qm", "Mine", "--", "new")
    mine.runr("complete-task", "first", env=SESSION, code=0)


@pytest.mark.parametrize("words", [(), ("--in-place",)])
@pytest.mark.parametrize("task", ["nothing", "undone"])
def test_commits_that_leave_every_file_as_it_was_are_no_work(
    mine: Place, task: str, words: tuple[str, ...]
) -> None:
    assert mine.run(task, *words, code=9)["stop_reason"] == "no_changes"
    assert mine.status(f"{task}.md")["status"] != "completed"


def test_an_empty_commit_of_a_session_is_no_work(mine: Place) -> None:
    mine.runr("run", "--task", "last", "--worker", "session", env=SESSION, code=0)
    mine.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    answer = mine.runr("complete-task", "last", env=SESSION, code=4)
    assert "the commits of the run leave every file as it was" in answer.out
    mine.git("commit", "-qam", "Something")
    mine.runr("complete-task", "last", env=SESSION, code=None)


def stopped_in_place(place: Place, *, checks: str = "test -e ok") -> str:
    """Let a run change f and make g, and stop; then change f and `mine`, and make `new`."""
    place.config(f'[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["{checks}"]\n')
    place.write("f", LINES)
    place.write("mine", "1\n")
    place.script("a.md", "sed -i s/9/nine/ f; echo 1 > g")
    place.commit("Task")
    stopped = place.runr("run", "--task", "a", "--in-place")
    assert stopped.code != 0
    place.write("f", MINE.replace("9\n", "nine\n"))
    place.write("mine", "2\n")
    place.write("new", "1\n")
    place.config(
        '[run]\nworker = "script"\n[verify]\ntier1 = ["grep -q nine f && ! test -e new"]\n'
    )
    return str(place.status("a.md")["last_run_id"])


def test_what_was_changed_since_the_stop_is_no_part_of_the_work(place: Place) -> None:
    run = stopped_in_place(place)
    assert "mine" not in place.runr("resume", run, "--preview", code=0).out
    resumed = place.runr("resume", run, "--from", "verify", code=0)
    assert "no part of it: .runr/config.toml, f, mine, new" not in resumed.err
    assert "no part of it: f, mine, new" in resumed.err
    assert place.git("show", "--format=", "--name-only", "HEAD") == "f\ng\n"
    assert place.git("show", "HEAD:f") == LINES.replace("9\n", "nine\n")
    assert place.read("f") == MINE.replace("9\n", "nine\n")
    assert place.git("status", "--porcelain", "--", "f", "mine", "new") == " M f\n M mine\n?? new\n"


def test_what_was_changed_in_the_same_lines_has_to_be_accepted(place: Place) -> None:
    run = stopped_in_place(place)
    place.write("g", "2\n")
    refused = place.runr("resume", run, "--from", "verify", code=5)
    assert "cannot be separated from those of the run: g" in refused.err
    (place.root / "new").unlink()
    accept = refused.steps[-1]
    assert place.paste(refused.steps[0]).code == 0
    assert place.paste(f"{accept} --from verify").code == 0
    assert place.git("show", "HEAD:g") == "2\n"
    assert place.git("status", "--porcelain", "--", "f", "g", "mine") == ""


def test_what_was_changed_before_an_approval_is_no_part_of_the_work(place: Place) -> None:
    stopped_in_place(place, checks=": nothing")
    place.git("checkout", "-q", "--", ".runr")
    approved = place.runr("approve", "a", "--reason", "right", code=0)
    assert "no part of it: f, mine, new" in approved.err
    assert place.git("show", "--format=", "--name-only", "HEAD") == "f\ng\n"
