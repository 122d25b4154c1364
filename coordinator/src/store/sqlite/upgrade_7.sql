-- From version 7 to 8: what people did, and who is told of a study's news.
CREATE TABLE kindling_activity (
    activity_id INTEGER NOT NULL PRIMARY KEY,
    study_id INTEGER REFERENCES studies (study_id),
    deleted TEXT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    origin TEXT NOT NULL,
    deed TEXT NOT NULL,
    trial INTEGER,
    details TEXT NOT NULL
) STRICT;
CREATE INDEX kindling_activity_study ON kindling_activity (study_id);
CREATE TABLE kindling_notify (
    study_id INTEGER NOT NULL PRIMARY KEY REFERENCES kindling_studies (study_id),
    notify TEXT NOT NULL,
    told TEXT
) STRICT;
UPDATE kindling_meta SET value = 8 WHERE key = 'schema_version';
