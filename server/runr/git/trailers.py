"""The trailers of a commit message that name a run. Pure."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from runr.text import flat, printable

RUN_ID = "Runr-Run-Id"
TASK = "Runr-Task"
CHECKPOINT = "Runr-Checkpoint"
VERIFIED = "Runr-Verified"
VERIFIED_TREE = "Runr-Verified-Tree"
WORKER = "Runr-Worker"
SESSION = "Runr-Session"
INTERVENTION = "Runr-Intervention"
REASON = "Runr-Reason"
RELAYED_BY = "Runr-Relayed-By"
RESET = "Runr-Reset"
ROLLBACK = "Runr-Rollback"
MILESTONE = "Runr-Milestone"

_SUBJECT = 72
_OWN = re.compile(r"(Runr-[A-Za-z-]+): (.*)")
_ANY = re.compile(r"[A-Za-z][A-Za-z0-9-]*: ")
_SQUASHED = "Squashed commit of the following:"
_COMMIT = re.compile(r"commit [0-9a-f]{40,64}")
# What git takes for an option, or for a comment when the message is edited later.
_MISREAD = tuple("-#;@!$%^&|:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailers:
    """The trailers of a checkpoint; `verified` names the tiers that passed.

    `verified_tree` is the tree that they passed on, in a clean checkout.
    `milestone` is `2/3` for the second of three parts.
    """

    run_id: str
    task: str
    worker: str
    verified: tuple[str, ...] = ()
    session: str | None = None
    checkpoint: bool = True
    milestone: str | None = None
    verified_tree: str | None = None

    def render(self) -> str:
        """Return one line each, the run id first."""
        pairs = (
            (RUN_ID, self.run_id),
            (TASK, self.task),
            (CHECKPOINT, "true" if self.checkpoint else None),
            (VERIFIED, ",".join(self.verified) or "none"),
            (VERIFIED_TREE, self.verified_tree),
            (WORKER, self.worker),
            (SESSION, self.session),
            (MILESTONE, self.milestone),
        )
        return _rendered(pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualTrailers:
    """The trailers of a commit of manual work, or of one that takes work back for a reset."""

    run_id: str
    reason: str
    task: str | None = None
    reset: bool = False
    relayed_by: str | None = None

    def render(self) -> str:
        """Return one line each, the run id first."""
        return _rendered(
            (
                (RUN_ID, self.run_id),
                (TASK, self.task),
                (RESET if self.reset else INTERVENTION, "true"),
                (REASON, self.reason),
                (RELAYED_BY, self.relayed_by),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackTrailers:
    """The trailers of a commit that takes back what a failed run had landed; `reason` is why."""

    run_id: str
    task: str
    reason: str

    def render(self) -> str:
        """Return one line each, the run id first."""
        first = ((RUN_ID, self.run_id), (TASK, self.task))
        return _rendered((*first, (ROLLBACK, "true"), (REASON, self.reason)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeTrailers:
    """The trailers of a merge commit that integrates a run's work."""

    run_id: str
    task: str

    def render(self) -> str:
        """Return one line each, the run id first."""
        return _rendered(((RUN_ID, self.run_id), (TASK, self.task)))


@dataclass(frozen=True, slots=True)
class Block:
    """The trailers that belong together; a squash commit carries several blocks."""

    pairs: tuple[tuple[str, str], ...]

    def all(self, key: str) -> tuple[str, ...]:
        """Return every value of `key`, in order."""
        return tuple(value for name, value in self.pairs if name == key)

    def get(self, key: str) -> str | None:
        """Return the first value of `key`."""
        return next(iter(self.all(key)), None)

    @property
    def checkpoint(self) -> bool:
        """Whether this is a run's own commit."""
        return "true" in self.all(CHECKPOINT)

    @property
    def reset(self) -> bool:
        """Whether a person takes work back with this commit."""
        return "true" in self.all(RESET)

    @property
    def takes_back(self) -> bool:
        """Whether this commit takes work back."""
        return self.reset or "true" in self.all(ROLLBACK)

    @property
    def partial(self) -> bool:
        """Whether further milestones of the same task were to follow this commit."""
        number, _, total = (self.get(MILESTONE) or "1/1").partition("/")
        return number != total

    @property
    def verified(self) -> tuple[str, ...]:
        """The tiers that passed."""
        names = (self.get(VERIFIED) or "none").split(",")
        return tuple(name.strip() for name in names if name.strip() not in {"", "none"})


AnyTrailers = Trailers | ManualTrailers | RollbackTrailers | MergeTrailers


def message(subject: str, body: str, trailers: AnyTrailers) -> str:
    """Return a commit message; nothing in `subject` or `body` can pass for a trailer."""
    parts = (_subject(subject), _body(body), trailers.render())
    return "\n\n".join(part for part in parts if part)


def parse_trailers(text: str) -> tuple[Block, ...]:
    """Return the blocks of a message, wherever they are in its body.

    git sees trailers in the last paragraph only, and a squash leaves most of
    them further up. A line that is quoted or indented is no trailer, except in
    the indented messages that `git merge --squash` collects.
    """
    blocks: list[list[tuple[str, str]]] = []
    apart = True
    for line in _lines(text)[1:]:
        found = _OWN.fullmatch(line)
        if found is None:
            apart = apart or not _ANY.match(line)
            continue
        key, value = found[1], _decode(found[2].strip())
        if not blocks or _begins(key, blocks[-1], apart=apart):
            blocks.append([])
        blocks[-1].append((key, value))
        apart = False
    return tuple(Block(tuple(pairs)) for pairs in blocks)


def _rendered(pairs: Iterable[tuple[str, str | None]]) -> str:
    return "".join(f"{key}: {_encode(value)}\n" for key, value in pairs if value is not None)


def _begins(key: str, current: list[tuple[str, str]], *, apart: bool) -> bool:
    if key == RUN_ID and any(name == RUN_ID for name, _ in current):
        return True
    return apart and key in {RUN_ID, TASK}


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.split("\n")]
    if _SQUASHED not in lines or not any(_COMMIT.fullmatch(line) for line in lines):
        return lines
    return [line.removeprefix("    ") for line in lines]


def _subject(text: str) -> str:
    line = flat(text) or "runr checkpoint"
    if line.startswith(_MISREAD):
        line = f"runr: {line}"
    return line if len(line) <= _SUBJECT else line[: _SUBJECT - 1].rstrip() + "…"


def _body(text: str) -> str:
    lines = (printable(line, keep="\t").rstrip() for line in text.split("\n"))
    return "\n".join(f"> {line}" if _OWN.match(line.lstrip()) else line for line in lines).strip()


def _encode(value: str) -> str:
    """Return `value` as one line; what a line cannot hold becomes a JSON string."""
    plain = value and value.isprintable() and value == value.strip() and value[0] != '"'
    return value if plain else json.dumps(value)


def _decode(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text
