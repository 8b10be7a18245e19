"""A repository with `/runr` installed, and the real Claude Code with a scripted model."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from cli.terminal import answered
from fakes.forked import forked_command, run_runr
from fakes.model_api import FakeModel
from fakes.project_kit import ProjectKit
from unit.git_trees import git

Turn = dict[str, Any]

_HEADLESS = ("--output-format", "json", "--permission-mode", "acceptEdits")
_DEADLINE_S = 170


class ClaudePlace:
    """A repository, a home folder and a `claude`, set up for runr.

    `options` are added to what `claude` is started with.
    """

    options: tuple[str, ...] = ()
    login = ""

    def __init__(self, folder: Path, claude: Path) -> None:
        self.kit = ProjectKit(folder)
        self.root = self.kit.root
        self.home = folder / "home"
        self.home.mkdir()
        self.claude = claude
        forked = forked_command(folder / "bin")
        self._programs = [str(forked.parent)] if forked else []
        self.kit.config('[run]\nworker = "claude-code"\n')
        self.kit.task(
            "foo.md", header='owns: [a.txt]\nverify: ["grep -q good a.txt"]', body="Write a.txt."
        )
        self.commit()
        self.install()

    def install(self) -> None:
        """Set Claude Code up for the repository."""
        self.runr("install", "claude")

    def commit(self) -> None:
        """Commit everything that is there."""
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", "Start")

    def environment(self, model: FakeModel | None = None, **more: str) -> dict[str, str]:
        """Return the environment of a terminal in which `claude` is found."""
        path = os.pathsep.join([*self._programs, str(self.claude.parent), os.environ["PATH"]])
        model_at = model.env(home=self.home) if model else {"HOME": str(self.home)}
        if self.login:
            # A login, as a subscription has it, instead of an API key.
            model_at.pop("ANTHROPIC_API_KEY", None)
            model_at["CLAUDE_CODE_OAUTH_TOKEN"] = self.login
        return {**os.environ, "PATH": path, **model_at, **more}

    def runr(self, *words: str, model: FakeModel | None = None) -> subprocess.CompletedProcess[str]:
        """Run a runr command in the repository, as the person at this place."""
        settings = {"CLAUDE_CONFIG_DIR": str(self.home / ".claude")}
        ended = run_runr(words, self.root, self.environment(model, **settings), _DEADLINE_S)
        out, err = ended.stdout.decode(), ended.stderr.decode()
        return subprocess.CompletedProcess(ended.args, ended.returncode, out, err)

    def answer(self, *words: str) -> Any:
        """Return a runr command's answer as data."""
        return answered(self.runr(*words, "--json").stdout)

    def say(self, prompt: str, model: FakeModel, **environment: str) -> Turn:
        """Type `prompt` into a headless session and return its result."""
        result = self.attempt(prompt, model, **environment)
        assert not result["is_error"], result
        return result

    def attempt(self, prompt: str, model: FakeModel, **environment: str) -> Turn:
        """Type `prompt` into a headless session, whether it succeeds or not."""
        words = (str(self.claude), "-p", prompt, *_HEADLESS, *self.options)
        done = self.start(*words, env=self.environment(model, **environment))
        assert done.stdout, done.stderr
        result: Turn = json.loads(done.stdout)
        return result

    def start(self, *words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Start a program in the repository, and wait for its end."""
        return subprocess.run(
            words,
            cwd=self.root,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEADLINE_S,
        )

    def message(self) -> str:
        """Return the message of the last commit on the branch."""
        return git(self.root, "log", "-1", "--format=%B")


def call(tool: str, **arguments: Any) -> Turn:
    """Return a turn in which the model calls one of runr's tools."""
    return {"tools": [{"name": f"mcp__runr__{tool}", "input": arguments}]}


def write(name: str, text: str) -> Turn:
    """Return a turn in which the model writes a file of the folder it works in."""
    path = f"{{{{cwd}}}}/{name}"
    return {"tools": [{"name": "Write", "input": {"file_path": path, "content": text}}]}
