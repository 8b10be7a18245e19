"""Webhooks: what is sent, how it is signed, and what is tried again."""

import base64
import hashlib
import hmac
import re
import time
from pathlib import Path
from typing import Any

import pytest

from fakes.webhook_server import DRIP, OK, RESET, SILENCE, WebhookServer, serving
from runr.lifecycle_hooks import webhook
from runr.lifecycle_hooks.command import CommandResult
from runr.lifecycle_hooks.webhook import Request

BODY = b'{"schema":1}\n'
KEY = "one for the tests"


def answer(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


def send(
    server: WebhookServer, *, retries: int = 2, timeout_s: float = 5, secret: str = KEY
) -> tuple[CommandResult, int, list[float]]:
    """Send to the server; return the result, the number of tries and the waits between them."""
    waits: list[float] = []
    result, tries = webhook.send(
        Request(server.url, "run.point.7", BODY, secret),
        timeout_s=timeout_s,
        retries=retries,
        wait_s=1.5,
        now=lambda: 1_764_000_000.0,
        pause=waits.append,
    )
    return result, tries, waits


def test_a_payload_is_posted_with_a_signature_that_the_receiver_can_check() -> None:
    with serving(OK) as server:
        result, tries, _ = send(server)
    assert (result.outcome, result.detail, tries) == ("ok", "HTTP 204", 1)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert (first, body) == ("POST /hooks?from=runr HTTP/1.1", BODY)
    assert headers["content-type"] == "application/json"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("run.point.7", "1764000000")
    signed = b"run.point.7.1764000000." + BODY
    mac = hmac.new(KEY.encode(), signed, hashlib.sha256).digest()
    assert f"webhook-signature: v1,{base64.b64encode(mac).decode()}" in head.decode()


def test_the_signature_is_that_of_the_specification() -> None:
    # The example of the specification, with a secret in base64.
    made = webhook.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64", "whsec_abc"])
def test_a_secret_that_is_no_base64_has_no_key(secret: str) -> None:
    assert not webhook.key_of(secret)
    with pytest.raises(ValueError, match="no key"):
        webhook.sign(secret, "id", 1, b"{}")


@pytest.mark.parametrize("secret", [KEY, "whsec_" + base64.b64encode(b"a key").decode()])
def test_the_program_in_the_documentation_checks_a_signature(secret: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"<!-- file: check.py -->\n```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102 - what a reader copies
    now = int(time.time())
    headers = {
        "webhook-id": "run.point.7",
        "webhook-timestamp": str(now),
        "webhook-signature": webhook.sign(secret, "run.point.7", now, BODY),
    }
    assert names["is_signed"](secret, headers, BODY)
    assert not names["is_signed"](secret, headers, BODY + b" ")
    assert not names["is_signed"]("another", headers, BODY)


def test_without_a_secret_nothing_is_signed() -> None:
    with serving(OK) as server:
        send(server, secret="")
    assert b"webhook-signature" not in server.requests[0]


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (answer("500 Broken"), "HTTP 500"),
        (answer("429 Slow down"), "HTTP 429"),
        (RESET, "Connection reset by peer"),
        (b"\x00\xff garbage\r\n\r\n", "no HTTP answer"),
        (b"", "no answer after 0.05s"),
    ],
    ids=["error", "busy", "reset", "garbage", "silence"],
)
def test_what_may_pass_is_tried_again_with_longer_waits(bad: bytes, detail: str) -> None:
    with serving(bad, bad, OK) as server:
        result, tries, waits = send(server, timeout_s=0.05 if bad == SILENCE else 5)
    assert (result.outcome, tries, waits) == ("ok", 3, [1.5, 3.0])
    with serving(bad) as server:
        result, tries, waits = send(server, retries=1, timeout_s=0.05 if bad == SILENCE else 5)
    assert (result.outcome, tries, waits) == ("failed", 2, [1.5])
    assert detail in result.detail


@pytest.mark.parametrize("status", ["301 Moved", "307 There", "404 Nothing", "410 Gone"])
def test_a_redirect_is_not_followed_and_a_refusal_not_repeated(status: str) -> None:
    with (
        serving(OK) as elsewhere,
        serving(f"HTTP/1.1 {status}\r\nLocation: {elsewhere.url}\r\n\r\n".encode()) as server,
    ):
        result, tries, waits = send(server)
    assert (result.outcome, tries, waits) == ("failed", 1, [])
    assert status.split(maxsplit=1)[0] in result.detail
    assert elsewhere.requests == []


def test_a_server_that_answers_byte_by_byte_is_waited_for_no_longer_than_any_other() -> None:
    with serving(DRIP) as server:
        result, _, _ = send(server, retries=0, timeout_s=0.2)
    assert result.detail == "no answer after 0.2s"
