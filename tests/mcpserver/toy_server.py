"""Serve the toy tools over standard input and output."""

from typing import TYPE_CHECKING, Any

from runr.mcp_server.bootstrap import prepared_answers, run

if TYPE_CHECKING:
    from mcp.server import Server


def build() -> "Server[Any]":
    # The SDK: after the first answer, as in the real server.
    from mcpserver.toys import TOYS  # noqa: PLC0415 - see above
    from runr.mcp_server.server import Offer, assemble  # noqa: PLC0415 - see above

    return assemble(Offer(tools=TOYS))


if __name__ == "__main__":
    prepared = prepared_answers()
    for era in prepared.values():
        # The tools are others: the SDK lists them.
        del era["results"]["tools/list"]
    run(build, prepared)
