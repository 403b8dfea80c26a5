//! `vitrine new`: an empty project.

use std::path::PathBuf;

use clap::ValueEnum;
use vitrine_core::project::{PixelType, Project};

use super::output::{print_json, print_line};

/// Make an empty project folder.
///
/// The folder must be empty or missing. The patch size is decided by the first import unless it is
/// given here.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine new apo/
  vitrine new apo/ --size 64 --pixels f16

See also: vitrine import --help")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// Side of a patch in px; by default the first import decides
    #[arg(long, value_name = "PX")]
    size: Option<usize>,
    /// How pixels are stored: f32 keeps every value exactly, f16 needs half the disk
    #[arg(long, value_enum, default_value = "f32")]
    pixels: PixelArg,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum PixelArg {
    F32,
    F16,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let pixel_type = match args.pixels {
        PixelArg::F32 => PixelType::F32,
        PixelArg::F16 => PixelType::F16,
    };
    let project = Project::create(&args.project, args.size, pixel_type)?;
    if args.json {
        return print_json(&serde_json::json!({ "project": project.dir(), "size": project.size() }));
    }
    print_line(&format!("made the project {}", project.dir().display()));
    print_line("next: vitrine import --help");
    Ok(())
}
