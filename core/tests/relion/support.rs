//! A small project of RELION: simulated micrographs with known particles, the tables RELION 3.1 writes
//! about them, and a way to run RELION's programs in it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use vitrine_core::Label;
use vitrine_core::export::{ExportRequest, Manifest, export};
use vitrine_core::formats::mrc::{Writer, WriterMode};
use vitrine_core::formats::relion;
use vitrine_core::ingest::{IngestRequest, PoolCount, PoolFrom, PoolRequest, ingest};
use vitrine_core::project::{PatchRow, PixelType, Project};

/// Side of the micrographs, px.
pub const SIDE: usize = 512;
/// Side of the boxes, px.
pub const BOX: usize = 64;
/// Å per px of the micrographs; that of the movies is half of it.
pub const PIXEL: f64 = 1.77;
/// Picks on each micrograph; nothing was picked on the last.
pub const PICKS: [usize; 3] = [12, 9, 0];

/// Name of a micrograph in RELION's tables.
pub fn micrograph(at: usize) -> String {
    format!("MotionCorr/job002/mics/mic_{}.mrc", at + 1)
}

/// Centre of a particle, with a fraction of a px as pickers give it.
pub fn centre(mic: usize, at: usize) -> (f64, f64) {
    let (column, row) = (at % 4, at / 4);
    (70.25 + 118.0 * column as f64 + 3.5 * mic as f64, 80.75 + 150.0 * row as f64 - 2.0 * mic as f64)
}

/// Pixels of a micrograph: noise, and a dark disc at every centre.
pub fn pixels(mic: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (mic as u64 + 1);
    let mut noise = || {
        // xorshift64*; twelve uniform numbers make a normal one.
        (0..12)
            .map(|_| {
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 24) as f32
            })
            .sum::<f32>()
            - 6.0
    };
    let mut image: Vec<f32> = (0..SIDE * SIDE).map(|_| 100.0 + noise()).collect();
    for at in 0..12 {
        let (x, y) = centre(mic, at);
        for (index, value) in image.iter_mut().enumerate() {
            let distance = ((index % SIDE) as f64 - x).hypot((index / SIDE) as f64 - y);
            if distance < 14.0 {
                *value -= 1.5;
            }
        }
    }
    image
}

/// The folder of the RELION project; [`Relion::new`] fills it.
pub struct Relion {
    pub dir: tempfile::TempDir,
}

impl Relion {
    /// Three micrographs of a motion correction, its table, that of a CTF estimation, and manual picks.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let relion = Self { dir };
        std::fs::write(relion.path("default_pipeline.star"), "\ndata_pipeline_general\n\n").unwrap();
        let mics = relion.folder("MotionCorr/job002/mics");
        let picks = relion.folder("ManualPick/job004/mics");
        relion.folder("CtfFind/job003");
        for (mic, &count) in PICKS.iter().enumerate() {
            write_mrc(&mics.join(format!("mic_{}.mrc", mic + 1)), &pixels(mic));
            let mut text = String::new();
            if count > 0 {
                text.push_str(
                    "\n# version 30001\n\ndata_\n\nloop_ \n_rlnCoordinateX #1 \n_rlnCoordinateY #2 \n",
                );
                text.push_str("_rlnClassNumber #3 \n_rlnAnglePsi #4 \n_rlnAutopickFigureOfMerit #5 \n");
            }
            for at in 0..count {
                let (x, y) = centre(mic, at);
                writeln!(text, "{x:12.6} {y:12.6} {:12} {:12.6} {:12.6} ", -999, -999.0, -999.0).unwrap();
            }
            std::fs::write(picks.join(format!("mic_{}_manualpick.star", mic + 1)), text).unwrap();
        }
        std::fs::write(relion.path(MICROGRAPHS), table(false)).unwrap();
        std::fs::write(relion.path(WITH_CTF), table(true)).unwrap();
        relion
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Runs a program of RELION in the folder of the project.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<String, String> {
        let output = Command::new(program).args(args).current_dir(self.dir.path()).output();
        let output = output.map_err(|e| format!("{program}: {e}"))?;
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // RELION ends with 0 after some of its errors.
        match output.status.success() && !text.contains("ERROR") {
            true => Ok(text),
            false => Err(format!("{program} {}: {text}", args.join(" "))),
        }
    }

    /// Imports micrographs of `table` with the manual picks and a small pool, without binning.
    pub fn import(&self, table: &str) -> Project {
        let request = IngestRequest {
            micrographs: vec![self.path(table)],
            picks: vec![self.path("ManualPick/job004")],
            box_size: Some(BOX),
            pool: Some(PoolRequest {
                count: Some(PoolCount::PerMicrograph(6)),
                ..PoolRequest::new(PoolFrom::Random)
            }),
            ..IngestRequest::default()
        };
        let project = self.import_into("vitrine", &request);
        let labels = project.label_counts().unwrap();
        assert_eq!((labels.positive, labels.unlabeled), (PICKS.iter().sum::<usize>() as u64, 18));
        project
    }

    /// Imports files into a new project in the folder `name`.
    pub fn import_into(&self, name: &str, request: &IngestRequest) -> Project {
        let mut project = Project::create(&self.path(name), None, PixelType::F32).unwrap();
        ingest(&mut project, request, &mut |_| true).unwrap();
        project
    }

    /// Particles extracted by RELION with `args` naming where they are.
    pub fn extract(&self, table: &str, job: &str, args: &[&str]) -> Vec<Extracted> {
        let (dir, star) = (format!("Extract/{job}/"), format!("Extract/{job}/particles.star"));
        let side = BOX.to_string();
        let mut all = vec![
            "--i",
            table,
            "--part_dir",
            &dir,
            "--part_star",
            &star,
            "--extract",
            "--extract_size",
            &side,
        ];
        all.extend(args);
        self.run("relion_preprocess", &all).unwrap();
        self.extracted(&star)
    }

    /// Particles of a table with their pixels.
    pub fn extracted(&self, star: &str) -> Vec<Extracted> {
        let mut data = relion::open(&self.path(star)).unwrap();
        let size = data.reader.size();
        (0..data.reader.len())
            .map(|index| {
                let info = data.reader.info(index);
                let mut pixels = vec![0.0; size * size];
                data.reader.read(index, &mut pixels).unwrap();
                Extracted { micrograph: info.micrograph.unwrap(), xy: info.xy.unwrap(), pixels }
            })
            .collect()
    }
}

/// RELION's table of the motion correction.
pub const MICROGRAPHS: &str = "MotionCorr/job002/corrected_micrographs.star";
/// RELION's table of the CTF estimation.
pub const WITH_CTF: &str = "CtfFind/job003/micrographs_ctf.star";

/// A particle that RELION extracted.
pub struct Extracted {
    pub micrograph: String,
    pub xy: (f64, f64),
    pub pixels: Vec<f32>,
}

/// A table of micrographs as RELION 3.1 writes it.
fn table(ctf: bool) -> String {
    let mut text = String::from(
        "\n# version 30001\n\ndata_optics\n\nloop_ \n_rlnOpticsGroupName #1 \n_rlnOpticsGroup #2 \n\
         _rlnMicrographOriginalPixelSize #3 \n_rlnVoltage #4 \n_rlnSphericalAberration #5 \n\
         _rlnAmplitudeContrast #6 \n_rlnMicrographPixelSize #7 \n\
         opticsGroup1            1     0.885000   300.000000     2.000000     0.100000     1.770000 \n \n\n\
         # version 30001\n\ndata_micrographs\n\nloop_ \n_rlnMicrographName #1 \n_rlnOpticsGroup #2 \n",
    );
    if ctf {
        text.push_str("_rlnDefocusU #3 \n_rlnDefocusV #4 \n_rlnDefocusAngle #5 \n");
    }
    for mic in 0..PICKS.len() {
        write!(text, "{}            1 ", micrograph(mic)).unwrap();
        if ctf {
            write!(text, "{:.6} {:.6}    45.000000 ", 15000.5 + 100.0 * mic as f64, 14500.25).unwrap();
        }
        text.push('\n');
    }
    text.push_str(" \n");
    text
}

/// Writes one micrograph.
pub fn write_mrc(path: &Path, image: &[f32]) {
    let mut mrc = Writer::create(path, SIDE, SIDE, Some(PIXEL), WriterMode::Float32).unwrap();
    mrc.push(image).unwrap();
    mrc.finish().unwrap();
}

/// Exports what the request asks for.
pub fn write(project: &Project, request: &ExportRequest) -> Manifest {
    export(project, request, &mut |_| true).unwrap()
}

/// Every patch of a label with its pixels.
pub fn patches(project: &Project, labels: &[Label]) -> Vec<(PatchRow, Vec<f32>)> {
    let size = project.size().unwrap();
    let pixels = project.pixels();
    let rows = project.patches(0..project.len() as u32).unwrap();
    rows.into_iter()
        .filter(|row| labels.contains(&row.label))
        .map(|row| {
            let mut patch = vec![0.0; size * size];
            pixels.get(row.id, &mut patch).unwrap();
            (row, patch)
        })
        .collect()
}

/// RELION's particles are the project's patches: as many, at the same centres, the same pixels.
pub fn assert_same(project: &Project, labels: &[Label], found: &[Extracted]) {
    let expected = patches(project, labels);
    assert_eq!(found.len(), expected.len());
    let names: std::collections::HashMap<_, _> = project
        .micrographs()
        .unwrap()
        .into_iter()
        .map(|m| (m.id, m.table_name.unwrap_or_default()))
        .collect();
    for (row, pixels) in &expected {
        let (x, y) = row.place.xy.unwrap();
        let name = &names[&row.place.micrograph.unwrap()];
        // RELION writes six decimals.
        let same = found
            .iter()
            .find(|f| f.micrograph == *name && (f.xy.0 - x).abs() < 1e-5 && (f.xy.1 - y).abs() < 1e-5);
        let same = same.unwrap_or_else(|| panic!("no particle at ({x}, {y}) on {name}"));
        assert_eq!(same.pixels, *pixels, "pixels at ({x}, {y}) on {name}");
    }
}
