//! Picking with a run: start and stop, threshold, spacing, expected precision and recall, judging and exporting the picks.

use eframe::egui;
use egui::{Button, ComboBox, ProgressBar, Ui};
use vitrine_core::Label;
use vitrine_core::learning::eval::Share;
use vitrine_core::project::MicrographId;

use super::page::Page;
use super::places::{self, Place};
use super::{pick_audit, pick_round, pick_threshold, score_layer};
use crate::gui::command::{Command, DraftCommand, PickCommand, PickOn};
use crate::gui::drafts::PickDraft;
use crate::gui::jobs::JobKind;
use crate::gui::model::{Model, OpenProject, Surveyed, distance_of, rules_of, run_of};
use crate::gui::remedy;
use crate::gui::values::{FoundKey, Load, SurveyKey};
use crate::gui::views::round::{counted, weak};
use crate::gui::widgets::form::section;
use crate::gui::widgets::{edited, primary, unreadable};
use crate::words;

/// Draws the panel.
pub fn ui(ui: &mut Ui, page: Page<'_>, out: &mut Vec<Command>) {
    let Page { model, open, .. } = page;
    section(ui, "Pick with a run");
    let pickers =
        open.runs.iter().filter(|run| run.best_epoch.is_some() && open.run_list.can_pick(run.id)).count();
    if pickers == 0 {
        let trained = open.runs.iter().any(|run| run.best_epoch.is_some());
        let text = match trained {
            true => {
                "No run of this project can pick: their networks judge single patches, because they tell the centre of a patch \
                 from its border. Train with the preset \"recommended\", whose network picks on whole micrographs too."
            }
            false => {
                "No run can pick yet. Mark some particles, add unlabeled patches and train: the steps above say what comes \
                 next. The network of the preset \"recommended\" picks on whole micrographs too."
            }
        };
        ui.add(egui::Label::new(text).wrap());
        return;
    }
    let change = |draft| Command::Draft(DraftCommand::Pick(draft));
    edited(&model.drafts.pick, out, change, |draft, out| {
        contents(ui, page, draft, out);
    });
}

fn contents(ui: &mut Ui, page: Page<'_>, draft: &mut PickDraft, out: &mut Vec<Command>) {
    let Page { model, open, micrograph } = page;
    let Some(run) = run_of(open, draft).map(|run| run.name.clone()) else {
        ui.weak("Choose a run.");
        runs(ui, open, draft, "");
        return;
    };
    runs(ui, open, draft, &run);
    // The first thing to do with a run that has picked nowhere yet.
    let begins = model.picks.surveyed(open, draft).is_some_and(|surveyed| surveyed.survey.micrographs == 0);
    start(ui, model, begins, out);
    ask(page, draft, &run, out);
    let places = places::unjudged(page);
    section(ui, "Which places are picks");
    let surveyed = model.picks.survey.last().filter(|(key, _)| key.run == run).map(|(_, answer)| answer);
    pick_threshold::ui(ui, page, draft, out);
    here(ui, page, draft, &places);
    match (surveyed, model.picks.survey.newest()) {
        (Some(surveyed), _) => expectation(ui, page, draft, surveyed),
        (None, Load::Failed(failure)) => unreadable(ui, &failure),
        (None, _) => {
            ui.weak("Counting…");
        }
    }
    pick_audit::ui(ui, model, out);
    section(ui, "Picks on this micrograph");
    if model.picks.audit.asked_on(micrograph).is_none() {
        judge(ui, model, micrograph, &places, out);
    }
    pick_round::next(ui, model, micrograph, out);
    score_layer::panel(ui, page, out);
    pick_round::ui(ui, model, open, draft, &run, out);
    export(ui, model, out);
}

fn runs(ui: &mut Ui, open: &OpenProject, draft: &mut PickDraft, run: &str) {
    let combo = ComboBox::from_id_salt("picking run")
        .width(ui.available_width() - 8.0)
        .selected_text(run)
        .show_ui(ui, |ui| {
            for known in open
                .runs
                .iter()
                .rev()
                .filter(|known| known.best_epoch.is_some() && open.run_list.can_pick(known.id))
            {
                if ui.selectable_label(known.name == run, &known.name).clicked() {
                    draft.run = Some(known.name.clone());
                }
            }
        });
    combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Run that picks"));
}

/// The buttons; while a run picks, how far it is.
fn start(ui: &mut Ui, model: &Model, begins: bool, out: &mut Vec<Command>) {
    let Some(job) = model.jobs.iter().find(|job| job.kind == JobKind::Pick) else {
        ui.horizontal_wrapped(|ui| {
            let chosen = model.micrographs.chosen.len();
            let one = ("Pick this one".to_owned(), PickOn::Shown, "Score the micrograph that is shown");
            let some = (
                format!("Pick these {}", words::count(chosen as u64)),
                PickOn::Chosen,
                "Score the micrographs that are chosen in the list",
            );
            let all = (
                "Pick all".to_owned(),
                PickOn::All,
                "Score all micrographs. Those that were scored already are not scored again. To pick on some, choose them in the \
                 list with Ctrl or Shift.",
            );
            for (words, on, help) in [if chosen > 1 { some } else { one }, all] {
                let button = if on == PickOn::All && begins { primary(ui, words) } else { Button::new(words) };
                if ui.add(button).on_hover_text(help).clicked() {
                    out.push(Command::Pick(PickCommand::Start(on)));
                }
            }
        });
        return;
    };
    let (done, total) = job.step.as_ref().map_or((0, 0), |step| (step.done, step.total));
    let share = if total > 0 { done as f32 / total as f32 } else { 0.0 };
    let rest = match model.picks.pace() {
        None => String::new(),
        Some(pace) => {
            let left = duration(total.saturating_sub(done) as f64 / pace);
            format!(", {} a minute, about {left} left", rate(60.0 * pace))
        }
    };
    let text = format!("{} of {}{rest}", words::count(done), words::count(total));
    ui.add(ProgressBar::new(share).text(text));
    ui.horizontal(|ui| {
        if model.picks.is_paused() {
            if ui.button("Go on").on_hover_text("Go on with the next micrograph").clicked() {
                out.push(Command::Pick(PickCommand::Resume));
            }
        } else if ui.button("Pause").on_hover_text("Wait after this micrograph").clicked() {
            out.push(Command::Pick(PickCommand::Pause));
        }
        let stop = ui.button("Stop picking");
        if stop
            .on_hover_text("Stop. What was scored is kept, and the next start continues from there.")
            .clicked()
        {
            out.push(Command::Pick(PickCommand::Stop));
        }
    });
}

fn rate(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Asks for the places of this micrograph and for the counts.
fn ask(page: Page<'_>, draft: &PickDraft, run: &str, out: &mut Vec<Command>) {
    let Page { model, open, micrograph } = page;
    let revision = model.picks.revision;
    let found = FoundKey { micrograph, run: run.to_owned(), revision };
    if model.picks.found.pending().is_none() && model.picks.found.of(&found).is_not_asked() {
        out.push(Command::Pick(PickCommand::ReadFound(found)));
    }
    // Thousands of files: while the run picks they are counted again when there is a quarter more of them.
    let picking = model.jobs.iter().any(|job| job.kind == JobKind::Pick);
    let survey = SurveyKey {
        run: run.to_owned(),
        distance: distance_of(open, draft),
        without_shifts: rules_of(open, draft).is_some_and(|rules| rules.without_shifts),
        revision,
    };
    let counted = model.picks.survey.last().is_some_and(|(key, _)| key.run == run);
    let many_more = !counted || model.picks.done.unwrap_or(0) > model.picks.counted + model.picks.counted / 4;
    if model.picks.survey.pending().is_none()
        && model.picks.survey.of(&survey).is_not_asked()
        && (many_more || !picking)
    {
        out.push(Command::Pick(PickCommand::ReadSurvey(survey)));
    }
}

fn here(ui: &mut Ui, page: Page<'_>, draft: &PickDraft, places: &[Place]) {
    let Page { model, open, micrograph } = page;
    let state = model.picks.found.last().filter(|(key, _)| key.micrograph == micrograph);
    let text = match state {
        None => "Reading…".to_owned(),
        Some((_, None)) => "This micrograph was not scored by the run yet.".to_owned(),
        Some(_) => {
            let all = model.picks.places(open, micrograph, draft).len() as u64;
            let picks = if all == 1 { "pick" } else { "picks" };
            format!("{} {picks} here, {} not judged", words::count(all), words::count(places.len() as u64))
        }
    };
    ui.label(text);
}

/// What is to be expected at the threshold.
fn expectation(ui: &mut Ui, page: Page<'_>, draft: &PickDraft, surveyed: &Surveyed) {
    let Page { model, open, .. } = page;
    let survey = &surveyed.survey;
    let Some(at) = survey.at(f64::from(draft.threshold)) else { return };
    let micrographs = words::count(survey.micrographs as u64);
    let rules = rules_of(open, draft).cloned().unwrap_or_default();
    let picks = words::count(surveyed.picks(f64::from(draft.threshold), &rules));
    ui.weak(format!("{picks} picks on {micrographs} scored micrographs"));
    if survey.lowered_by_contrast {
        let rule = egui::RichText::new("Places that stand out little have lower scores.").weak();
        ui.add(egui::Label::new(rule).wrap()).on_hover_text(
            "The network sees each box at the same contrast. So the run lowers the scores of places whose box varies less \
             than that of most particles, beside the other places of the micrograph.",
        );
    }
    let audit = &model.picks.audit;
    let (expected, why_not) = match audit.judged {
        Some(_) => (audit.expected, None),
        None => (at.expected, survey.why_not.as_ref()),
    };
    match (expected, why_not) {
        (Some(expected), _) => {
            let share = |value, low, high| words::share_interval(Share { value, low, high });
            let text = format!(
                "Expected precision {}, recall {}",
                share(expected.precision, expected.low, expected.high),
                share(expected.recall, expected.recall_low, expected.recall_high)
            );
            let label = ui.add(egui::Label::new(text).wrap());
            let from = match expected.judged {
                0 => "Estimated from the scores of positives that the run did not learn from, and from the share of particles \
                      among all places"
                    .to_owned(),
                places => format!("By {} that you have judged at random", counted(places, "place", "places")),
            };
            label.on_hover_text(format!(
                "{from}; with 90 % intervals. Recall counts only particles among the places found. Thresholds of \
                 single micrographs are ignored."
            ));
            if expected.high - expected.low > 0.3 {
                let advice = match expected.judged {
                    0 => "The interval is wide: judge picks at random to be sure.",
                    _ => "The interval is wide: judge more picks.",
                };
                weak(ui, advice);
            }
        }
        (None, Some(why)) => {
            weak(ui, &format!("No precision. {}", remedy::warning(why)));
        }
        (None, None) => {
            ui.weak("Nothing is picked at this threshold.");
        }
    }
}

fn judge(ui: &mut Ui, model: &Model, micrograph: MicrographId, places: &[Place], out: &mut Vec<Command>) {
    ui.add(
        egui::Label::new(egui::RichText::new("Click a pick to confirm it, right-click to reject it.").weak())
            .wrap(),
    );
    let may = model.open_takes_import() && !places.is_empty();
    let words = format!("Confirm all {}", words::count(places.len() as u64));
    let button = ui.add_enabled(may, Button::new(words));
    let button = button.on_hover_text("All picks here that nobody has judged become positives, in one step.");
    if button.clicked() {
        out.push(Command::Pick(PickCommand::Judge {
            micrograph,
            places: places.iter().map(|place| place.xy).collect(),
            label: Label::Positive,
        }));
    }
}

fn export(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    section(ui, "Picks of all micrographs");
    let free = !model.jobs.iter().any(|job| job.kind == JobKind::Pick);
    ui.horizontal_wrapped(|ui| {
        let button = ui.add_enabled(free, Button::new("Export picks…")).on_hover_text(
            "Write the picks at this threshold and distance as RELION coordinate files, one a micrograph. Micrographs that \
             were not scored yet are scored first.",
        );
        if button.on_disabled_hover_text("A run is picking.").clicked() {
            out.push(Command::Pick(PickCommand::AskExport));
        }
        let other = ui.button("Other formats…").on_hover_text("Write them in another format of the Export view");
        if other.clicked() {
            out.push(Command::Pick(PickCommand::ShowExport));
        }
    });
}
