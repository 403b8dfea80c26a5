//! The report of an examination.

use serde::Serialize;

use super::finding::{Finding, Section, Series, Severity};
use super::progress::Depth;
use crate::label::LabelCounts;
use crate::learning::config::RunConfig;

/// What was found, and what was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of the program.
    pub program: &'static str,
    /// Name of the configuration.
    pub config_name: String,
    /// The configuration that was examined.
    pub config: RunConfig,
    /// Name of the run, where one was examined.
    pub run: Option<String>,
    /// How much was done.
    pub depth: Depth,
    /// Patches examined.
    pub patches: usize,
    /// Patches of the project.
    pub total: usize,
    /// Labels of the patches examined.
    pub counts: LabelCounts,
    /// Where it was computed.
    pub device: String,
    /// Whether nothing of severity `wrong` or `warning` was found.
    pub healthy: bool,
    /// One sentence.
    pub verdict: String,
    /// All findings, causes above their consequences.
    pub findings: Vec<Finding>,
    /// What each examination looked at; their own findings are listed there too.
    pub sections: Vec<Section>,
    /// The corrected configuration, where findings change it.
    pub corrected: Option<RunConfig>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl Report {
    /// The worst severity found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }

    /// The curve of this name, where it was measured.
    pub fn series(&self, name: &str) -> Option<&Series> {
        self.sections.iter().flat_map(|s| &s.series).find(|s| s.name == name)
    }
}

/// The findings in one sentence.
pub(super) fn verdict(findings: &[Finding]) -> String {
    let count = |s: Severity| findings.iter().filter(|f| f.severity == s).count();
    let (wrong, warnings) = (count(Severity::Wrong), count(Severity::Warning));
    match findings.first() {
        Some(first) if first.severity > Severity::Note => {
            let and = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
            let counted = match (wrong, warnings) {
                (0, w) => and(w, "warning"),
                (n, 0) => and(n, "thing") + " wrong",
                (n, w) => format!("{} wrong, {}", and(n, "thing"), and(w, "warning")),
            };
            format!("{counted}; first: {}", first.what)
        }
        _ => "Nothing was found that would stand in the way of training.".to_owned(),
    }
}
