"""Jobs fire by their schedules: each firing at most once, whatever clocks and machines do."""

import plistlib
import shlex
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from fakes.project_kit import ProjectKit
from runr.jobs import control, journal, scheduler, service_unit
from runr.jobs.scheduler import FiredJob, Firings
from runr.project import Project
from runr.storage import files as storage


@pytest.fixture
def kit(tmp_path: Path) -> ProjectKit:
    kit = ProjectKit(tmp_path)
    kit.script("a.md", "echo a > a.txt", header='verify: ["test -f a.txt"]')
    return kit


def schedule(kit: ProjectKit, text: str) -> None:
    """Write the job `night` with these further lines."""
    path = kit.layout.jobs / "night.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"tracks:\n  t: [a]\ntime_zone: Europe/Berlin\n{text}\n", encoding="utf-8")


def at(kit: ProjectKit, time: str) -> Project:
    """Open the project at a time."""
    moment = datetime.fromisoformat(time)
    return replace(kit.open(), clock=lambda: moment)


def fire(kit: ProjectKit, time: str) -> Firings:
    """Let a scheduler look at a time, and wait for what it starts."""
    answer = scheduler.fire(at(kit, time))
    for each in answer.fired:
        if each.job_run_id:
            control.wait_for_job(kit.open(), each.job_run_id)
    return answer


def test_a_job_fires_when_it_is_due_and_once_only(kit: ProjectKit) -> None:
    schedule(kit, "schedule: '0 18 * * *'")
    first = fire(kit, "2025-01-08T16:00:00+00:00")
    assert (first.fired, first.next_at) == ([], "2025-01-08T17:00:00Z")
    due = fire(kit, "2025-01-08T17:00:01+00:00")
    assert [(each.at, each.skipped) for each in due.fired] == [("2025-01-08T17:00:00Z", None)]
    assert journal.require(journal.find(kit.layout, "night")).result == "completed"
    assert fire(kit, "2025-01-08T17:00:02+00:00").fired == []
    assert fire(kit, "2025-01-08T16:30:00+00:00").fired == []
    nothing_left = fire(kit, "2025-01-09T17:00:00+00:00").fired
    assert "nothing to do" in (nothing_left[0].skipped or "")


def test_many_schedulers_start_a_job_once(kit: ProjectKit) -> None:
    schedule(kit, "schedule: '@daily'")
    fire(kit, "2025-01-08T12:00:00+00:00")

    def look(_: int) -> list[FiredJob]:
        return scheduler.fire(at(kit, "2025-01-08T23:00:00+00:00")).fired

    with ThreadPoolExecutor(8) as pool:
        fired = [each for found in pool.map(look, range(16)) for each in found]
    assert len(fired) == 1
    control.wait_for_job(kit.open(), fired[0].job_run_id or "")
    assert len(journal.ids(kit.layout)) == 1


def test_a_scheduler_waits_for_another_one_that_is_looking(kit: ProjectKit) -> None:
    schedule(kit, "schedule: '@daily'")
    fire(kit, "2025-01-08T12:00:00+00:00")
    with ThreadPoolExecutor(1) as pool:
        with storage.locked(kit.layout.job_firings_lock):
            second = pool.submit(scheduler.fire, at(kit, "2025-01-08T23:00:00+00:00"))
            wait([second], timeout=0.3)  # one that does not wait has fired by then
            kit.layout.job_firings.write_text('{"night": "2025-01-08T23:00:00Z"}\n', "utf-8")
        assert second.result().fired == []


def test_a_clock_that_was_wrong_by_years_does_not_silence_a_job(kit: ProjectKit) -> None:
    schedule(kit, "schedule: '0 18 * * *'")
    fire(kit, "2025-01-08T12:00:00+00:00")
    kit.layout.job_firings.write_text('{"night": "2035-01-08T17:00:00Z"}\n', "utf-8")
    assert fire(kit, "2025-01-08T16:00:00+00:00").fired == []
    assert [each.at for each in fire(kit, "2025-01-08T17:00:00+00:00").fired] == [
        "2025-01-08T17:00:00Z"
    ]


@pytest.mark.parametrize(("missed", "starts"), [("once", True), ("skip", False)])
def test_what_was_missed_while_the_machine_slept_fires_by_policy(
    kit: ProjectKit, missed: str, *, starts: bool
) -> None:
    schedule(kit, f"schedule: '0 18 * * *'\nmissed: {missed}")
    fire(kit, "2025-01-05T12:00:00+00:00")
    woken = fire(kit, "2025-01-08T09:00:00+00:00").fired
    assert [each.at for each in woken] == ["2025-01-07T17:00:00Z"]
    assert (woken[0].job_run_id is not None) is starts
    assert fire(kit, "2025-01-08T09:01:00+00:00").fired == []


@pytest.mark.parametrize(
    ("night", "fired_at"),
    [
        # 02:30 is left out on the first night, and comes twice on the second.
        (
            ["2025-03-30T00:59:00", "2025-03-30T01:01:00", "2025-03-30T01:31:00"],
            "2025-03-30T01:00:00Z",
        ),
        (
            ["2025-10-26T00:29:00", "2025-10-26T00:31:00", "2025-10-26T01:31:00"],
            "2025-10-26T00:30:00Z",
        ),
    ],
)
def test_a_change_to_summer_time_and_back_fires_once(
    kit: ProjectKit, night: list[str], fired_at: str
) -> None:
    schedule(kit, "schedule: '30 2 * * *'")
    found = [each.at for time in night for each in fire(kit, f"{time}+00:00").fired]
    assert found == [fired_at]


def test_a_job_that_has_not_ended_is_not_started_again(kit: ProjectKit) -> None:
    go = kit.root / ".runr" / "go"
    kit.script("a.md", f'for n in $(seq 600); do [ -e "{go}" ] && break; sleep 0.1; done; echo > a')
    schedule(kit, "schedule: every 1h")
    fire(kit, "2025-01-08T12:30:00+00:00")
    first = scheduler.fire(at(kit, "2025-01-08T13:00:00+00:00")).fired[0]
    second = scheduler.fire(at(kit, "2025-01-08T14:00:00+00:00")).fired[0]
    assert f"its job run {first.job_run_id} has not ended" in (second.skipped or "")
    go.touch()
    control.wait_for_job(kit.open(), first.job_run_id or "")


def test_a_paused_job_starts_again_only_when_one_of_its_tasks_can_start(kit: ProjectKit) -> None:
    kit.task("a.md", header="type: manual")
    schedule(kit, "schedule: every 1h")
    fire(kit, "2025-01-08T12:30:00+00:00")
    first = fire(kit, "2025-01-08T13:00:00+00:00").fired[0]
    assert journal.require(journal.find(kit.layout, "night")).result == "paused"
    second = fire(kit, "2025-01-08T14:00:00+00:00").fired[0]
    assert f"its job run {first.job_run_id} is paused" in (second.skipped or "")
    kit.script("a.md", "echo a > a.txt", header='verify: ["test -f a.txt"]')
    third = fire(kit, "2025-01-08T15:00:00+00:00").fired[0]
    assert third.job_run_id is not None
    assert journal.require(journal.find(kit.layout, "night")).result == "completed"


def test_a_file_that_breaks_while_the_scheduler_runs_is_named_once(kit: ProjectKit) -> None:
    schedule(kit, "schedule: '@daily'")
    said: list[list[str]] = []
    looks = 0

    def pause(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            schedule(kit, "shedule: '@daily'")
        if looks == 3:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        scheduler.serve(
            kit.open(), pause, lambda answer: said.append([each.text for each in answer.problems])
        )
    message = "a job has no key `shedule`: did you mean `schedule`?"
    assert said == [[], [f".runr/jobs/night.yaml:4: {message}"], []]


@pytest.mark.parametrize("folder", ["my project", 'a%h"b$HOME\\c<&>', "Übersicht", "--"])
def test_a_unit_starts_the_scheduler_of_this_repository_with_the_programs_of_the_user(
    folder: str,
) -> None:
    root, command, path = f"/home/ada/{folder}", ["/bin/runr", "--repo"], "/opt/100% $X:/bin"
    lines = service_unit.unit("systemd", root, [*command, root], path).splitlines()
    read = dict(line.split("=", 1) for line in lines if "=" in line)
    words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(read["ExecStart"])]
    assert words == [*command, root]
    (variable,) = shlex.split(read["Environment"])
    assert variable.replace("%%", "%") == f"PATH={path}"
    assert read["KillMode"] == "process"
    agent = service_unit.unit("launchd", root, [*command, root], path)
    known = plistlib.loads(agent.encode())
    assert known["ProgramArguments"] == [*command, root]
    assert known["EnvironmentVariables"] == {"PATH": path}
    assert known["AbandonProcessGroup"]


def test_two_repositories_have_units_of_different_names(kit: ProjectKit) -> None:
    assert f"--repo {kit.root} scheduler" in scheduler.unit(kit.open(), "systemd")
    files = [service_unit.unit("systemd", root, [], "") for root in ("/a/web", "/b/web")]
    first, second = (text.splitlines()[0] for text in files)
    assert first != second
