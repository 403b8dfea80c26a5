//! Everything one import will do, settled before a pixel is cut: which input is what, which picks lie
//! on which micrograph, and one patch size for all.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::existing::Existing;
use super::mic::Mic;
use super::report::{
    Ambiguous, BadMicrograph, ImportPreview, InputReport, MicrographReport, PickFileReport, PickScores,
    Unmatched,
};
use super::request::IngestRequest;
use crate::error::{Error, Result};
use crate::formats::{Dataset, LeftOut, PickColumns, PickTable, cryosparc, detect};
use crate::imaging::{Contrast, CutSettings};
use crate::label::{Label, LabelCounts};
use crate::remedy::{Remedy, Warning};

/// The plan of one import.
pub(super) struct Plan {
    pub existing: Existing,
    pub inputs: Vec<InputReport>,
    pub tables: Vec<PickTable>,
    /// Files that list the same particles as another one, by that one.
    pub further: HashMap<PathBuf, Vec<PathBuf>>,
    pub mics: Vec<Mic>,
    /// How patches are cut; `None` when nothing is.
    pub cut: Option<CutSettings>,
    /// Side of a patch, px; `None` when there are no patches.
    pub size: Option<usize>,
    /// What the positives say of the contrast.
    pub contrast: Option<Contrast>,
    /// Micrographs that cannot be used.
    pub bad: Vec<BadMicrograph>,
    /// Files that are left out for what they are.
    pub left_out: Vec<LeftOut>,
    /// Scores of the picks without a label of their own.
    pub scores: Option<PickScores>,
    pub unmatched: Vec<Unmatched>,
    pub ambiguous: Vec<Ambiguous>,
    /// Whether picks fit clearly better turned over.
    pub mirrored: bool,
    pub warnings: Vec<Warning>,
    /// Picks of each table as read.
    pub pick_counts: Vec<usize>,
}

impl Plan {
    /// Opens ready patches, with the files that are joined to `path`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn open_patches(&self, path: &Path) -> Result<Dataset> {
        match self.further.get(path) {
            Some(further) => cryosparc::open_joined(path, further),
            None => detect::open_patches(path),
        }
    }

    /// Opens picks, with the files that are joined to `path`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn open_picks(&self, path: &Path, columns: Option<&PickColumns>) -> Result<PickTable> {
        match self.further.get(path) {
            Some(further) => cryosparc::open_picks_joined(path, further),
            None => detect::open_picks_by(path, columns),
        }
    }

    /// Takes a micrograph out of the import, for `reason`.
    pub fn set_aside(&mut self, at: usize, reason: String) {
        if at >= self.mics.len() {
            return;
        }
        let mic = self.mics.remove(at);
        let picks = mic.picks.len() + mic.at_edge + mic.outside + mic.duplicates + mic.below.len();
        self.bad.push(BadMicrograph { path: mic.path, reason, picks });
    }

    /// Ends an import of micrographs that cannot be used, unless these are to be left out.
    ///
    /// # Errors
    /// When there are such micrographs; the sentence names them with their reasons.
    pub fn refuse_bad(&self, request: &IngestRequest) -> Result<()> {
        const SHOWN: usize = 4;
        let all = self.bad.len() + self.mics.len();
        if self.bad.is_empty() || (request.skip_bad && !self.mics.is_empty()) {
            return Ok(());
        }
        if let ([only], 1) = (self.bad.as_slice(), all) {
            return Err(Error::format(&only.path, only.reason.clone(), "give a micrograph that is whole"));
        }
        let named: Vec<String> =
            self.bad.iter().take(SHOWN).map(|b| format!("{}: {}", b.path.display(), b.reason)).collect();
        let more = self.bad.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        Err(Error::request(
            format!("{} of {all} micrographs cannot be used: {}{more}", self.bad.len(), named.join("; ")),
            Remedy::SkipMicrographs,
        ))
    }

    /// Why nothing came of an import whose files could all be read.
    pub fn nothing_left(&self) -> Error {
        let sum = |of: fn(&Mic) -> usize| self.mics.iter().map(of).sum::<usize>();
        Error::request(
            format!(
                "nothing is left to import: {} picks are too close to the edge, {} lie outside their micrographs, {} have \
                 a patch at their place already, {} are below the lowest score, and no place was found for a pool",
                sum(|m| m.at_edge),
                sum(|m| m.outside),
                sum(|m| m.duplicates),
                sum(|m| m.below.len())
            ),
            "check box size, margin, lowest score and pool, or name other files",
        )
    }

    /// What a person is shown.
    pub fn into_preview(self, request: &IngestRequest) -> ImportPreview {
        let mut labels = LabelCounts::default();
        for label in Label::ALL {
            let ready: u64 = self.inputs.iter().map(|i| i.labels.get(label)).sum();
            let picks = self.mics.iter().flat_map(|m| &m.picks).filter(|p| p.label == label).count();
            *labels.get_mut(label) = ready + picks as u64;
        }
        let bin = request.bin as f64;
        let cut = self.cut;
        let cut_sizes = self.mics.iter().filter(|_| cut.is_some()).map(|m| m.pixel_size.map(|s| s * bin));
        let mut sizes = self.inputs.iter().map(|i| i.pixel_size).chain(cut_sizes);
        let first = sizes.next().flatten();
        let pixel_size = first.filter(|_| sizes.all(|s| s == first));
        let pick_files = self.tables.iter().zip(&self.pick_counts);
        ImportPreview {
            pick_files: pick_files
                .map(|(t, &picks)| PickFileReport {
                    path: t.path.clone(),
                    kind: t.kind.to_string(),
                    picks,
                    without_picks: t.without_picks.len(),
                })
                .collect(),
            inputs: self.inputs,
            labels,
            patch_size: self.size,
            pixel_size,
            box_size: cut.and_then(|c| c.effective_box().ok()),
            at_edge: self.mics.iter().map(|m| m.at_edge).sum(),
            outside: self.mics.iter().map(|m| m.outside).sum(),
            below_min_score: self.mics.iter().map(|m| m.below.len()).sum(),
            scores: self.scores,
            bad: self.bad,
            left_out: self.left_out,
            duplicates: self.mics.iter().map(|m| m.duplicates).sum(),
            micrographs: self
                .mics
                .into_iter()
                .map(|m| MicrographReport {
                    name: m.name,
                    path: m.path,
                    width: m.width,
                    height: m.height,
                    pixel_size: m.pixel_size,
                    picks: m.picks.len(),
                    at_edge: m.at_edge,
                    outside: m.outside,
                    below_min_score: m.below.len(),
                    duplicates: m.duplicates,
                    pool: m.pool,
                })
                .collect(),
            unmatched: self.unmatched,
            ambiguous: self.ambiguous,
            mirrored: self.mirrored,
            warnings: self.warnings,
        }
    }
}
