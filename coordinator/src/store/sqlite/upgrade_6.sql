-- From version 6 to 7: checkpoints, artifacts, and the attempts before the newest one.
ALTER TABLE kindling_trials ADD COLUMN warm_start INTEGER;
ALTER TABLE kindling_leases ADD COLUMN resumed INTEGER;
CREATE TABLE kindling_attempts (
    trial_id INTEGER NOT NULL REFERENCES kindling_trials (trial_id),
    attempt INTEGER NOT NULL,
    worker TEXT NOT NULL,
    leased_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    ended TEXT NOT NULL,
    resumed INTEGER,
    PRIMARY KEY (trial_id, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE kindling_checkpoints (
    trial_id INTEGER NOT NULL REFERENCES kindling_trials (trial_id),
    attempt INTEGER NOT NULL,
    step INTEGER NOT NULL,
    blob_key TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (trial_id, attempt, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE kindling_artifacts (
    trial_id INTEGER NOT NULL REFERENCES kindling_trials (trial_id),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    blob_key TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (trial_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE kindling_study_artifacts (
    study_id INTEGER NOT NULL REFERENCES kindling_studies (study_id),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    blob_key TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (study_id, name)
) STRICT, WITHOUT ROWID;
UPDATE kindling_meta SET value = 7 WHERE key = 'schema_version';
