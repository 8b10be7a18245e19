"""What of a connection is still to be answered."""

from mcp.types import (
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from runr.mcp_server.unanswered import Unanswered


def request(known: int | str, method: str = "ping") -> JSONRPCMessage:
    return JSONRPCRequest(jsonrpc="2.0", id=known, method=method)


def cancelling(known: object) -> JSONRPCMessage:
    params = {"requestId": known}
    return JSONRPCNotification(jsonrpc="2.0", method="notifications/cancelled", params=params)


def test_a_request_waits_until_it_is_answered_or_cancelled() -> None:
    unanswered = Unanswered()
    for known in (1, 1, "a", "7", 8):
        unanswered.ask(request(known))
    unanswered.ask(cancelling(7))
    unanswered.ask(cancelling(["8"]))
    for answered in (1, "a", "unknown"):
        unanswered.answer(JSONRPCResponse(jsonrpc="2.0", id=answered, result={}))
    assert [refusal.id for refusal in unanswered.refusals()] == [1, 8]
    unanswered.answer(JSONRPCResponse(jsonrpc="2.0", id=1, result={}))
    unanswered.ask(cancelling(8))
    assert not unanswered


def test_a_subscription_is_not_waited_for() -> None:
    unanswered = Unanswered()
    unanswered.ask(request(1, "subscriptions/listen"))
    assert not unanswered
