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
        ("tracks:\n  a:\n    - task: b\n      depends_on: [a/9]\n", 3, "no step 'a/9'"),
        ("tracks:\n  a:\n    - task: b\n      tasks: [c]\n", 4, "not both"),
        ("tracks:\n  a:\n    - name: x\n", 3, "`task` or `tasks`"),
        ("name: x\n", 1, "a job needs `tracks`"),
        ("tracks: []\n", 1, "a track with a step"),
        ("- a\n", 1, "the file is a list"),
        ("tracks:\n  a: [b]\nlimits:\n  until: 25:00\n", 4, "time of day"),
        ("tracks:\n  a: [b]\nname: x\nname: y\n", 4, "occurs twice"),
        ("tracks: [\n", 1, ""),
        ("tracks: &x\n  a: *x\n", 1, ""),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(text: str, line: int, message: str) -> None:
    found = parse_job(text, "file")
    assert isinstance(found, Problem)
    assert (found.line, message in found.message) == (line, True), found
