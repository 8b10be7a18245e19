"""What the SDK's side of the server answers to messages, without a process."""

from collections.abc import Sequence
from typing import Any

import anyio
from mcp.server import Server
from mcp.shared.message import SessionMessage

from mcpserver.raw_client import Message
from runr.errors import UsageError
from runr.mcp_server import negotiation
from runr.mcp_server.framing import Refusal, decode
from runr.mcp_server.project_calls import ProjectCalls
from runr.mcp_server.server import assemble, offered


def closed(_: object) -> Any:
    """Open no repository: what is answered needs none."""
    raise UsageError("no repository is open")


def answers(lines: Sequence[bytes]) -> list[Message]:
    """Return what the SDK answers to the lines of one connection, in the order of the ids."""
    return anyio.run(_answers, assemble(offered(ProjectCalls(closed))), lines)


async def _answers(server: Server[Any], lines: Sequence[bytes]) -> list[Message]:
    feed, inbox = anyio.create_memory_object_stream[SessionMessage | Exception](len(lines))
    outbox, said = anyio.create_memory_object_stream[SessionMessage](len(lines))
    found: list[Message] = []
    async with anyio.create_task_group() as group, said:
        group.start_soon(negotiation.route, server, inbox, outbox)
        for line in lines:
            message = decode(line)
            if isinstance(message, Refusal):
                found.append({"id": message.id, "error": {"code": message.code}})
                continue
            await feed.send(SessionMessage(message))
            if getattr(message, "id", None) is not None:
                answer = await said.receive()
                found.append(
                    answer.message.model_dump(mode="json", by_alias=True, exclude_unset=True)
                )
        feed.close()
    return found
