"""`runr workers`, `workers add`, and worker options in the header of a task."""

import json
import tomllib
from typing import Any

import pytest

from cli.terminal import Place

#: Stands for a `claude` that says what it is started with.
CLAUDE = """\
#!/bin/sh
case $1 in --version) echo "9.9.9 (Claude Code)"; exit 0 ;; esac
cat > /dev/null
printf '%s\\n' "$@" > said
"""


def program(place: Place, name: str, text: str = CLAUDE) -> dict[str, str]:
    """Put a program on PATH and return the environment in which it is there."""
    file = place.write(f"../bin/{name}", text)
    file.chmod(0o755)
    return {"PATH": f"{file.resolve().parent}:/usr/bin:/bin"}


def rows(place: Place, env: dict[str, str]) -> dict[str, dict[str, Any]]:
    found = place.runr("workers", "--json", env=env, code=0).json["workers"]
    return {row["name"]: row for row in found}


def test_each_worker_is_listed_with_program_version_and_login(place: Place) -> None:
    env = program(place, "claude")
    found = rows(place, env)
    claude = found["claude-code"]
    assert (claude["installed"], claude["version"]) == (True, "9.9.9 (Claude Code)")
    assert claude["path"] == str(place.root.parent / "bin/claude")
    assert claude["login"] == ""
    assert found["script"]["default"]
    assert found["codex"]["installed"] is False
    assert "npm install -g @openai/codex" in found["codex"]["next_steps"]
    assert rows(place, {**env, "ANTHROPIC_API_KEY": "sk-x"})["claude-code"]["login"] == (
        "ANTHROPIC_API_KEY"
    )
    place.write("../home/.claude/.credentials.json", "{}")
    home = {**env, "HOME": str(place.root.parent / "home")}
    assert rows(place, home)["claude-code"]["login"].endswith("/.credentials.json")
    shown = place.runr("workers", env=env, code=0).out
    assert "• claude-code  9.9.9 (Claude Code)" in shown
    assert "✗ codex" in shown
    assert "sk-x" not in place.runr("workers", env={**env, "ANTHROPIC_API_KEY": "sk-x"}).out


def test_doctor_ticks_a_worker_only_where_a_login_was_found(place: Place) -> None:
    place.config("[run]\nworker = 'claude-code'\n[phases]\nreview = 'codex'\n")
    env = {**program(place, "claude"), **program(place, "codex")}

    def shown(**more: str) -> list[str]:
        lines = place.runr("doctor", env={**env, **more}).out.splitlines()
        starts = [number for number, line in enumerate(lines) if " worker: " in line]
        return [line for start in starts for line in lines[start : start + 2]]

    claude, step, codex, other = shown()
    assert claude == "• worker: claude-code is installed, and no login was found"
    assert codex == "• worker: codex is installed, and no login was found"
    assert (step.strip(), other.strip()) == ("claude auth login", "codex login")
    listed = rows(place, env)
    assert listed["claude-code"]["next_steps"] == ["claude auth login"]
    assert listed["codex"]["next_steps"] == ["codex login"]
    assert "    claude auth login\n" in place.runr("workers", env=env).out
    found = shown(ANTHROPIC_API_KEY="sk-x")[0]
    assert found.startswith("✓ worker: claude-code, login found: ANTHROPIC_API_KEY (only a run ")
    place.write("../home/.claude/settings.json", '{"env": {"ANTHROPIC_AUTH_TOKEN": "x"}}')
    found = shown(HOME=str(place.root.parent / "home"))[0]
    assert "login found: ANTHROPIC_AUTH_TOKEN in " in found
    place.config(
        "[run]\nworker = 'claude-code'\n[workers.claude-code]\ncommand = ['claude', '-x']\n"
    )
    assert shown()[1].strip() == "claude -x auth login"


@pytest.mark.parametrize("phase", ["work", "review"])
def test_a_run_that_stops_without_a_login_says_how_to_log_in(place: Place, phase: str) -> None:
    env = program(
        place,
        "claude",
        '#!/bin/sh\ncat > /dev/null\necho \'{"type": "result", "subtype": "success", '
        '"is_error": true, "result": "Not logged in · Please run /login"}\'; exit 1\n',
    )
    place.config("[verify]\ntier1 = ['test -d .']\n[phases]\nreview = 'claude-code'\n")
    place.script("a.md", "echo a > a.txt", "worker: script" if phase == "review" else "")
    place.commit()
    stopped = place.runr("run", "--task", "a", env=env, code=7)
    assert "claude auth login" in stopped.out
    assert "claude auth login" in place.runr("report", env=env).out
    assert "claude auth login" in place.runr("task-status", "a", env=env).out


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# mine\n[run]\nworker='script'   # so\n",
        "[run]\nattempts = 1",
        "[run]\r\nattempts = 1\r\n",
        '[workers.other]\ncommand = ["x"]\n',
    ],
)
def test_a_worker_is_added_and_every_other_byte_stays(place: Place, before: str) -> None:
    file = place.root / ".runr/config.toml"
    file.write_bytes(before.encode())
    words = ["sh", "-c", "echo \"$1\" 'x' é\n", ""]
    added = place.runr("workers", "add", "my-agent", "--", *words, code=0)
    text = file.read_bytes().decode()
    assert text.startswith(before)
    assert tomllib.loads(text)["workers"]["my-agent"] == {"command": words}
    assert ("\r\n" in before) == (text.count("\r\n") == text.count("\n") != 0)
    assert place.paste(added.steps[0]).code == 0
    assert "✓ my-agent" in place.runr("workers", code=0).out
    again = place.runr("workers", "add", "my-agent", "--", "x", code=2)
    assert "already in" in again.err
    assert file.read_bytes().decode() == text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "a b", "--", "x"], "not a valid worker name"),
        (["add", "codex", "--", "x"], "own workers"),
        (["add", "mine"], "needs a program"),
        (["ad"], "unknown argument 'ad'"),
    ],
)
def test_what_cannot_be_added_is_refused(place: Place, words: list[str], message: str) -> None:
    before = place.read(".runr/config.toml")
    assert message in place.runr("workers", *words, code=2).err
    assert place.read(".runr/config.toml") == before


def test_an_inline_table_of_workers_is_not_broken(place: Place) -> None:
    before = 'workers = {other = {command = ["x"]}}\n'
    place.config(before)
    refused = place.runr("workers", "add", "mine", "--", "x", code=2)
    assert "cannot be added" in refused.err
    assert place.read(".runr/config.toml") == before


HEADER = """\
worker: claude-code
model: opus
permission_mode: dontAsk
allowed_tools: [Read, "Bash(git *)"]
budget_usd: 2.5
max_turns: 7
extra_args: [--effort, high]
"""


def settings(place: Place, *words: str) -> tuple[str, Any]:
    """Run task a to any end, and return what the program was given and the run's settings."""
    env = program(place, "claude")
    answer = place.runr("--json", "run", "--task", "a", *words, env=env).json
    run = answer.get("run", answer)
    said = place.root / ".runr/worktrees" / run["id"] / "said"
    given = said.read_text(encoding="utf-8") if said.exists() else ""
    return given, json.loads(place.read(f".runr/runs/{run['id']}/config.json"))


def test_a_task_asks_for_model_tools_turns_and_budget(place: Place) -> None:
    place.config('[run]\nattempts = 1\n[workers.claude-code]\nmodel = "sonnet"\nmax_turns = 60\n')
    place.task("a.md", HEADER)
    assert place.runr("list-tasks", "--json").json["tasks"][0]["problems"] == []
    given, kept = settings(place)
    said = given.replace("\n", " ")
    for words in (
        "--model opus",
        "--permission-mode dontAsk",
        "--allowedTools Read Bash(git *) ",
        "--max-turns 7",
        "--max-budget-usd 2.5",
        "--effort high",
    ):
        assert words in said
    assert kept["run"]["budget_usd"] == 2.5


def test_options_for_one_worker_are_not_passed_to_another(place: Place) -> None:
    place.config('[run]\nattempts = 1\nfallback = ["codex"]\n[workers.codex]\nmodel = "gpt"\n')
    place.task("a.md", HEADER)
    _, kept = settings(place, "--worker", "script")
    assert kept["workers"] == {"codex": kept["workers"]["codex"]}
    assert kept["workers"]["codex"]["model"] == "gpt"
    assert kept["run"]["budget_usd"] == 2.5


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("max_turns: many", "`max_turns` must be a whole number from 1, not `many`"),
        ("max_turns: 0", "`max_turns` must be a whole number from 1, not `0`"),
        ("budget_usd: -1", "`budget_usd` must be an amount in US dollars above 0, not `-1`"),
        ("budget_usd: inf", "`budget_usd` must be an amount in US dollars above 0"),
        ("model: [a]", "`model` is a list: write one value"),
        ("allowed_tools: {a: b}", "`allowed_tools` is a mapping: write a list or one text"),
        ("modle: opus", "did you mean `model`?"),
    ],
)
def test_an_option_that_does_not_fit_is_reported_with_its_line(
    place: Place, line: str, message: str
) -> None:
    place.task("a.md", line)
    (problem,) = place.runr("list-tasks", "--json").json["tasks"][0]["problems"]
    assert message in problem
    assert ":2:" in problem or "line 2" in problem


def test_a_run_starts_no_runs_unless_nested_is_set(place: Place) -> None:
    place.script("inner.md", "echo 1 > inner")
    place.script(
        "outer.md", "echo 1 > x; cd ../../..; c=0; runr run --task inner || c=$?; echo $c > ../code"
    )
    place.config('[run]\nworker = "script"\nattempts = 1\n[verify]\ntier1 = ["test -d ."]\n')
    place.commit()
    place.runr("run", "--task", "outer")
    assert (place.root.parent / "code").read_text(encoding="utf-8").strip() == "2"
    assert place.status("inner.md") is None
    place.config(
        '[run]\nworker = "script"\nattempts = 1\nnested = true\n[verify]\ntier1 = ["test -d ."]\n'
    )
    place.runr("run", "--task", "outer", "--force")
    assert (place.root.parent / "code").read_text(encoding="utf-8").strip() == "0"
    assert place.status("inner.md")["status"] == "completed"
