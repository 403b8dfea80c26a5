//! Everything one import will do, settled before a pixel is cut: which input is what, which picks lie
//! on which micrograph, and one patch size for all.

use super::existing::Existing;
use super::mic::Mic;
use super::report::{Ambiguous, InputReport, MicrographReport, PickFileReport, Preview, Unmatched};
use super::request::IngestRequest;
use crate::error::Error;
use crate::formats::PickTable;
use crate::imaging::{Contrast, CutSettings};
use crate::label::{Label, LabelCounts};

/// The plan of one import.
pub(super) struct Plan {
    pub existing: Existing,
    pub inputs: Vec<InputReport>,
    pub tables: Vec<PickTable>,
    pub mics: Vec<Mic>,
    /// How patches are cut; `None` when nothing is.
    pub cut: Option<CutSettings>,
    /// Side of a patch, px; `None` when there are no patches.
    pub size: Option<usize>,
    /// What the positives say of the contrast.
    pub contrast: Option<Contrast>,
    pub unmatched: Vec<Unmatched>,
    pub ambiguous: Vec<Ambiguous>,
    /// Whether picks fit clearly better turned over.
    pub mirrored: bool,
    pub warnings: Vec<String>,
    /// Picks of each table as read.
    pub pick_counts: Vec<usize>,
}

impl Plan {
    /// Why nothing came of an import whose files could all be read.
    pub fn nothing_left(&self) -> Error {
        let at_edge: usize = self.mics.iter().map(|m| m.at_edge).sum();
        let duplicates: usize = self.mics.iter().map(|m| m.duplicates).sum();
        Error::request(
            format!(
                "nothing is left to import: {at_edge} picks are too near an edge, {duplicates} have a patch at \
                 their place already, and no place was found for a pool"
            ),
            "check box size, margin and pool, or name other files",
        )
    }

    /// What a person is shown.
    pub fn into_preview(self, request: &IngestRequest) -> Preview {
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
        Preview {
            pick_files: pick_files
                .map(|(t, &picks)| PickFileReport { path: t.path.clone(), kind: t.kind.clone(), picks })
                .collect(),
            inputs: self.inputs,
            labels,
            patch_size: self.size,
            pixel_size,
            box_size: cut.and_then(|c| c.effective_box().ok()),
            at_edge: self.mics.iter().map(|m| m.at_edge).sum(),
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
