//! Real files of other programs become patches of a project.

use super::*;
use std::path::PathBuf;

/// A folder of the test data, as [`crate::needs::shared`].
fn shared(name: &str, test: &str) -> Option<PathBuf> {
    crate::needs::shared(test, name)
}

#[test]
fn real_micrographs_with_box_files() {
    let Some(data) = shared("empiar10017", "real_micrographs_with_box_files") else { return };
    let dir = tempfile::tempdir().unwrap();
    let request = IngestRequest {
        micrographs: vec![data.join("micrographs")],
        picks: vec![data.join("picks")],
        box_size: Some(192),
        bin: 3,
        ..IngestRequest::default()
    };
    let given = look(&request).unwrap();
    let mirrored = |p: &ImportPreview| p.warnings.iter().any(|w| w.text.contains("counted from the"));
    assert!(mirrored(&given) && given.mirrored, "{:?}", given.warnings);
    let turn = Remedy::TurnYOver { from_bottom: true };
    assert!(given.warnings.iter().any(|w| w.text.contains("bottom") && w.remedy == Some(turn.clone())));
    assert!(given.warnings.iter().any(|w| w.text.contains("repeat the edge")), "{:?}", given.warnings);

    let request = IngestRequest {
        y_up: true,
        margin: 90,
        pool: Some(PoolRequest {
            count: Some(PoolCount::PerMicrograph(30)),
            ..PoolRequest::new(PoolFrom::Blobs)
        }),
        ..request
    };
    let mut project = project(dir.path());
    let done = bring(&mut project, &request).unwrap();
    assert!(!mirrored(&done.found) && !done.found.mirrored, "{:?}", done.found.warnings);
    let found = &done.found;
    assert_eq!(done.labels.positive as usize + found.at_edge + found.outside + found.duplicates, 1616);
    println!("{} kept, {} at edge, {} duplicates", done.labels.positive, found.at_edge, found.duplicates);
    assert!(done.labels.positive > 1500, "{:?}", done.labels);
    assert_eq!((found.micrographs.len(), found.unmatched.len()), (12, 0));
    assert_eq!((project.size(), done.pool), (Some(64), 360));

    // With the right side up nearly every pick is a particle of the reference.
    let truth = truth_for(&project, &data.join("reference"), Some(60.0)).unwrap();
    let labels = project.labels().unwrap();
    let share = |label: Label| {
        let all: Vec<bool> =
            truth.iter().zip(&labels).filter(|(_, l)| **l == label).filter_map(|(t, _)| *t).collect();
        all.iter().filter(|t| **t).count() as f64 / all.len() as f64
    };
    println!("true: {:.3} of picks, {:.3} of the pool", share(Label::Positive), share(Label::Unlabeled));
    assert!(share(Label::Positive) > 0.8, "{}", share(Label::Positive));
}

#[test]
fn real_patch_files() {
    let Some(data) = shared("preprocessed", "real_patch_files") else { return };
    for name in ["preprocessed_data.pt", "preprocessed_data_numpy.pt", "preprocessed_data_lists.pt"] {
        let dir = tempfile::tempdir().unwrap();
        let mut project = project(dir.path());
        let request = IngestRequest { inputs: vec![data.join(name)], ..IngestRequest::default() };
        let seen = look(&request).unwrap();
        let done = bring(&mut project, &request).unwrap();
        assert_eq!(seen.labels, done.labels, "{name}");
        assert_eq!((done.found.labels, project.len() as u64), (done.labels, done.labels.total()), "{name}");
        println!("{name}: {:?}, {} px", done.labels, project.size().unwrap());
        if name == "preprocessed_data.pt" {
            assert_eq!(done.labels, counts(343, 1400, 343));
            let truth = truth_for(&project, &data.join("truth.npz"), None).unwrap();
            assert_eq!(truth.iter().flatten().count(), 1400);
            let labels = project.labels().unwrap();
            assert!(truth.iter().zip(&labels).all(|(t, l)| t.is_some() == (*l == Label::Unlabeled)));
        }
    }
}

#[test]
fn the_benchmark_keeps_micrographs_and_places() {
    let Some(data) = shared("pu_benchmark", "the_benchmark_keeps_micrographs_and_places") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path());
    let request = IngestRequest { inputs: vec![data.join("train.npz")], ..IngestRequest::default() };
    let done = bring(&mut project, &request).unwrap();
    assert_eq!(done.labels, counts(343, 1400, 0));
    assert_eq!((project.size(), project.micrographs().unwrap().len()), (Some(64), 8));
    assert!(project.places().unwrap().iter().all(|p| p.micrograph.is_some() && p.xy.is_some()));
    let truth = truth_for(&project, &data.join("train_truth.npz"), None).unwrap();
    let particles = truth.iter().flatten().filter(|t| **t).count();
    assert_eq!((truth.iter().flatten().count(), particles), (1400, 420));
    let wrong = truth_for(&project, &data.join("test.npz"), None);
    assert!(sentence(wrong).contains("is_particle has 2000 values"));
    let none = truth_for(&project, &data.join("train.npz"), None);
    assert!(sentence(none).contains("no array of true labels"));

    // The micrographs themselves bring the pool: they are known under another file name.
    let micrographs = data.parent().unwrap().join("empiar10017/micrographs");
    let one = project.micrographs().unwrap()[0].name.clone();
    let file = std::fs::read_dir(micrographs)
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.to_string_lossy().contains(&one))
        .unwrap();
    let request = IngestRequest {
        micrographs: vec![file.clone()],
        box_size: Some(192),
        bin: 3,
        pool: Some(PoolRequest { count: Some(PoolCount::Total(9)), ..PoolRequest::new(PoolFrom::Random) }),
        ..IngestRequest::default()
    };
    assert_eq!(bring(&mut project, &request).unwrap().pool, 9);
    let micrographs = project.micrographs().unwrap();
    assert_eq!((micrographs.len(), &micrographs[0].name), (8, &one));
    assert_eq!(micrographs[0].path.as_deref(), Some(file.as_path()));
    assert_eq!(micrographs[0].dimensions, Some((4096, 4096)));
}

#[test]
fn real_particle_stacks() {
    let Some(data) = shared("formats", "real_particle_stacks") else { return };
    for name in [
        "cryodrgn/relion31.star",
        "cryodrgn/relion31.6opticsgroups.star",
        "cryodrgn/empiar_10076_7.star",
        "cryodrgn/empiar_10076_7.cs",
        "aspire/aspire_sample_relion31.star",
        "aspire/aspire_sample_relion_data.star",
        "aspire/aspire_sample.mrcs",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut project = project(dir.path());
        let request = IngestRequest { inputs: vec![data.join(name)], ..IngestRequest::default() };
        match bring(&mut project, &request) {
            Ok(done) => {
                assert_eq!(done.labels.unlabeled, done.labels.total());
                let source = project.sources().unwrap().remove(0);
                let row = project.patch(project.len() as u32 - 1).unwrap();
                println!(
                    "{name}: {} × {} px at {:?} Å, {} optics groups, {} columns",
                    project.len(),
                    project.size().unwrap(),
                    source.info.pixel_size,
                    source.info.optics.len(),
                    row.columns.len()
                );
                if name.ends_with("star") {
                    assert!(row.optics.is_some() && !row.columns.is_empty(), "{name}");
                }
            }
            // Some tables come without their stacks.
            Err(error) => {
                let text = error.to_string();
                println!("{name}: {text}");
                assert!(text.contains("not there") || text.contains("which holds"), "{name}: {text}");
                assert!(project.is_empty());
            }
        }
    }
}

#[test]
fn a_relion_table_brings_its_stack() {
    let Some(data) = shared("formats/aspire", "a_relion_table_brings_its_stack") else { return };
    let dir = tempfile::tempdir().unwrap();
    // The tables call the stack by its name at home.
    std::fs::copy(data.join("aspire_sample.mrcs"), dir.path().join("sample.mrcs")).unwrap();
    for name in ["aspire_sample_relion31.star", "aspire_sample_relion_data.star"] {
        let table = dir.path().join(name);
        std::fs::copy(data.join(name), &table).unwrap();
        let home = tempfile::tempdir().unwrap();
        let mut project = project(home.path());
        let request = IngestRequest {
            inputs: vec![table.clone(), table],
            label: Some(Label::Positive),
            ..IngestRequest::default()
        };
        let done = bring(&mut project, &request).unwrap();
        // Named twice, it is read once.
        assert_eq!((done.labels, project.size()), (counts(17, 0, 0), Some(200)), "{name}");
        let row = project.patch(16).unwrap();
        println!("{name}: optics {:?}, columns {:?}", row.optics, row.columns.keys().collect::<Vec<_>>());
        assert!(!row.columns.is_empty(), "{name}");
    }
}
