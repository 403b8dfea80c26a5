//! `vitrine runs`: list, rename and delete the runs of a project.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use vitrine_core::project::Project;
use vitrine_core::report::tables::text_table;
use vitrine_core::workflow::runs::{DeletePlan, delete, plan_delete, rename};

use super::exit::Usage;
use super::open;
use super::output::{print_json, print_line};
use crate::words;

/// List the runs of a project, rename them, or delete them.
///
/// Without an action the runs are listed with their size on the disk. Deleting removes a run's checkpoints, metrics and
/// scores for good, and asks first; labels that were set from its scores stay. A run that is under way is neither
/// renamed nor deleted.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine runs apo/
  vitrine runs apo/ rename recommended-3 final
  vitrine runs apo/ delete trial-1 trial-2
  vitrine runs apo/ delete trial-3 --yes     # for scripts: does not ask")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    #[command(subcommand)]
    action: Option<Action>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List the runs, oldest first; the same as without an action
    List,
    /// Give a run another name
    Rename {
        /// The run
        run: String,
        /// Its new name: letters, digits, '.', '-' and '_'
        new_name: String,
    },
    /// Delete runs with their checkpoints, metrics and scores
    Delete {
        /// The runs
        #[arg(required = true)]
        runs: Vec<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        None | Some(Action::List) => list(&args.project, args.json),
        Some(Action::Rename { run, new_name }) => {
            let mut project = open::to_write(&args.project)?;
            let old = project.run(&run)?.name;
            let renamed = rename(&mut project, &run, &new_name)?;
            if args.json {
                return print_json(&json!({ "run": renamed.name, "was": old }));
            }
            print_line(&format!("the run {old} is called {} now", renamed.name));
            Ok(())
        }
        Some(Action::Delete { runs, yes }) => delete_runs(&args.project, &runs, yes, args.json),
    }
}

fn list(dir: &Path, as_json: bool) -> anyhow::Result<()> {
    let project = open::to_read(dir)?;
    let mut rows = Vec::new();
    let mut objects = Vec::new();
    for run in project.runs()? {
        let (bytes, epochs) = (project.run_size(&run.name)?, project.metrics(run.id)?.len());
        objects.push(json!({
            "name": run.name, "status": run.status.as_str(), "epochs": epochs, "best_epoch": run.best_epoch,
            "device": run.device, "started_at": run.started_at, "bytes": bytes,
            "began_with": run.began_with(), "began_with_deleted": run.began_with_deleted(),
        }));
        let before = match (run.began_with(), run.began_with_deleted()) {
            (Some(before), _) => before.to_owned(),
            (None, Some(before)) => format!("{before} (deleted)"),
            (None, None) => "–".to_owned(),
        };
        let best = run.best_epoch.map_or_else(|| "–".to_owned(), |epoch| epoch.to_string());
        rows.push(vec![
            run.name,
            run.status.as_str().to_owned(),
            epochs.to_string(),
            best,
            words::bytes(bytes),
            before,
        ]);
    }
    if as_json {
        return print_json(&objects);
    }
    if rows.is_empty() {
        print_line("the project has no runs yet");
        return Ok(());
    }
    let heading = ["Run", "Status", "Epochs", "Best", "Size", "Began with"].map(str::to_owned);
    print_line(text_table(&heading, &rows).trim_end());
    Ok(())
}

fn delete_runs(dir: &Path, names: &[String], yes: bool, as_json: bool) -> anyhow::Result<()> {
    let mut project = open::to_write(dir)?;
    let mut plans: Vec<DeletePlan> = Vec::new();
    for name in names {
        let plan = plan_delete(&project, name)?;
        if !plans.iter().any(|known| known.name == plan.name) {
            plans.push(plan);
        }
    }
    if !yes {
        ask(&plans)?;
    }
    let mut freed = 0;
    let mut leftovers = Vec::new();
    for plan in &plans {
        let deleted = delete_one(&mut project, plan, as_json)?;
        freed += deleted.0;
        leftovers.extend(deleted.1);
    }
    if as_json {
        let deleted: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
        print_json(&json!({ "deleted": deleted, "bytes": freed, "warnings": leftovers }))?;
    } else if plans.len() > 1 {
        print_line(&format!("{} of disk space are free again", words::bytes(freed)));
    }
    Ok(())
}

/// Deletes a run; the bytes given back, and a warning where a part of the folder is still there.
fn delete_one(
    project: &mut Project,
    plan: &DeletePlan,
    quiet: bool,
) -> anyhow::Result<(u64, Option<String>)> {
    let deleted = delete(project, &plan.name)?;
    let warning = deleted.leftover.as_ref().map(|error| {
        format!(
            "a part of the folder of {} is still there ({error}); the next change to the project removes it",
            plan.name
        )
    });
    if !quiet {
        print_line(&format!(
            "deleted {}: {} of disk space given back",
            plan.name,
            words::bytes(deleted.bytes)
        ));
        for line in consequences(plan) {
            print_line(&format!("note: {line}"));
        }
        if let Some(warning) = &warning {
            print_line(&format!("note: {warning}"));
        }
    }
    Ok((deleted.bytes, warning))
}

/// What else changes when a run goes.
fn consequences(plan: &DeletePlan) -> Vec<String> {
    let mut lines = Vec::new();
    if !plan.successors.is_empty() {
        let (names, began) =
            (plan.successors.join(", "), if plan.successors.len() == 1 { "began" } else { "all began" });
        lines.push(format!(
            "{names} {began} with the weights of {}. They keep their own weights and stay; what relabelling gained \
             against {} can no longer be measured",
            plan.name, plan.name
        ));
    }
    if plan.queues > 0 {
        lines.push(format!("the review queues sorted by {} restart", plan.name));
    }
    lines
}

/// Asks whether to delete; an error unless the answer is yes.
fn ask(plans: &[DeletePlan]) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(
            Usage("deleting asks a question, and there is no terminal to answer on: add --yes").into()
        );
    }
    for plan in plans {
        let scores = if plan.has_scores { ", its scores" } else { "" };
        eprintln!(
            "{}: {} on the disk, metrics of {} {}{scores}",
            plan.name,
            words::bytes(plan.bytes),
            plan.epochs,
            if plan.epochs == 1 { "epoch" } else { "epochs" },
        );
        for line in consequences(plan) {
            eprintln!("  note: {line}");
        }
    }
    eprint!("Delete {} for good? [y/N] ", if plans.len() == 1 { "this run" } else { "these runs" });
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(vitrine_core::Error::Cancelled.into())
}
