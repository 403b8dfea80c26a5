//! A small simulated project for the tests of exports, and what they share.
// Every test file uses a part of this.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use vitrine_core::Error;
use vitrine_core::export::{ExportFormat, ExportRequest, Manifest};
use vitrine_core::formats::{Dataset, PatchInfo};
use vitrine_core::progress::Progress;

use vitrine_core::Label;
use vitrine_core::formats::OpticsGroup;
use vitrine_core::project::{
    Fractions, NewMicrograph, NewPatch, NewRun, PatchId, PixelType, Project, ScoreKind, SourceInfo,
    SplitMethod, SplitRequest,
};

/// Side of a patch, px.
pub const SIZE: usize = 16;
/// Å per px of the micrographs; patches are binned by two.
pub const PIXEL: f64 = 1.77;
/// Patches of the three sources: a RELION table, blobs of the micrographs, an archive without
/// coordinates.
pub const COUNTS: [usize; 3] = [20, 15, 5];
/// The name of the run.
pub const RUN: &str = "recommended-1";

/// Pixels that tell patches apart and need all 24 bits of a 32-bit float.
pub fn pixels(id: usize) -> Vec<f32> {
    let phase = id as f32 * 0.37;
    (0..SIZE * SIZE)
        .map(|i| ((i as f32) * 0.11 + phase).sin() * 1e3f32.powf(((id % 3) as f32) - 1.0))
        .collect()
}

/// Label of a patch.
pub fn label(id: usize) -> Label {
    match id {
        _ if id >= COUNTS[0] + COUNTS[1] => Label::Positive,
        _ if id >= COUNTS[0] => Label::Unlabeled,
        _ if id % 4 == 3 => Label::Negative,
        _ => Label::Positive,
    }
}

/// Centre of a patch, px of the unbinned micrograph.
pub fn xy(id: usize) -> (f64, f64) {
    (100.25 + 31.5 * id as f64, 2000.0 - 17.0 / 3.0 * id as f64)
}

/// Micrograph of a patch.
pub fn micrograph(id: usize) -> String {
    format!("micrographs/mic_{:03}_aligned.mrc", id % 3)
}

/// Score of a patch: the last two of the blobs have none.
pub fn score(id: usize) -> f32 {
    match id {
        33 | 34 => f32::NAN,
        _ => (id * 7 % 40) as f32 / 40.0 + 0.003,
    }
}

/// One of the two optics groups of the RELION table.
fn optics(number: usize) -> OpticsGroup {
    let column = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    OpticsGroup {
        pixel_size: None,
        columns: [
            column("rlnOpticsGroup", &number.to_string()),
            column("rlnOpticsGroupName", &format!("grid square {number}")),
            column("rlnVoltage", if number == 1 { "300.000000" } else { "200.000000" }),
            column("rlnSphericalAberration", "2.700000"),
            column("rlnAmplitudeContrast", "0.100000"),
        ]
        .into(),
    }
}

/// Makes the project in `dir`, with a split and a scored run.
pub fn project(dir: &Path) -> Project {
    let mut project = Project::create(dir, Some(SIZE), PixelType::F32).unwrap();
    let mut import = project.import(SIZE).unwrap();
    let cut = SourceInfo {
        pixel_size: Some(2.0 * PIXEL),
        micrograph_pixel_size: Some(PIXEL),
        box_size: Some(2.0 * SIZE as f64),
        bin: Some(2.0),
        ..SourceInfo::new("picks/particles.star", "RELION 3.1 coordinates")
    };
    let sources = [
        SourceInfo { optics: vec![optics(1), optics(2)], ..cut.clone() },
        SourceInfo { optics: vec![optics(1)], ..SourceInfo { path: "micrographs".into(), ..cut } },
        SourceInfo::new("more.npz", "NumPy patches"),
    ];
    let mut id = 0;
    for (number, source) in sources.iter().enumerate() {
        import.source(source).unwrap();
        for source_index in 0..COUNTS[number] {
            let mut patch = NewPatch { label: label(id), source_index, ..NewPatch::default() };
            if number < 2 {
                patch.micrograph = Some(import.micrograph(&NewMicrograph::named(micrograph(id))).unwrap());
                patch.xy = Some(xy(id));
                patch.optics = Some(if number == 0 { id % 2 } else { 0 });
            }
            if number == 0 {
                patch.columns = [
                    ("rlnDefocusU".to_owned(), format!("{}.500000", 10_000 + id)),
                    ("rlnClassNumber".to_owned(), (id % 2 + 1).to_string()),
                ]
                .into();
            }
            assert_eq!(import.push(&patch, &pixels(id)).unwrap(), id as PatchId);
            id += 1;
        }
    }
    import.commit().unwrap();
    let request = SplitRequest {
        fractions: Fractions { train: 0.7, validation: 0.3, test: 0.0 },
        method: SplitMethod::Random,
        ..SplitRequest::default()
    };
    let split = project.make_split(&request, &mut |_| Ok(())).unwrap();
    let run = NewRun {
        name: RUN.into(),
        config: "risk: nnpu\n".into(),
        seed: 1,
        versions: serde_json::json!({}),
        began_with: None,
        device: "flex".into(),
        normaliser: serde_json::json!({}),
        split: Some(split.id),
        columns: Vec::new(),
    };
    let run = project.create_run(&run).unwrap();
    let scores: Vec<f32> = (0..project.len()).map(score).collect();
    project.set_scores(run.id, ScoreKind::Teacher, &scores).unwrap();
    project
}

pub fn quiet(_: &Progress) -> bool {
    true
}

/// All labels as `format`.
pub fn request(format: ExportFormat, out: impl Into<PathBuf>) -> ExportRequest {
    ExportRequest { labels: Vec::new(), ..ExportRequest::new(format, out) }
}

/// A project in a folder of its own, and a folder for exports.
pub fn setup() -> (tempfile::TempDir, Project, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let project = project(&dir.path().join("project"));
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    (dir, project, out)
}

pub fn sentence<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let text = result.unwrap_err().to_string();
    assert!(!text.contains('\n') && text.len() < 500, "{text}");
    text
}

pub fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every patch of a file: what is said of it, and its pixels.
pub fn contents(mut data: Dataset) -> Vec<(PatchInfo, Vec<f32>)> {
    let mut out = vec![0.0; data.reader.size() * data.reader.size()];
    (0..data.reader.len())
        .map(|index| {
            data.reader.read(index, &mut out).unwrap();
            (data.reader.info(index), out.clone())
        })
        .collect()
}

/// The manifest on the disk is the one returned, and its checksums are those of the files.
pub fn check_manifest(path: &Path, returned: &Manifest) {
    let read: Manifest = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    // Warnings are stored as sentences: what is to be done is in the text.
    assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(returned).unwrap());
    assert!(!read.files.is_empty() && read.total == read.counts.total());
    for file in &read.files {
        let bytes = std::fs::read(path.parent().unwrap().join(&file.path)).unwrap();
        assert_eq!(bytes.len() as u64, file.bytes, "{}", file.path);
        let sum: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(sum, file.sha256, "{}", file.path);
    }
}
