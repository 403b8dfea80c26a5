//! `vitrine relion-pick`: picking as an external job of RELION.

use std::path::PathBuf;

use vitrine_core::Error;
use vitrine_core::device::{ComputeDevice, DeviceChoice, use_threads};
use vitrine_core::workflow::pick::{PickRequest, PickSummary, pick};
use vitrine_core::workflow::relion_job::{JobEnd, RelionJob, RelionMicrographs};

use super::open;
use super::pick::{self, How};
use super::progress::{ProgressDisplay, catch_ctrl_c};

/// Pick the particles of RELION's micrographs, as an external job of RELION.
///
/// RELION calls this command itself. In its window choose the job type External. On the tab Input write
/// `vitrine relion-pick` as the executable, and choose the input micrographs. On the tab Params write the options
/// below that have a value, without the dashes: project, run, threshold and so on. Threads are those of the tab
/// Running.
///
/// The job can be watched, aborted and continued in RELION, and its output can be given to Extract. Scores are kept
/// with the run, so a continued job scores nothing twice. y counts as RELION reads the micrographs.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine relion-pick --o External/job006/ --in_mics CtfFind/job003/micrographs_ctf.star \\
      --project apo/ --run slide --j 8
  vitrine relion-pick --o External/job007/ --in_mics CtfFind/job003/micrographs_ctf.star \\
      --project apo/ --run general-1 --diameter 108 --expected 250

What it writes into the folder of the job:
  FOLDER/NAME_vitrine.star       the picks of a micrograph, where RELION's Extract job looks for them
  autopick.star                  list of these files, for RELION 4 and later
  coords_suffix_vitrine.star     the same for RELION 3
  RELION_OUTPUT_NODES.star       what other jobs of RELION can be given
  RELION_JOB_EXIT_SUCCESS        or _FAILURE or _ABORTED: how it ended. RELION_JOB_ABORT_NOW aborts it")]
pub struct Args {
    /// Folder of the job; RELION gives it
    #[arg(long, value_name = "DIR")]
    o: PathBuf,
    /// RELION's table of micrographs
    #[arg(long = "in_mics", value_name = "STAR")]
    in_mics: PathBuf,
    /// Folder of the Vitrine project
    #[arg(long, value_name = "DIR")]
    project: PathBuf,
    /// The run that picks
    #[arg(long)]
    run: String,
    #[command(flatten)]
    how: How,
    /// auto, cpu, gpu or gpu:N (see `vitrine devices`)
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Threads; RELION gives them
    #[arg(long, value_name = "N")]
    j: Option<usize>,
    /// Given by some versions of RELION; the folder of the job says the same
    #[arg(long = "pipeline_control", value_name = "DIR", hide = true)]
    pipeline_control: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let job = RelionJob::begin(&args.o)?;
    // A queue's order to end is an abortion too.
    catch_ctrl_c();
    let outcome = work(&args, &job);
    let end = match &outcome {
        Ok(_) => JobEnd::Success,
        Err(error) if matches!(error.downcast_ref(), Some(Error::Cancelled)) => JobEnd::Aborted,
        Err(_) => JobEnd::Failure,
    };
    job.end(end)?;
    let summary = outcome?;
    pick::print(&summary, &args.run);
    Ok(())
}

fn work(args: &Args, job: &RelionJob) -> anyhow::Result<PickSummary> {
    if let Some(threads) = args.j.filter(|threads| *threads > 0) {
        use_threads(threads)?;
    }
    let micrographs = RelionMicrographs::read(&args.in_mics)?;
    let (box_size, bin) = args.how.cut()?;
    let request = PickRequest {
        micrographs: micrographs.files(),
        names: micrographs.names(),
        choice: args.how.choice()?,
        one_threshold: args.how.one_threshold,
        as_scored: args.how.as_scored,
        distance: args.how.distance,
        box_size,
        bin,
        out: Some(args.o.clone()),
        ..PickRequest::new(args.run.clone(), ComputeDevice::open(args.device)?)
    };
    let project = open::to_read(&args.project)?;
    let mut progress = ProgressDisplay::new(false);
    let summary = pick(&project, &request, &mut |step| {
        progress.show(&step.phase, step.done, step.total) && !job.is_aborted()
    })?;
    progress.clear();
    job.write_outputs(&micrographs)?;
    Ok(summary)
}
