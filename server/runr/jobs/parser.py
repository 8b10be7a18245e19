"""A job file, read into a job; also the tracks file of the earlier TypeScript tool. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from runr.jobs import fields, model, schedules
from runr.jobs.fields import FieldError, Reader
from runr.jobs.model import ALL_READY, Job, Limits, Retries, Step, Track
from runr.tasks.frontmatter import Located, read_file
from runr.tasks.model import Problem
from runr.text import closest_match

#: key → field of the step and reader of its value
_STEP: Mapping[str, tuple[str, Reader]] = {
    "depends_on": ("depends_on", fields.texts),
    "timeout": ("timeout_s", fields.duration),
    "when": ("when", fields.choice(model.WHEN)),
    "owns": ("owns", fields.texts),
    "allowlist": ("owns", fields.texts),
}
_STEP_KEYS = ("task", "tasks", "path", "name", "worker", "workers", "retries", *_STEP)

_RETRIES: Mapping[str, tuple[str, Reader]] = {
    "times": ("times", fields.whole),
    "backoff": ("backoff", fields.choice(model.GROWTH)),
    "wait": ("wait_s", fields.duration),
    "max_wait": ("max_wait_s", fields.duration),
    "jitter": ("jitter", fields.fraction),
}

_LIMITS: Mapping[str, tuple[str, Reader]] = {
    "time": ("time_s", fields.positive_duration),
    "budget_usd": ("budget_usd", fields.amount),
    "max_tokens": ("max_tokens", fields.positive),
    "until": ("until", fields.clock),
}

_JOB: Mapping[str, tuple[str, Reader]] = {
    "name": ("name", fields.text),
    "description": ("description", fields.text),
    "max_parallel": ("max_parallel", fields.positive),
    "on_manual": ("on_manual", fields.choice(model.ON_MANUAL)),
    "on_failure": ("on_failure", fields.choice(model.ON_FAILURE)),
    "on_base_failure": ("on_base_failure", fields.choice(model.ON_BASE_FAILURE)),
    "collision": ("collision", fields.choice(model.COLLISION)),
    "land": ("land", fields.choice(model.LANDING)),
    "target": ("target", fields.text),
    "on_usage_limit": ("on_usage_limit", fields.choice(model.ON_USAGE_LIMIT)),
    "wait_at_most": ("wait_at_most_s", fields.duration),
    "schedule": ("schedule", fields.schedule),
    "time_zone": ("time_zone", fields.time_zone),
    "missed": ("missed", fields.choice(schedules.MISSED)),
}
#: The keys of a job file, in the order of its documentation.
JOB_KEYS = (*_JOB, "limits", "tracks")
_TRACK_KEYS = ("name", "id", "steps", "tasks")


def parse_job(text: str, name: str) -> Job | Problem:
    """Return the job that a file describes, or its first problem; `name` is that of the file."""
    found = read_file(text)
    if isinstance(found, Problem):
        return found
    try:
        return _job(found, name)
    except FieldError as error:
        return Problem(code="job", message=error.message, line=error.line)


def _job(found: Located, name: str) -> Job:
    keys = fields.mapping(found, JOB_KEYS, "a job")
    if "tracks" not in keys:
        raise FieldError("a job needs `tracks`", found.line)
    known: dict[str, Any] = {"name": name, **fields.values(keys, _JOB)}
    if "limits" in keys:
        inner = fields.mapping(keys["limits"], tuple(_LIMITS), "limits")
        known["limits"] = Limits(**fields.values(inner, _LIMITS))
    tracks = tuple(_linked(_placed(keys["tracks"])))
    if not tracks:
        raise FieldError("a job needs a track with a step", keys["tracks"].line)
    return Job(**known, tracks=tracks)


def line_of(text: str, step: str, word: str) -> int | None:
    """Return the line of a word of a step in a job file that can be read, else that of the step."""
    found = read_file(text)
    if isinstance(found, Problem) or not isinstance(found.value, Mapping):
        return None
    placed = (
        located
        for track, parts in _placed(found.value["tracks"])
        for each, located in zip(track.steps, parts, strict=True)
        if each.name == step
    )
    return next((_line_in(located, word) or located.line for located in placed), None)


def _line_in(found: Located, word: str) -> int | None:
    if isinstance(found.value, str):
        return found.line if found.value.strip() == word else None
    inner = found.value.values() if isinstance(found.value, Mapping) else found.value or ()
    return next((line for each in inner if (line := _line_in(each, word))), None)


def _placed(found: Located) -> list[tuple[Track, tuple[Located, ...]]]:
    """Return the tracks, in which each step is called by its track: `api/2`, and their steps."""
    seen: dict[str, int] = {}
    placed: list[tuple[Track, tuple[Located, ...]]] = []
    for number, (given, keys, line) in enumerate(_named(found), 1):
        name = given or f"track-{number}"
        if name in seen:
            raise FieldError(f"the track {name!r} occurs twice, first on line {seen[name]}", line)
        seen[name] = line
        listed = keys.get("steps") or keys.get("tasks")
        if listed is None:
            raise FieldError(f"the track {name!r} needs `steps`", line)
        located = fields.items(listed, "`steps`")
        steps = tuple(_step(step, name, at) for at, step in enumerate(located, 1))
        placed.append((Track(name, steps), located))
    return placed


def _named(found: Located) -> Iterator[tuple[str, Mapping[str, Located], int]]:
    """Yield name, keys and line of each track; tracks are a list, or a mapping by name."""
    if isinstance(found.value, Mapping):
        for name, track in found.value.items():
            if isinstance(track.value, tuple):
                yield name, {"steps": track}, track.line
            else:
                yield name, fields.mapping(track, _TRACK_KEYS, "a track"), track.line
        return
    for track in fields.items(found, "`tracks`"):
        keys = fields.mapping(track, _TRACK_KEYS, "a track")
        given = keys.get("name") or keys.get("id")
        yield fields.text(given) if given else "", keys, track.line


def _step(found: Located, track: str, number: int) -> Step:
    if isinstance(found.value, str):
        return Step(f"{track}/{number}", tasks=(fields.text(found),))
    keys = fields.mapping(found, _STEP_KEYS, "a step")
    name = fields.text(keys["name"]) if "name" in keys else str(number)
    known = fields.values(keys, _STEP)
    tasks, select = _selection(keys, found.line)
    worker = keys.get("workers") or keys.get("worker")
    return Step(
        f"{track}/{name}",
        tasks=tasks,
        select=select,
        workers=fields.texts(worker) if worker else (),
        retries=_retries(keys["retries"]) if "retries" in keys else Retries(),
        **known,
    )


def _selection(keys: Mapping[str, Located], line: int) -> tuple[tuple[str, ...], str | None]:
    """Return the names of a step's tasks, or what selects them."""
    single = keys.get("task") or keys.get("path")
    several = keys.get("tasks")
    if single and several:
        raise FieldError("a step has `task` or `tasks`, not both", several.line)
    if single:
        return (fields.text(single),), None
    if several is None:
        raise FieldError("a step needs `task` or `tasks`", line)
    if isinstance(several.value, str) and (several.value == ALL_READY or ":" in several.value):
        return (), fields.text(several)
    return fields.texts(several), None


def _retries(found: Located) -> Retries:
    if isinstance(found.value, str):
        return Retries(times=fields.whole(found))
    keys = fields.mapping(found, tuple(_RETRIES), "retries")
    return Retries(**fields.values(keys, _RETRIES))


def _linked(placed: list[tuple[Track, tuple[Located, ...]]]) -> Iterator[Track]:
    """Yield the tracks with whole names in `depends_on`; FieldError for a step there is not."""
    known: dict[str, int] = {}
    for track, parts in placed:
        for step, located in zip(track.steps, parts, strict=True):
            if step.name in known:
                first = f"first on line {known[step.name]}"
                raise FieldError(f"the step {step.name!r} occurs twice, {first}", located.line)
            known[step.name] = located.line
    for track, parts in placed:
        steps = []
        for step, located in zip(track.steps, parts, strict=True):
            asked = [(name, _asked_on(located, name)) for name in step.depends_on]
            needs = tuple(_resolved(name, track.name, known, line) for name, line in asked)
            steps.append(step._replace(depends_on=needs))
        yield Track(track.name, tuple(steps))


def _asked_on(step: Located, name: str) -> int:
    """Return the line on which a step names one that comes first."""
    keys = step.value if isinstance(step.value, Mapping) else {}
    listed = keys.get("depends_on", step)
    return _line_in(listed, name) or listed.line


def _resolved(name: str, track: str, known: Collection[str], line: int) -> str:
    """Return the whole name of a step: of this track, of another, or the last of a whole track."""
    for full in (f"{track}/{name}", name):
        if full in known:
            return full
    of_track = [step for step in known if step.startswith(f"{name}/")]
    if of_track:
        return of_track[-1]
    # By their last part, too, those of this track before others that are called the same.
    own_last = sorted(known, key=lambda step: step.startswith(f"{track}/"))
    tracks = {name: name for name in (step.split("/", 1)[0] for step in known)}
    whole = tracks | {step.split("/", 1)[1]: step for step in own_last}
    whole |= {step: step for step in known}
    near = closest_match(name, whole)
    offer = f"; did you mean {whole[near]!r}?" if near else ""
    raise FieldError(f"depends_on: there is no step {name!r}{offer}", line)
