//! The command line, one file per subcommand: arguments become a request to the library, and the answer is printed.
//! What the library can do is not done here.

mod args;
mod cluster;
mod compare;
mod demo;
mod devices;
mod diagnose;
mod evaluate;
mod exit;
mod export;
mod import;
mod info;
mod jobs;
mod label;
mod measures;
mod new;
mod open;
mod output;
mod pick;
mod presets;
mod progress;
mod rank;
mod relion_pick;
mod remedy;
mod runs;
mod score;
mod shell_files;
mod submit;
mod sweep;
mod task;
mod train;
mod train_display;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use vitrine_core::project::Project;

use self::remedy::sentence;
use crate::version;

/// Get a clean particle set out of cryo-electron micrographs with a few hundred labels.
///
/// A project is a folder that holds patches and their labels: positive (a particle), negative (no
/// particle) or unlabeled (not labelled yet). `import` adds patches, `train` trains a network on them,
/// `diagnose` finds what is wrong before or after a run, `score` gives every patch a number, `compare`
/// compares runs, `export` writes the result for RELION, cryoSPARC and others. Without a command the
/// window opens, in which a person does all of this with mouse and keyboard.
#[derive(Parser)]
#[command(name = "vitrine", version, after_long_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
struct Cli {
    /// Folder of a project to open in the window; without it and without a command the window opens
    /// on its start screen
    project: Option<PathBuf>,
    /// Open the window on the simulated sample in this folder; the sample is made if it is missing
    #[arg(long, value_name = "DIR", conflicts_with = "project")]
    sample: Option<PathBuf>,
    /// Log to standard error; -vv and -vvv log more. `diagnose` also prints what it examined
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

Or try everything on a simulated sample: vitrine demo DIR

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
    Rank(rank::Args),
    Train(train::Args),
    Sweep(sweep::Args),
    Score(score::Args),
    Compare(compare::Args),
    Runs(runs::Args),
    Pick(pick::Args),
    RelionPick(relion_pick::Args),
    Diagnose(diagnose::Args),
    Evaluate(evaluate::Args),
    Export(export::Args),
    Demo(demo::Args),
    Submit(submit::Args),
    Jobs(jobs::Args),
    Cluster(cluster::Args),
    Devices(devices::Args),
    Presets(presets::Args),
    #[command(hide = true)]
    Task(task::Args),
    #[command(hide = true)]
    ShellFiles(shell_files::Args),
}

/// The whole command line, for pages that describe it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses the command line, does what it says, and turns the outcome into an exit status.
pub fn run() -> ExitCode {
    hush_graphics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) if asked.kind() == clap::error::ErrorKind::DisplayVersion && is_long_version() => {
            version::lines().iter().for_each(|line| output::print_line(line));
            return ExitCode::SUCCESS;
        }
        Err(error) => error.exit(),
    };
    // The commands log only when asked; the window always, beside its settings.
    let settings = cli.command.is_none().then(crate::gui::settings::default_path).flatten();
    let log = settings.as_deref().map(crate::logging::beside);
    if let Err(error) = crate::logging::start(cli.verbose, log.as_deref()) {
        eprintln!("error: {}", sentence(&error));
        return ExitCode::from(2);
    }
    if let Some(command) = cli.command {
        return dispatch(command, cli.verbose > 0);
    }
    let outcome = window(cli.project, cli.sample);
    let why = outcome.as_ref().err().map(sentence);
    let code = exit::code(outcome);
    if let Some(why) = why {
        crate::gui::tell_desktop(&format!("{}.", crate::words::capitalised(&why)));
    }
    code
}

/// Whether the version was asked for by its long name: `--version` tells more than `-V`.
fn is_long_version() -> bool {
    std::env::args_os().any(|word| word == "--version")
}

/// Runs a command; `verbose` is for the one that prints more on it.
fn dispatch(command: Command, verbose: bool) -> ExitCode {
    match command {
        // Its exit status says more: 1 that something was found, 2 that nothing could be examined.
        Command::Diagnose(args) => match diagnose::run(args, verbose) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => ExitCode::from(if exit::report(&error) == 130 { 130 } else { 2 }),
        },
        Command::Task(args) => ExitCode::from(task::run(&args, &JOB_COMMANDS)),
        command => exit::code(execute(command)),
    }
}

/// How a task of a job understands its arguments.
const JOB_COMMANDS: task::Commands = task::Commands {
    run: |arguments, attempt| match command_of(arguments)? {
        Command::Train(args) if attempt > 1 => task::go_on(args),
        command => execute(command),
    },
    part: |arguments, job, number| match command_of(arguments)? {
        Command::Pick(args) => task::shard(job, number, args.device),
        Command::Sweep(args) => sweep::task(job, number, args.device),
        Command::Train(args) => sweep::task(job, number, args.device),
        _ => anyhow::bail!("this job has no tasks"),
    },
};

/// The command of a job.
fn command_of(arguments: &[String]) -> anyhow::Result<Command> {
    let words = std::iter::once("vitrine").chain(arguments.iter().map(String::as_str));
    Cli::try_parse_from(words)
        .map_err(|error| anyhow::anyhow!("the arguments of the job are not understood: {}", error.kind()))?
        .command
        .ok_or_else(|| anyhow::anyhow!("the job has no command"))
}

/// Runs a command that ends well or with an error.
fn execute(command: Command) -> anyhow::Result<()> {
    match command {
        Command::New(args) => new::run(args),
        Command::Import(args) => import::run(args),
        Command::Info(args) => info::run(args),
        Command::Label(args) => label::run(args),
        Command::Rank(args) => rank::run(args),
        Command::Train(args) => train::run(args),
        Command::Sweep(args) => sweep::run(args),
        Command::Score(args) => score::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Runs(args) => runs::run(args),
        Command::Pick(args) => pick::run(args),
        Command::RelionPick(args) => relion_pick::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Export(args) => export::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Submit(args) => submit::run(args),
        Command::Jobs(args) => jobs::run(args),
        Command::Cluster(args) => cluster::run(args),
        Command::Diagnose(_) | Command::Task(_) => {
            Err(exit::Usage("a job trains, picks or scores; it cannot run this command").into())
        }
        Command::Devices(args) => devices::run(args),
        Command::ShellFiles(args) => shell_files::run(&args, &Cli::command()),
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
    // A desktop opens the one file that it can tell a project by.
    let project = project.map(|path| Project::folder_of(&path).to_owned());
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
