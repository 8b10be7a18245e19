"""The requests that are answered before the SDK is loaded, with the SDK's own answers. Pure.

A client opens with a handshake or a discovery and lists the tools, and some give a server a
second for it. Loading the SDK takes about as long on a quiet machine. So its answers to these
requests are prepared: `make docs` writes them to `prepared.json`. A request that the SDK might
answer in another way, because something in it is unusual or wrong, is left to the SDK.
"""

import json
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

#: The id under which the SDK sees a handshake that was answered here.
REPLAYED = "runr/replayed"
#: A client that does not read must not block the server: as much fits every pipe.
_MOST_ANSWERS = 8

_META = "io.modelcontextprotocol/"
_ENVELOPE = {f"{_META}protocolVersion", f"{_META}clientCapabilities", f"{_META}clientInfo"}
_REQUEST = {"jsonrpc", "id", "method", "params"}
_HANDSHAKE = {"protocolVersion", "capabilities", "clientInfo", "_meta"}
_NAMES = {"name", "version"}
_TEXTS = {*_NAMES, "title", "description", "websiteUrl"}
#: Capabilities with names of other parties in them, below which everything is allowed.
_OPEN = {"experimental", "extensions"}


class Opening:
    """The first messages of a connection: those that are answered, and those left to the SDK."""

    def __init__(self, prepared: Mapping[str, Any]) -> None:
        self._prepared = prepared
        self._answers = 0
        self._left: list[bytes] = []
        self.handshake = False
        #: Whether a message that was left may need an answer.
        self.waiting = False

    @property
    def full(self) -> bool:
        """Tell whether everything else is left to the SDK."""
        return self._answers >= _MOST_ANSWERS

    @property
    def left(self) -> bytes:
        """The lines for the SDK, in the order in which they came."""
        return b"".join(line + b"\n" for line in self._left)

    def take(self, line: bytes) -> bytes | None:
        """Return the answer to a line; None where the line is left to the SDK."""
        message = _parsed(line)
        result = None if self.full else self._result(message)
        if result is None:
            self._leave(line, message)
            return None
        self._answers += 1
        if message["method"] == "initialize":
            self.handshake = True
            self._left.append(json.dumps({**message, "id": REPLAYED}).encode())
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    def _leave(self, line: bytes, message: Json) -> None:
        self._left.append(line)
        method = message.get("method")
        if method == "initialize":
            self.handshake = False
        notifies = message.keys() <= {"jsonrpc", "method", "params"} and isinstance(method, str)
        self.waiting |= bool(line.strip()) and not notifies

    def _result(self, message: Json) -> Json | None:
        """Return the prepared result for a request of which nothing is unusual."""
        if not _is_request(message):
            return None
        params = message.get("params", {})
        if not isinstance(params, dict):
            return None
        if message["method"] == "initialize":
            return None if self.handshake else self._initialized(params)
        meta = params.get("_meta", {})
        if params.keys() - {"_meta"} or not _is_meta(meta):
            return None
        reserved = {key for key in meta if key.startswith(_META)}
        if reserved:
            era = "envelope" if self._is_envelope(meta, reserved) else None
        else:
            era = "handshake" if self.handshake else None
        found = self._prepared[era]["results"].get(message["method"]) if era else None
        return found if isinstance(found, dict) else None

    def _initialized(self, params: Json) -> Json | None:
        versions = self._prepared["handshake"]["versions"]
        wanted = params.get("protocolVersion")
        plain = (
            params.keys() <= _HANDSHAKE
            and isinstance(wanted, str)
            and _is_meta(params.get("_meta", {}))
            and _are_capabilities(params.get("capabilities"))
            and _is_client(params.get("clientInfo"))
        )
        if not plain:
            return None
        # A version that is not known is answered with the latest that is.
        version = wanted if wanted in versions else versions[-1]
        return {**self._prepared["handshake"]["results"]["initialize"], "protocolVersion": version}

    def _is_envelope(self, meta: Json, reserved: set[str]) -> bool:
        return (
            reserved <= _ENVELOPE
            and meta.get(f"{_META}protocolVersion") in self._prepared["envelope"]["versions"]
            and _are_capabilities(meta.get(f"{_META}clientCapabilities"))
            and (f"{_META}clientInfo" not in meta or _is_client(meta[f"{_META}clientInfo"]))
        )


def _parsed(line: bytes) -> Json:
    """Return the message of a line; nothing where it is none, or not one that the SDK accepts."""
    try:
        message = json.loads(line.decode())
        # Half of a surrogate pair cannot be encoded, and is no text for the SDK.
        json.dumps(message, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _is_request(message: Json) -> bool:
    return (
        message.keys() <= _REQUEST
        and message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and _is_id(message.get("id"))
    )


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _is_meta(meta: object) -> bool:
    return isinstance(meta, dict) and _is_id(meta.get("progressToken", 0))


def _is_client(info: object) -> bool:
    return (
        isinstance(info, dict)
        and _NAMES <= info.keys() <= _TEXTS
        and all(isinstance(text, str) for text in info.values())
    )


def _are_capabilities(value: object) -> bool:
    return isinstance(value, dict) and all(
        _is_capability(inner, opened=name in _OPEN) for name, inner in value.items()
    )


def _is_capability(value: object, *, opened: bool) -> bool:
    """Tell whether it is made of objects, and of truth values where the protocol has them."""
    if not isinstance(value, dict):
        return False
    if opened:
        return all(isinstance(inner, dict) for inner in value.values())
    return all(
        isinstance(inner, bool) if name == "listChanged" else _is_capability(inner, opened=False)
        for name, inner in value.items()
    )
