-- The layout of a store, version 4. `guards.sql` belongs to it.
--
-- First Optuna's tables, column for column as Optuna 5.0 lays them out, so that its storage and its
-- dashboard open the file. Then ours, for what Optuna has no place for. No fact stands in both.

CREATE TABLE studies (
    study_id INTEGER NOT NULL PRIMARY KEY,
    study_name VARCHAR(512) NOT NULL
);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);

CREATE TABLE study_directions (
    study_direction_id INTEGER NOT NULL PRIMARY KEY,
    direction VARCHAR(8) NOT NULL,
    study_id INTEGER NOT NULL REFERENCES studies (study_id),
    objective INTEGER NOT NULL,
    UNIQUE (study_id, objective)
);

-- The attributes of studies are other people's: the dashboard keeps its notes there.
CREATE TABLE study_user_attributes (
    study_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
    study_id INTEGER REFERENCES studies (study_id),
    "key" VARCHAR(512),
    value_json TEXT,
    UNIQUE (study_id, "key")
);
CREATE TABLE study_system_attributes (
    study_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
    study_id INTEGER REFERENCES studies (study_id),
    "key" VARCHAR(512),
    value_json TEXT,
    UNIQUE (study_id, "key")
);

-- state: WAITING, RUNNING, COMPLETE, PRUNED or FAIL. The datetimes are UTC, to the microsecond.
CREATE TABLE trials (
    trial_id INTEGER NOT NULL PRIMARY KEY,
    number INTEGER,
    study_id INTEGER REFERENCES studies (study_id),
    state VARCHAR(8) NOT NULL,
    datetime_start DATETIME,
    datetime_complete DATETIME
);
CREATE INDEX ix_trials_study_id ON trials (study_id);

CREATE TABLE trial_user_attributes (
    trial_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER REFERENCES trials (trial_id),
    "key" VARCHAR(512),
    value_json TEXT,
    UNIQUE (trial_id, "key")
);
-- Of these, `fail_reason` is ours, and `fixed_params` and `confirms` copies
-- that others may look at.
CREATE TABLE trial_system_attributes (
    trial_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER REFERENCES trials (trial_id),
    "key" VARCHAR(512),
    value_json TEXT,
    UNIQUE (trial_id, "key")
);

-- A categorical value is the index of the choice.
CREATE TABLE trial_params (
    param_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER REFERENCES trials (trial_id),
    param_name VARCHAR(512),
    param_value FLOAT,
    distribution_json TEXT,
    UNIQUE (trial_id, param_name)
);

-- The types: FINITE, or, beside a value that is NULL, INF_POS, INF_NEG and, of intermediate values,
-- NAN. As Optuna does it, a pruned trial has its last intermediate value here.
CREATE TABLE trial_values (
    trial_value_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER NOT NULL REFERENCES trials (trial_id),
    objective INTEGER NOT NULL,
    value FLOAT,
    value_type VARCHAR(7) NOT NULL,
    UNIQUE (trial_id, objective)
);
CREATE TABLE trial_intermediate_values (
    trial_intermediate_value_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER NOT NULL REFERENCES trials (trial_id),
    step INTEGER NOT NULL,
    intermediate_value FLOAT,
    intermediate_value_type VARCHAR(7) NOT NULL,
    UNIQUE (trial_id, step)
);

-- Not used: our leases have deadlines in memory.
CREATE TABLE trial_heartbeats (
    trial_heartbeat_id INTEGER NOT NULL PRIMARY KEY,
    trial_id INTEGER NOT NULL REFERENCES trials (trial_id),
    heartbeat DATETIME NOT NULL,
    UNIQUE (trial_id)
);

CREATE TABLE version_info (
    version_info_id INTEGER NOT NULL PRIMARY KEY CHECK (version_info_id = 1),
    schema_version INTEGER,
    library_version VARCHAR(256)
);
INSERT INTO version_info VALUES (1, 12, '5.0.0');

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('v3.2.0.a');


-- Ours. Times are microseconds since 1970, UTC. A row is written before the row of Optuna's that
-- it belongs to; hence the deferred references.

-- The counters only grow: an id is never used again, also not after a study was deleted. `pen` is 1
-- inside of our own transactions, and 0 in all that anybody else gets to see: see `guards.sql`.
CREATE TABLE kindling_meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO kindling_meta VALUES ('schema_version', 4), ('next_study_id', 1), ('next_trial_id', 1), ('pen', 0),
    ('commits', 0);

-- Which history this store tells: other 16 bytes when an older copy of it is put back. One row. How far it
-- has come is in `commits` of kindling_meta, which every commit writes to.
CREATE TABLE kindling_history (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    history BLOB NOT NULL
) STRICT;
INSERT INTO kindling_history VALUES (1, randomblob(16));

CREATE TABLE kindling_studies (
    study_id INTEGER NOT NULL PRIMARY KEY
        REFERENCES studies (study_id) DEFERRABLE INITIALLY DEFERRED,
    spec TEXT NOT NULL,            -- JSON: what the study was asked to do
    state TEXT NOT NULL,           -- ACTIVE, PAUSED or STOPPED
    budget INTEGER NOT NULL,       -- the number of trials of the search to finish
    created_at INTEGER NOT NULL,
    confirm TEXT,                  -- JSON: what is run again once the search is over; NULL: nothing
    pause_reason TEXT              -- what was wrong as it was paused; NULL: nothing, or it is not
) STRICT;

CREATE TABLE kindling_trials (
    trial_id INTEGER NOT NULL PRIMARY KEY
        REFERENCES trials (trial_id) DEFERRABLE INITIALLY DEFERRED,
    fixed TEXT,                    -- JSON object, the enqueued values by name; NULL: none
    retry_of INTEGER,              -- number of the failed trial that this one repeats
    request TEXT,                  -- id of the request that enqueued it
    saw_finished INTEGER,          -- its proposal saw so many of the finish order; NULL: not proposed
    saw_proposed INTEGER,          -- so many trials of its study had been proposed before it
    exact_ints TEXT,               -- JSON object, parameters that no float holds; NULL: none
    pruned_at INTEGER,             -- the step at which the pruner gave it up
    finish_index INTEGER,          -- its place in the study's finish order, from 0
    attributes TEXT,               -- JSON list, the keys of the user attributes that are its result's
    confirms_of INTEGER,           -- number of the trial that this one confirms; NULL: it is one of the search
    confirms_seed INTEGER          -- under which of the fresh seeds
) STRICT;

-- The newest lease of each trial that was leased, and how many before it were lost. It may be open.
CREATE TABLE kindling_leases (
    trial_id INTEGER NOT NULL PRIMARY KEY REFERENCES kindling_trials (trial_id),
    attempt INTEGER NOT NULL,      -- counts from 1
    worker TEXT NOT NULL,
    leased_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended TEXT,                    -- EXPIRED, HANDED_BACK, STUDY_STOPPED or FINISHED
    session INTEGER,               -- which process of that name it is; NULL or 0: it did not say
    lost_before INTEGER NOT NULL,  -- EXPIRED ones before it
    mark BLOB                      -- what its holder shows: a secret. NULL: it ended before there were any
) STRICT;

-- Rows of Optuna's tables that were found in a store of before there were guards, and cannot be ours.
CREATE TABLE kindling_set_aside (
    from_table TEXT NOT NULL,
    row TEXT NOT NULL              -- JSON
) STRICT;
