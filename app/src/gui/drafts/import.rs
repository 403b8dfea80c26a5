//! The draft of the import form: the settings as typed.

use std::path::{Path, PathBuf};

use vitrine_core::Label;
use vitrine_core::formats::TableStart;
use vitrine_core::imaging::CutSettings;
use vitrine_core::ingest::{
    BelowMinScore, FoundInput, IngestRequest, PoolCount, PoolFrom, PoolRequest, suggested_bin,
};
use vitrine_core::project::PixelType;

use super::columns::ColumnsDraft;
use crate::words::{self, number};

/// The settings of an import as typed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportDraft {
    /// Side of the box, px.
    pub box_size: String,
    /// Px averaged into one.
    pub bin: String,
    /// The bin was typed and does not follow the box.
    pub bin_typed: bool,
    /// Outer px left alone.
    pub margin: String,
    /// Which columns of a table of picks hold what.
    pub columns: ColumnsDraft,
    /// y counts from the bottom.
    pub y_up: bool,
    /// Factor from the px of the picks to those of the micrographs.
    pub picks_scale: String,
    /// The shifts of a refinement move the centres.
    pub recenter: bool,
    /// Lowest score of a pick that becomes a particle.
    pub min_score: String,
    /// What becomes of picks below it.
    pub below_min_score: BelowMinScore,
    /// Micrographs that cannot be used are left out.
    pub skip_bad: bool,
    /// Label of what has none.
    pub label: Option<Label>,
    /// Å per px.
    pub pixel_size: String,
    /// Pool of unlabeled patches.
    pub pool: Option<PoolFrom>,
    /// Places per micrograph.
    pub pool_count: String,
    /// Distance from positives.
    pub distance: String,
    /// Particle diameter.
    pub diameter: String,
    /// Into the project that is open, not into a new one.
    pub into_open: bool,
    /// Folder of the new project.
    pub folder: String,
    /// How the new project stores its pixels.
    pub pixels: PixelType,
    /// The folder that was proposed last.
    proposed: String,
    seed: u64,
    inputs: Vec<PathBuf>,
    /// The person has chosen where the pool comes from.
    pub pool_chosen: bool,
}

impl ImportDraft {
    /// An empty form; `open_takes` says whether a project is open that takes an import.
    pub fn new(open_takes: bool) -> Self {
        Self { into_open: open_takes, ..Self::default() }
    }

    /// A form for unlabeled patches from micrographs of the open project, cut like its patches, for particles of this
    /// diameter (px of the micrograph).
    pub fn unlabeled(cut: Option<&CutSettings>, diameter: Option<f64>) -> Self {
        let text = |number: usize| number.to_string();
        Self {
            box_size: cut.map(|cut| text(cut.box_size)).unwrap_or_default(),
            bin: cut.map(|cut| text(cut.bin)).unwrap_or_default(),
            bin_typed: cut.is_some(),
            diameter: diameter.map(|px| format!("{px:.0}")).unwrap_or_default(),
            pool: Some(PoolFrom::Picking),
            pool_chosen: true,
            ..Self::new(true)
        }
    }

    /// A person has drawn the box; `side` in px of the micrograph.
    pub fn set_box(&mut self, side: usize) {
        self.box_size = side.to_string();
        self.follow_box(side);
    }

    /// Binning follows the box until somebody types it.
    pub fn follow_box(&mut self, side: usize) {
        if !self.bin_typed {
            self.bin = suggested_bin(side).to_string();
        }
    }

    /// Takes up the proposal for the files at `paths`; what the person has set before for other files stays, and so does
    /// where the import goes.
    pub fn fill(&mut self, proposal: &IngestRequest, found: &[FoundInput], paths: &[PathBuf]) {
        self.inputs.clone_from(&proposal.inputs);
        self.seed = proposal.seed;
        if self.box_size.trim().is_empty() {
            self.box_size = proposal.box_size.map(|side| side.to_string()).unwrap_or_default();
        }
        if !self.bin_typed {
            self.bin = proposal.bin.to_string();
        }
        if !self.pool_chosen && (self.pool_count.is_empty() || self.pool.is_none()) {
            // Of micrographs alone nobody knows how large the particles are: they are marked by hand first.
            let alone = has_micrographs(found) && !found.iter().any(|found| found.picks);
            self.pool = proposal.pool.filter(|_| !alone).map(|pool| pool.from);
            self.pool_count = match proposal.pool.and_then(|pool| pool.count) {
                Some(PoolCount::PerMicrograph(count) | PoolCount::Total(count)) => count.to_string(),
                None => "120".to_owned(),
            };
        }
        // A name that nobody has typed follows the files.
        if self.folder.trim().is_empty() || self.folder == self.proposed {
            self.folder = new_folder(paths);
            self.proposed.clone_from(&self.folder);
        }
    }

    /// The request as typed, for files that are what `found` says.
    ///
    /// # Errors
    /// When a number is none; the field says which.
    pub fn request(&self, found: &[FoundInput]) -> Result<IngestRequest, String> {
        let cuts = found.iter().any(|f| f.picks || f.micrographs > 0);
        let pool = match self.pool.filter(|_| has_micrographs(found)) {
            None => None,
            Some(from) => Some(PoolRequest {
                count: number::<usize>(&self.pool_count, 1, 100_000)?.map(PoolCount::PerMicrograph),
                from_positives: number(&self.distance, 0.0, 10_000.0)?,
                diameter: number(&self.diameter, 2.0, 4096.0)?,
                ..PoolRequest::new(from)
            }),
        };
        let (box_size, bin, margin) = if cuts {
            (
                number(&self.box_size, 2, 4096)?,
                number(&self.bin, 1, 64)?.unwrap_or(1),
                number(&self.margin, 0, 100_000)?.unwrap_or(0),
            )
        } else {
            (None, 1, 0)
        };
        Ok(IngestRequest {
            inputs: self.inputs.clone(),
            columns: table_of(found).and_then(|(path, _)| self.columns.of(path).columns()),
            box_size,
            bin,
            margin,
            y_up: self.y_up && cuts,
            picks_scale: number(&self.picks_scale, 0.001, 1000.0)?.filter(|_| cuts),
            recenter: self.recenter && cuts,
            min_score: number(&self.min_score, -1e9, 1e9)?.filter(|_| cuts),
            below_min_score: self.below_min_score,
            skip_bad: self.skip_bad && cuts,
            label: self.label,
            pool,
            pixel_size: number(&self.pixel_size, 0.01, 1000.0)?,
            seed: self.seed,
            ..IngestRequest::default()
        })
    }
}

/// Whether there are micrographs among the files.
pub fn has_micrographs(found: &[FoundInput]) -> bool {
    found.iter().any(|found| found.micrographs > 0)
}

/// The first table of picks among the files whose columns can be named.
pub fn table_of(found: &[FoundInput]) -> Option<(&Path, &TableStart)> {
    found.iter().find_map(|found| Some((found.path.as_path(), found.table.as_ref()?)))
}

/// A folder for a new project that is not there yet: in the home folder, named after the first file.
fn new_folder(paths: &[PathBuf]) -> String {
    let stem = paths.first().and_then(|path| {
        let name = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let own = name(path)?;
        // "micrographs" says nothing; the folder around it does.
        let plain = ["micrographs", "picks", "particles", "patches", "data", "train"];
        match path.parent().and_then(name) {
            Some(around) if plain.contains(&own.as_str()) => Some(around),
            _ => Some(own),
        }
    });
    let stem = stem.unwrap_or_else(|| "project".to_owned());
    let home = words::home().unwrap_or_else(std::env::temp_dir).join("vitrine");
    let free = (1..1000)
        .map(|n| home.join(if n == 1 { stem.clone() } else { format!("{stem}-{n}") }))
        .find(|folder| !folder.exists());
    free.unwrap_or(home).display().to_string()
}
