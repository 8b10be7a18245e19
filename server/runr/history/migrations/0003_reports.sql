-- What reports need of a run beside each of its rows, so that a long period is read from one index.

-- Settled is the journal of a run that has ended.
ALTER TABLE journals ADD COLUMN settled INTEGER NOT NULL DEFAULT 0 CHECK (settled IN (0, 1));
CREATE INDEX journals_unsettled ON journals (path) WHERE settled = 0;

-- When a folder of journals had last been changed before all in it were looked at.
CREATE TABLE folders (
    name TEXT PRIMARY KEY CHECK (name IN ('runs', 'job-runs')),
    changed_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE runs ADD COLUMN attempt_count INTEGER NOT NULL DEFAULT 0 CHECK (attempt_count >= 0);
ALTER TABLE runs ADD COLUMN first_verified_at TEXT;
ALTER TABLE runs ADD COLUMN first_verification TEXT CHECK (
    first_verification IN ('passed', 'failed', 'skipped', 'none')
);
DROP INDEX runs_by_start;
CREATE INDEX runs_by_start ON runs (record, created_at, job_run_id, worker, task, attempt_count);
CREATE INDEX runs_by_first_verification ON runs (
    record, first_verified_at, first_verification, job_run_id, worker, task
);
CREATE INDEX runs_by_result ON runs (record, result, worker, active_seconds);
CREATE INDEX runs_unconfirmed ON runs (created_at, record, job_run_id) WHERE record <> 'confirmed';

-- `lead_seconds` is from the first start since the completion or reset before.
ALTER TABLE task_statuses ADD COLUMN record TEXT NOT NULL DEFAULT 'foreign' CHECK (
    record IN ('confirmed', 'foreign', 'damaged')
);
ALTER TABLE task_statuses ADD COLUMN worker TEXT NOT NULL DEFAULT '';
ALTER TABLE task_statuses ADD COLUMN job_run_id TEXT;
ALTER TABLE task_statuses ADD COLUMN run_seconds REAL NOT NULL DEFAULT 0 CHECK (run_seconds >= 0);
ALTER TABLE task_statuses ADD COLUMN lead_seconds REAL CHECK (lead_seconds >= 0);
DROP INDEX task_statuses_by_task;
CREATE INDEX task_statuses_by_task ON task_statuses (task, time, cause, record);
CREATE INDEX task_statuses_by_time ON task_statuses (
    record, time, cause, status, evidence, stop_reason, worker, job_run_id, task, run_seconds,
    lead_seconds
) WHERE cause IN ('completed', 'stopped', 'reset');

ALTER TABLE usages ADD COLUMN record TEXT NOT NULL DEFAULT 'foreign' CHECK (
    record IN ('confirmed', 'foreign', 'damaged')
);
ALTER TABLE usages ADD COLUMN task TEXT NOT NULL DEFAULT '';
ALTER TABLE usages ADD COLUMN job_run_id TEXT;
DROP INDEX usages_by_time;
CREATE INDEX usages_by_time ON usages (
    record, time, worker, model, run_id, cost_usd, input_tokens, output_tokens, turns, job_run_id,
    task
);

-- How many checks failed, and how many passed only when they were repeated.
ALTER TABLE verifications ADD COLUMN failed_checks INTEGER NOT NULL DEFAULT 0 CHECK (
    failed_checks >= 0
);
ALTER TABLE verifications ADD COLUMN repeated_checks INTEGER NOT NULL DEFAULT 0 CHECK (
    repeated_checks >= 0
);
DROP INDEX verifications_by_tree;
CREATE INDEX verifications_by_tree ON verifications (coalesce(tree, run_id), time);
CREATE INDEX verifications_in_doubt ON verifications (
    time, failed_checks, repeated_checks, coalesce(tree, run_id)
) WHERE failed_checks > 0 OR repeated_checks > 0;
