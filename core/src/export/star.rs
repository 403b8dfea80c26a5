//! STAR exports: the table, its optics, and the stack where one is wanted.

use std::io::BufWriter;

use super::arrays;
use super::format::ExportFormat;
use super::frame::Frame;
use super::job::{Job, Phase};
use super::optics::{Images, OpticsField, OpticsTable};
use super::relion_names::{root_of, within};
use super::request::ExportRequest;
use super::rows::{Rows, pick_score};
use super::selection::Selection;
use super::staging::Staging;
use crate::error::Result;
use crate::formats::PatchInfo;
use crate::formats::relion::{DropReason, DroppedColumn, Flavour, Particle, StarOptions, survey, write_star};
use crate::project::Project;
use crate::remedy::Warning;

/// RELION's column for the score of a picker, by which it can select; ours takes its place.
pub(super) const FIGURE_OF_MERIT: &str = "rlnAutopickFigureOfMerit";

/// What a person should know before a table is written.
pub(super) struct Findings {
    /// Sentences.
    pub warnings: Vec<Warning>,
    /// Columns that are left out.
    pub left_out: Vec<DroppedColumn>,
    /// Optics that RELION needs and neither sources nor person gave.
    pub missing: Vec<OpticsField>,
}

/// A table that is being made: everything but the patches.
struct Table<'a> {
    request: &'a ExportRequest,
    selection: &'a Selection,
    frame: &'a Frame,
    optics: OpticsTable,
    options: StarOptions,
    /// Whether the images are those of the sources.
    of_sources: bool,
    stack_name: String,
    /// Whether every patch has a score of the run.
    scored: bool,
    used: Vec<usize>,
    replaced: bool,
}

impl<'a> Table<'a> {
    fn new(
        project: &Project,
        request: &'a ExportRequest,
        selection: &'a Selection,
        frame: &'a Frame,
        size: usize,
        rows: &mut Rows<'_>,
    ) -> Result<Self> {
        let own = request.writes_stack();
        let first = selection.ids.first().map(|&id| rows.get(id)).transpose()?;
        let of_sources = !own
            && first.is_some_and(|row| {
                row.columns.contains_key("rlnImageName") || row.columns.contains_key("blob/path")
            });
        let images = match (own, of_sources) {
            (true, _) => Images::Own(size),
            (false, true) => Images::OfSources(size),
            (false, false) => Images::None,
        };
        let stack = request.out.with_extension("mrcs");
        let bare = || stack.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // RELION looks for stacks from the folder of its project.
        let root = root_of(&request.out, &project.micrographs()?);
        let stack_name = root.and_then(|root| within(&root, &stack)).unwrap_or_else(bare);
        Ok(Self {
            request,
            selection,
            frame,
            optics: OpticsTable::new(project, request, &selection.ids, images)?,
            options: StarOptions {
                flavour: match request.format {
                    ExportFormat::CryosparcStar => Flavour::CryoSparc,
                    _ => Flavour::Relion31,
                },
                image_size: own.then_some(size),
                // Pixel sizes stand in the groups.
                ..StarOptions::default()
            },
            of_sources,
            stack_name,
            scored: !selection.scores.is_empty() && selection.scores.iter().all(|s| s.is_finite()),
            used: Vec::new(),
            replaced: false,
        })
    }

    /// The particle at `at` of the selection.
    fn particle(&mut self, rows: &mut Rows<'_>, at: usize) -> Result<Particle> {
        let (Some(&id), Some(&label)) = (self.selection.ids.get(at), self.selection.labels.get(at)) else {
            return Ok(Particle::default());
        };
        let row = rows.get(id)?;
        let (place, mut columns) = (row.place, row.columns.clone());
        let (group, pixel) = self.optics.find(place.source, row.optics);
        if let Some(group) = group
            && !self.used.contains(&group)
        {
            self.used.push(group);
        }
        // Shifts of RELION 3.0 count in px of the images they were found on, not of ours.
        for (old, new) in [("rlnOriginX", "rlnOriginXAngst"), ("rlnOriginY", "rlnOriginYAngst")] {
            let angstrom =
                columns.get(old).and_then(|v| v.parse::<f64>().ok()).zip(pixel).map(|(v, p)| v * p);
            if let Some(value) = angstrom {
                columns.remove(old);
                columns.entry(new.to_owned()).or_insert_with(|| value.to_string());
            }
        }
        let score = self.selection.score(at);
        match score.filter(|_| self.scored) {
            Some(score) => {
                self.replaced |= columns.insert(FIGURE_OF_MERIT.to_owned(), score.to_string()).is_some();
            }
            None => {
                if let Some(score) = pick_score(row) {
                    columns.entry(FIGURE_OF_MERIT.to_owned()).or_insert_with(|| score.to_string());
                }
            }
        }
        let images = self.request.writes_stack();
        Ok(Particle {
            info: PatchInfo {
                label: Some(label),
                micrograph: self.frame.name(place.micrograph).map(str::to_owned),
                xy: self.frame.xy(&place),
                optics: group,
                pick_score: None,
                columns,
            },
            score,
            image: images.then(|| (self.stack_name.clone(), at)),
        })
    }

    /// What a person should know, once all particles were seen.
    fn findings(&self, size: usize, left_out: Vec<DroppedColumn>) -> Findings {
        let (request, selection) = (self.request, self.selection);
        let own = request.writes_stack();
        let relion = request.format == ExportFormat::RelionStar;
        let missing = self.optics.missing(&self.used);
        let mut warnings = Vec::new();
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|field| field.as_str()).collect();
            let text = format!(
                "the sources do not say the {}, which RELION needs in its optics table",
                names.join(", ")
            );
            warnings.push(Warning::new(text, "give what your microscope had"));
        }
        warnings.extend(dropped(&left_out, selection.ids.len()).into_iter().map(Warning::from));
        if self.replaced {
            let text = format!(
                "{FIGURE_OF_MERIT} holds the score of the run, in place of what the source had there"
            );
            warnings.push(text.into());
        }
        let labels = [selection.counts.positive, selection.counts.unlabeled, selection.counts.negative];
        if request.format == ExportFormat::CryosparcStar && labels.iter().filter(|n| **n > 0).count() > 1 {
            warnings.push(
                "cryoSPARC knows no labels, so particles of several labels are mixed in this table".into(),
            );
        }
        if self.of_sources && !left_out.iter().any(|left| left.column == "rlnImageName") {
            warnings.push(
                "rlnImageName is that of the source and leads to its stacks, as seen from the project they were \
                 extracted in"
                    .into(),
            );
        }
        if relion && own {
            if size % 2 == 1 {
                let text =
                    format!("the patches have {size} px a side, and RELION works with even sizes only");
                warnings.push(text.into());
            }
            if !request.normalise {
                warnings.push(Warning::new(
                    "the stack holds the pixels as they are; RELION's refinement wants them normalised, and \
                     particles lighter than the ice",
                    "have the patches normalised, and inverted where particles are dark",
                ));
            }
        }
        Findings { warnings, left_out, missing }
    }
}

/// Sentences on columns that are left out, those with the same reason together.
fn dropped(left_out: &[DroppedColumn], rows: usize) -> Vec<String> {
    const SHOWN: usize = 6;
    let mut reasons: Vec<DropReason> = left_out.iter().map(|left| left.reason).collect();
    reasons.sort();
    reasons.dedup();
    let mut sentences = Vec::new();
    for reason in reasons {
        let of: Vec<&str> =
            left_out.iter().filter(|left| left.reason == reason).map(|left| left.column.as_str()).collect();
        let mut names = of.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        if of.len() > SHOWN {
            names = format!("{names} and {} more", of.len() - SHOWN);
        }
        sentences.push(match reason {
            DropReason::Particles(lacking) => {
                format!("left out, because {lacking} of the {rows} patches have no value: {names}")
            }
            DropReason::OpticsGroups(1) => {
                format!("left out of the optics table, because one of its groups has no value: {names}")
            }
            DropReason::OpticsGroups(lacking) => {
                format!(
                    "left out of the optics table, because {lacking} of its groups have no value: {names}"
                )
            }
            DropReason::NoCounterpart => {
                format!("left out, because the table's readers know no such columns: {names}")
            }
        });
    }
    sentences
}

/// What a person should know of the table that would be written.
pub(super) fn look(
    project: &Project,
    request: &ExportRequest,
    selection: &Selection,
    frame: &Frame,
    size: usize,
) -> Result<Findings> {
    let mut rows = Rows::new(project)?;
    let mut table = Table::new(project, request, selection, frame, size, &mut rows)?;
    let (groups, options) = (table.optics.groups.clone(), table.options);
    let mut particle = |at: usize| table.particle(&mut rows, at);
    let written = survey(&request.out, &groups, selection.ids.len(), &mut particle, options)?;
    Ok(table.findings(size, written.left_out))
}

/// Writes the table and, where wanted, its stack.
pub(super) fn write(job: &mut Job<'_>, staging: &Staging) -> Result<()> {
    let (request, selection, frame, size) = (job.request, job.selection, job.frame, job.size);
    let out = &request.out;
    if request.writes_stack() {
        arrays::write_mrcs(job, staging, &out.with_extension("mrcs"))?;
    }
    let mut rows = Rows::new(job.project)?;
    let mut table = Table::new(job.project, request, selection, frame, size, &mut rows)?;
    let (groups, options) = (table.optics.groups.clone(), table.options);
    let file = BufWriter::new(staging.create(out)?);
    let mut particle = |at: usize| {
        job.tick(Phase::Table, at)?;
        table.particle(&mut rows, at)
    };
    let written = write_star(file, out, &groups, selection.ids.len(), &mut particle, options)?;
    job.tick(Phase::Table, selection.ids.len())?;
    let findings = table.findings(size, written.left_out);
    job.left_out_columns = findings.left_out.into_iter().map(|left| left.column).collect();
    job.warnings.extend(findings.warnings);
    Ok(())
}
