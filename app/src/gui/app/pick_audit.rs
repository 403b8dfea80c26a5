//! The audit of picks: asks a person about places of a run in random order, and counts what they said.

use std::sync::Arc;

use vitrine_core::Label;
use vitrine_core::picking::audit::AuditPlace;
use vitrine_core::picking::census::{logit_of, score_of};

use super::state::App;
use crate::gui::command::{AuditCommand, PickCommand};
use crate::gui::model::{AskedPlace, AuditKey, Model, judged_at};
use crate::gui::values::{Go, Tab};

impl App {
    pub(super) fn apply_audit(&mut self, command: AuditCommand) -> anyhow::Result<()> {
        match command {
            AuditCommand::Next => {
                self.open()?;
                if self.model.picks.survey.last().is_none_or(|(_, counted)| counted.survey.places == 0) {
                    anyhow::bail!("the run has found no places yet; pick on some micrographs first");
                }
                self.model.picks.audit.running = true;
                self.count_audit();
                self.show_asked();
            }
            AuditCommand::End => {
                let audit = &mut self.model.picks.audit;
                (audit.running, audit.asked) = (false, None);
            }
        }
        Ok(())
    }

    /// Counts what was judged, where labels, places or the threshold have changed, and asks about the next place: called
    /// every frame.
    pub(super) fn watch_audit(&mut self) {
        let before = self.model.picks.audit.asked;
        if self.count_audit() && self.model.picks.audit.asked != before {
            self.show_asked();
        }
    }

    /// Whether anything was counted.
    fn count_audit(&mut self) -> bool {
        let Model { project: Some(open), micrographs, picks, drafts, .. } = &mut self.model else {
            self.model.picks.audit = Default::default();
            return false;
        };
        let Some((survey, _)) = picks.survey.last() else { return false };
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
        let asked = next.and_then(|place| {
            let score = score_of(f64::from(place.logit)) as f32;
            Some(AskedPlace { micrograph: *files.get(place.file.as_ref())?, xy: [place.x, place.y], score })
        });
        if other || judged != picks.audit.judged {
            // A survey that a view holds is not changed under it.
            Arc::make_mut(counted).survey.judge(judged.as_ref());
        }
        let all = key.running && asked.is_none();
        let audit = &mut picks.audit;
        (audit.progress, audit.judged, audit.asked, audit.running) =
            (progress, judged, asked, key.running && !all);
        audit.key = Some(AuditKey { running: audit.running, ..key });
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
        self.model.micrographs.go(Go::To(xy.map(|v| v as f32)));
    }

    /// Answers for the place that a person is asked about on the micrograph that is shown, and asks about the next. Whether
    /// there was one.
    pub(super) fn answer_audit(&mut self, label: Label) -> anyhow::Result<bool> {
        let shown = self.model.micrographs.current;
        let asked = self.model.picks.audit.asked.filter(|asked| Some(asked.micrograph) == shown);
        let Some(AskedPlace { micrograph, xy, .. }) = asked else { return Ok(false) };
        if label == Label::Unlabeled {
            anyhow::bail!(
                "say whether this is a particle or not; who leaves out the doubtful ones has no random sample"
            );
        }
        self.apply_pick(PickCommand::Judge { micrograph, places: vec![xy], label })?;
        // The next key of this frame is for the next place.
        self.watch_audit();
        Ok(true)
    }
}
