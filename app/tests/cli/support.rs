//! Running the binary, and small simulated sets to feed it with.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use vitrine_core::Label;
use vitrine_core::formats::PatchInfo;
use vitrine_core::formats::mrc::{Writer, WriterMode};
use vitrine_core::formats::npy::{NpzGroup, NpzOptions, write_npz};

/// The program, with a known person at the keyboard.
pub fn vitrine() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command.env("USER", "tester").stdin(Stdio::null());
    command
}

/// What a call left behind.
#[derive(Debug)]
pub struct Ended {
    /// Exit status.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a command to its end; it never panics, whatever it is given.
pub fn finish(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let ended = Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!ended.err.contains("panicked"), "{command:?}: {ended:?}");
    ended
}

/// Runs the program with these arguments.
pub fn run<S: AsRef<str>>(args: &[S]) -> Ended {
    finish(vitrine().args(args.iter().map(AsRef::as_ref)))
}

/// Runs the program, which must succeed; its standard output.
pub fn ok<S: AsRef<str> + std::fmt::Debug>(args: &[S]) -> String {
    let ended = run(args);
    assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
    ended.out
}

/// As [`ok`], with `--json` added and read.
pub fn json<S: AsRef<str> + std::fmt::Debug>(args: &[S]) -> Value {
    let mut all: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    all.push("--json");
    serde_json::from_str(&ok(&all)).unwrap()
}

/// Runs the program, which must refuse with status 1 and one sentence; the sentence.
pub fn refused<S: AsRef<str> + std::fmt::Debug>(args: &[S]) -> String {
    let ended = run(args);
    assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
    sentence(&ended)
}

/// The one sentence with which a call ended.
pub fn sentence(ended: &Ended) -> String {
    let said: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("vitrine: ")).collect();
    assert_eq!(said.len(), 1, "{ended:?}");
    assert_eq!(ended.err.lines().last(), said.first().copied(), "the reason comes last: {ended:?}");
    assert!(said[0].len() < 700, "{ended:?}");
    said[0].trim_start_matches("vitrine: ").to_owned()
}

/// A path as an argument.
pub fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_str().unwrap().to_owned()
}

/// Positive, unlabeled and negative as `info --json` counts them.
pub fn labels(project: &str) -> [u64; 3] {
    let info = json(&["info", project]);
    ["positive", "unlabeled", "negative"].map(|label| info["labels"][label].as_u64().unwrap())
}

/// Noise that is the same on every machine: values of about −1.7 to 1.7, standard deviation 1.
pub struct Noise(u64);

impl Noise {
    /// A stream of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next value.
    pub fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 12f32.sqrt()
    }
}

/// A patch: noise, with a bright disc in the middle when it is a particle.
pub fn patch(size: usize, seed: u64, particle: bool, out: &mut [f32]) {
    let mut noise = Noise::new(seed);
    let middle = (size as f32 - 1.0) / 2.0;
    for (at, value) in out.iter_mut().enumerate() {
        let (x, y) = ((at % size) as f32 - middle, (at / size) as f32 - middle);
        let inside = (x * x + y * y).sqrt() < size as f32 / 4.0;
        *value = noise.next() + if particle && inside { 2.0 } else { 0.0 };
    }
}

/// Writes an NPZ with so many positive, unlabeled (every third a particle) and negative patches on
/// four micrographs, each with its centre.
pub fn write_set(path: &Path, size: usize, counts: [usize; 3]) {
    let labels = [Label::Positive, Label::Unlabeled, Label::Negative];
    let infos: Vec<Vec<PatchInfo>> = (0..3)
        .map(|group| {
            (0..counts[group])
                .map(|at| PatchInfo {
                    micrograph: Some(format!("mic_{}.mrc", at % 4)),
                    xy: Some((100.0 + 70.0 * (at / 4) as f64, 200.0 + 500.0 * group as f64)),
                    ..PatchInfo::default()
                })
                .collect()
        })
        .collect();
    let groups: Vec<NpzGroup<'_>> =
        labels.iter().zip(&infos).map(|(&label, info)| NpzGroup { label: Some(label), info }).collect();
    let out = BufWriter::new(File::create(path).unwrap());
    let options = NpzOptions { pixel_size: Some(1.5), compress: false };
    write_npz(out, path, size, &groups, options, |group, at, pixels| {
        let particle = group == 0 || (group == 1 && at % 3 == 0);
        patch(size, (group * 10_000 + at + 1) as u64, particle, pixels);
        Ok(())
    })
    .unwrap();
}

/// Writes an NPZ with one array `patches` of which the even ones are particles.
pub fn write_unknown(path: &Path, size: usize, count: usize) {
    let info = vec![PatchInfo::default(); count];
    let groups = [NpzGroup { label: None, info: &info }];
    let out = BufWriter::new(File::create(path).unwrap());
    write_npz(out, path, size, &groups, NpzOptions::default(), |_, at, pixels| {
        patch(size, 77_000 + at as u64, at % 2 == 0, pixels);
        Ok(())
    })
    .unwrap();
}

/// Writes an MRC micrograph of noise with dark discs at the given centres.
pub fn write_micrograph(path: &Path, side: usize, centres: &[(f64, f64)], seed: u64) {
    let mut noise = Noise::new(seed);
    let pixels: Vec<f32> = (0..side * side)
        .map(|at| {
            let (x, y) = ((at % side) as f64, (at / side) as f64);
            let dark = centres.iter().any(|(cx, cy)| (x - cx).hypot(y - cy) < 8.0);
            noise.next() - if dark { 2.0 } else { 0.0 }
        })
        .collect();
    let mut out = Writer::create(path, side, side, Some(2.0), WriterMode::Float32).unwrap();
    out.push(&pixels).unwrap();
    out.finish().unwrap();
}

/// A new project `name` in `dir` with the set `counts` of `size` px patches.
pub fn project(dir: &Path, name: &str, size: usize, counts: [usize; 3]) -> String {
    let project = text(dir.join(name));
    let set = dir.join(format!("{name}.npz"));
    write_set(&set, size, counts);
    ok(&["new", &project]);
    ok(&["import", &project, &text(&set)]);
    project
}

/// A quick method: a given prior, small batches, no warm-up to speak of.
pub fn quick_config(dir: &Path, epochs: usize) -> String {
    let path = dir.join("quick.yaml");
    let yaml = format!(
        "description: quick\nprior: 0.3\nbatch:\n  size: 32\nteacher:\n  enabled: true\n\
         schedule:\n  epochs: {epochs}\n  warm_up_epochs: 1\n"
    );
    std::fs::write(&path, yaml).unwrap();
    text(path)
}

/// Trains with a quick configuration on the CPU.
pub fn train(project: &str, config: &str, name: &str) -> String {
    ok(&["train", project, "--config", config, "--name", name, "--device", "cpu"])
}

/// The curve of a run: its metrics.csv without the columns that measure time.
pub fn curve(project: &str, run: &str) -> Vec<String> {
    let path = PathBuf::from(project).join("runs").join(run).join("metrics.csv");
    let table = std::fs::read_to_string(&path).unwrap();
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let kept: Vec<usize> =
        (0..head.len()).filter(|&at| !["seconds", "patches_per_second"].contains(&head[at])).collect();
    assert_eq!(kept.len(), head.len() - 2, "{head:?}");
    lines.map(|row| kept.iter().map(|&at| row[at]).collect::<Vec<_>>().join(",")).collect()
}

/// The weights of a run that score, as the bytes of its file after the header (safetensors: the header's length in 8
/// bytes, the header, the tensors). The header holds seconds, which differ from run to run.
pub fn weights(project: &str, run: &str) -> Vec<u8> {
    let bytes =
        std::fs::read(PathBuf::from(project).join("runs").join(run).join("best.safetensors")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    bytes[8 + usize::try_from(header).unwrap()..].to_vec()
}

/// Rows of a CSV without quoted cells, by the named columns.
pub fn columns(path: impl AsRef<Path>, names: &[&str]) -> Vec<Vec<String>> {
    let table = std::fs::read_to_string(path).unwrap();
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at: Vec<usize> = names.iter().map(|name| head.iter().position(|h| h == name).unwrap()).collect();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            at.iter().map(|&at| cells[at].to_owned()).collect()
        })
        .collect()
}

/// Copies a folder with all it holds.
pub fn copy_folder(from: &str, to: &str) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = text(Path::new(to).join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&text(entry.path()), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
