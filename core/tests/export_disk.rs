//! An export changes all or nothing on the disk: it replaces nothing unasked, and neither a full
//! disk nor a person who cancels leaves anything half-written.
#![allow(clippy::unwrap_used)]

mod export_support;

use std::path::Path;
use std::process::Command;

use export_support::{check_manifest, contents, names, quiet, request, sentence, setup};
use vitrine_core::export::{ExportFormat, ExportRequest, ExportWhat, export};
use vitrine_core::formats::detect;
use vitrine_core::progress::Progress;
use vitrine_core::project::{NewMicrograph, NewPatch, PixelType, Project, SourceInfo};
use vitrine_core::{Error, Label, Remedy};

#[test]
fn nothing_is_replaced_without_force() {
    let (dir, project, out) = setup();
    let path = out.join("p.star");
    let both = ExportRequest { what: ExportWhat::Both, ..request(ExportFormat::RelionStar, &path) };
    for name in ["p.star", "p.mrcs", "p.star.manifest.json"] {
        std::fs::write(out.join(name), "mine").unwrap();
        let refused = export(&project, &both, &mut quiet).unwrap_err();
        assert_eq!(refused.remedy(), Some(Remedy::AllowReplace));
        let told = refused.problem();
        assert!(told.contains(name) && told.contains("exists already"), "{told}");
        assert_eq!(
            (names(&out), std::fs::read(out.join(name)).unwrap()),
            (vec![name.into()], b"mine".into())
        );
        std::fs::remove_file(out.join(name)).unwrap();
    }
    export(&project, &both, &mut quiet).unwrap();
    let before = std::fs::read(&path).unwrap();
    let fewer = ExportRequest { labels: vec![Label::Negative], force: true, ..both.clone() };
    let manifest = export(&project, &fewer, &mut quiet).unwrap();
    assert_ne!(std::fs::read(&path).unwrap(), before);
    check_manifest(&out.join("p.star.manifest.json"), &manifest);
    assert_eq!(contents(detect::open_patches(&path).unwrap()).len(), manifest.counts.negative as usize);
    assert_eq!(names(&out).len(), 3);

    // A folder is replaced only when every file in it was written by an export.
    let folder = out.join("pictures");
    let mut pictures = ExportRequest { force: true, ..request(ExportFormat::Png, &folder) };
    std::fs::create_dir(&folder).unwrap();
    export(&project, &pictures, &mut quiet).unwrap();
    pictures.labels = vec![Label::Positive];
    pictures.force = false;
    assert!(sentence(export(&project, &pictures, &mut quiet)).contains("exists already"));
    pictures.force = true;
    export(&project, &pictures, &mut quiet).unwrap();
    assert_eq!(names(&folder), ["manifest.json", "patches.csv", "positive"]);
    std::fs::write(folder.join("positive/thesis.txt"), "mine").unwrap();
    assert!(sentence(export(&project, &pictures, &mut quiet)).contains("thesis.txt"));
    let home = ExportRequest { out: dir.path().to_owned(), ..pictures.clone() };
    assert!(sentence(export(&project, &home, &mut quiet)).contains("belongs to the project"));
    let strange = out.join("strange");
    std::fs::create_dir(&strange).unwrap();
    std::fs::write(strange.join("a.txt"), "mine").unwrap();
    let told = sentence(export(&project, &ExportRequest { out: strange.clone(), ..pictures }, &mut quiet));
    assert!(told.contains("no earlier export"), "{told}");
    assert_eq!(std::fs::read(strange.join("a.txt")).unwrap(), b"mine");
}

#[test]
fn the_project_and_its_sources_are_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("particles.npz");
    std::fs::write(&source, "pixels").unwrap();
    let mut project = Project::create(&dir.path().join("p"), None, PixelType::F32).unwrap();
    let mut import = project.import(2).unwrap();
    import.source(&SourceInfo::new(&source, "NumPy patches")).unwrap();
    import.push(&NewPatch::default(), &[1.0; 4]).unwrap();
    import.commit().unwrap();
    let forced = ExportRequest { force: true, ..request(ExportFormat::Npz, &source) };
    assert!(sentence(export(&project, &forced, &mut quiet)).contains("imported from"));
    assert_eq!(std::fs::read(&source).unwrap(), b"pixels");
    let runs = ExportRequest { force: true, ..request(ExportFormat::Png, project.run_dir("")) };
    assert!(sentence(export(&project, &runs, &mut quiet)).contains("belongs to the project"));
    // A new file in the project's folder harms nothing.
    let inside = ExportRequest { force: true, ..request(ExportFormat::Npz, project.dir().join("a.npz")) };
    export(&project, &inside, &mut quiet).unwrap();
    export(&project, &inside, &mut quiet).unwrap();
}

#[test]
fn a_cancelled_export_leaves_nothing() {
    let (_dir, project, out) = setup();
    for stop in ["pixels", "table", "checksums"] {
        let wanted =
            ExportRequest { what: ExportWhat::Both, ..request(ExportFormat::RelionStar, out.join("p.star")) };
        let mut progress = |p: &Progress| p.phase != format!("Exporting {stop}");
        let ended = export(&project, &wanted, &mut progress);
        assert!(matches!(ended, Err(Error::Cancelled)), "{stop}");
        assert!(names(&out).is_empty(), "{stop}: {:?}", names(&out));
    }
}

/// Names the test that runs again as a child with little room; holds the folder to work in.
const CHILD: &str = "VITRINE_EXPORT_CHILD";

/// A file may not grow beyond some tens of kilobytes here, which the operating system tells the
/// writer in the same way as a full disk.
#[test]
#[cfg(unix)]
fn a_full_disk_leaves_no_half_written_file() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return export_with_little_room(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut project = Project::create(&dir.path().join("project"), Some(64), PixelType::F32).unwrap();
    let mut import = project.import(64).unwrap();
    import.source(&SourceInfo::new("micrographs", "micrographs with picks")).unwrap();
    for id in 0..100 {
        let micrograph = Some(import.micrograph(&NewMicrograph::named("m.mrc")).unwrap());
        let xy = Some((f64::from(id), 7.0));
        let patch = NewPatch { micrograph, xy, label: Label::Positive, ..NewPatch::default() };
        import.push(&patch, &vec![id as f32; 64 * 64]).unwrap();
    }
    import.commit().unwrap();
    std::fs::create_dir(dir.path().join("out")).unwrap();
    // The project stays open here, so that the child's reading writes nothing to its database.
    let child = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 256; exec \"$0\" --exact a_full_disk_leaves_no_half_written_file",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(dir.path().join("child-was-here").exists());
    drop(project);
}

#[cfg(unix)]
fn export_with_little_room(dir: &Path) {
    let project = Project::open_read_only(&dir.join("project")).unwrap();
    let out = dir.join("out");
    let stack = |force| ExportRequest {
        what: ExportWhat::Both,
        force,
        ..request(ExportFormat::RelionStar, out.join("p.star"))
    };
    let requests = [
        stack(false),
        request(ExportFormat::Npz, out.join("p.npz")),
        request(ExportFormat::Mrcs, out.join("q.mrcs")),
    ];
    for wanted in &requests {
        let error = export(&project, wanted, &mut quiet).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        let told = error.to_string();
        assert!(told.contains("could not write") && !told.contains(".part"), "{told}");
        assert!(names(&out).is_empty(), "{:?}", names(&out));
    }
    // What was there before stays as it was, also with force.
    for name in ["p.star", "p.mrcs"] {
        std::fs::write(out.join(name), "mine").unwrap();
    }
    export(&project, &stack(true), &mut quiet).unwrap_err();
    assert_eq!(names(&out), ["p.mrcs", "p.star"]);
    assert_eq!(std::fs::read(out.join("p.mrcs")).unwrap(), b"mine");
    // What needs little room is written.
    export(&project, &request(ExportFormat::Csv, out.join("p.csv")), &mut quiet).unwrap();
    std::fs::write(dir.join("child-was-here"), "").unwrap();
}
