//! Which patches an export writes.

use std::collections::BTreeMap;

use super::format::{ExportFormat, ExportWhat};
use super::request::ExportRequest;
use crate::error::{Error, Result};
use crate::formats::{Format, RecordsOf};
use crate::label::{Label, LabelCounts};
use crate::project::{EntryId, PatchId, Place, Project, Run, ScoreKind, Source, SourceId};
use crate::remedy::{Remedy, Warning};

/// What becomes of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Written.
    Written,
    /// Written because it is labelled, though its score lies below the threshold.
    Kept,
    /// Stays: its label is wanted, its score lies outside the bounds.
    Outside,
    /// Stays for another reason.
    Stays,
}

impl Fate {
    /// Whether the patch is written.
    pub const fn is_written(self) -> bool {
        matches!(self, Self::Written | Self::Kept)
    }
}

/// The patches selected, with what is written of them, as of one journal position.
pub(super) struct Selection {
    /// Ascending.
    pub ids: Vec<PatchId>,
    /// The label of each.
    pub labels: Vec<Label>,
    /// The score of each, `NaN` where it has none; empty without a run.
    pub scores: Vec<f32>,
    /// The labels the patches had.
    pub position: EntryId,
    /// The run whose scores these are.
    pub run: Option<Run>,
    /// Those of `ids` by label.
    pub counts: LabelCounts,
    /// With a wanted label, but not scored.
    pub without_score: u64,
    /// With a wanted label, but a score outside the bounds.
    pub outside: u64,
    /// Among `ids`, written because they are labelled, though their score lies below the threshold.
    pub kept: u64,
    /// What becomes of each patch of the project.
    pub fates: Vec<Fate>,
    /// The scores of all patches; `None` where scores do not choose.
    pub bounded_scores: Option<Vec<f32>>,
    /// Selected, but the format needs a position.
    pub left_out: u64,
    /// Selected, but the format hands back records of a kind of file that they did not come from.
    pub without_record: u64,
    /// Among `ids`, without a position on a named micrograph.
    pub unplaced: u64,
    /// Micrographs with a threshold of their own, which holds there in place of the one asked for.
    pub own_thresholds: u64,
}

impl Selection {
    /// Applies a request that was checked.
    pub fn choose(project: &Project, request: &ExportRequest, places: &[Place]) -> Result<Self> {
        let run = request.run.as_deref().map(|name| project.run(name)).transpose()?;
        let all_scores = match &run {
            Some(run) => Some(project.scores(run.id, ScoreKind::Teacher)?.ok_or_else(|| {
                Error::request(
                    format!("the run '{}' has no scores yet", run.name),
                    Remedy::ScoreFirst { run: run.name.clone() },
                )
            })?),
            None => None,
        };
        let (position, all_labels) = labels_at_rest(project)?;
        let with_record = sources_with_records(project, request.format)?;
        let bounded = request.threshold.is_some() || request.below.is_some();
        let own = match &run {
            Some(run) if bounded && !request.one_threshold => project.pick_rules(run.id)?.own,
            _ => BTreeMap::new(),
        };
        let mut selection = Self {
            ids: Vec::new(),
            labels: Vec::new(),
            scores: Vec::new(),
            position,
            run,
            counts: LabelCounts::default(),
            without_score: 0,
            outside: 0,
            kept: 0,
            fates: vec![Fate::Stays; all_labels.len()],
            bounded_scores: None,
            left_out: 0,
            without_record: 0,
            unplaced: 0,
            own_thresholds: own.len() as u64,
        };
        for (id, (&label, place)) in all_labels.iter().zip(places).enumerate() {
            if !request.labels.is_empty() && !request.labels.contains(&label) {
                continue;
            }
            let score = all_scores.as_ref().map(|scores| scores.get(id).copied().unwrap_or(f32::NAN));
            let mut kept = false;
            if score.is_some_and(f32::is_nan) {
                kept = bounded && request.keeps(label);
                if bounded && !kept {
                    selection.without_score += 1;
                    continue;
                }
                selection.without_score += u64::from(!kept);
            } else if let Some(score) = score
                && request.is_outside(score, place.micrograph.and_then(|id| own.get(&id).copied()))
            {
                kept = request.keeps(label);
                if !kept {
                    selection.outside += 1;
                    set(&mut selection.fates, id, Fate::Outside);
                    continue;
                }
            }
            if with_record.as_ref().is_some_and(|sources| !sources.contains(&place.source)) {
                selection.without_record += 1;
                continue;
            }
            if place.micrograph.is_none() || place.xy.is_none() {
                if request.needs_position() {
                    selection.left_out += 1;
                    continue;
                }
                selection.unplaced += 1;
            }
            selection.kept += u64::from(kept);
            set(&mut selection.fates, id, if kept { Fate::Kept } else { Fate::Written });
            // Ids are 32 bits wide by construction; `places` is as long as there are ids.
            selection.ids.push(PatchId::try_from(id).unwrap_or(PatchId::MAX));
            selection.labels.push(label);
            selection.scores.extend(score);
            *selection.counts.get_mut(label) += 1;
        }
        selection.bounded_scores = all_scores.filter(|_| bounded);
        Ok(selection)
    }

    /// Score of the selected patch at `at`, where it has one.
    pub fn score(&self, at: usize) -> Option<f64> {
        self.scores.get(at).filter(|s| s.is_finite()).map(|&s| shortest(s))
    }

    /// What a person should know of the selection.
    pub fn warnings(&self, request: &ExportRequest) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if self.left_out > 0 {
            let remedy = if request.format.is_star() {
                Remedy::ExportPixels
            } else {
                "export them as npz, mrcs or png".into()
            };
            let text = format!(
                "{} of the selected patches have no coordinates on a named micrograph and are left out",
                self.left_out
            );
            warnings.push(Warning::new(text, remedy));
        }
        if self.own_thresholds > 0 {
            let text = match self.own_thresholds {
                1 => "1 micrograph has a threshold of its own, which holds there in place of the one given"
                    .to_owned(),
                many => format!(
                    "{many} micrographs have a threshold of their own, which holds there in place of the one given"
                ),
            };
            warnings.push(text.into());
        }
        if self.kept > 0 {
            let (patches, their) = match self.kept {
                1 => ("1 labelled patch is".to_owned(), "its score is"),
                many => (format!("{many} labelled patches are"), "their scores are"),
            };
            warnings.push(
                format!(
                    "{patches} written because of the label, though {their} below the threshold or missing"
                )
                .into(),
            );
        }
        if self.without_record > 0 {
            warnings.push(
                format!(
                    "{} of the selected patches did not come from {} and are left out",
                    self.without_record,
                    record_file(request.format)
                )
                .into(),
            );
        }
        let table = request.format == ExportFormat::Csv
            || (request.format.is_star() && request.what == ExportWhat::Stack);
        if self.unplaced > 0 && table {
            warnings.push(format!(
                "{} of the exported patches have no coordinates on a named micrograph, so the table cannot be \
                 used as picks",
                self.unplaced
            ).into());
        }
        if self.without_score > 0 {
            let run = self.run.as_ref().map_or("", |run| run.name.as_str());
            let fate = if request.threshold.is_some() || request.below.is_some() {
                "are left out"
            } else {
                "are written without a score"
            };
            warnings.push(
                format!(
                    "{} patches with the wanted labels have no score of the run '{run}' and {fate}",
                    self.without_score
                )
                .into(),
            );
        }
        warnings
    }

    /// The error of a selection of nothing.
    pub fn empty(&self, request: &ExportRequest) -> Error {
        let labels = if request.labels.is_empty() {
            "positive, unlabeled or negative".to_owned()
        } else {
            request.labels.iter().map(|l| l.as_str()).collect::<Vec<_>>().join(" or ")
        };
        if self.left_out > 0 {
            return Error::request(
                format!(
                    "none of the {} selected patches has coordinates on a named micrograph, which a {} export needs",
                    self.left_out, request.format
                ),
                if request.format.is_star() {
                    Remedy::ExportPixels
                } else {
                    "export another format (npz, mrcs, png)".into()
                },
            );
        }
        if self.without_record > 0 {
            return Error::request(
                format!(
                    "none of the {} selected patches came from {}",
                    self.without_record,
                    record_file(request.format)
                ),
                "export a STAR table (relion-star, cryosparc-star), which needs no such file",
            );
        }
        if self.outside > 0 || self.without_score > 0 {
            return Error::request(
                format!(
                    "no {labels} patch has a score within the bounds ({} lie outside, {} have no score)",
                    self.outside, self.without_score
                ),
                "choose other bounds or labels, or score the project again",
            );
        }
        Error::request(format!("the project has no {labels} patch"), "choose other labels")
    }
}

fn set(fates: &mut [Fate], id: usize, fate: Fate) {
    if let Some(place) = fates.get_mut(id) {
        *place = fate;
    }
}

/// The kind of file whose records a format hands back.
const fn record_file(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::CryosparcCs => "a cryoSPARC .cs file",
        _ => "a RELION table",
    }
}

/// The sources whose records the format can hand back; `None` where it needs none.
fn sources_with_records(project: &Project, format: ExportFormat) -> Result<Option<Vec<SourceId>>> {
    let wanted = match format {
        ExportFormat::CryosparcCs => RecordsOf::Cryosparc,
        ExportFormat::RelionSubset => RecordsOf::Relion,
        _ => return Ok(None),
    };
    let holds = |source: &Source| source.info.kind.format().and_then(Format::records) == Some(wanted);
    Ok(Some(project.sources()?.into_iter().filter(holds).map(|source| source.id).collect()))
}

/// A score as the shortest decimal number that means the same 32-bit number: 0.1, not
/// 0.10000000149.
fn shortest(score: f32) -> f64 {
    score.to_string().parse().unwrap_or_else(|_| f64::from(score))
}

/// All labels and the journal position they belong to, also while another process labels.
fn labels_at_rest(project: &Project) -> Result<(EntryId, Vec<Label>)> {
    let mut position = project.journal_position()?;
    loop {
        let labels = project.labels()?;
        let after = project.journal_position()?;
        if after == position {
            return Ok((position, labels));
        }
        position = after;
    }
}
