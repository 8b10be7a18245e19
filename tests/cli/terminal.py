"""Run the `runr` command in a real repository."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docs.answer_schemas import valid_payload
from fakes.forked import RUNR, run_runr
from fakes.project_kit import until
from runr.evidence import own_inferences
from runr.runs import chain, clone_key, completed_runs, journal_ends
from runr.runs.completed_runs import Completed
from runr.status import codec
from runr.storage.layout import Layout, RunFiles

#: Seconds after which a command that has not ended counts as hanging.
DEADLINE_S = 60


#: How the commands begin that an answer may offer.
_COMMANDS = ("runr ", "git ", "rm ", "mv ", "ls ", "command ", "export ", "env ", "npm ", "uv ")

_EVENT = '{"session_id": "s", "hook_event_name": "%s", "cwd": ".", "tool_name": "Bash"}'
#: Events of a Claude Code session, each given to its hook.
HOOKS = [
    f"echo '{_EVENT % event}' | runr hook {event}" for event in ("SessionStart", "PostToolUse")
]

_CAPABILITIES = "-dac_override,-dac_read_search"
_BIND = ("setpriv", f"--bounding-set={_CAPABILITIES}", f"--inh-caps={_CAPABILITIES}")
_SHOW_WORDS = "runr() { for word; do printf '%s\\0' \"$word\"; done; }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the payload of the answer, which must be as its schema says.

        The next steps, which stand beside the payload, are put into it.
        """
        return answered(self.out)

    @property
    def steps(self) -> list[str]:
        """Return the commands that the answer offers: the indented ones in the order shown."""
        last = self.out.rpartition("Next:\n")[2]
        lines = [line.strip() for line in (last + self.err).splitlines() if line[:1] == " "]
        return [line for line in lines if line.startswith(_COMMANDS)]


class Place:
    """A git repository in which commands are run."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        root.mkdir(parents=True, exist_ok=True)

    def git(self, *words: str) -> str:
        """Run git and return what it says."""
        return _text(["git", *words], self.root)

    def write(self, path: str, text: str = "") -> Path:
        """Write a file of the repository."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def read(self, path: str) -> str:
        """Read a file of the repository."""
        return (self.root / path).read_text(encoding="utf-8")

    def config(self, text: str) -> None:
        """Write the settings."""
        self.write(".runr/config.toml", text)

    def task(self, name: str, header: str = "", body: str = "Do it.") -> Path:
        """Write a task file."""
        top = f"---\n{header.strip()}\n---\n" if header.strip() else ""
        return self.write(f".runr/tasks/{name}", f"{top}# {Path(name).stem}\n\n{body}\n")

    def age(self, file: Path) -> None:
        """Make a file old enough to be taken as finished."""
        hour_ago = file.stat().st_mtime - 3600
        os.utime(file, (hour_ago, hour_ago))

    def script(self, name: str, script: str, header: str = "") -> Path:
        """Write a task for the worker `script`."""
        return self.task(name, header, f"```sh run\n{script.strip()}\n```")

    def commit(self, message: str = "Save") -> str:
        """Commit everything and return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def runr(
        self,
        *words: str,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        code: int | None = None,
        bound: bool = False,
    ) -> Result:
        """Type a command and wait for its end; `code` is the exit code that it must have.

        `bound` holds it to the modes of files, which a superuser otherwise is not.
        """
        folder, variables = cwd or self.root, env or {}
        if bound and os.geteuid() == 0:
            result = typed([*_BIND, RUNR, *words], folder, variables)
        else:
            result = _result(run_runr(words, folder, _merged(variables), DEADLINE_S))
        assert "Traceback" not in result.out + result.err
        assert code is None or result.code == code, result
        return result

    def paste(
        self,
        command: str,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
    ) -> Result:
        """Hand a printed command to a shell, as a user does who pastes it."""
        folder, variables = cwd or self.root, env or {}
        if not _is_one_runr(command):
            return typed(["sh", "-c", command], folder, variables)
        # The shell says which words it would start `runr` with.
        shown = typed(["sh", "-c", f"{_SHOW_WORDS}; {command}"], folder, variables)
        assert (shown.code, shown.err) == (0, ""), shown
        return self.runr(*shown.out.split("\0")[:-1], cwd=folder, env=variables)

    def diverge(self) -> None:
        """Commit a conflict: `other` has another README.md than `main`, which is checked out."""
        self.git("switch", "-q", "-c", "other")
        self.write("README.md", "theirs\n")
        self.commit("Theirs")
        self.git("switch", "-q", "main")
        self.write("README.md", "ours\n")
        self.commit("Ours")

    def run(self, task: str, *words: str, code: int = 0) -> Any:
        """Run a task to its end and return the run."""
        return self.runr("--json", "run", "--task", task, *words, code=code).json

    def status(self, name: str) -> Any:
        """Return what the status file says of a task."""
        known = json.loads(self.read(".runr/task-status.json"))["tasks"]
        return known.get(f".runr/tasks/{name}")

    def record(self, tasks: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the status file, as if runr had completed or inferred here what it says."""
        for task, entry in tasks.items():
            run = entry.get("last_run_id")
            if entry["status"] == "completed" and run and entry["evidence"] != "inferred":
                self.run_folder(run).mkdir(parents=True, exist_ok=True)
                facts = entry["evidence"], entry["completed_by"], entry.get("checkpoint_sha")
                text, checks = entry.get("task_sha256"), entry.get("verification", "none")
                completed_runs.add(self.root, [Completed(run, task, *facts, text, checks)])
        decoded = {task: codec.decode(entry) for task, entry in tasks.items()}
        own_inferences.keep(Layout(self.root), decoded)
        text = json.dumps({"schema_version": 1, "tasks": tasks})
        self.write(".runr/task-status.json", f"{text}\n")

    def has_status(self) -> bool:
        """Tell whether anything has been recorded."""
        return (self.root / ".runr/task-status.json").exists()

    def clone(self) -> "Place":
        """Return a fresh clone, which has none of the records of runs."""
        there = Place(self.root.with_name("clone"), self.home)
        there.git("clone", "-q", str(self.root), ".")
        return there

    def run_folder(self, run_id: str) -> Path:
        """Return the folder of a run's records."""
        return self.root / ".runr" / "runs" / run_id

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """Return a run's timeline."""
        lines = (self.run_folder(run_id) / "timeline.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def rewrite(self, run_id: str, change: Callable[[str], str]) -> None:
        """Change the events of a run as runr would have written them, with its seals."""
        timeline = self.run_folder(run_id) / "timeline.jsonl"
        key, before = clone_key.ensure(self.root), b""
        lines = []
        for line in timeline.read_bytes().splitlines():
            before = chain.sealed(change(chain.split(line)[0].decode()).encode(), before, key)
            lines.append(before + b"\n")
        timeline.write_bytes(b"".join(lines))
        (self.run_folder(run_id) / "state.json").unlink()
        journal_ends.note(RunFiles(timeline.parent, self.root), len(lines), before)

    def cut(self, run_id: str, kept: int) -> None:
        """Leave the first events of a run, as if its process had been killed after them."""
        timeline = self.run_folder(run_id) / "timeline.jsonl"
        lines = timeline.read_bytes().splitlines(keepends=True)[:kept]
        timeline.write_bytes(b"".join(lines))
        (self.run_folder(run_id) / "state.json").unlink(missing_ok=True)
        journal_ends.note(RunFiles(timeline.parent, self.root), kept, lines[-1].rstrip(b"\n"))

    def await_phase(self, run_id: str, phase: str) -> None:
        """Wait until a run has begun a phase."""
        wanted = ("phase.started", phase)
        until(
            lambda: wanted in [(e["type"], e["payload"].get("phase")) for e in self.events(run_id)],
            f"{phase} of {run_id}",
        )

    def await_end(self, run_id: str) -> Any:
        """Wait until a run has ended and return it."""
        return self.runr("follow", "--json", run_id).json

    def run_into_conflict(self) -> Result:
        """Let a run and the user change README.md, and land what the run did: a conflict."""
        self.script("a.md", "echo theirs > README.md", "verify: ['test -d .']")
        self.commit("Task")
        self.write("README.md", "ours\n")
        self.runr("run", "a", code=11)
        self.git("commit", "-q", "-am", "ours")
        return self.runr("land", "a", code=11)

    def branches(self) -> list[str]:
        """Return the names of all branches."""
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def snapshot(self) -> dict[str, bytes]:
        """Return every file of the tree that is not one of git's or runr's own."""
        inside = (path for path in self.root.rglob("*") if path.is_file())
        named = {path.relative_to(self.root): path for path in inside}
        return {
            str(name): path.read_bytes()
            for name, path in named.items()
            if name.parts[0] not in (".git", ".runr")
        }


#: Makes a repository in which a function has worked, or copies it.
Prepare = Callable[[Callable[[Place], object]], Place]


def answered(text: str) -> Any:
    """Return the payload of a JSON answer, with the next steps, which stand beside it."""
    document = json.loads(text)
    payload = valid_payload(document)
    content, steps = document[payload], {"next_steps": document["next_steps"]}
    if payload == "error":
        return {"error": content | steps}
    return content | steps if isinstance(content, dict) else content


def typed(words: Sequence[str], cwd: Path, env: Mapping[str, str | None]) -> Result:
    """Run a program with nothing on its standard input; None takes a variable away."""
    ended = subprocess.run(
        words,
        cwd=cwd,
        env=_merged(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return _result(ended)


def _merged(env: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**os.environ, **env}
    return {name: value for name, value in merged.items() if value is not None}


def _result(ended: subprocess.CompletedProcess[bytes]) -> Result:
    return Result(code=ended.returncode, out=ended.stdout.decode(), err=ended.stderr.decode())


def _is_one_runr(command: str) -> bool:
    """Tell whether a shell would start `runr` once and nothing beside it."""
    words = shlex.shlex(command, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    first, *rest = [*words] or [""]
    operators = [word for word in rest if word and set(word) <= set("();<>|&")]
    return first == "runr" and "\n" not in command and not operators


def _text(words: Sequence[str], cwd: Path) -> str:
    return subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, timeout=DEADLINE_S, check=True
    ).stdout
