"""GitHub issues as `gh issue list --json …` prints them. Pure."""

import re
from typing import Any

from pydantic import Field, ValidationError, field_validator

from runr.interchange.external_task import (
    Document,
    ExternalStatus,
    ExternalTask,
    SourceModel,
    invalid_source,
    parsed,
    referenced_ids,
    wrong_type,
)
from runr.text import one_line

# People write it so, and GitHub has no field for it in this list.
_NEEDS = re.compile(
    r"^\W*(?:depends on|blocked by)\b:?((?:[\s,]|and|#\d+)+)", re.IGNORECASE | re.MULTILINE
)
_REFERENCE = re.compile(r"#(\d+)")
_DROPPED = ("not_planned", "duplicate")


class _Issue(SourceModel):
    number: int
    title: str = ""
    body: str | None = None
    state: str = "OPEN"
    reason: str | None = Field(default=None, alias="stateReason")
    labels: list[str] = Field(default_factory=list)

    @field_validator("labels", mode="before")
    @classmethod
    def _names(cls, labels: Any) -> Any:
        held = labels if isinstance(labels, list) else []
        return [label.get("name") if isinstance(label, dict) else label for label in held]


def is_one(value: Any) -> bool:
    """Tell whether a parsed record has the shape of an issue."""
    return isinstance(value, dict) and "number" in value and "title" in value


def read(document: Document) -> tuple[ExternalTask, ...]:
    """Return the issues; `depends on #12` and `blocked by #12` at a line's start count."""
    value = parsed(document.name, document.text)
    values = value if isinstance(value, list) else [value]
    issues = []
    for index, raw in enumerate(values):
        try:
            issues.append(_Issue.model_validate(raw))
        except ValidationError as error:
            raise wrong_type(document.name, f"[{index}]", error) from None
    if any(issue.number < 1 for issue in issues):
        raise invalid_source(document.name, "", "an issue has no number")
    width = max((len(str(issue.number)) for issue in issues), default=1)
    return tuple(_incoming(issue, width) for issue in issues)


def _incoming(issue: _Issue, width: int) -> ExternalTask:
    title = one_line(issue.title or f"Issue {issue.number}")
    body = (issue.body or "").replace("\r\n", "\n").strip()
    needs = [
        found
        for referenced_ids in _NEEDS.findall(body)
        for found in _REFERENCE.findall(referenced_ids)
    ]
    why = (issue.reason or "").lower()
    done = issue.state.lower() == "closed"
    return ExternalTask(
        id=str(issue.number),
        stem=referenced_ids(str(issue.number).rjust(width, "0"), title),
        title=title,
        body=body,
        claim=(ExternalStatus.DROPPED if why in _DROPPED else ExternalStatus.DONE)
        if done
        else ExternalStatus.OPEN,
        said=f"{issue.state.lower()} as {why}" if done and why else issue.state.lower(),
        depends_on=tuple(dict.fromkeys(needs)),
        tags=tuple(issue.labels),
    )
