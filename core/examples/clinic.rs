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

#[path = "../tests/clinic_support/mod.rs"]
mod clinic_support;

use std::error::Error;
use std::time::Instant;

use clinic_support::{FAULTS, healthy, true_prior};
use vitrine_core::device::ComputeDevice;
use vitrine_core::diagnosis::{Depth, Report, Severity, Subject, TrainingCache, examine_again};
use vitrine_core::learning::config::yaml;
use vitrine_core::project::{Project, Side};
use vitrine_core::workflow::diagnose::{DiagnoseRequest, subject};

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
    let one = |f: &vitrine_core::diagnosis::Finding| {
        let cause = f.follows_from.map_or_else(String::new, |c| format!("<-{c}"));
        format!("{}:{}{cause}", f.severity.as_str(), f.kind)
    };
    report.findings.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Examines healthy data with each micrograph, or each few of them, left out for validation.
fn leave_out(project: &str, together: usize, verbose: bool) -> Result<(), Box<dyn Error>> {
    let request = DiagnoseRequest {
        config: Some(yaml::load("recommended")?),
        config_name: "recommended".to_owned(),
        run: None,
        depth: Depth::Standard,
        device: ComputeDevice::cpu(),
        truth: None,
    };
    let mut subject = subject(&Project::open(project.as_ref())?, &request)?;
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

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let verbose = args.iter().any(|a| a == "--verbose");
    let plain: Vec<&String> = args.iter().filter(|a| !a.starts_with("--")).collect();
    if args.iter().any(|a| a == "--healthy") {
        let project = plain.first().ok_or("--healthy needs a project")?;
        let together = plain.get(1).map_or(Ok(1), |n| n.parse())?;
        return leave_out(project, together, verbose);
    }
    let seeds: Vec<u64> = match plain.first().map(|s| s.split_once("..")) {
        None => (1..=10).collect(),
        Some(None) => (1..=plain[0].parse()?).collect(),
        Some(Some((from, to))) => (from.parse()?..=to.parse()?).collect(),
    };
    let wanted = plain.get(1).map_or("", |s| s.as_str());
    let started = Instant::now();
    let mut rows: Vec<(&str, [usize; 3])> = FAULTS.iter().map(|f| (f.name, [0; 3])).collect();
    let (mut wrong, mut warned) = (0, 0);
    for &seed in &seeds {
        let subject = healthy(seed);
        // Faults of the configuration share what was trained on the healthy data.
        let mut memory = TrainingCache::default();
        if "healthy".contains(wanted) {
            let report = look(&subject, &mut memory, verbose)?;
            let count = |s| report.findings.iter().filter(|f| f.severity == s).count();
            wrong += usize::from(count(Severity::Wrong) > 0);
            warned += usize::from(count(Severity::Warning) > 0);
            eprintln!(
                "seed {seed:>2} healthy (π {:.2}, {} patches) {:.1} s: {}",
                true_prior(&subject),
                subject.len(),
                report.seconds,
                listed(&report)
            );
        }
        for (fault, (_, counts)) in FAULTS.iter().zip(&mut rows).filter(|(f, _)| f.name.contains(wanted)) {
            let report = look(&(fault.inject)(subject.clone()), &mut memory, verbose)?;
            let is = |kind: &str| fault.expected.contains(&kind);
            let severe = |f: &vitrine_core::diagnosis::Finding| f.severity > Severity::Note;
            let top = report.findings.first().is_some_and(|f| is(f.kind) && severe(f));
            let found = report.findings.iter().any(|f| is(f.kind) && severe(f));
            counts[0] += usize::from(top);
            counts[1] += usize::from(found && !top);
            counts[2] += usize::from(!found);
            let mark = if top {
                "top   "
            } else if found {
                "found "
            } else {
                "MISSED"
            };
            eprintln!(
                "seed {seed:>2} {mark} {:<32} {:.1} s: {}",
                fault.name,
                report.seconds,
                listed(&report)
            );
        }
    }
    let n = seeds.len();
    println!("{:<34} {:>12} {:>12} {:>8}", format!("fault ({n} seeds)"), "on top", "found below", "missed");
    for (name, [top, found, missed]) in rows.iter().filter(|(name, _)| name.contains(wanted)) {
        println!("{name:<34} {top:>12} {found:>12} {missed:>8}");
    }
    if "healthy".contains(wanted) {
        println!(
            "{:<34} {wrong:>12} with a finding \"wrong\", {warned} with a warning",
            "healthy sets, false alarms"
        );
    }
    println!("{:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}
