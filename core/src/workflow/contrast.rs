//! The contrast of a project's patches: how much their pixels spread beside the other patches of their micrograph.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

use rayon::prelude::*;

use crate::error::Result;
use crate::formats::{PatchInfo, micrograph};
use crate::imaging::cut::CutSettings;
use crate::imaging::normalise::{Normaliser, NormaliserKind};
use crate::imaging::spread::{log_spread, log_spreads, usual_spread};
use crate::imaging::{bin, replicated_border};
use crate::ingest::cut_of;
use crate::label::Label;
use crate::learning::infer::contrast::{ContrastRule, MIN_POSITIVES, PatchContrast, RunContrast};
use crate::project::{MicrographId, PatchId, Project, SourceId};

/// Unlabeled patches of a micrograph from which on they tell what is usual there.
const MIN_PER_MICROGRAPH: usize = 10;
/// So many of them tell it half: the median of few patches is a chance, and a rule that goes by it counts less.
const HALF_CERTAIN: f64 = 10.0;
/// Positives, and unlabeled patches, of a micrograph that are read at most: more of them tell no more.
const MAX_READ_PER_MICROGRAPH: usize = 1_000;
/// Patches of a source that tell whether its patches have the pixels of their micrograph.
const SAMPLE: usize = 200;

/// Patches that were cut from one micrograph with one scale of pixels: by the program, or in one source.
type Scale = (Option<SourceId>, MicrographId);

/// Whether ready patches have the pixels of their micrographs, and not each a scale of its own. Programs that bring patches to
/// one scale take the mean of a patch or of its rim for 0, or its highest value for 1.
#[derive(Default)]
struct OwnPixels {
    patches: usize,
    means: f64,
    deviations: f64,
    /// How many of the patches share each highest value.
    highest: HashMap<u32, usize>,
}

impl OwnPixels {
    fn add(&mut self, patch: &[f32]) {
        if self.patches >= SAMPLE {
            return;
        }
        let n = patch.len().max(1) as f64;
        let mean = patch.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        if !mean.is_finite() {
            return;
        }
        self.patches += 1;
        self.means += mean;
        self.deviations += (patch.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt();
        *self.highest.entry(patch.iter().copied().fold(f32::MIN, f32::max).to_bits()).or_default() += 1;
    }

    fn are_those_of_micrographs(&self) -> bool {
        let most_alike = self.highest.values().copied().max().unwrap_or(0);
        2 * most_alike <= self.patches && self.means.abs() > self.deviations
    }
}

/// How the sources of a project have cut their patches.
struct Sources {
    /// Cut by the program.
    cut: HashSet<SourceId>,
    /// Cut by another program that left the pixels as they were.
    as_cut: HashSet<SourceId>,
}

impl Sources {
    fn of(project: &Project) -> Result<Self> {
        let (pixels, mut patch) = (project.pixels(), vec![0.0; side_squared(project)]);
        let (mut cut, mut as_cut) = (HashSet::new(), HashSet::new());
        for source in project.sources()? {
            if cut_of(&source.info).is_some() {
                cut.insert(source.id);
                continue;
            }
            let mut own = OwnPixels::default();
            for id in (source.first..).take(source.count).step_by(source.count.div_ceil(SAMPLE).max(1)) {
                pixels.get(id, &mut patch)?;
                own.add(&patch);
            }
            if own.are_those_of_micrographs() {
                as_cut.insert(source.id);
            }
        }
        Ok(Self { cut, as_cut })
    }

    fn scale(&self, source: SourceId, micrograph: MicrographId) -> Option<Scale> {
        if self.cut.contains(&source) {
            Some((None, micrograph))
        } else {
            self.as_cut.contains(&source).then_some((Some(source), micrograph))
        }
    }
}

fn side_squared(project: &Project) -> usize {
    project.size().map_or(0, |size| size * size)
}

/// ln of the standard deviation of patches, with the scale they belong to; `None` where a patch is constant, has no
/// micrograph, or may have a scale of its own.
fn spreads(project: &Project, sources: &Sources, patches: &[PatchId]) -> Result<Vec<Option<(Scale, f64)>>> {
    let size = project.size().unwrap_or(0);
    let (places, pixels) = (project.places()?, project.pixels());
    let area = side_squared(project);
    let spread = |patch: &mut Vec<f32>, &id: &PatchId| {
        let scale = places.get(id as usize).and_then(|place| {
            place.micrograph.and_then(|micrograph| sources.scale(place.source, micrograph))
        });
        let Some(scale) = scale else { return Ok(None) };
        pixels.get(id, patch)?;
        Ok(log_spread(patch, size).map(|spread| (scale, spread)))
    };
    patches.par_iter().map_init(|| vec![0.0; area], spread).collect()
}

/// Of `patches` those with a label: on each micrograph at most [`MAX_READ_PER_MICROGRAPH`], evenly chosen.
fn chosen(
    project: &Project,
    labels: &[Label],
    wanted: Label,
    patches: impl Iterator<Item = PatchId>,
) -> Result<Vec<PatchId>> {
    let places = project.places()?;
    let mut each: BTreeMap<MicrographId, Vec<PatchId>> = BTreeMap::new();
    for id in patches.filter(|id| labels.get(*id as usize) == Some(&wanted)) {
        if let Some(micrograph) = places.get(id as usize).and_then(|place| place.micrograph) {
            each.entry(micrograph).or_default().push(id);
        }
    }
    let some = |ids: Vec<PatchId>| {
        let step = ids.len().div_ceil(MAX_READ_PER_MICROGRAPH).max(1);
        ids.into_iter().step_by(step)
    };
    Ok(each.into_values().flat_map(some).collect())
}

/// What is usual on a micrograph, and how far it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Usual {
    spread: f64,
    /// From 0 to 1.
    certainty: f64,
}

/// What is usual on each micrograph with enough of these unlabeled patches: the median.
fn usual<K: Eq + Hash>(unlabeled: impl Iterator<Item = (K, f64)>) -> HashMap<K, Usual> {
    let mut each: HashMap<K, Vec<f64>> = HashMap::new();
    for (scale, spread) in unlabeled {
        each.entry(scale).or_default().push(spread);
    }
    each.retain(|_, spreads| spreads.len() >= MIN_PER_MICROGRAPH);
    let median = |(scale, spreads): (K, Vec<f64>)| {
        let n = spreads.len() as f64;
        Some((scale, Usual { spread: usual_spread(spreads)?, certainty: n / (n + HALF_CERTAIN) }))
    };
    each.into_iter().filter_map(median).collect()
}

/// The contrast of a patch of this spread.
fn beside(spread: f64, usual: &Usual) -> PatchContrast {
    PatchContrast { contrast: spread - usual.spread, certainty: usual.certainty }
}

/// What the contrast of a project's patches is measured beside.
pub(super) enum Beside<'a> {
    /// The unlabeled patches of their micrographs, by one label for every patch of the project.
    Unlabeled(&'a [Label]),
    /// All places of their micrographs, which are read from their files.
    Micrographs(&'a CutSettings),
}

/// The contrast of patches, in their order; `None` where a patch is constant or may have a scale of its own, or nobody knows
/// what is usual on its micrograph.
///
/// # Errors
/// When a patch or a micrograph cannot be read.
pub(super) fn contrasts(
    project: &Project,
    measured: &Beside<'_>,
    patches: &[PatchId],
) -> Result<Vec<Option<PatchContrast>>> {
    let sources = Sources::of(project)?;
    let usual = match measured {
        Beside::Unlabeled(labels) => {
            let unlabeled = chosen(project, labels, Label::Unlabeled, (0..).take(project.len()))?;
            usual(spreads(project, &sources, &unlabeled)?.into_iter().flatten())
        }
        Beside::Micrographs(cut) => usual_of_files(project, cut)?,
    };
    let contrast = |(scale, spread)| usual.get(&scale).map(|usual| beside(spread, usual));
    Ok(spreads(project, &sources, patches)?.into_iter().map(|patch| patch.and_then(contrast)).collect())
}

/// What is usual on each micrograph by its file, for patches that the program cut.
fn usual_of_files(project: &Project, cut: &CutSettings) -> Result<HashMap<Scale, Usual>> {
    let size = project.size().unwrap_or(0);
    let mut usual = HashMap::new();
    for known in project.micrographs()? {
        let Some(path) = &known.path else { continue };
        let image = micrograph::open(path)?.image;
        let binned = bin(&image, cut.bin)?;
        if let Some(spread) = usual_spread(log_spreads(&binned, &replicated_border(&image)?, cut.bin, size)) {
            usual.insert((None, known.id), Usual { spread, certainty: 1.0 });
        }
    }
    Ok(usual)
}

/// The contrast of the patches of a file that is in no project, collected while they are read.
#[derive(Default)]
pub(super) struct FileContrast {
    own: OwnPixels,
    spreads: Vec<Option<f64>>,
}

impl FileContrast {
    /// Takes up the next patch (S×S), as it stands in the file.
    pub(super) fn add(&mut self, patch: &[f32], size: usize) {
        self.own.add(patch);
        self.spreads.push(log_spread(patch, size));
    }

    /// The contrast of the patches; as [`contrasts`]. `info` tells what the file says of each. Only patches that it calls
    /// unlabeled tell what is usual on a micrograph: those of a file without labels may all be particles.
    pub(super) fn contrasts(&self, info: &[PatchInfo]) -> Vec<Option<PatchContrast>> {
        if !self.own.are_those_of_micrographs() {
            return vec![None; info.len()];
        }
        let is_unlabeled = |info: &PatchInfo| info.label == Some(Label::Unlabeled);
        let unlabeled = self.spreads.iter().zip(info).filter(|(_, info)| is_unlabeled(info));
        let usual =
            usual(unlabeled.filter_map(|(spread, info)| Some((info.micrograph.as_deref()?, (*spread)?))));
        let contrast = |spread: Option<f64>, info: &PatchInfo| {
            Some(beside(spread?, usual.get(info.micrograph.as_deref()?)?))
        };
        self.spreads.iter().zip(info).map(|(spread, info)| contrast(*spread, info)).collect()
    }
}

/// The contrast of the `patches` of a run, and the rule by the labels of its training side; `None` where the network sees the
/// contrast itself, that of no patch is known, or the positives hardly stand out.
///
/// # Errors
/// When a patch cannot be read.
pub(super) fn run_contrast(
    project: &Project,
    normaliser: &Normaliser,
    labels: &[Label],
    train: &[PatchId],
    patches: &[PatchId],
) -> Result<Option<RunContrast>> {
    if normaliser.kind() != NormaliserKind::PerPatchZScore {
        return Ok(None);
    }
    let sources = Sources::of(project)?;
    let of = |wanted| {
        let some = chosen(project, labels, wanted, train.iter().copied())?;
        spreads(project, &sources, &some)
    };
    let (positive, unlabeled) = (of(Label::Positive)?, of(Label::Unlabeled)?);
    let usual = usual(unlabeled.iter().copied().flatten());
    let less_usual = |(scale, spread)| Some(spread - usual.get(&scale)?.spread);
    let known = |spreads: Vec<Option<(Scale, f64)>>| -> Vec<f64> {
        spreads.into_iter().flatten().filter_map(less_usual).collect()
    };
    let (positive, unlabeled) = (known(positive), known(unlabeled));
    let (rule, has_few_positives) =
        (ContrastRule::fit(&positive, &unlabeled), positive.len() < MIN_POSITIVES);
    if unlabeled.is_empty() || (rule.is_none() && !has_few_positives) {
        return Ok(None);
    }
    let patches = contrasts(project, &Beside::Unlabeled(labels), patches)?;
    Ok(Some(RunContrast { patches, rule, has_few_positives }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::project::{NewMicrograph, NewPatch, PixelType, SourceInfo};

    const SIZE: usize = 16;

    /// A patch whose px are ± `strength`.
    fn patch(strength: f32) -> Vec<f32> {
        (0..SIZE * SIZE).map(|at| if at % 3 == 0 { -strength } else { strength }).collect()
    }

    /// Two micrographs, one ten times as strong as the other: on each 20 positives of about twice the strength of its 60
    /// unlabeled patches. A third holds positives alone, and some patches have no micrograph.
    fn project(dir: &std::path::Path, bin: Option<f64>, mean: f32) -> (Project, Vec<Label>) {
        let mut project = Project::create(dir, Some(SIZE), PixelType::F32).unwrap();
        let mut import = project.import(SIZE).unwrap();
        let source = SourceInfo { box_size: Some(16.0), bin, ..SourceInfo::new("test", "test") };
        import.source(&source).unwrap();
        let mut labels = Vec::new();
        let names = [("weak", 1.0), ("strong", 10.0), ("bare", 500.0)];
        let known = names.map(|(name, strength)| {
            (Some(import.micrograph(&NewMicrograph::named(name)).unwrap()), strength)
        });
        for (at, (micrograph, strength)) in known.into_iter().chain([(None, 900.0)]).enumerate() {
            for i in 0..80 {
                let label = if i % 4 == 0 || at == 2 { Label::Positive } else { Label::Unlabeled };
                let twice = if label == Label::Positive { 2.0 } else { 1.0 };
                // Strengths differ by a fifth either way.
                let mut pixels = patch(strength * twice * (1.0 + 0.2 * (i as f32 * 0.7).sin()));
                pixels.iter_mut().for_each(|v| *v += mean);
                import.push(&NewPatch { label, micrograph, ..NewPatch::default() }, &pixels).unwrap();
                labels.push(label);
            }
        }
        import.commit().unwrap();
        (project, labels)
    }

    fn rule_and_lowers(found: &RunContrast) -> (ContrastRule, Vec<f32>) {
        let rule = found.rule.unwrap();
        (rule, found.patches.iter().map(|patch| rule.lowers_patch_by(*patch)).collect())
    }

    #[test]
    fn the_rule_compares_patches_within_their_micrograph() {
        let dir = tempfile::tempdir().unwrap();
        let (project, labels) = project(&dir.path().join("p"), Some(1.0), 0.0);
        let all: Vec<PatchId> = (0..).take(labels.len()).collect();
        let normaliser = Normaliser::of_each_patch(SIZE).unwrap();
        let (rule, lowers) =
            rule_and_lowers(&run_contrast(&project, &normaliser, &labels, &all, &all).unwrap().unwrap());
        // ln 2, less about a fifth: a quarter of the positives lies below.
        assert!((0.4..0.69).contains(&rule.floor), "{rule:?}");
        assert!(rule.slope > 10.0, "{rule:?}");
        let share_lowered = |label, from: usize| {
            let of = (from..from + 80).filter(|&i| labels[i] == label);
            of.clone().filter(|&i| lowers[i] > 0.0).count() as f64 / of.count() as f64
        };
        for micrograph in [0, 80] {
            assert_eq!(share_lowered(Label::Unlabeled, micrograph), 1.0, "each beside its own micrograph");
            assert!(share_lowered(Label::Positive, micrograph) < 0.5);
        }
        // Nothing is usual on the third micrograph, and the last patches have none.
        assert!(lowers[160..].iter().all(|by| *by == 0.0));
        // 60 unlabeled patches tell what is usual, so the rule does 60/70 of what it says.
        let by = rule.lowers_by(0.0);
        let middle = lowers[..80].iter().map(|l| f64::from(*l)).fold(f64::MAX, |best, l| {
            if (l - by * 6.0 / 7.0).abs() < (best - by * 6.0 / 7.0).abs() { l } else { best }
        });
        assert!((middle - by * 6.0 / 7.0).abs() < 0.2, "{middle} of {by}");
    }

    #[test]
    fn there_is_no_rule_where_the_network_sees_the_contrast_or_nothing_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let (project, labels) = project(&dir.path().join("p"), Some(1.0), 0.0);
        let all: Vec<PatchId> = (0..).take(labels.len()).collect();
        let of_all = Normaliser::fit(NormaliserKind::GlobalMeanStd, SIZE, [patch(1.0)]).unwrap();
        assert_eq!(run_contrast(&project, &of_all, &labels, &all, &all).unwrap(), None);
        let normaliser = Normaliser::of_each_patch(SIZE).unwrap();
        assert_eq!(run_contrast(&project, &normaliser, &labels, &all[160..], &all).unwrap(), None);
        // Nine positives: the general model's scores have to tell.
        let mut few = labels.clone();
        (0..160).filter(|i| i % 4 == 0).skip(9).for_each(|i| few[i] = Label::Unlabeled);
        let found = run_contrast(&project, &normaliser, &few, &all, &all).unwrap().unwrap();
        assert!(found.rule.is_none() && found.has_few_positives);
        let patches: Vec<usize> = (0..160).collect();
        let scores: Vec<f32> = patches.iter().map(|i| if i % 4 == 0 { 0.95 } else { 0.3 }).collect();
        assert!(found.rule_or_by_scores(&patches, &scores).is_some());
        assert_eq!(found.rule_or_by_scores(&patches, &[0.3; 160]), None, "sure of none");
        // Patches that another program has brought to a mean near 0.
        let (made, _) = self::project(&dir.path().join("made"), None, 0.0);
        assert_eq!(run_contrast(&made, &normaliser, &labels, &all, &all).unwrap(), None);
    }

    #[test]
    fn ready_patches_with_the_pixels_of_their_micrographs_have_a_rule_in_a_project_and_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let (project, labels) = project(&dir.path().join("p"), None, 2000.0);
        let all: Vec<PatchId> = (0..).take(labels.len()).collect();
        let normaliser = Normaliser::of_each_patch(SIZE).unwrap();
        let found = run_contrast(&project, &normaliser, &labels, &all, &all).unwrap().unwrap();
        assert!(rule_and_lowers(&found).1[..160].iter().filter(|by| **by > 0.0).count() >= 120);
        let names: HashMap<_, _> =
            project.micrographs().unwrap().into_iter().map(|m| (m.id, m.name)).collect();
        let (mut file, mut infos, mut pixels) = (FileContrast::default(), Vec::new(), vec![0.0; SIZE * SIZE]);
        for (place, &label) in project.places().unwrap().iter().zip(&labels) {
            project.pixels().get(infos.len() as PatchId, &mut pixels).unwrap();
            file.add(&pixels, SIZE);
            let micrograph = place.micrograph.map(|id| names[&id].clone());
            infos.push(PatchInfo { label: Some(label), micrograph, ..PatchInfo::default() });
        }
        assert_eq!(file.contrasts(&infos), found.patches);
        // Each patch with a scale of its own.
        let mut scaled = FileContrast::default();
        for id in &all {
            project.pixels().get(*id, &mut pixels).unwrap();
            let (low, high) = pixels.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
            pixels.iter_mut().for_each(|v| *v = (*v - low) / (high - low));
            scaled.add(&pixels, SIZE);
        }
        assert!(scaled.contrasts(&infos).iter().all(Option::is_none));
    }
}
