//! `vitrine presets`: the configurations that ship with the program.

use vitrine_core::learning::config::presets::Preset;
use vitrine_core::learning::config::yaml;

use super::output::print_line;

/// List the presets, or print one to edit.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine presets
  vitrine presets recommended > mine.yaml
  vitrine presets recommended --full > every-key.yaml
  vitrine train apo/ --config mine.yaml")]
pub struct Args {
    /// Print this preset's YAML
    name: Option<String>,
    /// With NAME: every key, defaults included
    #[arg(long, requires = "name")]
    full: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Some(name) = args.name else {
        for &preset in Preset::ALL {
            print_line(&format!("{:<22} {}", preset.name(), yaml::preset(preset)?.description));
        }
        return Ok(());
    };
    let config = yaml::load(&name)?;
    match Preset::from_name(&name) {
        Some(preset) if !args.full => print_line(preset.text().trim_end()),
        _ => print_line(yaml::to_yaml(&config)?.trim_end()),
    }
    Ok(())
}
