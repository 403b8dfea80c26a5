//! The result of an examination: findings with their evidence, and a section that says what was looked at, also
//! where nothing was found.

use serde::Serialize;
use serde_json::Value;

use super::Examination;

/// How much a finding matters. The order is that of importance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something to know; nothing has to change.
    Note,
    /// Likely to cost quality; worth a change.
    Warning,
    /// The result cannot be trusted until this is corrected.
    Wrong,
}

impl Severity {
    /// The word used in files and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }
}

/// A measured number (or word) a finding rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What was measured, in words.
    pub what: String,
    /// The value as it is shown.
    pub value: String,
}

/// One key of a configuration that should be changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigChange {
    /// Dotted path, e.g. `consistency.threshold`.
    pub key: String,
    /// The value now.
    pub from: Value,
    /// The value it should have.
    pub to: Value,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Stable name of the kind, e.g. `threshold_too_high`; see [`super::kinds`].
    pub kind: &'static str,
    /// The examination it comes from.
    pub examination: Examination,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence: what.
    pub what: String,
    /// One sentence: why it matters here, with the numbers of this data.
    pub why: String,
    /// One sentence: what to do.
    pub advice: String,
    /// The numbers it rests on.
    pub evidence: Vec<Evidence>,
    /// What to change in the configuration; empty where the data has to change.
    pub changes: Vec<ConfigChange>,
    /// Patches of the project it concerns, by id; at most [`MAX_PATCHES`].
    pub patches: Vec<u32>,
    /// The kind of the finding that explains this one; such a finding stands below its cause.
    pub follows_from: Option<&'static str>,
}

/// Patches listed with a finding at most.
pub const MAX_PATCHES: usize = 1000;

impl Finding {
    /// A finding with its three sentences and no evidence yet.
    pub fn new(
        kind: &'static str,
        examination: Examination,
        severity: Severity,
        what: impl Into<String>,
        why: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            examination,
            severity,
            what: what.into(),
            why: why.into(),
            advice: advice.into(),
            evidence: Vec::new(),
            changes: Vec::new(),
            patches: Vec::new(),
            follows_from: None,
        }
    }

    /// Adds a measured value.
    #[must_use]
    pub fn with(mut self, what: impl Into<String>, value: impl Into<String>) -> Self {
        self.evidence.push(Evidence { what: what.into(), value: value.into() });
        self
    }

    /// Adds a change of the configuration; a change that changes nothing is left out.
    #[must_use]
    pub fn change(mut self, key: &str, from: impl Into<Value>, to: impl Into<Value>) -> Self {
        let (from, to) = (from.into(), to.into());
        if from != to {
            self.changes.push(ConfigChange { key: key.to_owned(), from, to });
        }
        self
    }

    /// Names the patches concerned.
    #[must_use]
    pub fn about(mut self, patches: impl IntoIterator<Item = u32>) -> Self {
        self.patches = patches.into_iter().take(MAX_PATCHES).collect();
        self
    }
}

/// A curve for the window: the learning curve, the pseudo-label rate over τ, a range test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// Stable name, e.g. `learning_curve`.
    pub name: &'static str,
    /// What x is.
    pub x_label: String,
    /// What y is.
    pub y_label: String,
    /// Points in the order of x.
    pub points: Vec<[f64; 2]>,
}

/// What one examination looked at and found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// The examination whose result this is.
    pub examination: Examination,
    /// What was looked at, in sentences with numbers, also where nothing was found.
    pub summary: Vec<String>,
    /// Why it could not be done, where it could not.
    pub skipped: Option<String>,
    /// What was found; [`super::Report::findings`] holds all of them in order of cause.
    pub findings: Vec<Finding>,
    /// Curves to draw.
    pub series: Vec<Series>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl Section {
    /// An empty section.
    pub fn new(examination: Examination) -> Self {
        Self {
            examination,
            summary: Vec::new(),
            skipped: None,
            findings: Vec::new(),
            series: Vec::new(),
            seconds: 0.0,
        }
    }

    /// A section of an examination that was not done, and why.
    pub fn skipped(examination: Examination, why: impl Into<String>) -> Self {
        Self { skipped: Some(why.into()), ..Self::new(examination) }
    }

    /// Adds a sentence to the summary.
    pub fn say(&mut self, sentence: impl Into<String>) {
        self.summary.push(sentence.into());
    }
}
