-- From version 4 to 5: studies that Optuna's clients drive.
CREATE TABLE kindling_external_studies (
    study_id INTEGER NOT NULL PRIMARY KEY
        REFERENCES studies (study_id) DEFERRABLE INITIALLY DEFERRED,
    created_at INTEGER NOT NULL
) STRICT;
UPDATE kindling_meta SET value = 5 WHERE key = 'schema_version';
