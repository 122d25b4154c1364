-- The layout of a store, version 8: what Optuna has no place for. `schema_optuna.sql` comes before it,
-- `guards.sql` after it. No fact stands in both.
--
-- Times are microseconds since 1970, UTC. A row is written before the row of Optuna's that
-- it belongs to; hence the deferred references.

-- The counters only grow: an id is never used again, also not after a study was deleted. `pen` is 1
-- inside of our own transactions, and 0 in all that anybody else gets to see: see `guards.sql`.
CREATE TABLE kindling_meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO kindling_meta VALUES ('schema_version', 8), ('next_study_id', 1), ('next_trial_id', 1), ('pen', 0),
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

-- Who is told of a study's news. No row: nobody ever was to be.
CREATE TABLE kindling_notify (
    study_id INTEGER NOT NULL PRIMARY KEY REFERENCES kindling_studies (study_id),
    notify TEXT NOT NULL,          -- JSON: whom to tell, with an address that may be a secret
    told TEXT                      -- JSON: what is known there; NULL: nothing
) STRICT;

-- Studies that Optuna's clients drive, through the coordinator. All that they have stands in Optuna's tables,
-- where their trials have no row of `kindling_trials` beside them, and datetimes are their clients' own.
CREATE TABLE kindling_external_studies (
    study_id INTEGER NOT NULL PRIMARY KEY
        REFERENCES studies (study_id) DEFERRABLE INITIALLY DEFERRED,
    created_at INTEGER NOT NULL
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
    confirms_seed INTEGER,         -- under which of the fresh seeds
    constraints TEXT,              -- JSON list, what its result says of the study's constraints; NULL: nothing
    warm_start INTEGER             -- number of the trial whose checkpoint its first attempt goes on from
) STRICT;

-- Intermediate values of the objectives that a study's pruner does not compare. Optuna has a place for one only.
CREATE TABLE kindling_other_values (
    trial_id INTEGER NOT NULL REFERENCES kindling_trials (trial_id),
    step INTEGER NOT NULL,
    objective INTEGER NOT NULL,    -- as in `study_directions`
    value REAL NOT NULL,
    PRIMARY KEY (trial_id, step, objective)
) STRICT, WITHOUT ROWID;

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
    mark BLOB,                     -- what its holder shows: a secret. NULL: it ended before there were any
    resumed INTEGER                -- the step after which it goes on; NULL: it began at the start
) STRICT;

-- Attempts before the newest one, the newest of them. They ended without a result.
CREATE TABLE kindling_attempts (
    trial_id INTEGER NOT NULL REFERENCES kindling_trials (trial_id),
    attempt INTEGER NOT NULL,
    worker TEXT NOT NULL,
    leased_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    ended TEXT NOT NULL,           -- as in `kindling_leases`, but for FINISHED
    resumed INTEGER,               -- as there
    PRIMARY KEY (trial_id, attempt)
) STRICT, WITHOUT ROWID;

-- What a next attempt can go on from: the newest ones.
CREATE TABLE kindling_checkpoints (
    trial_id INTEGER NOT NULL REFERENCES kindling_trials (trial_id),
    attempt INTEGER NOT NULL,      -- that saved it; 0: it is another trial's, with which the first attempt began
    step INTEGER NOT NULL,         -- the last step that it contains
    blob_key TEXT NOT NULL,        -- where its bytes lie in the artifact store
    size INTEGER NOT NULL,         -- how many bytes
    sha256 BLOB NOT NULL,
    PRIMARY KEY (trial_id, attempt, step)
) STRICT, WITHOUT ROWID;

-- Files that trials keep. Optuna has them once more as system attributes, for its dashboard.
CREATE TABLE kindling_artifacts (
    trial_id INTEGER NOT NULL REFERENCES kindling_trials (trial_id),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    blob_key TEXT NOT NULL,        -- this and the next two as in `kindling_checkpoints`
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    saved_at INTEGER NOT NULL,
    PRIMARY KEY (trial_id, name)
) STRICT, WITHOUT ROWID;

-- Files that studies keep.
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

-- What people did: of each study and of the coordinator itself the newest, a thousand at most.
CREATE TABLE kindling_activity (
    activity_id INTEGER NOT NULL PRIMARY KEY,
    study_id INTEGER REFERENCES studies (study_id),  -- NULL: the coordinator's own
    deleted TEXT,                  -- the name of the study, which is gone; only of the coordinator's own
    at INTEGER NOT NULL,
    who TEXT NOT NULL,             -- as they said themselves; empty: they did not say
    origin TEXT NOT NULL,          -- their address, and which token
    deed TEXT NOT NULL,            -- create, pause, …
    trial INTEGER,                 -- the number of the trial that it was about
    details TEXT NOT NULL
) STRICT;
CREATE INDEX kindling_activity_study ON kindling_activity (study_id);

-- Rows of Optuna's tables that were found in a store of before there were guards, and cannot be ours.
CREATE TABLE kindling_set_aside (
    from_table TEXT NOT NULL,
    row TEXT NOT NULL              -- JSON
) STRICT;
