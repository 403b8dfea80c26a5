//! `vitrine devices`: where a run can compute.

use vitrine_core::device;

use super::output::{print_json, print_line};
use crate::version;

/// List the devices a run can compute on.
///
/// `auto` takes the first real GPU, else the CPU. A software rasteriser (a CPU pretending to be a GPU) is never chosen
/// automatically: it is far slower than the CPU backend.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine devices
  vitrine train apo/ --device gpu:0")]
pub struct Args {
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let devices = device::list();
    if args.json {
        return print_json(&devices);
    }
    for device in &devices {
        print_line(&version::device_words(device));
    }
    Ok(())
}
