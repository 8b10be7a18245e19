-- What each task file says, so that a file that did not change is not parsed again.
CREATE TABLE task_definitions (
    path TEXT PRIMARY KEY,
    mtime_ns INTEGER NOT NULL,
    size INTEGER NOT NULL,
    parser TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
