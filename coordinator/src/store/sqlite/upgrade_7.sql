-- From version 7 to 8: who is told of a study's news.
CREATE TABLE kindling_notify (
    study_id INTEGER NOT NULL PRIMARY KEY REFERENCES kindling_studies (study_id),
    notify TEXT NOT NULL,
    told TEXT
) STRICT;
UPDATE kindling_meta SET value = 8 WHERE key = 'schema_version';
