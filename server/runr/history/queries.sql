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

-- list_marks: Which journals were read, and how large they were
SELECT path, size, changed_ns
FROM journals;

-- delete_journal: Forget a journal with all that it says
DELETE FROM journals
WHERE path = ?;

-- delete_journals: Forget all journals, to read them again
DELETE FROM journals;

-- put_journal: Record that a journal was read
INSERT INTO journals (path, size, changed_ns, record, detail)
VALUES (?, ?, ?, ?, ?);

-- put_run: Add a run
INSERT INTO runs (
    id, journal, record, kind, task, title, task_type, task_sha256, worker, job_run_id, base_sha,
    branch, target, created_at, ended_at, active_seconds, result, stop_reason, verification
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- put_task_status: Add a change of a task's status
INSERT INTO task_statuses (
    run_id, seq, task, time, status, cause, actor, evidence, stop_reason, reason, commit_sha
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- put_attempt: Add an attempt
INSERT INTO attempts (
    run_id, number, worker, session_id, started_at, ended_at, outcome, detail
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- put_usage: Add what was used
INSERT INTO usages (
    run_id, seq, time, phase, worker, model, cost_usd, input_tokens, output_tokens, turns
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- put_verification: Add a verification
INSERT INTO verifications (
    run_id, seq, number, attempt, phase, time, result, outcome, place, tree
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

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

-- put_landing: Add a landing
INSERT INTO landings (
    run_id, job_run_id, seq, task, time, target, how, commit_sha, actor, reason
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

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

-- damaged_journals: Journals that say nothing, or not all that they did
SELECT path, record, detail
FROM journals
WHERE record <> 'confirmed'
ORDER BY path;

-- period_changes: Completions, stops and resets; the `+` leaves the lookup of the start to the task
SELECT s.task, r.worker, s.time, s.cause, s.status, s.evidence, s.actor, s.stop_reason, s.reason,
    s.commit_sha, s.run_id, r.active_seconds,
    CASE WHEN s.cause = 'completed' THEN (
        SELECT min(b.time)
        FROM task_statuses AS b
        WHERE b.task = s.task AND b.time <= s.time AND +b.cause = 'started' AND b.time > coalesce((
            SELECT max(e.time)
            FROM task_statuses AS e
            WHERE e.task = s.task AND e.time < s.time AND e.cause IN ('completed', 'reset')
        ), '')
    ) END
FROM task_statuses AS s
JOIN runs AS r ON r.id = s.run_id
WHERE s.cause IN ('completed', 'stopped', 'reset') AND s.time >= :since AND s.time < :until
    AND r.record = 'confirmed'
    AND (:job IS NULL OR r.job_run_id = :job)
ORDER BY s.time, s.run_id, s.seq;

-- period_first_verifications: How often the first verification of a run ended how
SELECT v.result, count(*)
FROM verifications AS v
JOIN runs AS r ON r.id = v.run_id
WHERE v.time >= :since AND v.time < :until AND v.number = 1 AND v.result IN ('passed', 'failed')
    AND r.record = 'confirmed'
    AND (:job IS NULL OR r.job_run_id = :job)
    AND (:workers IS NULL OR r.worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR r.task IN (SELECT value FROM json_each(:tasks)))
GROUP BY v.result;

-- period_attempts: How many attempts the runs had that began in the period
SELECT count(*)
FROM runs AS r
JOIN attempts AS a ON a.run_id = r.id
WHERE r.created_at >= :since AND r.created_at < :until AND r.record = 'confirmed'
    AND (:job IS NULL OR r.job_run_id = :job)
    AND (:workers IS NULL OR r.worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR r.task IN (SELECT value FROM json_each(:tasks)));

-- period_usages: What each worker used with each model; no cost where none was reported
SELECT u.worker, u.model, count(DISTINCT u.run_id), sum(u.cost_usd), sum(u.input_tokens),
    sum(u.output_tokens), sum(u.turns)
FROM usages AS u
JOIN runs AS r ON r.id = u.run_id
WHERE u.time >= :since AND u.time < :until AND r.record = 'confirmed'
    AND (:job IS NULL OR r.job_run_id = :job)
    AND (:workers IS NULL OR u.worker IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR r.task IN (SELECT value FROM json_each(:tasks)))
GROUP BY u.worker, u.model;

-- period_flaky_checks: Checks of a task that passed and failed on the same tree
SELECT r.task, r.worker, c.command, sum(c.exit_code IS 0), sum(
    CASE WHEN c.exit_code IS 0 THEN c.runs - 1 ELSE c.runs END
)
FROM verifications AS v
JOIN checks AS c ON c.run_id = v.run_id AND c.seq = v.seq
JOIN runs AS r ON r.id = v.run_id
WHERE v.time >= :since AND v.time < :until AND r.record = 'confirmed'
    AND (:job IS NULL OR r.job_run_id = :job) AND c.runs > 0
GROUP BY r.task, r.worker, c.command, coalesce(v.tree, v.run_id)
HAVING sum(c.exit_code IS 0) > 0 AND sum(
    CASE WHEN c.exit_code IS 0 THEN c.runs - 1 ELSE c.runs END
) > 0;

-- period_landings: How often work got into a branch
SELECT count(*)
FROM landings AS l
LEFT JOIN runs AS r ON r.id = l.run_id
LEFT JOIN job_runs AS j ON j.id = l.job_run_id
WHERE l.time >= :since AND l.time < :until AND coalesce(r.record, j.record) = 'confirmed'
    AND (:job IS NULL OR coalesce(r.job_run_id, l.job_run_id) = :job)
    AND (:workers IS NULL OR coalesce(r.worker, '') IN (SELECT value FROM json_each(:workers)))
    AND (:tasks IS NULL OR l.task IN (SELECT value FROM json_each(:tasks)));

-- activity_by_day: How often tasks were completed, stopped and failed on each day of the user
SELECT date(s.time, 'localtime'), sum(s.cause = 'completed'),
    sum(s.cause = 'stopped' AND s.status <> 'failed'), sum(s.cause = 'stopped' AND s.status = 'failed')
FROM task_statuses AS s
JOIN runs AS r ON r.id = s.run_id
WHERE s.cause IN ('completed', 'stopped') AND s.time >= :since AND s.time < :until
    AND r.record = 'confirmed'
GROUP BY date(s.time, 'localtime');

-- has_earlier_activity: Whether anything was completed or stopped before a time
SELECT 1
FROM task_statuses AS s
JOIN runs AS r ON r.id = s.run_id
WHERE s.cause IN ('completed', 'stopped') AND s.time < :since AND r.record = 'confirmed'
LIMIT 1;

-- recent_landings: What got into a branch before a place in the order, the latest first
SELECT l.time, l.target, l.how, l.commit_sha, l.actor, l.reason, l.task, l.run_id, l.job_run_id,
    l.seq
FROM landings AS l
LEFT JOIN runs AS r ON r.id = l.run_id
LEFT JOIN job_runs AS j ON j.id = l.job_run_id
WHERE l.time >= :since AND l.time <= :until
    AND (l.time, coalesce(l.run_id, l.job_run_id), l.seq) < (:until, :owner, :seq)
    AND coalesce(r.record, j.record) = 'confirmed'
ORDER BY l.time DESC, coalesce(l.run_id, l.job_run_id) DESC, l.seq DESC
LIMIT :limit;

-- period_unconfirmed: How many runs are no evidence
SELECT count(*)
FROM runs
WHERE created_at >= :since AND created_at < :until AND record <> 'confirmed'
    AND (:job IS NULL OR job_run_id = :job);

-- ended_runs: The result of each ended run, its worker, and how long it worked
SELECT result, worker, active_seconds
FROM runs
WHERE ended_at > '' AND record = 'confirmed';

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
