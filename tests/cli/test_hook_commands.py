"""`runr hooks`: which lifecycle hooks there are, and whether they work."""

from pathlib import Path

from cli.terminal import Place
from fakes.webhook_server import OK, serving
from runr.config.settings import HookSettings
from runr.lifecycle_hooks.points import name_of

SECRET = {"HOOK_SECRET": "q7Zp2LmX9s"}


def test_hooks_are_listed_in_the_order_of_their_calls_with_what_they_need(
    place: Place, tmp_path: Path
) -> None:
    info = tmp_path / "site/chat_hook-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: chat-hook\nVersion: 1.0\n")
    hooks = "chat = no_such_module:announce\nidle = no_such_module:idle"
    (info / "entry_points.txt").write_text(f"[runr.hooks]\n{hooks}\n")
    place.config(
        "[hooks]\n"
        'pre_run = [{ package = "chat", timeout = "5s" }]\n'
        'on_failure = [{ webhook = "https://user:pw@example.org/k", secret_env = "HOOK_SECRET" },'
        ' "sh gone.sh q7Zp2LmX9s", { rollback = "restore" }]\n'
    )
    search = {"PYTHONPATH": str(tmp_path / "site")}
    shown = place.runr("hooks", "list", env=search | SECRET, code=0).out
    assert shown.splitlines() == [
        (
            "✓ pre_run `chat`: package, at most 5.0s, no_such_module:announce of chat-hook 1.0,"
            " may refuse"
        ),
        "✗ on_failure `sh gone.sh [redacted]`: command, at most 1m 00s",
        "    gone.sh does not exist",
        "✓ on_failure `restore`: rollback",
        (
            "✓ on_failure `example.org #1a3a`: webhook, at most 1m 00s, 4 retries,"
            " signed with HOOK_SECRET"
        ),
        "• installed, and in no setting: idle",
    ]


def test_no_secret_is_shown_of_a_hook_of_which_something_is_missing(place: Place) -> None:
    place.config('[hooks]\npre_run = ["no-such-program --token q7Zp2LmX9s"]\n')
    for command in (("doctor",), ("hooks", "list"), ("hooks", "test", "pre_run")):
        shown = place.runr(*command, env={"HOOK_TOKEN": "q7Zp2LmX9s"})
        assert "no-such-program --token [redacted]" in shown.out
        assert "q7Zp2LmX9s" not in shown.out + shown.err


def test_the_hooks_of_a_point_are_called_once_with_an_example(place: Place) -> None:
    head = place.commit()
    with serving(OK) as good, serving(b"HTTP/1.1 503 Busy\r\n\r\n") as busy:
        names = [name_of(HookSettings(webhook=server.url)) for server in (good, busy)]
        place.config(
            "[hooks]\npost_complete = ["
            f'{{ webhook = "{good.url}", secret_env = "HOOK_SECRET" }},'
            f' {{ webhook = "{busy.url}" }},'
            ' "echo $RUNR_HOOK_COMMIT; exit 3"]\n'
            'on_failure = [{ rollback = "revert" }]\n'
        )
        shown = place.runr("hooks", "test", "post_complete", env=SECRET, code=1)
    lines = [line.partition(", in ")[0] for line in shown.out.splitlines()]
    assert lines == [
        "✗ command `echo $RUNR_HOOK_COMMIT; exit 3`: failed, exit code 3",
        f"    {head}",
        f"✓ webhook `{names[0]}`: ok, signed by webhook-signature",
        "    HTTP 204",
        f"✗ webhook `{names[1]}`: failed",
        "    HTTP 503",
    ]
    assert [len(server.requests) for server in (good, busy)] == [1, 1]
    assert b'"example":true' in good.requests[0]
    assert b"webhook-signature: v1," in good.requests[0]
    assert SECRET["HOOK_SECRET"] not in shown.out + str(good.requests)
    assert "left out\n    there is no run" in place.runr("hooks", "test", "on_failure", code=0).out
    assert place.runr("runs", "--json").json["total_count"] == 0


def test_a_hook_that_cannot_be_called_fails_and_the_next_one_is_called(place: Place) -> None:
    place.config('[hooks]\npre_run = ["echo \\u0000", "echo \\"\\u001b[2J\\" next"]\n')
    shown = place.runr("hooks", "test", "pre_run", code=1).out
    assert "refused, in 0.0s\n    ValueError: embedded null byte" in shown
    assert shown.splitlines()[-1].endswith("next")
    assert "\x1b" not in shown


def test_a_hook_at_the_end_of_a_job_is_tested_with_a_receipt(place: Place) -> None:
    place.config('[hooks]\npost_job = ["grep -o .runr/tasks/example.md; echo $RUNR_HOOK_JOB"]\n')
    (called,) = place.runr("hooks", "test", "post_job", "--json", code=0).json["hooks"]
    assert called["detail"] == ".runr/tasks/example.md\n20260101-000000-test"


def test_the_command_for_hooks_of_claude_code_takes_no_word_of_it(place: Place) -> None:
    assert "runr hooks list" in place.runr("hook", "list", code=2).err
