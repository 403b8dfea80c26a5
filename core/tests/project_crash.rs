//! A process that writes to a project is killed: what was reported as written must be there.
//!
//! The tests start this very program again, in the role that an environment variable names, and
//! kill it with SIGKILL in the middle of its work.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use vitrine_core::Label;
use vitrine_core::project::{
    Actor, DiskState, EntryId, NewPatch, NewRun, PatchId, PixelType, Project, RunStatus, SourceInfo,
};

const ROLE: &str = "VITRINE_TEST_ROLE";
const FOLDER: &str = "VITRINE_TEST_PROJECT";
const PATCHES: usize = 20_000;

fn import(project: &mut Project, count: usize, said: impl Fn(usize)) {
    let mut import = project.import(8).unwrap();
    import.source(&SourceInfo::new("a.mrcs", "stack")).unwrap();
    for i in 0..count {
        let label = if i % 2 == 0 { Label::Positive } else { Label::Unlabeled };
        import.push(&NewPatch { label, ..NewPatch::default() }, &[i as f32; 64]).unwrap();
        if i % 500 == 0 {
            said(i);
        }
    }
    said(count);
    import.commit().unwrap();
}

fn say(word: &str, number: i64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{word} {number}").unwrap();
    out.flush().unwrap();
}

/// What the started process does; does nothing when the tests are simply run.
#[test]
fn in_a_role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let ada = Actor::Person("ada".into());
    match role.as_str() {
        "label" | "label without waiting" => {
            let mut project = Project::open(&folder).unwrap();
            if role != "label" {
                // A disk that takes nothing while the process lives: only the system has the labels.
                let never = Arc::new(|_: &std::fs::File| {
                    loop {
                        std::thread::park();
                    }
                });
                project.flush_in_background(never, Arc::new(|| ())).unwrap();
            }
            for step in 0..1_000_000_u32 {
                let label = Label::ALL[step as usize % 3];
                let changes: Vec<_> =
                    (0..200).map(|i| ((step * 7 + i * 97) % PATCHES as PatchId, label)).collect();
                if let Some(id) = project.set_labels(&changes, &ada, None, &format!("step {step}")).unwrap() {
                    say("entry", id.0);
                }
            }
        }
        "import" => {
            let mut project = Project::open(&folder).unwrap();
            import(&mut project, 20_000, |n| say("pushed", n as i64));
            say("committed", 1);
            std::thread::sleep(Duration::from_secs(60));
        }
        "take back" => {
            let mut project = Project::open(&folder).unwrap();
            say("begun", 1);
            project.take_back_import(&ada).unwrap();
            say("committed", 1);
            std::thread::sleep(Duration::from_secs(60));
        }
        "run" => {
            let mut project = Project::open(&folder).unwrap();
            let run = NewRun {
                name: "r".into(),
                config: String::new(),
                seed: 1,
                versions: serde_json::Value::Null,
                began_with: None,
                device: "CPU".into(),
                normaliser: serde_json::Value::Null,
                split: None,
                columns: Vec::new(),
            };
            project.create_run(&run).unwrap();
            say("begun", 1);
            std::thread::sleep(Duration::from_secs(60));
        }
        "read" => {
            let project = Project::open_any(&folder).unwrap();
            assert!(!project.is_writable());
            say("reason", i64::from(project.read_only_reason().unwrap().contains("could not")));
            say("patches", project.len() as i64);
            say("entry", project.journal_position().unwrap().0);
            say("positive", project.label_counts().unwrap().positive as i64);
        }
        other => panic!("no role {other}"),
    }
}

fn start(program: &Path, role: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", "in_a_role", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// The next line "`word` number" of the process; `None` at the end of its output.
fn hear(lines: &mut impl Iterator<Item = std::io::Result<String>>, word: &str) -> Option<i64> {
    lines.by_ref().map(Result::unwrap).find_map(|l| l.strip_prefix(word)?.trim().parse().ok())
}

fn kill(mut child: Child) {
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
}

fn check_database(folder: &Path) {
    let db = rusqlite::Connection::open(folder.join("project.sqlite")).unwrap();
    let text: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(text, "ok");
    assert!(!db.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
}

#[test]
fn labels_reported_as_written_survive_a_kill() {
    killed_while_labelling("label");
}

#[test]
fn labels_set_without_waiting_for_the_disk_survive_a_kill() {
    killed_while_labelling("label without waiting");
}

fn killed_while_labelling(role: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut project = Project::create(dir.path(), Some(8), PixelType::F32).unwrap();
    import(&mut project, PATCHES, |_| ());
    drop(project);
    let mut last = 1;
    for round in 1..=6 {
        let mut child = start(&std::env::current_exe().unwrap(), role, dir.path()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..round * 9 {
            last = hear(&mut lines, "entry").unwrap();
        }
        std::thread::sleep(Duration::from_micros(700 * round));
        kill(child);
        // What it said between the last line heard and its death counts too.
        while let Some(id) = hear(&mut lines, "entry") {
            last = id;
        }
        check_database(dir.path());
        let project = Project::open(dir.path()).unwrap();
        let position = project.journal_position().unwrap();
        assert!(position >= EntryId(last), "entry {last} was reported, {position:?} is there");
        // Labels and journal agree: replayed backwards, nothing was labelled at the beginning.
        assert!(project.labels_at(EntryId(0)).unwrap().iter().all(|l| *l == Label::Unlabeled));
        let mut replayed = vec![Label::Unlabeled; PATCHES];
        for entry in project.journal(EntryId(0), usize::MAX).unwrap() {
            for change in project.journal_changes(entry.id).unwrap() {
                assert_eq!(replayed[change.patch as usize], change.before);
                replayed[change.patch as usize] = change.after;
            }
        }
        assert_eq!(project.labels().unwrap(), replayed);
    }
    assert!(last > 50, "the test must have written something: {last}");
}

/// What a power failure would leave: the files as they were at the last flush, put aside by it.
#[test]
fn what_was_waited_for_survives_a_power_failure() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("p");
    let mut project = Project::create(&folder, Some(8), PixelType::F32).unwrap();
    import(&mut project, 100, |_| ());
    let left = dir.path().join("left");
    let (from, to) = (folder.clone(), left.clone());
    let flush = move |_: &std::fs::File| {
        std::fs::create_dir_all(&to)?;
        for file in ["project.sqlite", "project.sqlite-wal", "pixels.bin"] {
            std::fs::copy(from.join(file), to.join(file))?;
        }
        Ok(())
    };
    project.flush_in_background(Arc::new(flush), Arc::new(|| ())).unwrap();
    let ada = Actor::Person("ada".into());
    for step in 1..=30 {
        let labels = [(step, Label::Negative), (step + 40, Label::Positive)];
        project.set_labels(&labels, &ada, None, "").unwrap();
        if step % 10 == 0 {
            project.flush().unwrap();
            assert_eq!(project.disk_state(), DiskState::default());
            let copy = dir.path().join(format!("after {step}"));
            std::fs::rename(&left, &copy).unwrap();
            check_database(&copy);
            let after = Project::open(&copy).unwrap();
            assert_eq!(after.label_counts().unwrap(), project.label_counts().unwrap());
            assert_eq!(after.journal_position().unwrap(), project.journal_position().unwrap());
        }
    }
}

#[test]
fn a_disk_that_fails_late_is_told_and_labels_are_refused_until_it_takes_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = Project::create(dir.path(), Some(8), PixelType::F32).unwrap();
    import(&mut project, 100, |_| ());
    let full = Arc::new(AtomicBool::new(true));
    let (its, told) = (Arc::clone(&full), Arc::new(AtomicUsize::new(0)));
    let flush = move |file: &std::fs::File| match its.load(SeqCst) {
        true => Err(std::io::ErrorKind::StorageFull.into()),
        false => file.sync_data(),
    };
    let news = Arc::clone(&told);
    let news = Arc::new(move || {
        news.fetch_add(1, SeqCst);
    });
    project.flush_in_background(Arc::new(flush), news).unwrap();
    let ada = Actor::Person("ada".into());
    let before = project.label_counts().unwrap();
    project.set_labels(&[(1, Label::Negative)], &ada, None, "").unwrap();
    let why = project.flush().unwrap_err().to_string();
    assert!(why.contains("the disk is full; the last change is kept as long as the computer runs"), "{why}");
    let state = project.disk_state();
    assert_eq!((state.waiting, state.failed.map(String::from)), (1, Some(why)));
    assert_eq!(told.load(SeqCst), 1);
    // The label is in the project, and another handle says the same of the disk.
    assert_eq!(project.label_counts().unwrap().negative, before.negative + 1);
    assert!(project.reopen().unwrap().flush().is_err());
    // Room again: everything reaches the disk, and that is told.
    full.store(false, SeqCst);
    project.flush().unwrap();
    assert_eq!((project.disk_state(), told.load(SeqCst)), (DiskState::default(), 2));
    // The log was folded into the database: it alone holds the labels.
    let alone = dir.path().join("alone.sqlite");
    std::fs::copy(dir.path().join("project.sqlite"), &alone).unwrap();
    let db = rusqlite::Connection::open(alone).unwrap();
    let entries: i64 = db.query_row("SELECT count(*) FROM journal", [], |row| row.get(0)).unwrap();
    assert_eq!(entries, project.journal_position().unwrap().0);
}

#[test]
fn a_folder_that_goes_before_the_flush_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, aside) = (dir.path().join("p"), dir.path().join("aside"));
    let mut project = Project::create(&folder, Some(8), PixelType::F32).unwrap();
    import(&mut project, 100, |_| ());
    // The first flush fails, so the labels still wait when the folder goes.
    let failed = AtomicBool::new(false);
    let flush = move |file: &std::fs::File| match failed.swap(true, SeqCst) {
        true => file.sync_data(),
        false => Err(std::io::ErrorKind::StorageFull.into()),
    };
    project.flush_in_background(Arc::new(flush), Arc::new(|| ())).unwrap();
    let ada = Actor::Person("ada".into());
    project.set_labels(&[(1, Label::Negative)], &ada, None, "").unwrap();
    while project.disk_state().failed.is_none() {
        std::thread::yield_now();
    }
    std::fs::rename(&folder, &aside).unwrap();
    let why = project.flush().unwrap_err().to_string();
    assert!(why.contains("no longer in") && why.contains("the last change is not safe"), "{why}");
    let refused = project.set_labels(&[(3, Label::Negative)], &ada, None, "").unwrap_err().to_string();
    assert!(refused.contains("nothing was changed"), "{refused}");
    std::fs::rename(&aside, &folder).unwrap();
    project.set_labels(&[(3, Label::Negative)], &ada, None, "").unwrap();
    project.flush().unwrap();
    drop(project);
    assert_eq!(Project::open(&folder).unwrap().label_counts().unwrap().negative, 2);
}

#[test]
fn an_import_that_is_killed_is_there_wholly_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = Project::create(dir.path(), Some(8), PixelType::F32).unwrap();
    import(&mut project, 100, |_| ());
    drop(project);
    let mut count = 100;
    let mut leftovers = 0;
    // Killed while pushing, then at ever later moments of the commit.
    for (wait_for, micros) in
        [(3000, 0), (15_000, 0), (20_000, 0), (20_000, 3000), (20_000, 9000), (20_000, 25_000)]
    {
        let mut child = start(&std::env::current_exe().unwrap(), "import", dir.path()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while hear(&mut lines, "pushed").unwrap() < wait_for {}
        std::thread::sleep(Duration::from_micros(micros));
        kill(child);
        let committed = hear(&mut lines, "committed").is_some();
        let length = || std::fs::metadata(dir.path().join("pixels.bin")).unwrap().len() as usize;
        leftovers += usize::from(length() > 64 + count * 256);
        check_database(dir.path());
        let project = Project::open(dir.path()).unwrap();
        assert!(
            project.len() == count + 20_000 || (project.len() == count && !committed),
            "{}",
            project.len()
        );
        count = project.len();
        assert_eq!(length(), 64 + count * 256, "what was left behind is cut off");
        assert_eq!(project.labels().unwrap().len(), count);
        let mut out = [0.0; 64];
        project.pixels().get(count as PatchId - 1, &mut out).unwrap();
        assert_eq!(out, [if count == 100 { 99.0 } else { 19_999.0 }; 64]);
    }
    assert!(leftovers > 0, "no kill fell into the middle of an import");
}

#[test]
fn an_import_that_is_being_taken_back_is_there_wholly_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (100, 20_000);
    let mut project = Project::create(dir.path(), Some(8), PixelType::F32).unwrap();
    import(&mut project, first, |_| ());
    import(&mut project, second, |_| ());
    drop(project);
    let length = || std::fs::metadata(dir.path().join("pixels.bin")).unwrap().len() as usize;
    let mut gone = 0;
    // Killed at ever later moments, from before the transaction to after it.
    for micros in [0, 2000, 5000, 9000, 14_000, 20_000, 30_000, 60_000, 120_000] {
        let mut child = start(&std::env::current_exe().unwrap(), "take back", dir.path()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        hear(&mut lines, "begun").unwrap();
        std::thread::sleep(Duration::from_micros(micros));
        kill(child);
        let committed = hear(&mut lines, "committed").is_some();
        check_database(dir.path());
        let mut project = Project::open(dir.path()).unwrap();
        let whole = project.len() == first + second;
        assert!((whole && !committed) || project.len() == first, "{} patches", project.len());
        assert_eq!(project.sources().unwrap().len(), 1 + usize::from(whole));
        assert_eq!(project.labels().unwrap().len(), project.len());
        assert_eq!(project.last_import().unwrap().unwrap().patches, if whole { second } else { first });
        // Somebody may have mapped the pixels.
        assert_eq!(length(), 64 + (first + second) * 256);
        if !whole {
            gone += 1;
            import(&mut project, second, |_| ());
        }
        let mut out = [0.0; 64];
        project.pixels().get((first + second) as PatchId - 1, &mut out).unwrap();
        assert_eq!(out, [19_999.0; 64]);
    }
    assert!(gone > 0, "no import was taken back before the kill");
}

#[test]
fn a_run_of_a_killed_process_is_interrupted_and_its_lock_free() {
    let dir = tempfile::tempdir().unwrap();
    drop(Project::create(dir.path(), Some(8), PixelType::F32).unwrap());
    let mut child = start(&std::env::current_exe().unwrap(), "run", dir.path()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    hear(&mut lines, "begun").unwrap();
    let locked = Project::open(dir.path()).unwrap_err().to_string();
    assert!(locked.contains(&format!("process {} on ", child.id())), "{locked}");
    kill(child);
    assert_eq!(Project::open(dir.path()).unwrap().run("r").unwrap().status, RunStatus::Interrupted);
}

/// Root may write everywhere, so the reader is started as somebody else.
#[test]
fn a_folder_that_may_not_be_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a project %41");
    let mut project = Project::create(&folder, Some(8), PixelType::F32).unwrap();
    import(&mut project, 100, |_| ());
    let program = dir.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(dir.path(), 0o755);
    mode(&program, 0o755);
    let files =
        |of: &Path| -> Vec<PathBuf> { std::fs::read_dir(of).unwrap().map(|e| e.unwrap().path()).collect() };
    let root = std::fs::metadata(dir.path())
        .is_ok_and(|_| Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n"));
    let read = |of: &Path| {
        for file in files(of).into_iter().filter(|f| f.is_file()) {
            mode(&file, 0o444);
        }
        mode(of, 0o555);
        let mut command = start(&program, "read", of);
        if root {
            command.uid(65_534).gid(65_534);
        }
        let output = command.output();
        mode(of, 0o755);
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let mut lines = text.lines().map(|l| Ok(l.to_owned()));
        ["reason", "patches", "entry", "positive"].map(|word| hear(&mut lines, word))
    };
    // A copy made while the writer still had its log open: database, log, no -shm.
    let copy = dir.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    project.set_labels(&[(1, Label::Positive)], &Actor::Person("ada".into()), None, "").unwrap();
    for file in ["project.sqlite", "project.sqlite-wal", "pixels.bin", "project.lock"] {
        std::fs::copy(folder.join(file), copy.join(file)).unwrap();
    }
    assert!(std::fs::metadata(copy.join("project.sqlite-wal")).unwrap().len() > 0);
    assert_eq!(read(&copy), [Some(1), Some(100), Some(2), Some(51)]);
    drop(project);
    assert_eq!(read(&folder), [Some(1), Some(100), Some(2), Some(51)]);
}
