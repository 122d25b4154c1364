-- From version 5 to 6: several objectives, and constraints.
ALTER TABLE kindling_trials ADD COLUMN constraints TEXT;
CREATE TABLE kindling_other_values (
    trial_id INTEGER NOT NULL REFERENCES kindling_trials (trial_id),
    step INTEGER NOT NULL,
    objective INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (trial_id, step, objective)
) STRICT, WITHOUT ROWID;
UPDATE kindling_meta SET value = 6 WHERE key = 'schema_version';
