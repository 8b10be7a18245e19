"""Which tasks are meant: the same few words on every command, and one line that holds them all.

Pure.

    query = term*                              every term must hold
    term  = ["-"] [word ":"] value ("," value)*    "-": must not hold; ",": either
    value = text without blanks, or "quoted text"

Without a word, the text is looked for in the task's path and title.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from runr.errors import UsageError
from runr.query.task_state import TaskState
from runr.scope.patterns import matches
from runr.status.model import Evidence, State
from runr.tasks.model import TaskType
from runr.tasks.names import TASKS
from runr.text import closest_match, parse_moment

Predicate = Callable[[TaskState], bool]

#: What `is:` can ask for; each has an option of its own.
TRAITS: Mapping[str, Predicate] = {
    "ready": lambda task: task.ready,
    "blocked": lambda task: bool(task.blocked_by),
    "stale": lambda task: task.stale,
    "waiting": lambda task: task.needs_human,
    "open": lambda task: task.open,
    "unmerged": lambda task: task.unmerged,
    "orphaned": lambda task: task.orphaned,
}

#: The words with the values that they may have; None for any text.
WORDS: Mapping[str, Sequence[str] | None] = {
    "status": [state.value for state in State],
    "evidence": [evidence.value for evidence in Evidence],
    "type": [kind.value for kind in TaskType],
    "tag": None,
    "is": list(TRAITS),
    "since": None,
    "worker": None,
    "path": None,
    "search": None,
}

#: A task has one of these, so that two terms can only contradict each other.
_SINGLE = ("status", "evidence", "type")

_TIMES = "write yesterday, today, how long ago (90m, 2d), a day (2025-01-08) or a time"
#: A time is read when a filter is made, too, to refuse what is none.
_SOME_DAY = datetime(2025, 1, 8, tzinfo=UTC)

_QUOTED = r'"[^"]*"|\'[^\']*\''
_TOKEN = rf"(?:{_QUOTED}|[^\s\"'])+|[\"']"
_WORD = r"([A-Za-z_]+):"
_VALUE = rf"(?:{_QUOTED}|[^,])+"


class Term(NamedTuple):
    """One condition: any of the values, or with `negated` none of them."""

    word: str
    values: tuple[str, ...]
    negated: bool = False


class Filter(NamedTuple):
    """Conditions that must all hold; without any, every task is meant."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __and__(self, other: "Filter") -> "Filter":
        terms = (*self.terms, *other.terms)
        _refuse_contradiction(terms)
        return Filter(terms)

    def asks(self, word: str) -> bool:
        """Tell whether a condition is about `word`, or about the trait of that name."""
        return any(word == term.word or word in term.values for term in self.terms)

    def predicate(self, *, now: datetime, worker: str) -> Predicate:
        """Return the test for one task; `worker` is that of tasks which name none.

        Days begin at midnight in the time zone of `now`.
        """
        tests = [(_test(term, now, worker), term.negated) for term in self.terms]
        return lambda task: all(test(task) is not negated for test, negated in tests)


MATCH_ALL = Filter()


def parse_filter(query: str = "", **words: str | bool | Sequence[str] | None) -> Filter:
    """Return the filter for a query and for options by name, such as `status=("failed",)`.

    Several values of one option mean either. Raises UsageError with the near match.
    """
    terms = [*_terms(query)]
    for word, given in words.items():
        if word in TRAITS:
            terms += [Term("is", (word,))] if given else []
        elif isinstance(given, str):
            terms.append(_term(word, (given,)))
        elif given and not isinstance(given, bool):
            terms.append(_term(word, given))
    _refuse_contradiction(terms)
    return Filter(tuple(terms))


def _terms(query: str) -> Iterable[Term]:
    for piece in re.findall(_TOKEN, query) if query else ():
        if piece in ("'", '"'):
            raise UsageError(f"a quote {piece} in {query!r} is never closed")
        negated = piece.startswith("-") and piece != "-"
        plain = piece[1:] if negated else piece
        named = re.match(_WORD, plain)
        word, text = (named[1].lower(), plain[named.end() :]) if named else ("search", plain)
        if word not in WORDS:
            near = closest_match(word, WORDS)
            offer = f"did you mean {near}:?" if near else f"the words are {', '.join(WORDS)}"
            raise UsageError(
                f"there is no filter {word}: in {query!r}; {offer}",
                next_steps=[f'text with a colon needs quotes: "{plain}"'],
            )
        values = [text] if word == "search" else re.findall(_VALUE, text)
        yield _term(word, [_unquoted(value) for value in values], negated=negated)


def _term(word: str, values: Sequence[str], *, negated: bool = False) -> Term:
    kept = tuple(value.strip() for value in values)
    if not kept or not all(kept):
        raise UsageError(f"the filter {word} needs a value")
    known = WORDS[word]
    for value in kept if known else ():
        if value not in (known or ()):
            near = closest_match(value, known or ())
            offer = f"did you mean {near}?" if near else f"write one of {', '.join(known or ())}"
            raise UsageError(f"{word} cannot be {value!r}: {offer}")
    if word == "since":
        _moment(kept[0], _SOME_DAY)
    return Term(word, kept, negated)


def _unquoted(text: str) -> str:
    return re.sub(_QUOTED, lambda quoted: quoted[0][1:-1], text)


def _refuse_contradiction(terms: Sequence[Term]) -> None:
    for word in _SINGLE:
        asked = [term.values for term in terms if term.word == word and not term.negated]
        if len(asked) > 1 and not set(asked[0]).intersection(*asked[1:]):
            values = ",".join(value for values in asked for value in values)
            raise UsageError(
                f"no task has two values of {word}", next_steps=[f"for either: {word}:{values}"]
            )


_FACTS: Mapping[str, Callable[[TaskState], str | None]] = {
    "status": lambda task: task.entry.status,
    # What was stopped since is no completion.
    "evidence": lambda task: task.entry.evidence if task.entry.status is State.COMPLETED else None,
    "type": lambda task: task.task.type,
}


def _test(term: Term, now: datetime, worker: str) -> Predicate:
    values = term.values
    match term.word:
        case "status" | "evidence" | "type":
            fact = _FACTS[term.word]
            return lambda task: fact(task) in values
        case "tag":
            tags = {value.casefold() for value in values}
            return lambda task: any(tag.casefold() in tags for tag in task.task.tags)
        case "is":
            traits = [TRAITS[value] for value in values]
            return lambda task: any(trait(task) for trait in traits)
        case "since":
            begin = _moment(values[0], now).astimezone(UTC).replace(tzinfo=None)
            earliest = begin.isoformat(timespec="seconds")
            return lambda task: (task.entry.updated_at or "") >= earliest
        case "worker":
            return lambda task: _worker(task, worker) in values
        case "path":
            patterns = tuple(form for value in values for form in _forms(value))
            return lambda task: matches(task.path, patterns)
        case _:
            texts = [value.casefold() for value in values]
            return lambda task: any(text in _described(task) for text in texts)


def _worker(task_state: TaskState, usual: str) -> str:
    manual = task_state.task.type is TaskType.MANUAL
    return "person" if manual else task_state.task.worker or usual


def _described(task_state: TaskState) -> str:
    return f"{task_state.task.name}\n{task_state.path}\n{task_state.task.title}".casefold()


def _forms(pattern: str) -> tuple[str, str]:
    """Return the repository paths that a folder, file or pattern of tasks matches."""
    below = pattern.removeprefix("./").removeprefix(TASKS).removesuffix(".md")
    anywhere = "**/" if "/" not in below and set(below) & set("*?") else ""
    return (f"{TASKS}{anywhere}{below}", f"{TASKS}{anywhere}{below}.md")


def _moment(text: str, now: datetime) -> datetime:
    """Return the moment that `text` means in the time zone of `now`; UsageError for none."""
    try:
        return parse_moment(text, now)
    except ValueError:
        raise UsageError(f"since cannot be {text!r}: {_TIMES}") from None
