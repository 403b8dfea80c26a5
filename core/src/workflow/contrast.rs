//! The contrast of a project's patches: how much their pixels spread beside the other patches of their micrograph.

use std::collections::{HashMap, HashSet};

use crate::error::Result;
use crate::imaging::normalise::{Normaliser, NormaliserKind};
use crate::imaging::spread::log_spread;
use crate::ingest::cut_of;
use crate::label::Label;
use crate::learning::infer::contrast::ContrastRule;
use crate::project::{MicrographId, PatchId, Project, SourceId};

/// Unlabeled patches of a micrograph from which on they tell what is usual there.
const MIN_PER_MICROGRAPH: usize = 10;
/// Positives, and unlabeled patches, that are read at most: more of them tell no more.
const MOST: usize = 4_000;

/// ln of the standard deviation of patches, with the micrograph they lie on; `None` where a patch is constant, has no
/// micrograph, or was not cut from it by the program: another program may have brought each patch to one scale.
fn spreads(project: &Project, patches: &[PatchId]) -> Result<Vec<Option<(MicrographId, f64)>>> {
    let size = project.size().unwrap_or(0);
    let (places, pixels) = (project.places()?, project.pixels());
    let cut: HashSet<SourceId> =
        project.sources()?.into_iter().filter(|s| cut_of(&s.info).is_some()).map(|s| s.id).collect();
    let mut patch = vec![0.0; size * size];
    let mut spread = |id: PatchId| {
        let place = places.get(id as usize).filter(|place| cut.contains(&place.source));
        let Some(micrograph) = place.and_then(|place| place.micrograph) else {
            return Ok(None);
        };
        pixels.get(id, &mut patch)?;
        Ok(log_spread(&patch, size).map(|spread| (micrograph, spread)))
    };
    patches.iter().map(|&id| spread(id)).collect()
}

/// Of patches with a label, evenly chosen where there are more than [`MOST`].
fn chosen(labels: &[Label], wanted: Label, patches: impl Iterator<Item = PatchId>) -> Vec<PatchId> {
    let all: Vec<PatchId> = patches.filter(|id| labels.get(*id as usize) == Some(&wanted)).collect();
    all.iter().copied().step_by(all.len().div_ceil(MOST).max(1)).collect()
}

/// What is usual on each micrograph with enough of these unlabeled patches: the median.
fn usual(unlabeled: &[Option<(MicrographId, f64)>]) -> HashMap<MicrographId, f64> {
    let mut each: HashMap<MicrographId, Vec<f64>> = HashMap::new();
    for &(micrograph, spread) in unlabeled.iter().flatten() {
        each.entry(micrograph).or_default().push(spread);
    }
    each.retain(|_, spreads| spreads.len() >= MIN_PER_MICROGRAPH);
    let median = |mut spreads: Vec<f64>| {
        let middle = spreads.len() / 2;
        *spreads.select_nth_unstable_by(middle, f64::total_cmp).1
    };
    each.into_iter().map(|(micrograph, spreads)| (micrograph, median(spreads))).collect()
}

/// Spreads less what is usual on their micrograph, where that is known.
fn relative(
    spreads: Vec<Option<(MicrographId, f64)>>,
    usual: &HashMap<MicrographId, f64>,
) -> Vec<Option<f64>> {
    let less_usual = |(micrograph, spread)| Some(spread - usual.get(&micrograph)?);
    spreads.into_iter().map(|spread| spread.and_then(less_usual)).collect()
}

/// The contrast of patches, in their order, beside the unlabeled patches of their micrographs; `None` where a patch is
/// constant or was not cut from a micrograph, or the micrograph has too few unlabeled patches. `labels` has one for every patch of the
/// project.
///
/// # Errors
/// When a patch cannot be read.
pub(super) fn contrasts(
    project: &Project,
    labels: &[Label],
    patches: &[PatchId],
) -> Result<Vec<Option<f64>>> {
    let all = (0..).take(project.len());
    let usual = usual(&spreads(project, &chosen(labels, Label::Unlabeled, all))?);
    Ok(relative(spreads(project, patches)?, &usual))
}

/// The rule by which picking lowers scores of places of little contrast, from patches of the training side; `None` where
/// the network sees the contrast itself, or nothing speaks for one.
///
/// # Errors
/// When a patch cannot be read.
pub(super) fn contrast_rule(
    project: &Project,
    normaliser: &Normaliser,
    labels: &[Label],
    train: &[PatchId],
) -> Result<Option<ContrastRule>> {
    if normaliser.kind() != NormaliserKind::PerPatchZScore {
        return Ok(None);
    }
    let of = |wanted| spreads(project, &chosen(labels, wanted, train.iter().copied()));
    let (positive, unlabeled) = (of(Label::Positive)?, of(Label::Unlabeled)?);
    let usual = usual(&unlabeled);
    let known = |spreads| -> Vec<f64> { relative(spreads, &usual).into_iter().flatten().collect() };
    Ok(ContrastRule::fit(&known(positive), &known(unlabeled)))
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
    fn project(dir: &std::path::Path, bin: Option<f64>) -> (Project, Vec<Label>) {
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
                let pixels = patch(strength * twice * (1.0 + 0.2 * (i as f32 * 0.7).sin()));
                import.push(&NewPatch { label, micrograph, ..NewPatch::default() }, &pixels).unwrap();
                labels.push(label);
            }
        }
        import.commit().unwrap();
        (project, labels)
    }

    #[test]
    fn the_rule_compares_patches_within_their_micrograph() {
        let dir = tempfile::tempdir().unwrap();
        let (project, labels) = project(&dir.path().join("p"), Some(1.0));
        let all: Vec<PatchId> = (0..).take(labels.len()).collect();
        let normaliser = Normaliser::of_each_patch(SIZE).unwrap();
        let rule = contrast_rule(&project, &normaliser, &labels, &all).unwrap().unwrap();
        // ln 2, less about a fifth: a quarter of the positives lies below.
        assert!((0.4..0.69).contains(&rule.floor), "{rule:?}");
        assert!(rule.slope > 10.0, "{rule:?}");
        let found = contrasts(&project, &labels, &all).unwrap();
        let far = |from: usize, wanted: f64| {
            found[from..from + 80].iter().zip(&labels[from..]).all(|(contrast, label)| {
                let twice = if *label == Label::Positive { 2.0f64.ln() } else { 0.0 };
                contrast.is_some_and(|contrast| (contrast - twice - wanted).abs() < 0.3)
            })
        };
        assert!(far(0, 0.0) && far(80, 0.0), "each beside its own micrograph");
        assert!(found[160..].iter().all(Option::is_none), "nothing is usual there");
    }

    #[test]
    fn there_is_no_rule_where_the_network_sees_the_contrast_or_nothing_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let (project, labels) = project(&dir.path().join("p"), Some(1.0));
        let all: Vec<PatchId> = (0..).take(labels.len()).collect();
        let of_all = Normaliser::fit(NormaliserKind::GlobalMeanStd, SIZE, [patch(1.0)]).unwrap();
        assert_eq!(contrast_rule(&project, &of_all, &labels, &all).unwrap(), None);
        let normaliser = Normaliser::of_each_patch(SIZE).unwrap();
        assert_eq!(contrast_rule(&project, &normaliser, &labels, &all[160..]).unwrap(), None);
        // Patches that another program has made.
        let (made, _) = self::project(&dir.path().join("made"), None);
        assert_eq!(contrast_rule(&made, &normaliser, &labels, &all).unwrap(), None);
    }
}
