//! `vitrine export`: labelled sets for other programs, and models.

use std::path::{Path, PathBuf};

use vitrine_core::export::{
    ExportFormat, ExportRequest, ExportWhat, GivenOptics, YDirection, export, preview,
};
use vitrine_core::workflow::model::export_model;
use vitrine_core::{Error, Label};

use super::exit::Usage;
use super::open;
use super::output::{print_json, print_line};
use super::progress::Progress;
use super::remedy;
use crate::words;

/// Hand a labelled set to RELION, cryoSPARC and others, or a trained model as safetensors.
///
/// Patches are selected by label (positives unless said otherwise) and, with --run, by score. Every
/// export comes with a manifest: counts, project, run, threshold, journal position and checksums.
/// Existing files are not replaced without --force, and a file appears under its name only when it is
/// complete.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine export apo/ --format relion-star --out apo.star
  vitrine export apo/ --run recommended-1 --threshold 0.5 --labels positive,unlabeled --format relion-star --what both --out apo.star
  vitrine export apo/ --format relion-coordinates --out RELION/Vitrine/apo
  vitrine export apo/ --format relion-star --voltage 300 --cs 2.7 --amplitude-contrast 0.1 --out apo.star
  vitrine export apo/ --format relion-star --micrograph-names .mrc --out apo.star
  vitrine export apo/ --labels all --format npz --out apo.npz
  vitrine export apo/ --run recommended-1 --threshold 0.9 --labels unlabeled --format csv --out found.csv --dry-run
  vitrine export apo/ --run recommended-1 --format model --out model.safetensors

Formats:
  relion-star         particle table of RELION 3.1 to 5, optics table carried over
  relion-coordinates  a folder for RELION's Extract job: a list of micrographs and a STAR file for each
  relion-subset       rows of the RELION table the patches came from, byte by byte
  cryosparc-star      for cryoSPARC's Import Particle Stack
  cryosparc-cs        records of the .cs files the patches came from, with their uids
  csv                 id, micrograph, x, y, label, score, source
  npz                 NumPy arrays positive, unlabeled, negative
  mrcs                MRC stack with a table beside it
  png                 a folder of pictures per label
  box                 EMAN box files, one per micrograph
  model               the run's network as safetensors with a JSON card

Which way y counts:
  source  as the picks counted it when they were imported; tables for RELION as RELION reads the file:
          MRC as stored, TIFF turned over
  down    from the first stored row
  up      from the last stored row")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// What to write (see below)
    #[arg(long, value_parser = format)]
    format: Format,
    /// File to write; for relion-coordinates, png and box the folder
    #[arg(long, short)]
    out: PathBuf,
    /// Labels to write: positive, negative, unlabeled, a comma-separated list, or all
    #[arg(long, default_value = "positive", value_parser = labels)]
    labels: Labels,
    /// Run whose scores are written and compared with --threshold
    #[arg(long)]
    run: Option<String>,
    /// Only patches with at least this score
    #[arg(long, value_name = "SCORE", requires = "run")]
    threshold: Option<f32>,
    /// Only patches with a score below this
    #[arg(long, value_name = "SCORE", requires = "run")]
    below: Option<f32>,
    /// STAR only: coordinates, stack or both
    #[arg(long, default_value = "coordinates")]
    what: ExportWhat,
    /// From which row y counts: source, down or up (see below)
    #[arg(long, default_value = "source")]
    y: YDirection,
    /// Originals of converted pictures: an ending (.mrc), a folder, a STAR file or a list of names
    #[arg(long, value_name = "ORIGINALS")]
    micrograph_names: Option<PathBuf>,
    /// Voltage in kV, where the sources do not say it
    #[arg(long, value_name = "KV")]
    voltage: Option<f64>,
    /// Spherical aberration in mm, where the sources do not say it
    #[arg(long, value_name = "MM")]
    cs: Option<f64>,
    /// Amplitude contrast, where the sources do not say it
    #[arg(long, value_name = "SHARE")]
    amplitude_contrast: Option<f64>,
    /// Å per px of the unbinned micrographs, where the sources do not say it
    #[arg(long, value_name = "ANGSTROM")]
    pixel_size: Option<f64>,
    /// RELION stack only: background of mean 0 and standard deviation 1
    #[arg(long)]
    normalise: bool,
    /// RELION stack only: turn the contrast over, so that dark particles become light
    #[arg(long)]
    invert: bool,
    /// Replace existing files
    #[arg(long)]
    force: bool,
    /// Only show what would be written
    #[arg(long)]
    dry_run: bool,
    /// Print the manifest (with --dry-run: the preview) as JSON
    #[arg(long)]
    json: bool,
}

/// Files listed before "and N more".
const MAX_FILES_LISTED: usize = 5;

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let project = open::to_read(&args.project)?;
    let Format::Set(format) = args.format else {
        let Some(run) = &args.run else {
            return Err(Usage("--format model writes the network of a run: name it with --run").into());
        };
        let card = export_model(&project, run, &args.out, args.force, &mut |_| true)?;
        if args.json {
            return print_json(&card);
        }
        print_line(&format!("model of {run}: {}", args.out.display()));
        print_line(&format!("card: {}", args.out.with_extension("json").display()));
        return Ok(());
    };
    let request = ExportRequest {
        format,
        out: args.out.clone(),
        labels: args.labels.0.clone(),
        run: args.run.clone(),
        threshold: args.threshold,
        below: args.below,
        what: args.what,
        y: args.y,
        micrograph_names: args.micrograph_names.clone(),
        optics: GivenOptics {
            voltage: args.voltage,
            spherical_aberration: args.cs,
            amplitude_contrast: args.amplitude_contrast,
            pixel_size: args.pixel_size,
        },
        normalise: args.normalise,
        invert: args.invert,
        force: args.force,
    };
    if args.dry_run {
        let preview = preview(&project, &request)?;
        if args.json {
            return print_json(&preview);
        }
        if preview.total == 0 {
            print_line("nothing would be written: no patch has these labels and scores");
        } else {
            print_line(&format!("would write {}", words::label_counts(&preview.counts)));
        }
        for target in &preview.targets {
            let exists = if preview.existing.contains(target) { "  (exists; needs --force)" } else { "" };
            print_line(&format!("  {}{exists}", target.display()));
        }
        for warning in &preview.warnings {
            print_line(&format!("note: {}", remedy::warning(warning)));
        }
        return Ok(());
    }
    let mut progress = Progress::new(args.json);
    let manifest = export(&project, &request, &mut |step| {
        if progress.show(&format!("Exporting {}", step.phase), step.done as u64, step.total as u64) {
            Ok(())
        } else {
            Err(vitrine_core::Error::Cancelled)
        }
    })?;
    progress.clear();
    if args.json {
        return print_json(&manifest);
    }
    print_line(&format!("wrote {}", words::label_counts(&manifest.counts)));
    // Files are named in the manifest as seen from the export's folder.
    let folder = if format.extension().is_none() { Some(args.out.as_path()) } else { args.out.parent() };
    for file in manifest.files.iter().take(MAX_FILES_LISTED) {
        print_line(&format!("  {}", folder.unwrap_or(Path::new("")).join(&file.path).display()));
    }
    if manifest.files.len() > MAX_FILES_LISTED {
        print_line(&format!("  … and {} more files", manifest.files.len() - MAX_FILES_LISTED));
    }
    for warning in &manifest.warnings {
        print_line(&format!("note: {}", remedy::warning(warning)));
    }
    Ok(())
}

/// What is written: a labelled set, or a trained network.
#[derive(Clone, Copy)]
enum Format {
    Set(ExportFormat),
    Model,
}

fn format(text: &str) -> Result<Format, Error> {
    match text {
        "model" => Ok(Format::Model),
        other => other.parse().map(Format::Set).map_err(|_| {
            let all = ExportFormat::ALL.map(ExportFormat::as_str).join(", ");
            Error::request(format!("'{text}' is not an export format"), format!("use one of {all}, model"))
        }),
    }
}

/// The labels of a comma-separated list.
#[derive(Clone)]
struct Labels(Vec<Label>);

fn labels(text: &str) -> Result<Labels, Error> {
    if text == "all" {
        return Ok(Labels(Label::ALL.to_vec()));
    }
    text.split(',').map(str::parse::<Label>).collect::<Result<_, _>>().map(Labels)
}
