"""What a lifecycle hook is given: one JSON object, and the same facts as variables. Pure."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from runr.runs import report, stop_reasons
from runr.runs.model import RunState

#: Counted up whenever a field changes its meaning or goes; a new field does not count it up.
SCHEMA = 1


def of_run(state: RunState, point: str, *, id_: str, time: str, repository: str) -> dict[str, Any]:
    """Return the payload about a run; `id_` is that of this delivery."""
    return _envelope(point, id_, time, repository) | {"run": _run(state)}


def of_job(
    receipt: Mapping[str, Any], point: str, *, id_: str, time: str, repository: str
) -> dict[str, Any]:
    """Return the payload about a job run: its receipt."""
    return _envelope(point, id_, time, repository) | {"job": dict(receipt)}


def _envelope(point: str, id_: str, time: str, repository: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "id": id_, "point": point, "time": time, "repository": repository}


def _run(state: RunState) -> dict[str, Any]:
    start, usage, statement = state.start, state.usage, state.decision.statement
    stopped = state.result == "stopped"
    reason = state.stop_reason if stopped else None
    candidate = state.verification.candidate
    return {
        "id": state.id,
        "task": start.task,
        "title": state.spec.title,
        "worker": state.last_worker,
        "job": start.job.job_run_id if start.job else None,
        "result": state.result,
        "stop_reason": reason,
        "stop_meaning": stop_reasons.explain(reason, start.worker) if reason else None,
        "detail": state.detail,
        "created_at": state.created_at,
        "ended_at": state.ended_at,
        "seconds": round(report.elapsed(state), 3),
        "attempts": state.attempt,
        "verification": state.verification.result,
        "checks": [
            {
                "tier": check.tier,
                "command": check.command,
                "exit_code": check.exit_code,
                "seconds": check.seconds,
                "passed": check.passed,
            }
            for check in state.verification.checks
        ],
        "commit": state.checkpoint_sha,
        "tree": candidate.tree if candidate else state.verification.tree,
        "branch": start.branch,
        "target": state.integration.target or start.target,
        "by": statement.signature if statement else None,
        "cost_usd": usage.cost_usd,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
    }


def as_example(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload that says that nothing of it has happened."""
    return {**payload, "example": True}


def encode(payload: Mapping[str, Any], redact: Callable[[str], str]) -> bytes:
    """Return the payload as it is delivered: one line of JSON without secrets."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return redact(text).encode("utf-8", "replace") + b"\n"


def variables(data: bytes) -> dict[str, str]:
    """Return the main facts of an encoded payload as variables for a command."""
    payload = json.loads(data)
    run, job = payload.get("run") or {}, payload.get("job") or {}
    facts = {
        "RUNR_HOOK": payload["point"],
        "RUNR_HOOK_ID": payload["id"],
        "RUNR_HOOK_RUN": run.get("id"),
        "RUNR_HOOK_TASK": run.get("task"),
        "RUNR_HOOK_RESULT": run.get("result") or job.get("status"),
        "RUNR_HOOK_STOP_REASON": run.get("stop_reason"),
        "RUNR_HOOK_COMMIT": run.get("commit"),
        "RUNR_HOOK_TREE": run.get("tree"),
        "RUNR_HOOK_JOB": job.get("id") or run.get("job"),
    }
    return {name: str(value).replace("\0", "") for name, value in facts.items() if value}
