"""Job files: what they say, and the line and the nearest word of what they say wrong."""

import pytest

from runr.jobs.model import Job, Limits, Retries, Step, Track
from runr.jobs.parser import parse_job
from runr.tasks.model import Problem

_WHOLE = """\
name: nightly
description: All that is ready
max_parallel: 4
on_manual: skip
on_failure: continue
collision: fail
land: each
target: main
on_usage_limit: fallback
wait_at_most: 5h
limits:
  time: 8h
  budget_usd: 12.50
  max_tokens: 2000000
  until: 7:30
tracks:
  - name: api
    steps:
      - task: 01-model
      - name: rest
        tasks: [02-rest, 03-rest]
        depends_on: [docs/write]
        workers: [claude-code, codex]
        timeout: 45m
        retries: {times: 2, backoff: exponential, wait: 30s, max_wait: 10m, jitter: 0.2}
        when: ended
        owns: [src/]
  - name: docs
    steps:
      - name: write
        tasks: "tag:docs -type:manual"
      - tasks: all-ready
"""


def parsed(text: str) -> Job:
    found = parse_job(text, "file")
    assert isinstance(found, Job), found
    return found


def test_every_key_of_a_job_file_is_read() -> None:
    rest = Step(
        "api/rest",
        tasks=("02-rest", "03-rest"),
        depends_on=("docs/write",),
        workers=("claude-code", "codex"),
        timeout_s=2700,
        retries=Retries(2, "exponential", 30, 600, 0.2),
        when="ended",
        owns=("src/",),
    )
    assert parsed(_WHOLE) == Job(
        name="nightly",
        description="All that is ready",
        max_parallel=4,
        on_manual="skip",
        on_failure="continue",
        collision="fail",
        land="each",
        target="main",
        on_usage_limit="fallback",
        wait_at_most_s=5 * 3600,
        limits=Limits(8 * 3600, 12.5, 2_000_000, "07:30"),
        tracks=(
            Track("api", (Step("api/1", tasks=("01-model",)), rest)),
            Track(
                "docs",
                (
                    Step("docs/write", select="tag:docs -type:manual"),
                    Step("docs/2", select="all-ready"),
                ),
            ),
        ),
    )


def test_the_tracks_file_of_the_typescript_tool_is_a_job() -> None:
    job = parsed("""\
tracks:
  - name: "API Track"
    steps:
      - task: .runr/tasks/api-auth.md
        allowlist: [src/api/**]
  - id: ui
    tasks:
      - path: tasks/dark-mode.md
""")
    assert job.name == "file"
    assert [step.name for step in job.steps] == ["API Track/1", "ui/1"]
    assert job.steps[0].owns == ("src/api/**",)
    assert job.steps[1].tasks == ("tasks/dark-mode.md",)


def test_tracks_may_be_a_mapping_and_steps_plain_names() -> None:
    job = parsed("tracks:\n  api: [a, b]\n  docs:\n    steps: [c]\n")
    assert [(step.name, step.tasks) for step in job.steps] == [
        ("api/1", ("a",)),
        ("api/2", ("b",)),
        ("docs/1", ("c",)),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("tracks:\n  a: [b]\nmax_paralel: 2\n", 3, "did you mean `max_parallel`?"),
        ("tracks:\n  a:\n    - task: b\n      timout: 5m\n", 4, "did you mean `timeout`?"),
        ("tracks:\n  a: [b]\non_failure: continu\n", 3, "did you mean continue?"),
        ("tracks:\n  a: [b]\nmax_parallel: 0\n", 3, "too small"),
        ("tracks:\n  a:\n    - task: b\n      depends_on: [a/9]\n", 4, "no step 'a/9'"),
        ("tracks:\n  web: [a]\n  b:\n    - {task: b, depends_on: [wbe]}\n", 4, "mean 'web'?"),
        ("tracks:\n  a:\n    - task: b\n      tasks: [c]\n", 4, "not both"),
        ("tracks:\n  a:\n    - name: x\n", 3, "`task` or `tasks`"),
        ("name: x\n", 1, "a job needs `tracks`"),
        ("tracks: []\n", 1, "a track with a step"),
        ("- a\n", 1, "the file is a list"),
        ("tracks:\n  a: [b]\nlimits:\n  until: 25:00\n", 4, "time of day"),
        ("tracks:\n  a: [b]\nname: x\nname: y\n", 4, "occurs twice"),
        ("tracks:\n  a:\n    - {name: x, task: b}\n    - {name: x, task: c}\n", 4, "on line 3"),
        ("tracks:\n  a: [b, {name: '1', task: c}]\n", 2, "the step 'a/1' occurs twice"),
        ("tracks:\n  a: [b]\n  c:\n    - [d]\n", 4, "a step has keys and values"),
        ("tracks: a\n", 1, "`tracks` is a list"),
        ("tracks:\n  - name: a\n", 2, "the track 'a' needs `steps`"),
        ("tracks: [\n", 1, ""),
        ("tracks: {a: [b}\n", 1, "the closing `]` is missing"),
        ("tracks: {a: [b]}\n---\nname: x\n", 2, "`---` begins a second document"),
        ("tracks: {a: [b]}\n...\nname: x\n", 3, "begins a second document"),
        ("name: \x01\n", 1, "the file holds the control character"),
        ("tracks: &x\n  a: *x\n", 1, ""),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(text: str, line: int, message: str) -> None:
    found = parse_job(text, "file")
    assert isinstance(found, Problem)
    assert (found.line, message in found.message) == (line, True), found
    assert "header" not in found.message


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("max_parallel: 1", "max_parallel", 1),
        ("wait_at_most: 0", "wait_at_most_s", 0),
        ("limits: {max_tokens: 1}", "limits", Limits(max_tokens=1)),
        ("limits: {budget_usd: 0.01}", "limits", Limits(budget_usd=0.01)),
        ("limits: {until: '00:00'}", "limits", Limits(until="00:00")),
        ("description: ' x '", "description", "x"),
        ("schedule: every 6h", "schedule", "every 6h"),
        ("time_zone: Europe/Berlin", "time_zone", "Europe/Berlin"),
        ("missed: skip", "missed", "skip"),
    ],
)
def test_a_value_at_the_edge_of_what_fits_is_read(line: str, field: str, value: object) -> None:
    assert getattr(parsed(f"tracks: {{a: [b]}}\n{line}\n"), field) == value


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("max_parallel: two", "`max_parallel`: 'two' is not a whole number"),
        ("max_parallel: [2]", "`max_parallel`: a list is not a whole number"),
        ("max_parallel: {a: 2}", "`max_parallel`: a mapping is not a whole number"),
        ("max_parallel:", "`max_parallel`: an empty value is not a whole number"),
        ("max_parallel: -1", "`max_parallel`: '-1' is not a whole number"),
        (
            "max_parallel: 1000000000",
            "`max_parallel`: '1000000000' is too large: at most 999,999,999",
        ),
        (
            f"max_parallel: {'9' * 30}",
            f"`max_parallel`: '{'9' * 30}' is too large: at most 999,999,999",
        ),
        ("max_parallel: 0", "`max_parallel`: 0 is too small: at least 1"),
        ("limits: {budget_usd: much}", "`budget_usd`: 'much' is not a number"),
        ("limits: {budget_usd: 0}", "`budget_usd`: 0 leaves nothing for any task"),
        ("limits: {budget_usd: [1]}", "`budget_usd`: a list is not a number"),
        ("limits: {time: soon}", "`time`: 'soon' is not a duration"),
        ("limits: {time: 0}", "`time`: '0' leaves no time"),
        ("limits: {time: 0s}", "`time`: '0s' leaves no time"),
        ("limits: {time: [8h]}", "`time`: a list is not a duration such as 45m"),
        ("limits: {until: [7]}", "`until`: a list is no time of day such as 07:30"),
        ("limits: 5", "limits has keys and values, as in `time: …`"),
        ("name: [a]", "`name`: expected a text"),
        ("name: ' '", "`name`: expected a text"),
        ('name: "a\\0b"', "`name`: expected a text"),
        ("land: [each]", "`land`: a list is none of job, each"),
        ("schedule: '@dayly'", "`schedule`: '@dayly' is no schedule; did you mean @daily?"),
        ("time_zone: Europe/Berlim", "`time_zone`: 'Europe/Berlim' is no time zone"),
        ("time_zone: ../Berlin", "`time_zone`: '../Berlin' is no time zone"),
        (f"time_zone: {'a' * 300}", "is no time zone such as Europe/Berlin"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_key(line: str, message: str) -> None:
    found = parse_job(f"tracks: {{a: [b]}}\n{line}\n", "file")
    assert isinstance(found, Problem)
    assert (found.line, message in found.message) == (2, True), found


@pytest.mark.parametrize(
    ("written", "fits"),
    [("0", True), ("1", True), ("1.0", True), ("1.5", False), ("-1", False)],
)
def test_the_part_of_a_wait_that_is_left_to_chance_is_at_most_the_whole(
    written: str, *, fits: bool
) -> None:
    found = parse_job(f"tracks:\n  a:\n  - {{task: b, retries: {{jitter: {written}}}}}\n", "file")
    assert isinstance(found, Job) is fits


@pytest.mark.parametrize("written", ["0", "{times: 0}", "{}"])
def test_a_step_may_ask_for_no_retries(written: str) -> None:
    (step,) = parsed(f"tracks:\n  a:\n  - {{task: b, retries: {written}}}\n").steps
    assert step.retries == Retries()


@pytest.mark.parametrize(
    ("written", "tasks", "select"),
    [
        ("b", ("b",), None),
        ("[b]", ("b",), None),
        ("all-ready", (), "all-ready"),
        ("'tag:docs'", (), "tag:docs"),
    ],
)
def test_the_tasks_of_a_step_are_names_or_what_selects_them(
    written: str, tasks: tuple[str, ...], select: str | None
) -> None:
    (step,) = parsed(f"tracks:\n  a:\n  - tasks: {written}\n").steps
    assert (step.tasks, step.select) == (tasks, select)


def test_tracks_without_a_name_are_numbered() -> None:
    job = parsed("tracks:\n  - steps: [a]\n  - name: x\n    steps: [b]\n  - steps: [c]\n")
    assert [step.name for step in job.steps] == ["track-1/1", "x/1", "track-3/1"]


_DOCS = """\
tracks:
  docs:
    - {name: write, task: a}
    - {name: print, task: b}
    - {name: bind, task: f}
  the-public-website:
    - {name: write, task: c}
    - {name: v2/manual-pages, task: d}
    - {task: e, depends_on: [NEED]}
"""


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("write", "the-public-website/write"),
        ("docs/write", "docs/write"),
        ("docs", "docs/bind"),
        ("v2/manual-pages", "the-public-website/v2/manual-pages"),
        ("'1'", None),
        ("do", None),
    ],
)
def test_a_step_depends_on_one_of_its_track_of_another_or_on_a_whole_track(
    written: str, means: str | None
) -> None:
    found = parse_job(_DOCS.replace("NEED", written), "file")
    if means:
        assert isinstance(found, Job)
        assert found.steps[-1].depends_on == (means,)
    else:
        assert isinstance(found, Problem)


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("wriet", "the-public-website/write"),
        ("prnit", "docs/print"),
        ("print", "docs/print"),
        ("docs/wriet", "docs/write"),
        ("v2/manual-pagse", "the-public-website/v2/manual-pages"),
        ("xyz", None),
    ],
)
def test_the_nearest_step_is_offered_by_a_name_that_is_accepted(
    written: str, near: str | None
) -> None:
    found = parse_job(_DOCS.replace("NEED", written), "file")
    assert isinstance(found, Problem)
    offer = f"; did you mean {near!r}?" if near else ""
    assert found.message == f"depends_on: there is no step {written!r}{offer}"
    if near:
        accepted = parsed(_DOCS.replace("NEED", near))
        assert accepted.steps[-1].depends_on == (near,)
