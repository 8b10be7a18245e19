"""What each event teaches about a run. Pure."""

from collections.abc import Mapping
from typing import Any

from runr.runs.model import Approval, CheckResult, Event, Phase, RunState

_JUDGED = ("passed", "failed", "none", "skipped")


#: What a session run turns out to have used, once its session has ended.
_USE = ("cost_usd", "input_tokens", "output_tokens", "turns")


def started(state: RunState, event: Event) -> dict[str, object]:
    """Return what changes when a phase begins."""
    facts = event.payload
    phase = Phase(facts["phase"])
    attempt = facts.get("attempt", state.attempt)
    learned: dict[str, object] = {
        "phase": phase,
        "open": True,
        "outcome": None,
        "attempt": attempt,
    }
    if phase is Phase.VERIFY:
        learned |= {"checks": (), "violations": (), "verification": "none", "detail": None}
    elif phase is Phase.WORK:
        learned |= {"rejected": False, "unsettled": 0}
        if state.phase is Phase.CHECKPOINT:
            # The next milestone: attempts, reviews and words for the last one do not count.
            learned |= {"first_attempt": attempt, "asked": (), "worded": False}
    return learned


def finished(state: RunState, event: Event) -> dict[str, object]:
    """Return what changes when a phase ends."""
    facts = event.payload
    phase, outcome = Phase(facts["phase"]), facts["outcome"]
    learned: dict[str, object] = {
        "phase": phase,
        "open": False,
        "outcome": outcome,
        "redone": False,
        "detail": facts.get("detail") or state.detail,
    }
    match phase:
        case Phase.PLAN:
            learned |= _used(state, facts) | _planned(outcome, facts)
        case Phase.WORK:
            learned |= _used(state, facts) | _worked(state, facts)
        case Phase.VERIFY:
            learned |= _verified(state, outcome, facts)
        case Phase.REVIEW:
            learned |= _used(state, facts) | _reviewed(state, outcome, facts)
        case Phase.CHECKPOINT:
            learned |= _committed(state, outcome, facts)
        case Phase.INTEGRATE if outcome == "ok":
            learned |= {
                "integration": facts["how"],
                "integrated_sha": facts.get("sha"),
                "bring_in": facts.get("command"),
            }
        case _:
            pass
    return learned


def approved(_: RunState, event: Event) -> dict[str, object]:
    """Return what a person's word for the work changes."""
    word = Approval.model_validate(event.payload)
    return {"approval": word, "worded": True, "rejected": False}


def rejected(state: RunState, event: Event) -> dict[str, object]:
    """Return what a person's word against the work changes; a resume begins another attempt."""
    word = Approval.model_validate(event.payload)
    stop = "rejected" if state.ended == "stopped" else state.stop
    return {"rejection": word, "rejected": True, "worded": False, "stop": stop}


def stopped(_: RunState, event: Event) -> dict[str, object]:
    """Return what changes when the run stops."""
    return {
        "ended": "stopped",
        "ended_at": event.time,
        "stop": event.payload["code"],
        "detail": event.payload.get("detail") or None,
    }


def completed(_: RunState, event: Event) -> dict[str, object]:
    """Return what changes when the run is completed."""
    return {"ended": "completed", "ended_at": event.time, "open": False}


def joined(state: RunState, event: Event) -> dict[str, object]:
    """Return what changes when another session takes the run up."""
    session = event.payload["session_id"]
    return {"sessions": (*(one for one in state.sessions if one != session), session)}


def settled(_: RunState, event: Event) -> dict[str, object]:
    """Return what sessions turn out to have used until the run's end."""
    used = {key: event.payload[key] for key in _USE}
    return used | {"settled_until": event.payload.get("until")}


def _used(state: RunState, facts: Mapping[str, Any]) -> dict[str, object]:
    cost = facts.get("cost_usd")
    return {
        "cost_usd": state.cost_usd if cost is None else (state.cost_usd or 0.0) + cost,
        "input_tokens": state.input_tokens + facts.get("input_tokens", 0),
        "output_tokens": state.output_tokens + facts.get("output_tokens", 0),
        "turns": state.turns + facts.get("turns", 0),
    }


def _planned(outcome: str, facts: Mapping[str, Any]) -> dict[str, object]:
    if outcome != "ok":
        return {"violations": tuple(facts.get("violations", ()))}
    return {"milestones": tuple(facts.get("milestones", ())), "violations": ()}


def _worked(state: RunState, facts: Mapping[str, Any]) -> dict[str, object]:
    session = facts.get("session_id")
    known = (*state.sessions, session) if session else state.sessions
    return {
        "sessions": tuple(dict.fromkeys(known)),
        "worker": facts.get("worker") or state.worker,
        "denied": tuple(facts.get("denied", ())),
        "words": facts.get("summary", ""),
    }


def _verified(state: RunState, outcome: str, facts: Mapping[str, Any]) -> dict[str, object]:
    return {
        "verification": outcome if outcome in _JUDGED else "none",
        "checks": tuple(CheckResult.model_validate(check) for check in facts["checks"]),
        "violations": tuple(facts.get("violations", ())),
        "judged": state.attempt,
        "tree": facts.get("tree"),
    }


def _reviewed(state: RunState, outcome: str, facts: Mapping[str, Any]) -> dict[str, object]:
    learned: dict[str, object] = {"violations": tuple(facts.get("violations", ()))}
    if outcome == "ok":
        learned |= {"reviewed_by": facts.get("reviewer")}
    elif outcome == "changes":
        learned |= {"asked": (*state.asked, facts.get("asked", ""))}
    return learned


def _committed(state: RunState, outcome: str, facts: Mapping[str, Any]) -> dict[str, object]:
    if outcome == "altered":
        return {"unsettled": state.unsettled + 1}
    if outcome != "ok":
        return {}
    return {
        "checkpoint_sha": facts["sha"],
        "checkpoints": tuple(dict.fromkeys((*state.checkpoints, facts["sha"]))),
        "changed": facts["changed"],
        "left_dirty": tuple(facts.get("left_dirty", ())),
    }
