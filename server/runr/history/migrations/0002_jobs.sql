-- What a job is, and how far each of its tasks got.

ALTER TABLE job_runs ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE job_runs ADD COLUMN schedule TEXT;

CREATE TABLE job_tasks (
    job_run_id TEXT NOT NULL REFERENCES job_runs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number > 0),
    task TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN (
        'waiting', 'starting', 'running', 'held', 'completed', 'failed', 'skipped', 'left_out'
    )),
    run_id TEXT,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    started_at TEXT CHECK (started_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    ended_at TEXT CHECK (ended_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    PRIMARY KEY (job_run_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_tasks_by_task ON job_tasks (task);

-- Each job as its latest run had it, and how often it ran since when.
CREATE VIEW jobs AS
SELECT j.job AS name, j.description, j.schedule, j.id AS last_job_run_id,
    j.created_at AS last_run_at, j.result AS last_result,
    (SELECT min(f.created_at) FROM job_runs AS f WHERE f.job = j.job) AS first_run_at,
    (SELECT count(*) FROM job_runs AS c WHERE c.job = j.job) AS run_count
FROM job_runs AS j
WHERE j.id = (
    SELECT l.id
    FROM job_runs AS l
    WHERE l.job = j.job
    ORDER BY l.created_at DESC, l.id DESC
    LIMIT 1
);
