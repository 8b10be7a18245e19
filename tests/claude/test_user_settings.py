"""How the user's own settings of Claude Code reach a model reaches the worker, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from claude.claude_place import ClaudePlace
from claude.test_failures import GOOD
from fakes.model_api import FakeModel
from runr.workers.claude_code import ClaudeCode

_KEY = "sk-ant-api03-of-the-user-0123456789"


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> ClaudePlace:
    return ClaudePlace(tmp_path, claude_path)


def settings(place: ClaudePlace, **keys: Any) -> None:
    """Write the settings of the user."""
    path = place.home / ".claude" / "settings.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(keys), encoding="utf-8")


def environment(place: ClaudePlace, model: FakeModel) -> tuple[dict[str, str], dict[str, str]]:
    """Return an environment without a way to the model, and the variables that lead there."""
    whole = place.environment(model, CLAUDE_CONFIG_DIR=str(place.home / ".claude"))
    way = {"ANTHROPIC_BASE_URL": whole.pop("ANTHROPIC_BASE_URL")}
    whole.pop("ANTHROPIC_API_KEY", None)
    return whole, way


@pytest.mark.parametrize("where", ["env", "apiKeyHelper"])
def test_a_login_in_the_users_own_settings_reaches_the_worker(
    place: ClaudePlace, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    touched = place.home / "hook-was-run"
    hooks = {"SessionStart": [{"hooks": [{"type": "command", "command": f"touch {touched}"}]}]}
    with FakeModel(GOOD) as model:
        whole, way = environment(place, model)
        if where == "env":
            settings(place, env=way | {"ANTHROPIC_API_KEY": _KEY}, hooks=hooks)
        else:
            settings(place, env=way, apiKeyHelper=f"echo {_KEY}", hooks=hooks)
        assert "settings.json" in ClaudeCode().login_state(whole)
        monkeypatch.setattr(ClaudePlace, "environment", lambda *_, **__: whole)
        done = place.runr("run", "--task", "foo.md")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(model.main_requests()) == 2
    assert not touched.exists()
    for file in (place.root / ".runr" / "runs").rglob("*"):
        assert not file.is_file() or _KEY not in file.read_text("utf-8", errors="replace")
