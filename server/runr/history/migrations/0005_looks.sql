-- After a run was added, only a few of the journals of ended runs are looked at again.

-- Up to where the notes of ended runs that go on were read, and the last journal that was looked at
-- in its turn.
ALTER TABLE folders ADD COLUMN noted_bytes INTEGER NOT NULL DEFAULT 0 CHECK (noted_bytes >= 0);
ALTER TABLE folders ADD COLUMN turn TEXT NOT NULL DEFAULT '';

-- Of attempts with the same worker and model, one counts the run.
ALTER TABLE attempts ADD COLUMN is_first INTEGER NOT NULL DEFAULT 0 CHECK (is_first IN (0, 1));
UPDATE attempts AS a
SET is_first = NOT EXISTS (
    SELECT 1
    FROM attempts AS b
    WHERE b.run_id = a.run_id AND b.worker = a.worker AND b.model = a.model AND b.number < a.number
);
DROP INDEX attempts_by_worker;
CREATE INDEX attempts_by_worker ON attempts (
    record, run_created_at, worker, model, is_first, job_run_id, task
);

-- What the run or the job run of a landing is: `of_job_run_id` also where a run of it landed.
ALTER TABLE landings ADD COLUMN record TEXT NOT NULL DEFAULT 'foreign' CHECK (
    record IN ('confirmed', 'foreign', 'damaged')
);
ALTER TABLE landings ADD COLUMN worker TEXT NOT NULL DEFAULT '';
ALTER TABLE landings ADD COLUMN of_job_run_id TEXT;
UPDATE landings AS l
SET record = coalesce(
        (SELECT record FROM runs WHERE id = l.run_id),
        (SELECT record FROM job_runs WHERE id = l.job_run_id)
    ),
    worker = coalesce((SELECT worker FROM runs WHERE id = l.run_id), ''),
    of_job_run_id = coalesce((SELECT job_run_id FROM runs WHERE id = l.run_id), l.job_run_id);
DROP INDEX landings_by_time;
CREATE INDEX landings_by_time ON landings (record, time, of_job_run_id, worker, task);
