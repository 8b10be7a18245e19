-- What rates by worker and model need of a run, beside its attempts and its first verification.

ALTER TABLE runs ADD COLUMN first_worker TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN first_model TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_by_first_worker ON runs (
    record, first_verified_at, first_worker, first_model, first_verification, job_run_id, task
);

ALTER TABLE attempts ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN record TEXT NOT NULL DEFAULT 'foreign' CHECK (
    record IN ('confirmed', 'foreign', 'damaged')
);
ALTER TABLE attempts ADD COLUMN task TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN job_run_id TEXT;
ALTER TABLE attempts ADD COLUMN run_created_at TEXT NOT NULL DEFAULT '';
CREATE INDEX attempts_by_worker ON attempts (
    record, run_created_at, worker, model, run_id, job_run_id, task
);
