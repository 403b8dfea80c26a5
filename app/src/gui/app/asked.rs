//! What views ask for by themselves, frame after frame until it is there. What cannot be read is
//! remembered in place of the answer, so that it is said once and not asked for again every frame.

use std::path::PathBuf;

use vitrine_core::Error;
use vitrine_core::export::ExportRequest;
use vitrine_core::ingest::{FoundInput, IngestRequest};
use vitrine_core::project::{EntryId, MicrographId, PatchId};

use super::App;
use crate::gui::jobs::JobId;
use crate::gui::model::{Disagreements, Looked, MicrographView, PatchDetail, Previewed};
use crate::gui::remedy;

/// What a job was started to answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// Curves of these runs.
    Curves(Vec<String>),
    /// These runs side by side.
    Compared(Vec<String>),
    /// The patches on which two runs disagree.
    Disagreement([String; 2]),
    /// What the side panel says of a patch whose label was last changed by that entry.
    Detail(PatchId, u32),
    /// The micrograph in the side panel.
    Micrograph(MicrographId),
    /// What an export would write, with the labels of that journal position.
    Count(Box<ExportRequest>, EntryId),
    /// What an import would bring; whether it is compared with the open project.
    Look(Box<IngestRequest>, bool),
    /// What files are.
    Recognise(Vec<PathBuf>),
    /// Devices.
    Devices,
}

impl Asked {
    /// Whether it is about the open project, and of no use without it.
    const fn is_of_project(&self) -> bool {
        !matches!(self, Self::Look(..) | Self::Recognise(_) | Self::Devices)
    }
}

impl App {
    /// Starts the job that answers `asked`. A job that cannot even be started, because the folder of the
    /// project is gone, is remembered like one that has failed.
    pub(super) fn ask(
        &mut self,
        asked: Asked,
        begin: impl FnOnce(&mut Self) -> anyhow::Result<JobId>,
    ) -> anyhow::Result<()> {
        match begin(self) {
            Ok(id) => {
                self.asked.insert(id, asked);
                Ok(())
            }
            Err(error) if self.could_not(asked, &error) => Err(error),
            Err(_) => Ok(()),
        }
    }

    /// Remembers that something could not be read; whether that is still to be said in a notice, because
    /// it does not stand where the answer would.
    pub(super) fn could_not(&mut self, asked: Asked, error: &anyhow::Error) -> bool {
        let cancelled = matches!(error.downcast_ref(), Some(Error::Cancelled));
        let why = match (cancelled, &asked) {
            (true, Asked::Look(..)) => "looking at the files was cancelled".to_owned(),
            (true, Asked::Recognise(_)) => "looking what it is was cancelled".to_owned(),
            (true, Asked::Compared(_)) => "measuring the runs was cancelled".to_owned(),
            (true, _) => "this was cancelled".to_owned(),
            (false, _) => remedy::sentence(error),
        };
        let analysis = &mut self.model.analysis;
        match asked {
            Asked::Curves(names) => {
                analysis.could_not_read(names);
                !cancelled
            }
            Asked::Compared(names) => {
                if analysis.comparing.as_ref() == Some(&names) {
                    analysis.not_compared = Some(why);
                }
                !cancelled
            }
            Asked::Disagreement(runs) => {
                analysis.disagreements = Some(Disagreements { runs, patches: Vec::new() });
                !cancelled
            }
            Asked::Detail(patch, entry) => {
                if let Some(open) = &mut self.model.project {
                    // The score in use needs no reading.
                    let scores = open.scores.as_ref().map(|used| (used.name.clone(), open.score(patch)));
                    let (history, spectrum) = (Vec::new(), Vec::new());
                    let scores = scores.into_iter().collect();
                    let problem = Some(why);
                    open.detail = Some(PatchDetail { patch, entry, history, scores, spectrum, problem });
                }
                false
            }
            Asked::Micrograph(id) => {
                if let Some(open) = &mut self.model.project {
                    let (patches, dimensions) = (Vec::new(), [1.0; 2]);
                    let picture = Err(format!("It could not be read: {why}."));
                    open.micrograph = Some(MicrographView { id, patches, picture, dimensions });
                }
                false
            }
            Asked::Count(request, journal) => {
                self.take_preview(Previewed { request: *request, journal, result: Err(why) });
                false
            }
            Asked::Look(request, with_open) => {
                self.take_look(Looked { request: *request, with_open, result: Err(why), cancelled });
                false
            }
            Asked::Recognise(paths) => {
                let kind: Result<String, String> = Err(why);
                let found = |path: PathBuf| FoundInput {
                    path,
                    kind: kind.clone(),
                    patches: false,
                    picks: false,
                    micrographs: 0,
                };
                if let Some(draft) = self.model.import.as_mut().filter(|draft| draft.paths == paths) {
                    draft.found = paths.into_iter().map(found).collect();
                }
                false
            }
            Asked::Devices => {
                self.model.devices = Some(Vec::new());
                true
            }
        }
    }

    /// Nobody waits any more for what was asked of the project that was open.
    pub(super) fn forget_asked(&mut self) {
        let jobs = &mut self.jobs;
        self.asked.retain(|&id, asked| {
            if asked.is_of_project() {
                jobs.cancel(id);
            }
            !asked.is_of_project()
        });
    }
}
