//! The narrow arrays of a project, and handles for several threads of one process.
#![allow(clippy::unwrap_used)]

use vitrine_core::project::{
    Actor, MicrographId, NewMicrograph, NewPatch, PixelType, Project, SourceId, SourceInfo,
};
use vitrine_core::{Error, Label};

/// Three patches, the last two on a micrograph; 0 and 2 are positive.
fn project(dir: &std::path::Path) -> Project {
    let mut project = Project::create(dir, Some(4), PixelType::F32).unwrap();
    let mut import = project.import(4).unwrap();
    import.source(&SourceInfo::new("some.mrcs", "particle stack")).unwrap();
    let micrograph = import.micrograph(&NewMicrograph::named("m1".to_owned())).unwrap();
    for i in 0..3_u8 {
        let label = if i == 1 { Label::Unlabeled } else { Label::Positive };
        let place = (i > 0).then_some(micrograph);
        let xy = place.map(|_| (f64::from(i) * 10.0, 5.5));
        let pixels =
            [f32::from(i), 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 9.0];
        import.push(&NewPatch { label, micrograph: place, xy, ..NewPatch::default() }, &pixels).unwrap();
    }
    import.commit().unwrap();
    project
}

#[test]
fn columns_say_what_the_rows_say() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path());
    let before = project.columns().unwrap();
    assert_eq!(before.labels, project.labels().unwrap());
    assert_eq!(before.source_of(0), Some(SourceId(1)));
    assert_eq!((before.micrograph_of(0), before.micrograph_of(2)), (None, Some(MicrographId(1))));
    assert_eq!((before.xy_of(0), before.xy_of(2)), (None, Some([20.0, 5.5])));
    assert_eq!((before.source_of(3), before.xy_of(3)), (None, None));

    let entry = project.set_labels(&[(2, Label::Negative)], &Actor::Person("ada".into()), None, "").unwrap();
    let after = project.columns().unwrap();
    assert_eq!(after.labels, [Label::Positive, Label::Unlabeled, Label::Negative]);
    assert_eq!(i64::from(after.last_entry[2]), entry.unwrap().0);
    // Import entries name only what they labelled: nobody has ever said anything of patch 1.
    assert_eq!(after.last_entry[..2], before.last_entry[..2]);
    assert_eq!(after.last_entry[1], 0);
}

#[test]
fn two_threads_write_while_other_processes_may_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = project(dir.path());
    let mut second = first.reopen().unwrap();
    assert!(second.is_writable());
    let ada = Actor::Person("ada".into());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                first.set_labels(&[(0, Label::Negative)], &ada, None, "").unwrap();
                first.set_labels(&[(0, Label::Positive)], &ada, None, "").unwrap();
            }
        });
        scope.spawn(|| {
            for _ in 0..20 {
                second.set_labels(&[(1, Label::Positive)], &ada, None, "").unwrap();
                second.set_labels(&[(1, Label::Unlabeled)], &ada, None, "").unwrap();
            }
        });
    });
    assert_eq!(first.labels().unwrap(), [Label::Positive, Label::Unlabeled, Label::Positive]);
    // One entry of the import, then every change, none lost.
    assert_eq!(first.journal_position().unwrap().0, 1 + 80);
    drop(first);
    assert!(matches!(Project::open(dir.path()), Err(Error::Locked { .. })));
    let reader = Project::open_any(dir.path()).unwrap();
    let other = reader.reopen().unwrap();
    assert!(!other.is_writable() && other.read_only_reason().is_some());
    drop(second);
    assert!(Project::open(dir.path()).unwrap().is_writable());
}
