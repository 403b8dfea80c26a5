//! How often the expected precision and recall of picks hold: by scores and π, and by an audit in which the truth answers.
//! Truth is read for that only.
//!
//! `cargo run --release --workspace --example pick_promises -- PROJECT RUN CENTRES DIAMETER`
//!
//! RUN has picked on the micrographs of PROJECT (`vitrine pick`). CENTRES is a folder with `NAME.csv` (`x,y`, px from the top
//! left) for each micrograph that is to be judged; DIAMETER, px: a place within half of it of a centre is that particle, one to
//! one. Twenty random orders, thresholds 0.3, 0.5, 0.7 and 0.9, the audit at 0.5.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use vitrine_core::picking::audit::{Audit, AuditPlace};
use vitrine_core::picking::census::{Census, Expectation, logit_of};
use vitrine_core::picking::choose::at_distance;
use vitrine_core::picking::evaluate::matching::match_picks;
use vitrine_core::picking::picker::Candidate;
use vitrine_core::project::Project;
use vitrine_core::workflow::found_picks::FoundPicks;

/// Random orders in which the places are judged.
const ORDERS: usize = 20;
const THRESHOLDS: [f64; 4] = [0.3, 0.5, 0.7, 0.9];

/// The places of a micrograph, and which of them are particles.
struct Mic {
    file: PathBuf,
    places: Vec<Candidate>,
    is_particle: HashMap<(u64, u64), bool>,
}

fn centres(path: &Path) -> Result<Vec<(f64, f64)>, Box<dyn Error>> {
    let rows = std::fs::read_to_string(path)?;
    let numbers = |line: &str| -> Option<(f64, f64)> {
        let (x, y) = line.split_once(',')?;
        Some((x.trim().parse().ok()?, y.trim().parse().ok()?))
    };
    Ok(rows.lines().filter_map(numbers).collect())
}

const fn key(x: f64, y: f64) -> (u64, u64) {
    (x.to_bits(), y.to_bits())
}

/// Promises and how many of them held.
#[derive(Default)]
struct Count {
    cases: usize,
    held: [usize; 2],
    width: [f64; 2],
    off: [f64; 2],
}

impl Count {
    fn add(&mut self, promised: Expectation, truth: [f64; 2]) {
        let shares = [
            (promised.precision, promised.low, promised.high),
            (promised.recall, promised.recall_low, promised.recall_high),
        ];
        self.cases += 1;
        for (at, ((value, low, high), truth)) in shares.into_iter().zip(truth).enumerate() {
            self.held[at] += usize::from((low..=high).contains(&truth));
            self.width[at] += high - low;
            self.off[at] += (value - truth).abs();
        }
    }

    fn print(&self, what: &str) {
        let cases = self.cases.max(1) as f64;
        let part = |at: usize| {
            format!(
                "{} of {} hold, mean width {:.2}, mean error {:.3}",
                self.held[at],
                self.cases,
                self.width[at] / cases,
                self.off[at] / cases
            )
        };
        println!("{what:<16} precision {} | recall {}", part(0), part(1));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [project, run, truth, diameter] = args.as_slice() else {
        return Err("name PROJECT RUN CENTRES DIAMETER".into());
    };
    let radius = diameter.parse::<f64>()? / 2.0;
    let project = Project::open(Path::new(project))?;
    let found = FoundPicks::open(&project, run)?;
    let distance = vitrine_core::ingest::project_cut(&project)?.box_size as f64 / 3.0;
    let (mut mics, mut centres_in_all) = (Vec::new(), 0);
    for mic in project.micrographs()? {
        let Some(path) = &mic.path else { continue };
        let file = project.micrograph_file(path);
        let known = Path::new(truth).join(file.with_extension("csv").file_name().unwrap_or_default());
        let Some(here) = found.on(&file).filter(|_| known.exists()) else { continue };
        let places = at_distance(&here, distance);
        let picks: Vec<(f64, f64)> = places.iter().map(|place| (place.x, place.y)).collect();
        let scores: Vec<f64> = places.iter().map(|place| f64::from(place.logit)).collect();
        let centres = centres(&known)?;
        centres_in_all += centres.len();
        let hits = match_picks(&picks, Some(&scores), &centres, radius);
        let truth = places.iter().zip(hits).map(|(place, hit)| (key(place.x, place.y), hit.is_some()));
        let is_particle = truth.collect();
        mics.push(Mic { file, places, is_particle });
    }
    let all = || mics.iter().flat_map(|mic| &mic.is_particle);
    let particles = all().filter(|(_, particle)| **particle).count();
    println!("{} micrographs, {} places, {particles} of them particles", mics.len(), all().count());
    let true_shares = |logit: f64| {
        let picked = || {
            mics.iter()
                .flat_map(|mic| mic.places.iter().map(move |place| (mic, place)))
                .filter(|(_, place)| f64::from(place.logit) >= logit)
        };
        let right = picked().filter(|(mic, place)| mic.is_particle[&key(place.x, place.y)]).count() as f64;
        [right / picked().count().max(1) as f64, right / particles.max(1) as f64]
    };
    let files: Vec<PathBuf> = mics.iter().map(|mic| mic.file.clone()).collect();
    let survey = found.survey(&project, &files, distance, false, &|| Ok(()))?;
    let mut by_scores = Count::default();
    for score in THRESHOLDS {
        let at = survey.thresholds.iter().position(|at| (at.score - score).abs() < 1e-9);
        let truth = true_shares(logit_of(score));
        println!("at {score}: precision {:.3}, recall {:.3} by the truth", truth[0], truth[1]);
        if let Some(expected) = at.and_then(|at| survey.thresholds[at].expected) {
            println!(
                "  by scores {:.2} ({:.2} to {:.2}), {:.2} ({:.2} to {:.2})",
                expected.precision,
                expected.low,
                expected.high,
                expected.recall,
                expected.recall_low,
                expected.recall_high
            );
            by_scores.add(expected, truth);
        }
    }
    by_scores.print("scores and pi");
    // F1 of the picks, by the truth: of all particles, those that the run has missed too.
    let f1 = |logit: f64| {
        let [precision, recall] = true_shares(logit);
        let recall = recall * particles as f64 / centres_in_all.max(1) as f64;
        2.0 * precision * recall / (precision + recall).max(1e-9)
    };
    let scores = || (1..100).map(|step| f64::from(step) / 100.0);
    let best = scores()
        .map(|score| (f1(logit_of(score)), score))
        .fold((0.0, 0.0), |a: (f64, f64), b| if b.0 > a.0 { b } else { a });
    println!("F1 at 0.5: {:.3}; at best {:.3}, at {:.2}", f1(logit_of(0.5)), best.0, best.1);
    for answers in [30, 60, 120] {
        let mut count = Count::default();
        let mut balanced = Vec::new();
        for order in 0..ORDERS {
            let (mut audit, mut census) = (Audit::default(), Census::default());
            for (at, mic) in mics.iter().enumerate() {
                // Another name is another order.
                audit.add(Path::new(&format!("{at}/{order}-{at}")), &mic.places);
                census.add(&mic.places);
            }
            audit.settle();
            let mut said: HashMap<(String, (u64, u64)), bool> = HashMap::new();
            let name =
                |place: &AuditPlace| (place.file.to_string_lossy().into_owned(), key(place.x, place.y));
            for _ in 0..answers {
                let place = audit.next(logit_of(0.5), &|place| said.get(&name(place)).copied());
                let Some(place) = place else { break };
                let (id, at) = name(place);
                let mic = id.split('/').next().and_then(|number| mics.get(number.parse::<usize>().ok()?));
                let truth = mic
                    .and_then(|mic| mic.is_particle.get(&at))
                    .copied()
                    .ok_or("a place of no micrograph")?;
                said.insert((id, at), truth);
            }
            let Some(judged) = audit.judged(&|place| said.get(&name(place)).copied()) else { continue };
            let worth = judged.worth(&census);
            let chosen = worth.iter().max_by(|a, b| a.f1.total_cmp(&b.f1)).map_or(0.0, |worth| worth.logit);
            balanced.push(f1(chosen));
            for score in THRESHOLDS {
                if let Some(expected) = judged.expect(&census, logit_of(score)) {
                    count.add(expected, true_shares(logit_of(score)));
                }
            }
        }
        count.print(&format!("{answers} answers"));
        balanced.sort_by(f64::total_cmp);
        let mean = balanced.iter().sum::<f64>() / balanced.len().max(1) as f64;
        let least = balanced.first().copied().unwrap_or(f64::NAN);
        println!(
            "                 F1 at the threshold of the highest expected F1: {mean:.3}, the lowest {least:.3}"
        );
    }
    Ok(())
}
