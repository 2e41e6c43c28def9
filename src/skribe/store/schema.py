"""The schema as released first. A released statement is never edited: a change is a new migration.

The comments inside the statements are kept by SQLite in the file itself, where Datasette and `.schema` show them,
and docs/schema.md is generated from them.
"""

from __future__ import annotations

FIRST_SCHEMA: tuple[str, ...] = (
    """
CREATE TABLE experiment (
    -- A name under which runs are gathered. A name is unique among those that are not in the trash.
    id INTEGER PRIMARY KEY,  -- referred to by run.experiment
    name TEXT NOT NULL,      -- what the user calls it
    created REAL NOT NULL,   -- seconds since 1970, UTC
    deleted REAL             -- when it went to the trash; its runs are then hidden
)""",
    "CREATE UNIQUE INDEX experiment_name ON experiment (name) WHERE deleted IS NULL",
    """
CREATE TABLE environment (
    -- What a process ran on: versions, platform, packages. Equal environments are stored once.
    id INTEGER PRIMARY KEY,        -- referred to by process.environment
    digest TEXT NOT NULL UNIQUE,   -- xxh3 of the body
    body TEXT NOT NULL             -- JSON
)""",
    """
CREATE TABLE process (
    -- A Python process that wrote runs, so that others can tell whether it still lives.
    id INTEGER PRIMARY KEY,       -- referred to by run.process
    token TEXT NOT NULL UNIQUE,   -- chosen at random by the process
    host TEXT NOT NULL,           -- name of the machine
    boot TEXT NOT NULL,           -- which start of the machine: process numbers are reused after the next
    pid INTEGER NOT NULL,         -- process number
    started TEXT NOT NULL,        -- when the process began, as the operating system writes it
    environment INTEGER,          -- environment.id
    source TEXT                   -- script or notebook
)""",
    """
CREATE TABLE run (
    -- One fit, search, candidate, cross-validation, fold, stream, or run by hand.
    num INTEGER PRIMARY KEY,    -- short for the id inside this file: every other table refers to it
    id TEXT NOT NULL UNIQUE,    -- UUID of version 7: sorts by time
    short TEXT NOT NULL,        -- the last 8 digits of the id, which is what people type
    experiment INTEGER NOT NULL,   -- experiment.id
    process INTEGER,            -- process.id
    parent INTEGER,             -- run.num of the run that this one belongs to
    name TEXT NOT NULL,         -- shown to people; need not be unique
    kind TEXT NOT NULL,         -- fit, search, candidate, cv, fold, stream, manual
    status TEXT NOT NULL,       -- running, finished, failed, killed ('running' of a dead process means killed)
    estimator_name TEXT,        -- LogisticRegression
    estimator_class TEXT,       -- sklearn.linear_model._logistic.LogisticRegression
    start REAL NOT NULL,        -- seconds since 1970, UTC
    "end" REAL,                 -- seconds since 1970, UTC
    wall REAL,                  -- seconds that the user's own call took, without skribe
    cpu REAL,                   -- processor seconds of the same
    error_type TEXT,            -- class of the exception that ended the run
    error_message TEXT,         -- its message
    traceback TEXT,             -- its traceback
    deleted REAL,               -- when the run went to the trash
    seq_start INTEGER,          -- journal.seq that wrote the start; NULL while only later records have arrived
    seq_name INTEGER,           -- journal.seq that renamed the run
    seq_end INTEGER             -- journal.seq that wrote the end
)""",
    "CREATE INDEX run_short ON run (short)",
    "CREATE INDEX run_experiment ON run (experiment, start)",
    "CREATE INDEX run_parent ON run (parent) WHERE parent IS NOT NULL",
    "CREATE INDEX run_running ON run (process) WHERE status = 'running'",
    """
CREATE TABLE param (
    -- The parameters of a run. The first value stays; a different one that comes later becomes a note.
    run INTEGER NOT NULL,    -- run.num
    key TEXT NOT NULL,       -- as in get_params(): clf__C
    value TEXT NOT NULL,     -- str(value)
    type TEXT NOT NULL,      -- none, bool, int, float, str, json, object, redacted
    number NUMERIC,          -- the value of a bool, int or float, for comparisons
    is_default INTEGER,      -- 1 if it is the default of the class, 0 if not, NULL if not known
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    PRIMARY KEY (run, key)
) WITHOUT ROWID""",
    """
CREATE TABLE fact (
    -- What the fitted estimator knows about itself: n_iter_, classes_. The latest value.
    run INTEGER NOT NULL,    -- run.num
    key TEXT NOT NULL,       -- the attribute
    value TEXT NOT NULL,     -- as text
    type TEXT NOT NULL,      -- as in param
    number NUMERIC,          -- as in param
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    PRIMARY KEY (run, key)
) WITHOUT ROWID""",
    """
CREATE TABLE metric (
    -- The latest value of every metric of a run.
    run INTEGER NOT NULL,    -- run.num
    key TEXT NOT NULL,       -- training_accuracy_score
    value REAL,              -- NULL means NaN, which SQLite cannot hold
    step INTEGER,            -- NULL for a metric without steps
    time REAL,               -- seconds since 1970, UTC
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    PRIMARY KEY (run, key)
) WITHOUT ROWID""",
    "CREATE INDEX metric_value ON metric (key, value)",
    """
CREATE TABLE point (
    -- The history of metrics: every value that came with a step, and replaced values of those without.
    run INTEGER NOT NULL,    -- run.num
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    n INTEGER NOT NULL,      -- place among the points of that journal entry
    key TEXT NOT NULL,       -- as in metric
    step INTEGER,            -- NULL for a replaced value of a metric without steps
    value REAL,              -- NULL means NaN
    time REAL,               -- seconds since 1970, UTC
    PRIMARY KEY (run, seq, n)
) WITHOUT ROWID""",
    "CREATE INDEX point_key ON point (run, key, step)",
    """
CREATE TABLE tag (
    -- Words that people or skribe attach to a run. The latest value.
    run INTEGER NOT NULL,    -- run.num
    key TEXT NOT NULL,       -- the tag's name
    value TEXT NOT NULL,     -- its text
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    PRIMARY KEY (run, key)
) WITHOUT ROWID""",
    """
CREATE TABLE note (
    -- What is absent from a run, or needs a word, and why.
    run INTEGER NOT NULL,    -- run.num
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    n INTEGER NOT NULL,      -- place among the notes of that journal entry
    what TEXT NOT NULL,      -- metrics.training_roc_auc
    reason TEXT NOT NULL,    -- one line
    PRIMARY KEY (run, seq, n)
) WITHOUT ROWID""",
    """
CREATE TABLE warning (
    -- Warnings raised while the run was open.
    run INTEGER NOT NULL,    -- run.num
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    n INTEGER NOT NULL,      -- place among the warnings of that journal entry
    category TEXT NOT NULL,  -- ConvergenceWarning
    message TEXT NOT NULL,   -- its text
    filename TEXT NOT NULL,  -- where it was raised
    line INTEGER NOT NULL,   -- in which line
    count INTEGER NOT NULL,  -- how often
    PRIMARY KEY (run, seq, n)
) WITHOUT ROWID""",
    """
CREATE TABLE dataset (
    -- What the data of a run looked like. It holds no rows of them.
    run INTEGER NOT NULL,    -- run.num
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    n INTEGER NOT NULL,      -- place among the data sets of that journal entry
    role TEXT NOT NULL,      -- training, test
    name TEXT,               -- the variable's name, if known
    kind TEXT NOT NULL,      -- numpy, pandas, sparse
    shape TEXT,              -- JSON list
    fingerprint TEXT,        -- equal fingerprints: equal data
    details TEXT NOT NULL,   -- JSON: schema and summary
    PRIMARY KEY (run, seq, n)
) WITHOUT ROWID""",
    """
CREATE TABLE artifact (
    -- The files of a run, below artifacts/<run id>/.
    run INTEGER NOT NULL,    -- run.num
    path TEXT NOT NULL,      -- relative to the run's folder, with forward slashes
    size INTEGER NOT NULL,   -- bytes
    digest TEXT NOT NULL,    -- xxh3 (128 bits) of the content
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    PRIMARY KEY (run, path)
) WITHOUT ROWID""",
    """
CREATE TABLE journal (
    -- In which order things were written. A replica asks for what came after the number it knows.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,   -- grows, without gaps that could still be filled
    run INTEGER NOT NULL,                    -- run.num
    time REAL NOT NULL                       -- when it was written, seconds since 1970, UTC
)""",
    """
CREATE TABLE cursor (
    -- How far each remote backend has been fed.
    backend TEXT PRIMARY KEY,   -- the backend's name
    seq INTEGER NOT NULL,       -- everything up to this journal.seq is there
    updated REAL NOT NULL       -- when, seconds since 1970, UTC
) WITHOUT ROWID""",
    """
CREATE VIEW runs AS
    -- Runs as people read them; those in the trash are left out.
SELECT r.id, r.short, r.name, r.kind, r.status, e.name AS experiment, r.estimator_name AS estimator,
       strftime('%Y-%m-%dT%H:%M:%fZ', r.start, 'unixepoch') AS start,
       strftime('%Y-%m-%dT%H:%M:%fZ', r."end", 'unixepoch') AS "end",
       r.wall AS seconds,
       parent.id AS parent, r.error_type, r.error_message
FROM run r JOIN experiment e ON e.id = r.experiment LEFT JOIN run parent ON parent.num = r.parent
WHERE r.deleted IS NULL AND e.deleted IS NULL""",
    """
CREATE VIEW params AS
    -- Parameters with the run's id and name.
SELECT r.id AS run_id, r.name AS run_name, p.key, p.value, p.type, p.number, p.is_default
FROM param p JOIN run r ON r.num = p.run WHERE r.deleted IS NULL""",
    """
CREATE VIEW metrics AS
    -- Latest metrics with the run's id and name. A value of NULL means NaN.
SELECT r.id AS run_id, r.name AS run_name, m.key, m.value, m.step,
       strftime('%Y-%m-%dT%H:%M:%fZ', m.time, 'unixepoch') AS time
FROM metric m JOIN run r ON r.num = m.run WHERE r.deleted IS NULL""",
    """
CREATE VIEW history AS
    -- Every point of every stepped metric. A value of NULL means NaN.
SELECT r.id AS run_id, r.name AS run_name, p.key, p.step, p.value,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.time, 'unixepoch') AS time
FROM point p JOIN run r ON r.num = p.run WHERE r.deleted IS NULL""",
    """
CREATE VIEW tags AS
    -- Tags with the run's id and name.
SELECT r.id AS run_id, r.name AS run_name, t.key, t.value
FROM tag t JOIN run r ON r.num = t.run WHERE r.deleted IS NULL""",
)

SEARCHES: tuple[str, ...] = (
    """
CREATE TABLE candidate (
    -- What a search tried, or a part of a cross-validation: also where it has no run of its own.
    run INTEGER NOT NULL,       -- run.num of the search
    number INTEGER NOT NULL,    -- its place in the search, from 0; in cv_results_ the same
    child TEXT,                 -- run.id of its own run, if it has one
    name TEXT NOT NULL,         -- C=10, kernel=rbf
    params TEXT NOT NULL,       -- JSON: what was chosen for it, {key: [value, type]}
    iteration INTEGER,          -- of a halving search
    resources REAL,             -- given to it in that iteration
    PRIMARY KEY (run, number)
) WITHOUT ROWID""",
    """
CREATE TABLE result (
    -- What each (candidate, split) gave, written the moment it is known.
    run INTEGER NOT NULL,         -- run.num of the search
    candidate INTEGER NOT NULL,   -- candidate.number
    split INTEGER NOT NULL,       -- number of the split, from 0
    began REAL NOT NULL,          -- seconds since 1970, UTC
    fit_time REAL,                -- seconds
    score_time REAL,              -- seconds
    worker INTEGER NOT NULL,      -- which of the workers did it, from 0
    body TEXT NOT NULL,           -- JSON: test and train scores, split sizes, traceback, warnings
    key TEXT,                     -- equal keys: the same task on the same data; NULL if that cannot be known
    reused TEXT,                  -- run.id of the search that it was taken from instead of being computed
    PRIMARY KEY (run, candidate, split)
) WITHOUT ROWID""",
    "CREATE INDEX result_key ON result (key) WHERE key IS NOT NULL",
)

MODELS: tuple[str, ...] = (
    """
CREATE TABLE table_data (
    -- Tables of a run: curves, matrices, reports. They are drawn when somebody looks. The latest.
    run INTEGER NOT NULL,    -- run.num
    name TEXT NOT NULL,      -- roc, confusion_matrix
    data TEXT NOT NULL,      -- the data that it is about: training, X_test
    body TEXT NOT NULL,      -- JSON
    seq INTEGER NOT NULL,    -- journal.seq that wrote it
    PRIMARY KEY (run, name, data)
)""",
    """
CREATE TABLE model (
    -- Fitted models, each in a folder below artifacts/<run id>/ in MLflow's layout. The latest.
    run INTEGER NOT NULL,             -- run.num
    path TEXT NOT NULL,               -- the folder below the run's: model, best_estimator
    file TEXT NOT NULL,               -- the model file in it
    format TEXT NOT NULL,             -- cloudpickle, pickle, joblib, skops
    size INTEGER NOT NULL,            -- bytes of the model file
    digest TEXT NOT NULL,             -- sha256: and that of the model file
    estimator_class TEXT NOT NULL,    -- sklearn.linear_model._logistic.LogisticRegression
    state TEXT,                       -- equal for equal fitted attributes; NULL if that cannot be known
    step INTEGER,                     -- of a stream: the step after which it was written
    seal TEXT,                        -- made with a key that is in no store: shows who wrote it
    removed REAL,                     -- when its files were removed; NULL while they are there
    seq INTEGER NOT NULL,             -- journal.seq that wrote it
    PRIMARY KEY (run, path)
) WITHOUT ROWID""",
    "CREATE INDEX model_state ON model (state) WHERE state IS NOT NULL",
    "CREATE INDEX model_kept ON model (run, size, removed) WHERE removed IS NULL",
    """
CREATE TABLE registered (
    -- Names under which models have versions. A name is unique among those that are not deleted.
    id INTEGER PRIMARY KEY,      -- referred to by version.registered
    name TEXT NOT NULL,          -- iris
    description TEXT,            -- what people say about it
    last INTEGER NOT NULL,       -- the highest version number so far: none is given twice
    created REAL NOT NULL,       -- seconds since 1970, UTC
    deleted REAL                 -- when it was deleted, seconds since 1970, UTC
)""",
    "CREATE UNIQUE INDEX registered_name ON registered (name) WHERE deleted IS NULL",
    """
CREATE TABLE version (
    -- The versions of registered names: each is the model of a run.
    registered INTEGER NOT NULL,   -- registered.id
    version INTEGER NOT NULL,      -- 1, 2, 3 …
    run TEXT NOT NULL,             -- run.id
    path TEXT NOT NULL,            -- model.path
    digest TEXT NOT NULL,          -- model.digest
    stage TEXT NOT NULL,           -- None, Staging, Production, Archived
    description TEXT,              -- what people say about it
    created REAL NOT NULL,         -- seconds since 1970, UTC
    deleted REAL,                  -- when it was deleted, seconds since 1970, UTC
    seq INTEGER NOT NULL,          -- journal.seq that wrote it
    PRIMARY KEY (registered, version)
) WITHOUT ROWID""",
    "CREATE INDEX version_run ON version (run, path)",
    """
CREATE TABLE alias (
    -- Other names of versions, which can be moved: champion.
    registered INTEGER NOT NULL,   -- registered.id
    alias TEXT NOT NULL,           -- champion
    version INTEGER NOT NULL,      -- version.version
    PRIMARY KEY (registered, alias)
) WITHOUT ROWID""",
    """
CREATE TABLE registered_tag (
    -- Words attached to registered names.
    registered INTEGER NOT NULL,   -- registered.id
    key TEXT NOT NULL,             -- the tag's name
    value TEXT NOT NULL,           -- its text
    PRIMARY KEY (registered, key)
) WITHOUT ROWID""",
    """
CREATE TABLE version_tag (
    -- Words attached to versions.
    registered INTEGER NOT NULL,   -- registered.id
    version INTEGER NOT NULL,      -- version.version
    key TEXT NOT NULL,             -- the tag's name
    value TEXT NOT NULL,           -- its text
    PRIMARY KEY (registered, version, key)
) WITHOUT ROWID""",
    """
CREATE TABLE purge (
    -- Runs that were deleted for good. A writer that remembers numbers of runs looks them up again after each.
    num INTEGER PRIMARY KEY AUTOINCREMENT,   -- in this order
    run TEXT NOT NULL,                       -- run.id
    time REAL NOT NULL                       -- when, seconds since 1970, UTC
)""",
)

DELIVERY: tuple[str, ...] = (
    "DROP TABLE cursor",
    """
CREATE TABLE cursor (
    -- How far each remote backend has been fed.
    backend TEXT PRIMARY KEY,   -- name and address of the backend, without secrets
    seq INTEGER NOT NULL,       -- everything up to this journal.seq is there
    first INTEGER NOT NULL,     -- what was written up to this journal.seq was not asked for
    updated REAL NOT NULL,      -- when, seconds since 1970, UTC
    options TEXT NOT NULL,      -- JSON: the options that the backend was given
    trouble TEXT,               -- why it cannot be fed just now
    since REAL,                 -- since when, seconds since 1970, UTC
    tried REAL                  -- when it was tried last in vain, seconds since 1970, UTC
) WITHOUT ROWID""",
    """
CREATE TABLE replica (
    -- The runs that are to be delivered to a backend, with all that is inside of them, or that it has been given.
    backend TEXT NOT NULL,   -- cursor.backend
    run TEXT NOT NULL,       -- run.id
    remote TEXT,             -- the backend's own: the id that the run has there
    delivered INTEGER,       -- 1: the run is there, and only what is new is sent
    refused TEXT,            -- why the run, or the rest of it, was not taken
    PRIMARY KEY (backend, run)
) WITHOUT ROWID""",
    "CREATE INDEX replica_remote ON replica (remote) WHERE remote IS NOT NULL",
    """
CREATE TABLE erasure (
    -- Runs that a search did not keep: a replica that was given them is told.
    seq INTEGER NOT NULL,   -- journal.seq of the search that says so
    run TEXT NOT NULL,      -- run.id of the run that was erased
    PRIMARY KEY (seq, run)
) WITHOUT ROWID""",
)
