"""A webhook as a hook: the payload by POST, signed, tried again, never redirected.

The headers are those of the Standard Webhooks specification, so receivers can check them with the
libraries for it.
"""

import hmac
import http.client
import time
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import NamedTuple
from urllib.parse import urlsplit

from runr.lifecycle_hooks.command import CommandResult

#: The header with the signature.
SIGNATURE = "webhook-signature"

#: The longest wait between two tries, in seconds.
_LONGEST_WAIT_S = 300
#: Answers after which another try may succeed, besides those from 500 on.
_BUSY = (408, 425, 429)
_SERVER_ERROR = 500
_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)


class Request(NamedTuple):
    """What is sent to where; `secret` signs it where it is not empty."""

    url: str
    id: str
    body: bytes
    secret: str = ""


class _Answer(NamedTuple):
    """What became of one try; `final` tells that another one would not change it."""

    ok: bool
    detail: str
    final: bool = False


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for; empty where what says that it is base64 is not."""
    if not secret.startswith("whsec_"):
        return secret.encode(errors="surrogateescape")
    with suppress(NotBase64Error):
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    return b""


def sign(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header `webhook-signature`.

    A secret that begins with `whsec_` is base64 behind that, any other one is used as it is.
    """
    key = key_of(secret)
    if not key:
        raise ValueError("no key")
    signed = hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{b64encode(signed).decode()}"


def send(
    request: Request,
    *,
    timeout_s: float,
    retries: int,
    wait_s: float,
    now: Callable[[], float] = time.time,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[CommandResult, int]:
    """Send until it is accepted, and return the result and the number of tries."""
    begun = now()
    for number in range(1, retries + 2):
        answer = _try(request, timeout_s, int(now()))
        if answer.ok or answer.final or number > retries:
            break
        pause(min(wait_s * 2 ** (number - 1), _LONGEST_WAIT_S))
    outcome = "ok" if answer.ok else "failed"
    return CommandResult(outcome, answer.detail, round(now() - begun, 3)), number


def _try(request: Request, timeout_s: float, timestamp: int) -> _Answer:
    headers = {
        "content-type": "application/json",
        "user-agent": "runr",
        "webhook-id": request.id,
        "webhook-timestamp": str(timestamp),
    }
    if request.secret:
        headers[SIGNATURE] = sign(request.secret, request.id, timestamp, request.body)
    try:
        return _read(_post(request, headers, timeout_s))
    except http.client.HTTPException as error:
        return _Answer(ok=False, detail=f"no HTTP answer: {type(error).__name__}")
    except (OSError, ValueError) as error:
        return _Answer(ok=False, detail=str(error) or type(error).__name__)


def _post(request: Request, headers: dict[str, str], timeout_s: float) -> int:
    """Return the status of the answer; TimeoutError where it is not there in time."""
    url = urlsplit(request.url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=timeout_s)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    found: list[int | Exception] = []

    def exchange() -> None:
        try:
            connection.request("POST", path, body=request.body, headers=headers)
            found.append(connection.getresponse().status)
        except (OSError, ValueError, http.client.HTTPException) as error:
            found.append(error)

    # The limit of a connection is for each wait: a server that sends a byte now and then, or a name
    # with many addresses, would be waited for without an end.
    exchanging = Thread(target=exchange, daemon=True)
    exchanging.start()
    exchanging.join(timeout_s)
    (answer,) = found[:1] or (TimeoutError(),)
    if exchanging.is_alive() and connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(2)
    connection.close()
    if isinstance(answer, TimeoutError):
        raise TimeoutError(f"no answer after {timeout_s:g}s")
    if isinstance(answer, Exception):
        raise answer
    return answer


def _read(status: int) -> _Answer:
    """Tell what an answer means; a redirect could lead anywhere, and is not followed."""
    detail = f"HTTP {status}"
    if status in _REDIRECT:
        return _Answer(ok=False, detail=f"{detail}: a redirect is not followed", final=True)
    again = status in _BUSY or status >= _SERVER_ERROR
    return _Answer(ok=status in _SUCCESS, detail=detail, final=not again)
