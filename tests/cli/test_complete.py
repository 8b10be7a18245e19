"""`runr complete-task`: attested by a person, which is recorded with the reason."""

import pytest

from cli.terminal import Place

REASON = ("--reason", "signed on paper")


def test_a_manual_task_is_attested_by_gits_user(place: Place) -> None:
    place.task("sign.md", "type: manual")
    result = place.runr("complete-task", "sign", *REASON, code=0)
    assert "✎ sign.md: completed, attested by Ada Example" in result.out
    entry = place.status("sign.md")
    assert entry["status"] == "completed"
    assert entry["evidence"] == "attested"
    assert entry["verification"] == "none"
    assert entry["completed_by"] == "person:Ada Example"
    assert entry["reason"] == "signed on paper"
    report = place.runr("report", "latest", code=0).out
    assert "signed on paper" in report
    assert "Worker: person" in report


def test_the_person_may_be_named(place: Place) -> None:
    place.task("sign.md", "type: manual")
    answer = place.runr("complete-task", "sign", *REASON, "--by", "Grace", "--json", code=0).json
    assert answer["completed"] is True
    assert answer["task"]["completed_by"] == "person:Grace"
    assert place.runr("list-tasks").out.splitlines()[1].endswith("attested by Grace")


def test_without_a_git_user_a_person_has_to_be_named(place: Place) -> None:
    place.task("sign.md", "type: manual")
    (place.home / ".gitconfig").write_text("")
    refused = place.runr("complete-task", "sign", *REASON, code=2)
    assert "--by" in refused.err
    assert not place.has_status()


@pytest.mark.parametrize("words", [[], ["--reason", ""], ["--reason", "  "], ["--by", "Grace"]])
def test_an_attestation_without_a_reason_is_refused(place: Place, words: list[str]) -> None:
    place.task("sign.md", "type: manual")
    refused = place.runr("complete-task", "sign", *words, code=2)
    assert "with a reason" in refused.err
    assert not place.has_status()
    for command in refused.steps:
        assert "sign.md" in command


def test_force_without_a_reason_is_refused(place: Place) -> None:
    place.task("sign.md", "type: manual")
    assert "reason" in place.runr("complete-task", "sign", "--force", code=2).err


def test_a_failing_check_refuses_an_attestation(place: Place) -> None:
    place.task("a.md", 'verify: ["echo the lamp is dark; false"]')
    refused = place.runr("complete-task", "a", *REASON, code=4)
    assert "the lamp is dark" in refused.err
    assert place.runr("task-status", "a", "--json").json["task"]["status"] == "pending"
    report = place.paste(refused.steps[0])
    assert report.code == 0
    assert "runr resume" not in report.out
    place.task("a.md", 'verify: ["test -d ."]')
    assert place.paste(report.steps[-1]).code == 0
    assert place.status("a.md")["evidence"] == "attested"


def test_every_command_says_the_same_of_a_refused_attestation(place: Place) -> None:
    place.task("a.md", 'verify: ["false"]')
    place.runr("complete-task", "a", *REASON, code=4)
    assert "stopped    a.md  person" in place.runr("runs", code=0).out
    why = "a check failed, so the completion is not attested"
    for words in (["follow"], ["report", "latest"]):
        assert f"a.md: stopped, {why}" in place.runr(*words).out
    for words in (["why", "a"], ["task-status", "a"], ["approve", "a", *REASON], ["report", "a"]):
        said = place.runr(*words)
        text = said.out + said.err
        assert "no worker has run " in text, said
        assert "has no run" not in text, said
    assert not place.has_status()


def test_a_forced_attestation_records_the_failed_verification(
    place: Place,
) -> None:
    place.task("a.md", 'verify: ["false"]')
    refused = place.runr("complete-task", "a", *REASON, code=4)
    assert place.paste(refused.steps[-1]).code == 0
    entry = place.status("a.md")
    assert (entry["status"], entry["evidence"]) == ("completed", "attested")
    assert entry["verification"] == "failed"
    assert entry["reason"] == "why it counts as completed"


def test_open_dependencies_refuse_an_attestation(place: Place) -> None:
    place.task("a.md")
    place.task("b.md", "type: manual\ndepends_on: [a]")
    refused = place.runr("complete-task", "b", *REASON, code=3)
    assert "a.md" in refused.err
    assert not place.has_status()
    assert place.paste(refused.steps[0]).code == 0
    assert place.paste(refused.steps[1]).code == 0
    assert "open dependencies: .runr/tasks/a.md" in place.runr("report", "latest").out


def test_a_second_completion_reports_that_the_task_is_completed(place: Place) -> None:
    place.task("a.md", "type: manual")
    place.runr("complete-task", "a", *REASON, "--by", "Grace", code=0)
    again = place.runr("complete-task", "a", "--reason", "another", "--by", "Bob", code=0)
    assert "It was completed already: attested by Grace: signed on paper." in again.out
    assert place.status("a.md")["completed_by"] == "person:Grace"
    assert place.runr("runs", "--json").json["total_count"] == 1


def test_a_completion_without_its_run_is_shown(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    place.run("a")
    clone = place.clone()
    clone.runr("rebuild", code=0)
    again = clone.runr("complete-task", "a", *REASON, code=0)
    assert "It was completed already: inferred from commit" in again.out
    assert clone.runr("complete-task", "a", *REASON, "--json", code=0).json["run"] is None


def test_a_task_that_is_edited_afterwards_is_stale_and_can_be_run_again(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.run("a")
    place.script("a.md", "echo 2 > a.txt")
    shown = place.runr("task-status", "a", code=0)
    assert "its text has changed since" in shown.out
    again = "runr run --task a.md"
    assert shown.steps == ["runr why a.md --diff", "runr acknowledge a.md", again]
    assert place.paste(again).code == 0
    assert place.status("a.md")["run_count"] == 2
    assert place.runr("list-tasks", "--stale", "--json").json["total_count"] == 0


def test_an_active_run_is_not_completed_by_hand(place: Place) -> None:
    place.script("a.md", "trap 'exit 0' TERM; while :; do sleep 0.05; done")
    started = place.runr("run", "--task", "a", "--detach", "--json", code=0).json["id"]
    refused = place.runr("complete-task", "a", *REASON, code=1)
    assert f"run {started} is running" in refused.err
    assert place.paste(refused.steps[-1]).code == 0


def test_a_session_run_stays_open_until_its_checks_pass(place: Place) -> None:
    place.task("a.md", 'owns: [a.txt]\nverify: ["grep 2 a.txt"]')
    place.commit("Tasks")
    session = {"CLAUDE_CODE_SESSION_ID": "0a0a"}
    brief = place.runr("run", "--task", "a", "--worker", "session", env=session, code=0)
    assert "grep 2 a.txt" in brief.out
    assert brief.steps == ["runr complete-task a.md"]
    assert place.runr("task-status", "a").steps == ["runr complete-task a.md"]
    place.write("a.txt", "1\n")
    failed = place.runr("complete-task", "a", env=session, code=4)
    assert "✗ a.md is not completed" in failed.out
    assert "✗ grep 2 a.txt" in failed.out
    place.write("a.txt", "2\n")
    place.write("b.txt", "2\n")
    refused_change = place.runr("complete-task", "a", env=session, code=5)
    assert "out of scope: b.txt" in refused_change.out
    (place.root / "b.txt").unlink()
    done = place.runr("complete-task", "a", env=session, code=0)
    assert "✓ a.md: completed, verified, commit" in done.out
    assert "Runr-Session: 0a0a" in place.git("log", "-1", "--format=%B")


@pytest.mark.parametrize("name", ["", " ", "Ada\n  ✓ other.md  completed", "Ada\x1b[2K"])
def test_a_name_that_is_empty_or_not_one_plain_line_is_refused(place: Place, name: str) -> None:
    place.task("a.md", "type: manual")
    for words in (["complete-task", "a"], ["intervene", "--all"]):
        refused = place.runr(*words, "--reason", "done", "--by", name, code=2)
        assert "no name" in refused.err
    assert place.runr("list-tasks", "--json").json["tasks"][0]["status"] == "pending"
