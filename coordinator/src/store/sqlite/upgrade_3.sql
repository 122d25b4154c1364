-- From version 3 to 4, with `guards.sql` after it: nobody but Kindling writes to what Kindling reads.
DROP TRIGGER IF EXISTS kindling_guards_new_studies;
DROP TRIGGER IF EXISTS kindling_guards_old_studies;
DROP TRIGGER IF EXISTS kindling_guards_new_trials;
DROP TRIGGER IF EXISTS kindling_guards_old_trials;
DROP TRIGGER IF EXISTS kindling_guards_states;
INSERT INTO kindling_meta VALUES ('pen', 0);

-- A trial's newest lease is all that is needed of them, and how many before it were lost. None has a mark,
-- and nobody can show one for a lease that is open now, so that its trial waits again, with its parameters.
-- That is no loss of the trial's: it counts as handed back.
CREATE TEMP TABLE leases AS SELECT * FROM kindling_leases;
DROP TABLE kindling_leases;
CREATE TABLE kindling_leases (
    trial_id INTEGER NOT NULL PRIMARY KEY REFERENCES kindling_trials (trial_id),
    attempt INTEGER NOT NULL,
    worker TEXT NOT NULL,
    leased_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended TEXT,
    session INTEGER,
    lost_before INTEGER NOT NULL,
    mark BLOB
) STRICT;
-- A bare column comes from the row of the maximum.
INSERT INTO kindling_leases
SELECT trial_id, max(attempt), worker, leased_at, ended_at, ended, NULL,
    count(*) FILTER (WHERE ended = 'EXPIRED') - (ended IS 'EXPIRED'), NULL
FROM leases GROUP BY trial_id;
DROP TABLE leases;
UPDATE kindling_leases
    SET ended = 'HANDED_BACK', ended_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER)
    WHERE ended IS NULL;
UPDATE trials SET state = 'WAITING' WHERE state = 'RUNNING';

-- Stores have histories.
CREATE TABLE kindling_history (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    history BLOB NOT NULL
) STRICT;
INSERT INTO kindling_history VALUES (1, randomblob(16));
INSERT INTO kindling_meta VALUES ('commits', 0);

-- Until now others could add intermediate values. Those that cannot be ours are set aside: of trials
-- that nobody was given yet, of steps below 0, and not finite.
CREATE TABLE kindling_set_aside (
    from_table TEXT NOT NULL,
    row TEXT NOT NULL              -- JSON
) STRICT;
CREATE TEMP TABLE strange AS
SELECT trial_intermediate_value_id AS id FROM trial_intermediate_values
WHERE step < 0 OR intermediate_value_type IN ('NAN', 'INF_POS', 'INF_NEG')
    OR trial_id IN (SELECT trial_id FROM kindling_trials)
        AND trial_id NOT IN (SELECT trial_id FROM kindling_leases);
INSERT INTO kindling_set_aside
SELECT 'trial_intermediate_values', json_object(
    'trial_id', trial_id, 'step', step, 'intermediate_value', intermediate_value,
    'intermediate_value_type', intermediate_value_type)
FROM trial_intermediate_values WHERE trial_intermediate_value_id IN (SELECT id FROM strange);
DELETE FROM trial_intermediate_values
WHERE trial_intermediate_value_id IN (SELECT id FROM strange);
DROP TABLE strange;

ALTER TABLE kindling_studies ADD COLUMN pause_reason TEXT;

UPDATE kindling_meta SET value = 4 WHERE key = 'schema_version';
