-- Version 2: what pickers and tables say of patches, micrographs and sources; the run a run began with.
-- Never edit a step that has been released: add the next one to `STEPS` in schema.rs.

ALTER TABLE patches ADD COLUMN pick_score REAL;      -- score of the picker, NULL where it gave none
ALTER TABLE micrographs ADD COLUMN table_name TEXT;  -- name as the tables of the sources have it, folders included
ALTER TABLE sources ADD COLUMN further_files TEXT NOT NULL DEFAULT '[]';  -- JSON array of paths: files joined to `path`

-- Name of the run whose weights a run began with, also once that was deleted; NULL where a run began from scratch.
-- Version 1 kept it among the versions.
ALTER TABLE runs ADD COLUMN began_with TEXT;
ALTER TABLE runs ADD COLUMN predecessor_deleted INTEGER NOT NULL DEFAULT 0;
UPDATE runs
SET began_with = json_extract(versions, '$.began_with'),
    versions = json_remove(versions, '$.began_with')
WHERE json_valid(versions) AND json_extract(versions, '$.began_with') IS NOT NULL;
