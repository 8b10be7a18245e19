"""Answers that took git a while, kept until the question is another one."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runr.store import db
from runr.store.layout import Layout

if TYPE_CHECKING:
    import sqlite3


def remembered(layout: Layout, name: str, question: Any, work: Callable[[], Any]) -> Any:
    """Return what `work` answers, asked only where the last question was another one.

    Question and answer are what JSON can hold.
    """
    key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    queries = db.queries()

    def find(database: "sqlite3.Connection") -> Any:
        return database.execute(queries["find_answer"], (name, key)).fetchone()

    known = db.use(layout, find, now_ns=time.time_ns())
    if known is not None:
        return json.loads(known[0])
    answer = work()

    def put(database: "sqlite3.Connection") -> None:
        with db.writing(database):
            database.execute(queries["put_answer"], (name, key, json.dumps(answer)))

    db.use(layout, put, now_ns=time.time_ns())
    return answer
