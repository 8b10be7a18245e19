"""What a job starts, skips and waits for."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runr.jobs import work as jobs_work
from runr.jobs.model import Job
from runr.jobs.planner import Decision, Facts, Progress, Status, Wait, decide
from runr.jobs.work import Item, StepOrder, Work
from runr.scope.overlap import overlaps

_JOB = Job(name="job", max_parallel=9)


def item(task: str, step: str = "t/1", **known: Any) -> Item:
    return Item(task=task, step=step, workers=("script",), **known)


def line(*names: str, track: str = "t") -> tuple[StepOrder, ...]:
    """Return the steps of a track."""
    whole = [f"{track}/{name}" for name in names]
    return tuple(
        StepOrder(name, previous=before)
        for name, before in zip(whole, [None, *whole], strict=False)
    )


def decided(work: Work, job: Job = _JOB, now: float = 0.0, **known: Any) -> Decision:
    progress = {
        task: each if isinstance(each, Progress) else Progress(each)
        for task, each in known.pop("progress", {}).items()
    }
    facts = Facts(now=now, progress=progress, **known)
    return decide(job, work, jobs_work.ordering(work), facts)


def test_a_step_waits_for_all_tasks_of_the_one_before_it() -> None:
    work = Work((item("a"), item("b"), item("c", "t/2")), line("1", "2"))
    first = decided(work)
    assert first.start == ("a", "b")
    assert first.delayed == {"c": "the step t/1 comes first"}
    assert decided(work, progress={"a": "completed", "b": "running"}).start == ()
    assert decided(work, progress={"a": "completed", "b": "completed"}).start == ("c",)


def test_tracks_go_side_by_side_and_a_step_may_wait_for_another_track() -> None:
    other = StepOrder("u/1", after=("t/2",))
    work = Work((item("a"), item("b", "t/2"), item("c", "u/1")), (*line("1", "2"), other))
    assert decided(work).start == ("a",)
    assert decided(work, progress={"a": "completed", "b": "completed"}).start == ("c",)


def test_the_dependencies_of_the_tasks_themselves_count() -> None:
    work = Work((item("a", needs=("b",)), item("b")), line("1"))
    assert decided(work).start == ("b",)
    lost = decided(work, progress={"b": "failed"}, job=_JOB._replace(on_failure="continue"))
    assert lost.skip == {"a": "it depends on b, which was not completed"}


def test_the_longest_chain_comes_first_and_then_the_priority() -> None:
    work = Work(
        (item("a"), item("b", priority=5), item("c"), item("d", "t/1", needs=("c",))),
        line("1"),
    )
    assert decided(work, _JOB._replace(max_parallel=2)).start == ("c", "b")


def test_tasks_that_own_the_same_files_run_one_after_the_other() -> None:
    work = Work((item("a", owns=("src/",)), item("b", owns=("src/*.py",))), line("1"))
    assert decided(work).start == ("a",)
    assert decided(work).delayed == {"b": "works on the same files as a"}
    assert decided(work, _JOB._replace(collision="ignore")).start == ("a", "b")
    failing = decided(work, _JOB._replace(collision="fail"))
    assert (failing.start, list(failing.fail)) == (("a",), ["b"])
    further = Work((*work.items, item("c"), item("d", owns=("docs/",))), line("1"))
    failing = decided(further, _JOB._replace(collision="fail"))
    assert (failing.start, list(failing.fail)) == (("a", "c", "d"), ["b"])
    assert failing.fail["b"] == "works on the same files as a, and collision is fail"


def test_what_a_run_has_touched_is_taken_like_what_it_owns() -> None:
    work = Work((item("a"), item("b", owns=("docs/",))), line("1"))
    assert decided(work, progress={"a": "running"}).start == ("b",)
    touched = {"a": ("docs/x.md",)}
    assert decided(work, progress={"a": "running"}, touched=touched).start == ()


def test_a_failure_stops_its_track_the_job_or_nothing_else() -> None:
    steps = (*line("1", "2"), *line("1", "2", track="u"))
    work = Work((item("a"), item("b", "t/2"), item("c", "u/1"), item("d", "u/2")), steps)
    state: dict[str, Status] = {"a": "failed", "c": "completed"}
    assert list(decided(work, progress=state).skip) == ["b"]
    assert decided(work, progress=state).start == ("d",)
    stopped = decided(work, _JOB._replace(on_failure="stop_job"), progress=state)
    assert list(stopped.skip) == ["b", "d"]
    going_on = decided(work, _JOB._replace(on_failure="continue"), progress=state)
    assert set(going_on.start) == {"b", "d"}


def test_a_failure_stops_the_other_tasks_of_its_step_and_no_other_track() -> None:
    steps = (*line("1"), *line("1", track="u"))
    work = Work((item("a"), item("b"), item("c", "u/1")), steps)
    found = decided(work, progress={"a": "failed"})
    assert found.skip == {"b": "a failed, which stops its track"}
    assert found.start == ("c",)


def test_a_step_that_depends_on_several_is_lost_with_any_of_them() -> None:
    last = StepOrder("t/2", after=("u/1",), previous="t/1")
    work = Work(
        (item("a"), item("b", "u/1"), item("c", "t/2")), (*line("1"), *line("1", track="u"), last)
    )
    for lost in ("a", "b"):
        progress: dict[str, Status] = {"a": "completed", "b": "completed", lost: "failed"}
        step = next(each.step for each in work.items if each.task == lost)
        found = decided(work, progress=progress)
        assert found.skip == {"c": f"the step {step} was not completed"}
    going_on = decided(
        work, _JOB._replace(on_failure="continue"), progress={"a": "failed", "b": "completed"}
    )
    assert going_on.start == ("c",)


def test_a_step_without_tasks_is_as_those_before_it() -> None:
    work = Work((item("a"), item("c", "t/4")), line("1", "2", "3", "4"))
    assert decided(work).delayed == {"c": "the step t/3 comes first"}
    assert decided(work, progress={"a": "completed"}).start == ("c",)
    lost = decided(work, progress={"a": "failed"})
    assert lost.skip == {"c": "the step t/1 was not completed"}


def test_a_track_of_thousands_of_steps_is_decided_without_recursion() -> None:
    names = [str(number) for number in range(3_000)]
    work = Work(tuple(item(f"a{name}", f"t/{name}") for name in names), line(*names))
    done: dict[str, Status] = {f"a{name}": "completed" for name in names[:-1]}
    assert decided(work, progress=done).start == ("a2999",)


def test_steps_for_failures_and_for_every_end() -> None:
    steps = (
        StepOrder("t/1"),
        StepOrder("t/2", previous="t/1", when="failed"),
        StepOrder("t/3", previous="t/2", when="ended"),
    )
    work = Work((item("a"), item("b", "t/2"), item("c", "t/3")), steps)
    fine = decided(work, progress={"a": "completed"})
    assert (fine.skip, list(fine.leave_out), fine.over) == ({}, ["b"], False)
    assert decided(work, progress={"a": "completed", "b": "left_out"}).start == ("c",)
    assert decided(work, progress={"a": "failed"}).start == ("b",)
    assert decided(work, progress={"a": "failed", "b": "failed"}).start == ("c",)


def test_what_depends_on_a_task_for_failures_is_skipped_once_that_is_left_out() -> None:
    steps = (
        StepOrder("t/1"),
        StepOrder("t/2", previous="t/1", when="failed"),
        StepOrder("u/1"),
        StepOrder("u/2", previous="t/2", when="failed"),
    )
    behind = (item("c", "u/1", needs=("b",)), item("d", "u/2", needs=("b",)))
    work = Work((item("a"), item("b", "t/2"), *behind), steps)
    assert decided(work, progress={"a": "running"}).skip == {}
    fine = decided(work, progress={"a": "completed", "b": "left_out"})
    why = "it depends on b, which is left out: nothing before it failed"
    assert (fine.skip, list(fine.leave_out)) == ({"c": why}, ["d"])
    fixed = decided(work, progress={"a": "failed", "b": "completed"})
    assert fixed.start == ("c",)


def test_a_cycle_is_named_at_once() -> None:
    work = Work((item("a", needs=("b",)), item("b", needs=("a",)), item("c")), line("1"))
    found = decided(work)
    assert found.start == ("c",)
    assert found.skip == dict.fromkeys("ab", "cycle: a → b → a")
    steps = (StepOrder("t/1", after=("u/1",)), StepOrder("u/1", after=("t/1",)))
    crossed = decided(Work((item("a"), item("b", "u/1")), steps))
    assert set(crossed.skip) == {"a", "b"}
    assert not crossed.over


def test_a_task_that_waits_for_a_person_is_not_waited_for() -> None:
    work = Work((item("a", manual=True), item("b", needs=("a",)), item("c")), line("1"))
    held = {"a": Wait("it is manual: a person does it")}
    assert decided(work, held=held).start == ("c",)
    over = decided(work, held=held, progress={"c": "completed"})
    assert over.over
    assert over.delayed == {"a": held["a"].reason, "b": "a comes first"}
    assert decided(work, progress={"a": "completed", "c": "completed"}).start == ("b",)


def test_the_end_of_a_run_outside_of_the_job_is_waited_for_as_long_as_the_job_lasts() -> None:
    work = Work((item("a"), item("b", needs=("a",)), item("c", needs=("d",)), item("d")), line("1"))
    held = {"a": Wait("run r1 works on it", "r1"), "b": Wait("run r2 works on it", "r2")}
    found = decided(work, held=held, progress={"c": "completed", "d": "completed"})
    assert (found.over, found.wake_at, found.waits) == (False, None, {"a": held["a"]})
    assert found.delayed["b"] == "a comes first"
    for known in ({"limit": "its time is over"}, {"draining": True}):
        ends = decided(work, held=held, progress={"c": "completed", "d": "completed"}, **known)
        assert (ends.over, ends.delayed["a"]) == (True, held["a"].reason)
    assert decided(work, lost={"d": "d depends on e"}).skip == {"d": "d depends on e"}


def test_what_is_left_out_keeps_only_those_that_depend_on_it_from_starting() -> None:
    work = Work((item("a"), item("m", "t/2"), item("c", "t/3"), item("d", "t/3")), line(*"123"))
    needing = work._replace(items=(*work.items[:3], item("d", "t/3", needs=("m",))))
    progress: dict[str, Status] = {"a": "completed", "m": "left_out"}
    found = decided(needing, progress=progress)
    assert (found.start, found.skip) == (("c",), {})
    assert found.waits == {"d": Wait("it depends on m, which is left out")}
    assert decided(needing, progress=progress | {"c": "completed"}).over
    lost = decided(work, progress={"a": "failed", "m": "left_out"})
    assert lost.skip == dict.fromkeys("cd", "the step t/1 was not completed")


def test_a_wait_has_an_end_and_other_workers_go_on() -> None:
    work = Work((item("a"), item("b")._replace(workers=("other",))), line("1"))
    found = decided(work, parked={"script": 60.0})
    assert (found.start, found.wake_at) == (("b",), 60.0)
    waiting = decided(work, parked={"script": 60.0}, progress={"b": "completed"})
    assert (waiting.over, waiting.wake_at) == (False, 60.0)
    assert decided(work, now=60.0, parked={"script": 60.0}).start == ("a", "b")
    retried = decided(work, progress={"a": Progress("waiting", 30.0), "b": "completed"})
    assert retried.wake_at == 30.0
    either = Work((item("a")._replace(workers=("script", "other")),), line("1"))
    assert decided(either, parked={"script": 60.0}).start == ("a",)
    both = decided(either, parked={"script": 60.0, "other": 50.0})
    assert (both.delayed, both.wake_at) == ({"a": "the account of script cannot be used yet"}, 50.0)
    assert decided(Work((Item("a", "t/1"),), line("1"))).start == ("a",)


def test_a_limit_lets_what_runs_end_and_starts_nothing() -> None:
    work = Work((item("a"), item("b")), line("1"))
    found = decided(work, limit="its time is over", progress={"a": "running"})
    assert (found.start, found.over) == ((), False)
    assert found.delayed == {"b": "its time is over"}
    assert decided(work, limit="its time is over", progress={"a": "completed"}).over
    assert decided(work, draining=True, progress={"a": "completed"}).over
    later = {"a": Progress("waiting", 30.0), "b": Progress("completed")}
    for known in ({"limit": "its time is over"}, {"draining": True}):
        ended = decided(work, progress=later, **known)
        assert (ended.over, ended.wake_at) == (True, None)


_NAMES = [f"t{number}" for number in range(8)]


@st.composite
def jobs(draw: st.DrawFn) -> tuple[Job, Work, Mapping[str, bool], frozenset[str]]:
    """Draw a job with any order, cycles included, and how each of its tasks will end."""
    count = draw(st.integers(1, 5))
    names = [f"{draw(st.sampled_from('uv'))}/{number}" for number in range(count)]
    steps = []
    for at, name in enumerate(names):
        track = [other for other in names[:at] if other[0] == name[0]]
        steps.append(
            StepOrder(
                name,
                after=tuple(draw(st.lists(st.sampled_from(names), max_size=1))),
                previous=track[-1] if track else None,
                when=draw(st.sampled_from(["succeeded", "succeeded", "failed", "ended"])),
            )
        )
    tasks = _NAMES[: draw(st.integers(1, len(_NAMES)))]
    items = tuple(
        item(
            task,
            draw(st.sampled_from(names)),
            needs=tuple(draw(st.lists(st.sampled_from(tasks), max_size=2))),
            owns=tuple(draw(st.lists(st.sampled_from(["a/", "a/*.py", "b", "*.md"]), max_size=2))),
            priority=draw(st.integers(0, 2)),
        )
        for task in tasks
    )
    job = Job(
        name="job",
        max_parallel=draw(st.integers(1, 3)),
        on_failure=draw(st.sampled_from(["stop_track", "stop_job", "continue"])),
        collision=draw(st.sampled_from(["serialize", "fail"])),
    )
    succeeds = {task: draw(st.booleans()) or draw(st.booleans()) for task in tasks}
    return (
        job,
        Work(items, tuple(steps)),
        succeeds,
        frozenset(draw(st.sets(st.sampled_from(tasks), max_size=1))),
    )


@given(jobs(), st.randoms(use_true_random=False))
def test_every_job_comes_to_its_end_in_order_and_without_a_collision(
    drawn: tuple[Job, Work, Mapping[str, bool], frozenset[str]], random: Any
) -> None:
    job, work, succeeds, for_persons = drawn
    order = jobs_work.ordering(work)
    by_name = {each.task: each for each in work.items}
    steps = {step.name: step for step in work.steps}
    progress: dict[str, Progress] = {}
    held = dict.fromkeys(for_persons, Wait("a person has to do it"))
    for _ in range(4 * len(work.items) + 2):
        facts = Facts(now=0.0, progress=progress, held=held)
        found = decide(job, work, order, facts)
        for task in found.start:
            one = by_name[task]
            assert all(facts.status(need) == "completed" for need in one.needs)
            for before in steps[one.step].befores:
                of_step = [each for each in work.items if each.step == before]
                assert all(
                    facts.status(e.task) in ("completed", "failed", "skipped", "left_out")
                    for e in of_step
                )
        progress |= {task: Progress("running") for task in found.start}
        progress |= {task: Progress("skipped") for task in found.skip}
        progress |= {task: Progress("left_out") for task in found.leave_out}
        progress |= {task: Progress("failed") for task in found.fail}
        running = [by_name[task] for task, each in progress.items() if each.status == "running"]
        assert len(running) <= job.max_parallel
        for at, one in enumerate(running):
            assert not any(overlaps(one.owns, other.owns) for other in running[:at])
        if found.over:
            assert not running
            left = [task for task in by_name if facts.status(task) == "waiting"]
            assert set(left) == set(found.delayed)
            assert not left or for_persons
            return
        assert found.start or found.skip or found.leave_out or found.fail or running
        if running:
            ended = random.choice(running).task
            progress[ended] = Progress("completed" if succeeds[ended] else "failed")
    raise AssertionError(facts)


def test_no_more_start_than_may_run_at_once_also_where_a_collision_fails() -> None:
    work = Work((item("a"), item("b"), item("c")), line("1"))
    for policy in ("serialize", "fail", "ignore"):
        found = decided(work, Job(name="job", max_parallel=2, collision=policy))
        assert found.start == ("a", "b")
        assert found.delayed == {"c": "2 tasks are running"}


def test_a_collision_fails_at_once_though_nothing_more_may_start() -> None:
    work = Work((item("a", owns=("x",)), item("b", owns=("x",))), line("1"))
    found = decided(work, Job(name="job", max_parallel=1, collision="fail"))
    assert found.fail == {"b": "works on the same files as a, and collision is fail"}


def test_what_is_left_out_of_a_step_does_not_hide_what_else_is_in_it() -> None:
    work = Work((item("a"), item("b"), item("c", "t/2")), line("1", "2"))
    found = decided(work, progress={"a": "left_out", "b": "running"})
    assert found.delayed == {"c": "the step t/1 comes first"}


def test_a_wait_is_for_something_outside_of_the_target_unless_it_says_so() -> None:
    assert Wait("it is manual").on_target is False
