"""Who the server says it is, in words that the first answer and the SDK share."""

import json

from runr import __version__

NAME = "runr"
TITLE = "runr"
VERSION = __version__
PROTOCOL = "2026-07-28"
CAPABILITIES = {"tools": {"listChanged": False}}
INSTRUCTIONS = (
    "runr keeps the record of what was really finished here. Tasks are files in .runr/tasks/, "
    "completed only when runr has run their checks and committed the result, or a person "
    "confirms it. Never say that a task is done unless an answer gives its status as "
    "completed. `next_steps` in every answer are what to do now."
)


def discovery(request_id: str | int) -> bytes:
    """Return the line that answers `server/discover`, byte for byte what clients may rely on."""
    result = {
        "supportedVersions": [PROTOCOL],
        "capabilities": CAPABILITIES,
        "instructions": INSTRUCTIONS,
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {
            "io.modelcontextprotocol/serverInfo": {
                "name": NAME,
                "title": TITLE,
                "version": VERSION,
            }
        },
    }
    answer = {"jsonrpc": "2.0", "id": request_id, "result": result}
    return json.dumps(answer, separators=(",", ":")).encode() + b"\n"
