"""Who the server says it is, in the words of its prepared answers too."""

from runr import __version__

NAME = "runr"
TITLE = "runr"
VERSION = __version__
PROTOCOL = "2026-07-28"
#: As they are sent in a handshake.
CAPABILITIES = {
    "completions": {},
    "prompts": {"listChanged": False},
    "resources": {"subscribe": True, "listChanged": False},
    "tools": {"listChanged": False},
}
INSTRUCTIONS = (
    "runr keeps the record of what was really finished here. Tasks are files in .runr/tasks/, "
    "completed only when runr has run their checks and committed the result, or a person "
    "confirms it. Never say that a task is done unless an answer gives its status as "
    "completed. `next_steps` in every answer are what to do now."
)
