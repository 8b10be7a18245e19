import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from runr.config import loader
from runr.config.settings import Config
from runr.errors import ConfigError, DamagedStateError, ExitCode
from runr.storage.layout import Layout
from runr.text import parse_duration


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / ".runr").mkdir()
    return Layout(tmp_path)


def refusal(layout: Layout, content: str | bytes) -> str:
    """Write the settings and return the error that reading them ends with."""
    data = content.encode() if isinstance(content, str) else content
    layout.config.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        loader.load(layout)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "\n" not in caught.value.message
    name, _, rest = caught.value.message.partition(".runr/config.toml")
    assert name == ""
    return rest


def test_without_a_file_every_key_has_its_default(layout: Layout) -> None:
    config = loader.load(layout)
    assert config == Config()
    assert (config.run.worker, config.run.attempts, config.run.timeout) == ("claude-code", 3, 2700)
    assert (config.verify.tier, config.verify.timeout, config.verify.tier1) == ("tier1", 600, ())
    assert config.scope.deny == ()
    assert config.worker("claude-code").permission_mode == "acceptEdits"
    layout.config.touch()
    assert loader.load(layout) == config


def test_what_is_not_set_is_as_documented(layout: Layout) -> None:
    run = loader.load(layout).run
    limits = {
        run.timeout: "45m",
        run.total_timeout: "4h",
        run.stall_timeout: "15m",
        run.backoff_max_wait: "30m",
        run.usage_limit_max_wait: "6h",
        run.session_idle_timeout: "12h",
    }
    assert {seconds: parse_duration(text) for seconds, text in limits.items()} == {
        seconds: seconds for seconds in limits
    }
    config = loader.load(layout)
    off = (run.nested, config.provenance.enforce, config.status.write_frontmatter)
    on = (config.provenance.inject, config.worker("mine").resume)
    assert (off, on) == ((False,) * 3, (True,) * 2)
    assert not config.status.shared


def test_every_setting_is_read_as_written(layout: Layout) -> None:
    layout.config.write_text(
        """
[run]
worker = "mine"
attempts = 5
timeout = "1h30m"

[verify]
tier0 = ["ruff check ."]
tier1 = ["pytest -q"]
tier2 = ["make slow"]
tier = "tier2"
timeout = 90

[scope]
deny = ["secrets/"]

[workers.mine]
command = ["sh", "-c", "true"]
model = "m"
permission_mode = "plan"
allowed_tools = ["Read"]
budget_usd = 2
max_turns = 7
extra_args = ["--verbose"]
""",
        encoding="utf-8",
    )
    config = loader.load(layout)
    assert config.model_dump(exclude_unset=True) == {
        "run": {"worker": "mine", "attempts": 5, "timeout": 5400},
        "verify": {
            "tier0": ("ruff check .",),
            "tier1": ("pytest -q",),
            "tier2": ("make slow",),
            "tier": "tier2",
            "timeout": 90,
        },
        "scope": {"deny": ("secrets/",)},
        "workers": {
            "mine": {
                "command": ("sh", "-c", "true"),
                "model": "m",
                "permission_mode": "plan",
                "allowed_tools": ("Read",),
                "budget_usd": 2.0,
                "max_turns": 7,
                "extra_args": ("--verbose",),
            }
        },
    }
    assert config.worker("mine").model == "m"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[run]\nworker = "a\n', 2),
        ("[run\n", 1),
        ("[run]\n\n[run]\n", 3),
        ("[run]\nattempts = 1\nattempts = 2\n", 3),
        ("attempts: 3\n", 1),
        ("[verify]\ntier1 = [", 2),
    ],
)
def test_invalid_toml_is_refused_with_its_line(layout: Layout, text: str, line: int) -> None:
    assert refusal(layout, text).startswith(f":{line}: not valid TOML: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[runs]", "unknown key `runs`; did you mean `run`?"),
        ("worker = 'x'", "unknown key `worker`; did you mean `workers`?"),
        ("[xyz]", "unknown key `xyz`; known keys: attest, hooks, phases, provenance, run, scope, "),
        ("[run]\nworkr = 'x'", "unknown key `run.workr`; did you mean `worker`?"),
        ("[run]\nxyz = 1", "unknown key `run.xyz`; known keys: attempts, "),
        (
            "[hooks]\npost_run = []",
            "unknown key `hooks.post_run`; did you mean `pre_run`?",
        ),
        (
            "[hooks]\non_failure = [{ webhok = 'x' }]",
            "unknown key `hooks.on_failure.0.webhok`; did you mean `webhook`?",
        ),
        ("[verify]\nteir1 = []", "unknown key `verify.teir1`; did you mean `tier1`?"),
        ("[scope]\ndenied = []", "unknown key `scope.denied`; did you mean `deny`?"),
        (
            "[workers.claude-code]\nmodle = 'x'",
            "unknown key `workers.claude-code.modle`; did you mean `model`?",
        ),
        (
            "[workers.command]\ncomand = ['x']",
            "unknown key `workers.command.comand`; did you mean `command`?",
        ),
        ("[workers.model]\nmodle = 'x'", "unknown key `workers.model.modle`; did you mean `model`"),
        ("[workers.run]\nxyz = 1", "unknown key `workers.run.xyz`; known keys: allowed_tools, "),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    layout: Layout, text: str, message: str
) -> None:
    line = len(text.splitlines())
    assert refusal(layout, text).startswith(f":{line}: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run = 3", "run: write a table"),
        ("workers = []", "workers: write a table"),
        ("[workers]\nmine = 3", "workers.mine: write a table"),
        ("[hooks]\npre_run = [' ']", "hooks.pre_run.command, entry 1: write a command that is"),
        ("[hooks]\npost_job = [{}]", "hooks.post_job, entry 1: a hook has exactly one target"),
        (
            "[hooks]\npre_run = [{ webhook = 'https://x' }]",
            "hooks.pre_run: a webhook cannot refuse anything: write a command",
        ),
        (
            "[hooks]\npost_job = [{ webhook = 'https://[q7Zp2LmX9s' }]",
            "hooks.post_job.webhook, entry 1: write an http or https URL with a valid host",
        ),
        (
            "[hooks]\npost_job = [{ webhook = 'file:///etc/passwd' }]",
            "hooks.post_job.webhook, entry 1: write an http or https URL with a valid host",
        ),
        (
            "[hooks]\npost_job = [{ desktop = true, timeout = '99d' }]",
            "hooks.post_job.timeout, entry 1: write a number that is at most 86400",
        ),
        (
            "[hooks]\npost_job = [{ rollback = 'restore' }]",
            "hooks.post_job: only a run that has failed is rolled back: write it under on_failure",
        ),
        ("[run]\nworker = 3", "run.worker: write a text, in quotes"),
        ("[run]\nattempts = 'many'", "run.attempts: write a whole number, without quotes"),
        ("[run]\nattempts = '3'", "run.attempts: write a whole number, without quotes"),
        ("[run]\nattempts = true", "run.attempts: write a whole number, without quotes"),
        ("[run]\nattempts = 3.0", "run.attempts: write a whole number"),
        ("[run]\nattempts = 0", "run.attempts: write a number that is at least 1"),
        ("[run]\nattempts = 21", "run.attempts: write a number that is at most 20"),
        ("[run]\nnested = 'yes'", "run.nested: write true or false, without quotes"),
        ("[run]\nnested = 1", "run.nested: write true or false, without quotes"),
        ("[run]\nbudget_usd = true", "run.budget_usd: write a number, without quotes"),
        ("[run]\nbudget_usd = '1'", "run.budget_usd: write a number, without quotes"),
        ("[run]\nbudget_usd = inf", "run.budget_usd: write a finite number"),
        ("[run]\ntimeout = 'soon'", "run.timeout: 'soon' is not a duration: write "),
        ("[run]\ntimeout = true", "run.timeout: true is not a duration: write "),
        ("[run]\ntimeout = 1.5", "run.timeout: 1.5 is not a duration: write "),
        ("[run]\ntimeout = 0", "run.timeout: write a number greater than 0"),
        ("[run]\ntimeout = -5", "run.timeout: write a number greater than 0"),
        ("[verify]\ntimeout = '0s'", "verify.timeout: write a number greater than 0"),
        ("[verify]\ntier1 = 'pytest'", "verify.tier1: write a list of texts, in brackets"),
        ("[verify]\ntier1 = [3]", "verify.tier1, entry 1: write a text, in quotes"),
        # An empty command would pass.
        ("[verify]\ntier1 = ['a', ' ']", "verify.tier1, entry 2: write a text that is not empty"),
        ("[verify]\ncarry = ['a', '..']", "verify.carry, entry 2: '..' cannot be carried: write"),
        ("[verify]\ncarry = ['/etc']", "verify.carry, entry 1: '/etc' cannot be carried: write"),
        ("[verify]\ncarry = ['.']", "verify.carry, entry 1: '.' cannot be carried: write the n"),
        ("[verify]\ncarry = ['']", "verify.carry, entry 1: '' cannot be carried: write the nam"),
        ("[verify]\ncarry = ['./a']", "verify.carry, entry 1: './a' cannot be carried: write "),
        ("[verify]\ncarry = ['a/../b']", "verify.carry, entry 1: 'a/../b' cannot be carried: "),
        ("[verify]\ncarry = ['.git']", "verify.carry, entry 1: '.git' is not carried: checks g"),
        ("[verify]\ntier = 'teir2'", "verify.tier: write 'tier0', 'tier1' or 'tier2'; did you mea"),
        ("[verify.escalate]\nx = 3", "verify.escalate.x: write 'tier1' or 'tier2'"),
        ("[scope]\ndeny = 'x'", "scope.deny: write a list of texts, in brackets"),
        (
            "[phases]\nplan = 'script'",
            "phases.plan: the worker script can only work, not plan or review",
        ),
        ("[phases]\nreview = 'session'", "phases.review: the worker session can only work, "),
        ("[workers.mine]\ncommand = 'x'", "workers.mine.command: write a list of texts, in "),
        ("[workers.mine]\nbudget_usd = 0", "workers.mine.budget_usd: write a number greater "),
        ("[workers.mine]\nmax_turns = 1.5", "workers.mine.max_turns: write a whole number"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_line(
    layout: Layout, text: str, message: str
) -> None:
    line = len(text.splitlines())
    assert refusal(layout, text).startswith(f":{line}: {message}")


def test_the_first_problem_is_named_and_the_others_are_counted(layout: Layout) -> None:
    text = '# one\n[verify]\ntier1 = [\n  "[run]",\n]\n\n[run]\nattempts = 0\nnested = 2\n'
    assert refusal(layout, text).startswith(":8: run.attempts: ")
    assert refusal(layout, text).endswith(" (and 1 more)")
    text = "[verify]\ntimeout = 0\n[run]\nattempts = 0\n"
    assert refusal(layout, text).startswith(":2: verify.timeout: ")


@pytest.mark.parametrize("name", ["a\\nb", "a\\u001b[2J", "a\\u202eb"])
def test_the_name_of_a_worker_is_plain_text(layout: Layout, name: str) -> None:
    shown = refusal(layout, f'[workers."{name}"]\ncommand = ["x"]')
    assert shown.isprintable()
    assert shown.endswith(": write the name of a worker on one line, as plain text")


@pytest.mark.parametrize(
    ("content", "line"), [(b"[run]\nworker = 'caf\xe9'\n", 2), (b"\xff\xfe[\x00r\x00", 1)]
)
def test_a_file_that_is_not_utf8_is_refused(layout: Layout, content: bytes, line: int) -> None:
    assert refusal(layout, content) == f":{line}: is not UTF-8 text"


def test_a_folder_instead_of_the_settings_file_is_refused(layout: Layout) -> None:
    layout.config.mkdir()
    with pytest.raises(
        DamagedStateError, match=r"config\.toml is a folder, where runr needs a file"
    ):
        loader.load(layout)


OLD: dict[str, Any] = {
    "agent": {"name": "app", "version": "1"},
    "scope": {"allowlist": ["src/**"], "denylist": ["secrets/**"], "lockfiles": ["a.lock"]},
    "verification": {
        "tier0": ["make lint"],
        "tier1": ["make test"],
        "max_verify_time_per_milestone": 5,
    },
    "phases": {"plan": "codex", "implement": "claude", "review": "codex"},
}


def test_the_earlier_tools_settings_are_understood(layout: Layout) -> None:
    layout.old_config.write_text(json.dumps(OLD), encoding="utf-8")
    config = loader.load(layout)
    assert config.verify.tier0 == ("make lint",)
    assert config.verify.tier1 == ("make test",)
    assert config.verify.tier2 == ()
    assert config.scope.deny == ("secrets/**",)
    assert config.run.worker == "claude-code"


def test_runrs_own_settings_come_before_the_earlier_tools(layout: Layout) -> None:
    layout.old_config.write_text(json.dumps(OLD), encoding="utf-8")
    layout.config.write_text("[run]\nattempts = 2\n", encoding="utf-8")
    assert loader.load(layout) == Config.model_validate(tomllib.loads("[run]\nattempts = 2\n"))


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"verification": [], "scope": None, "phases": "x"},
        {"scope": {"denylist": "x"}, "phases": {"implement": ["claude"]}},
    ],
)
def test_every_setting_of_the_earlier_tool_is_optional(layout: Layout, raw: dict[str, Any]) -> None:
    layout.old_config.write_text(json.dumps(raw), encoding="utf-8")
    assert loader.load(layout) == Config()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read: "),
        (b'{"scope": {', "cannot be read: "),
        (b"\xff\xfe", "cannot be read: "),
        (b"[]", "holds no settings: its top level is not a table"),
        (b'{"verification": {"tier1": "x"}}', "verify.tier1: write a list of texts"),
    ],
)
def test_damaged_settings_of_the_earlier_tool_are_an_error(
    layout: Layout, content: bytes, message: str
) -> None:
    layout.old_config.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        loader.load(layout)
    assert caught.value.message.startswith(".runr/runr.config.json")
