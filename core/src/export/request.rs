//! What a person asks of an export.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::format::{ExportFormat, ExportWhat, YDirection};
use super::manifest::FOLDER_MANIFEST;
use crate::error::{Error, Result};
use crate::label::Label;

/// Optics that RELION needs and sources may not say. A value fills a gap; it never replaces what a
/// source says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct GivenOptics {
    /// Acceleration voltage, kV.
    pub voltage: Option<f64>,
    /// Spherical aberration, mm.
    pub spherical_aberration: Option<f64>,
    /// Amplitude contrast, a share from 0 to 1.
    pub amplitude_contrast: Option<f64>,
    /// Å per px: of the unbinned micrographs, and of ready patches as they are.
    pub pixel_size: Option<f64>,
}

/// Which patches are written, as what and where.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportRequest {
    /// The format.
    pub format: ExportFormat,
    /// The file, or for a format without ending ([`ExportFormat::extension`]) the folder.
    pub out: PathBuf,
    /// Labels that are written; empty means all three.
    pub labels: Vec<Label>,
    /// The run whose scores are written, and to which `threshold` and `below` refer.
    pub run: Option<String>,
    /// Only patches with a score of at least this; see `keep_labelled`.
    pub threshold: Option<f32>,
    /// Only patches with a score below this.
    pub below: Option<f32>,
    /// Writes positives and negatives among `labels` also where their score lies below `threshold` or is missing. Has no
    /// effect together with `below`, which is a choice by score whatever the label.
    pub keep_labelled: bool,
    /// Leaves thresholds of single micrographs out of account, which the project keeps for the run.
    pub one_threshold: bool,
    /// What a STAR file names.
    pub what: ExportWhat,
    /// From which row y counts.
    pub y: YDirection,
    /// Names for the micrographs in place of those of the project: an ending with its dot (`.mrc`),
    /// a folder of the originals, or a table or list that names them.
    pub micrograph_names: Option<PathBuf>,
    /// Optics where the sources do not say them.
    pub optics: GivenOptics,
    /// Whether the patches of a RELION stack are normalised as RELION wants it.
    pub normalise: bool,
    /// Whether the patches of a RELION stack are inverted, so that dark particles become light.
    pub invert: bool,
    /// Whether existing files may be replaced.
    pub force: bool,
}

impl ExportRequest {
    /// All positives as `format` to `out`, without scores, replacing nothing.
    pub fn new(format: ExportFormat, out: impl Into<PathBuf>) -> Self {
        Self {
            format,
            out: out.into(),
            labels: vec![Label::Positive],
            run: None,
            threshold: None,
            below: None,
            keep_labelled: true,
            one_threshold: false,
            what: ExportWhat::Coordinates,
            y: YDirection::Source,
            micrograph_names: None,
            optics: GivenOptics::default(),
            normalise: false,
            invert: false,
            force: false,
        }
    }

    /// Whether a patch with this label is written whatever its score.
    pub(super) fn keeps(&self, label: Label) -> bool {
        self.keep_labelled && self.below.is_none() && label != Label::Unlabeled
    }

    /// Whether a score lies outside the bounds. A threshold of the micrograph's own takes the place of the lower bound, or
    /// of the upper one where that is the only one.
    pub(super) fn is_outside(&self, score: f32, own: Option<f64>) -> bool {
        let own = own.map(|own| own as f32);
        let (least, below) = match (self.threshold, self.below) {
            (None, Some(below)) => (None, Some(own.unwrap_or(below))),
            (least, below) => (least.map(|least| own.unwrap_or(least)), below),
        };
        least.is_some_and(|least| score < least) || below.is_some_and(|below| score >= below)
    }

    /// Whether a patch without position cannot be written.
    pub(super) const fn needs_position(&self) -> bool {
        match self.format {
            ExportFormat::RelionStar | ExportFormat::CryosparcStar => !matches!(self.what, ExportWhat::Stack),
            ExportFormat::RelionCoordinates | ExportFormat::Box => true,
            _ => false,
        }
    }

    /// Whether pixels are written.
    pub(crate) fn writes_pixels(&self) -> bool {
        self.writes_stack()
            || matches!(self.format, ExportFormat::Npz | ExportFormat::Mrcs | ExportFormat::Png)
    }

    /// Whether a stack is written beside a STAR file.
    pub(super) fn writes_stack(&self) -> bool {
        self.format.is_star() && self.what != ExportWhat::Coordinates
    }

    /// Everything that would be made, the manifest of a folder aside, in the order in which it is
    /// put in place: a table after the stack it names.
    pub(super) fn targets(&self) -> Vec<PathBuf> {
        let mut targets = Vec::new();
        if self.writes_stack() {
            targets.push(self.out.with_extension("mrcs"));
        }
        targets.push(self.out.clone());
        if self.format == ExportFormat::Mrcs {
            targets.push(self.out.with_extension("csv"));
        }
        if self.format.extension().is_some() {
            targets.push(manifest_beside(&self.out));
        }
        targets
    }

    /// The manifest that is written with it: beside a file, in a folder.
    pub fn manifest_path(&self) -> PathBuf {
        match self.format.extension() {
            Some(_) => manifest_beside(&self.out),
            None => self.out.join(FOLDER_MANIFEST),
        }
    }

    /// Refuses a request that contradicts itself.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(ending) = self.format.extension() {
            let found = self.out.extension().map(|e| e.to_string_lossy().to_lowercase());
            if found.as_deref() != Some(ending) {
                return Err(Error::request(
                    format!("{} is no name for a {} export", self.out.display(), self.format),
                    format!("end the name in .{ending}"),
                ));
            }
        } else if self.out.file_name().is_none() {
            return Err(Error::request(
                format!("{} is no name for a folder to be made", self.out.display()),
                "name a new folder",
            ));
        }
        let bounds = [self.threshold, self.below];
        if self.run.is_none() && bounds.iter().any(Option::is_some) {
            return Err(Error::request(
                "a score threshold was given without a run",
                "name the run whose scores are meant",
            ));
        }
        if bounds.iter().flatten().any(|t| !t.is_finite()) {
            return Err(Error::request("a score threshold is no finite number", "give a number from 0 to 1"));
        }
        if let (Some(low), Some(high)) = (self.threshold, self.below)
            && low >= high
        {
            return Err(Error::request(
                format!("no score is at least {low} and below {high}"),
                "give a lower threshold or a higher upper bound",
            ));
        }
        self.optics.check()?;
        if (self.normalise || self.invert)
            && !(self.format == ExportFormat::RelionStar && self.writes_stack())
        {
            return Err(Error::request(
                "normalised or inverted patches were asked for, but no stack for RELION",
                "export a RELION table with a stack",
            ));
        }
        Ok(())
    }
}

impl GivenOptics {
    fn check(&self) -> Result<()> {
        let above_zero = |value: Option<f64>, what: &str, unit: &str| match value {
            Some(value) if !(value.is_finite() && value > 0.0) => {
                Err(Error::request(format!("{what} of {value}{unit}"), "give a number above 0"))
            }
            _ => Ok(()),
        };
        above_zero(self.voltage, "a voltage", " kV")?;
        above_zero(self.pixel_size, "a pixel size", " Å")?;
        if let Some(value) = self.spherical_aberration
            && !(value.is_finite() && value >= 0.0)
        {
            return Err(Error::request(
                format!("a spherical aberration of {value} mm"),
                "give 0 or a number above it",
            ));
        }
        if let Some(value) = self.amplitude_contrast
            && !(0.0..=1.0).contains(&value)
        {
            return Err(Error::request(
                format!("an amplitude contrast of {value}"),
                "give a share from 0 to 1, 0.1 as a rule",
            ));
        }
        Ok(())
    }
}

/// `NAME.manifest.json` beside an exported file.
pub(super) fn manifest_beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".manifest.json");
    out.with_file_name(name)
}
