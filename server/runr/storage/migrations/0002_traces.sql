-- The commits that may say something about a task, and up to which commit the history was read.
CREATE TABLE traces (
    sha TEXT PRIMARY KEY,
    place INTEGER NOT NULL,
    parents TEXT NOT NULL,
    tree TEXT NOT NULL,
    time TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;

CREATE TABLE traces_read (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    tip TEXT NOT NULL,
    reader TEXT NOT NULL,
    titles TEXT NOT NULL
) STRICT;
