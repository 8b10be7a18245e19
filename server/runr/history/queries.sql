-- has_schema_version: Whether the file has a schema at all
SELECT 1
FROM sqlite_master
WHERE type = 'table' AND name = 'schema_version';

-- schema_version: Which schema the file has
SELECT coalesce(max(version), 0)
FROM schema_version;

-- put_schema_version: Record a migration
INSERT INTO schema_version (version, migrated_at)
VALUES (?, ?);

-- origin: Which file this was when it was made, and which reader made its rows
SELECT seal, reader
FROM origin;

-- put_origin: Record which file this is
INSERT INTO origin (only, seal, reader)
VALUES (1, ?, ?)
ON CONFLICT (only) DO UPDATE SET seal = excluded.seal, reader = excluded.reader;

-- list_marks: Which journals of a folder were read, and how large they were
SELECT path, size, changed_ns
FROM journals
WHERE path > ?1 || '/' AND path < ?1 || '0';

-- list_names: Their names, as one text
SELECT coalesce(group_concat(substr(path, length(:folder) + 2), '/'), '')
FROM journals
WHERE path > :folder || '/' AND path < :folder || '0';

-- whole_names: The names of the runs whose journals are as a clone of runr wrote them, as one text
SELECT coalesce(group_concat(substr(path, length('runs/') + 1), '/'), '')
FROM journals
WHERE path > 'runs/' AND path < 'runs0' AND record <> 'damaged';

-- list_unsettled: Those of them that may still grow
SELECT path, size, changed_ns
FROM journals
WHERE settled = 0 AND path > ?1 || '/' AND path < ?1 || '0';

-- list_turn: As many of them after one, in order
SELECT path, size, changed_ns
FROM journals
WHERE path > ?1 || '/' || ?2 AND path < ?1 || '0'
ORDER BY path
LIMIT ?3;

-- mark: How large a journal was when it was read
SELECT path, size, changed_ns
FROM journals
WHERE path = ?;

-- unsettle: Have a journal looked at each time until it has grown
UPDATE journals
SET settled = 0
WHERE path = ?;

-- folder: How a folder was when the journals in it were looked at
SELECT changed_ns, noted_bytes, turn
FROM folders
WHERE name = ?;

-- put_folder: Record that the journals of a folder were looked at
INSERT INTO folders (name, changed_ns, noted_bytes, turn)
VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET changed_ns = excluded.changed_ns,
    noted_bytes = excluded.noted_bytes, turn = excluded.turn;

-- delete_folders: Have all journals looked at the next time
DELETE FROM folders;

-- data_version: What changes when another connection has written
PRAGMA data_version;

-- delete_journal: Forget a journal with all that it says
DELETE FROM journals
WHERE path = ?;

-- delete_journals: Forget all journals, to read them again
DELETE FROM journals;

-- put_journal: Record that a journal was read
INSERT INTO journals (path, size, changed_ns, record, detail, settled)
VALUES (?, ?, ?, ?, ?, ?);

-- put_run: Add a run
INSERT INTO runs (
    id, journal, record, kind, task, title, task_type, task_sha256, worker, job_run_id, base_sha,
    branch, target, created_at, ended_at, active_seconds, result, stop_reason, verification,
    attempt_count, first_verified_at, first_verification, first_worker, first_model
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- put_task_status: Add a change of a task's status, with what its run is
INSERT INTO task_statuses (
    run_id, seq, task, time, status, cause, actor, evidence, stop_reason, reason, commit_sha,
    record, worker, job_run_id, run_seconds
)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, record, worker, job_run_id, active_seconds
FROM runs
WHERE id = ?1;

-- list_touched: The tasks that a journal tells of, and since when
SELECT s.task, min(s.time)
FROM runs AS r
JOIN task_statuses AS s ON s.run_id = r.id
WHERE r.journal = ? AND s.task <> ''
GROUP BY s.task;

-- put_lead_times: How long a task took until each completion since a time
UPDATE task_statuses AS s
SET lead_seconds = round(86400 * (julianday(s.time) - julianday((
    SELECT min(b.time)
    FROM task_statuses AS b
    WHERE b.task = s.task AND b.time <= s.time AND b.cause = 'started' AND b.record = 'confirmed'
        AND b.time > coalesce((
            SELECT max(e.time)
            FROM task_statuses AS e
            WHERE e.task = s.task AND e.time < s.time AND e.cause IN ('completed', 'reset')
                AND e.record = 'confirmed'
        ), '')
))), 3)
WHERE s.task = ? AND s.time >= ? AND s.cause = 'completed' AND s.record = 'confirmed';

-- put_attempt: Add an attempt, with what its run is
INSERT INTO attempts (
    run_id, number, worker, session_id, started_at, ended_at, outcome, detail, model,
    record, task, job_run_id, run_created_at, is_first
)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, record, task, job_run_id, created_at, NOT EXISTS (
    SELECT 1
    FROM attempts
    WHERE run_id = ?1 AND worker = ?3 AND model = ?9
)
FROM runs
WHERE id = ?1;

-- put_usage: Add what was used, with what its run is
INSERT INTO usages (
    run_id, seq, time, phase, worker, model, cost_usd, input_tokens, output_tokens, turns,
    record, task, job_run_id
)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, record, task, job_run_id
FROM runs
WHERE id = ?1;

-- put_verification: Add a verification
INSERT INTO verifications (
    run_id, seq, number, attempt, phase, time, result, outcome, place, tree, failed_checks,
    repeated_checks
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- put_check: Add a check of a verification
INSERT INTO checks (run_id, seq, number, tier, command, exit_code, seconds, runs)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- put_job_run: Add a job run
INSERT INTO job_runs (
    id, journal, record, job, description, schedule, branch, target, base_sha, created_at, ended_at,
    result, code, reason, task_count, completed_count
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- put_job_task: Add how far a task of a job run is
INSERT INTO job_tasks (
    job_run_id, number, task, status, run_id, code, reason, started_at, ended_at
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- put_landing: Add a landing, with what its run or job run is
INSERT INTO landings (
    run_id, job_run_id, seq, task, time, target, how, commit_sha, actor, reason,
    record, worker, of_job_run_id
)
VALUES (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
    coalesce(
        (SELECT record FROM runs WHERE id = ?1), (SELECT record FROM job_runs WHERE id = ?2)
    ),
    coalesce((SELECT worker FROM runs WHERE id = ?1), ''),
    coalesce((SELECT job_run_id FROM runs WHERE id = ?1), ?2)
);

-- task_changes: What happened to a task, oldest first, with what the journal of each run proves
SELECT s.time, s.seq, s.status, s.cause, s.actor, s.evidence, s.stop_reason, s.reason, s.commit_sha,
    s.run_id, r.record
FROM task_statuses AS s
JOIN runs AS r ON r.id = s.run_id
WHERE s.task = ?
ORDER BY s.time, s.run_id, s.seq;

-- task_landings: When work for a task got into which branch, oldest first
SELECT l.time, l.seq, l.target, l.how, l.commit_sha, l.actor, l.reason, l.run_id, r.record
FROM landings AS l
JOIN runs AS r ON r.id = l.run_id
WHERE l.task = ?
ORDER BY l.time, l.run_id, l.seq;

-- task_run_counts: How many runs of a task there were, and how many of them are not confirmed
SELECT count(*), coalesce(sum(record <> 'confirmed'), 0)
FROM runs
WHERE task = ?;

-- confirmed_runs_of_task: Runs of a task, also those that changed nothing of its status
SELECT id
FROM runs
WHERE task = ? AND record = 'confirmed'
ORDER BY created_at, id;

-- damaged_journals: Journals that say nothing, or not all that they did
SELECT path, record, detail
FROM journals
WHERE record <> 'confirmed'
ORDER BY path;

-- period_changes: Completions, stops and resets, all from one index
SELECT task, time, CASE WHEN cause = 'stopped' AND status = 'failed' THEN 'failed' ELSE cause END,
    evidence, stop_reason, run_seconds, lead_seconds
FROM task_statuses
WHERE cause IN ('completed', 'stopped', 'reset') AND record = 'confirmed'
    AND time >= :since AND time < :until
    AND (:job IS NULL OR job_run_id = :job)
    AND (:workers IS NULL OR worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
ORDER BY time;

-- period_last_resets: When each task was last reset, whoever did it and in whatever job
SELECT task, max(time)
FROM task_statuses
WHERE cause = 'reset' AND record = 'confirmed' AND time >= :since
GROUP BY task;

-- period_completed_before: Tasks that were completed before a period, and not reset before it
SELECT task
FROM task_statuses
WHERE cause IN ('completed', 'stopped', 'reset') AND record = 'confirmed' AND time < :since
    AND (cause = 'reset' OR cause = 'completed'
        AND (:job IS NULL OR job_run_id = :job)
        AND (:workers IS NULL OR worker IN (SELECT value FROM json_each(:workers))))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
GROUP BY task
HAVING max(CASE cause WHEN 'completed' THEN time END)
    > coalesce(max(CASE cause WHEN 'reset' THEN time END), '');

-- period_completions: The latest completions
SELECT task, time, evidence, actor, run_id, commit_sha
FROM task_statuses
WHERE cause = 'completed' AND record = 'confirmed' AND time >= :since AND time < :until
    AND (:job IS NULL OR job_run_id = :job)
    AND (:workers IS NULL OR worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
ORDER BY time DESC, run_id DESC, seq DESC
LIMIT :most;

-- period_first_verifications: How often the first verification of a run passed, and how often not
SELECT coalesce(sum(first_verification = 'passed'), 0),
    coalesce(sum(first_verification = 'failed'), 0)
FROM runs
WHERE first_verified_at >= :since AND first_verified_at < :until AND record = 'confirmed'
    AND (:job IS NULL OR job_run_id = :job)
    AND (:workers IS NULL OR worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)));

-- period_attempts: How many attempts the runs had that began in the period
SELECT coalesce(sum(attempt_count), 0)
FROM runs
WHERE created_at >= :since AND created_at < :until AND record = 'confirmed'
    AND (:job IS NULL OR job_run_id = :job)
    AND (:workers IS NULL OR worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)));

-- period_usages: What each worker used with each model; no cost where none was reported
SELECT worker, model, count(DISTINCT run_id), sum(cost_usd), sum(input_tokens), sum(output_tokens),
    sum(turns)
FROM usages
WHERE time >= :since AND time < :until AND record = 'confirmed'
    AND (:job IS NULL OR job_run_id = :job)
    AND (:workers IS NULL OR worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
GROUP BY worker, model;

-- period_attempts_by_worker: How many runs and attempts each worker had with each model
SELECT worker, model, sum(is_first), count(*)
FROM attempts
WHERE run_created_at >= :since AND run_created_at < :until AND record = 'confirmed'
    AND (:job IS NULL OR job_run_id = :job)
    AND (:workers IS NULL OR worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
GROUP BY worker, model;

-- period_first_by_worker: How often the first verification passed, and how many there were
SELECT first_worker, first_model, sum(first_verification = 'passed'), count(*)
FROM runs
WHERE first_verified_at >= :since AND first_verified_at < :until AND record = 'confirmed'
    AND first_verification IN ('passed', 'failed')
    AND (:job IS NULL OR job_run_id = :job)
    AND (:workers IS NULL OR first_worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)))
GROUP BY first_worker, first_model;

-- period_flaky_checks: Checks of a task that passed and failed on the same tree; joined in this order
WITH in_doubt AS (
    SELECT DISTINCT coalesce(v.tree, v.run_id) AS tree
    FROM verifications AS v
    WHERE (v.failed_checks > 0 OR v.repeated_checks > 0) AND v.time >= :since AND v.time < :until
        AND (v.repeated_checks > 0 OR EXISTS (
            SELECT 1
            FROM verifications AS o
            WHERE coalesce(o.tree, o.run_id) = coalesce(v.tree, v.run_id)
                AND o.time >= :since AND o.time < :until
                AND (o.run_id, o.seq) <> (v.run_id, v.seq)
        ))
)
SELECT r.task, r.worker, c.command, sum(c.exit_code IS 0), sum(
    CASE WHEN c.exit_code IS 0 THEN c.runs - 1 ELSE c.runs END
)
FROM in_doubt AS d
CROSS JOIN verifications AS v ON coalesce(v.tree, v.run_id) = d.tree
CROSS JOIN checks AS c ON c.run_id = v.run_id AND c.seq = v.seq
CROSS JOIN runs AS r ON r.id = v.run_id
WHERE v.time >= :since AND v.time < :until AND r.record = 'confirmed'
    AND (:job IS NULL OR r.job_run_id = :job) AND c.runs > 0
    AND (:workers IS NULL OR r.worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR r.task IN (SELECT value FROM json_each(:tasks)))
GROUP BY r.task, r.worker, c.command, d.tree
HAVING sum(c.exit_code IS 0) > 0 AND sum(
    CASE WHEN c.exit_code IS 0 THEN c.runs - 1 ELSE c.runs END
) > 0;

-- period_landings: How often work got into a branch
SELECT count(*)
FROM landings
WHERE time >= :since AND time < :until AND record = 'confirmed'
    AND (:job IS NULL OR of_job_run_id = :job)
    AND (:workers IS NULL OR worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR task IN (SELECT value FROM json_each(:tasks)));

-- activity_by_day: How often tasks were completed, stopped and failed on each day of the user
SELECT date(s.time, 'localtime'),
    sum(s.cause = 'completed' AND s.task NOT IN (SELECT value FROM json_each(:unmerged))
        AND NOT EXISTS (
            SELECT 1
            FROM task_statuses AS r
            WHERE r.task = s.task AND r.time > s.time AND r.cause = 'reset'
                AND r.record = 'confirmed'
        )),
    sum(s.cause = 'stopped' AND s.status <> 'failed'),
    sum(s.cause = 'stopped' AND s.status = 'failed')
FROM task_statuses AS s
WHERE s.cause IN ('completed', 'stopped') AND s.record = 'confirmed'
    AND s.time >= :since AND s.time < :until
GROUP BY 1;

-- has_earlier_activity: Whether anything was completed or stopped before a time
SELECT 1
FROM task_statuses
WHERE cause IN ('completed', 'stopped') AND record = 'confirmed' AND time < :since
LIMIT 1;

-- recent_landings: What got into a branch before a place in the order, the latest first
SELECT time, target, how, commit_sha, actor, reason, task, run_id, job_run_id, seq
FROM landings
WHERE time >= :since AND time <= :until AND record = 'confirmed'
    AND (time, coalesce(run_id, job_run_id), seq) < (:until, :owner, :seq)
ORDER BY time DESC, coalesce(run_id, job_run_id) DESC, seq DESC
LIMIT :limit;

-- period_unconfirmed: How many runs are no evidence
SELECT count(*)
FROM runs
WHERE created_at >= :since AND created_at < :until AND record <> 'confirmed'
    AND (:job IS NULL OR job_run_id = :job);

-- ended_runs: How many runs of each worker ended how, and how long they worked, without decisions
SELECT result, worker, count(*), sum(active_seconds)
FROM runs
WHERE record = 'confirmed' AND result IN ('completed', 'stopped') AND worker <> 'person'
GROUP BY result, worker;

-- list_run_ids: The runs of a task, or of all, that had not ended before a time
SELECT id
FROM runs
WHERE (:task IS NULL OR task = :task) AND (ended_at IS NULL OR ended_at >= :since);

-- job_time: When a job run began, and when it ended, NULL while it has not, and its last record
SELECT j.created_at, j.ended_at, max(
    j.created_at,
    coalesce(j.ended_at, ''),
    coalesce((
        SELECT max(s.time)
        FROM runs AS r
        JOIN task_statuses AS s ON s.run_id = r.id
        WHERE r.job_run_id = j.id
    ), ''),
    coalesce((SELECT max(l.time) FROM landings AS l WHERE l.job_run_id = j.id), '')
)
FROM job_runs AS j
WHERE j.id = ?;

-- job_tasks: The tasks of a job run, also those of which it began no run
SELECT task
FROM job_tasks
WHERE job_run_id = :job
UNION
SELECT task
FROM runs
WHERE job_run_id = :job;

-- repeated_stops: Tasks that stopped again and again since their last completion, and why last
SELECT s.task, count(*), max(s.time), s.stop_reason, s.run_id
FROM task_statuses AS s
JOIN runs AS r ON r.id = s.run_id
WHERE s.cause = 'stopped' AND s.time >= :since AND r.record = 'confirmed' AND s.task <> ''
    AND s.time > coalesce((
        SELECT max(e.time)
        FROM task_statuses AS e
        WHERE e.task = s.task AND e.cause IN ('completed', 'approved', 'reset')
            AND e.record = 'confirmed'
    ), '')
GROUP BY s.task
HAVING count(*) >= :least
ORDER BY count(*) DESC, s.task;

-- flapping_tasks: Tasks whose completion was taken back again and again
SELECT s.task, sum(s.cause = 'completed'), sum(s.cause IN ('reset', 'rejected')), max(s.time)
FROM task_statuses AS s
JOIN runs AS r ON r.id = s.run_id
WHERE s.cause IN ('completed', 'reset', 'rejected') AND s.time >= :since
    AND r.record = 'confirmed' AND s.task <> ''
GROUP BY s.task
HAVING sum(s.cause IN ('reset', 'rejected')) >= :least
ORDER BY sum(s.cause IN ('reset', 'rejected')) DESC, s.task;

-- failing_checks: Checks that were run and never passed
SELECT c.command, count(*), count(DISTINCT r.task), max(v.time), max(v.run_id)
FROM verifications AS v
JOIN checks AS c ON c.run_id = v.run_id AND c.seq = v.seq
JOIN runs AS r ON r.id = v.run_id
WHERE v.time >= :since AND r.record = 'confirmed' AND c.runs > 0
GROUP BY c.command
HAVING sum(c.exit_code IS 0) = 0 AND count(*) >= :least
ORDER BY count(*) DESC, c.command;
