-- Lets a database of version 1 be read like one of the newest version where it may not be written.
CREATE TEMP VIEW runs AS
SELECT *, CASE WHEN json_valid(versions) THEN json_extract(versions, '$.began_with') END AS began_with
FROM main.runs;
