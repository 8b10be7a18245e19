"""`runr resume`: of the latest stopped run, of a named run, from a phase, and the preview."""

from typing import Any

import pytest

from cli.terminal import Place

#: Works at the second attempt only, when there is a file `go` in the repository.
GATED = "echo $RUNR_ATTEMPT > a.txt; test -e ../../../go"


def stopped(place: Place, name: str = "a", script: str = GATED, **expected: int) -> Any:
    place.script(f"{name}.md", script)
    place.commit("Tasks")
    return place.run(name, code=expected.get("code", 1))


def test_resume_without_a_run_resumes_the_latest_stop_and_ends_with_its_code(place: Place) -> None:
    stopped(place, "b")
    run = stopped(place, "a")
    place.write("go")
    shown = place.runr("resume", code=0)
    assert f"run {run['id']} of a.md stopped (worker_failed" in shown.out
    assert "✓ a.md: completed, verified" in shown.out
    assert place.status("b.md")["status"] == "stopped"
    place.runr("resume", "--json", code=0)
    assert place.status("b.md")["status"] == "completed"


def test_resume_without_a_run_dry_run_only_says(place: Place) -> None:
    run = stopped(place)
    place.write("go")
    before = place.events(run["id"])
    answer = place.runr("resume", "--dry-run", "--json", code=0).json
    assert (answer["action"], answer["run"]["id"], answer["dry_run"]) == ("resume", run["id"], True)
    assert place.events(run["id"]) == before
    steps = place.runr("resume", "--dry-run", code=0).steps
    assert [place.paste(step).code for step in steps] == [0, 0]
    assert place.status("a.md")["status"] == "completed"


@pytest.mark.parametrize("why", ["needs_human", "no_checks"])
def test_resume_without_a_run_shows_what_a_person_has_to_do(place: Place, why: str) -> None:
    if why == "no_checks":
        place.config('[run]\nworker = "script"\n')
    place.script("a.md", "echo 1 > a.txt", "type: hybrid")
    place.commit("Tasks")
    place.run("a", code=9)
    result = place.runr("resume", code=9)
    assert "a.md waits for a person" in result.out
    assert len(result.steps) == 3
    look, approve, reject = result.steps
    assert reject == "runr reject a.md --reason 'what is wrong'"
    assert [place.paste(step).code for step in (look, approve)] == [0, 0]
    assert place.status("a.md")["status"] == "completed"
    assert place.runr("resume", "--json", code=0).json["action"] == "nothing"


def test_resume_without_a_run_says_what_is_ready_where_nothing_has_stopped(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.task("m.md", "type: manual")
    place.commit("Tasks")
    result = place.runr("resume", code=0)
    assert "No run has stopped; ready: a.md; waiting for a person: m.md" in result.out
    assert place.paste(result.steps[0]).code == 0
    later = place.runr("resume", code=0)
    assert "no task is ready; waiting for a person: m.md" in later.out
    assert later.steps[0] == "runr task-status m.md"


def test_resume_without_a_run_leaves_active_runs_alone(place: Place) -> None:
    place.script("a.md", "trap 'exit 0' TERM; while :; do sleep 0.05; done")
    started = place.runr("run", "--task", "a", "--detach", "--json", code=0).json["id"]
    place.await_phase(started, "work")
    answer = place.runr("resume", "--json", code=0).json
    assert (answer["action"], answer["next_steps"]) == ("wait", [f"runr follow {started}"])
    place.runr("stop", started, code=0)
    assert place.runr("resume", "--dry-run", "--json").json["run"]["id"] == started


def test_manual_work_is_not_resumed(place: Place) -> None:
    place.write("a.txt", "1\n")
    place.runr("intervene", "--reason", "why", "--all", code=0)
    assert place.runr("resume", "--json", code=0).json["action"] == "nothing"
    assert "nothing to resume" in place.runr("resume", "latest", code=2).err


def test_a_preview_shows_phase_attempt_and_changed_files(place: Place) -> None:
    run = stopped(place)
    before = place.events(run["id"]), place.read(".runr/task-status.json")
    result = place.runr("resume", run["id"], "--preview", code=0)
    assert "the worker would get attempt 2" in result.out
    assert "changed so far: a.txt" in result.out
    answer = place.runr("resume", run["id"], "--preview", "--json", code=0).json
    assert (answer["phase"], answer["attempt"], answer["changed"]) == ("work", 2, ["a.txt"])
    assert (place.events(run["id"]), place.read(".runr/task-status.json")) == before
    place.write("go")
    assert place.paste(result.steps[-1]).code == 0
    assert place.read("a.txt") == "2\n"


def test_a_preview_of_a_stop_for_a_person_says_that_it_would_stop_again(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt", "type: hybrid")
    run = place.run("a", code=9)
    answer = place.runr("resume", run["id"], "--preview", "--json", code=0).json
    assert answer["phase"] is None
    assert "stop again at once" in answer["message"]
    assert len(answer["next_steps"]) == 3


def test_resume_from_verify_checks_what_a_person_fixed_without_another_attempt(
    place: Place,
) -> None:
    place.script("a.md", "echo wrong > a.txt", 'verify: ["grep right a.txt"]')
    place.commit("Tasks")
    run = place.run("a", code=4)
    place.write(f".runr/worktrees/{run['id']}/a.txt", "right\n")
    message = place.runr("resume", run["id"], "--from", "verify", "--preview", code=0)
    assert "it would resume with verify, without another attempt" in message.out
    assert message.steps == [f"runr resume {run['id']} --from verify"]
    assert place.paste(message.steps[0]).code == 0
    assert place.read("a.txt") == "right\n"
    assert place.status("a.md")["evidence"] == "verified"
    prompts = list(place.run_folder(run["id"]).glob("prompt-*.md"))
    assert len(prompts) == run["attempt"]


def test_resume_from_verify_continues_like_any_verification(place: Place) -> None:
    place.script("a.md", "echo $RUNR_ATTEMPT > a.txt", 'verify: ["grep 3 a.txt"]')
    place.commit("Tasks")
    run = place.run("a", code=4)
    assert (
        place.runr("resume", run["id"], "--from", "verify", "--json", code=0).json["attempt"] == 3
    )


def test_resume_from_work_lets_the_worker_try_again(place: Place) -> None:
    place.config(
        '[run]\nworker = "script"\n[verify]\ntier1 = ["test -d ."]\n[scope]\ndeny = ["bad*"]\n'
    )
    place.script(
        "a.md", "if [ $RUNR_ATTEMPT = 1 ]; then echo 1 > bad.txt; else mv bad.txt good.txt; fi"
    )
    place.commit("Tasks")
    run = place.run("a", code=5)
    assert place.runr("resume", run["id"], "--json", code=5).json["attempt"] == 1
    again = place.runr("resume", run["id"], "--from", "work", "--json", code=0).json
    assert (again["status"], again["attempt"]) == ("completed", 2)


def test_resume_from_checkpoint_commits_verified_work_once(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt", "type: hybrid")
    place.commit("Tasks")
    run = place.run("a", code=9)
    place.runr("resume", run["id"], "--from", "checkpoint", code=9)
    assert place.git("log", "--all", "--format=%s", "--grep=^Runr-Checkpoint").split() == ["a"]


@pytest.mark.parametrize(
    ("since", "why"),
    [
        ("checkpoint", "only verified work is committed"),
        ("integrate", "'integrate' is not one of 'plan', 'work', 'verify', 'review', 'checkpoint'"),
    ],
)
def test_unverified_work_is_not_committed_by_a_resume(place: Place, since: str, why: str) -> None:
    place.script("a.md", "echo 1 > a.txt", 'verify: ["false"]')
    place.commit("Tasks")
    run = place.run("a", code=4)
    before = place.events(run["id"])
    for words in (["--preview"], []):
        assert why in place.runr("resume", run["id"], "--from", since, *words, code=2).err
    assert place.events(run["id"]) == before


@pytest.mark.parametrize("since", ["work", "verify"])
def test_after_a_checkpoint_earlier_phases_are_refused(place: Place, since: str) -> None:
    place.script("a.md", "echo 1 > a.txt", "type: hybrid")
    place.commit("Tasks")
    run = place.run("a", code=9)
    refused = place.runr("resume", run["id"], "--from", since, code=2)
    assert "its checkpoint is made" in refused.err
    assert place.paste(refused.steps[0]).code == 0


def test_a_worktree_that_was_moved_is_moved_back_by_the_command_that_is_printed(
    place: Place,
) -> None:
    place.script("a.md", "touch a; test -e ../../../ready", "verify: ['test -f a']")
    place.commit("Task")
    run = place.run("a", code=1)["id"]
    place.git("worktree", "move", f".runr/worktrees/{run}", "../elsewhere")
    place.write("ready")
    refused = place.runr("resume", run)
    assert "is checked out in" in refused.err
    place.paste(refused.steps[0])
    place.runr("resume", run, code=0)
    assert place.status("a.md")["evidence"] == "verified"
