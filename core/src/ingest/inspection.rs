//! What a person needs before settings can be chosen and an import begins: what each file is, values
//! to begin with, and a handful of the patches that would come.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::plan::Plan;
use super::progress::{OnProgress, Phase, tell};
use super::report::Preview;
use super::request::{IngestRequest, PoolCount, PoolFrom, PoolRequest};
use super::{cutting, look, planning};
use crate::error::{Error, Result};
use crate::formats::detect::{self, Kind};
use crate::imaging;
use crate::label::Label;
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
}

/// Says what each file or folder is, by its content. One that is not understood does not hinder
/// the others.
///
/// # Errors
/// [`Error::Cancelled`].
pub fn recognise(paths: &[PathBuf], progress: OnProgress<'_>) -> Result<Vec<FoundInput>> {
    let mut found = Vec::with_capacity(paths.len());
    for (done, path) in paths.iter().enumerate() {
        // A folder may hold thousands of files, on a slow disk.
        let mut go_on = || tell(progress, Phase::Recognising, done, paths.len()).is_ok();
        if !go_on() {
            return Err(Error::Cancelled);
        }
        found.push(match detect::detect_while(path, &mut go_on) {
            Ok(found) => FoundInput {
                path: path.clone(),
                kind: Ok(found.format.to_owned()),
                patches: matches!(found.kind, Kind::Patches | Kind::PatchesAndPicks),
                picks: matches!(found.kind, Kind::Picks | Kind::MicrographsAndPicks),
                micrographs: found.micrographs.len(),
            },
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(why) => FoundInput {
                path: path.clone(),
                kind: Err(why.to_string()),
                patches: false,
                picks: false,
                micrographs: 0,
            },
        });
    }
    Ok(found)
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
    let picks = usable.iter().any(|f| f.picks);
    let box_size =
        if picks { box_of(usable.iter().filter(|f| f.picks).map(|f| f.path.as_path())) } else { None };
    IngestRequest {
        inputs: usable.iter().map(|f| f.path.clone()).collect(),
        box_size,
        bin: box_size.map_or(1, suggested_bin),
        pool: micrographs.then(|| PoolRequest {
            count: Some(PoolCount::PerMicrograph(POOL)),
            ..PoolRequest::new(PoolFrom::Blobs)
        }),
        seed: 1,
        ..IngestRequest::default()
    }
}

/// The box on which all picks agree, px.
fn box_of<'a>(files: impl Iterator<Item = &'a Path>) -> Option<usize> {
    let mut agreed: Option<f64> = None;
    for file in files {
        for pick in detect::open_picks(file).ok()?.picks {
            let size = pick.box_size?;
            if agreed.is_some_and(|known| (known - size).abs() >= 1.0) {
                return None;
            }
            agreed = Some(size);
        }
    }
    agreed.filter(|size| *size >= 1.0).map(|size| size.round() as usize)
}

/// One of the patches that would come.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenPatch {
    /// The label it would carry.
    pub label: Label,
    /// File or micrograph it is from.
    pub from: String,
    /// Grey values, row-major, `size × size`.
    pub pixels: Vec<f32>,
}

/// What an import would bring, with a handful of patches to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// What was recognised.
    pub preview: Preview,
    /// Side of a patch, px; 0 without patches.
    pub size: usize,
    /// At most as many patches as were asked for, spread over files and micrographs. Patches of the
    /// unlabeled pool are not among them: their places are found during the import.
    pub patches: Vec<SeenPatch>,
}

/// As [`super::inspect`], and reads `count` of the patches that would come. Writes nothing.
///
/// # Errors
/// As [`super::inspect`].
pub fn inspect_with_patches(
    request: &IngestRequest,
    project: Option<&Project>,
    count: usize,
    progress: OnProgress<'_>,
) -> Result<Inspection> {
    let mut plan = planning::make(request, project, progress)?;
    look::look(&mut plan, request, progress)?;
    let size = plan.size.unwrap_or(0);
    let mut seen = ready(&plan, request, count)?;
    seen.extend(cut(&plan, count.saturating_sub(seen.len()))?);
    Ok(Inspection { preview: plan.into_preview(request), size, patches: seen })
}

/// Ready patches, evenly from each input and from its beginning to its end.
fn ready(plan: &Plan, request: &IngestRequest, count: usize) -> Result<Vec<SeenPatch>> {
    let mut seen = Vec::new();
    let share = count.div_ceil(plan.inputs.len().max(1));
    for input in &plan.inputs {
        let mut data = detect::open_patches(&input.path)?;
        let (size, length) = (data.reader.size(), data.reader.len());
        let wanted = share.min(length).min(count.saturating_sub(seen.len()));
        for nth in 0..wanted {
            let index = nth * length / wanted;
            let mut pixels = vec![0.0; size * size];
            data.reader.read(index, &mut pixels)?;
            let label = request.label_of(&data.reader.info(index));
            seen.push(SeenPatch { label, from: file_name(&input.path), pixels });
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
        let image = cutting::read(mic)?;
        let centres: Vec<(f64, f64)> = picks.iter().map(|p| p.xy).collect();
        let patches = imaging::cut(&image, &centres, &settings)?;
        let pixels = patches.pixels.chunks_exact((patches.size * patches.size).max(1));
        for (&kept, pixels) in patches.kept.iter().zip(pixels) {
            let Some(pick) = picks.get(kept) else { continue };
            seen.push(SeenPatch { label: pick.label, from: mic.name.clone(), pixels: pixels.to_vec() });
        }
    }
    Ok(seen)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
