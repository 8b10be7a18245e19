"""What is known of a job before it starts, and what fails on the commit with which it begins."""

from cli.terminal import Place
from cli.test_jobs import ended, statuses

_CONFIG = """[run]
worker = "script"
attempts = 1

[verify]
tier1 = ["test -f repaired.txt", "test -d ."]
"""


def prepared(place: Place, more: str = "") -> None:
    """Write a job whose first task repairs what fails, once the failure is recorded."""
    place.config(_CONFIG)
    known = f"grep -q base.checked {place.root}/.runr/job-runs/*/timeline.jsonl"
    wait = f"for n in $(seq 600); do {known} && break; sleep 0.1; done"
    place.script("a.md", f"{wait}; {known} && touch repaired.txt")
    place.script("b.md", "echo b > b.txt")
    place.write(".runr/jobs/night.yaml", f"{more}tracks:\n  t: [a, b]\n")
    place.commit("Tasks")


def test_what_fails_before_any_work_is_said_while_the_first_task_works(place: Place) -> None:
    prepared(place)
    shown = place.runr("job", "run", "night", code=0)
    said, tip = shown.out + shown.err, place.git("rev-parse", "--short=12", "main").strip()
    failure = f"`test -f repaired.txt` fails on {tip} already"
    assert said.index(f"before any work is done, {failure}") < said.index("completed")
    assert "`test -d .` fails" not in said
    assert ended(place, "status")["base_failures"][0].startswith(failure)
    escaped = failure.replace("`", "\\`")
    assert f"before any work was done, {escaped}" in place.runr("job", "receipt", code=0).out


def test_a_job_can_end_where_its_checks_fail_before_any_work(place: Place) -> None:
    prepared(place, "on_base_failure: stop\n")
    done = ended(place, "run", "night", code=4)
    assert statuses(done) == {"a": "completed", "b": "waiting"}
    assert "`test -f repaired.txt` fails on" in done["reason"]
    # Its branch is repaired by now.
    assert statuses(ended(place, "resume")) == {"a": "completed", "b": "completed"}


def test_a_plan_in_which_nothing_can_start_says_why(place: Place) -> None:
    for name in "ab":
        place.script(f"{name}.md", f"echo {name} > {name}.txt", header="owns: ['*.txt']")
    steps = "  t: [{task: a, depends_on: [u]}]\n  u: [{task: b, depends_on: [t]}]\n"
    place.write(".runr/jobs/cycle.yaml", f"tracks:\n{steps}")
    place.write(".runr/jobs/empty.yaml", "tracks:\n  t: [{tasks: 'tag:nothing'}]\n")
    place.write(".runr/jobs/same.yaml", "collision: fail\ntracks:\n  t: [{tasks: [a, b]}]\n")
    place.commit("Tasks")
    assert (
        "✗ cycle: t/1 → u/1 → t/1\n" in place.runr("job", "run", "cycle", "--dry-run", code=1).out
    )
    empty = place.runr("job", "run", "empty", "--dry-run", code=2)
    assert "the job empty has nothing to do: it has no tasks" in empty.err
    place.write(
        ".runr/jobs/costly.yaml", "limits: {budget_usd: 5, max_tokens: 9}\ntracks: {t: [a]}\n"
    )
    costly = place.runr("job", "run", "costly", "--dry-run", code=0).out
    assert "! `budget_usd` of the job does not limit what reports no cost: script\n" in costly
    assert "! `max_tokens` of the job does not limit what reports no tokens: script\n" in costly
    same = place.runr("job", "run", "same", "--dry-run", code=1).out
    assert "✗ b.md fails: works on the same files as a.md" in same
    shown = place.runr("upcoming", code=0).out
    assert shown.startswith("No job has a schedule.\n")
    assert shown.endswith("Ready: a.md, b.md\n")
