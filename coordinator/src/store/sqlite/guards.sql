-- Guards. Others may read everything and attach attributes. They may not create, change or delete
-- anything else: Optuna and its dashboard have calls and buttons for that, and a coordinator that
-- serves the store does not look again. Who writes is told by the pen: the coordinator takes it up as
-- its transaction begins and puts it down before that ends, so that nobody else ever sees it taken.

CREATE TRIGGER kindling_guards_studies_insert BEFORE INSERT ON studies
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'studies of this store are created, changed and deleted with Kindling'); END;
CREATE TRIGGER kindling_guards_studies_update BEFORE UPDATE ON studies
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'studies of this store are created, changed and deleted with Kindling'); END;
CREATE TRIGGER kindling_guards_studies_delete BEFORE DELETE ON studies
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'studies of this store are created, changed and deleted with Kindling'); END;

CREATE TRIGGER kindling_guards_study_directions_insert BEFORE INSERT ON study_directions
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'studies of this store are created, changed and deleted with Kindling'); END;
CREATE TRIGGER kindling_guards_study_directions_update BEFORE UPDATE ON study_directions
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'studies of this store are created, changed and deleted with Kindling'); END;
CREATE TRIGGER kindling_guards_study_directions_delete BEFORE DELETE ON study_directions
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'studies of this store are created, changed and deleted with Kindling'); END;

CREATE TRIGGER kindling_guards_trials_insert BEFORE INSERT ON trials
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;
CREATE TRIGGER kindling_guards_trials_update BEFORE UPDATE ON trials
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;
CREATE TRIGGER kindling_guards_trials_delete BEFORE DELETE ON trials
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;

CREATE TRIGGER kindling_guards_trial_params_insert BEFORE INSERT ON trial_params
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;
CREATE TRIGGER kindling_guards_trial_params_update BEFORE UPDATE ON trial_params
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;
CREATE TRIGGER kindling_guards_trial_params_delete BEFORE DELETE ON trial_params
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;

CREATE TRIGGER kindling_guards_trial_values_insert BEFORE INSERT ON trial_values
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;
CREATE TRIGGER kindling_guards_trial_values_update BEFORE UPDATE ON trial_values
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;
CREATE TRIGGER kindling_guards_trial_values_delete BEFORE DELETE ON trial_values
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;

CREATE TRIGGER kindling_guards_trial_intermediate_values_insert BEFORE INSERT ON trial_intermediate_values
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;
CREATE TRIGGER kindling_guards_trial_intermediate_values_update BEFORE UPDATE ON trial_intermediate_values
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;
CREATE TRIGGER kindling_guards_trial_intermediate_values_delete BEFORE DELETE ON trial_intermediate_values
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
BEGIN SELECT RAISE(ABORT, 'trials of this store are run by Kindling'); END;

-- Of attributes, those that belong to a result, and the reason of a failure.
CREATE TRIGGER kindling_guards_attributes_insert BEFORE INSERT ON trial_user_attributes
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
    AND NEW.key IN (
        SELECT json_each.value FROM kindling_trials, json_each(kindling_trials.attributes)
        WHERE kindling_trials.trial_id = NEW.trial_id)
BEGIN SELECT RAISE(ABORT, 'this attribute is part of a result that Kindling keeps'); END;
CREATE TRIGGER kindling_guards_attributes_update BEFORE UPDATE ON trial_user_attributes
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
    AND OLD.key IN (
        SELECT json_each.value FROM kindling_trials, json_each(kindling_trials.attributes)
        WHERE kindling_trials.trial_id = OLD.trial_id)
BEGIN SELECT RAISE(ABORT, 'this attribute is part of a result that Kindling keeps'); END;
CREATE TRIGGER kindling_guards_attributes_delete BEFORE DELETE ON trial_user_attributes
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1
    AND OLD.key IN (
        SELECT json_each.value FROM kindling_trials, json_each(kindling_trials.attributes)
        WHERE kindling_trials.trial_id = OLD.trial_id)
BEGIN SELECT RAISE(ABORT, 'this attribute is part of a result that Kindling keeps'); END;
CREATE TRIGGER kindling_guards_reasons_insert BEFORE INSERT ON trial_system_attributes
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1 AND NEW.key = 'fail_reason'
BEGIN SELECT RAISE(ABORT, 'Kindling says why a trial failed'); END;
CREATE TRIGGER kindling_guards_reasons_update BEFORE UPDATE ON trial_system_attributes
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1 AND OLD.key = 'fail_reason'
BEGIN SELECT RAISE(ABORT, 'Kindling says why a trial failed'); END;
CREATE TRIGGER kindling_guards_reasons_delete BEFORE DELETE ON trial_system_attributes
WHEN (SELECT value FROM kindling_meta WHERE key = 'pen') IS NOT 1 AND OLD.key = 'fail_reason'
BEGIN SELECT RAISE(ABORT, 'Kindling says why a trial failed'); END;
