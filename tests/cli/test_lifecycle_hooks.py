"""Lifecycle hooks: what is called when a run begins, lands, completes, stops or waits."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.terminal import Place
from fakes.forked import RUNR
from fakes.marks import also_long
from fakes.project_kit import until
from fakes.webhook_server import RESET, SILENCE, WebhookServer, serving

SETTINGS = '[run]\nworker = "script"\nattempts = 1\n\n[verify]\ntier1 = ["test -d ."]\n\n[hooks]\n'


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.fixture
def hooked(place: Place) -> Place:
    """Return a place with a task that adds a file."""
    place.script("a.md", "echo hello > hello.txt")
    place.commit("Task")
    return place


def called(place: Place, run_id: str) -> list[tuple[str, str, str]]:
    """Return the hooks on record: point, target and outcome."""
    found = [e["payload"] for e in place.events(run_id) if e["type"] == "hook.finished"]
    return [(each["point"], each["target"], each["outcome"]) for each in found]


def test_a_command_gets_the_payload_after_a_completion_and_its_failure_changes_nothing(
    hooked: Place, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    commands = [
        f"cat > {seen}.json; echo $RUNR_HOOK $RUNR_HOOK_TASK $RUNR_HOOK_COMMIT $PWD > {seen}.txt",
        "echo the mail server is away; exit 3",
        f"env > {seen}.env",
    ]
    hooked.config(SETTINGS + f"post_complete = {json.dumps(commands)}\n")
    secret = {"MAIL_TOKEN": "q7Zp2LmX9s", "RUNR_TASK_NOTE": "of an outer run"}
    hooked.task("b.md", header="title: 'uses q7Zp2LmX9s'", body="```sh run\necho > b\n```")
    shown = hooked.runr("run", "--task", "b", code=0, env=secret)
    failed = "post_complete hook `echo the mail server is away; exit 3`: failed, "
    assert f"✗ {failed}the mail server is away" in shown.out
    assert hooked.status("b.md")["evidence"] == "verified"

    payload = json.loads(seen.with_suffix(".json").read_text())
    run = payload["run"]
    assert (payload["schema"], payload["point"]) == (1, "post_complete")
    assert (run["task"], run["result"], run["title"]) == (
        ".runr/tasks/b.md",
        "completed",
        "uses [redacted]",
    )
    assert run["commit"] == hooked.git("rev-parse", "HEAD").strip()
    words = ["post_complete", ".runr/tasks/b.md", run["commit"], str(hooked.root)]
    assert seen.with_suffix(".txt").read_text().split() == words
    assert "RUNR_TASK_NOTE" not in seen.with_suffix(".env").read_text()

    outcomes = [outcome for _, _, outcome in called(hooked, run["id"])]
    assert outcomes == ["ok", "failed", "ok"]
    details = hooked.runr("task-status", "b", "--json").json["run"]
    assert details["failed_hooks"] == [f"{failed}the mail server is away"]
    assert "## Lifecycle hooks" in hooked.runr("report", "b").out


def test_a_command_refuses_that_work_lands_until_it_agrees(hooked: Place) -> None:
    hooked.config(SETTINGS + 'pre_complete = ["sh policy.sh"]\n')
    hooked.write("policy.sh", "git show --stat $RUNR_HOOK_COMMIT; echo frozen; exit 1\n")
    before = hooked.git("rev-parse", "HEAD")
    refused = hooked.runr("run", "--task", "a", code=4)
    assert "pre_complete hook `sh policy.sh`: refused, frozen" in refused.out
    assert "hello.txt | 1 +" in hooked.runr("report", "a").out
    assert hooked.git("rev-parse", "HEAD") == before
    assert hooked.status("a.md")["stop_reason"] == "hook_refused"
    hooked.write("policy.sh", "exit 0\n")
    resumed = hooked.runr("resume", code=0)
    assert "work, attempt" not in resumed.out
    assert hooked.status("a.md")["evidence"] == "verified"
    assert hooked.runr("task-status", "a", "--json").json["run"]["failed_hooks"] == []

    history = hooked.runr("history", "a", "--json").json
    asked = [(each["point"], each["outcome"], each.get("detail")) for each in history["hooks"]]
    assert asked == [("pre_complete", "refused", "frozen"), ("pre_complete", "ok", None)]
    lines = [line.split() for line in hooked.runr("history", "a").out.splitlines()]
    kinds = [words[2] for words in lines if words[0][:2] == "20"]
    assert kinds == ["started", "hook", "stopped", "resumed", "hook", "landed", "completed"]


def test_a_command_keeps_a_run_from_beginning(hooked: Place) -> None:
    hooked.config(SETTINGS + 'pre_run = ["test ! -e freeze"]\n')
    hooked.write("freeze")
    refused = hooked.runr("run", "--task", "a", code=4)
    assert "pre_run hook `test ! -e freeze`: refused, exit code 1" in refused.out
    assert "work, attempt" not in refused.out
    in_session = hooked.runr("run", "--task", "a", "--worker", "session", code=4)
    assert "does not begin: pre_run hook" in in_session.err
    (hooked.root / "freeze").unlink()
    hooked.runr("resume", code=0)


@pytest.mark.long
def test_a_session_can_do_what_a_hook_asks_for_and_complete_then(hooked: Place) -> None:
    hooked.config(SETTINGS + 'pre_complete = ["test -e hello.txt -a -e SIGNED"]\n')
    session = {"CLAUDE_CODE_SESSION_ID": "11111111-1111-4111-8111-111111111111"}
    hooked.runr("run", "--task", "a", "--worker", "session", env=session, code=0)
    hooked.write("hello.txt", "hello\n")
    open_ = hooked.runr("complete-task", "a", env=session)
    assert open_.code != 0
    assert "refused" in open_.out + open_.err
    hooked.write("SIGNED")
    hooked.runr("complete-task", "a", env=session, code=0)
    assert hooked.status("a.md")["evidence"] == "verified"


@pytest.mark.long
def test_a_person_overrides_the_refusal_of_an_attestation_by_force(hooked: Place) -> None:
    hooked.config(SETTINGS + 'pre_complete = ["exit 1"]\npost_complete = ["true"]\n')
    attest = ("complete-task", "a", "--by", "Ada", "--reason", "done by hand")
    assert "pre_complete hook `exit 1`: refused" in hooked.runr(*attest, code=4).err
    history = hooked.runr("history", "a", code=0).out
    assert "pre_complete `exit 1`: refused" in history
    assert "nothing has happened" not in history
    hooked.runr(*attest, "--force", code=0)
    assert hooked.status("a.md")["evidence"] == "attested"
    run_id = hooked.status("a.md")["last_run_id"]
    after = ("post_complete", "command", "ok")
    until(lambda: after in called(hooked, run_id), "the hook after the attestation")


def test_stops_call_the_hooks_for_failures_and_for_persons(place: Place) -> None:
    note = "echo $RUNR_HOOK_STOP_REASON"
    place.config(SETTINGS + f'on_failure = ["{note}"]\non_needs_human = ["{note}"]\n')
    place.script("fails.md", "exit 1")
    place.script("waits.md", "echo 1 > w", header="type: hybrid")
    place.commit("Tasks")
    for name, point, reason in (
        ("fails", "on_failure", "worker_failed"),
        ("waits", "on_needs_human", "needs_human"),
    ):
        run_id = place.runr("--json", "run", "--task", name).json["id"]
        (event,) = (e["payload"] for e in place.events(run_id) if e["type"] == "hook.finished")
        assert (event["point"], event["detail"]) == (point, reason)
    place.runr("reject", "waits", "--reason", "not this way", code=0)
    assert called(place, run_id) == [("on_needs_human", "command", "ok")]


@pytest.mark.parametrize("copy", [True, *also_long(False)])
def test_what_a_worker_writes_into_the_settings_calls_no_hook(
    place: Place, tmp_path: Path, *, copy: bool
) -> None:
    mark = tmp_path / "called"
    place.config(SETTINGS + 'post_complete = ["test -d ."]\non_failure = ["test -d ."]\n')
    settings = "../../runs/*/config.json" if copy else "../../config.toml"
    place.script("a.md", f"echo 1 > a; sed -i 's#test -d \\.#touch {mark}#' {settings}")
    place.commit("Task")
    run_id = place.runr("--json", "run", "--task", "a").json["id"]
    assert not mark.exists()
    expected = ("on_failure", "settings", "failed") if copy else ("post_complete", "command", "ok")
    assert called(place, run_id) == [expected]


@pytest.fixture
def silent_server() -> Iterator[WebhookServer]:
    with serving(SILENCE) as server:
        yield server


def test_a_server_that_never_answers_delays_no_run(
    hooked: Place, silent_server: WebhookServer
) -> None:
    hook = {"webhook": silent_server.url, "timeout": 60, "retries": 0, "secret_env": "RUNR_SECRET"}
    table = ", ".join(f"{key} = {json.dumps(value)}" for key, value in hook.items())
    hooked.config(SETTINGS + f"post_complete = [{{ {table} }}]\n")
    run_id = hooked.runr("--json", "run", "--task", "a", env={"RUNR_SECRET": "s3cr3t"}).json["id"]
    assert hooked.status("a.md")["status"] == "completed"
    # The run has ended while the server still keeps its hook waiting.
    assert called(hooked, run_id) == []
    silent_server.close()
    until(lambda: called(hooked, run_id), "the end of the webhook")
    assert called(hooked, run_id) == [("post_complete", "webhook", "failed")]


@pytest.mark.long
def test_servers_that_misbehave_change_no_run_and_get_no_secret(hooked: Place) -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    hooked.task("b.md", header="title: 'uses q7Zp2LmX9s'", body="```sh run\necho > b\n```")
    with serving(RESET) as resets, serving(moved) as moves, serving(b"garbage\r\n\r\n") as babbles:
        servers = (resets, moves, babbles)
        hooks = (f'{{ webhook = "{server.url}", retries = 0 }}' for server in servers)
        hooked.config(SETTINGS + f"post_complete = [{', '.join(hooks)}]\n")
        secret = {"MAIL_TOKEN": "q7Zp2LmX9s"}
        run = hooked.runr("--json", "run", "--task", "b", code=0, env=secret).json
        until(lambda: len(called(hooked, run["id"])) == len(servers), "the end of the webhooks")
    assert called(hooked, run["id"]) == [("post_complete", "webhook", "failed")] * len(servers)
    assert hooked.status("b.md")["evidence"] == "verified"
    for server in servers:
        (request,) = server.requests
        assert b"uses [redacted]" in request
        assert b"q7Zp2LmX9s" not in request


def test_a_hook_that_kills_its_caller_is_recorded_and_keeps_no_other_from_being_called(
    hooked: Place, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    commands = json.dumps(["kill -9 $PPID", f"echo $RUNR_HOOK >> {seen}"])
    hooked.config(SETTINGS + f"post_complete = {commands}\npost_job = {commands}\n")
    why = "hook `kill -9 $PPID`: failed, the process that called it was ended by signal 9"
    assert f"✗ post_complete {why}" in hooked.runr("run", "--task", "a", code=0).out
    (run,) = hooked.runr("runs", "--json", code=0).json["runs"]
    assert [outcome for *_, outcome in called(hooked, run["id"])] == ["failed", "ok"]
    hooked.script("b.md", "echo hello > b.txt")
    hooked.write(".runr/jobs/night.yaml", "tracks:\n  one:\n    - tasks: [b]\n")
    hooked.commit("Task")
    assert f"post_job {why}" in hooked.runr("job", "run", "night", code=0).out
    assert seen.read_text().split() == ["post_complete", "post_complete", "post_job"]


def test_a_job_hands_its_receipt_to_a_hook(hooked: Place, tmp_path: Path) -> None:
    seen = tmp_path / "receipt.json"
    hooked.config(SETTINGS + f'post_job = ["cat > {seen}", "exit 4"]\n')
    hooked.write(".runr/jobs/night.yaml", "tracks:\n  one:\n    - tasks: [a]\n")
    shown = hooked.runr("job", "run", "night", code=0)
    assert "post_job hook `exit 4`: failed, exit code 4" in shown.out
    job = json.loads(seen.read_text())["job"]
    assert (job["status"], [task["result"] for task in job["tasks"]]) == (
        "completed",
        ["completed"],
    )
    assert "failed, exit code 4" in hooked.runr("job", "receipt").out


def test_for_each_end_of_a_run_in_a_job_one_point_is_called_once(
    hooked: Place, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    points = ("on_needs_human", "on_failure", "post_complete", "post_job")
    note = f"echo $RUNR_HOOK $RUNR_HOOK_TASK $RUNR_HOOK_RESULT >> {seen}"
    hooked.config(SETTINGS + "".join(f"{point} = ['{note}']\n" for point in points))
    hooked.script("waits.md", "echo 1 > w", header="type: hybrid")
    hooked.script("fails.md", "exit 1")
    tracks = "".join(f"  {name}:\n    - tasks: [{name}]\n" for name in ("a", "waits", "fails"))
    hooked.write(".runr/jobs/night.yaml", f"tracks:\n{tracks}")
    hooked.commit("Tasks")
    hooked.runr("job", "run", "night")
    until(lambda: seen.read_text().count("\n") >= len(points), "the hooks after the job")
    assert sorted(seen.read_text().splitlines()) == [
        "on_failure .runr/tasks/fails.md stopped",
        "on_needs_human .runr/tasks/waits.md stopped",
        "post_complete .runr/tasks/a.md completed",
        "post_job failed",
    ]


@LINUX
def test_a_hook_without_a_variable_of_runr_decides_nothing_after_a_run_or_a_job(
    hooked: Place, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    attest = f"{RUNR} complete-task b --force --reason mine --by me"
    clean = f"env -i PATH=$PATH HOME=$HOME setsid -w {attest} >> {said} 2>&1; test $? = 2"
    hooked.config(
        SETTINGS + "".join(f"{at} = ['{clean}']\n" for at in ("post_complete", "post_job"))
    )
    hooked.task("b.md")
    hooked.write(".runr/jobs/night.yaml", "tracks:\n  one:\n    - tasks: [a]\n")
    hooked.commit("Task")
    hooked.runr("job", "run", "night", code=0)
    assert said.read_text().count("is inside run 20") == 2, said.read_text()
    assert hooked.status("b.md") is None


def test_doctor_names_the_hooks_of_which_the_target_is_missing(place: Place) -> None:
    place.write("here.sh", "exit 0\n")
    place.config(
        SETTINGS
        + """pre_complete = ["no-such-policy --strict", "sh here.sh", {command = ["./gone", "-v"]}]
post_complete = ["sh gone.sh", {package = "chat"}, {webhook_env = "CHAT_URL"}, {desktop = true}]
"""
    )
    answer = place.runr("doctor", "--json", code=1).json
    found = [each for each in answer["health_checks"] if each["name"] == "lifecycle hooks"]
    assert [(each["state"], each["message"]) for each in found] == [
        ("bad", "pre_complete hook `no-such-policy --strict`: no-such-policy is not on PATH"),
        ("bad", "pre_complete hook `./gone -v`: ./gone was not found"),
        ("note", "post_complete hook `sh gone.sh`: gone.sh does not exist"),
        ("note", "post_complete hook `chat`: no installed package offers it"),
        ("note", "post_complete hook `CHAT_URL`: the variable CHAT_URL is not set here"),
    ]
    assert {each["advice"] for each in found} == {
        "install it, or correct it under [hooks] in .runr/config.toml"
    }


def test_an_installed_package_and_the_desktop_are_called_with_what_happened(
    hooked: Place, tmp_path: Path
) -> None:
    site, programs = tmp_path / "site", tmp_path / "bin"
    written = {
        site / "chat_hook.py": f"def announce(payload):\n"
        f"    open({str(tmp_path / 'chat')!r}, 'w').write(payload['run']['task'])\n"
        f"    print('on its way')\n"
        f"    raise RuntimeError('the chat\\nis away')\n",
        site / "chat_hook-1.0.dist-info/METADATA": "Name: chat-hook\nVersion: 1.0\n",
        site / "chat_hook-1.0.dist-info/entry_points.txt": (
            "[runr.hooks]\nchat = chat_hook:announce\ngone = no_such_chat:announce\n"
        ),
        programs / "notify-send": f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/shown\n",
    }
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (programs / "notify-send").chmod(0o755)
    hooks = '[{package = "chat"}, {package = "gone"}, {desktop = true}]'
    hooked.config(SETTINGS + f"post_complete = {hooks}\n")
    search = {"PYTHONPATH": str(site), "PATH": f"{programs}:{os.environ['PATH']}"}
    run_id = hooked.runr("--json", "run", "--task", "a", code=0, env=search).json["id"]
    assert called(hooked, run_id) == [
        ("post_complete", "package", "failed"),
        ("post_complete", "package", "failed"),
        ("post_complete", "desktop", "ok"),
    ]
    assert (tmp_path / "chat").read_text() == ".runr/tasks/a.md"
    shown = (tmp_path / "shown").read_text().splitlines()
    assert shown[:3] == ["--app-name=runr", "--", "runr: a completed"]
    raised, gone = hooked.runr("task-status", "a", "--json").json["run"]["failed_hooks"]
    log = f".runr/runs/{run_id}/runner.log"
    assert raised == (
        "post_complete hook `chat`: failed, RuntimeError: the chat is away"
        f" (chat_hook.py:4 in announce; traceback in {log})"
    )
    assert "ModuleNotFoundError: No module named 'no_such_chat' (" in gone
    report = hooked.runr("report", "a").out
    assert "on its way" in report
    assert "Traceback (most recent call last)" in hooked.read(log)
