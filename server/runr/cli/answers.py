"""What `--json` prints: a schema's name, the next steps, and one payload.

Every answer is an object with exactly these three keys, such as
`{"schema": "runr.task-list/1", "next_steps": [], "task_list": {…}}`. Where the settings are
invalid, which does not keep the command from answering, there are `warnings` too.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from runr.cli import console
from runr.query.encoding import to_plain
from runr.text import escape_controls

#: payload → the class of its content, `module:class` below `runr`; None for a plain object.
PAYLOADS: Mapping[str, str | None] = {
    "activity": "history.recent:ActivityDays",
    "acknowledgement": "lifecycle.decisions:AcknowledgeResult",
    "audit": "provenance.audit:Audit",
    "batch": "jobs.batch:BatchResult",
    "cleanup": "maintenance.cleanup:CleanResult",
    "completion": "query.detail_models:CompletionResult",
    "database": "history.upkeep:DatabaseFile",
    "database_check": "history.upkeep:DatabaseCheck",
    "error": None,
    "explanation": "query.explain:Explanation",
    "export": None,
    "fix": "lint.fixes:FixResult",
    "graph": "graphics.dependency_graph:GraphResult",
    "firings": "jobs.scheduler:Firings",
    "doctor": "setup.doctor_checks:DoctorReport",
    "health": "history.health:HealthReport",
    "history": "history.task_history:TaskHistory",
    "hook_list": "setup.hook_list:HookList",
    "hook_test": "setup.example_calls:HookTest",
    "import": "interchange.import_result:ImportResult",
    "inference": "provenance.infer:InferenceResult",
    "install": "setup.install_plan:InstallResult",
    "job_landing": "jobs.landing:JobLanding",
    "job_list": "jobs.listing:JobList",
    "job_plan": "jobs.plan:JobPlan",
    "job_receipt": "jobs.receipt_model:Receipt",
    "job_run": "jobs.views:JobRunDetails",
    "land": "lifecycle.land:LandResult",
    "landings": "history.recent:LandingPage",
    "lint": "lint.rules:LintResult",
    "manual_commit": "provenance.manual_commit:ManualCommitResult",
    "metrics": "history.metrics:Metrics",
    "next_task": "query.next_task:NextTask",
    "overview": "history.overview:Overview",
    "overview_part": "history.task_parts:OverviewPart",
    "period_report": "history.period_report:PeriodReport",
    "proof": "proof.report:ProofResult",
    "report": "query.detail_models:RunReport",
    "result": "query.models:CommandResult",
    "reset": "lifecycle.reset:ResetResult",
    "resume": "lifecycle.resume:ResumeResult",
    "resume_preview": "lifecycle.resume:ResumePreview",
    "run": "query.detail_models:RunDetails",
    "run_list": "query.detail_models:RunList",
    "session_brief": "query.detail_models:RunResult",
    "shell_completion": None,
    "submission": "lifecycle.submit:Submission",
    "task_counts": "history.task_parts:TaskCounts",
    "task_list": "query.models:TaskList",
    "task_status": "query.detail_models:TaskDetails",
    "template_list": "setup.new_task:TemplateList",
    "upcoming": "jobs.upcoming:Upcoming",
    "usage": "history.recent:UsagePage",
    "version": None,
    "worker_list": "setup.workers:WorkerList",
}

#: command → the payloads that it can answer with, the usual one first.
ANSWERS: Mapping[str, tuple[str, ...]] = {
    "list-tasks": ("task_list",),
    "status": (
        *("overview", "task_list", "inference"),
        *("task_counts", "overview_part", "activity", "landings", "usage"),
    ),
    "task-status": ("task_status",),
    "next": ("next_task",),
    "why": ("explanation",),
    "graph": ("graph",),
    "new": ("result", "template_list"),
    "lint": ("lint", "fix"),
    "run": ("run", "session_brief", "batch", "job_plan", "job_run"),
    "runs": ("run_list",),
    "follow": ("run",),
    "report": ("report", "period_report"),
    "note": ("result",),
    "stop": ("run",),
    "list-jobs": ("job_list",),
    "job": ("job_run", "job_receipt", "job_landing", "job_plan"),
    "upcoming": ("upcoming",),
    "scheduler": ("firings", "result"),
    "resume": ("run", "session_brief", "resume", "resume_preview", "batch"),
    "complete-task": ("completion",),
    "approve": ("completion",),
    "reject": ("run",),
    "acknowledge": ("acknowledgement",),
    "reset": ("reset",),
    "verify": ("proof",),
    "health": ("health",),
    "history": ("history",),
    "metrics": ("metrics",),
    "audit": ("audit",),
    "intervene": ("manual_commit",),
    "land": ("land",),
    "submit": ("submission", "job_landing"),
    "clean": ("cleanup",),
    "rebuild": ("result",),
    "db": ("database", "database_check", "result"),
    "import": ("import",),
    "export": ("export", "result"),
    "init": ("result",),
    "doctor": ("doctor",),
    "hooks": ("hook_list", "hook_test"),
    "workers": ("worker_list", "result"),
    "install": ("install", "result"),
    "completion": ("shell_completion",),
    "demo": ("result",),
    "version": ("version",),
}

_OF_CLASS = {f"runr.{target}": name for name, target in PAYLOADS.items() if target}


def schema_name(payload: str) -> str:
    """Return the name and version of the schema of an answer with this payload."""
    return f"runr.{payload.replace('_', '-')}/1"


def answer_document(answer: object) -> str:
    """Return an answer as a JSON document."""
    kind = type(answer)
    content: dict[str, Any] = to_plain(answer)
    steps = content.pop("next_steps", [])
    return document(_OF_CLASS[f"{kind.__module__}:{kind.__name__}"], content, steps)


def error_document(
    code: str, message: str, steps: Sequence[str], exit_code: int, warnings: Sequence[str]
) -> str:
    """Return an error as a JSON document."""
    content = {"code": code, "message": message, "exit_code": int(exit_code)}
    return document("error", content, steps, warnings)


def document(
    payload: str, content: object, steps: Sequence[str] = (), warnings: Sequence[str] = ()
) -> str:
    """Return a JSON document with this payload; the warnings of the command are added."""
    whole: dict[str, Any] = {"schema": schema_name(payload), "next_steps": list(steps)}
    context = click.get_current_context(silent=True)
    warnings = warnings or (context.meta.get(console.WARNINGS, ()) if context else ())
    if warnings:
        whole["warnings"] = list(warnings)
    whole[payload] = content
    return escape_controls(json.dumps(whole, indent=2, ensure_ascii=False))
