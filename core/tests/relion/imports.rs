//! Which micrograph is which, and how large its pixels are: by file and by table, before names and headers.

use std::path::Path;

use vitrine_core::formats::mrc::{Writer, WriterMode};
use vitrine_core::ingest::{IngestRequest, IngestSummary, PoolCount, PoolFrom, PoolRequest, ingest};
use vitrine_core::project::{PixelType, Project};

/// A micrograph of 100 px a side with this pixel size in its header.
fn micrograph(path: &Path, pixel_size: f64) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut mrc = Writer::create(path, 100, 100, Some(pixel_size), WriterMode::Float32).unwrap();
    mrc.push(&(0..10_000).map(|at| ((at * 37) % 101) as f32).collect::<Vec<_>>()).unwrap();
    mrc.finish().unwrap();
}

fn bring(project: &mut Project, micrographs: &Path, picks: &Path) -> IngestSummary {
    let request = IngestRequest {
        micrographs: vec![micrographs.to_owned()],
        picks: vec![picks.to_owned()],
        box_size: Some(16),
        pool: Some(PoolRequest {
            count: Some(PoolCount::PerMicrograph(2)),
            ..PoolRequest::new(PoolFrom::Random)
        }),
        ..IngestRequest::default()
    };
    ingest(project, &request, &mut |_| true).unwrap()
}

fn create(dir: &Path) -> Project {
    Project::create(&dir.join("project"), None, PixelType::F32).unwrap()
}

#[test]
fn equally_named_micrographs_of_other_folders_stay_apart_and_the_same_file_is_known_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = create(dir.path());
    let picks = dir.path().join("picks.csv");
    std::fs::write(&picks, "micrograph,x,y\nmic.mrc,50,50\n").unwrap();
    for folder in ["square_1", "square_2"] {
        micrograph(&dir.path().join(folder).join("mic.mrc"), 2.0);
    }
    bring(&mut project, &dir.path().join("square_1"), &picks);
    let second = bring(&mut project, &dir.path().join("square_2"), &picks);
    let said = second.found.warnings.iter().find(|w| w.text.contains("but is another file"));
    assert!(said.is_some_and(|w| w.text.contains("square_2/mic.mrc")), "{:?}", second.found.warnings);
    let named = |project: &Project| -> Vec<String> {
        project.micrographs().unwrap().into_iter().map(|m| m.name).collect()
    };
    assert_eq!(named(&project), ["mic.mrc", "square_2/mic.mrc"]);
    let on: Vec<_> = project.places().unwrap().iter().map(|place| place.micrograph.unwrap().0).collect();
    assert_eq!(on.iter().filter(|id| **id == on[0]).count(), 3, "one pick and two of the pool on each");
    assert_eq!(on.len(), 6);

    // The first file once more, by another way to it: the pick is there already.
    let request = IngestRequest {
        micrographs: vec![dir.path().join("square_2/../square_1/mic.mrc")],
        picks: vec![picks],
        box_size: Some(16),
        pool: Some(PoolRequest {
            count: Some(PoolCount::PerMicrograph(1)),
            ..PoolRequest::new(PoolFrom::Random)
        }),
        ..IngestRequest::default()
    };
    let third = ingest(&mut project, &request, &mut |_| true).unwrap();
    assert_eq!((third.found.duplicates, third.labels.positive), (1, 0));
    assert_eq!(named(&project).len(), 2);
}

#[test]
fn a_header_of_exactly_one_angstrom_is_not_believed_and_a_table_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let picks = dir.path().join("picks.csv");
    std::fs::write(&picks, "micrograph,x,y\na.mrc,50,50\n").unwrap();
    micrograph(&dir.path().join("mics/a.mrc"), 1.0);
    micrograph(&dir.path().join("mics/b.mrc"), 1.0);
    let mut project = create(&dir.path().join("one"));
    let done = bring(&mut project, &dir.path().join("mics"), &picks);
    let said = "the headers of 2 micrographs say exactly 1 Å per px";
    assert!(done.found.warnings.iter().any(|w| w.text.starts_with(said)), "{:?}", done.found.warnings);
    assert!(project.micrographs().unwrap().iter().all(|m| m.pixel_size.is_none()));
    assert!(project.sources().unwrap().iter().all(|s| s.info.pixel_size.is_none()));

    // RELION's table knows: 1.31 Å, made of a movie of 0.655 Å.
    let table = dir.path().join("micrographs.star");
    let text = "\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographOriginalPixelSize #2\n_rlnMicrographPixelSize #3\n\
                1 0.655 1.31\n\n\ndata_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n\
                mics/a.mrc 1\nmics/b.mrc 1\n\n";
    std::fs::write(&table, text).unwrap();
    let mut project = create(&dir.path().join("two"));
    let done = bring(&mut project, &table, &picks);
    assert!(!done.found.warnings.iter().any(|w| w.text.contains("exactly 1 Å")), "{:?}", done.found.warnings);
    let micrographs = project.micrographs().unwrap();
    assert_eq!(micrographs.iter().map(|m| m.pixel_size).collect::<Vec<_>>(), [Some(1.31); 2]);
    let named: Vec<_> = micrographs.iter().map(|m| m.table_name.as_deref()).collect();
    assert_eq!(named, [Some("mics/a.mrc"), Some("mics/b.mrc")]);
    let sizes: Vec<_> = project.sources().unwrap().iter().map(|s| s.info.micrograph_pixel_size).collect();
    assert_eq!(sizes, [Some(1.31); 2], "the picks' and the pool's");
}

#[test]
fn a_header_says_its_pixel_size_in_the_digits_it_was_written_with() {
    let dir = tempfile::tempdir().unwrap();
    let picks = dir.path().join("picks.csv");
    std::fs::write(&picks, "micrograph,x,y\na.mrc,50,50\n").unwrap();
    // Headers hold the length of the whole side in 32 bits: 177 Å over 100 px, and 88.5.
    for (name, size) in [("1", 1.77), ("2", 0.885)] {
        micrograph(&dir.path().join(name).join("a.mrc"), size);
        let mut project = create(&dir.path().join(format!("p{name}")));
        bring(&mut project, &dir.path().join(name), &picks);
        assert_eq!(project.sources().unwrap()[0].info.micrograph_pixel_size, Some(size));
    }
}
