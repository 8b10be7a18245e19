"""Settings and tasks that a worker changes, so that its work is verified by them."""

import pytest

from cli.terminal import Place
from fakes.project_kit import kill, until

CONFIG = '[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["grep -q good src/a"]\n'
WEAKER = "sed -i 's/grep -q good .*\"/test -d .\"/' ../../config.toml"


@pytest.fixture
def source(place: Place) -> Place:
    place.config(CONFIG)
    place.write("src/a", "1\n")
    return place


def test_settings_that_were_changed_while_the_worker_worked_need_a_person(source: Place) -> None:
    source.script("t.md", f"echo bad > src/a; {WEAKER}", header="owns: [src/]")
    source.commit()
    source.runr("run", "--task", "t")
    assert source.status("t.md")["stop_reason"] == "verification_failed"
    refused = source.runr("resume", "latest", code=5)
    assert 'verify.tier1: ["grep -q good src/a"] → ["test -d ."]' in refused.err
    assert "Changed while the worker worked" in source.runr("report", "latest").out
    accept = next(step for step in refused.steps if "--accept-changes" in step)
    source.paste(accept)
    assert source.status("t.md")["status"] == "completed"
    assert "accepted by Ada Example" in source.runr("report", "latest").out


def test_what_was_asked_of_a_run_at_its_start_is_no_change(source: Place) -> None:
    mark = source.root / ".runr" / "working"
    first = f"[ -e {mark} ] || {{ touch {mark}; sleep 60; }}"
    source.script("t.md", f"{first}; echo good > src/a", header="owns: [src/]")
    source.commit()
    run = source.runr("run", "--task", "t", "--wait-for-limit", "--detach", "--json", code=0).json
    until(mark.exists, "the worker to work")
    kill(int((source.run_folder(run["id"]) / "lock").read_text()))
    source.runr("resume", "latest", code=0)
    assert source.status("t.md")["status"] == "completed"


def test_a_task_that_was_changed_while_the_worker_worked_needs_a_person(source: Place) -> None:
    weaker = "sed -i 's/^verify.*/verify: [\"test -d .\"]/' ../../tasks/t.md"
    source.config('[run]\nworker = "script"\nattempts = 1\n')
    source.script("t.md", f"echo bad > a; {weaker}", header='verify: ["grep -q good a"]')
    source.commit()
    source.runr("run", "--task", "t")
    refused = source.runr("resume", "latest", code=5)
    assert "the task .runr/tasks/t.md" in refused.err


@pytest.mark.parametrize(
    "again", [("run", "--task", "t", "--worker", "session"), ("resume", "latest")]
)
@pytest.mark.parametrize("what", ["the settings", "the task"])
def test_a_session_cannot_weaken_what_verifies_its_run_by_a_stop(
    source: Place, again: tuple[str, ...], what: str
) -> None:
    session = {"CLAUDE_CODE_SESSION_ID": "11111111-1111-4111-8111-111111111111"}
    source.task("t.md", 'owns: [src/]\nverify: ["grep -q better src/a"]')
    source.commit()
    source.runr("run", "--task", "t", "--worker", "session", env=session, code=0)
    source.write("src/a", "bad\n")
    source.runr("complete-task", "t", env=session, code=4)
    if what == "the settings":
        source.config(CONFIG.replace("grep -q good src/a", "test -d ."))
    else:
        source.task("t.md", 'owns: [src/]\nverify: ["test -d ."]')
    source.runr("stop", "t", "--reason", "x", env=session, code=0)
    refused = source.runr(*again, env=session)
    assert refused.code
    assert "began with other settings or another task" in refused.err
    source.runr("complete-task", "t", env=session)
    assert source.status("t.md")["status"] == "stopped"


def test_what_the_user_changes_after_a_stop_needs_nothing(source: Place) -> None:
    source.script("t.md", "echo bad > src/a", header="owns: [src/]")
    source.commit()
    source.runr("run", "--task", "t")
    source.config(CONFIG.replace("grep -q good src/a", "test -d ."))
    source.runr("resume", "latest", code=0)
    assert source.status("t.md")["status"] == "completed"


def test_settings_that_a_worker_in_place_has_changed_are_put_back(source: Place) -> None:
    script = f"echo good > src/a; {WEAKER.replace('../../', '.runr/')}"
    source.script("t.md", script, header="owns: [src/]")
    source.commit()
    source.runr("run", "--task", "t", "--in-place", code=5)
    run = source.runr("task-status", "t", "--json").json["run"]
    assert run["stop_reason"] == "inputs_changed"
    assert "verify.tier1" in run["detail"]
    assert source.read(".runr/config.toml") == CONFIG
    assert "test -d ." in (source.run_folder(run["id"]) / "changed-config.toml").read_text()
    source.runr("resume", "latest", code=5)


@pytest.mark.parametrize("name", ["config.json", "task.md"])
def test_the_copies_of_a_run_cannot_be_changed_for_its_next_attempt(
    source: Place, name: str
) -> None:
    source.config(CONFIG.replace("attempts = 1", "attempts = 2"))
    script = f"echo bad > src/a; echo >> ../../runs/$RUNR_RUN_ID/{name}"
    source.script("t.md", script, header="owns: [src/]")
    source.commit()
    source.runr("run", "--task", "t", code=5)
    run = source.runr("task-status", "t", "--json").json["run"]
    assert run["stop_reason"] == "inputs_changed"
    assert name in run["detail"]


def test_settings_that_a_worker_commits_are_out_of_scope(source: Place) -> None:
    script = (
        'echo good > src/a; echo "[verify]" > .runr/config.toml;'
        " git add -f .runr/config.toml src/a; git commit -qm Work"
    )
    source.script("t.md", script, header="owns: [src/]")
    source.commit()
    source.runr("run", "--task", "t", code=5)
    run = source.runr("task-status", "t", "--json").json["run"]
    assert run["stop_reason"] == "scope_violation"
    assert ".runr/config.toml (in commit" in run["detail"]
    assert source.read(".runr/config.toml") == CONFIG


def test_a_resume_that_is_refused_leaves_the_run_as_it_was(place: Place) -> None:
    place.config('[run]\nworker = "script"\n[verify]\ntier1 = ["true"]\n')
    place.script("a.md", "echo 1 > g")
    place.commit("Task")
    run = place.run("a", code=9)["id"]
    place.config('[run]\nworker = "script"\nattempts = 2\n[verify]\ntier1 = ["true"]\n')
    assert "waits for a person" in place.runr("resume", run, code=9).err
    place.config('[run]\nworker = "script"\n[verify]\ntier1 = ["test -f g"]\n')
    place.runr("resume", run, code=0)
