"""What an import answers: an account of every record, and the sum of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from runr.interchange.import_plan import DonePolicy, Outcome
from runr.interchange.sources import Tool
from runr.next_steps.imports import ImportCommand
from runr.query.models import Result


class ImportRequest(BaseModel):
    """Arguments of an import; `file` is a file, or a folder in which a tool keeps its tasks.

    `done` says how a task that is done there is imported: `hold` waits for a
    person, `attest` records it as completed in the name of `by`, `pending` leaves
    it to be done, `skip` leaves it out. `only` names lists of a Task Master file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    tool: Tool | None = None
    into: str = ""
    tags: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    done: DonePolicy = "hold"
    by: str | None = None
    dry_run: bool = False

    @property
    def typed(self) -> ImportCommand:
        """What was typed, as far as a next step repeats it."""
        return ImportCommand(
            file=self.file,
            tool=self.tool or "",
            into=self.into,
            tags=self.tags,
            only=self.only,
            done=self.done,
            by=self.by or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRecord:
    """What became, or would become, of one record of the source.

    `place` says where it is in the source, `status` its word there, `reason` why
    it is left out or failed. `on_hold` waits for a person.
    """

    place: str
    outcome: Outcome
    kind: Literal["task", "status", "run", "row"] = "task"
    source: str = ""
    title: str = ""
    path: str | None = None
    status: str = ""
    on_hold: bool = False
    attested: bool = False
    depends_on: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult(Result):
    """The whole import: each of `record_count` records is counted once in `counts`.

    `attested_count` were recorded as completed in the name of `attested_by`; `unattested_count` are
    done in the other tool and recorded nowhere here.
    """

    tool: Tool
    file: str
    dry_run: bool
    records: list[ImportedRecord]
    record_count: int
    counts: dict[Outcome, int]
    attested_count: int = 0
    unattested_count: int = 0
    attested_by: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def written(self) -> int:
        """How many records were, or would be, written."""
        return self.counts["imported"] + self.counts["changed"]


def count(records: Sequence[ImportedRecord]) -> dict[Outcome, int]:
    """Return how many records have each outcome."""
    found = Counter(record.outcome for record in records)
    outcomes: tuple[Outcome, ...] = ("imported", "changed", "present", "left_out", "failed")
    return {outcome: found[outcome] for outcome in outcomes}
