//! Assigns picks to micrographs and sorts them: to be cut, below the lowest score, too near an edge, outside
//! the micrograph, already present. Every pick is counted in one of these groups.

use std::collections::HashMap;

use super::conversion::{Conversions, scale_warning};
use super::existing::Labeled;
use super::mic::{Mic, Planned, pixel, with_folder};
use super::plan::Plan;
use super::report::{Ambiguous, PickScores, Unmatched};
use super::request::{BelowMinScore, IngestRequest};
use crate::error::{Error, Result};
use crate::formats::PickTable;
use crate::formats::micrograph::{Match, Names};
use crate::imaging::{CutPlan, CutSettings};
use crate::label::Label;
use crate::remedy::{Remedy, Warning};

/// Sorts all picks of the plan onto its micrographs.
pub(super) fn sort(plan: &mut Plan, names: &Names, cut: &CutSettings, request: &IngestRequest) -> Result<()> {
    let on = assign(plan, names, request)?;
    let mut conflicts = 0;
    for (mic, planned) in plan.mics.iter_mut().zip(on) {
        conflicts += sort_on(mic, planned, &plan.tables, plan.existing.places(&mic.name), cut, request)?;
    }
    if conflicts > 0 {
        let text = format!(
            "{conflicts} picks lie exactly where there is a patch with another label; that label stays"
        );
        plan.warnings.push(text.into());
    }
    Ok(())
}

/// Finds the micrograph of each pick and converts its coordinates. Returns the picks of each micrograph; those without a
/// micrograph, and what a person should know, go into the plan.
fn assign(plan: &mut Plan, names: &Names, request: &IngestRequest) -> Result<Vec<Vec<Planned>>> {
    let mut on: Vec<Vec<Planned>> = plan.mics.iter().map(|_| Vec::new()).collect();
    let mut matches: HashMap<String, Match> = HashMap::new();
    let mut misses: Vec<(String, usize)> = Vec::new();
    let mut miss_at: HashMap<String, usize> = HashMap::new();
    let mut scores = Vec::new();
    let mut conversions = Conversions::default();
    let mut named: Vec<Option<String>> = vec![None; plan.mics.len()];
    for (table, content) in plan.tables.iter().enumerate() {
        let of_file = content.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        for (row, pick) in content.picks.iter().enumerate() {
            let name = pick.micrograph.as_deref().unwrap_or(&of_file);
            if !matches.contains_key(name) {
                matches.insert(name.to_owned(), names.find(name));
            }
            let at = match matches.get(name) {
                Some(Match::Found(at)) => Some(*at),
                _ => None,
            };
            // Names count on from the usable micrographs to the others.
            if let Some(bad) = at.and_then(|at| plan.bad.get_mut(at.checked_sub(plan.mics.len())?)) {
                bad.picks += 1;
                continue;
            }
            let Some((mic, list)) = at.and_then(|at| plan.mics.get(at).zip(on.get_mut(at))) else {
                let at = *miss_at.entry(name.to_owned()).or_insert_with(|| {
                    misses.push((name.to_owned(), 0));
                    misses.len() - 1
                });
                if let Some(miss) = misses.get_mut(at) {
                    miss.1 += 1;
                }
                continue;
            };
            if let (Some(name), Some(named)) = (&pick.micrograph, at.and_then(|at| named.get_mut(at)))
                && named.is_none()
                && mic.table_name.is_none()
            {
                *named = with_folder(name);
            }
            let xy = conversions.place(content, pick, mic, request)?;
            let label = pick.label.or(request.label).unwrap_or(Label::Positive);
            if pick.label.is_none() {
                scores.extend(pick.score);
            }
            list.push(Planned { table, row, xy, label, score: pick.score });
        }
    }
    for (name, picks) in misses {
        match matches.get(&name) {
            Some(Match::Ambiguous(several)) => plan.ambiguous.push(Ambiguous {
                name,
                picks,
                candidates: several
                    .iter()
                    .filter_map(|&at| match plan.mics.get(at) {
                        Some(mic) => Some(mic.path.clone()),
                        None => plan.bad.get(at.checked_sub(plan.mics.len())?).map(|bad| bad.path.clone()),
                    })
                    .collect(),
            }),
            _ => plan.unmatched.push(Unmatched { name, picks }),
        }
    }
    for (mic, named) in plan.mics.iter_mut().zip(named) {
        mic.table_name = mic.table_name.take().or(named);
    }
    refuse_when_none_matches(plan, &on)?;
    warn_of_misses(plan);
    plan.warnings.extend(conversions.warnings(request));
    plan.warnings.extend(scale_warning(plan, &on, request));
    plan.scores = PickScores::of(scores);
    plan.warnings.extend(score_warning(plan, request));
    Ok(on)
}

/// Sorts the picks of one micrograph: to be cut, below the lowest score, at an edge, outside, there already. `present` are
/// the places that have a patch. Returns how many picks have another label than the patch at their place.
fn sort_on(
    mic: &mut Mic,
    mut planned: Vec<Planned>,
    tables: &[PickTable],
    present: &[Labeled],
    cut: &CutSettings,
    request: &IngestRequest,
) -> Result<usize> {
    let mut conflicts = 0;
    let centres: Vec<(f64, f64)> = planned.iter().map(|p| p.xy).collect();
    let sorted = CutPlan::new(mic.width, mic.height, &centres, cut)
        .map_err(|e| Error::format(&mic.path, format!("its picks cannot be cut: {e}"), "check the picks"))?;
    mic.at_edge = sorted.at_edge.len();
    mic.outside = sorted.outside.len();
    let mut taken: HashMap<(i64, i64), Label> = HashMap::new();
    for &(xy, label) in present {
        taken.insert(pixel(xy), label);
        match label {
            Label::Positive => mic.positives.push(xy),
            _ => mic.others.push(xy),
        }
    }
    let weak = |pick: &Planned| {
        let given = tables.get(pick.table).and_then(|t| t.picks.get(pick.row)).and_then(|p| p.label);
        given.is_none() && pick.score.zip(request.min_score).is_some_and(|(score, least)| score < least)
    };
    if request.below_min_score == BelowMinScore::Unlabeled {
        for pick in planned.iter_mut().filter(|pick| weak(pick)) {
            pick.label = Label::Unlabeled;
        }
    }
    for index in sorted.kept {
        let Some(pick) = planned.get(index) else { continue };
        if weak(pick) && request.below_min_score == BelowMinScore::LeaveOut {
            mic.below.push(*pick);
            continue;
        }
        match taken.get(&pixel(pick.xy)) {
            Some(label) => {
                mic.duplicates += 1;
                conflicts += usize::from(*label != pick.label);
            }
            None => {
                taken.insert(pixel(pick.xy), pick.label);
                mic.picks.push(*pick);
            }
        }
    }
    mic.below.sort_by(|a, b| b.score.unwrap_or(f64::NAN).total_cmp(&a.score.unwrap_or(f64::NAN)));
    for pick in &planned {
        // The pool may take a place whose pick was left out for its low score.
        if weak(pick) && request.below_min_score == BelowMinScore::LeaveOut {
            continue;
        }
        match pick.label {
            Label::Positive => mic.positives.push(pick.xy),
            _ => mic.others.push(pick.xy),
        }
    }
    Ok(conflicts)
}

/// Some names, and how many more there are.
fn shown<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let list = names.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

/// A word about scores of which nothing was asked: a picker's file holds weak picks too.
fn score_warning(plan: &Plan, request: &IngestRequest) -> Option<Warning> {
    let scores = plan.scores.as_ref()?;
    let label = request.label.unwrap_or(Label::Positive);
    if request.min_score.is_some() || label != Label::Positive || scores.lowest >= scores.highest {
        return None;
    }
    let text = format!(
        "all {} picks with a score become positives, however low it is: the scores go from {} to {}, a quarter lies \
         below {}, half below {}",
        scores.count,
        number(scores.lowest),
        number(scores.highest),
        number(scores.lower_quartile),
        number(scores.median)
    );
    Some(Warning::new(text, Remedy::SetMinScore))
}

/// A number with three digits behind the point, fewer where they are zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn refuse_when_none_matches(plan: &Plan, on: &[Vec<Planned>]) -> Result<()> {
    let picks: usize = plan.tables.iter().map(|t| t.picks.len()).sum();
    if picks == 0 || on.iter().any(|list| !list.is_empty()) {
        return Ok(());
    }
    let on_bad: usize = plan.bad.iter().map(|bad| bad.picks).sum();
    if let (true, Some(bad)) = (on_bad == picks, plan.bad.iter().find(|bad| bad.picks > 0)) {
        return Err(Error::request(
            format!(
                "all {picks} picks lie on micrographs that cannot be used; {}: {}",
                bad.path.display(),
                bad.reason
            ),
            "give the micrographs again, whole",
        ));
    }
    if let Some(first) = plan.ambiguous.first() {
        let candidates: Vec<String> = first.candidates.iter().map(|p| p.display().to_string()).collect();
        return Err(Error::request(
            format!("the picks on {} could mean {} equally well", first.name, candidates.join(" or ")),
            "name only one of the two",
        ));
    }
    Err(Error::request(
        format!(
            "none of the {picks} picks lies on a micrograph that was named: they are on {}",
            shown(plan.unmatched.iter().map(|u| u.name.as_str()))
        ),
        Remedy::NameMicrographs,
    ))
}

fn warn_of_misses(plan: &mut Plan) {
    if !plan.unmatched.is_empty() {
        let picks: usize = plan.unmatched.iter().map(|u| u.picks).sum();
        plan.warnings.push(
            format!(
                "{picks} picks are left out because their micrographs are not there: {}",
                shown(plan.unmatched.iter().map(|u| u.name.as_str()))
            )
            .into(),
        );
    }
    if !plan.ambiguous.is_empty() {
        let picks: usize = plan.ambiguous.iter().map(|u| u.picks).sum();
        plan.warnings.push(
            format!(
                "{picks} picks are left out because several micrographs fit their names equally well: {}",
                shown(plan.ambiguous.iter().map(|u| u.name.as_str()))
            )
            .into(),
        );
    }
}
