//! The clinic of faults: each is injected into healthy simulated sets, one a seed, and the table says
//! how often the diagnosis found it, with the right cause on top, and what it wrongly called wrong in
//! the healthy ones.
//!
//! `cargo run --release --example clinic -- [SEEDS] [FAULT] [--verbose]`; SEEDS is a number (10), or a
//! range like 3..5; FAULT a part of a fault's name.
//!
//! `cargo run --release --example clinic -- --healthy PROJECT [LEFT_OUT] [--verbose]` examines a project of your own
//! whose data you trust, once for each micrograph (or LEFT_OUT neighbours) on the validation side and the others on
//! the training side, and counts false alarms.
//!
//! `cargo run --release --example clinic -- --real PROJECT TRUTH RADIUS [SETS] [FAULT] [--verbose]` puts the faults into real
//! patches: those of a project whose micrographs have known particles (TRUTH, as for `vitrine diagnose --truth`). SETS of them
//! (4 at most) differ by the micrographs on the validation side.

#[path = "../tests/clinic_support/mod.rs"]
mod clinic_support;

use std::error::Error;
use std::time::Instant;

use clinic_support::{FAULTS, Fault, OF_THE_SIMULATION, healthy, healthy_real, true_prior};
use vitrine_core::device::ComputeDevice;
use vitrine_core::diagnosis::{Depth, Finding, Report, Severity, Subject, TrainingCache, examine_again};
use vitrine_core::ingest::truth_for;
use vitrine_core::label::Label;
use vitrine_core::learning::config::yaml;
use vitrine_core::project::{Project, Side};
use vitrine_core::workflow::diagnose::{DiagnoseRequest, subject};

/// Sets that are made of one project, each with another quarter of the micrographs on the validation side.
const SETS: usize = 4;

fn look(subject: &Subject, memory: &mut TrainingCache, verbose: bool) -> Result<Report, Box<dyn Error>> {
    let report = examine_again(subject, Depth::Standard, &ComputeDevice::cpu(), memory, &mut |_| true)?;
    if verbose {
        for section in &report.sections {
            println!("    [{}] {:.2} s", section.examination.title(), section.seconds);
            for sentence in section.summary.iter().chain(&section.skipped) {
                println!("        {sentence}");
            }
        }
    }
    Ok(report)
}

fn listed(report: &Report) -> String {
    let one = |f: &Finding| {
        let cause = f.follows_from.map_or_else(String::new, |c| format!("<-{c}"));
        format!("{}:{}{cause}", f.severity.as_str(), f.kind)
    };
    report.findings.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// What is examined of a project.
fn request(truth: Option<Vec<Option<bool>>>) -> Result<DiagnoseRequest, Box<dyn Error>> {
    Ok(DiagnoseRequest {
        config: Some(yaml::load("recommended")?),
        config_name: "recommended".to_owned(),
        run: None,
        depth: Depth::Standard,
        device: ComputeDevice::cpu(),
        truth,
    })
}

/// Examines healthy data with each micrograph, or each few of them, left out for validation.
fn leave_out(project: &str, together: usize, verbose: bool) -> Result<(), Box<dyn Error>> {
    let mut subject = subject(&Project::open(project.as_ref())?, &request(None)?)?;
    let micrographs = subject.micrograph_names.len();
    let (mut wrong, mut warned, mut examined) = (0, 0, 0);
    for first in (0..micrographs).step_by(together) {
        let held = first..first + together;
        let side = |m: &Option<usize>| match m {
            Some(m) if held.contains(m) => Side::Validation,
            _ => Side::Train,
        };
        subject.sides = subject.micrographs.iter().map(side).collect();
        let report = look(&subject, &mut TrainingCache::default(), verbose)?;
        let count = |s| report.findings.iter().filter(|f| f.severity == s).count();
        wrong += usize::from(count(Severity::Wrong) > 0);
        warned += usize::from(count(Severity::Warning) > 0);
        examined += 1;
        println!("{held:?} left out, {:.1} s: {}", report.seconds, listed(&report));
    }
    println!("of {examined}: {wrong} with a finding \"wrong\", {warned} with a warning");
    Ok(())
}

/// How often each fault was found: with the right cause on top, below another, not at all.
struct Table {
    sets: usize,
    rows: Vec<(&'static Fault, [usize; 3])>,
    /// Healthy sets with a finding "wrong", and with a warning.
    alarms: [usize; 2],
}

impl Table {
    /// Of the faults whose name contains `wanted`.
    fn new(wanted: &str, is_real: bool) -> Self {
        let fits = |f: &&Fault| f.name.contains(wanted) && !(is_real && OF_THE_SIMULATION.contains(&f.name));
        Self { sets: 0, rows: FAULTS.iter().filter(fits).map(|f| (f, [0; 3])).collect(), alarms: [0; 2] }
    }

    /// Examines a healthy set, and each fault in it. `number` names the set.
    fn examine(&mut self, number: u64, healthy: &Subject, verbose: bool) -> Result<(), Box<dyn Error>> {
        // Faults of the configuration share what was trained on the healthy data.
        let mut memory = TrainingCache::default();
        let report = look(healthy, &mut memory, verbose)?;
        for (alarms, severity) in self.alarms.iter_mut().zip([Severity::Wrong, Severity::Warning]) {
            *alarms += usize::from(report.findings.iter().any(|f| f.severity == severity));
        }
        eprintln!(
            "set {number:>2} healthy (π {:.2}, {} patches) {:.1} s: {}",
            true_prior(healthy),
            healthy.len(),
            report.seconds,
            listed(&report)
        );
        for (fault, counts) in &mut self.rows {
            let report = look(&(fault.inject)(healthy.clone()), &mut memory, verbose)?;
            let is = |f: &Finding| fault.expected.contains(&f.kind) && f.severity > Severity::Note;
            let (mark, column) = match report.findings.iter().position(is) {
                Some(0) => ("top   ", 0),
                Some(_) => ("found ", 1),
                None => ("MISSED", 2),
            };
            counts[column] += 1;
            let found = listed(&report);
            eprintln!("set {number:>2} {mark} {:<32} {:.1} s: {found}", fault.name, report.seconds);
        }
        self.sets += 1;
        Ok(())
    }

    fn print(&self) {
        let heading = format!("fault ({} sets)", self.sets);
        println!("{heading:<34} {:>12} {:>12} {:>8}", "on top", "found below", "missed");
        for (fault, [top, found, missed]) in &self.rows {
            println!("{:<34} {top:>12} {found:>12} {missed:>8}", fault.name);
        }
        let [wrong, warned] = self.alarms;
        println!("healthy: {wrong} of {} with a finding \"wrong\", {warned} with a warning", self.sets);
    }
}

/// Puts the faults into the patches of a project.
fn real(plain: &[&String], verbose: bool) -> Result<(), Box<dyn Error>> {
    let [project, truth, radius, rest @ ..] = plain else {
        return Err("--real needs a project, its truth and a radius, px".into());
    };
    let project = Project::open(project.as_ref())?;
    let truth = truth_for(&project, truth.as_ref(), Some(radius.parse()?))?;
    let subject = subject(&project, &request(Some(truth))?)?;
    let sets = rest.first().map_or(Ok(SETS), |n| n.parse())?.min(SETS);
    let mut table = Table::new(rest.get(1).map_or("", |s| s.as_str()), true);
    let negatives = subject.labels.iter().filter(|l| **l == Label::Positive).count() / 4;
    for set in 0..sets {
        table.examine(set as u64 + 1, &healthy_real(subject.clone(), set, negatives), verbose)?;
    }
    table.print();
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let verbose = args.iter().any(|a| a == "--verbose");
    let plain: Vec<&String> = args.iter().filter(|a| !a.starts_with("--")).collect();
    if args.iter().any(|a| a == "--healthy") {
        let project = plain.first().ok_or("--healthy needs a project")?;
        let together = plain.get(1).map_or(Ok(1), |n| n.parse())?;
        return leave_out(project, together, verbose);
    }
    if args.iter().any(|a| a == "--real") {
        return real(&plain, verbose);
    }
    let seeds: Vec<u64> = match plain.first().map(|s| s.split_once("..")) {
        None => (1..=10).collect(),
        Some(None) => (1..=plain[0].parse()?).collect(),
        Some(Some((from, to))) => (from.parse()?..=to.parse()?).collect(),
    };
    let started = Instant::now();
    let mut table = Table::new(plain.get(1).map_or("", |s| s.as_str()), false);
    for &seed in &seeds {
        table.examine(seed, &healthy(seed), verbose)?;
    }
    table.print();
    println!("{:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}
