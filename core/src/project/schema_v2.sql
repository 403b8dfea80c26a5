-- Version 2: the run whose weights a run began with has a column; version 1 kept it among the versions.
ALTER TABLE runs ADD COLUMN began_with TEXT;   -- name of that run; NULL where a run began from scratch

UPDATE runs
SET began_with = json_extract(versions, '$.began_with'),
    versions = json_remove(versions, '$.began_with')
WHERE json_valid(versions) AND json_extract(versions, '$.began_with') IS NOT NULL;
