-- Version 1 of a Vitrine project's database.
-- Never edit a step that has been released: add the next one to `STEPS` in schema.rs.

-- Single facts: created, program, patch_size, pixel_type, normaliser.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One file (or table with its stacks) that patches came from.
CREATE TABLE sources (
    id                    INTEGER PRIMARY KEY,
    path                  TEXT NOT NULL,
    kind                  TEXT NOT NULL,
    imported_at           TEXT NOT NULL,
    first_patch           INTEGER NOT NULL,
    patch_count           INTEGER NOT NULL,
    pixel_size            REAL,    -- Å per px of the patches
    micrograph_pixel_size REAL,    -- Å per px of the micrographs the coordinates count in
    box_size              REAL,    -- px of the unbinned micrograph
    bin                   REAL,
    y_up                  INTEGER NOT NULL,
    optics                TEXT NOT NULL,   -- JSON array of optics groups
    warnings              TEXT NOT NULL    -- JSON array of sentences
) STRICT;

CREATE TABLE micrographs (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    path       TEXT,
    width      INTEGER,
    height     INTEGER,
    pixel_size REAL               -- Å per px
) STRICT;

-- id is the place of the patch in pixels.bin, counted from 0 without gaps.
CREATE TABLE patches (
    id           INTEGER PRIMARY KEY,
    source       INTEGER NOT NULL REFERENCES sources (id),
    source_index INTEGER NOT NULL,
    micrograph   INTEGER REFERENCES micrographs (id),
    x            REAL,            -- centre, px of the unbinned micrograph
    y            REAL,
    optics       INTEGER          -- index into sources.optics
) STRICT;

-- Other columns of the table a patch came from; apart, so that reading coordinates stays quick.
CREATE TABLE patch_columns (
    patch  INTEGER PRIMARY KEY REFERENCES patches (id),
    fields TEXT NOT NULL          -- JSON object of strings
) STRICT;

-- Labels, one byte a patch (0 unlabeled, 1 positive, 2 negative), 8192 patches a page.
CREATE TABLE label_pages (
    page   INTEGER PRIMARY KEY,
    labels BLOB NOT NULL
) STRICT;

-- Every change of a label, in order, never altered. Replaying it from "all unlabeled" gives the
-- labels.
CREATE TABLE journal (
    id          INTEGER PRIMARY KEY,
    at          TEXT NOT NULL,    -- RFC 3339, UTC
    kind        TEXT NOT NULL,    -- edit, import, undo, redo
    actor       TEXT NOT NULL,    -- "person NAME", "run NAME", "import FILE"
    run         INTEGER,          -- runs.id at that time; the run may have been deleted since
    undoes      INTEGER,          -- the entry this one is the inverse of
    reason      TEXT NOT NULL,
    count       INTEGER NOT NULL,
    first_patch INTEGER NOT NULL,
    last_patch  INTEGER NOT NULL,
    changes     BLOB NOT NULL     -- see journal.rs
) STRICT;

CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the label journal is append-only'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the label journal is append-only'); END;
-- INSERT OR REPLACE deletes without firing the trigger above; this one stops it.
CREATE TRIGGER journal_in_order BEFORE INSERT ON journal
WHEN NEW.id <> (SELECT coalesce(max(id), 0) + 1 FROM journal)
BEGIN SELECT RAISE(ABORT, 'the label journal is append-only'); END;

-- One byte a patch: 0 train, 1 validation, 2 test, 3 in none.
CREATE TABLE splits (
    id               INTEGER PRIMARY KEY,
    name             TEXT NOT NULL UNIQUE,
    created_at       TEXT NOT NULL,
    seed             INTEGER NOT NULL,
    method           TEXT NOT NULL,
    train            REAL NOT NULL,
    validation       REAL NOT NULL,
    test             REAL NOT NULL,
    journal_position INTEGER NOT NULL,
    sides            BLOB NOT NULL
) STRICT;

CREATE TABLE runs (
    id               INTEGER PRIMARY KEY,
    name             TEXT NOT NULL UNIQUE COLLATE NOCASE,
    config           TEXT NOT NULL,   -- YAML as given
    seed             INTEGER NOT NULL,
    versions         TEXT NOT NULL,   -- JSON object
    device           TEXT NOT NULL,
    journal_position INTEGER NOT NULL,
    normaliser       TEXT NOT NULL,   -- JSON
    split            INTEGER REFERENCES splits (id),
    columns          TEXT NOT NULL,   -- JSON array: the columns of metrics.csv
    started_at       TEXT NOT NULL,
    ended_at         TEXT,
    status           TEXT NOT NULL,   -- running, finished, stopped, failed, interrupted
    message          TEXT,
    best_epoch       INTEGER
) STRICT;

CREATE TABLE metrics (
    run    INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    epoch  INTEGER NOT NULL,
    fields TEXT NOT NULL,             -- JSON object
    PRIMARY KEY (run, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE scores (
    run        INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    created_at TEXT NOT NULL,
    scores     BLOB NOT NULL,         -- f32, little endian, one a patch; NaN where not scored
    PRIMARY KEY (run, kind)
) STRICT;
