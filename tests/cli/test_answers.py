"""The `--json` answer of every command, validated against its schema."""

import json

from cli.terminal import Place, answered
from docs.answer_schemas import valid_payload
from fakes.project_kit import until
from runr.cli.answers import ANSWERS, PAYLOADS, schema_name
from runr.cli.commands import COMMANDS

#: Commands that answer programs in a protocol of their own.
PROTOCOLS = {"mcp", "hook", "merge-status"}


def payload_of(place: Place, *words: str) -> str:
    """Run a command with `--json` and return the payload of its answer."""
    result = place.runr(*words, "--json")
    assert answered(result.out) is not None
    document = json.loads(result.out)
    payload = valid_payload(document)
    assert list(document) == ["schema", "next_steps", payload]
    assert document["schema"] == schema_name(payload)
    return payload


def test_every_command_names_its_payloads() -> None:
    assert set(ANSWERS) == set(COMMANDS) - PROTOCOLS
    known = {payload for payloads in ANSWERS.values() for payload in payloads}
    assert known | {"error"} == set(PAYLOADS)


def test_every_command_answers_with_its_payloads(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt")
    place.script("b.md", "echo 1 > b.txt", "type: hybrid")
    place.script("c.md", "exit 1")
    place.script("d.md", "echo 1 > d.txt", "depends_on: [a]\ntags: [later]")
    place.script("s.md", "echo 1 > s.txt")
    place.task("m.md", "type: manual")
    place.write("archive.json", place.runr("export").out)
    place.commit("Tasks")
    place.write("by-hand.txt", "1\n")
    session = ["run", "s", "--worker", "session"]
    words = {
        "init": [["init"]],
        "new": [["new", "fresh"], ["new", "--list-templates"]],
        "run": [["run", "a"], session, ["run", "--all-ready", "--tag", "later"]],
        "list-tasks": [["list-tasks"]],
        "status": [
            ["status"],
            ["status", "--tasks"],
            ["status", "--infer-from-git"],
            *(
                ["status", "--show", part]
                for part in ("counts", "done", "activity", "landings", "usage")
            ),
        ],
        "task-status": [["task-status", "a"]],
        "next": [["next", "--explain"]],
        "why": [["why", "a"]],
        "graph": [["graph"]],
        "lint": [["lint"], ["lint", "--fix", "--dry-run"]],
        "runs": [["runs"]],
        "follow": [["follow", "latest"]],
        "report": [["report"], ["report", "--since", "yesterday"]],
        "note": [["note", "s", "half of it"]],
        "stop": [["stop", "s"]],
        "complete-task": [["complete-task", "m", "--reason", "done"]],
        "approve": [["run", "b"], ["approve", "b", "--reason", "good"]],
        "verify": [["verify"]],
        "health": [["health"]],
        "history": [["history", "a"]],
        "metrics": [["metrics"]],
        "db": [["db", "path"], ["db", "check"], ["db", "migrate"]],
        "audit": [["audit"]],
        "intervene": [["intervene", "--reason", "by hand", "--all"]],
        "clean": [["clean", "--dry-run"]],
        "rebuild": [["rebuild", "--dry-run"]],
        "import": [["import", "archive.json", "--preview"]],
        "export": [["export"], ["export", "--output", "again.json"]],
        "doctor": [["doctor"]],
        "hooks": [["hooks", "list"], ["hooks", "test", "pre_run"]],
        "workers": [["workers"], ["workers", "add", "mine", "true"]],
        "install": [["install", "claude", "--print"], ["install", "merge-driver", "--print"]],
        "completion": [["completion", "bash"]],
        "version": [["version"]],
        "list-jobs": [["list-jobs"]],
        "upcoming": [["upcoming"]],
        "scheduler": [["scheduler", "--once"], ["scheduler", "--print-unit", "systemd"]],
        "demo": [["demo", "--dir", str(place.root.with_name("demo"))]],
    }
    seen: dict[str, list[str]] = {name: [] for name in ANSWERS}
    for name, commands in words.items():
        seen[name] = [payload_of(place, *command) for command in commands]
    seen["approve"] = seen["approve"][1:]
    # A stop of each kind: to resume with or without a name, to preview, to reject.
    place.runr("run", "c", code=1)
    seen["resume"] = [payload_of(place, "resume", "c")]
    seen["resume"] += [payload_of(place, "resume", run_of(place, "s.md"))]
    place.runr("stop", run_of(place, "s.md"), code=0)
    seen["resume"] += [payload_of(place, "resume", "--preview")]
    seen["resume"] += [payload_of(place, "resume", run_of(place, "c.md"), "--preview")]
    place.script("b.md", "echo 2 > b.txt", "type: hybrid")
    place.runr("run", "b", "--force", code=9)
    seen["reject"] = [payload_of(place, "reject", "b", "--reason", "no")]
    place.task("a.md", body="Do something else.")
    seen["acknowledge"] = [payload_of(place, "acknowledge", "a")]
    seen["submit"] = [payload_of(place, "submit", run_of(place, "d.md"), "--to", "main")]
    seen["reset"] = [payload_of(place, "reset", "a", "--reason", "By mistake")]
    seen["run"] += [payload_of(place, "run", "--all-ready", "--dry-run")]
    place.script("d2.md", "echo 1 > d2.txt")
    seen["run"] += [payload_of(place, "run", "--all-ready", "--detach")]
    until(lambda: place.runr("job", "status", "--json").json["status"] != "running", "the job")
    seen["resume"] += [payload_of(place, "resume", "--all")]
    seen["land"] = [payload_of(place, "land", "--all")]
    place.script("j.md", "echo 1 > j.txt", "tags: [job]")
    seen["job"] = [payload_of(place, "job", "run", "--where", "tag:job")]
    dry = payload_of(place, "submit", "selected", "--to", "main", "--dry-run")
    seen["submit"] += [dry]
    seen["job"] += [payload_of(place, "job", "receipt"), payload_of(place, "job", "land")]
    place.script("k.md", "echo 1 > k.txt", "tags: [plan]")
    seen["job"] += [payload_of(place, "job", "run", "--where", "tag:plan", "--dry-run")]
    assert {name: tuple(payloads) for name, payloads in seen.items()} == dict(ANSWERS)


def test_an_error_is_an_answer_too(place: Place) -> None:
    assert payload_of(place, "task-status", "nope") == "error"
    assert payload_of(place, "list-tasks", "--nope") == "error"


def run_of(place: Place, name: str) -> str:
    return str(place.status(name)["last_run_id"])
