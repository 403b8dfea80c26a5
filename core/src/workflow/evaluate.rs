//! Judging the pick files of any program against known centres.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::formats::detect::{Kind, detect, open_picks};
use crate::formats::micrograph::{Match, Names, dimensions};
use crate::formats::{Pick, PickTable};
use crate::label::Label;
use crate::picking::evaluate::{Evaluation, PickSet, PicksHere, judge, matching::match_picks};
use crate::progress::{ProgressSink, report};

/// Why precision can only be a lower bound; part of every answer.
const LOWER_BOUND: &str = "precision is a lower bound where the truth lacks particles: a pick that found one of these \
                           counts as false";
/// Mirrored picks are reported if they match at least this many times as many centres.
const MIRRORED: usize = 3;

/// What is judged, and how.
#[derive(Debug, Clone, Default)]
pub struct EvaluateRequest {
    /// Pick files, or folders of such, one a picker.
    pub picks: Vec<PathBuf>,
    /// The true centres: any file of positions, or a folder of such.
    pub truth: PathBuf,
    /// The particle's diameter, px; where it is missing, a column `diameter` of the truth must say it.
    pub diameter: Option<f64>,
    /// Counts only scored picks at or above it.
    pub threshold: Option<f64>,
    /// The micrographs or folders of them, for pictures, margins and turning y over.
    pub micrographs: Vec<PathBuf>,
    /// Outer px of each micrograph in which neither picks nor centres count.
    pub margin: f64,
    /// Whether the picks count y from the last row upwards.
    pub y_up: bool,
    /// By how much the picks' coordinates are multiplied; 4 for picks of images binned by 4.
    pub picks_scale: Option<f64>,
    /// Judge only micrographs that every picker names.
    pub picked_only: bool,
}

/// What was found and measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluated {
    /// Measures of each picker, and their agreement.
    pub evaluation: Evaluation,
    /// Sentences a person should read with them.
    pub notes: Vec<String>,
    /// The inputs, for pictures.
    #[serde(skip)]
    pub(super) input: Input,
}

/// Pickers and truth, brought to the same micrographs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Input {
    /// Names of the micrographs.
    pub names: Vec<String>,
    /// True centres of each, px.
    pub centres: Vec<Vec<(f64, f64)>>,
    /// The picks of each picker.
    pub sets: Vec<PickSet>,
    /// The file of each micrograph, where it was named.
    pub files: Vec<Option<PathBuf>>,
}

/// Reads picks and truth and judges them. Micrographs of the truth that a picker does not name count with
/// all their centres missed, unless `picked_only` is set; picks on other micrographs do not count. Both is
/// said in the notes.
///
/// # Errors
/// When a file cannot be read or holds no picks, no micrograph is common to picks and truth, the diameter is
/// not known, micrographs are needed and missing, or [`Error::Cancelled`].
pub fn evaluate(request: &EvaluateRequest, progress: ProgressSink<'_>) -> Result<Evaluated> {
    if request.picks.is_empty() {
        return Err(Error::request("there are no picks to judge", "name at least one file of picks"));
    }
    let total = request.picks.len() + 1;
    report(progress, "Reading picks", 0, total)?;
    let truth = open_picks(&request.truth)?;
    let diameter = diameter_of(request, &truth)?;
    let mut notes = vec![LOWER_BOUND.to_owned()];
    let mut grouped = by_micrograph(&truth);
    grouped.values_mut().for_each(|picks| picks.retain(|pick| !is_no_particle(pick)));
    let mut input = Input {
        names: grouped.keys().cloned().collect(),
        centres: grouped.values().map(|picks| picks.iter().map(|p| (p.x, p.y)).collect()).collect(),
        ..Input::default()
    };
    if input.centres.iter().all(Vec::is_empty) {
        return Err(Error::format(
            &request.truth,
            "it holds no centre",
            "give the positions of the particles that are there",
        ));
    }
    find_files(&mut input, request, &mut notes)?;
    let mut named = vec![true; input.names.len()];
    let titles = titles(&request.picks);
    for (at, (path, title)) in request.picks.iter().zip(titles).enumerate() {
        report(progress, "Reading picks", at + 1, total)?;
        let table = open_picks(path)?;
        let (set, here) = set_of(&table, title, &input, request, &mut notes)?;
        for (named, here) in named.iter_mut().zip(&here) {
            *named &= here;
        }
        let missing = here.iter().filter(|here| !**here).count();
        if missing > 0 && !request.picked_only {
            notes.push(format!(
                "{}: {missing} of {} micrographs of the truth have no picks in it; their centres count as missed",
                set.name,
                input.names.len()
            ));
        }
        input.sets.push(set);
    }
    if request.picked_only {
        keep(&mut input, &named);
        if input.names.is_empty() {
            return Err(Error::request(
                "no micrograph is named by the truth and by every file of picks",
                "check that all belong to the same micrographs",
            ));
        }
    }
    settle_positions(&mut input, request, diameter, &mut notes)?;
    let evaluation = judge(&input.sets, input.names.clone(), &input.centres, diameter, request.threshold);
    Ok(Evaluated { evaluation, notes, input })
}

/// The diameter asked for, or the one that all rows of the truth agree on.
fn diameter_of(request: &EvaluateRequest, truth: &PickTable) -> Result<f64> {
    let said = || {
        let first = truth.picks.first()?.diameter?;
        truth.picks.iter().all(|pick| pick.diameter == Some(first)).then_some(first)
    };
    let diameter = request.diameter.or_else(said).ok_or_else(|| {
        Error::request(
            "picks are matched with centres within half and a quarter of the particle's diameter, which is not known",
            "give the diameter, px of the unbinned micrograph",
        )
    })?;
    if diameter.is_finite() && diameter > 0.0 {
        Ok(diameter)
    } else {
        Err(Error::request(format!("{diameter} px is no diameter"), "give a positive number of px"))
    }
}

/// Whether a row marks a place that is no particle.
fn is_no_particle(pick: &Pick) -> bool {
    pick.label == Some(Label::Negative)
        || pick.columns.get("particle").is_some_and(|v| v.trim().parse::<f64>().is_ok_and(|v| v == 0.0))
}

/// The picks of each micrograph, by the name in the file; a file that names none stands for one. A micrograph that was
/// searched in vain has an entry without picks.
fn by_micrograph(table: &PickTable) -> BTreeMap<String, Vec<&Pick>> {
    let own = table.path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut grouped: BTreeMap<String, Vec<&Pick>> = BTreeMap::new();
    for pick in &table.picks {
        let name = pick.micrograph.clone().unwrap_or_else(|| own.clone());
        grouped.entry(name).or_default().push(pick);
    }
    for name in &table.without_picks {
        grouped.entry(name.clone()).or_default();
    }
    grouped
}

/// Short names of the inputs that differ from each other.
fn titles(paths: &[PathBuf]) -> Vec<String> {
    let short = |path: &PathBuf| {
        path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
    };
    let all: Vec<String> = paths.iter().map(short).collect();
    let twice = |name: &String| all.iter().filter(|other| *other == name).count() > 1;
    paths
        .iter()
        .zip(&all)
        .map(|(path, name)| if twice(name) { path.display().to_string() } else { name.clone() })
        .collect()
}

/// The picks of a table on the micrographs named, and which of them it names.
fn set_of(
    table: &PickTable,
    title: String,
    input: &Input,
    request: &EvaluateRequest,
    notes: &mut Vec<String>,
) -> Result<(PickSet, Vec<bool>)> {
    let known = &input.names;
    let names = Names::new(known);
    let grouped = by_micrograph(table);
    notes.extend(table.warnings.iter().map(|warning| format!("{title}: {warning}")));
    let unnamed = table.picks.iter().all(|pick| pick.micrograph.is_none());
    let mut micrographs = vec![PicksHere::default(); known.len()];
    let mut here = vec![false; known.len()];
    let scale = request.picks_scale.unwrap_or(1.0);
    let counted = |pick: &&Pick| !is_no_particle(pick);
    let all = table.picks.iter().filter(counted).count();
    let scored = table.picks.iter().filter(counted).filter(|pick| pick.score.is_some()).count();
    if scored > 0 && scored < all {
        notes.push(format!(
            "{title}: {} of {all} picks have no score, so its picks are not ranked",
            all - scored
        ));
    }
    let scored = scored == all && all > 0;
    let (mut elsewhere, mut elsewhere_picks, mut unclear) = (0, 0, Vec::new());
    for (name, picks) in grouped {
        let at = match names.find(&name) {
            Match::Found(at) => at,
            // One file against one truth, neither of which names its micrograph.
            Match::Nothing if unnamed && known.len() == 1 => 0,
            Match::Nothing => {
                elsewhere += 1;
                elsewhere_picks += picks.len();
                continue;
            }
            Match::Ambiguous(_) => {
                unclear.push(name);
                continue;
            }
        };
        here[at] = true;
        let counted_elsewhere = picks.iter().any(|pick| pick.counted_on.is_some());
        let size = match &input.files[at] {
            Some(file) if counted_elsewhere => Some(dimensions(file)?),
            _ => None,
        };
        for pick in picks.iter().filter(|pick| !is_no_particle(pick)) {
            // Picks of an image of another size lie at the same fraction of the micrograph.
            let by = match (pick.counted_on, size) {
                (Some((columns, rows)), Some((width, height))) if columns > 0.0 && rows > 0.0 => {
                    (width as f64 / columns, height as f64 / rows)
                }
                _ => (1.0, 1.0),
            };
            micrographs[at].places.push((pick.x * scale * by.0, pick.y * scale * by.1));
            micrographs[at].scores.extend(pick.score.filter(|_| scored));
        }
    }
    if let Some(first) = unclear.first() {
        return Err(Error::format(
            &table.path,
            format!("the name '{first}' fits several micrographs of the truth"),
            "name micrographs alike in picks and truth",
        ));
    }
    if table.picks.is_empty() {
        // A picker that found nothing names no micrograph; it looked at all of them.
        here.fill(true);
    }
    if !here.contains(&true) {
        let theirs = table.picks.first().and_then(|p| p.micrograph.clone()).unwrap_or_default();
        let ours = known.first().cloned().unwrap_or_default();
        return Err(Error::format(
            &table.path,
            format!(
                "none of its micrographs is named by the truth (it names '{theirs}', the truth for one '{ours}')"
            ),
            "give picks and truth of the same micrographs",
        ));
    }
    if elsewhere > 0 {
        notes.push(format!(
            "{title}: {elsewhere_picks} picks on {elsewhere} micrographs that the truth does not name do not count"
        ));
    }
    Ok((PickSet { name: title, scored, micrographs }, here))
}

/// Leaves only some micrographs.
fn keep(input: &mut Input, wanted: &[bool]) {
    fn filter<T>(values: &mut Vec<T>, wanted: &[bool]) {
        let mut at = wanted.iter();
        values.retain(|_| at.next().copied().unwrap_or(false));
    }
    filter(&mut input.names, wanted);
    filter(&mut input.files, wanted);
    filter(&mut input.centres, wanted);
    for set in &mut input.sets {
        filter(&mut set.micrographs, wanted);
    }
}

/// Finds the picture of each micrograph among those named.
fn find_files(input: &mut Input, request: &EvaluateRequest, notes: &mut Vec<String>) -> Result<()> {
    input.files = vec![None; input.names.len()];
    if request.micrographs.is_empty() {
        return Ok(());
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for path in &request.micrographs {
        let found = detect(path)?;
        if !matches!(found.kind, Kind::Micrograph | Kind::Micrographs | Kind::MicrographsAndPicks) {
            return Err(Error::format(
                path,
                format!("it is no micrograph and no folder of them ({})", found.format),
                "name the micrographs, or the folder that holds them",
            ));
        }
        files.extend(found.micrographs);
    }
    let paths: Vec<String> = files.iter().map(|f| f.to_string_lossy().into_owned()).collect();
    let names = Names::new(&paths);
    for (file, name) in input.files.iter_mut().zip(&input.names) {
        if let Match::Found(at) = names.find(name) {
            *file = files.get(at).cloned();
        }
    }
    let missing = input.files.iter().filter(|file| file.is_none()).count();
    if missing > 0 {
        notes.push(format!("{missing} of {} micrographs of the truth were not found", input.names.len()));
    }
    Ok(())
}

/// Turns y over and leaves out what lies in the margin, where that was asked for; says when picks look
/// mirrored.
fn settle_positions(
    input: &mut Input,
    request: &EvaluateRequest,
    diameter: f64,
    notes: &mut Vec<String>,
) -> Result<()> {
    let needed = request.y_up || request.margin > 0.0;
    if !needed && input.files.iter().all(Option::is_none) {
        return Ok(());
    }
    let mut sizes = Vec::with_capacity(input.names.len());
    for (file, name) in input.files.iter().zip(&input.names) {
        sizes.push(match file {
            Some(file) => Some(dimensions(file)?),
            None if needed => {
                return Err(Error::request(
                    format!("the size of the micrograph '{name}' is needed to turn y over or to leave out a margin"),
                    "name the micrographs, or the folder that holds them",
                ));
            }
            None => None,
        });
    }
    let mut left_out = (0, 0);
    let inside = |(x, y): (f64, f64), size: Option<(usize, usize)>| {
        size.is_none_or(|(width, height)| {
            let fits = |v: f64, side: usize| v >= request.margin && v <= side as f64 - 1.0 - request.margin;
            request.margin <= 0.0 || (fits(x, width) && fits(y, height))
        })
    };
    for set in &mut input.sets {
        let (mut direct, mut mirrored) = (0, 0);
        for ((here, size), centres) in set.micrographs.iter_mut().zip(&sizes).zip(&input.centres) {
            let Some((_, height)) = *size else { continue };
            let over = |(x, y): (f64, f64)| (x, height as f64 - 1.0 - y);
            if request.y_up {
                here.places.iter_mut().for_each(|place| *place = over(*place));
            }
            let turned: Vec<(f64, f64)> = here.places.iter().map(|p| over(*p)).collect();
            let hits = |places: &[(f64, f64)]| {
                match_picks(places, None, centres, diameter / 2.0).iter().flatten().count()
            };
            direct += hits(&here.places);
            mirrored += hits(&turned);
            let scored = !here.scores.is_empty();
            let kept: Vec<usize> =
                (0..here.places.len()).filter(|&at| inside(here.places[at], *size)).collect();
            left_out.0 += here.places.len() - kept.len();
            if scored {
                here.scores = kept.iter().map(|&at| here.scores[at]).collect();
            }
            here.places = kept.iter().map(|&at| here.places[at]).collect();
        }
        if mirrored >= MIRRORED * direct.max(3) {
            let side = if request.y_up { "first" } else { "last" };
            notes.push(format!(
                "{}: {mirrored} instead of {direct} picks would be hits if y counted from the {side} row",
                set.name
            ));
        }
    }
    for (centres, size) in input.centres.iter_mut().zip(&sizes) {
        let before = centres.len();
        centres.retain(|centre| inside(*centre, *size));
        left_out.1 += before - centres.len();
    }
    if request.margin > 0.0 {
        notes.push(format!(
            "{} picks and {} centres in the outer {} px of the micrographs do not count",
            left_out.0, left_out.1, request.margin
        ));
    }
    Ok(())
}
