"""Plans and reviews by workers: a commit for each milestone, requests in the next attempt."""

from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place

PLAN = """\
echo 'I looked around. 1. is not how the list begins.'
echo 'Here it is:'
echo '1. Write one.txt: it is there'
echo '2. Write two.txt: it is there'
echo '3) **Write** `three.txt`: it is there'
"""
#: What the worker does in the n-th attempt.
WORK = 'echo "$RUNR_ATTEMPT" > "file$RUNR_ATTEMPT.txt"'
APPROVE = "echo 'It is all there.'; echo '**VERDICT: approve**'"


@pytest.fixture
def workers(place: Place) -> "ScriptedWorkers":
    return ScriptedWorkers(place)


class ScriptedWorkers:
    """A repository whose planner, worker and reviewer are shell scripts."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.folder = place.root.parent / "hands"
        self.folder.mkdir()

    def staff(self, *, work: str = WORK, plan: str = "", review: str = "", more: str = "") -> None:
        """Hire; without a script for it, a phase is off."""
        phases = [f'{name} = "{name}er"' for name, does in named(plan, review) if does]
        workers = [("work", work), *((name, does) for name, does in named(plan, review) if does)]
        tables = [self._worker(f"{name}er", does) for name, does in workers]
        self.place.config(
            '[run]\nworker = "worker"\nattempts = 2\n\n[verify]\ntier1 = ["test -d ."]\n\n'
            "[phases]\n" + "\n".join(phases) + f"\n\n{more}\n" + "\n".join(tables)
        )
        self.place.task("a.md", body="Write the files.")
        self.place.commit("Tasks")

    def prompt(self, run: Any, part: str) -> str:
        return (Path(run["run_dir"]) / f"prompt-{part}.md").read_text(encoding="utf-8")

    def _worker(self, name: str, does: str) -> str:
        file = self.folder / f"{name}.sh"
        file.write_text(f"cat > /dev/null\n{does}\n", encoding="utf-8")
        return f'[workers.{name}]\ncommand = ["sh", "{file}"]\n'


def named(plan: str, review: str) -> tuple[tuple[str, str], ...]:
    return (("plan", plan), ("review", review))


def checkpoints(place: Place) -> list[str]:
    """Return the milestone and the subject of every checkpoint, oldest first."""
    form = "--format=%(trailers:key=Runr-Milestone,valueonly,separator=) %s"
    return place.git("log", "--reverse", "--grep=Runr-Checkpoint", form).splitlines()


def test_each_milestone_of_a_plan_is_worked_at_verified_and_committed_by_itself(
    workers: ScriptedWorkers,
) -> None:
    workers.staff(plan=PLAN)
    run = workers.place.run("a")
    assert checkpoints(workers.place) == [
        "1/3 Write one.txt: it is there",
        "2/3 Write two.txt: it is there",
        "3/3 Write three.txt: it is there",
    ]
    assert run["milestones"][2] == "Write three.txt: it is there"
    assert run["checkpoints"] == workers.place.git("log", "--reverse", "-3", "--format=%H").split()
    assert run["attempt"] == 3
    second = workers.prompt(run, "2")
    assert "1. Write one.txt: it is there (done)" in second
    assert "2. Write two.txt: it is there (now)" in second
    assert "3. Write three.txt: it is there (later)" in second
    assert "Write the files." in second
    assert "at most 8 milestones" in workers.prompt(run, "plan")
    assert workers.place.git("show", "--name-only", "--format=", "HEAD~1").split() == ["file2.txt"]
    report = workers.place.runr("report", run["id"]).out
    assert f"2. Write two.txt: it is there: `{run['checkpoints'][1][:12]}`" in report


def test_every_milestone_has_all_its_attempts(workers: ScriptedWorkers) -> None:
    flaky = 'test $(( $RUNR_ATTEMPT % 2 )) = 0 && touch "fine$RUNR_ATTEMPT" || rm -f fine*'
    workers.staff(plan=PLAN, work=flaky)
    config = workers.place.read(".runr/config.toml")
    workers.place.config(config.replace('tier1 = ["test -d ."]', 'tier1 = ["ls fine*"]'))
    run = workers.place.run("a")
    assert (run["attempt"], len(run["checkpoints"])) == (6, 3)


def test_a_run_that_stops_in_a_later_milestone_resumes_there(workers: ScriptedWorkers) -> None:
    workers.staff(plan=PLAN, work=f'test "$RUNR_ATTEMPT" != 2 || exit 1\n{WORK}')
    stopped = workers.place.run("a", code=1)
    assert stopped["stop_reason"] == "worker_failed"
    assert len(stopped["checkpoints"]) == 1
    assert workers.place.status("a.md")["status"] == "stopped"
    workers.place.runr("resume", stopped["id"], code=0)
    assert [line[:3] for line in checkpoints(workers.place)] == ["1/3", "2/3", "3/3"]
    assert workers.place.status("a.md")["status"] == "completed"
    assert {path.name for path in workers.place.root.glob("file*")} == {
        "file1.txt",
        "file3.txt",
        "file4.txt",
    }


def test_the_first_milestones_commit_alone_does_not_complete_the_task_in_a_clone(
    workers: ScriptedWorkers,
) -> None:
    workers.staff(plan=PLAN, work=f'test "$RUNR_ATTEMPT" != 2 || exit 1\n{WORK}')
    stopped = workers.place.run("a", code=1)
    workers.place.git("merge", "-q", stopped["branch"])
    (workers.place.root / ".runr/task-status.json").unlink()
    for folder in (workers.place.root / ".runr/runs").iterdir():
        folder.rename(workers.folder / folder.name)
    workers.place.runr("rebuild")
    row = workers.place.runr("list-tasks", "--json").json["tasks"][0]
    assert row["status"] == "pending"


@pytest.mark.parametrize("answer", ["echo 'It is one small thing.'", "echo '1. Do it all'"])
def test_a_plan_without_several_milestones_is_a_task_in_one_piece(
    workers: ScriptedWorkers, answer: str
) -> None:
    workers.staff(plan=answer)
    run = workers.place.run("a")
    assert run["milestones"] == []
    assert checkpoints(workers.place) == [" a"]


def test_a_planner_that_changes_files_is_stopped_and_the_files_are_named(
    workers: ScriptedWorkers,
) -> None:
    workers.staff(plan=f"{PLAN}\necho mine > planned.txt")
    run = workers.place.run("a", code=5)
    assert (run["stop_reason"], run["violations"]) == ("scope_violation", ["planned.txt"])
    (Path(workers.place.root) / ".runr/worktrees" / run["id"] / "planned.txt").unlink()
    (workers.folder / "planer.sh").write_text(f"cat > /dev/null\n{PLAN}", encoding="utf-8")
    workers.place.runr("resume", run["id"], code=0)
    assert len(checkpoints(workers.place)) == 3


def test_what_the_reviewer_asks_for_reaches_the_next_attempt(workers: ScriptedWorkers) -> None:
    review = (
        'if test "$RUNR_ATTEMPT" = 1; then echo "file1.txt needs a heading"; '
        f"echo 'VERDICT: changes'; else {APPROVE}; fi"
    )
    workers.staff(review=review)
    run = workers.place.run("a")
    assert (run["attempt"], run["reviewed_by"]) == (2, "reviewer")
    assert "file1.txt needs a heading" in workers.prompt(run, "2")
    assert "VERDICT" not in workers.prompt(run, "2")
    shown = workers.prompt(run, "2-review")
    assert "+++ b/file1.txt" in shown
    assert "file1.txt needs a heading" in shown
    assert len(checkpoints(workers.place)) == 1


def test_a_reviewer_that_asks_the_same_thing_again_stops_the_run(workers: ScriptedWorkers) -> None:
    review = 'echo "Rename the helper in line $RUNR_ATTEMPT, please."; echo "VERDICT: changes"'
    workers.staff(review=review, more="")
    config = workers.place.read(".runr/config.toml").replace("attempts = 2", "attempts = 9")
    workers.place.config(config)
    run = workers.place.run("a", code=4)
    assert (run["stop_reason"], run["attempt"]) == ("review_loop", 2)
    assert "Rename the helper" in workers.place.runr("report", run["id"]).out
    (workers.folder / "reviewer.sh").write_text(APPROVE, encoding="utf-8")
    workers.place.runr("resume", run["id"], code=0)
    assert workers.place.status("a.md")["status"] == "completed"


def test_a_reviewer_that_never_approves_uses_up_the_attempts(workers: ScriptedWorkers) -> None:
    review = (
        'test "$RUNR_ATTEMPT" = 1 && echo "Add a title" || echo "Sort those lines";'
        'echo "VERDICT: changes"'
    )
    workers.staff(review=review)
    run = workers.place.run("a", code=4)
    assert (run["stop_reason"], run["attempt"]) == ("review_failed", 2)
    assert run["checkpoint_sha"] is None


def test_a_session_gets_what_the_reviewer_asks_for_and_its_run_stays_open(
    workers: ScriptedWorkers,
) -> None:
    review = (
        'if test "$RUNR_ATTEMPT" = 1; then echo "a.txt needs a heading"; '
        f"echo 'VERDICT: changes'; else {APPROVE}; fi"
    )
    workers.staff(review=review)
    runr = workers.place.runr
    runr("run", "--task", "a", "--worker", "session", code=0)
    workers.place.write("a.txt", "text\n")
    asked = runr("complete-task", "a", code=4)
    assert "the reviewer asks:\n    a.txt needs a heading" in asked.out
    assert runr("complete-task", "a", "--json", code=0).json["completed"] is True
    assert len(checkpoints(workers.place)) == 1


def test_a_person_may_override_a_review_and_is_named(workers: ScriptedWorkers) -> None:
    workers.staff(review="echo 'Looks good to me!'")
    run = workers.place.run("a", code=4)
    assert workers.place.paste(run["next_steps"][2]).code == 0
    entry = workers.place.status("a.md")
    assert (entry["status"], entry["evidence"]) == ("completed", "attested")
    assert (entry["verification"], entry["last_run_id"]) == ("passed", run["id"])
    assert len(checkpoints(workers.place)) == 1


def test_a_review_without_a_verdict_approves_nothing(workers: ScriptedWorkers) -> None:
    workers.staff(review="echo 'Looks good to me!'")
    run = workers.place.run("a", code=4)
    assert run["stop_reason"] == "review_unclear"
    assert checkpoints(workers.place) == []


def test_a_reviewer_that_changes_files_is_stopped_and_its_changes_are_verified(
    workers: ScriptedWorkers,
) -> None:
    workers.staff(review=f"echo better > file1.txt; {APPROVE}")
    run = workers.place.run("a", code=5)
    assert (run["stop_reason"], run["violations"]) == ("scope_violation", ["file1.txt"])
    (workers.folder / "reviewer.sh").write_text(APPROVE, encoding="utf-8")
    resumed = workers.place.runr("resume", run["id"], "--json", code=0).json
    assert workers.place.read("file1.txt") == "better\n"
    timeline = (Path(run["run_dir"]) / "timeline.jsonl").read_text(encoding="utf-8")
    assert timeline.count('"check.finished"') == 2
    assert resumed["run"]["reviewed_by"] == "reviewer" if "run" in resumed else True


def test_a_missing_reviewer_is_reported_before_anything_is_recorded(
    workers: ScriptedWorkers,
) -> None:
    workers.staff(review=APPROVE)
    config = workers.place.read(".runr/config.toml").replace('"sh", ', '"no-such-program", ')
    workers.place.config(
        config.replace("[workers.worker]\ncommand = [", "[workers.worker]\ncommand = [")
    )
    refused = workers.place.runr("run", "--task", "a", code=7)
    assert "no-such-program" in refused.err
    assert not (workers.place.root / ".runr/runs").exists()


def test_a_phase_with_an_unknown_worker_is_a_configuration_error(
    workers: ScriptedWorkers,
) -> None:
    workers.place.task("a.md")
    workers.place.config('[phases]\nreview = "script"\n')
    refused = workers.place.runr("run", "--task", "a", code=2)
    assert "the worker script can only work, not plan or review" in refused.err


#: A check that writes a file, as a formatter does: on a branch that has moved, the work is moved.
FORMATTER = 'writes = ["count"]\ntier1 = ["ls > count"]\n'
MINE = "touch mine; git add mine; git commit -q -m Mine"


@pytest.mark.parametrize("moved_in", ["1", "2", "3"])
@pytest.mark.parametrize("fails", [False, True])
def test_no_milestone_is_left_out_where_the_branch_moves_meanwhile(
    workers: ScriptedWorkers, moved_in: str, *, fails: bool
) -> None:
    user = f'(cd ../../.. && env -i PATH="$PATH" HOME="$HOME" sh -c "{MINE}")'
    done = "n=$(ls part* 2> /dev/null | wc -l); test -e mine && test -e broken && rm broken && exit"
    moves = f'test "$n" != {moved_in} || {user}'
    work = f"{done}\nn=$((n + 1)); touch part$n\n{moves}\n"
    work += f'test "$n" != {moved_in} || touch broken\n' if fails else ""
    workers.staff(plan=PLAN, work=work)
    config = workers.place.read(".runr/config.toml")
    checks = 'tier1 = ["test ! -e mine || test ! -e broken"]\n' if fails else FORMATTER
    workers.place.config(config.replace('tier1 = ["test -d ."]\n', checks))
    workers.place.runr("run", "--task", "a", code=0)
    assert workers.place.git("ls-files", "part*").split() == ["part1", "part2", "part3"]
    assert workers.place.git("ls-files", "mine", "broken").split() == ["mine"]


def test_work_that_is_moved_before_its_review_is_reviewed(workers: ScriptedWorkers) -> None:
    user = f'(cd ../../.. && env -i PATH="$PATH" HOME="$HOME" sh -c "{MINE}")'
    workers.staff(work=f"{WORK}\ntest -e mine || {user}", review=APPROVE)
    config = workers.place.read(".runr/config.toml")
    workers.place.config(config.replace('tier1 = ["test -d ."]\n', FORMATTER))
    run = workers.place.run("a")
    assert run["reviewed_by"] == "reviewer"
    assert "+++ b/file1.txt" in workers.prompt(run, "1-review")
