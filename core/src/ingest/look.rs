//! Reads a few micrographs before anything is cut. Checks whether the picks are mirrored, whether a border
//! holds no picture, and whether particles are dark or light.

use super::plan::Plan;
use super::progress::Phase;
use super::request::{IngestRequest, PoolFrom, diameter_for_box};
use super::{boxes, planning};
use crate::error::Result;
use crate::imaging::{Contrast, ContrastEstimate, MirrorCheck, replicated_border};
use crate::label::Label;
use crate::progress::{ProgressSink, report};
use crate::remedy::{Remedy, Warning};

/// How many micrographs are looked into: those with the most positive picks.
const SAMPLE: usize = 4;

/// Least signal of the picks as given that rules out every other orientation.
const MIN_SIGNAL: f64 = 0.3;
/// Fewest picks whose signal is believed.
const MIN_PICKS: usize = 10;

/// Looks, and adds what was seen to the plan's warnings.
pub(super) fn look(plan: &mut Plan, request: &IngestRequest, progress: ProgressSink<'_>) -> Result<()> {
    let Some(cut) = plan.cut else { return Ok(()) };
    let positives = |at: usize| {
        plan.mics.get(at).map_or(0, |m| m.picks.iter().filter(|p| p.label == Label::Positive).count())
    };
    let mut order: Vec<usize> = (0..plan.mics.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(positives(at)));
    order.truncate(SAMPLE);

    let diameter = request.pool.map_or(diameter_for_box(cut.box_size), |pool| pool.diameter(&cut));
    let find_contrast = request.pool.is_some_and(|p| p.from == PoolFrom::Blobs && p.contrast.is_none());
    let mut mirror = MirrorCheck::new(diameter);
    let mut contrast = ContrastEstimate::default();
    let mut border: Option<(usize, Warning)> = None;
    let mut bad: Vec<(usize, String)> = Vec::new();
    for (done, &at) in order.iter().enumerate() {
        report(progress, Phase::Looking, done, order.len())?;
        let Some(mic) = plan.mics.get(at) else { continue };
        let image = match boxes::read(mic) {
            Ok(image) => image,
            Err(error) => {
                bad.push((at, planning::reason(error)));
                continue;
            }
        };
        let found = replicated_border(&image)?;
        if let Some(warning) = found.warning(request.margin)
            && border.as_ref().is_none_or(|(widest, _)| found.widest() > *widest)
        {
            border = Some((found.widest(), warning.about(&mic.name)));
        }
        // A diameter that does not fit is refused where the pool is cut; here it only means that
        // nothing can be seen.
        if !(2.0..=mic.width.min(mic.height) as f64 / 2.0).contains(&diameter) {
            continue;
        }
        let picks: Vec<(f64, f64)> =
            mic.picks.iter().filter(|p| p.label == Label::Positive).map(|p| p.xy).collect();
        if !picks.is_empty() {
            mirror.add(&image, &picks)?;
        }
        if find_contrast && !mic.positives.is_empty() {
            contrast.add(&image, &mic.positives, diameter)?;
        }
    }
    bad.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    for (at, reason) in bad {
        plan.set_aside(at, reason);
    }
    plan.warnings.extend(border.map(|(_, warning)| warning));
    let verdict = mirror.verdict();
    plan.mirrored = verdict.clearly_better;
    if verdict.clearly_better {
        let from_bottom = !request.y_up;
        let edge = if from_bottom { "bottom" } else { "top" };
        plan.warnings.push(Warning::new(
            format!(
                "y of the picks looks as if counted from the {edge}: mirrored they fit the images clearly better \
                 (signal {:.2} against {:.2} over {} picks)",
                verdict.mirrored, verdict.given, verdict.picks
            ),
            Remedy::TurnYOver { from_bottom },
        ));
    }
    let often = plan.tables.iter().find(|table| table.often_upside_down && !table.picks.is_empty());
    let sure = verdict.picks >= MIN_PICKS && verdict.given >= MIN_SIGNAL && verdict.given > verdict.mirrored;
    if let Some(table) = often.filter(|_| !verdict.clearly_better && !sure && !request.y_up) {
        let text = format!(
            "{}: y of the picks in a {} is usually counted from the bottom of MRC micrographs, and these images do not \
             show which way is right",
            table.path.display(),
            table.kind
        );
        plan.warnings.push(Warning::new(text, Remedy::TurnYOver { from_bottom: true }));
    }
    plan.contrast = Some(contrast.contrast()).filter(|c| *c != Contrast::Both);
    Ok(())
}
