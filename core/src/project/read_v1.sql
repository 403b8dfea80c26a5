-- Shows a database of version 1 as the newest version to a connection that may not write: temporary
-- views stand before the tables of the same name.
CREATE TEMP VIEW patches AS SELECT *, NULL AS pick_score FROM main.patches;
CREATE TEMP VIEW micrographs AS SELECT *, NULL AS table_name FROM main.micrographs;
CREATE TEMP VIEW sources AS SELECT *, '[]' AS further_files FROM main.sources;
CREATE TEMP VIEW runs AS
SELECT *, CASE WHEN json_valid(versions) THEN json_extract(versions, '$.began_with') END AS began_with, 0 AS predecessor_deleted
FROM main.runs;
