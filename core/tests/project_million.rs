//! What a project of a million patches costs: times are printed, never judged.
#![allow(clippy::unwrap_used)]

use vitrine_core::Label;
use vitrine_core::project::{
    Actor, EntryId, NewMicrograph, NewPatch, PixelType, Project, SourceInfo, SplitMethod, SplitRequest,
};

/// Prints what a project of a million patches costs; run with `--ignored --nocapture`.
#[test]
#[ignore = "writes 330 MB"]
fn a_million_patches() {
    let dir = tempfile::tempdir().unwrap();
    let ada = Actor::Person("ada".into());
    let request = |method| SplitRequest { method, ..SplitRequest::default() };
    let mut quiet = |_| Ok(());
    let clock = std::time::Instant::now();
    let mut project = Project::create(dir.path(), Some(8), PixelType::F32).unwrap();
    let mut import = project.import(8).unwrap();
    import.source(&SourceInfo::new("many.mrcs", "particle stack")).unwrap();
    let ids: Vec<_> =
        (0..1000).map(|m| import.micrograph(&NewMicrograph::named(format!("m{m}"))).unwrap()).collect();
    for i in 0..1_000_000_usize {
        let label = if i % 10 == 0 { Label::Positive } else { Label::Unlabeled };
        let micrograph = Some(ids[i / 1000]);
        let xy = Some(((i % 33) as f64 * 100.0, (i % 31) as f64 * 100.0));
        let mut values = [i as f32; 64];
        values[5] = 0.5;
        import.push(&NewPatch { label, micrograph, xy, ..NewPatch::default() }, &values).unwrap();
    }
    import.commit().unwrap();
    println!("import {:?}", clock.elapsed());
    drop(project);
    let time = |what: &str, work: &mut dyn FnMut()| {
        let clock = std::time::Instant::now();
        work();
        println!("{what} {:?}", clock.elapsed());
    };
    let mut opened = None;
    time("open for writing", &mut || opened = Some(Project::open(dir.path()).unwrap()));
    let mut project = opened.unwrap();
    time("open for reading", &mut || drop(Project::open_read_only(dir.path()).unwrap()));
    time("label counts", &mut || assert_eq!(project.label_counts().unwrap().positive, 100_000));
    time("places of all patches", &mut || assert_eq!(project.places().unwrap().len(), 1_000_000));
    time("columns of all patches", &mut || assert_eq!(project.columns().unwrap().len(), 1_000_000));
    let edge: Vec<_> = (0..100_000).map(|i| (i * 10 + 1, Label::Negative)).collect();
    let run: Vec<_> = (0..100_000).map(|i| (i + 300_000, Label::Negative)).collect();
    time("label 100 000 patches all over", &mut || {
        project.set_labels(&edge, &ada, None, "").unwrap();
    });
    time("label 100 000 patches in a row", &mut || {
        project.set_labels(&run, &ada, None, "").unwrap();
    });
    let last = project.journal_position().unwrap();
    time("read back what that changed", &mut || {
        assert_eq!(project.journal_changes(last).unwrap().len(), 90_000)
    });
    time("undo", &mut || assert!(project.undo_last(&ada).unwrap().is_some()));
    time("label one patch", &mut || {
        project.set_labels(&[(500_000, Label::Negative)], &ada, None, "").unwrap();
    });
    time("labels at the beginning", &mut || drop(project.labels_at(EntryId(1)).unwrap()));
    time("split by micrograph", &mut || {
        project.make_split(&request(SplitMethod::Auto), &mut quiet).unwrap();
    });
    time("split at random", &mut || {
        project.make_split(&request(SplitMethod::Random), &mut quiet).unwrap();
    });
}
