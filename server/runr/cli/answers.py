"""Answers as JSON documents."""

import json
from collections.abc import Sequence


def error_document(code: str, message: str, steps: Sequence[str], exit_code: int) -> str:
    """Return an error as a JSON document."""
    error = {"code": code, "message": message, "next": list(steps), "exit_code": int(exit_code)}
    return json.dumps({"error": error}, ensure_ascii=False)
