"""What the earlier TypeScript runr left: its status file and its settings."""

from typing import Any

#: Found in every status file of the earlier tool, never in one of ours.
MARK = b'"last_updated_at"'

_RENAMED = {
    "last_updated_at": "updated_at",
    "last_checkpoint_sha": "checkpoint_sha",
    "last_stop_reason": "stop_reason",
    "last_error_summary": "stop_detail",
}


def upgrade(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the earlier tool's status file in today's shape; today's entries pass unchanged."""
    return {**raw, "tasks": {path: entry(old) for path, old in raw["tasks"].items()}}


def entry(old: dict[str, Any]) -> dict[str, Any]:
    """Return one task's entry in today's shape."""
    if "last_updated_at" not in old:
        return old
    new = {_RENAMED.get(key, key): value for key, value in old.items()}
    run = old.get("last_run_id")
    new |= {"revision": 1, "run_count": 0 if run in (None, "manual") else 1}
    if old.get("status") != "completed":
        return new
    new["completed_at"] = old["last_updated_at"]
    if run == "manual":
        word = {"completed_by": "person:unknown", "evidence": "attested", "last_run_id": None}
        return new | word | {"reason": "marked by the earlier runr"}
    # It counted checks that ran out of time, or were missing, as passed: no more than a hint.
    return new | {"completed_by": f"run:{run}", "evidence": "inferred"}


def settings(old: dict[str, Any]) -> dict[str, Any]:
    """Return the earlier tool's `runr.config.json` as tables of `config.toml`."""
    verification = _table(old, "verification")
    names = ("tier0", "tier1", "tier2")
    tiers = {tier: verification[tier] for tier in names if tier in verification}
    deny = _table(old, "scope").get("denylist")
    worker = {"claude": "claude-code"}.get(str(_table(old, "phases").get("implement")))
    return {
        "verify": tiers,
        "scope": {"deny": deny} if isinstance(deny, list) else {},
        "run": {"worker": worker} if worker else {},
    }


def _table(old: dict[str, Any], key: str) -> dict[str, Any]:
    found = old.get(key)
    return found if isinstance(found, dict) else {}
