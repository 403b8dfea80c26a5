//! The state of each step of the road, and the next thing to do, from evidence.

use super::*;

/// A project in the middle of the road: scored, not reviewed.
fn scored() -> RoadEvidence {
    RoadEvidence {
        patches: 1200,
        positives: 109,
        unlabeled: 1000,
        runs: 1,
        trained: Some("recommended-1".to_owned()),
        auc: Some(0.954),
        scores: Some("recommended-1".to_owned()),
        ..RoadEvidence::default()
    }
}

fn untrained() -> RoadEvidence {
    RoadEvidence { runs: 0, trained: None, auc: None, scores: None, ..scored() }
}

fn next_of(evidence: &RoadEvidence) -> (NextStep, String) {
    road(evidence).next.unwrap_or_else(|| panic!("nothing to do for {evidence:?}"))
}

fn stop_of(evidence: &RoadEvidence, step: RoadStep) -> (StepState, String) {
    let stops = road(evidence).stops;
    let stop = stops.into_iter().find(|stop| stop.step == step);
    stop.map_or_else(|| panic!("no step {step:?}"), |stop| (stop.state, stop.evidence))
}

const fn left(kind: QueueKind, left: usize) -> QueueProgress {
    QueueProgress { kind, left, of: 200 }
}

#[test]
fn an_empty_project_wants_files_and_a_folder_of_micrographs_wants_picks() {
    let empty = RoadEvidence::default();
    assert_eq!(next_of(&empty).0, NextStep::Import);
    assert_eq!(stop_of(&empty, RoadStep::Import), (StepState::ToDo, "no files yet".to_owned()));
    assert!(road(&empty).stops.iter().all(|stop| stop.step != RoadStep::Micrographs));
    let bare = RoadEvidence { micrographs: 12, ..empty };
    assert_eq!(next_of(&bare), (NextStep::MarkParticles, "12 micrographs, no pick yet.".to_owned()));
    assert_eq!(stop_of(&bare, RoadStep::Import).0, StepState::Begun);
    assert_eq!(stop_of(&bare, RoadStep::Micrographs), (StepState::ToDo, "12 micrographs".to_owned()));
    let cut = RoadEvidence { micrographs: 1, ..scored() };
    assert_eq!(stop_of(&cut, RoadStep::Micrographs), (StepState::Done, "1 micrograph".to_owned()));
}

#[test]
fn labels_come_before_a_run_and_too_few_are_said() {
    let none = RoadEvidence { positives: 0, ..untrained() };
    assert_eq!(next_of(&none).0, NextStep::Label);
    assert_eq!(stop_of(&none, RoadStep::Label), (StepState::ToDo, "0 positives".to_owned()));
    let few = RoadEvidence { positives: MIN_POSITIVES - 1, ..untrained() };
    let (next, reason) = next_of(&few);
    assert_eq!(next, NextStep::Label);
    assert!(reason.starts_with("19 positives"), "{reason}");
    assert_eq!(stop_of(&few, RoadStep::Label).0, StepState::Begun);
    let one = RoadEvidence { positives: 1, ..untrained() };
    assert_eq!(stop_of(&one, RoadStep::Label).1, "1 positive");
    assert_eq!(stop_of(&untrained(), RoadStep::Label), (StepState::Done, "109 positives".to_owned()));
    // Scores of a general model are worth a review although nobody has labelled.
    let ranked = RoadEvidence { positives: 0, scores: Some("general-1".to_owned()), ..untrained() };
    assert_eq!(next_of(&ranked).0, NextStep::Review(QueueKind::MostUncertain));
}

#[test]
fn positives_alone_want_unlabeled_patches() {
    let alone = RoadEvidence { unlabeled: 0, ..untrained() };
    assert_eq!(next_of(&alone).0, NextStep::AddUnlabeled);
    let (state, words) = stop_of(&alone, RoadStep::Import);
    assert_eq!(state, StepState::Begun);
    assert!(words.ends_with("none unlabeled"), "{words}");
    // Once a run is trained it is no longer what is missing.
    let later = RoadEvidence { unlabeled: 0, ..scored() };
    assert_ne!(next_of(&later).0, NextStep::AddUnlabeled);
}

#[test]
fn positives_without_a_run_want_one() {
    assert_eq!(next_of(&untrained()), (NextStep::Train, "109 positives, no run yet.".to_owned()));
    assert_eq!(stop_of(&untrained(), RoadStep::Train), (StepState::ToDo, "no run yet".to_owned()));
    let failed = RoadEvidence { runs: 2, ..untrained() };
    assert_eq!(next_of(&failed).0, NextStep::Train);
    assert_eq!(stop_of(&failed, RoadStep::Train), (StepState::Begun, "2 runs, none complete".to_owned()));
}

#[test]
fn a_run_that_trains_is_watched_and_one_cut_short_is_resumed() {
    let training = Some(Training { run: "quick-1".to_owned(), epoch: None });
    let starting = RoadEvidence { runs: 1, training, ..untrained() };
    assert_eq!(next_of(&starting), (NextStep::Watch, "quick-1 is training.".to_owned()));
    assert_eq!(stop_of(&starting, RoadStep::Train), (StepState::Begun, "run starting".to_owned()));
    let training = Some(Training { run: "quick-1".to_owned(), epoch: Some((3, 24)) });
    let under_way = RoadEvidence { training, ..starting };
    assert_eq!(stop_of(&under_way, RoadStep::Train).1, "epoch 3 of 24");
    let cut = RoadEvidence { runs: 1, interrupted: Some("quick-1".to_owned()), ..untrained() };
    assert_eq!(next_of(&cut).0, NextStep::Resume("quick-1".to_owned()));
}

#[test]
fn a_trained_run_without_scores_wants_them() {
    let unscored = RoadEvidence { scores: None, ..scored() };
    assert_eq!(next_of(&unscored).0, NextStep::Score("recommended-1".to_owned()));
    assert_eq!(stop_of(&unscored, RoadStep::Review), (StepState::ToDo, "needs a run".to_owned()));
    assert_eq!(stop_of(&unscored, RoadStep::Train), (StepState::Done, "1 run, AUC 0.95".to_owned()));
    let unmeasured = RoadEvidence { auc: None, ..unscored };
    assert_eq!(stop_of(&unmeasured, RoadStep::Train).1, "1 run");
}

#[test]
fn scores_are_reviewed_then_labels_are_learned_then_exported() {
    assert_eq!(next_of(&scored()).0, NextStep::Review(QueueKind::MostUncertain));
    assert_eq!(stop_of(&scored(), RoadStep::Review), (StepState::ToDo, "not begun".to_owned()));
    // A queue that was begun comes before retraining, although it has set labels.
    let within = RoadEvidence {
        queues: vec![left(QueueKind::MostUncertain, 0), left(QueueKind::LikelyParticles, 50)],
        relabelled: 37,
        ..scored()
    };
    let (next, reason) = next_of(&within);
    assert_eq!(next, NextStep::Review(QueueKind::LikelyParticles));
    assert!(reason.starts_with("50 left"), "{reason}");
    assert_eq!(stop_of(&within, RoadStep::Review), (StepState::Begun, "50 left".to_owned()));
    let through = RoadEvidence { queues: vec![left(QueueKind::LikelyParticles, 0)], ..within };
    assert_eq!(
        next_of(&through),
        (
            NextStep::Retrain("recommended-1".to_owned()),
            "37 labels set since recommended-1 began.".to_owned()
        )
    );
    assert_eq!(stop_of(&through, RoadStep::Review), (StepState::Done, "200 reviewed".to_owned()));
    let learned = RoadEvidence { relabelled: 0, ..through };
    assert_eq!(next_of(&learned).0, NextStep::Export);
    assert_eq!(stop_of(&learned, RoadStep::Export), (StepState::ToDo, "not exported".to_owned()));
}

#[test]
fn an_export_ends_the_road_until_labels_change() {
    let exported = |outdated| RoadEvidence {
        queues: vec![left(QueueKind::Audit, 0)],
        exported: Some(Exported { name: "apo.star".to_owned(), outdated }),
        ..scored()
    };
    assert_eq!(road(&exported(false)).next, None);
    assert_eq!(stop_of(&exported(false), RoadStep::Export), (StepState::Done, "apo.star".to_owned()));
    assert_eq!(next_of(&exported(true)).0, NextStep::Export);
    assert_eq!(stop_of(&exported(true), RoadStep::Export).0, StepState::Begun);
}

#[test]
fn what_may_not_be_changed_gets_no_advice_and_every_advice_is_a_step_of_its_road() {
    assert_eq!(road(&RoadEvidence { read_only: true, ..untrained() }).next, None);
    for evidence in [RoadEvidence::default(), untrained(), scored()] {
        let road = road(&evidence);
        let next = road.next.map(|(next, _)| next.step());
        assert!(road.stops.iter().any(|stop| Some(stop.step) == next), "{evidence:?}");
    }
}
