//! Which side of a split a patch goes to.

use super::*;

/// A split into these shares.
pub fn request(method: SplitMethod, validation: f64, test: f64, seed: u64) -> SplitRequest {
    let fractions = Fractions { train: 1.0 - validation - test, validation, test };
    SplitRequest { name: None, fractions, method, seed }
}

#[test]
fn a_split_by_micrograph_leaks_nothing_and_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let labels = mixed(1200, 5);
    // Twelve micrographs, uneven.
    let on = |i: usize| Some(((i * i) % 997) % 12);
    let mut project = project(dir.path(), &labels, on);
    let split = project.make_split(&request(SplitMethod::Auto, 0.25, 0.25, 7), &mut quiet).unwrap();
    assert_eq!((split.method, split.name.as_str(), split.seed), (SplitMethod::Micrograph, "split-1", 7));
    let sides = project.split_sides(split.id).unwrap();
    let mut of = std::collections::HashMap::new();
    for (place, side) in project.places().unwrap().iter().zip(&sides) {
        assert_eq!(of.entry(place.micrograph).or_insert(*side), side);
    }
    let counts = project.counts_by_split(split.id).unwrap();
    for (side, wanted) in [(counts.train, 0.5), (counts.validation, 0.25), (counts.test, 0.25)] {
        assert!((side.positive as f64 / 240.0 - wanted).abs() < 0.08, "{counts:?}");
        assert!((side.unlabeled as f64 / 960.0 - wanted).abs() < 0.08, "{counts:?}");
    }
    let again = project.make_split(&request(SplitMethod::Auto, 0.25, 0.25, 7), &mut quiet).unwrap();
    assert_eq!((again.name.as_str(), project.split_sides(again.id).unwrap()), ("split-2", sides.clone()));
    fill(&mut project, &mixed(3, 2), |_| Some(1));
    drop(project);
    let project = Project::open(dir.path()).unwrap();
    assert_eq!(project.splits().unwrap(), [split.clone(), again]);
    let later = project.split_sides(split.id).unwrap();
    assert_eq!((&later[..1200], &later[1200..]), (&sides[..], &[Side::Unused; 3][..]));
    assert_eq!(project.counts_by_split(split.id).unwrap().unused.total(), 3);
}

#[test]
fn equal_pixels_stay_on_one_side_but_blank_ones_do_not_bind() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = Project::create(dir.path(), Some(4), PixelType::F32).unwrap();
    let mut import = project.import(4).unwrap();
    import.source(&SourceInfo::new("a.npz", "NPZ")).unwrap();
    for i in 0..300_usize {
        let label = if i < 100 { Label::Positive } else { Label::Unlabeled };
        // Every positive is there a second time as unlabeled; the last hundred are blank.
        let values = if i < 200 { pixels(4, i % 100) } else { vec![1.0; 16] };
        import.push(&NewPatch { label, ..NewPatch::default() }, &values).unwrap();
    }
    import.commit().unwrap();
    let split = project.make_split(&request(SplitMethod::Auto, 0.3, 0.0, 1), &mut quiet).unwrap();
    assert_eq!(split.method, SplitMethod::Random);
    let sides = project.split_sides(split.id).unwrap();
    assert_eq!(sides[..100], sides[100..200]);
    let counts = project.counts_by_split(split.id).unwrap();
    assert_eq!((counts.validation.positive, counts.validation.unlabeled), (30, 60));
    let blank = sides[200..].iter().filter(|s| **s == Side::Validation).count();
    assert!((20..40).contains(&blank), "{blank}");
}

#[test]
fn one_micrograph_is_split_by_boxes_that_do_not_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = Project::create(dir.path(), Some(4), PixelType::F32).unwrap();
    let mut import = project.import(4).unwrap();
    import.source(&SourceInfo { box_size: Some(100.0), ..SourceInfo::new("a.box", "boxes") }).unwrap();
    let micrograph = Some(import.micrograph(&NewMicrograph::named("only")).unwrap());
    // Pairs of overlapping boxes, the pairs far apart.
    let at = |i: usize| ((i / 2 % 10) as f64 * 300.0 + (i % 2) as f64 * 60.0, (i / 20) as f64 * 300.0);
    for i in 0..100 {
        let label = if i % 4 == 0 { Label::Positive } else { Label::Unlabeled };
        let patch = NewPatch { label, micrograph, xy: Some(at(i)), ..NewPatch::default() };
        import.push(&patch, &pixels(4, i)).unwrap();
    }
    import.commit().unwrap();
    assert!(
        sentence(project.make_split(&request(SplitMethod::Micrograph, 0.2, 0.0, 1), &mut quiet))
            .contains("too few micrographs")
    );
    let split = project.make_split(&request(SplitMethod::Auto, 0.2, 0.0, 1), &mut quiet).unwrap();
    assert_eq!(split.method, SplitMethod::Overlap);
    let sides = project.split_sides(split.id).unwrap();
    assert!(sides.chunks(2).all(|pair| pair[0] == pair[1]));
    let counts = project.counts_by_split(split.id).unwrap();
    assert_eq!((counts.validation.positive, counts.validation.unlabeled), (5, 15));
}

#[test]
fn impossible_splits_say_why() {
    let make = |labels: &[Label], on: &dyn Fn(usize) -> Option<usize>, request: &SplitRequest| {
        let dir = tempfile::tempdir().unwrap();
        sentence(project(dir.path(), labels, on).make_split(request, &mut quiet))
    };
    use Label::{Positive as P, Unlabeled as U};
    let auto = request(SplitMethod::Auto, 0.2, 0.0, 0);
    let none = |_| None;
    assert!(make(&[P, U], &none, &auto).contains("1 positive and 1 other patches, too few for 2 sides"));
    assert!(make(&[], &none, &auto).contains("no patch"));
    assert!(make(&[U; 9], &none, &auto).contains("no patch of this project is labelled positive"));
    assert!(make(&[P; 9], &none, &auto).contains("all patches of this project are positive"));
    // Positives on one micrograph only, without coordinates: no validation positives.
    let labels = [P, P, P, U, U, U, U, U, U];
    let on = |i: usize| Some(i / 3);
    for method in [SplitMethod::Micrograph, SplitMethod::Overlap] {
        let text = make(&labels, &on, &request(method, 0.2, 0.0, 0));
        assert!(text.contains("side of the split would have no positives"), "{text}");
    }
    // Without a choice they are split all the same, and what keeps them apart is said.
    let dir = tempfile::tempdir().unwrap();
    let split = project(dir.path(), &labels, on).make_split(&auto, &mut quiet).unwrap();
    assert_eq!(split.method, SplitMethod::Random);
    assert!(make(&labels, &none, &request(SplitMethod::Auto, 1.0, 0.0, 0)).contains("add up to 1"));
    assert!(make(&labels, &none, &request(SplitMethod::Auto, f64::NAN, 0.0, 0)).contains("add up to 1"));

    let dir = tempfile::tempdir().unwrap();
    let mut project = project(dir.path(), &labels, none);
    let stopped = project.make_split(&auto, &mut |_| Err(Error::Cancelled));
    assert!(matches!(stopped, Err(Error::Cancelled)));
    assert!(project.splits().unwrap().is_empty());
}
