-- list_task_definitions: What was made of each task file, when it was how large, and by which parser
SELECT path, mtime_ns, size, parser, body
FROM task_definitions;

-- put_task_definition: Keep what a task file says at this time and size
INSERT INTO task_definitions (path, mtime_ns, size, parser, body)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET
    mtime_ns = excluded.mtime_ns,
    size = excluded.size,
    parser = excluded.parser,
    body = excluded.body;

-- delete_task_definition: Forget a task file that is gone
DELETE FROM task_definitions
WHERE path = ?;

-- list_traces: The commits that may say something about a task, with a word in them, the latest first
SELECT sha, parents, tree, time, message
FROM traces
WHERE instr(message, ?) > 0
ORDER BY place DESC;

-- last_trace_place: The place of the latest trace
SELECT coalesce(max(place), 0)
FROM traces;

-- put_trace: Keep a commit that may say something about a task
INSERT INTO traces (place, sha, parents, tree, time, message)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (sha) DO UPDATE SET place = excluded.place;

-- delete_trace: Forget a commit that no longer leads to HEAD
DELETE FROM traces
WHERE sha = ?;

-- clear_traces: Forget all commits
DELETE FROM traces;

-- traces_read: Up to which commit the history was read, by which reader, for which titles
SELECT tip, reader, titles
FROM traces_read;

-- put_traces_read: Keep up to where the history was read
INSERT INTO traces_read (only, tip, reader, titles)
VALUES (1, ?, ?, ?)
ON CONFLICT (only) DO UPDATE SET
    tip = excluded.tip,
    reader = excluded.reader,
    titles = excluded.titles;

-- find_answer: What was answered to this very question
SELECT answer
FROM answers
WHERE name = ? AND question = ?;

-- put_answer: Keep the last answer of this name
INSERT INTO answers (name, question, answer)
VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET question = excluded.question, answer = excluded.answer;
