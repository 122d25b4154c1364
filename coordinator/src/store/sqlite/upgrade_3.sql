-- From version 3 to 4, with `guards.sql` after it: nobody but Kindling writes to what Kindling reads.
DROP TRIGGER IF EXISTS kindling_guards_new_studies;
DROP TRIGGER IF EXISTS kindling_guards_old_studies;
DROP TRIGGER IF EXISTS kindling_guards_new_trials;
DROP TRIGGER IF EXISTS kindling_guards_old_trials;
DROP TRIGGER IF EXISTS kindling_guards_states;
INSERT INTO kindling_meta VALUES ('pen', 0);

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

ALTER TABLE kindling_leases ADD COLUMN session INTEGER;
ALTER TABLE kindling_studies ADD COLUMN pause_reason TEXT;

UPDATE kindling_meta SET value = 4 WHERE key = 'schema_version';
