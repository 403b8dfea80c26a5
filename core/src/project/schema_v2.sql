-- Version 2: what pickers and tables say of patches, micrographs and sources.
-- Never edit a step that has been released: add the next one to `STEPS` in schema.rs.

ALTER TABLE patches ADD COLUMN pick_score REAL;      -- score of the picker, NULL where it gave none
ALTER TABLE micrographs ADD COLUMN table_name TEXT;  -- name as the tables of the sources have it, folders included
ALTER TABLE sources ADD COLUMN further_files TEXT NOT NULL DEFAULT '[]';  -- JSON array of paths: files joined to `path`
