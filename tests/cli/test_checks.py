"""Verification: risky paths, flaky checks, checks that are skipped or not run."""

from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place

REASON = ("--reason", "the runner is down, I read it line by line")


def settings(place: Place, verify: str) -> None:
    place.config(f'[run]\nworker = "script"\nattempts = 1\n[verify]\n{verify}\n')


def commands(run: dict[str, Any]) -> list[tuple[str, str]]:
    return [(check["tier"], check["command"]) for check in run["checks"]]


@pytest.fixture
def risky(place: Place) -> Place:
    """Return a repository in which two patterns are checked further than the rest."""
    settings(
        place,
        'tier0 = ["expr lint"]\ntier1 = ["expr test"]\ntier2 = ["expr slow", "expr test"]\n'
        '[verify.escalate]\n"migrations/" = "tier2"\n"*.sql" = "tier1"',
    )
    return place


def test_a_risky_change_adds_tiers_before_the_tasks_own_checks(risky: Place) -> None:
    script = "mkdir -p migrations; echo 1 > migrations/1.sql"
    risky.script("a.md", script, 'tier: tier0\nverify: ["expr own"]')
    risky.commit("Tasks")
    shown = risky.runr("run", "--task", "a", code=0).out
    assert "tier2 too: migrations/1.sql matches migrations/" in shown
    run = risky.runr("task-status", "a", "--json").json["run"]
    assert commands(run) == [
        ("tier0", "expr lint"),
        ("tier1", "expr test"),
        ("tier2", "expr slow"),
        ("task", "expr own"),
    ]
    report = risky.runr("report", run["id"], code=0).out
    assert "- tier2 was added, because `migrations/1.sql` matches `migrations/`" in report
    added = [e["payload"] for e in risky.events(run["id"]) if e["type"] == "checks.escalated"]
    assert added == [
        {"pattern": "migrations/", "tier": "tier2", "path": "migrations/1.sql"},
        {"pattern": "*.sql", "tier": "tier1", "path": "migrations/1.sql"},
    ]
    assert "Runr-Verified: tier0,tier1,tier2,task" in risky.git("log", "-1", "--format=%B")
    prompt = (risky.run_folder(run["id"]) / "prompt-1.md").read_text()
    heading = "Where you change `migrations/`, it is also verified with:"
    assert f"{heading}\n- `expr test`\n- `expr slow`" in prompt


def test_a_change_that_is_not_risky_gets_the_tasks_tier(risky: Place) -> None:
    risky.script("a.md", "echo 1 > a.txt", "tier: tier0")
    assert commands(risky.run("a")) == [("tier0", "expr lint")]


def test_a_risk_in_a_commit_that_was_taken_back_counts_too(risky: Place) -> None:
    script = "echo 1 > a.sql; git add .; git commit -qm 1; git rm -q a.sql; echo 1 > b"
    risky.script("a.md", script, "tier: tier0")
    assert commands(risky.run("a"))[-1] == ("tier1", "expr test")


def test_a_failed_check_of_an_escalation_stops_the_run(place: Place) -> None:
    settings(place, 'tier1 = ["test -d ."]\ntier2 = ["false"]\nescalate = {"db/" = "tier2"}')
    place.script("a.md", "mkdir db; echo 1 > db/x")
    place.script("b.md", "echo 1 > x")
    place.commit("Tasks")
    assert place.runr("run", "--task", "a", code=4).out
    assert place.run("b")["status"] == "completed"


def test_an_escalation_to_an_unknown_tier_is_a_configuration_error(place: Place) -> None:
    place.config('[verify.escalate]\n"db/" = "tier3"\n')
    place.task("a.md")
    refused = place.runr("run", "--task", "a", code=2)
    assert "verify.escalate.db/: " in refused.err
    assert "tier2" in refused.err


#: Fails for as many runs as its argument says, and counts them outside of the repository.
FAILS = "echo x >> $COUNT; echo run $(wc -l < $COUNT); test $(wc -l < $COUNT) -gt {}"


@pytest.fixture(autouse=True)
def _count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))


def test_a_failed_check_is_final_unless_the_settings_say_otherwise(place: Place) -> None:
    settings(place, f'tier1 = ["{FAILS.format(1)}"]')
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    run = place.run("a", code=4)
    assert (run["checks"][0]["run_count"], run["checks"][0]["flaky"]) == (1, False)


def test_a_check_that_passes_when_it_is_run_again_is_flaky_everywhere(place: Place) -> None:
    settings(place, f'tier1 = ["{FAILS.format(2)}"]\nretries = 2')
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    shown = place.runr("run", "--task", "a", code=0).out
    assert "(run 1; retrying)" in shown
    assert "(run 2; retrying)" in shown
    assert "flaky: passed in run 3" in shown
    run = place.runr("task-status", "a", "--json").json["run"]
    (check,) = run["checks"]
    assert (check["passed"], check["flaky"], check["run_count"]) == (True, True, 3)
    assert run["verification"] == "passed"
    assert "flaky: passed in run 3" in place.runr("task-status", "a").out
    report = place.runr("report", "latest").out
    assert "flaky: it failed before it passed in run 3" in report
    log = (place.run_folder(run["id"]) / "verify-1.log").read_text()
    assert [line for line in log.splitlines() if line.startswith("run ")] == [
        "run 1",
        "run 2",
        "run 3",
    ]


def test_a_check_that_never_passes_has_failed_with_its_runs_counted(place: Place) -> None:
    settings(place, 'tier1 = ["false"]\nretries = 1')
    place.script("a.md", "echo 1 > a.txt")
    result = place.runr("run", "--task", "a", code=4)
    assert "failed in 2 runs" in result.out
    assert ", 2 runs" in place.runr("report", "latest").out


def test_a_check_that_ran_out_of_time_is_not_run_again(place: Place) -> None:
    check = "echo x >> $COUNT; test -d . && exec sleep 99"
    settings(place, f'tier1 = ["{check}"]\ntimeout = "1s"\nretries = 3')
    place.script("a.md", "echo 1 > a.txt")
    place.commit("Tasks")
    run = place.run("a", code=4)
    assert (run["checks"][0]["exit_code"], run["checks"][0]["run_count"]) == (None, 1)
    assert (place.root.parent / "count").read_text() == "x\n"


def test_checks_after_a_failed_tier_are_shown_as_not_run(place: Place) -> None:
    settings(place, 'tier0 = ["false", "true"]\ntier1 = ["touch never"]')
    place.script("a.md", "echo 1 > a.txt", 'verify: ["touch never"]')
    result = place.runr("run", "--task", "a", code=4)
    assert "- touch never (tier1, not run)" in result.out
    run = place.runr("task-status", "a", "--json").json["run"]
    assert [check["run_count"] for check in run["checks"]] == [1, 1, 0, 0]
    report = place.runr("report", "latest").out
    assert "- `true` (tier0): passed" in report
    assert "- `touch never` (tier1): not run\n- `touch never` (task): not run" in report


def test_a_prompt_does_not_name_a_skipped_check_as_failed(place: Place) -> None:
    settings(place, 'tier0 = ["false"]\ntier1 = ["echo unheard"]')
    place.config(place.read(".runr/config.toml").replace("attempts = 1", "attempts = 2"))
    place.script("a.md", "echo 1 > a.txt")
    run = place.run("a", code=4)
    message = (
        (place.run_folder(run["id"]) / "prompt-2.md").read_text().partition("# Failed checks")[2]
    )
    assert "`false` (tier0): exit code 1" in message
    assert "`echo unheard` (tier1)" not in message


def skipped(place: Place, name: str, *words: str) -> Any:
    """Complete a task without its checks and return the answer."""
    return place.runr("complete-task", name, "--skip-checks", *REASON, *words, code=0)


def test_skipped_checks_are_not_run_and_are_shown_as_skipped_everywhere(place: Place) -> None:
    settings(place, 'tier1 = ["touch checked"]')
    place.task("a.md", 'verify: ["false"]')
    shown = skipped(place, "a", "--by", "Grace").out
    assert "✎ a.md: completed, attested by Grace, checks skipped" in shown
    assert not (place.root / "checked").exists()
    entry = place.status("a.md")
    assert (entry["verification"], entry["evidence"]) == ("skipped", "attested")
    assert entry["completed_by"] == "person:Grace"
    assert entry["reason"] == REASON[1]
    listed = place.runr("list-tasks", code=0).out
    assert listed == place.runr("status", "--tasks", code=0).out
    assert "attested by Grace  checks skipped" in listed
    detail = place.runr("task-status", "a", "--json").json
    assert detail["task"]["verification"] == detail["run"]["verification"] == "skipped"
    assert [check["run_count"] for check in detail["run"]["checks"]] == [0, 0]
    assert "verification: skipped" in place.runr("task-status", "a").out
    report = place.runr("report", "latest").out
    assert report.startswith("# a.md: completed (attested by Grace, checks skipped)\n")
    assert "- Verification: skipped" in report
    assert "The checks were skipped.\n\n- `touch checked` (tier1): not run" in report


def test_a_status_file_made_again_still_says_that_checks_were_skipped(place: Place) -> None:
    place.task("a.md")
    skipped(place, "a")
    (place.root / ".runr/task-status.json").unlink()
    place.runr("rebuild", code=0)
    assert place.status("a.md")["verification"] == "skipped"


def test_where_there_are_no_checks_there_is_nothing_to_skip(place: Place) -> None:
    place.config("")
    place.task("a.md")
    skipped(place, "a")
    assert place.status("a.md")["verification"] == "none"


@pytest.mark.parametrize("words", [(), ("--reason", " "), ("--by", "Grace")])
def test_skipping_without_a_reason_is_refused(place: Place, words: tuple[str, ...]) -> None:
    place.task("a.md")
    refused = place.runr("complete-task", "a", "--skip-checks", *words, code=2)
    assert "skip-checks requires a reason" in refused.err
    assert not place.has_status()


def test_open_dependencies_refuse_a_completion_with_skipped_checks_too(place: Place) -> None:
    place.task("a.md")
    place.task("b.md", "depends_on: [a]")
    refused = place.runr("complete-task", "b", "--skip-checks", *REASON, code=3)
    assert "a.md" in refused.err
    skipped(place, "b", "--force")
    assert place.status("b.md")["verification"] == "skipped"


def test_an_open_session_run_is_not_completed_without_its_checks(place: Place) -> None:
    place.task("a.md")
    place.commit("Tasks")
    place.runr("run", "--task", "a", "--worker", "session", code=0)
    refused = place.runr("complete-task", "a", "--skip-checks", *REASON, code=2)
    assert "the checks are a part of it" in refused.err
    assert place.status("a.md")["status"] == "in_progress"
    assert place.paste(refused.steps[-1]).code == 0
    skipped(place, "a")


def test_commands_that_cannot_fail_are_no_checks(place: Place) -> None:
    place.config('[run]\nworker = "script"\n[verify]\ntier1 = ["true", "make test || true"]\n')
    place.script("a.md", "echo 1 > a.txt", 'verify: ["# later"]')
    place.script("b.md", "echo 1 > b.txt", 'verify: ["# later", "test -e b.txt"]')
    place.commit("Tasks")
    named = [
        (each["path"], each["line"], each["message"])
        for each in place.runr("lint", "--json", code=0).json["diagnostics"]
        if each["rule"] == "empty-check"
    ]
    settings, a, b = ".runr/config.toml", ".runr/tasks/a.md", ".runr/tasks/b.md"
    assert named == [
        (settings, None, "verify.tier1: `true` passes whatever the work is"),
        (settings, None, "verify.tier1: `make test || true` passes whatever the work is"),
        (a, 2, "the check `# later` passes whatever the work is"),
        (b, 2, "the check `# later` passes whatever the work is"),
    ]
    run = place.run("a", code=9)
    assert (run["stop_reason"], run["verification"], run["checks"]) == ("no_checks", "none", [])
    assert "`# later` passes whatever the work is" in run["detail"]
    place.runr("approve", "a", "--reason", "I read it", code=0)
    assert place.status("a.md")["evidence"] == "attested"
    # One that can fail makes it a verification.
    assert place.run("b")["verification"] == "passed"


def test_empty_checks_that_a_risky_change_adds_are_none_either(place: Place) -> None:
    settings(place, 'tier2 = ["make test | cat"]\nescalate = {"db/" = "tier2"}')
    place.script("a.md", "mkdir db; echo 1 > db/x", 'verify: ["sh -c true"]')
    place.commit("Task")
    started = place.runr("run", "--task", "a", code=9)
    assert "`sh -c true` passes whatever the work is" in started.err
    run = place.runr("task-status", "a", "--json").json["run"]
    assert (run["stop_reason"], run["verification"]) == ("no_checks", "none")
    assert "`make test | cat` passes whatever the work is" in run["detail"]
