"""The real Codex, Gemini CLI and OpenCode, without a screen; the model behind each is scripted."""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.terminal import Place
from fakes.model_dialects import CHAT, GEMINI, RESPONSES, Dialect
from fakes.screen import Screen
from fakes.scripted_model import Call, ScriptedModel

DEADLINE_S = 300
TASK = "00-file.md"
MADE = "made.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealClient:
    """A client as its user has set it up; `writing` is a call of its own tool, which writes MADE.

    With the options in `approval` it calls every tool without a confirmation; `screen` starts its
    own interface. `settings` returns
    the user's settings, given the address of the model, and the folder that the user trusts, if
    there is one; `variables` what is in the environment besides.
    """

    name: str
    package: str
    dialect: Dialect
    command: tuple[str, ...]
    approval: tuple[str, ...] = ()
    prompt: tuple[str, ...] = ("go",)
    screen: tuple[str, ...]
    user_file: str
    settings: Callable[[str, Path | None], str]
    variables: Callable[[str, Path | None], dict[str, str]]
    writing: Callable[[Path], Call]

    def set_up(self, home: Path, model: ScriptedModel, trusted: Path | None) -> Path:
        """Write the settings of the user."""
        file = home / self.user_file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.settings(model.url, trusted), encoding="utf-8")
        return file


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlace:
    """A repository with one task, a client and its model."""

    client: RealClient
    place: Place
    model: ScriptedModel
    trusted: bool = True

    @property
    def user_file(self) -> Path:
        """Return the file with the user's settings."""
        return self.place.home / self.client.user_file

    def install(self, *options: str) -> None:
        """Set the client up for the model, and install runr into it."""
        trusted = self.place.root if self.trusted else None
        self.client.set_up(self.place.home, self.model, trusted)
        self.place.runr("install", self.client.name, *options, code=0)

    def open_screen(self, *options: str) -> Screen:
        """Return the client's own interface in a terminal, as its user sees it."""
        own = self.client.variables(self.model.url, self.place.root if self.trusted else None)
        # With CI set, Gemini CLI shows no screen.
        around = {name: value for name, value in os.environ.items() if name != "CI"}
        environment = {**around, "PWD": str(self.place.root), **own}
        return Screen([*self.client.screen, *options], self.place.root, environment)

    def start(
        self,
        *,
        cwd: Path | None = None,
        asks: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Let the client work until its model has nothing more to do.

        `asks` leaves it to the client which calls are to be confirmed.
        """
        trusted = self.place.root if self.trusted else None
        own = self.client.variables(self.model.url, trusted)
        folder = cwd or self.place.root
        approval = () if asks else self.client.approval
        return subprocess.run(
            [*self.client.command, *approval, *self.client.prompt],
            cwd=folder,
            env={**os.environ, "PWD": str(folder), **own, **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )


def a_place(root: Path, home: Path) -> Place:
    """Return a repository with a committed task."""
    place = Place(root, home)
    place.git("init", "-q", "-b", "main")
    place.task(TASK, f'verify: ["test -f {MADE}"]', f"Write {MADE}.")
    place.commit("Start")
    return place


def _codex_settings(url: str, trusted: Path | None) -> str:
    begin = 'model = "scripted"\nmodel_provider = "scripted"\n'
    provider = f'name = "Scripted"\nbase_url = "{url}/v1"\nwire_api = "responses"\n'
    trust = f'[projects."{trusted}"]\ntrust_level = "trusted"\n' if trusted else ""
    return f"{begin}\n[model_providers.scripted]\n{provider}\n{trust}"


def _gemini_settings(_url: str, _trusted: Path | None) -> str:
    login = {"auth": {"selectedType": "gemini-api-key"}}
    quiet = {"privacy": {"usageStatisticsEnabled": False}, "general": {"enableAutoUpdate": False}}
    return json.dumps({"security": login, **quiet})


def _gemini_variables(url: str, trusted: Path | None) -> dict[str, str]:
    trust = {"GEMINI_CLI_TRUST_WORKSPACE": "true"} if trusted else {}
    return {"GEMINI_API_KEY": "dummy", "GOOGLE_GEMINI_BASE_URL": url, **trust}


def _opencode_settings(url: str, _trusted: Path | None) -> str:
    provider: dict[str, Any] = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{url}/v1", "apiKey": "dummy"},
        "models": {"scripted": {"name": "Scripted", "tool_call": True}},
    }
    quiet = {
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": False,
        "share": "disabled",
        "model": "scripted/scripted",
    }
    return json.dumps({**quiet, "provider": {"scripted": provider}})


CLIENTS = {
    "codex": RealClient(
        name="codex",
        package="@openai/codex",
        dialect=RESPONSES,
        command=("codex", "exec", "--json"),
        approval=("--sandbox", "danger-full-access"),
        # Without a server of its own in the background, which would outlive the test.
        screen=("codex", "--no-daemon"),
        user_file=".codex/config.toml",
        settings=_codex_settings,
        variables=lambda _url, _trusted: {},
        writing=lambda _root: Call("exec_command", cmd=f"echo made > {MADE}"),
    ),
    "gemini": RealClient(
        name="gemini",
        package="@google/gemini-cli",
        dialect=GEMINI,
        command=("gemini", "-m", "gemini-2.5-pro"),
        approval=("--yolo",),
        prompt=("-p", "go"),
        screen=("gemini", "-m", "gemini-2.5-pro"),
        user_file=".gemini/settings.json",
        settings=_gemini_settings,
        variables=_gemini_variables,
        writing=lambda root: Call("write_file", file_path=str(root / MADE), content="made\n"),
    ),
    "opencode": RealClient(
        name="opencode",
        package="opencode-ai",
        dialect=CHAT,
        command=("opencode", "run", "--format", "json"),
        screen=("opencode",),
        user_file=".config/opencode/opencode.json",
        settings=_opencode_settings,
        variables=lambda _url, _trusted: {
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
        },
        writing=lambda root: Call("write", filePath=str(root / MADE), content="made\n"),
    ),
}
