//! The command line, one file per subcommand: arguments become a request to the library, and the answer is printed.
//! What the library can do is not done here.

mod args;
mod compare;
mod demo;
mod devices;
mod diagnose;
mod evaluate;
mod exit;
mod export;
mod import;
mod info;
mod label;
mod measures;
mod new;
mod open;
mod output;
mod pick;
mod presets;
mod progress;
mod remedy;
mod runs;
mod score;
mod train;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::remedy::sentence;

/// Get a clean particle set out of cryo-electron micrographs with a few hundred labels.
///
/// A project is a folder that holds patches and what is known of them: positive (a particle),
/// negative (no particle) or unlabeled (nobody has said). `import` fills it, `train` learns from it,
/// `diagnose` says what is wrong before or after a run, `score` gives every patch a number, `compare`
/// puts runs side by side, `export` hands the result to RELION, cryoSPARC and others. Without a command
/// the window opens, which does all of that by hand and eye.
#[derive(Parser)]
#[command(name = "vitrine", version, after_long_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
struct Cli {
    /// Folder of a project to open in the window; without it and without a command the window opens
    /// with its first screen
    project: Option<PathBuf>,
    /// Open the window on the simulated sample in this folder; made where it is missing
    #[arg(long, value_name = "DIR", conflicts_with = "project")]
    sample: Option<PathBuf>,
    /// Tell on standard error what is done; -vv and -vvv tell more. `diagnose` also says what it looked at
    #[arg(long, short, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
A first session:
  vitrine new apo/
  vitrine import apo/ --micrographs mics/ --picks picks/ --box 192 --bin 3 --pool blobs
  vitrine train apo/ --baseline
  vitrine compare apo/ --report apo.html
  vitrine export apo/ --run recommended-1 --threshold 0.5 --format relion-star --out apo.star

Or see it all on a simulated sample: vitrine demo DIR

Exit status:
  0    done
  1    something in the files, the project or the data stands in the way; the message says what to do
       (diagnose: something was found)
  2    the command line itself is wrong (diagnose: could not run)
  130  stopped by Ctrl-C; what was complete is kept";

#[derive(Subcommand)]
enum Command {
    New(new::Args),
    Import(import::Args),
    Info(info::Args),
    Label(label::Args),
    Train(train::Args),
    Score(score::Args),
    Compare(compare::Args),
    Runs(runs::Args),
    Pick(pick::Args),
    Diagnose(diagnose::Args),
    Evaluate(evaluate::Args),
    Export(export::Args),
    Demo(demo::Args),
    Devices(devices::Args),
    Presets(presets::Args),
}

/// The whole command line, for pages that describe it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the command line, does what it says, and turns the outcome into an exit status.
pub fn run() -> ExitCode {
    hush_graphics();
    let cli = Cli::parse();
    // The commands log only when asked; the window always, beside its settings.
    let settings = cli.command.is_none().then(crate::gui::settings::default_path).flatten();
    let log = settings.as_deref().map(crate::logging::beside);
    if let Err(error) = crate::logging::start(cli.verbose, log.as_deref()) {
        eprintln!("error: {}", sentence(&error));
        return ExitCode::from(2);
    }
    let outcome = match cli.command {
        None => {
            let outcome = window(cli.project, cli.sample);
            let why = outcome.as_ref().err().map(sentence);
            let code = exit::code(outcome);
            if let Some(why) = why {
                crate::gui::tell_desktop(&format!("{}.", crate::words::capitalised(&why)));
            }
            return code;
        }
        // A status of its own: 1 says that something was found, 2 that nothing could be examined.
        Some(Command::Diagnose(args)) => {
            return match diagnose::run(args, cli.verbose > 0) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::from(1),
                Err(error) => ExitCode::from(if exit::report(&error) == 130 { 130 } else { 2 }),
            };
        }
        Some(command) => dispatch(command),
    };
    exit::code(outcome)
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        Command::New(args) => new::run(args),
        Command::Import(args) => import::run(args),
        Command::Info(args) => info::run(args),
        Command::Label(args) => label::run(args),
        Command::Train(args) => train::run(args),
        Command::Score(args) => score::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Runs(args) => runs::run(args),
        Command::Pick(args) => pick::run(args),
        Command::Diagnose(args) => diagnose::run(args, false).map(|_| ()),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Export(args) => export::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Devices(args) => devices::run(args),
        Command::Presets(args) => presets::run(args),
    }
}

/// Opens the window.
fn window(project: Option<PathBuf>, sample: Option<PathBuf>) -> anyhow::Result<()> {
    if let Some(path) = &project
        && !path.exists()
    {
        // Most likely a mistyped command, which should not open a window.
        let what = format!("there is neither a command nor a folder '{}'", path.display());
        Cli::command().error(clap::error::ErrorKind::InvalidSubcommand, what).exit();
    }
    crate::gui::run(crate::gui::values::Start {
        project,
        sample,
        settings: crate::gui::settings::default_path(),
    })
}

/// Where a machine has no desktop, listing its GPUs makes the Wayland library complain on standard error
/// of a variable that is not set, as if the run had failed. Any folder satisfies it.
fn hush_graphics() {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: called first in `main`, while there is no other thread that could read variables.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
}
