"""The requests of a connection that have no answer yet: the end of the input drops none."""

from mcp.shared.dispatcher import coerce_request_id
from mcp.types import (
    CONNECTION_CLOSED,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)

from runr.mcp_server.framing import Refusal

#: It is answered when the connection ends, and not before.
_OPEN_ENDED = "subscriptions/listen"


class Unanswered:
    """What was asked and not answered; `answers` counts those that were given."""

    def __init__(self) -> None:
        # For the SDK, 7 and "7" are one id; and a client may use one twice.
        self._asked: dict[RequestId, list[RequestId]] = {}
        self.answers = 0

    def __bool__(self) -> bool:
        return bool(self._asked)

    def ask(self, message: JSONRPCMessage) -> None:
        """Take note of what the client has sent; a request that it cancels gets no answer."""
        match message:
            case JSONRPCRequest() if message.method != _OPEN_ENDED:
                self._asked.setdefault(coerce_request_id(message.id), []).append(message.id)
            case JSONRPCNotification(
                method="notifications/cancelled", params={"requestId": str() | int() as known}
            ):
                self._forget(known)
            case _:
                pass

    def answer(self, message: JSONRPCMessage) -> None:
        """Take note of what the server has sent."""
        if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None:
            self.answers += 1
            self._forget(message.id)

    def refusals(self) -> list[Refusal]:
        """Return an answer to each request, for when there will be no other."""
        text = "Connection closed: the server ended before this was answered"
        ids = (known for same in self._asked.values() for known in same)
        return [Refusal(code=CONNECTION_CLOSED, message=text, id=known) for known in ids]

    def _forget(self, known: RequestId) -> None:
        key = coerce_request_id(known)
        same = self._asked.get(key, [])
        del same[-1:]
        if not same:
            self._asked.pop(key, None)
