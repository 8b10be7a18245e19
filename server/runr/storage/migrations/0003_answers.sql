-- Answers that took git a while, each with what it was the answer to.
CREATE TABLE answers (
    name TEXT PRIMARY KEY,
    question TEXT NOT NULL,
    answer TEXT NOT NULL
) STRICT;
