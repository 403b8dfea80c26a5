//! The database's tables and the numbered steps that bring an older project up to date.
//!
//! The version is SQLite's `user_version`. Each step runs in a transaction of its own, so that an
//! upgrade that is cut short leaves the project at the last whole version.

use crate::error::{Error, Result};
use crate::project::db::Db;
use crate::remedy::Remedy;

/// "Vitr", SQLite's `application_id` of a project.
const APPLICATION: i32 = 0x5669_7472;

/// Step `n` (counted from 0) brings version `n` to version `n + 1`.
pub(super) const STEPS: &[&str] = &[include_str!("schema_v1.sql"), include_str!("schema_v2.sql")];

/// For each older version, counted from 1, what shows it as the newest one to a connection that may not
/// write: projects lie on disks that are read only. A new step extends every one of these.
const READ_AS: &[&str] = &[include_str!("read_v1.sql")];

/// Makes an older database, opened for reading, look like the newest version.
///
/// # Errors
/// When the version is newer than this program, or SQLite refuses.
pub(super) fn read_as_newest(db: &Db) -> Result<()> {
    let found = version(db)?;
    if check(db, found, STEPS)? {
        return Ok(());
    }
    let views = usize::try_from(found - 1).ok().and_then(|at| READ_AS.get(at)).copied().unwrap_or_default();
    db.conn
        .execute_batch("PRAGMA temp_store = MEMORY")
        .and_then(|()| db.conn.execute_batch(views))
        .map_err(db.err("read an older version"))
}

/// What the database is, before anything is read from it.
pub(super) fn version(db: &Db) -> Result<i32> {
    let (application, version) = db
        .conn
        .query_row(
            "SELECT (SELECT application_id FROM pragma_application_id), \
             (SELECT user_version FROM pragma_user_version)",
            [],
            |row| Ok((row.get::<_, i32>(0)?, row.get::<_, i32>(1)?)),
        )
        .map_err(db.err("read its version"))?;
    if application != APPLICATION || version < 1 {
        return Err(Error::format(
            &db.path,
            "it is a database, but not one of a Vitrine project",
            Remedy::OpenOrMakeProject,
        ));
    }
    Ok(version)
}

/// Lays the tables into an empty database.
pub(super) fn create(db: &mut Db) -> Result<()> {
    apply(db, STEPS, 0)
}

/// Brings the database to the last of `steps`; returns the version it had.
pub(super) fn migrate(db: &mut Db, steps: &[&str]) -> Result<i32> {
    let found = version(db)?;
    check(db, found, steps)?;
    apply(db, steps, found)?;
    Ok(found)
}

/// Whether a program that knows `steps` can read version `found`; `Ok(false)` when it is older.
pub(super) fn check(db: &Db, found: i32, steps: &[&str]) -> Result<bool> {
    let known = i32::try_from(steps.len()).unwrap_or(i32::MAX);
    if found > known {
        return Err(Error::format(
            &db.path,
            format!("the project has version {found} of the database, this program knows up to {known}"),
            "open it with a newer Vitrine",
        ));
    }
    Ok(found == known)
}

fn apply(db: &mut Db, steps: &[&str], from: i32) -> Result<()> {
    let err = db.err("bring its tables up to date");
    let mut version = from;
    for step in steps.iter().skip(usize::try_from(from).unwrap_or(0)) {
        version += 1;
        let tx = db.conn.transaction().map_err(&err)?;
        tx.execute_batch(step).map_err(&err)?;
        tx.pragma_update(None, "user_version", version).map_err(&err)?;
        tx.pragma_update(None, "application_id", APPLICATION).map_err(&err)?;
        tx.commit().map_err(&err)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::project::{Actor, PixelType, Project, SourceInfo, db};
    use crate::{Label, project::NewPatch};

    /// The tables of version 1 as they were released; never changed with the program.
    const V1: &str = include_str!("../../tests/fixtures/project_v1.sql");

    fn tables(db: &Db) -> Vec<(String, String)> {
        let mut stmt = db
            .conn
            .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        stmt.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn an_old_database_is_brought_to_a_later_version_with_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("project.sqlite");
        rusqlite::Connection::open(&path).unwrap().execute_batch(V1).unwrap();
        let mut db = db::open_write(&path).unwrap();
        // Two steps beyond version 1, as later releases would add them.
        let later = [
            STEPS[0],
            "ALTER TABLE micrographs ADD COLUMN defocus REAL;",
            "CREATE TABLE notes (patch INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT; \
             INSERT INTO notes SELECT id, 'old' FROM patches;",
        ];
        assert_eq!(migrate(&mut db, &later).unwrap(), 1);
        assert_eq!(version(&db).unwrap(), 3);
        let notes: i64 = db.conn.query_row("SELECT count(*) FROM notes", [], |r| r.get(0)).unwrap();
        assert_eq!(notes, 3);
        let reason: String =
            db.conn.query_row("SELECT reason FROM journal WHERE id = 2", [], |r| r.get(0)).unwrap();
        assert_eq!(reason, "a clear top view");
        // A second time there is nothing to do.
        assert_eq!(migrate(&mut db, &later).unwrap(), 3);
    }

    #[test]
    fn a_step_that_fails_leaves_the_last_whole_version() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("project.sqlite");
        rusqlite::Connection::open(&path).unwrap().execute_batch(V1).unwrap();
        let mut db = db::open_write(&path).unwrap();
        let later = [STEPS[0], "CREATE TABLE a (b);", "CREATE TABLE c (d); DROP TABLE no_such_table;"];
        assert!(migrate(&mut db, &later).is_err());
        assert_eq!(version(&db).unwrap(), 2);
        assert!(!tables(&db).iter().any(|(name, _)| name == "c"));
    }

    #[test]
    fn version_1_is_still_what_was_released() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("old.sqlite");
        rusqlite::Connection::open(&old).unwrap().execute_batch(V1).unwrap();
        let mut new = db::open_write(&dir.path().join("new.sqlite")).unwrap();
        apply(&mut new, &STEPS[..1], 0).unwrap();
        assert_eq!(tables(&db::open_write(&old).unwrap()), tables(&new));
    }

    #[test]
    fn a_version_1_project_opens_and_works() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("old");
        // The folder around the database; only the database is replaced by the old one.
        let mut made = Project::create(&folder, Some(2), PixelType::F32).unwrap();
        let mut import = made.import(2).unwrap();
        import.source(&SourceInfo::new("old.mrcs", "stack")).unwrap();
        for i in 0..3_u8 {
            import.push(&NewPatch::default(), &[f32::from(i); 4]).unwrap();
        }
        import.commit().unwrap();
        drop(made);
        for name in ["project.sqlite", "project.sqlite-wal", "project.sqlite-shm"] {
            let _ = std::fs::remove_file(folder.join(name));
        }
        rusqlite::Connection::open(folder.join("project.sqlite")).unwrap().execute_batch(V1).unwrap();
        let mut project = Project::open(&folder).unwrap();
        assert_eq!(project.labels().unwrap(), [Label::Positive, Label::Unlabeled, Label::Negative]);
        project.set_labels(&[(1, Label::Negative)], &Actor::Person("x".into()), None, "").unwrap();
        assert_eq!(project.labels().unwrap()[1], Label::Negative);
    }

    #[test]
    fn a_version_1_project_is_read_where_nothing_may_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("project.sqlite");
        rusqlite::Connection::open(&path).unwrap().execute_batch(V1).unwrap();
        let db = db::open_read(&path).unwrap();
        read_as_newest(&db).unwrap();
        let seen: (i64, i64) = db
            .conn
            .query_row("SELECT count(*), count(pick_score) FROM patches", [], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap();
        assert_eq!(seen, (3, 0));
        let files: String = db.conn.query_row("SELECT further_files FROM sources", [], |r| r.get(0)).unwrap();
        assert_eq!(files, "[]");
        assert_eq!(version(&db).unwrap(), 1);
        assert_eq!(READ_AS.len() + 1, STEPS.len());
    }

    #[test]
    fn the_run_that_a_run_of_version_1_began_with_is_read_and_carried_over() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("old");
        drop(Project::create(&folder, Some(2), PixelType::F32).unwrap());
        let path = folder.join("project.sqlite");
        for name in ["project.sqlite", "project.sqlite-wal", "project.sqlite-shm"] {
            let _ = std::fs::remove_file(folder.join(name));
        }
        let old = rusqlite::Connection::open(&path).unwrap();
        old.execute_batch(V1).unwrap();
        old.execute_batch(
            "DELETE FROM patch_columns; DELETE FROM patches; DELETE FROM label_pages;
             INSERT INTO runs VALUES
             (1, 'a', '', 0, '{\"vitrine\":\"0.1.0\"}', 'cpu', 0, 'null', NULL, '[]', '', NULL, 'finished', NULL, 1),
             (2, 'b', '', 0, '{\"vitrine\":\"0.1.0\",\"began_with\":\"a\"}', 'cpu', 0, 'null', NULL, '[]', '', NULL,
              'finished', NULL, 1);",
        )
        .unwrap();
        drop(old);
        let began = |project: &Project| -> Vec<Option<String>> {
            project.runs().unwrap().into_iter().map(|run| run.began_with().map(str::to_owned)).collect()
        };
        let wanted = [None, Some("a".to_owned())];
        let reader = Project::open_read_only(&folder).unwrap();
        assert_eq!(began(&reader), wanted);
        assert_eq!(version(&db::open_read(&path).unwrap()).unwrap(), 1, "reading changes nothing");
        drop(reader);
        let project = Project::open(&folder).unwrap();
        assert_eq!(began(&project), wanted);
        let versions = project.run("b").unwrap().versions;
        assert_eq!(versions, serde_json::json!({ "vitrine": "0.1.0" }));
        assert_eq!(began(&Project::open_read_only(&folder).unwrap()), wanted);
    }

    #[test]
    fn a_newer_version_is_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("p");
        drop(Project::create(&folder, Some(2), PixelType::F32).unwrap());
        let db = db::open_write(&folder.join("project.sqlite")).unwrap();
        db.conn.pragma_update(None, "user_version", 99).unwrap();
        drop(db);
        let message = Project::open(&folder).err().unwrap().to_string();
        assert!(message.contains("version 99") && message.contains("newer Vitrine"), "{message}");
        assert!(Project::open_read_only(&folder).err().unwrap().to_string().contains("newer"));
    }
}
