//! Exports opened by the readers other people use: PyPI's starfile, mrcfile, numpy and safetensors,
//! in a Python environment of its own under the target folder (`scripts/interop.py`).
//!
//! Their versions stand in `scripts/interop_requirements.txt`. Without Python or access to PyPI the tests say
//! that they did not run; with `VITRINE_REQUIRE_INTEROP=1` they fail instead.
#![allow(clippy::unwrap_used)]

mod export_support;
mod needs;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use export_support::{PIXEL, RUN, SIZE};
use serde_json::json;
use vitrine_core::Label;
use vitrine_core::export::{ExportFormat, ExportRequest, ExportWhat, export};
use vitrine_core::project::Project;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/interop_requirements.txt");
const IMPORTS: &str = "import starfile, mrcfile, numpy, safetensors, cryosparc";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/interop.py");

/// Runs a command; what it said when it failed.
fn run(program: &Path, args: &[&str]) -> Result<String, String> {
    let shown = || format!("{} {}", program.display(), args.join(" "));
    let output = Command::new(program).args(args).output().map_err(|e| format!("{}: {e}", shown()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("{}: {} {}", shown(), text(&output.stdout), text(&output.stderr))),
    }
}

/// The Python of the environment, which is made and filled where it is not there.
fn make_environment() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target folder")?;
    let venv = target.join("interop-venv");
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // Which requirements an environment was made from stands in it: others are installed anew.
    let made_from = venv.join("made_from.txt");
    let required = std::fs::read_to_string(REQUIREMENTS).map_err(|e| format!("{REQUIREMENTS}: {e}"))?;
    if std::fs::read_to_string(&made_from).is_ok_and(|made_from| made_from == required)
        && run(&python, &["-c", IMPORTS]).is_ok()
    {
        return Ok(python);
    }
    let system = Path::new(if cfg!(windows) { "python" } else { "python3" });
    run(system, &["-m", "venv", "--clear", &venv.display().to_string()])?;
    run(&python, &["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", REQUIREMENTS])?;
    std::fs::write(&made_from, required).map_err(|e| format!("{}: {e}", made_from.display()))?;
    Ok(python)
}

/// The Python with the packages; `None`, and a line that says so, where it cannot be had.
fn python(test: &str) -> Option<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PYTHON.get_or_init(make_environment) {
        Ok(python) => Some(python),
        Err(why) => {
            let why = format!("needs python3 with venv and access to PyPI: {why}");
            needs::missing(needs::Need::Interop, test, &why);
            None
        }
    }
}

/// Writes the exports that the script looks for, and what it should find in them.
fn write_exports(project: &Project, out: &Path) {
    let all = |format, name: &str| ExportRequest {
        labels: Vec::new(),
        ..ExportRequest::new(format, out.join(name))
    };
    let both = |format, name: &str| ExportRequest { what: ExportWhat::Both, ..all(format, name) };
    let threshold = 0.25;
    let requests = [
        both(ExportFormat::RelionStar, "relion.star"),
        ExportRequest {
            run: Some(RUN.into()),
            threshold: Some(threshold),
            keep_labelled: false,
            ..all(ExportFormat::RelionStar, "scored.star")
        },
        both(ExportFormat::CryosparcStar, "cryosparc.star"),
        all(ExportFormat::Mrcs, "stack.mrcs"),
        all(ExportFormat::Csv, "table.csv"),
        all(ExportFormat::Npz, "arrays.npz"),
        all(ExportFormat::Png, "pictures"),
        all(ExportFormat::Box, "boxes"),
    ];
    for request in &requests {
        export(project, request, &mut |_| true).unwrap();
    }
    let patches: Vec<serde_json::Value> = (0..project.len())
        .map(|id| {
            let placed = id < export_support::COUNTS[0] + export_support::COUNTS[1];
            let (x, y) = export_support::xy(id);
            let score = export_support::score(id);
            json!({
                "id": id,
                "label": export_support::label(id).as_str(),
                "micrograph": placed.then(|| export_support::micrograph(id)),
                "x": placed.then_some(x),
                "y": placed.then_some(y),
                "score": (!score.is_nan()).then_some(score),
                "pixels": export_support::pixels(id),
            })
        })
        .collect();
    assert!(Label::ALL.iter().all(|l| patches.iter().any(|p| p["label"] == l.as_str())));
    let expected = json!({
        "size": SIZE,
        "pixel_size": 2.0 * PIXEL,
        "micrograph_pixel_size": PIXEL,
        "threshold": threshold,
        "exports": requests.len(),
        "patches": patches,
    });
    std::fs::write(out.join("expected.json"), expected.to_string()).unwrap();
}

#[test]
fn exports_open_in_starfile_mrcfile_and_numpy() {
    let Some(python) = python("exports_open_in_starfile_mrcfile_and_numpy") else { return };
    let dir = tempfile::tempdir().unwrap();
    let project = export_support::project(&dir.path().join("project"));
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    write_exports(&project, &out);
    let folder = out.display().to_string();
    let said = run(python, &[SCRIPT, "--exports", &folder]).unwrap();
    assert!(said.contains("8 exports of 40 patches agree"), "{said}");

    // The script notices a difference: one pixel, and one coordinate.
    let stack = out.join("relion.mrcs");
    let good = std::fs::read(&stack).unwrap();
    let mut bad = good.clone();
    bad[1024 + 4 * 300] ^= 1;
    std::fs::write(&stack, bad).unwrap();
    let told = run(python, &[SCRIPT, "--exports", &folder]).unwrap_err();
    assert!(told.contains("pixels differ"), "{told}");
    std::fs::write(&stack, good).unwrap();
    let table = out.join("cryosparc.star");
    let text = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, text.replacen(" 131.75 ", " 131.5 ", 1)).unwrap();
    let told = run(python, &[SCRIPT, "--exports", &folder]).unwrap_err();
    assert!(told.contains("particle 2: x is 131.5"), "{told}");
}

#[test]
fn safetensors_are_read_by_the_script() {
    let Some(python) = python("safetensors_are_read_by_the_script") else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let write = |values: [f32; 4]| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let tensor =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 2], &bytes).unwrap();
        safetensors::serialize_to_file([("conv.weight", tensor)], None, &path).unwrap();
    };
    let file = path.display().to_string();
    write([1.0, -2.0, 0.5, 4.0]);
    let said = run(python, &[SCRIPT, "--model", &file]).unwrap();
    assert!(said.contains("1 tensors, 4 values"), "{said}");
    write([1.0, f32::NAN, 0.5, 4.0]);
    let told = run(python, &[SCRIPT, "--model", &file]).unwrap_err();
    assert!(told.contains("conv.weight"), "{told}");
}

/// A trained network goes out with its card, and its weights are those of the run.
#[test]
fn an_exported_model_is_read_by_the_script() {
    use burn::module::Module as _;
    use vitrine_core::device::ComputeDevice;
    use vitrine_core::imaging::normalise::{Normaliser, NormaliserKind};
    use vitrine_core::learning::config::RunConfig;
    use vitrine_core::learning::infer::contrast::ContrastRule;
    use vitrine_core::learning::loss::consistency::ConsistencyState;
    use vitrine_core::learning::network::Network;
    use vitrine_core::learning::network::weights::{NamedTensors, extract};
    use vitrine_core::learning::prior::PriorUsed;
    use vitrine_core::learning::train::checkpoint::{
        Checkpoint, CheckpointHeader, FORMAT_VERSION, History, model_path,
    };
    use vitrine_core::workflow::model::export_model;

    let dir = tempfile::tempdir().unwrap();
    let project = export_support::project(&dir.path().join("project"));
    let config = RunConfig::default();
    let network = Network::new(config.backbone, config.seed, &ComputeDevice::cpu().inner).valid();
    let weights = extract(&network);
    let pixels = [export_support::pixels(0)];
    let checkpoint = Checkpoint {
        header: CheckpointHeader {
            format: FORMAT_VERSION,
            program: "test".to_owned(),
            epoch: 3,
            size: SIZE,
            config,
            normaliser: Normaliser::fit(NormaliserKind::PerPatchZScore, SIZE, &pixels).unwrap(),
            prior: PriorUsed::given(0.3),
            best: Some((3, 0.8)),
            contrast: Some(ContrastRule { floor: -0.1, slope: 3.0, for_patches: 0.25 }),
            contrast_by_scores: false,
            consistency: ConsistencyState::new(0.3),
            trial: Default::default(),
            optimizer_steps: 9,
            history: History::default(),
            mid_epoch: None,
        },
        model: weights.clone(),
        student: NamedTensors::new(),
        teacher: NamedTensors::new(),
        optimizer: NamedTensors::new(),
        student_before: NamedTensors::new(),
        teacher_before: NamedTensors::new(),
    };
    let folder = project.run_dir(RUN);
    std::fs::create_dir_all(&folder).unwrap();
    checkpoint.save(&model_path(&folder)).unwrap();
    let out = dir.path().join("model.safetensors");
    // Cancelled at any step, nothing was written.
    for steps in 0..3 {
        let mut left = steps;
        let cancelled = export_model(&project, RUN, &out, false, &mut |_| {
            left -= 1;
            left >= 0
        });
        assert!(matches!(cancelled, Err(vitrine_core::Error::Cancelled)), "after {steps} steps");
        assert!(!out.exists() && !out.with_extension("json").exists());
    }
    let card = export_model(&project, RUN, &out, false, &mut |_| true).unwrap();
    assert_eq!((card.epoch, card.size, card.weights.len()), (3, SIZE, weights.len()));
    assert_eq!(card.contrast, Some(ContrastRule { floor: -0.1, slope: 3.0, for_patches: 0.25 }));
    let again = export_model(&project, RUN, &out, false, &mut |_| true).unwrap_err();
    assert_eq!(again.remedy(), Some(vitrine_core::Remedy::AllowReplace));

    let Some(python) = python("an_exported_model_is_read_by_the_script") else { return };
    let said = run(python, &[SCRIPT, "--model", &out.display().to_string()]).unwrap();
    let values: usize = weights.values().map(|w| w.values.len()).sum();
    assert!(said.contains(&format!("{} tensors, {values} values", weights.len())), "{said}");
}

/// Two files of one cryoSPARC job, written by cryosparc-tools, are joined in either order; what is exported of
/// them is what cryosparc-tools itself joins and selects, and the table for RELION names the same images.
#[test]
fn cryosparc_tools_reads_what_is_exported_of_its_own_job() {
    use vitrine_core::ingest::{IngestRequest, ingest};
    use vitrine_core::project::{Actor, PixelType};

    let Some(python) = python("cryosparc_tools_reads_what_is_exported_of_its_own_job") else { return };
    const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/interop_cryosparc.py");
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().display().to_string();
    run(python, &[SCRIPT, "--make", &folder]).unwrap();
    let (particles, passthrough) = (dir.path().join("particles.cs"), dir.path().join("passthrough.cs"));
    for (number, inputs) in
        [vec![particles.clone(), passthrough.clone()], vec![passthrough.clone(), particles.clone()]]
            .into_iter()
            .enumerate()
    {
        let mut project =
            Project::create(&dir.path().join(format!("project_{number}")), None, PixelType::F32).unwrap();
        let request = IngestRequest { inputs, ..IngestRequest::default() };
        let done = ingest(&mut project, &request, &mut |_| true).unwrap();
        assert_eq!((done.labels.total(), done.found.inputs.len()), (24, 1));
        assert_eq!(project.micrographs().unwrap().len(), 3);
        let chosen: Vec<(u32, Label)> = (1..24).step_by(2).map(|id| (id, Label::Positive)).collect();
        project.set_labels(&chosen, &Actor::Person("x".into()), None, "").unwrap();
        let uids: Vec<u64> = chosen
            .iter()
            .map(|(id, _)| project.patch(*id).unwrap().columns["uid"].parse().unwrap())
            .collect();
        std::fs::write(dir.path().join("chosen.json"), serde_json::to_string(&uids).unwrap()).unwrap();
        for (format, name) in [(ExportFormat::CryosparcCs, "out.cs"), (ExportFormat::RelionStar, "out.star")]
        {
            let request = ExportRequest { force: true, ..ExportRequest::new(format, dir.path().join(name)) };
            export(&project, &request, &mut |_| true).unwrap();
        }
        let said = run(python, &[SCRIPT, "--check", &folder]).unwrap();
        assert!(said.contains("12 of 24 cryoSPARC particles agree"), "{said}");
    }
    // A file of another job has no record of the particles.
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    run(python, &[SCRIPT, "--make", &other.display().to_string()]).unwrap();
    let error = vitrine_core::formats::cryosparc::open_joined(&particles, &[other.join("passthrough.cs")]);
    assert!(error.err().unwrap().to_string().contains("no record of 24 of the 24 particles"));
}
