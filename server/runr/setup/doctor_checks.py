"""What `runr doctor` answers: findings about the installation and the settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query.models import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorCheck:
    """One thing that was looked at; `advice` says what to do where it is not well."""

    name: str
    state: Literal["ok", "note", "bad"]
    message: str
    advice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport(Result):
    """All findings; `passed` is false where something keeps runr from working."""

    health_checks: list[DoctorCheck]
    passed: bool


Look = Callable[[Project], DoctorCheck | list[DoctorCheck]]


def hint(project: Project, step: NextStep) -> str:
    """Return a step as it is pasted into the user's shell, at the user's place."""
    return step.shell(project.surface.location)


def first_hint(project: Project, steps: Sequence[NextStep]) -> str | None:
    """Return the first of the steps as it is pasted; None where there is none."""
    return hint(project, steps[0]) if steps else None
