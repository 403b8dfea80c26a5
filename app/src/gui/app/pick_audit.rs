//! The audit of picks: asks a person about places of a run in random order, and counts what they said.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use vitrine_core::Label;
use vitrine_core::picking::audit::{AuditPlace, nearest, reach};
use vitrine_core::picking::census::{logit_of, score_of};
use vitrine_core::project::MicrographId;

use super::state::App;
use crate::gui::command::{AuditCommand, PickCommand};
use crate::gui::model::{AskedPlace, AuditKey, MicrographsState, Model, OpenProject, PickAudit, run_of};
use crate::gui::values::{Go, Tab};

impl App {
    pub(super) fn apply_audit(&mut self, command: AuditCommand) -> anyhow::Result<()> {
        if command == AuditCommand::End {
            let audit = &mut self.model.picks.audit;
            (audit.running, audit.asked) = (false, None);
            return Ok(());
        }
        self.refuse_while_training()?;
        if let Some(why) = &self.open()?.read_only {
            anyhow::bail!("the project is read-only: {why}");
        }
        let picks = &self.model.picks;
        let counted =
            self.model.project.as_ref().and_then(|open| picks.surveyed(open, &self.model.drafts.pick));
        match counted {
            None => anyhow::bail!("the places of the run are not counted yet; try again in a moment"),
            Some(counted) if counted.survey.places == 0 => {
                anyhow::bail!("the run has found no places yet; pick on some micrographs first")
            }
            Some(_) => {}
        }
        self.model.picks.audit.running = true;
        self.count_audit();
        self.show_asked();
        Ok(())
    }

    /// Counts what was judged, where labels, places or the threshold have changed, and asks about the next place: called
    /// every frame.
    pub(super) fn watch_audit(&mut self) {
        let (before, known) = (self.model.picks.audit.asked, self.model.picks.audit.key.clone());
        if self.count_audit() && self.model.picks.audit.asked != before {
            // After an answer or an undo the view follows. Who moves a threshold or looks elsewhere keeps their view.
            let shown = before.is_some_and(|asked| self.model.micrographs.current == Some(asked.micrograph));
            let key = self.model.picks.audit.key.as_ref();
            let answered = known.zip(key).is_some_and(|(known, key)| {
                known.survey == key.survey && known.threshold == key.threshold && known.journal <= key.journal
            });
            if answered && shown && self.model.tab == Tab::Micrographs {
                self.show_asked();
            }
        }
        let Model { picks, micrographs, tab, .. } = &mut self.model;
        let here = picks.audit.asked.filter(|asked| micrographs.current == Some(asked.micrograph));
        let seen = here.is_some_and(|asked| {
            micrographs.any_picture(asked.micrograph).is_some_and(|picture| !picture.is_rough)
        });
        let since = picks.audit.seen_since.unwrap_or_else(Instant::now);
        picks.audit.seen_since = (seen && *tab == Tab::Micrographs).then_some(since);
    }

    /// Whether anything was counted.
    fn count_audit(&mut self) -> bool {
        let Model { project, micrographs, picks, drafts, .. } = &mut self.model;
        let Some(open) = project else {
            picks.audit = PickAudit::default();
            return false;
        };
        let run = run_of(open, &drafts.pick).map(|run| run.name.as_str());
        let survey = picks.survey.last().map(|(key, _)| key).filter(|key| Some(key.run.as_str()) == run);
        let Some(survey) = survey else {
            // Places of another run are not asked about.
            let running = picks.audit.running;
            picks.audit = PickAudit { running, ..PickAudit::default() };
            return false;
        };
        let key = AuditKey {
            survey: survey.clone(),
            journal: open.journal,
            coming: micrographs.marking.last().map(|marking| marking.serial),
            threshold: drafts.pick.threshold,
            running: picks.audit.running,
        };
        if picks.audit.key.as_ref() == Some(&key) {
            return false;
        }
        let other = picks.audit.key.as_ref().is_none_or(|known| known.survey != key.survey);
        let Some(counted) = picks.survey.last_mut() else { return false };
        let files = Arc::clone(&counted.files);
        let said = |place: &AuditPlace| judged_at(open, micrographs, &files, key.survey.distance, place);
        let logit = logit_of(f64::from(key.threshold));
        let audit = &counted.survey.audit;
        let (progress, judged) = (audit.progress(logit, &said), audit.judged(&said));
        let next = audit.next(logit, &said).filter(|_| key.running);
        let on = |place: &AuditPlace| files.get(place.file.as_ref()).copied();
        let asked = next.and_then(|place| {
            let score = score_of(f64::from(place.logit)) as f32;
            Some(AskedPlace { micrograph: on(place)?, xy: [place.x, place.y], score })
        });
        let then = next.and_then(|asked| {
            // As if it were answered.
            audit.next(logit, &|place| if place == asked { Some(true) } else { said(place) }).and_then(on)
        });
        let expected = judged.as_ref().and_then(|judged| judged.expect(&counted.survey.census, logit));
        let all = key.running && next.is_none() && counted.survey.places > 0;
        if other || judged != picks.audit.judged {
            // A survey that a view holds is not changed under it.
            Arc::make_mut(counted).survey.judge(judged.as_ref());
        }
        let running = key.running && !all;
        let seen_since = picks.audit.seen_since.filter(|_| picks.audit.asked == asked);
        let key = Some(AuditKey { running, ..key });
        picks.audit = PickAudit { running, asked, then, seen_since, progress, judged, expected, key };
        if all {
            self.model.notices.done("Every place that the run has found was judged.");
        }
        true
    }

    /// Shows the place that a person is asked about.
    fn show_asked(&mut self) {
        let Some(AskedPlace { micrograph, xy, .. }) = self.model.picks.audit.asked else { return };
        self.model.tab = Tab::Micrographs;
        self.show_micrograph(micrograph);
        if let Some(open) = &mut self.model.project {
            // A key is an answer now, and no label for something else.
            open.selection.clear();
        }
        self.model.micrographs.go(Go::To(xy.map(|v| v as f32)));
    }

    /// Answers for the place that a person is asked about on the micrograph that is shown, and asks about the next. Whether
    /// the key was for it: one that comes before the place was seen is no answer.
    pub(super) fn answer_audit(&mut self, label: Label) -> anyhow::Result<bool> {
        let shown = self.model.micrographs.current;
        let audit = &self.model.picks.audit;
        let Some(asked) = audit.asked.filter(|asked| Some(asked.micrograph) == shown) else {
            return Ok(false);
        };
        if !audit.was_seen() {
            return Ok(true);
        }
        if label == Label::Unlabeled {
            anyhow::bail!("answer positive or negative; skipping doubtful places biases the sample");
        }
        let AskedPlace { micrograph, xy, .. } = asked;
        self.apply_pick(PickCommand::Judge { micrograph, places: vec![xy], label })?;
        // The next key of this frame is not for this place.
        self.watch_audit();
        Ok(true)
    }
}

/// Whether a person took a place of a run for a particle: by the labelled patch beside it, or one that is being cut. `None`
/// where nobody has judged it. `distance` is that of picks, px.
fn judged_at(
    open: &OpenProject,
    state: &MicrographsState,
    files: &HashMap<PathBuf, MicrographId>,
    distance: f32,
    place: &AuditPlace,
) -> Option<bool> {
    let micrograph = *files.get(place.file.as_ref())?;
    let away = |x: f64, y: f64| (x - place.x).hypot(y - place.y);
    let patches = open.on_micrographs.patches(micrograph).iter().filter_map(|&patch| {
        let label = open.columns.labels.get(patch as usize).copied()?;
        let [x, y] = open.columns.xy_of(patch).filter(|_| label != Label::Unlabeled)?;
        Some((away(f64::from(x), f64::from(y)), label == Label::Positive))
    });
    let coming =
        state.marking.iter().map(|marking| &marking.mark).filter(|mark| mark.micrograph == micrograph);
    let coming =
        coming.flat_map(|mark| mark.places.iter().map(|&[x, y]| (away(x, y), mark.label == Label::Positive)));
    nearest(patches.chain(coming), reach(f64::from(distance)))
}
