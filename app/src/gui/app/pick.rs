//! Picking with a run, and judging the places that it has found.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use vitrine_core::Label;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::export::ExportRequest;
use vitrine_core::picking::choose::Choice;
use vitrine_core::project::{MicrographId, PatchId, PickRules};
use vitrine_core::workflow::pick::{PickRequest, pick};
use vitrine_core::{Error, Remedy};

use super::export::note;
use super::notify::failure;
use super::outcome::{Outcome, PickOutcome};
use super::state::App;
use crate::gui::command::{MarkPlaces, PickCommand, PickOn, ViewCommand};
use crate::gui::drafts::ExportKind;
use crate::gui::jobs::JobKind;
use crate::gui::model::{NoticeKind, Written, distance_of, run_of};
use crate::gui::values::{LabelSource, PathPurpose, PathQuestion, Tab};
use crate::words;

/// Maximum distance of a patch from the place that it belongs to, px.
const SAME_PLACE: f64 = 2.0;
/// How often a run that waits looks whether it goes on.
const PAUSE_STEP: Duration = Duration::from_millis(60);

/// Where picks go.
enum PicksTo {
    /// They stay with the run.
    Project,
    /// Into a folder of coordinate files.
    Folder(PathBuf),
    /// Into an export.
    Export(Box<ExportRequest>),
}

fn no_picker() -> Error {
    Error::request("no run of this project has a network that can pick", Remedy::TrainFirst)
}

impl App {
    pub(super) fn apply_pick(&mut self, command: PickCommand) -> anyhow::Result<()> {
        match command {
            PickCommand::Start(on) => self.start_picking(on, PicksTo::Project),
            PickCommand::Pause => {
                self.model.picks.paused.store(true, Ordering::Relaxed);
                Ok(())
            }
            PickCommand::Resume => {
                self.model.picks.paused.store(false, Ordering::Relaxed);
                Ok(())
            }
            PickCommand::Stop => {
                self.model.picks.paused.store(false, Ordering::Relaxed);
                self.jobs.cancel_kind(JobKind::Pick);
                Ok(())
            }
            PickCommand::ReadFound(key) => {
                self.read_found(key);
                Ok(())
            }
            PickCommand::ReadSurvey(key) => {
                self.model.picks.counted = self.model.picks.done.unwrap_or(0);
                self.read_survey(key);
                Ok(())
            }
            PickCommand::Judge { micrograph, places, label } => self.judge(micrograph, places, label),
            PickCommand::Audit(command) => self.apply_audit(command),
            PickCommand::AskExport => self.ask_for_picks_folder(),
            PickCommand::Export(folder) => self.start_picking(PickOn::All, PicksTo::Folder(folder)),
            PickCommand::ShowExport => {
                self.model.drafts.export.choose(ExportKind::Picks);
                self.apply_view(ViewCommand::Tab(Tab::Export))
            }
            PickCommand::OwnThreshold(micrograph, score) => self.change_rules(|rules| {
                match score {
                    Some(score) => rules.own.insert(micrograph, score),
                    None => rules.own.remove(&micrograph),
                };
            }),
            PickCommand::WithoutShifts(without) => self.change_rules(|rules| rules.without_shifts = without),
            PickCommand::Worth => {
                self.show_worth_a_look();
                Ok(())
            }
            PickCommand::ToggleMap => self.toggle_map(),
            PickCommand::MapColours(colours) => {
                self.model.picks.maps.colours = colours;
                Ok(())
            }
            PickCommand::ReadMap(key) => {
                self.read_map(key);
                Ok(())
            }
            PickCommand::ReadRound(key) => {
                self.read_round(key);
                Ok(())
            }
        }
    }

    fn ask_for_picks_folder(&mut self) -> anyhow::Result<()> {
        let draft = self.model.drafts.pick.clone();
        let open = self.open()?;
        let run = run_of(open, &draft).ok_or_else(no_picker)?;
        let folder = open.dir.with_file_name(format!("{}-picks-{}", open.name, run.name));
        self.ask_path(PathQuestion::new("Folder for the coordinate files", folder, PathPurpose::Picks));
        Ok(())
    }

    /// Writes the picks on all micrographs as an export.
    pub(super) fn export_picks(&mut self, request: ExportRequest) -> anyhow::Result<()> {
        self.refuse_second_export()?;
        self.start_picking(PickOn::All, PicksTo::Export(Box::new(request)))
    }

    /// The files of micrographs; those without a known file are left out.
    pub(super) fn micrograph_files(&self, on: PickOn) -> Vec<(MicrographId, PathBuf)> {
        let Some(open) = &self.model.project else { return Vec::new() };
        let shown = &self.model.micrographs;
        open.micrographs
            .iter()
            .filter(|mic| match on {
                PickOn::Shown => Some(mic.id) == shown.current,
                PickOn::Chosen => shown.chosen.contains(&mic.id),
                PickOn::All => true,
            })
            .filter(|mic| !open.mask(mic.id).excluded)
            .filter_map(|mic| Some((mic.id, mic.path.clone()?)))
            .map(|(id, path)| (id, if path.is_absolute() { path } else { open.dir.join(path) }))
            .collect()
    }

    /// Changes what is kept of the run that picks beyond one threshold for all.
    fn change_rules(&mut self, change: impl FnOnce(&mut PickRules)) -> anyhow::Result<()> {
        let draft = self.model.drafts.pick.clone();
        let open = self.open()?;
        let Some(run) = run_of(open, &draft).map(|run| run.id) else { return Ok(()) };
        let mut rules = open.pick_rules.get(&run).cloned().unwrap_or_default();
        change(&mut rules);
        self.store()?.set_pick_rules(run, &rules)?;
        self.model.drafts.pick.moved = None;
        self.open()?.pick_rules.insert(run, rules);
        // What an export would write depends on it.
        self.model.export.forget_counts();
        Ok(())
    }

    /// Shows the micrograph that is most worth a look.
    fn show_worth_a_look(&mut self) {
        let draft = &self.model.drafts.pick;
        let Some(open) = &self.model.project else { return };
        if self.model.picks.surveyed(open, draft).is_none_or(|surveyed| surveyed.each.is_empty()) {
            self.model
                .notices
                .warning("Pick on some micrographs first: their scores say which one to look at.");
            return;
        }
        let shown = self.model.micrographs.current;
        let offered = self.model.picks.worth_a_look(open, shown, draft);
        match offered {
            Some((micrograph, _)) => self.show_micrograph(micrograph),
            None => self.model.notices.done(
                "You have corrected every other micrograph that was scored. Pick on more of them, or \
                 continue training from this run.",
            ),
        }
        self.model.picks.offered = offered;
    }

    fn toggle_map(&mut self) -> anyhow::Result<()> {
        let draft = &self.model.drafts.pick;
        let maps = &mut self.model.picks.maps;
        if !maps.shown && self.model.project.as_ref().is_none_or(|open| run_of(open, draft).is_none()) {
            return Err(no_picker().into());
        }
        maps.shown = !maps.shown;
        maps.retry();
        Ok(())
    }

    /// Picks on micrographs, and writes the picks where they are to go.
    fn start_picking(&mut self, on: PickOn, to: PicksTo) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Pick) {
            anyhow::bail!("a run is picking already; stop it or wait for its end");
        }
        let draft = self.model.drafts.pick.clone();
        let micrographs: Vec<PathBuf> = self.micrograph_files(on).into_iter().map(|(_, path)| path).collect();
        let open = self.open()?;
        let run = run_of(open, &draft).ok_or_else(no_picker)?;
        let name = run.name.clone();
        let distance = f64::from(distance_of(open, &draft));
        if micrographs.is_empty() {
            anyhow::bail!("there is no micrograph to pick on: it is excluded, or its file is not known");
        }
        let mut project = self.handle()?;
        let paused = Arc::clone(&self.model.picks.paused);
        paused.store(false, Ordering::Relaxed);
        self.model.picks.done = None;
        let title = match &to {
            PicksTo::Project => format!("Picking with {name}"),
            PicksTo::Folder(folder) => format!("Exporting the picks of {name} to {}", folder.display()),
            PicksTo::Export(export) => format!("Exporting the picks of {name} to {}", export.out.display()),
        };
        // What is only counted is what the run picks.
        let as_scored = matches!(to, PicksTo::Project);
        let (out, export) = match to {
            PicksTo::Project => (None, None),
            PicksTo::Folder(folder) => (Some(folder), None),
            PicksTo::Export(export) => (None, Some(*export)),
        };
        let scope = self.scope();
        self.jobs.spawn(JobKind::Pick, scope, title, move |job| {
            let request = PickRequest {
                micrographs,
                choice: Choice::Threshold(f64::from(draft.threshold)),
                as_scored,
                distance: Some(distance),
                out,
                export,
                ..PickRequest::new(name, ComputeDevice::open(DeviceChoice::Auto)?)
            };
            let journal = project.journal_position()?;
            let mut summary = pick(&project, &request, &mut |step| {
                let mut go_on = job.report(step);
                while go_on && paused.load(Ordering::Relaxed) {
                    std::thread::sleep(PAUSE_STEP);
                    go_on = !job.is_cancelled();
                }
                go_on
            })?;
            let written = request.export.zip(summary.exported.take()).map(|(export, manifest)| Written {
                beside: export.manifest_path(),
                noted: note(&mut project, &export.out, Some(manifest.counts.total()), journal),
                out: export.out,
                manifest: Some(manifest),
            });
            Ok(Outcome::Pick(PickOutcome::Picked(Box::new(summary), written)))
        })?;
        Ok(())
    }

    /// Places come while a run picks: called every frame.
    pub(super) fn watch_picking(&mut self) {
        let job = self.model.jobs.iter().find(|job| job.kind == JobKind::Pick);
        let done = job.and_then(|job| job.step.as_ref()).map(|step| step.done);
        self.model.picks.has_come_to(done);
    }

    /// A person says of places that a run has found what they are: patches that are there get the label, the others
    /// are cut.
    fn judge(&mut self, micrograph: MicrographId, places: Vec<[f64; 2]>, label: Label) -> anyhow::Result<()> {
        let draft = self.model.drafts.pick.clone();
        let asked = self.model.picks.audit.asked;
        let open = self.open()?;
        let run = run_of(open, &draft).map(|run| run.id);
        let is_asked = asked.is_some_and(|asked| asked.micrograph == micrograph && places == [asked.xy]);
        // Who is asked about a place means just that place.
        let near = if is_asked { SAME_PLACE } else { f64::from(distance_of(open, &draft)) * 0.5 };
        let on: Vec<(PatchId, [f32; 2])> = open
            .on_micrographs
            .patches(micrograph)
            .iter()
            .filter_map(|&patch| open.columns.xy_of(patch).map(|xy| (patch, xy)))
            .collect();
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for [x, y] in places {
            let distance = |[a, b]: [f32; 2]| (f64::from(a) - x).hypot(f64::from(b) - y);
            let nearest = on.iter().min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
            match nearest.filter(|(_, xy)| distance(*xy) <= near) {
                Some((patch, _)) => known.push(*patch),
                None => new.push([x, y]),
            }
        }
        if !known.is_empty() {
            self.label(known, label, LabelSource::MicrographPicks)?;
        }
        if new.is_empty() {
            return Ok(());
        }
        let reason = LabelSource::MicrographPicks.stored();
        self.mark_places(MarkPlaces { micrograph, places: new, label, run, reason })
    }

    /// Takes up what a job on picks hands back.
    pub(super) fn take_pick_outcome(&mut self, outcome: PickOutcome) {
        match outcome {
            PickOutcome::Found(key, found) => {
                self.model.picks.found.answer(&key, found.map_err(|error| failure(&error, "this")));
            }
            PickOutcome::Surveyed(key, survey) => {
                self.model.picks.survey.answer(&key, survey.map_err(|error| failure(&error, "this")));
            }
            PickOutcome::Map(key, map) => {
                self.model.picks.maps.answer(&key, map.map_err(|error| failure(&error, "this")));
            }
            PickOutcome::Round(key, round) => {
                self.model.picks.round.answer(&key, round.map_err(|error| failure(&error, "this")));
            }
            PickOutcome::Picked(summary, written) => {
                self.model.picks.revision += 1;
                let exported = written.as_ref().map(|written| written.out.clone());
                let out = exported.or(summary.out.clone());
                if let Some(written) = written {
                    self.take_written(written);
                }
                let micrographs = match summary.micrographs {
                    1 => "1 micrograph".to_owned(),
                    many => format!("{} micrographs", words::count(many)),
                };
                let picks = words::count(summary.picks);
                let text = match &out {
                    Some(folder) => {
                        let corrected = match (summary.rejected, summary.added) {
                            (0, 0) => String::new(),
                            (rejected, added) => format!(
                                " Corrected by your labels: {} rejected, {} marked and added.",
                                words::count(rejected),
                                words::count(added)
                            ),
                        };
                        format!("Wrote {picks} picks on {micrographs} to {}.{corrected}", folder.display())
                    }
                    None => format!(
                        "{picks} picks on {micrographs} at a score of {:.2} or more{}.",
                        summary.threshold,
                        if summary.own_thresholds > 0 { ", or at thresholds of their own" } else { "" }
                    ),
                };
                let show = out.map(|folder| {
                    let reveal = crate::gui::command::WindowCommand::Reveal(folder);
                    ("Show in folder".to_owned(), crate::gui::command::Command::Window(reveal))
                });
                self.model.notices.push(NoticeKind::Done, text, show);
                for left in summary.left_out.iter().take(3) {
                    self.model.notices.warning(format!("Left out: {}.", left.reason.trim_end_matches('.')));
                }
                if summary.left_out.len() > 3 {
                    let more = words::count(summary.left_out.len() as u64 - 3);
                    self.model.notices.warning(format!("{more} more micrographs were left out."));
                }
                for note in &summary.notes {
                    self.model.notices.warning(format!("{}.", note.trim_end_matches('.')));
                }
            }
        }
    }
}
