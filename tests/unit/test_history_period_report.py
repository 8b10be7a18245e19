"""The figures of a period, from journals that are written as runr writes them."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from runr.history import metrics, period_report, report_page
from runr.history.figures import Rate, Spread
from runr.history.metrics import Metric, Metrics, Sample
from runr.history.period_report import PeriodReport
from runr.project import Project
from runr.runs.events import RunResumed, RunStopped
from unit.git_trees import make
from unit.journals_of_runs import (
    COMPLETED,
    FAILING,
    MONDAY,
    PASSING,
    Journals,
    completed,
    landed,
    stopped,
    verified,
    worked,
)
from unit.markdown_pages import NASTY, foreign, headings, tokens


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with a week of runs: `old` on Monday, the others on Friday."""
    root = make(tmp_path / "repo")
    found = Project.open(root, {})
    (found.layout.tasks).mkdir(parents=True)
    for name, header in (("a", "tags: [api]"), ("b", ""), ("by-hand", "type: manual")):
        (found.layout.tasks / f"{name}.md").write_text(f"---\n{header}\n---\n# {name}\n")
    journals = Journals(found.layout)
    journals.run("old", completed(cost_usd=9.0))
    journals.now = MONDAY + timedelta(days=4)
    journals.run("a", completed(cost_usd=0.5, input_tokens=1000, output_tokens=100))
    again = journals.run("b", stopped(), worker="codex")
    journals.append(again, [RunResumed(), *worked(2), verified(PASSING), *landed(), COMPLETED])
    flaky = PASSING | {"command": "make e2e", "runs": 2}
    journals.run("c", [*worked(), verified(FAILING, flaky), COMPLETED])
    return replace(found, clock=lambda: MONDAY + timedelta(days=5))


def reported(
    project: Project, tags: tuple[str, ...] = (), workers: tuple[str, ...] = ()
) -> PeriodReport:
    return period_report.report(project, "2025-01-09", tags=tags, workers=workers)


def test_the_report_of_a_period_has_what_happened_in_it(project: Project) -> None:
    found = reported(project)
    assert (found.completed_count, found.completed_by_evidence) == (3, {"verified": 3})
    assert (found.stopped_count, found.failed_count, found.reset_count) == (1, 0, 0)
    assert found.stop_reasons == {"verification_failed": 1}
    assert (found.attempt_count, found.landed_count) == (4, 2)
    assert found.first_pass == Rate(count=1, of=3, share=0.333)
    # Of `b`, the time between its stop and its resume belongs to the lead only.
    assert found.lead_seconds == Spread(count=3, median=360.0, p90=660.0)
    assert found.run_seconds == Spread(count=3, median=360.0, p90=600.0)
    assert [(row.worker, row.cost_usd, row.input_tokens) for row in found.usage] == [
        ("script", 0.5, 1000)
    ]
    assert [(row.command, row.passed, row.failed) for row in found.flaky_checks] == [
        ("make e2e", 1, 1),
        ("make test", 1, 1),
    ]
    assert [row.task_path for row in found.waiting] == [".runr/tasks/by-hand.md"]
    assert period_report.report(project, "2025-01-06", "2025-01-08").cost_usd == 9.0


def test_the_lead_time_of_a_task_that_is_done_again_begins_with_its_next_start(
    project: Project,
) -> None:
    journals = Journals(project.layout, MONDAY + timedelta(days=4, hours=5))
    # Between the stop and the completion, but not the hours since the completion before.
    journals.run("a", stopped())
    journals.run("a", completed())
    assert reported(project).lead_seconds == Spread(count=4, median=510.0, p90=660.0)


def test_a_completed_task_that_could_not_be_done_again_is_no_completion(project: Project) -> None:
    journals = Journals(project.layout, MONDAY + timedelta(days=4, hours=5))
    journals.run("a", [*worked(), RunStopped("timeout", "")], was_completed=True)
    found = reported(project)
    assert (found.completed_count, found.stopped_count) == (3, 2)
    (friday,) = found.activity.parts[:1]
    assert (friday.completed_count, friday.stopped_count) == (3, 2)


def test_completed_tasks_are_those_that_there_are_also_from_before_the_period(
    project: Project,
) -> None:
    def counted(*, workers: tuple[str, ...] = ()) -> tuple[int, int]:
        part = reported(project, workers=workers).activity.parts[-1]
        return part.completed_task_count, part.task_count

    # `old` and `c` have no file.
    assert counted() == (2, 3)
    (project.layout.tasks / "old.md").write_text("# old\n")
    assert counted() == (3, 4)
    assert counted(workers=("codex",)) == (1, 4)
    day = Journals(project.layout, MONDAY + timedelta(days=1))
    day.run("old", [COMPLETED], kind="reset", worker="person")
    assert counted() == (2, 4)


def test_the_rates_are_of_each_worker_with_each_model(project: Project) -> None:
    journals = Journals(project.layout, MONDAY + timedelta(days=4, hours=8))
    for model, events in (("big", completed(cost_usd=2.0, input_tokens=7)), ("small", None)):
        settings = f'{{"workers": {{"codex": {{"model": "{model}"}}}}}}'.encode()
        used = worked(usage={"cost_usd": 0.25, "output_tokens": 3})
        again = [*used, verified(FAILING), *worked(2), verified(PASSING), COMPLETED]
        digest = sha256(settings).hexdigest()
        run = journals.run("a", events or again, worker="codex", config=digest)
        run.config.write_bytes(settings)
    found = reported(project)
    assert [(row.worker, row.model, row.run_count, row.attempt_count) for row in found.rates] == [
        ("codex", "", 1, 2),
        ("codex", "small", 1, 2),
        ("script", "", 2, 2),
        ("codex", "big", 1, 1),
    ]
    assert [(row.first_pass.count, row.first_pass.of) for row in found.rates] == [
        *[(0, 1), (0, 1), (1, 2), (1, 1)]
    ]
    small, big = found.rates[1], found.rates[3]
    assert (small.cost_usd, small.output_tokens) == (0.25, 3)
    assert (big.cost_usd, big.input_tokens) == (2.0, 7)
    # What lists count together is the sum of them.
    assert sum(row.attempt_count for row in found.rates) == found.attempt_count
    assert sum(row.first_pass.of for row in found.rates) == found.first_pass.of
    assert [row.model for row in reported(project, workers=("codex",)).rates] == [
        *["", "small", "big"]
    ]
    shown = report_page.render_text(found, str)
    assert "codex   small  1     2         0 of 1 (0%)" in shown


def test_a_year_has_its_activity_by_week_and_by_day(project: Project) -> None:
    year = replace(project, clock=lambda: MONDAY + timedelta(days=364))
    found = period_report.report(year, "365d")
    assert found.activity_by_day is not None
    assert (found.activity.days, found.activity_by_day.days) == (7, 1)
    assert len(found.activity_by_day.parts) >= 364
    for count in ("completed_count", "stopped_count"):
        sums = {
            sum(getattr(part, count) for part in activity.parts)
            for activity in (found.activity, found.activity_by_day)
        }
        assert len(sums) == 1
    assert reported(project).activity_by_day is None
    longer = replace(project, clock=lambda: MONDAY + timedelta(days=400))
    assert period_report.report(longer, "2025-01-01").activity_by_day is None
    assert found.task_count == 3


def test_a_report_can_be_about_a_tag_or_a_worker(project: Project) -> None:
    tagged, of_codex = reported(project, tags=("api",)), reported(project, workers=("codex",))
    assert [row.task_path for row in tagged.completions] == [".runr/tasks/a.md"]
    assert (tagged.waiting, tagged.flaky_checks, tagged.cost_usd) == ([], [], 0.5)
    assert [row.task_path for row in of_codex.completions] == [".runr/tasks/b.md"]
    for found, attempts, first in ((tagged, 1, 1), (of_codex, 2, 0)):
        assert (found.attempt_count, found.landed_count) == (attempts, 1)
        assert (found.first_pass.count, found.first_pass.of) == (first, 1)
    assert (of_codex.stop_reasons, of_codex.cost_usd) == ({"verification_failed": 1}, None)


def test_text_and_markdown_have_the_same_facts(project: Project) -> None:
    found = reported(project)
    text = report_page.render_text(found, lambda time: time[:16])
    page = report_page.render_markdown(found, lambda time: time[:16])
    assert "completed                         3: 3 verified\n" in text
    assert "| completed | 3: 3 verified |\n" in page
    assert "  script  -      2     2         1 of 2 (50%)  $0.50  1,000  100\n" in text
    assert "| script | - | 2 | 2 | 1 of 2 (50%) | $0.50 | 1,000 | 100 |\n" in page
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## Summary",
        "## Activity",
        "## Completed",
        "## Stop reasons",
        "## Workers",
        "## Flaky checks",
        "## Waiting for a person",
    ]


def test_no_name_or_command_of_the_report_forms_markup(project: Project) -> None:
    found = reported(project)
    usual = report_page.render_markdown(found, lambda time: time[:16])
    nasty = replace(
        found,
        tags=[NASTY],
        completions=[replace(each, task_path=NASTY) for each in found.completions],
        stop_reasons={NASTY: 1},
        usage=[replace(each, worker=NASTY, model=NASTY) for each in found.usage],
        flaky_checks=[replace(each, command=NASTY) for each in found.flaky_checks],
        waiting=[replace(each, task_path=NASTY, why=NASTY) for each in found.waiting],
    )
    page = report_page.render_markdown(nasty, lambda time: time[:16])
    assert headings(page)[1:] == headings(usual)[1:]
    assert foreign(page) == set()
    kinds = [each.type for each in tokens(page)]
    assert kinds.count("td_open") == [each.type for each in tokens(usual)].count("td_open")


def test_runs_of_other_clones_are_counted_apart(project: Project, tmp_path: Path) -> None:
    other = make(tmp_path / "other")
    (other / ".runr").mkdir()
    project.layout.runs.rename(other / ".runr/runs")
    found = period_report.report(Project.open(other, {}), "2025-01-09")
    assert (found.completed_count, found.usage, found.unconfirmed_runs) == (0, [], 3)


def test_metrics_are_over_all_records(project: Project) -> None:
    later = Journals(project.layout, MONDAY + timedelta(days=1))
    later.run("old", [COMPLETED], kind="reset", worker="person")
    text = metrics.open_metrics(metrics.collect(project))
    lines = text.splitlines()
    for expected in (
        "# TYPE runr_completions counter",
        "# HELP runr_completions Completions by their evidence when made, with those reset since.",
        'runr_completions_total{evidence="verified"} 4',
        'runr_runs_total{result="completed"} 4',
        "runr_resets_total 1",
        'runr_stops_total{reason="verification_failed"} 1',
        'runr_cost_usd_total{worker="script",model=""} 9.5',
        'runr_tokens_total{worker="script",model="",direction="input"} 1000',
        'runr_run_seconds_total{worker="codex"} 600',
        "# UNIT runr_run_seconds seconds",
        "runr_attempts_total 5",
        'runr_tasks{status="waiting"} 1',
    ):
        assert expected in lines
    assert lines[-1] == "# EOF"
    assert len({line.split()[0] for line in lines if line[0] != "#"}) == sum(
        line[0] != "#" for line in lines
    )


def test_the_values_of_labels_are_escaped() -> None:
    sample = Sample(labels={"worker": 'a "b"\\c\nd'}, value=1)
    metric = Metric(name="x", kind="gauge", help="X.", samples=[sample])
    shown = metrics.open_metrics(Metrics(metrics=[metric])).splitlines()
    assert shown[2] == 'x{worker="a \\"b\\"\\\\c\\nd"} 1'
