//! `vitrine export`: labelled sets for other programs, and models.

use std::path::{Path, PathBuf};

use vitrine_core::export::{
    ExportFormat, ExportRequest, ExportWhat, GivenOptics, Manifest, YDirection, export, preview,
};
use vitrine_core::workflow::model::export_model;
use vitrine_core::{Error, Label};

use super::exit::Usage;
use super::open;
use super::output::{print_json, print_line};
use super::progress::ProgressDisplay;
use super::remedy;
use crate::words;

/// Export labelled particles for RELION, cryoSPARC and other programs, or the network of a run.
///
/// --labels selects patches by their label; without it positives are written, and with --threshold the unlabeled too. --run with --threshold or --below
/// selects by score too. A threshold applies to the unlabeled: positives and negatives that you name are written
/// whatever their score. --threshold-for-all applies it to them too; --below always does.
///
/// A manifest beside the files records counts, project, run, threshold, journal position and checksums. Files that
/// exist are replaced only with --force. A file appears under its name only when it is complete.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  What people labelled as particles, for RELION:
    vitrine export apo/ --format relion-star --out apo.star
  Labelled particles and what a run takes for particles:
    vitrine export apo/ --run recommended-1 --threshold 0.5 --labels positive,unlabeled \\
        --format relion-star --out apo.star
  First look at how many that are:
    vitrine export apo/ --run recommended-1 --threshold 0.9 --labels unlabeled --format csv \\
        --out found.csv --dry-run
  For RELION's Extract job:
    vitrine export apo/ --format relion-coordinates --out RELION/Vitrine/apo
  A stack with its table, as RELION wants its pixels:
    vitrine export apo/ --format relion-star --what both --normalise --invert --out apo.star
  Optics that no imported file gave:
    vitrine export apo/ --format relion-star --voltage 300 --cs 2.7 --amplitude-contrast 0.1 \\
        --out apo.star
  Micrographs that were converted from MRC to pictures:
    vitrine export apo/ --format relion-star --micrograph-names .mrc --out apo.star
  All patches as NumPy arrays; the network of a run:
    vitrine export apo/ --labels all --format npz --out apo.npz
    vitrine export apo/ --run recommended-1 --format model --out model.safetensors

Formats:
  relion-star         table of particles for RELION 3.1 to 5, with its optics table
  relion-coordinates  a folder for RELION's Extract job: a list of micrographs, a STAR file for each
  relion-subset       rows of the RELION table that the patches came from, byte by byte
  cryosparc-star      table for cryoSPARC's Import Particle Stack
  cryosparc-cs        records of the .cs files that the patches came from, with their uids
  csv                 table of id, micrograph, x, y, label, score, source
  npz                 NumPy arrays positive, unlabeled, negative
  mrcs                MRC stack with a table
  png                 a folder of pictures for each label
  box                 EMAN box files, one for each micrograph
  model               the network of a run as safetensors, with a JSON card

From which row y counts:
  source  as the imported picks counted it; tables for RELION as RELION reads the file: MRC from
          the first stored row, TIFF from the last. To import such a table of TIFF micrographs
          again, give --y-up
  down    from the first stored row
  up      from the last stored row")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// What is written (see below)
    #[arg(long, value_parser = format)]
    format: Format,
    /// File that is written; for relion-coordinates, png and box a folder
    #[arg(long, short)]
    out: PathBuf,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the manifest as JSON; with --dry-run the preview
    #[arg(long)]
    json: bool,
    /// Labels that are written: positive, negative, unlabeled, several separated by commas, or all [default: positive; with
    /// --threshold positive,unlabeled]
    #[arg(long, value_parser = labels, help_heading = WHICH)]
    labels: Option<Labels>,
    /// Run whose scores select patches and are written
    #[arg(long, help_heading = WHICH)]
    run: Option<String>,
    /// Write only unlabeled patches with this score or more (0 to 1)
    #[arg(long, value_name = "SCORE", requires = "run", help_heading = WHICH)]
    threshold: Option<f32>,
    /// Write only patches with a lower score than this (0 to 1)
    #[arg(long, value_name = "SCORE", requires = "run", help_heading = WHICH)]
    below: Option<f32>,
    /// Apply the threshold to positives and negatives too
    #[arg(long, requires = "threshold", help_heading = WHICH)]
    threshold_for_all: bool,
    /// Use one threshold for all micrographs: ignore those that the project keeps for single ones
    #[arg(long, requires = "run", help_heading = WHICH)]
    one_threshold: bool,
    #[command(flatten)]
    how: HowWritten,
}

/// How patches are written, whichever they are.
#[derive(clap::Args)]
pub(super) struct HowWritten {
    /// What a STAR export writes: the table of coordinates, the stack of patches, or both
    #[arg(long, default_value = "coordinates", help_heading = WRITTEN)]
    what: ExportWhat,
    /// From which row y counts: source, down or up (see below)
    #[arg(long, default_value = "source", help_heading = WRITTEN)]
    y: YDirection,
    /// Names of the originals of converted micrographs: an ending (.mrc), a folder, a STAR file or a list
    #[arg(long, value_name = "ORIGINALS", help_heading = WRITTEN)]
    micrograph_names: Option<PathBuf>,
    /// Bring the background of a RELION stack to mean 0 and standard deviation 1
    #[arg(long, help_heading = WRITTEN)]
    normalise: bool,
    /// Invert the contrast of a RELION stack: dark particles become light, as RELION wants them
    #[arg(long, help_heading = WRITTEN)]
    invert: bool,
    /// Voltage, kV
    #[arg(long, value_name = "KV", help_heading = OPTICS)]
    voltage: Option<f64>,
    /// Spherical aberration, mm
    #[arg(long, value_name = "MM", help_heading = OPTICS)]
    cs: Option<f64>,
    /// Amplitude contrast, a share from 0 to 1
    #[arg(long, value_name = "SHARE", help_heading = OPTICS)]
    amplitude_contrast: Option<f64>,
    /// Å per px of the unbinned micrographs
    #[arg(long, value_name = "ANGSTROM", help_heading = OPTICS)]
    pixel_size: Option<f64>,
}

impl HowWritten {
    /// Whether anything differs from how patches are written by default.
    pub(super) fn is_given(&self) -> bool {
        let plain = ExportRequest::new(ExportFormat::Csv, PathBuf::new());
        self.request(plain.format, plain.out.clone(), plain.force) != plain
    }

    /// An export of all positives in this way.
    pub(super) fn request(&self, format: ExportFormat, out: PathBuf, force: bool) -> ExportRequest {
        ExportRequest {
            what: self.what,
            y: self.y,
            micrograph_names: self.micrograph_names.clone(),
            optics: GivenOptics {
                voltage: self.voltage,
                spherical_aberration: self.cs,
                amplitude_contrast: self.amplitude_contrast,
                pixel_size: self.pixel_size,
            },
            normalise: self.normalise,
            invert: self.invert,
            force,
            ..ExportRequest::new(format, out)
        }
    }
}

impl Args {
    /// The labels that are written. A threshold looks for particles among the unlabeled.
    fn wanted_labels(&self) -> Vec<Label> {
        match &self.labels {
            Some(labels) => labels.0.clone(),
            None if self.threshold.is_some() => vec![Label::Positive, Label::Unlabeled],
            None => vec![Label::Positive],
        }
    }
}

/// Headings of the options.
const WHICH: &str = "Which patches";
const WRITTEN: &str = "How they are written";
const OPTICS: &str = "Optics that no imported file gave";

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
        labels: args.wanted_labels(),
        run: args.run.clone(),
        threshold: args.threshold,
        below: args.below,
        keep_labelled: !args.threshold_for_all,
        one_threshold: args.one_threshold,
        ..args.how.request(format, args.out.clone(), args.force)
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
    let mut progress = ProgressDisplay::new(args.json);
    let manifest = export(&project, &request, &mut |step| progress.show(&step.phase, step.done, step.total))?;
    progress.clear();
    if args.json {
        return print_json(&manifest);
    }
    print_line(&format!("wrote {}", words::label_counts(&manifest.counts)));
    print_files(&manifest, &args.out);
    Ok(())
}

/// Prints the files of an export, and what a person should know of it.
pub(super) fn print_files(manifest: &Manifest, out: &Path) {
    // Files are named in the manifest as seen from the export's folder.
    let folder = if manifest.format.extension().is_none() { Some(out) } else { out.parent() };
    for file in manifest.files.iter().take(MAX_FILES_LISTED) {
        print_line(&format!("  {}", folder.unwrap_or(Path::new("")).join(&file.path).display()));
    }
    if manifest.files.len() > MAX_FILES_LISTED {
        print_line(&format!("  … and {} more files", manifest.files.len() - MAX_FILES_LISTED));
    }
    for warning in &manifest.warnings {
        print_line(&format!("note: {}", remedy::warning(warning)));
    }
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
