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
