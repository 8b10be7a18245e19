from typing import Any

import pytest

from runr.runs.events import Event, parse_data
from runr.runs.model import (
    Approval,
    Check,
    CheckResult,
    Decision,
    Integration,
    RunCreated,
    RunSpec,
    RunState,
    Usage,
    Verification,
)
from runr.runs.prompts import feedback_section, work_prompt
from runr.runs.report import headline, next_steps, render
from runr.runs.stop_reasons import STOPS
from runr.tasks.model import TaskType

RUN = "20250108-143022-k7qf"
SHA = "2" * 40


def start(**facts: Any) -> RunCreated:
    known: dict[str, Any] = {
        "task": ".runr/tasks/00-setup.md",
        "worker": "claude-code",
        "workdir": f"/repo/.runr/worktrees/{RUN}",
        "base_sha": "0" * 40,
        "base_tree": "1" * 40,
        "branch": f"runr/00-setup-{RUN}",
        "target": "main",
    }
    return RunCreated(**(known | facts))


def state(**facts: Any) -> RunState:
    known: dict[str, Any] = {
        "id": RUN,
        "start": start(),
        "spec": RunSpec(title="Set things up"),
        "created_at": "2025-01-08T14:30:22.000Z",
        "updated_at": "2025-01-08T14:35:25.000Z",
        "attempt": 1,
    }
    return RunState(**(known | facts))


def held_to(**facts: Any) -> RunState:
    return state(spec=RunSpec(**({"title": "Set things up"} | facts)))


def verified(*checks: CheckResult, result: str = "failed", attempt: int = 1) -> Verification:
    return Verification(result=result, checks=checks, attempt=attempt)  # type: ignore[arg-type]


def check(exit_code: int | None = 1, tail: str = "", tier: str = "tier1") -> CheckResult:
    return CheckResult(tier=tier, command="pytest -q", exit_code=exit_code, seconds=4.2, tail=tail)


RULES = """\
Rules:
- Work in this folder only. Do not switch branches and do not change files under .runr/.
- You may commit or leave your changes uncommitted; runr makes the checkpoint commit itself.
- Do not weaken, skip or delete a check to make it pass.
- When you are done, stop. runr then runs the checks itself; a statement that it works is not
  enough.
"""


def test_the_prompt_has_the_whole_task_its_scope_and_its_checks() -> None:
    given = held_to(
        owns=("src/api/", "docs/api.md"),
        deny=("secrets/",),
        checks=(
            Check(tier="tier0", command="ruff check .", timeout_s=60),
            Check(tier="task", command="pytest -q", timeout_s=60),
        ),
    )
    body = "# Set things up\n\nFirst this.\n\n```sh\nmake\n```\n"
    assert work_prompt(given, body) == (
        """\
# Task .runr/tasks/00-setup.md

# Set things up

First this.

```sh
make
```

You may change only: src/api/, docs/api.md
A lockfile may change only together with its manifest.
You must not change: secrets/
A change outside of this scope stops the run.

The result is verified with these commands, run from the top of this folder:
- `ruff check .`
- `pytest -q`

"""
        + RULES
    )


def test_without_scope_and_checks_the_prompt_says_that_a_person_reviews() -> None:
    assert work_prompt(state(), "Do it.") == (
        """\
# Task .runr/tasks/00-setup.md

Do it.

No checks are configured: a person reviews the result.

"""
        + RULES
    )


def test_a_task_without_a_body_is_its_title() -> None:
    assert "\n\nSet things up\n\n" in work_prompt(state(), "\n")


def test_the_prompt_of_a_hybrid_task_excludes_the_persons_part() -> None:
    words = "A person completes this task afterwards: do only the worker's part."
    assert words in work_prompt(held_to(task_type=TaskType.HYBRID), "Do it.")
    assert words not in work_prompt(state(), "Do it.")


def test_the_prompt_of_a_later_attempt_has_everything_that_failed_in_the_last_one() -> None:
    tail = "\n".join(f"line {number}" for number in range(300))
    before = state(
        attempt=2,
        verification=verified(
            check(0, "all well", "tier0"), check(1, tail), check(None, "waiting…\n", "task")
        ),
    )
    expected = f"""\
# Failed checks of attempt 1

Your earlier changes are still here.

`pytest -q` (tier1): exit code 1

```
{tail}
```

`pytest -q` (task): timed out

```
waiting…
```"""
    assert feedback_section(before) == expected
    prompt = work_prompt(before, "Do it.")
    assert expected in prompt
    assert "all well" not in prompt
    assert prompt != work_prompt(state(), "Do it.")
    assert prompt.endswith(RULES)


def test_output_with_fences_in_it_does_not_end_the_fence_around_it() -> None:
    message = feedback_section(state(verification=verified(check(1, "a\n```\nb\n````\nc"))))
    assert message.endswith("`````\na\n```\nb\n````\nc\n`````")
    assert message.startswith("# Failed checks of attempt 1\n")


def test_a_check_that_failed_without_output_says_so() -> None:
    assert feedback_section(state(verification=verified(check(2, " \n")))).endswith(
        "exit code 2\n\nIt printed nothing."
    )


def test_without_failures_the_prompt_has_no_feedback() -> None:
    passed = state(verification=verified(check(0), result="passed"))
    assert feedback_section(passed) == ""
    assert work_prompt(passed, "Do it.") == work_prompt(state(attempt=0), "Do it.")


def events(*rows: tuple[str, str, dict[str, Any]]) -> list[Event]:
    return [
        Event(seq, f"2025-01-08T14:{time}.000Z", parse_data(kind, payload))
        for seq, (time, kind, payload) in enumerate(rows, start=1)
    ]


def test_the_report_of_a_completed_run_has_its_changes_and_its_verification() -> None:
    done = state(
        result="completed",
        ended_at="2025-01-08T14:35:25.000Z",
        verification=verified(check(0, "all well"), result="passed"),
        checkpoint_sha=SHA,
        integration=Integration("fast-forward"),
        usage=Usage(cost_usd=0.1234567, input_tokens=12345, output_tokens=678),
        sessions=("one", "two"),
        denied=("WebFetch",),
        left_dirty=("notes.txt",),
        last_message="I did it.\nReally.\n",
    )
    happened = events(
        ("30:23", "phase.started", {"phase": "work"}),
        (
            "35:00",
            "phase.finished",
            {"phase": "work", "outcome": "ok", "usage": {"cost_usd": 0.1234567}},
        ),
        ("35:00", "phase.started", {"phase": "verify"}),
        ("35:05", "phase.finished", {"phase": "verify", "outcome": "passed", "checks": []}),
    )
    stat = [("src/a.py", 10, 2), ("logo.png", None, None)]
    assert (
        render(done, happened, stat)
        == f"""\
# 00-setup.md: completed and verified

- Run: `{RUN}`
- Task: `.runr/tasks/00-setup.md`
- Worker: claude-code
- Attempts: 1
- Took: 5m 03s
- Cost: $0.1235
- Tokens: 12,345 in, 678 out
- Sessions: `one`, `two`
- Verification: passed
- Checkpoint: `{SHA}`
- Merged: fast-forward into main
- Denied tools: WebFetch
- Left uncommitted: notes.txt

## What changed

- `src/a.py` +10 -2
- `logo.png` binary

## What was verified

- `pytest -q` (tier1): passed in 4.2s

## Phases

- work: ok in 4m 37s, $0.1235
- verify: passed in 5.0s

## The worker's last message

    I did it.
    Really.
"""
    )


def test_the_report_of_a_stopped_run_has_the_reason_and_three_commands_to_paste() -> None:
    stopped = state(
        start=start(task=".runr/tasks/it's odd.md", workdir="/my repo/x"),
        result="stopped",
        ended_at="2025-01-08T14:30:24.500Z",
        stop_reason="verification_failed",
        detail="one check failed",
        verification=verified(check(1, "E   assert 1 == 2"), check(None, tier="task")),
    )
    assert (
        render(stopped, (), ())
        == f"""\
# it's odd.md: stopped, checks still fail after the last attempt

- Run: `{RUN}`
- Task: `.runr/tasks/it's odd.md`
- Worker: claude-code
- Attempts: 1
- Took: 2.5s
- Verification: failed
- Why it stopped: one check failed

## What changed

Nothing was changed.

## What was verified

- `pytest -q` (tier1): failed (exit code 1) in 4.2s

      E   assert 1 == 2
- `pytest -q` (task): failed (timed out) in 4.2s

## Next

    runr report {RUN}
    git -C '/my repo/x' status
    runr resume {RUN}
"""
    )


def test_work_that_did_not_land_is_reported_with_its_branch_and_the_command_for_it() -> None:
    kept = state(
        result="stopped",
        stop_reason="merge_conflict",
        ended_at="2025-01-08T14:35:25.000Z",
        checkpoint_sha=SHA,
        detail="both sides changed a.txt",
    )
    message = render(kept, (), ())
    assert f"- Merged: no, the work is on `runr/00-setup-{RUN}`\n" in message
    assert "both sides changed a.txt" in message
    assert message.endswith(f"    runr land {RUN}\n")


def test_an_attested_completion_never_reads_as_verified() -> None:
    attested = state(
        result="completed",
        ended_at="2025-01-08T14:35:25.000Z",
        decision=Decision(approval=Approval(by="Ada", reason="I looked at it")),
        start=start(override_reason="open dependencies: a.md"),
    )
    message = render(attested, (), ())
    assert message.startswith("# 00-setup.md: completed (attested by Ada, forced)\n")
    assert "- Reason: I looked at it\n- Overridden: open dependencies: a.md\n" in message
    assert "verified\n" not in message.split("\n\n")[0]
    assert "No checks ran." in message


def test_an_open_run_has_a_report_too() -> None:
    message = render(state(), (), ())
    assert message.startswith("# 00-setup.md: still running\n")
    assert "Nothing was changed" not in message
    assert message.endswith(f"## Next\n\n    runr follow {RUN}\n    runr stop {RUN}\n")


def test_the_time_between_a_stop_and_a_resume_counts_for_no_phase() -> None:
    happened = events(
        ("00:00", "phase.started", {"phase": "verify"}),
        ("00:01", "run.stopped", {"code": "interrupted"}),
        ("50:00", "run.resumed", {}),
        ("50:02", "phase.finished", {"phase": "verify", "outcome": "passed", "checks": []}),
    )
    assert "- verify: passed in 2.0s" in render(state(), happened, ())


def test_a_long_list_of_changes_is_truncated_and_says_so() -> None:
    stat = [(f"{number}.txt", 1, 0) for number in range(103)]
    message = render(state(), (), stat)
    assert "- `99.txt` +1 -0\n- and 3 more\n" in message
    assert "100.txt" not in message


@pytest.mark.parametrize("code", sorted(STOPS))
def test_every_stop_has_a_headline_and_next_steps_without_gaps(code: str) -> None:
    stopped = state(result="stopped", stop_reason=code, start=start(branch=None))
    assert headline(stopped) == f"00-setup.md: stopped, {STOPS[code].meaning}"
    steps = [str(step) for step in next_steps(stopped)]
    assert len(steps) == 3
    assert not any("{" in step or "None" in step for step in steps)
