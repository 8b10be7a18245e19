"""Job files that cannot be used: the others still are."""

import os

import pytest

from cli.terminal import Place


@pytest.mark.parametrize(
    ("name", "message"),
    [("link.yaml", "is a symbolic link"), ("large.yaml", "bytes, at most 1,000,000")],
)
def test_one_that_cannot_be_read_leaves_the_other_jobs_alone(
    place: Place, name: str, message: str
) -> None:
    place.script("a.md", "echo a > a.txt")
    place.write(".runr/jobs/good.yaml", "tracks: {t: [{task: a}]}\n")
    place.write(".runr/jobs/large.yaml", "#" * 1_000_001)
    (place.root / ".runr/jobs/link.yaml").symlink_to("nowhere")
    place.commit("Tasks")
    shown = place.runr("list-jobs").out
    assert "good" in shown
    assert f".runr/jobs/{name}" in shown
    assert message in shown
    assert "good" in place.runr("job", "run", "good", "--dry-run", code=0).out


@pytest.fixture
def broken(place: Place) -> Place:
    """Return a repository with a job that can be used, and others that cannot."""
    place.script("a.md", "echo a > a.txt")
    daily = "schedule: '@daily'\n"
    place.write(".runr/jobs/good.yaml", f"{daily}tracks: {{t: [a]}}\n")
    place.write(".runr/jobs/key.yaml", f"{daily}trakcs: {{t: [a]}}\n")
    place.write(".runr/jobs/task.yaml", f"{daily}tracks:\n  t:\n    - aa\n")
    place.write(".runr/jobs/worker.yaml", "tracks:\n  t:\n    - {task: a, worker: scrip}\n")
    place.write(".runr/jobs/filter.yaml", "tracks:\n  t:\n    - {tasks: 'tga:x'}\n")
    loop = "tracks: {t: [{task: a, depends_on: [u]}], u: [{tasks: 'tag:x', depends_on: [t]}]}\n"
    place.write(".runr/jobs/loop.yaml", loop)
    place.write(".runr/jobs/same-1.yaml", "name: same\ntracks: {t: [a]}\n")
    place.write(".runr/jobs/same-2.yaml", "name: same\ntracks: {t: [a]}\n")
    return place


#: What is wrong with them, as every command says it.
_BROKEN = [
    ".runr/jobs/filter.yaml:3: step t/1: there is no filter tga: in 'tga:x'; did you mean tag:?",
    ".runr/jobs/key.yaml:2: a job has no key `trakcs`: did you mean `tracks`?",
    ".runr/jobs/loop.yaml: cycle: t/1 → u/1 → t/1",
    ".runr/jobs/same-1.yaml: its name, same, is that of .runr/jobs/same-2.yaml, too",
    ".runr/jobs/same-2.yaml: its name, same, is that of .runr/jobs/same-1.yaml, too",
    ".runr/jobs/task.yaml:4: step t/1: there is no task 'aa'; did you mean 'a'?",
    ".runr/jobs/worker.yaml:3: step t/1: there is no worker scrip; did you mean script?",
]


def test_each_job_that_cannot_be_used_is_named_with_its_place_by_every_command(
    broken: Place,
) -> None:
    for words in (["list-jobs"], ["upcoming"], ["scheduler", "--once"]):
        shown = broken.runr(*words, code=0).out
        assert [each for each in _BROKEN if each not in shown] == []
    linted = broken.runr("lint", "--json", code=1).json
    found = [each for each in linted["diagnostics"] if each["rule"] == "job"]
    assert {each["severity"] for each in found} == {"error"}
    assert [
        f"{each['path']}:{each['line']}: {each['message']}".replace(":None", "") for each in found
    ] == _BROKEN
    upcoming = broken.runr("upcoming", "--json", code=0).json
    assert [each["path"] for each in upcoming["problems"]] == [each["path"] for each in found]
    errors = {each["job"]: each["error"] for each in upcoming["firings"]}
    assert errors == {"good": None, "task": "step t/1: there is no task 'aa'; did you mean 'a'?"}


def test_a_job_that_names_what_is_not_there_is_refused_with_the_line(broken: Place) -> None:
    listed = "tracks:\n  t:\n    - name: x\n      workers: [script]\n      tasks:\n        - a\n"
    broken.write(".runr/jobs/listed.yaml", f"{listed}        - b\n")
    twice = f"{listed}    - name: y\n      tasks:\n        - a\n"
    broken.write(".runr/jobs/twice.yaml", twice)
    broken.commit("Jobs")
    lines = {
        "listed": "7: step t/x: there is no task 'b'",
        "twice": "9: step t/y: a.md is in the step t/x, too",
        "filter": "3: step t/1: there is no filter tga: in 'tga:x'; did you mean tag:?",
        "task": "4: step t/1: there is no task 'aa'; did you mean 'a'?",
        "worker": "3: step t/1: there is no worker scrip; did you mean script?",
    }
    for name, message in lines.items():
        path = f".runr/jobs/{name}.yaml"
        for words in ([name], [name, "--dry-run"], ["--file", path]):
            refused = broken.runr("job", "run", *words)
            assert f"runr: {path}:{message}" in refused.err, (words, refused)
            assert refused.code != 0
    assert not (broken.root / ".runr/job-runs").exists()


def test_firings_are_listed_up_to_a_number_and_what_is_left_off_is_said(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.write(".runr/jobs/often.yaml", "schedule: every 1h\ntracks: {t: [a]}\n")
    place.write(".runr/jobs/daily.yaml", "schedule: '@daily'\ntracks: {t: [a]}\n")
    answer = place.runr("upcoming", "--until", "60d", "--json", code=0).json
    jobs = [each["job"] for each in answer["firings"]]
    assert (jobs.count("daily"), jobs.count("often")) == (60, 1000)
    last = [each["at"] for each in answer["firings"] if each["job"] == "often"][-1]
    assert answer["left_off"] == {"often": last}
    assert "… often fires after" in place.runr("upcoming", "--until", "60d").out
    assert "…" not in place.runr("upcoming", "--until", "40d").out


def test_a_list_of_jobs_shows_when_they_fire(place: Place) -> None:
    place.script("a.md", "echo a > a.txt")
    place.write(".runr/jobs/night.yaml", "schedule: '0 0 29 2 *'\ntracks: {t: [a]}\n")
    place.commit("Tasks")
    shown = place.runr("list-jobs", "--json", code=0).json["jobs"][0]
    assert shown["schedule"] == "0 0 29 2 *"
    assert "-02-2" in shown["next_at"]
    assert "0 0 29 2 *, next " in place.runr("list-jobs", code=0).out


def test_a_file_of_a_job_that_has_no_end_is_not_read(place: Place) -> None:
    os.mkfifo(place.root / "pipe.yaml")
    for path, why in (("pipe.yaml", "is no file"), ("/dev/zero", "is no file")):
        refused = place.runr("job", "run", "--file", path)
        assert (refused.code, refused.err) == (2, f"runr: {path}: {why}\n")
    place.write("large.yaml", "#" * 1_000_001)
    assert "at most 1,000,000" in place.runr("job", "run", "--file", "large.yaml", code=2).err


def test_the_plan_of_a_job_that_ignores_collisions_names_none(place: Place) -> None:
    for name in ("a", "b"):
        place.script(f"{name}.md", "echo a > a.txt", "owns: [a.txt]")
    for policy, beside in (("ignore", False), ("serialize", True)):
        steps = "tracks: {t: [{tasks: [a, b]}]}"
        place.write(".runr/jobs/night.yaml", f"collision: {policy}\n{steps}\n")
        plan = place.runr("job", "run", "night", "--dry-run", code=0).out
        assert ("not beside" in plan) is beside
