//! Runs whose picks look like a random sample: the test of the picks before the run, and the second course after it.

use std::sync::mpsc::{channel, sync_channel};

use vitrine_core::learning::config::PriorConfig;
use vitrine_core::learning::config::yaml::parse;
use vitrine_core::learning::prior::PriorUsed;
use vitrine_core::learning::prior::pick_test::PickSample;
use vitrine_core::learning::train::checkpoint::{Checkpoint, resume_path};
use vitrine_core::learning::train::events::{RunPhase, TrainControl, TrainEvent};
use vitrine_core::learning::train::preflight::{PriorEvidence, preflight};
use vitrine_core::learning::train::run::{EarlyEnd, RunOutcome, TrainJob, train};

use super::{BRIGHT, Made, config, curve, job, made_of, run};

const SECOND_START: &str = "\
backbone: sliding_cnn
pretrain:
  kind: general
risk:
  kind: naive
match_prior: true
self_training:
  enabled: true
  start_epoch: 2
  trial: false
  general_model: true
  general_share: 0.5
  second_start: true
teacher:
  enabled: true
schedule:
  epochs: 3
  select_by: last
";

/// Enough positives validate to say whether picks are a random sample; with so few particles among the unlabeled as π says,
/// nearly every AUC is possible for them.
fn second_start(second: bool) -> TrainJob {
    let mut config = config(SECOND_START);
    config.prior = PriorConfig::Given(0.05);
    config.self_training.second_start = second;
    let mut job = job(config);
    job.data.train = (0..200).filter(|i| i % 3 != 0).collect();
    job.data.validation = (0..200).filter(|i| i % 3 == 0).collect();
    job
}

fn run_and_hear(job: TrainJob) -> (RunOutcome, String) {
    let (_orders, control) = channel();
    let (say, hear) = sync_channel(100_000);
    let outcome = train(job, &control, &say).unwrap();
    drop(say);
    let warnings = hear.into_iter().filter_map(|event| match event {
        TrainEvent::Warning(warning) => Some(warning.text),
        _ => None,
    });
    (outcome, warnings.collect::<Vec<_>>().join("\n"))
}

#[test]
fn random_picks_are_learned_once_more_from_fresh_weights() {
    let (first, words) = run_and_hear(second_start(false));
    assert!(words.contains("is not above the ceiling") && !words.contains("course"), "{words}");
    let (both, words) = run_and_hear(second_start(true));
    assert!(words.contains("and then learns once more from fresh weights"), "{words}");
    assert!(words.contains("after the first course and"), "{words}");
    // The first course is what it is without the second.
    assert_eq!((first.history.len(), both.history.len(), both.best_epoch), (3, 6, 6));
    assert_eq!(curve(&first.history), curve(&both.history[..3]));
    // Fresh weights rank worse after one epoch than the general model's after three; at the end the better ones score.
    let auc = |at: usize| both.history[at].validation_auc_pu;
    let second_scores = words.contains("The second course, from fresh weights, scores");
    assert_eq!(first.model.model != both.model.model, second_scores);
    assert_ne!(auc(3).to_bits(), auc(2).to_bits(), "the network in training is measured");
    assert!(auc(5) >= auc(2) - 0.02, "{} {}", auc(2), auc(5));

    // Resumed after the first course, and within the second, a run goes on exactly.
    for stop_in in [4, 5] {
        let folder = tempfile::tempdir().unwrap();
        let (orders, control) = channel();
        let (say, hear) = sync_channel(0);
        let listener = std::thread::spawn(move || {
            for event in hear {
                if matches!(event, TrainEvent::Progress { epoch, batch: 1, .. } if epoch == stop_in) {
                    orders.send(TrainControl::Stop).unwrap();
                }
            }
        });
        let job = TrainJob { folder: Some(folder.path().to_owned()), ..second_start(true) };
        let stopped = train(job, &control, &say).unwrap();
        drop(say);
        listener.join().unwrap();
        assert_eq!((stopped.ended_early, stopped.history.len()), (Some(EarlyEnd::Stopped), stop_in - 1));
        assert_eq!(stopped.best_epoch, 3);
        // Until the second course is complete the first one scores.
        assert_eq!(stopped.model.model, first.model.model, "stopped in epoch {stop_in}");
        let checkpoint = Checkpoint::load(&resume_path(folder.path())).unwrap();
        let job = TrainJob {
            folder: Some(folder.path().to_owned()),
            resume: Some(checkpoint),
            ..second_start(true)
        };
        let resumed = run(job).unwrap();
        assert_eq!(curve(&both.history), curve(&resumed.history), "stopped in epoch {stop_in}");
        assert_eq!(both.model.model, resumed.model.model);
    }
}

/// Enough random picks to test them.
fn tested_picks(test: bool) -> TrainJob {
    let mut job = second_start(false);
    job.config.prior = PriorConfig::Given(0.3);
    job.config.self_training.test_picks = test;
    let Made { data, normaliser } = made_of(600, 150, BRIGHT);
    TrainJob { data, normaliser, ..job }
}

#[test]
fn picks_are_tested_before_the_run_and_not_again_when_it_goes_on() {
    let asked = |job: TrainJob, stop_in: Option<usize>| {
        let (orders, control) = channel();
        let (say, hear) = sync_channel(0);
        let listener = std::thread::spawn(move || {
            let (mut tested, mut words) = (false, String::new());
            for event in hear {
                match event {
                    TrainEvent::Phase(RunPhase::TestingPicks) => tested = true,
                    TrainEvent::Warning(warning) => words.push_str(&warning.text),
                    TrainEvent::Progress { epoch, batch: 1, .. } if Some(epoch) == stop_in => {
                        orders.send(TrainControl::Stop).unwrap();
                    }
                    _ => {}
                }
            }
            (tested, words)
        });
        let outcome = train(job, &control, &say).unwrap();
        drop(say);
        let (tested, words) = listener.join().unwrap();
        (outcome, tested, words)
    };
    let (plain, tested, words) = asked(tested_picks(false), None);
    assert!(!tested && words.contains("The validation AUC"), "{words}");
    let (whole, tested, words) = asked(tested_picks(true), None);
    assert!(tested, "{words}");
    let test = whole.model.header.trial.picks().unwrap();
    assert_eq!(test.sample(), PickSample::Random, "{test:?}");
    assert!(words.contains("so the picks look like a random sample"), "{words}");
    // The test decides what follows, and changes nothing of what was learned before.
    assert_eq!(curve(&plain.history[..1]), curve(&whole.history[..1]));

    let folder = tempfile::tempdir().unwrap();
    let kept = || TrainJob { folder: Some(folder.path().to_owned()), ..tested_picks(true) };
    let (stopped, tested, _) = asked(kept(), Some(2));
    assert!(tested && stopped.history.len() == 1);
    let checkpoint = Checkpoint::load(&resume_path(folder.path())).unwrap();
    let (resumed, tested, words) = asked(TrainJob { resume: Some(checkpoint), ..kept() }, None);
    assert!(!tested && words.contains("Classifiers place picks that they did not see"), "{words}");
    assert_eq!(curve(&whole.history), curve(&resumed.history));
    assert_eq!(resumed.model.header.trial.picks(), Some(test));

    // Nothing is tested again that another run has tested.
    let known = TrainJob { known_picks: Some(test), ..tested_picks(true) };
    let (again, tested, _) = asked(known, None);
    assert!(!tested && again.model.header.trial.picks() == Some(test));
    assert_eq!(curve(&whole.history), curve(&again.history));
}

#[test]
fn where_picks_are_a_random_sample_the_test_tells_pi() {
    let prior_of = |test: bool, known: Option<PriorUsed>| {
        let TrainJob { mut config, data, device, .. } = tested_picks(test);
        config.prior = parse("prior: estimate", "test").unwrap().prior;
        let evidence = PriorEvidence { known, ..PriorEvidence::default() };
        let phases = std::cell::RefCell::new(Vec::new());
        let say = |event| {
            if let TrainEvent::Phase(phase) = event {
                phases.borrow_mut().push(phase);
            }
        };
        let found = preflight(&config, &data, &device, evidence, say, |_, _| true).unwrap();
        (found.prior, phases.into_inner())
    };
    let (quick, phases) = prior_of(false, None);
    assert_eq!(phases, [RunPhase::EstimatingPrior]);
    let (tested, phases) = prior_of(true, None);
    assert_eq!(phases, [RunPhase::TestingPicks], "one estimate is enough");
    assert!(tested.estimated && tested != quick, "{tested:?}");
    // A number by which other runs are judged stays.
    assert_eq!(prior_of(true, Some(quick)).0, quick);
}
