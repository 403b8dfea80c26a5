//! Answers what a person needs to know before an import: what each file is, values to begin with, some of
//! the patches that would come, and the patches on either side of the lowest score.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::mic::{Mic, Planned};
use super::plan::Plan;
use super::planning::box_for_diameter;
use super::progress::Phase;
use super::report::ImportPreview;
use super::request::{IngestRequest, PoolCount, PoolFrom, PoolRequest};
use super::{boxes, look, planning};
use crate::error::{Error, Result};
use crate::formats::detect::{self, Kind};
use crate::formats::{TableStart, table_start};
use crate::imaging::{self, CutSettings};
use crate::label::Label;
use crate::progress::{ProgressSink, report};
use crate::project::Project;

/// What a file or folder is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundInput {
    /// The file or folder.
    pub path: PathBuf,
    /// Its format in the words of its users, or why it is none.
    pub kind: std::result::Result<String, String>,
    /// Whether it gives ready patches.
    pub patches: bool,
    /// Whether it gives picks.
    pub picks: bool,
    /// How many micrographs it gives.
    pub micrographs: usize,
    /// The first rows of a text table of picks, or of the first one of a folder, whose columns can be named.
    pub table: Option<TableStart>,
}

/// Says what each file or folder is, by its content. One that is not understood does not hinder
/// the others.
///
/// # Errors
/// [`Error::Cancelled`].
pub fn recognise(paths: &[PathBuf], progress: ProgressSink<'_>) -> Result<Vec<FoundInput>> {
    let mut found = Vec::with_capacity(paths.len());
    for (done, path) in paths.iter().enumerate() {
        // A folder may hold thousands of files, on a slow disk.
        let mut go_on = || report(progress, Phase::Recognising, done, paths.len()).is_ok();
        if !go_on() {
            return Err(Error::Cancelled);
        }
        found.push(match detect::detect_while(path, &mut go_on) {
            Ok(found) => FoundInput {
                path: path.clone(),
                kind: Ok(found.format.to_owned()),
                patches: matches!(found.kind, Kind::Patches | Kind::PatchesAndPicks),
                picks: !found.picks.is_empty(),
                micrographs: found.micrographs.len(),
                table: table_of(&found),
            },
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(why) => FoundInput {
                path: path.clone(),
                kind: Err(why.to_string()),
                patches: false,
                picks: false,
                micrographs: 0,
                table: None,
            },
        });
    }
    Ok(found)
}

/// Pick files of a folder that are looked at for a table.
const LOOKED_AT: usize = 8;

/// The first rows of the first text table among the picks.
fn table_of(found: &detect::Recognised) -> Option<TableStart> {
    let of = |path: &PathBuf| match path.is_dir() {
        false => table_start(path),
        true => {
            let mut files: Vec<PathBuf> = std::fs::read_dir(path).ok()?.flatten().map(|e| e.path()).collect();
            files.sort();
            files.iter().take(LOOKED_AT).find_map(|file| table_start(file))
        }
    };
    found.picks.iter().find_map(of)
}

/// Side of a patch that the networks are made for, px: boxes are averaged down to about this.
const SIDE: usize = 64;
/// Unlabeled places per micrograph to begin with.
const POOL: usize = 120;

/// How many px to average into one so that patches of this box come near 64 px, with a box the
/// factor divides where there is one.
pub fn suggested_bin(box_size: usize) -> usize {
    let wanted = (box_size as f64 / SIDE as f64).round().max(1.0) as usize;
    let fits = |bin: usize| bin > 0 && box_size.is_multiple_of(bin) && (box_size / bin).is_multiple_of(2);
    let near = [wanted, wanted.saturating_sub(1), wanted + 1];
    near.into_iter().find(|&bin| fits(bin)).unwrap_or(wanted)
}

/// A request for these files with values to begin with: the box on which the picks agree, averaging
/// to about 64 px, and with micrographs a pool of blobs, without which there would be nothing to
/// tell particles from. The box stays open where no file says it.
///
/// Files that are not understood are left out; [`recognise`] says which.
pub fn proposal(found: &[FoundInput]) -> IngestRequest {
    let usable: Vec<&FoundInput> = found.iter().filter(|f| f.kind.is_ok()).collect();
    let micrographs = usable.iter().any(|f| f.micrographs > 0);
    let picked = usable.iter().filter(|f| f.picks).map(|f| f.path.as_path());
    let Sizes { box_size, diameter } = sizes_of(picked);
    // A table that says how wide the particle is says how wide a box should be.
    let box_size = box_size.or(diameter.map(box_for_diameter));
    IngestRequest {
        inputs: usable.iter().map(|f| f.path.clone()).collect(),
        box_size,
        bin: box_size.map_or(1, suggested_bin),
        pool: micrographs.then(|| PoolRequest {
            count: Some(PoolCount::PerMicrograph(POOL)),
            diameter,
            ..PoolRequest::new(PoolFrom::Blobs)
        }),
        seed: 1,
        ..IngestRequest::default()
    }
}

/// What pick files say of sizes, px.
#[derive(Default)]
struct Sizes {
    /// The box on which all picks agree.
    box_size: Option<usize>,
    /// The diameter of the particle on which all picks agree.
    diameter: Option<f64>,
}

/// The sizes on which all picks agree.
fn sizes_of<'a>(inputs: impl Iterator<Item = &'a Path>) -> Sizes {
    let mut boxes = Agreed::Nothing;
    let mut diameters = Agreed::Nothing;
    for input in inputs {
        let Ok(found) = detect::detect(input) else { continue };
        for table in found.picks.iter().filter_map(|file| detect::open_picks(file).ok()) {
            for pick in table.picks {
                boxes = boxes.and(pick.box_size);
                diameters = diameters.and(pick.diameter);
            }
        }
    }
    Sizes {
        box_size: boxes.value().filter(|side| *side >= 1.0).map(|side| side.round() as usize),
        diameter: diameters.value(),
    }
}

/// Whether several values agree to within a pixel.
#[derive(Clone, Copy)]
enum Agreed {
    Nothing,
    On(f64),
    Not,
}

impl Agreed {
    fn and(self, next: Option<f64>) -> Self {
        match (self, next) {
            (Self::Not, _) | (_, None) => Self::Not,
            (Self::On(first), Some(next)) if (first - next).abs() >= 1.0 => Self::Not,
            (_, Some(next)) => Self::On(next),
        }
    }

    fn value(self) -> Option<f64> {
        if let Self::On(value) = self { Some(value) } else { None }
    }
}

/// One of the patches that would come.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenPatch {
    /// The label it would carry.
    pub label: Label,
    /// File or micrograph it is from.
    pub from: String,
    /// Score of the picker, where it gave one.
    pub score: Option<f64>,
    /// Grey values, row-major, `size × size`.
    pub pixels: Vec<f32>,
}

/// What an import would bring, with a handful of patches to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// What was recognised.
    pub preview: ImportPreview,
    /// Side of a patch, px; 0 without patches.
    pub size: usize,
    /// At most as many patches as were asked for, spread over files and micrographs. Patches of the
    /// unlabeled pool are not among them: their places are found during the import.
    pub patches: Vec<SeenPatch>,
    /// The picks with the lowest scores that become particles, lowest first: at most [`AROUND`]. Without a
    /// lowest score in the request these are the weakest of all.
    pub just_above: Vec<SeenPatch>,
    /// The picks just below the lowest score of the request, highest first: at most [`AROUND`].
    pub just_below: Vec<SeenPatch>,
}

/// Patches shown on either side of the lowest score.
pub const AROUND: usize = 8;

/// As [`super::inspect`], and reads `count` of the patches that would come. Writes nothing.
///
/// # Errors
/// As [`super::inspect`].
pub fn inspect_with_patches(
    request: &IngestRequest,
    project: Option<&Project>,
    count: usize,
    progress: ProgressSink<'_>,
) -> Result<Inspection> {
    let mut plan = planning::make(request, project, progress)?;
    look::look(&mut plan, request, progress)?;
    let size = plan.size.unwrap_or(0);
    let mut seen = ready(&plan, request, count)?;
    seen.extend(cut(&plan, count.saturating_sub(seen.len()))?);
    let (just_above, just_below) = around(&plan, request)?;
    Ok(Inspection { preview: plan.into_preview(request), size, patches: seen, just_above, just_below })
}

/// Ready patches, evenly from each input and from its beginning to its end.
fn ready(plan: &Plan, request: &IngestRequest, count: usize) -> Result<Vec<SeenPatch>> {
    let mut seen = Vec::new();
    let share = count.div_ceil(plan.inputs.len().max(1));
    for input in &plan.inputs {
        let mut data = plan.open_patches(&input.path)?;
        let (size, length) = (data.reader.size(), data.reader.len());
        let wanted = share.min(length).min(count.saturating_sub(seen.len()));
        for nth in 0..wanted {
            let index = nth * length / wanted;
            let mut pixels = vec![0.0; size * size];
            data.reader.read(index, &mut pixels)?;
            let info = data.reader.info(index);
            let (label, score) = (request.label_of(&info), info.pick_score);
            seen.push(SeenPatch { label, from: file_name(&input.path), score, pixels });
        }
    }
    Ok(seen)
}

/// Micrographs opened for a handful of patches.
const MICROGRAPHS: usize = 2;

/// Patches that would be cut, from the first micrographs with picks.
fn cut(plan: &Plan, count: usize) -> Result<Vec<SeenPatch>> {
    let Some(settings) = plan.cut else { return Ok(Vec::new()) };
    let with: Vec<_> = plan.mics.iter().filter(|m| !m.picks.is_empty()).take(MICROGRAPHS).collect();
    let share = count.div_ceil(with.len().max(1));
    let mut seen = Vec::new();
    for mic in with {
        let wanted = share.min(count.saturating_sub(seen.len()));
        let picks: Vec<_> = mic.picks.iter().take(wanted).collect();
        if picks.is_empty() {
            break;
        }
        seen.extend(cut_some(mic, &picks, &settings)?);
    }
    Ok(seen)
}

/// Cuts these picks of a micrograph.
fn cut_some(mic: &Mic, picks: &[&Planned], settings: &CutSettings) -> Result<Vec<SeenPatch>> {
    let image = boxes::read(mic)?;
    let centres: Vec<(f64, f64)> = picks.iter().map(|p| p.xy).collect();
    let patches = imaging::cut(&image, &centres, settings)?;
    let pixels = patches.pixels.chunks_exact((patches.size * patches.size).max(1));
    let seen = patches.kept.iter().zip(pixels).filter_map(|(&kept, pixels)| {
        let Planned { label, score, .. } = **picks.get(kept)?;
        Some(SeenPatch { label, from: mic.name.clone(), score, pixels: pixels.to_vec() })
    });
    Ok(seen.collect())
}

/// The picks just above and just below the lowest score, from a few micrographs.
fn around(plan: &Plan, request: &IngestRequest) -> Result<(Vec<SeenPatch>, Vec<SeenPatch>)> {
    let (Some(settings), Some(scores)) = (plan.cut, &plan.scores) else { return Ok(Default::default()) };
    let least = request.min_score.unwrap_or(scores.lowest);
    let mut candidates: Vec<(f64, usize, &Planned)> = Vec::new();
    for (at, mic) in plan.mics.iter().enumerate() {
        let scored = mic.picks.iter().chain(&mic.below).filter_map(|p| Some((p.score? - least, at, p)));
        candidates.extend(scored);
    }
    candidates.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
    let mut wanted: BTreeMap<usize, Vec<&Planned>> = BTreeMap::new();
    let (mut above, mut below) = (0, 0);
    for (distance, at, pick) in candidates {
        let side = if distance >= 0.0 { &mut above } else { &mut below };
        if *side < AROUND && (wanted.len() < 2 * MICROGRAPHS || wanted.contains_key(&at)) {
            *side += 1;
            wanted.entry(at).or_default().push(pick);
        }
    }
    let mut seen = Vec::new();
    for (at, picks) in wanted {
        if let Some(mic) = plan.mics.get(at) {
            seen.extend(cut_some(mic, &picks, &settings)?);
        }
    }
    seen.sort_by(|a, b| a.score.unwrap_or(f64::NAN).total_cmp(&b.score.unwrap_or(f64::NAN)));
    let first_above = seen.partition_point(|patch| patch.score.is_some_and(|score| score < least));
    let just_above = seen.split_off(first_above);
    seen.reverse();
    Ok((just_above, seen))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
