//! STAR exports: the table, its optics, and the stack where one is wanted.

use std::io::BufWriter;

use crate::error::Result;
use crate::export::optics::OpticsTable;
use crate::export::staging::Staging;
use crate::export::{ExportFormat, Job, arrays};
use crate::formats::PatchInfo;
use crate::formats::relion::{Flavour, Particle, StarOptions, write_star};

/// RELION's column for the score of a picker, by which it can select; ours takes its place.
const FIGURE_OF_MERIT: &str = "rlnAutopickFigureOfMerit";

/// Writes the table and, where wanted, its stack.
pub(super) fn write(job: &mut Job<'_>, staging: &Staging) -> Result<()> {
    let (request, selection) = (job.request, job.selection);
    let out = &request.out;
    let images = request.writes_stack();
    let stack = out.with_extension("mrcs");
    if images {
        arrays::write_mrcs(job, staging, &stack)?;
    }
    let stack_name = stack.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let table = OpticsTable::new(job.project, &selection.ids, images)?;
    let flavour = match request.format {
        ExportFormat::CryosparcStar => Flavour::CryoSparc,
        _ => Flavour::Relion31,
    };
    let options = StarOptions {
        flavour,
        image_size: images.then_some(job.size),
        // Pixel sizes stand in the groups.
        ..StarOptions::default()
    };
    let scored = !selection.scores.is_empty() && selection.scores.iter().all(|s| s.is_finite());
    let mut replaced = false;
    let mut used: Vec<usize> = Vec::new();
    let file = BufWriter::new(staging.create(out)?);
    let mut particle = |at: usize| {
        job.tick("table", at)?;
        let (Some(&id), Some(&label)) = (selection.ids.get(at), selection.labels.get(at)) else {
            return Ok(Particle::default());
        };
        let row = job.rows.get(id)?;
        let (place, mut columns) = (row.place, row.columns.clone());
        let (group, pixel) = table.find(place.source, row.optics);
        if let Some(group) = group
            && !used.contains(&group)
        {
            used.push(group);
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
        let score = selection.score(at);
        if let Some(score) = score.filter(|_| scored) {
            replaced |= columns.insert(FIGURE_OF_MERIT.to_owned(), score.to_string()).is_some();
        }
        Ok(Particle {
            info: PatchInfo {
                label: Some(label),
                micrograph: job.rows.micrograph(place.micrograph).map(str::to_owned),
                xy: place.xy,
                optics: group,
                pick_score: None,
                columns,
            },
            score,
            image: images.then(|| (stack_name.clone(), at)),
        })
    };
    let written = write_star(file, out, &table.groups, selection.ids.len(), &mut particle, options)?;
    job.tick("table", selection.ids.len())?;
    job.left_out_columns = written.left_out;
    if replaced {
        job.warnings.push(
            format!("{FIGURE_OF_MERIT} holds the score of the run, in place of what the source had there")
                .into(),
        );
    }
    let missing = table.missing(&used);
    if !missing.is_empty() {
        job.warnings.push(
            format!(
                "the sources do not say {}; RELION asks for them when it imports the table",
                missing.join(", ")
            )
            .into(),
        );
    }
    let labels = [selection.counts.positive, selection.counts.unlabeled, selection.counts.negative];
    if flavour == Flavour::CryoSparc && labels.iter().filter(|n| **n > 0).count() > 1 {
        job.warnings
            .push("cryoSPARC knows no labels, so particles of several labels are mixed in this table".into());
    }
    if !images && table_has_images(job)? {
        job.warnings.push(
            "rlnImageName is that of the source and leads to its stacks, as seen from the project they were \
             extracted in"
                .into(),
        );
    }
    Ok(())
}

/// Whether the table kept the image names of its source.
fn table_has_images(job: &mut Job<'_>) -> Result<bool> {
    let Some(&first) = job.selection.ids.first() else { return Ok(false) };
    let has = job.rows.get(first)?.columns.contains_key("rlnImageName");
    Ok(has && !job.left_out_columns.iter().any(|name| name == "rlnImageName"))
}
