"""The checks of a task, and those added for changes to risky paths."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.config.settings import (
    Config,
    PhaseSettings,
    RunSettings,
    ScopeSettings,
    VerifySettings,
    WorkerSettings,
)
from runr.runs.model import JobTerms, RunCreated, RunState
from runr.runs.prompts import work_prompt
from runr.runs.spec import (
    Spent,
    build_spec,
    escalated_checks,
    limit_reached,
    remaining_budget,
    triggered,
)
from runr.scope.presets import PRESETS
from runr.tasks.model import Task, TaskType

Tier = Literal["tier0", "tier1", "tier2"]
ORDER = ("tier0", "tier1", "tier2", "task")


def task(
    tier: Tier = "tier0", kind: TaskType = TaskType.AUTOMATED, own: tuple[str, ...] = ()
) -> Task:
    return Task(path=".runr/tasks/a.md", title="A", type=kind, tier=tier, verify=own)


def config(risk: dict[str, Literal["tier1", "tier2"]]) -> Config:
    tiers = {"tier0": ("lint",), "tier1": ("test",), "tier2": ("slow", "lint", "own")}
    return Config(verify=VerifySettings(**tiers, escalate=risk))


def checks_of(given: Task, settings: Config, *paths: str) -> list[tuple[str, str]]:
    spec = build_spec(given, settings)
    risks = [risk for risk, _ in triggered(spec, paths)]
    return [(check.tier, check.command) for check in escalated_checks(spec, risks)]


def test_an_escalation_adds_missing_tiers_before_the_tasks_checks_and_no_command_twice() -> None:
    settings = config({"db/": "tier2", "*.sql": "tier1"})
    mine = task(own=("own",))
    assert checks_of(mine, settings, "a.py") == [("tier0", "lint"), ("task", "own")]
    further = [("tier0", "lint"), ("tier1", "test"), ("tier2", "slow"), ("task", "own")]
    assert checks_of(mine, settings, "db/1.sql") == further
    assert checks_of(mine, settings, "1.sql") == [further[0], further[1], further[3]]


def test_an_escalation_names_the_file_that_triggers_it_and_ignores_runrs_own_files() -> None:
    spec = build_spec(task(), config({"**": "tier1"}))
    assert [path for _, path in triggered(spec, ["z", "b", ".runr/a"])] == ["b"]
    assert triggered(spec, [".runr/tasks/a.md"]) == ()


def test_an_escalation_that_adds_no_check_is_left_out_and_a_manual_task_has_none() -> None:
    settings = config({"db/": "tier1"})
    assert build_spec(task("tier1"), settings).escalations == ()
    assert build_spec(task(kind=TaskType.MANUAL), settings).escalations == ()


@given(
    tier=st.sampled_from(ORDER[:3]),
    own=st.lists(st.sampled_from(["lint", "own", "slow"]), max_size=2, unique=True),
    risk=st.dictionaries(
        st.sampled_from(["a", "b/", "*.c"]), st.sampled_from(["tier1", "tier2"]), max_size=3
    ),
    paths=st.lists(st.sampled_from(["a", "b/x.c", "d"]), max_size=3),
)
def test_escalations_only_add_checks_and_keep_the_order_of_tiers(
    tier: Tier, own: list[str], risk: dict[str, Literal["tier1", "tier2"]], paths: list[str]
) -> None:
    mine, settings = task(tier, own=tuple(own)), config(risk)
    without, found = checks_of(mine, settings), checks_of(mine, settings, *paths)
    assert [check for check in found if check in without] == without
    ranks = [ORDER.index(name) for name, _ in found]
    assert ranks == sorted(ranks)
    added = [command for name, command in found if (name, command) not in without]
    assert len(added) == len(set(added))
    assert not set(added) & {command for _, command in without}


def opened(settings: Config, *owns: str) -> RunState:
    spec = build_spec(task()._replace(owns=owns), settings)
    start = RunCreated(".runr/tasks/a.md", "x", "/", base_sha="", base_tree="", spec=spec)
    return RunState("r", start, spec, created_at="", updated_at="")


@pytest.mark.parametrize(
    ("policy", "owned", "free"),
    [
        ("follow", "A lockfile may change only together with its manifest.", ""),
        ("allow", "Lockfiles may change.", ""),
        ("deny", "You must not change any lockfile.", "You must not change any lockfile."),
    ],
)
def test_the_prompt_names_the_policy_for_lockfiles(policy: str, owned: str, free: str) -> None:
    settings = Config(scope=ScopeSettings.model_validate({"lockfiles": policy}))
    assert owned in work_prompt(opened(settings, "src/"), "Do it.")
    message = work_prompt(opened(settings), "Do it.")
    assert free in message
    assert ("ockfile" in message) is bool(free)


def test_the_prompt_names_the_scope_of_the_settings_and_the_escalations() -> None:
    settings = Config(
        scope=ScopeSettings(allow=("notes/",), presets=("go",)),
        verify=config({"db/": "tier1"}).verify,
    )
    message = work_prompt(opened(settings, "src/"), "Do it.")
    more = ", ".join(("notes/", *PRESETS["go"]))
    assert f"You may change only: src/\nWhere necessary, also: {more}\n" in message
    assert "Where you change `db/`, it is also verified with:\n- `test`\n" in message


def test_a_run_has_the_time_limit_of_its_task_and_the_workers_of_its_phases() -> None:
    settings = Config(phases=PhaseSettings(plan="off", review="codex"))
    spec = build_spec(task()._replace(timeout_s=5), settings)
    assert (spec.timeout_s, spec.plan, spec.review) == (5, None, "codex")
    assert build_spec(task(), settings).timeout_s == settings.run.timeout


def test_checks_of_which_none_can_fail_are_none_and_are_named() -> None:
    idle = build_spec(task(own=("true",)), Config())
    assert (idle.checks, idle.empty_checks) == ((), ("true",))
    both = build_spec(task(own=("true", "make")), Config())
    assert [check.command for check in both.checks] == ["true", "make"]
    assert both.empty_checks == ()


@pytest.mark.parametrize(
    ("used", "code"),
    [
        (Spent(9, 0.99, 99), None),
        (Spent(10, 0, 0), "time_limit"),
        (Spent(0, 1.0, 0), "cost_limit"),
        (Spent(0, 0, 100), "token_limit"),
    ],
)
def test_a_limit_is_reached_when_it_is_used_up(used: Spent, code: str | None) -> None:
    limits = RunSettings(total_timeout=10, budget_usd=1.0, max_tokens=100)
    reached = limit_reached(limits, used)
    assert (reached[0] if reached else None) == code


def test_the_share_of_a_job_is_not_called_a_setting_of_runs() -> None:
    limits, used = RunSettings(budget_usd=0.5, max_tokens=100), Spent(0, 0.5, 0)
    job = JobTerms("1", budget_usd=0.5, max_tokens=100)
    of_job = "$0.50 of its share ($0.50) of limits.budget_usd of the job is spent"
    assert limit_reached(limits, used, job) == ("cost_limit", f"{of_job}: raise it to continue")
    found = limit_reached(limits, Spent(0, 0, 100), job)
    assert found
    assert found[1].startswith("100 of its share (100) of limits.max_tokens of the job are used")
    own = limit_reached(limits, used, JobTerms("1", budget_usd=2.0))
    assert own
    assert own[1].startswith("$0.50 of run.budget_usd ($0.50) is spent")


@pytest.mark.parametrize(("own", "left"), [(None, 0.75), (2.0, 0.75), (0.5, 0.5)])
def test_a_worker_may_spend_what_the_run_has_left(own: float | None, left: float) -> None:
    worker = WorkerSettings(budget_usd=own)
    limits = RunSettings(budget_usd=1.0)
    assert remaining_budget(worker, limits, Spent(0, 0.25, 0)).budget_usd == left
    assert remaining_budget(worker, RunSettings(), Spent(0, 0.25, 0)) is worker
