//! The draft of the export form: which patches, in which format, and where.

use std::path::{Path, PathBuf};

use vitrine_core::Label;
use vitrine_core::export::{ExportFormat, ExportRequest, ExportWhat};

use super::micrographs::MicrographsDraft;
use crate::gui::values::ExportProposal;
use crate::words::typed_path;

/// What is exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExportKind {
    /// Patches by their labels.
    #[default]
    Labels,
    /// Patches by the score of a run.
    Scores,
    /// The picks of a run on whole micrographs.
    Picks,
    /// The network of a run.
    Network,
}

/// The export that comes next, as it stands in the form.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportDraft {
    /// What is exported.
    pub kind: ExportKind,
    /// Labels written, in the order positive, negative, unlabeled.
    pub labels: [bool; 3],
    /// The labels of the other choice: by score, what was found among the unlabeled is wanted too.
    other_labels: [bool; 3],
    /// The run whose scores are exported.
    pub run: Option<String>,
    /// Least score.
    pub threshold: f32,
    /// Whether labelled patches are written whatever their score.
    pub keep_labelled: bool,
    /// The format.
    pub format: ExportFormat,
    /// What a STAR file names.
    pub star: ExportWhat,
    /// Names, optics and y of micrographs.
    pub micrographs: MicrographsDraft,
    /// Whether patches of a RELION stack are normalised.
    pub normalise: bool,
    /// Whether patches of a RELION stack are inverted.
    pub invert: bool,
    /// The file or folder, as typed.
    pub out: String,
    /// Existing files may be replaced.
    pub replace: bool,
    begun: bool,
}

impl Default for ExportDraft {
    fn default() -> Self {
        Self {
            kind: ExportKind::Labels,
            labels: [true, false, false],
            other_labels: BY_SCORE,
            run: None,
            threshold: 0.5,
            keep_labelled: true,
            format: ExportFormat::RelionStar,
            star: ExportWhat::Coordinates,
            micrographs: MicrographsDraft::default(),
            normalise: false,
            invert: false,
            out: String::new(),
            replace: false,
            begun: false,
        }
    }
}

/// Labels written by score, unless the person chooses others: particles found are unlabeled as yet.
const BY_SCORE: [bool; 3] = [true, false, true];

/// Labels in the order of [`ExportDraft::labels`].
pub const LABELS: [Label; 3] = [Label::Positive, Label::Negative, Label::Unlabeled];

impl ExportDraft {
    /// Fills in what depends on the project, once: `dir` and `name` are the project's, `run` the one whose
    /// scores are in use.
    pub fn begin(&mut self, dir: &Path, name: &str, run: Option<&str>, has_positives: bool) {
        if self.begun {
            return;
        }
        self.begun = true;
        let folder = std::path::absolute(dir).ok().and_then(|dir| dir.parent().map(Path::to_owned));
        // Beside the project and never the project's own folder: formats that write a folder take the name as it is.
        let out = folder.unwrap_or_default().join(format!("{name}_particles"));
        if self.out.is_empty() {
            self.out = self.with_ending(&out).display().to_string();
        }
        if self.run.is_none() {
            self.run = run.map(str::to_owned);
        }
        if !has_positives {
            self.labels = [true; 3];
        }
    }

    /// Takes up the run and threshold that another view suggests.
    pub fn take(&mut self, proposal: &ExportProposal) {
        self.choose(ExportKind::Scores);
        self.labels = BY_SCORE;
        self.run = Some(proposal.run.clone());
        self.threshold = proposal.threshold;
    }

    /// Chooses what is exported. Each kind keeps its own choice of labels.
    pub fn choose(&mut self, kind: ExportKind) {
        if (self.kind == ExportKind::Scores) != (kind == ExportKind::Scores) {
            std::mem::swap(&mut self.labels, &mut self.other_labels);
        }
        self.kind = kind;
        // Picks have no rows in imported tables.
        if kind == ExportKind::Picks && self.format.is_subset() {
            self.format = ExportFormat::RelionStar;
        }
    }

    /// How picks are written; `None` for patches and a network, or when something is missing.
    pub fn picks(&self) -> Option<ExportRequest> {
        (self.kind == ExportKind::Picks).then(|| self.written()).flatten()
    }

    /// The format, and how micrographs and pixels are written; `None` when something is missing.
    fn written(&self) -> Option<ExportRequest> {
        let optics = Some(&self.micrographs).filter(|_| !self.out.trim().is_empty())?.given().ok()?;
        let stack = self.writes_relion_stack();
        Some(ExportRequest {
            what: self.star,
            y: self.micrographs.y,
            micrograph_names: self.micrographs.originals(),
            optics,
            normalise: self.normalise && stack,
            invert: self.invert && stack,
            force: self.replace,
            ..ExportRequest::new(self.format, typed_path(&self.out))
        })
    }

    /// The request for patches; `None` for picks and a network, or when something is missing.
    pub fn request(&self) -> Option<ExportRequest> {
        if matches!(self.kind, ExportKind::Picks | ExportKind::Network) {
            return None;
        }
        let labels: Vec<Label> = LABELS
            .into_iter()
            .zip(self.labels)
            .filter(|(_, wanted)| *wanted)
            .map(|(label, _)| label)
            .collect();
        if labels.is_empty() {
            return None;
        }
        let by_score = self.kind == ExportKind::Scores;
        if by_score && self.run.is_none() {
            return None;
        }
        Some(ExportRequest {
            labels,
            run: self.run.clone().filter(|_| by_score),
            threshold: by_score.then_some(self.threshold),
            keep_labelled: self.keep_labelled,
            ..self.written()?
        })
    }

    /// Whether patches are written that RELION refines.
    pub fn writes_relion_stack(&self) -> bool {
        self.format == ExportFormat::RelionStar && self.star != ExportWhat::Coordinates
    }

    /// The network to be written: its run and the file; `None` when something is missing.
    pub fn network(&self) -> Option<(String, PathBuf)> {
        let out = Some(self.out.trim()).filter(|out| self.kind == ExportKind::Network && !out.is_empty())?;
        Some((self.run.clone()?, typed_path(out)))
    }

    /// A path was chosen in a dialog.
    pub fn chosen(&mut self, out: &Path) {
        self.out = self.with_ending(out).display().to_string();
    }

    /// The ending of the file that is written; `None` for a folder.
    pub fn ending(&self) -> Option<&'static str> {
        if self.kind == ExportKind::Network { Some("safetensors") } else { self.format.extension() }
    }

    /// A path with the ending of what is written; other endings of ours go.
    pub fn with_ending(&self, path: &Path) -> PathBuf {
        let ours = |ending: &str| {
            ending == "safetensors"
                || ExportFormat::ALL.iter().any(|format| format.extension() == Some(ending))
        };
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let stem = match ending {
            Some(ending) if ours(&ending) => path.with_extension(""),
            _ => path.to_owned(),
        };
        match self.ending() {
            None => stem,
            Some(ending) => {
                let mut name = stem.into_os_string();
                name.push(".");
                name.push(ending);
                PathBuf::from(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_follows_the_format() {
        let mut form = ExportDraft::default();
        let with = |form: &ExportDraft, path: &str| form.with_ending(Path::new(path)).display().to_string();
        assert_eq!(with(&form, "/d/apo"), "/d/apo.star");
        assert_eq!(with(&form, "/d/apo_v1.2"), "/d/apo_v1.2.star");
        form.format = ExportFormat::Npz;
        assert_eq!(with(&form, "/d/apo.star"), "/d/apo.npz");
        form.format = ExportFormat::Png;
        assert_eq!(with(&form, "/d/apo.npz"), "/d/apo");
        form.kind = ExportKind::Network;
        assert_eq!(with(&form, "/d/apo"), "/d/apo.safetensors");
    }

    #[test]
    fn what_a_person_types_of_the_microscope_reaches_the_request() {
        let mut form = ExportDraft { out: "/d/a.star".to_owned(), ..ExportDraft::default() };
        form.micrographs.voltage = "300".to_owned();
        form.micrographs.spherical_aberration = "2,7".to_owned();
        form.micrographs.names = " .mrc ".to_owned();
        let request = form.request().expect("a request");
        assert_eq!((request.optics.voltage, request.optics.spherical_aberration), (Some(300.0), Some(2.7)));
        assert_eq!(request.optics.amplitude_contrast, None);
        assert_eq!(request.micrograph_names, Some(PathBuf::from(".mrc")));
        // The options of a stack do not stand in the way of a table without one.
        form.normalise = true;
        assert!(form.request().is_some_and(|request| !request.normalise));
        form.star = ExportWhat::Both;
        assert!(form.request().is_some_and(|request| request.normalise));
        form.micrographs.voltage = "3oo".to_owned();
        assert!(form.request().is_none());
    }

    #[test]
    fn nothing_chosen_is_no_request() {
        let mut form = ExportDraft { out: "/d/a.star".to_owned(), ..ExportDraft::default() };
        assert!(
            form.request()
                .is_some_and(|request| request.labels == [Label::Positive] && request.run.is_none())
        );
        form.choose(ExportKind::Scores);
        assert!(form.request().is_none(), "no run");
        form.run = Some("r-1".to_owned());
        // Particles found by the score are unlabeled; by label alone, unlabeled ones are no particles.
        let labels = |form: &ExportDraft| form.request().map(|request| request.labels);
        assert_eq!(labels(&form), Some(vec![Label::Positive, Label::Unlabeled]));
        form.choose(ExportKind::Labels);
        assert_eq!(labels(&form), Some(vec![Label::Positive]));
        form.choose(ExportKind::Scores);
        assert_eq!(form.request().and_then(|request| request.threshold), Some(0.5));
        form.labels = [false; 3];
        assert!(form.request().is_none(), "no label");
    }
}
