"""What a user can do next: the steps as data, the commands, and who decides on them.

`step` is the data and how it is written for a shell and for MCP, `commands` has every command
that may be one, `runs`, `tasks`, `setup` and `imports` decide which of them come next. Nothing
else builds next steps: callers pass the facts.
"""
