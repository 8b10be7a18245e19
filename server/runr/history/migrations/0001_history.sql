-- What the journals of runs and of job runs say, as rows. All of it can be read from them again.
-- Times are ISO 8601 in UTC, as the journals have them.

CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY CHECK (version > 0),
    migrated_at TEXT NOT NULL CHECK (migrated_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z')
) STRICT;

-- Which file this is, sealed with the key of the clone, and by which reader the rows were made.
CREATE TABLE origin (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seal TEXT NOT NULL CHECK (length(seal) = 32),
    reader INTEGER NOT NULL
) STRICT;

-- Each journal, how large it was when it was read, and what it proves: only a confirmed one has
-- the seals of this clone on every line.
CREATE TABLE journals (
    path TEXT PRIMARY KEY CHECK (length(path) <= 200),
    size INTEGER NOT NULL CHECK (size >= 0),
    changed_ns INTEGER NOT NULL,
    record TEXT NOT NULL CHECK (record IN ('confirmed', 'foreign', 'damaged')),
    detail TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 100),
    journal TEXT NOT NULL UNIQUE REFERENCES journals (path) ON DELETE CASCADE,
    record TEXT NOT NULL CHECK (record IN ('confirmed', 'foreign', 'damaged')),
    kind TEXT NOT NULL CHECK (kind IN ('attempt', 'manual_commit', 'acknowledgement', 'reset')),
    task TEXT NOT NULL,
    title TEXT NOT NULL,
    task_type TEXT NOT NULL,
    task_sha256 TEXT NOT NULL,
    worker TEXT NOT NULL,
    job_run_id TEXT,
    base_sha TEXT NOT NULL,
    branch TEXT,
    target TEXT,
    created_at TEXT NOT NULL CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    ended_at TEXT CHECK (ended_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    active_seconds REAL NOT NULL CHECK (active_seconds >= 0),
    result TEXT CHECK (result IN ('completed', 'stopped')),
    stop_reason TEXT,
    verification TEXT NOT NULL CHECK (verification IN ('passed', 'failed', 'skipped', 'none')),
    CHECK ((result IS NULL) = (ended_at IS NULL)),
    CHECK (result = 'stopped' OR stop_reason IS NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_task ON runs (task, created_at);
CREATE INDEX runs_by_end ON runs (ended_at);
CREATE INDEX runs_by_start ON runs (created_at);
CREATE INDEX runs_by_job ON runs (job_run_id) WHERE job_run_id IS NOT NULL;

-- Every change of a task's status, and every decision about it.
CREATE TABLE task_statuses (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL CHECK (seq > 0),
    task TEXT NOT NULL,
    time TEXT NOT NULL CHECK (time GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    status TEXT NOT NULL CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'stopped')),
    cause TEXT NOT NULL CHECK (cause IN (
        'started', 'resumed', 'stopped', 'completed', 'approved', 'rejected', 'acknowledged', 'reset'
    )),
    actor TEXT NOT NULL,
    evidence TEXT CHECK (evidence IN (
        'verified', 'verified_in_workspace', 'attested', 'relayed'
    )),
    stop_reason TEXT,
    reason TEXT,
    commit_sha TEXT,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_statuses_by_task ON task_statuses (task, time);
CREATE INDEX task_statuses_by_cause ON task_statuses (cause, time);

CREATE TABLE attempts (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL CHECK (number > 0),
    worker TEXT NOT NULL,
    session_id TEXT,
    started_at TEXT CHECK (started_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    ended_at TEXT CHECK (ended_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    outcome TEXT,
    detail TEXT,
    PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;

-- What was used, by the phase of a run that used it; a session's is counted as a whole.
CREATE TABLE usages (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL CHECK (seq > 0),
    time TEXT NOT NULL CHECK (time GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    phase TEXT NOT NULL CHECK (phase IN ('plan', 'work', 'review', 'session')),
    worker TEXT NOT NULL,
    model TEXT NOT NULL,
    cost_usd REAL CHECK (cost_usd >= 0),
    input_tokens INTEGER NOT NULL CHECK (input_tokens >= 0),
    output_tokens INTEGER NOT NULL CHECK (output_tokens >= 0),
    turns INTEGER NOT NULL CHECK (turns >= 0),
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX usages_by_time ON usages (time);

-- A verification of a run: `number` counts them, `tree` is the one that was checked.
CREATE TABLE verifications (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL CHECK (seq > 0),
    number INTEGER NOT NULL CHECK (number > 0),
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    phase TEXT NOT NULL CHECK (phase IN ('verify', 'integrate')),
    time TEXT NOT NULL CHECK (time GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    result TEXT NOT NULL CHECK (result IN ('passed', 'failed', 'skipped', 'none')),
    outcome TEXT NOT NULL,
    place TEXT CHECK (place IN ('checkout', 'workspace')),
    tree TEXT,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX verifications_by_time ON verifications (time);
CREATE INDEX verifications_by_tree ON verifications (tree) WHERE tree IS NOT NULL;

-- Each check of a verification; without an exit code it timed out, with 0 `runs` it was skipped.
CREATE TABLE checks (
    run_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    tier TEXT NOT NULL,
    command TEXT NOT NULL,
    exit_code INTEGER,
    seconds REAL NOT NULL CHECK (seconds >= 0),
    runs INTEGER NOT NULL CHECK (runs >= 0),
    PRIMARY KEY (run_id, seq, number),
    FOREIGN KEY (run_id, seq) REFERENCES verifications (run_id, seq) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE job_runs (
    id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 100),
    journal TEXT NOT NULL UNIQUE REFERENCES journals (path) ON DELETE CASCADE,
    record TEXT NOT NULL CHECK (record IN ('confirmed', 'foreign', 'damaged')),
    job TEXT NOT NULL,
    branch TEXT NOT NULL,
    target TEXT NOT NULL,
    base_sha TEXT NOT NULL,
    created_at TEXT NOT NULL CHECK (created_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    ended_at TEXT CHECK (ended_at GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    result TEXT CHECK (result IN ('completed', 'failed', 'paused', 'stopped')),
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    task_count INTEGER NOT NULL CHECK (task_count >= 0),
    completed_count INTEGER NOT NULL CHECK (completed_count >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_runs_by_job ON job_runs (job, created_at);

-- When work got into a branch: that of a run, or of a job as a whole.
CREATE TABLE landings (
    run_id TEXT REFERENCES runs (id) ON DELETE CASCADE,
    job_run_id TEXT REFERENCES job_runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL CHECK (seq > 0),
    task TEXT NOT NULL,
    time TEXT NOT NULL CHECK (time GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*Z'),
    target TEXT NOT NULL,
    how TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,
    CHECK ((run_id IS NULL) <> (job_run_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX landings_of_runs ON landings (run_id, seq) WHERE run_id IS NOT NULL;
CREATE UNIQUE INDEX landings_of_jobs ON landings (job_run_id, seq) WHERE job_run_id IS NOT NULL;
CREATE INDEX landings_by_task ON landings (task, time);
CREATE INDEX landings_by_time ON landings (time);

-- Each text with which a task was run, and since when.
CREATE VIEW task_definitions AS
SELECT task, task_sha256 AS sha256, title, task_type AS type, min(created_at) AS first_run_at
FROM runs
WHERE kind = 'attempt' AND task <> ''
GROUP BY task, task_sha256;
