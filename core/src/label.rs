//! The label of a patch: positive, negative or unlabeled.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The label of a patch. `Unlabeled` means that nobody has labelled the patch; it never stands for `Negative`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Label {
    /// Nobody has labelled it. Unlabeled patches are a mixture of particles and everything else.
    Unlabeled = 0,
    /// A particle.
    Positive = 1,
    /// Not a particle.
    Negative = 2,
}

impl Label {
    /// The three labels in the order in which counts are shown.
    pub const ALL: [Self; 3] = [Self::Positive, Self::Unlabeled, Self::Negative];

    /// The word in files and on the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unlabeled => "unlabeled",
            Self::Positive => "positive",
            Self::Negative => "negative",
        }
    }

    /// The label that is stored as this byte; `None` for other bytes.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Unlabeled),
            1 => Some(Self::Positive),
            2 => Some(Self::Negative),
            _ => None,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Label {
    type Err = Error;

    /// Accepts the three words, their first letters, and `false_positive` for a negative.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "positive" | "p" => Ok(Self::Positive),
            "negative" | "n" | "false_positive" => Ok(Self::Negative),
            "unlabeled" | "unlabelled" | "u" => Ok(Self::Unlabeled),
            other => Err(Error::request(
                format!("'{other}' is not a label"),
                "use positive, negative or unlabeled",
            )),
        }
    }
}

/// How many patches carry each label.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCounts {
    /// Known particles.
    pub positive: u64,
    /// Patches that nobody has labelled.
    pub unlabeled: u64,
    /// Known non-particles.
    pub negative: u64,
}

impl LabelCounts {
    /// Counts the labels of an iterator.
    pub fn of(labels: impl IntoIterator<Item = Label>) -> Self {
        let mut counts = Self::default();
        for label in labels {
            *counts.get_mut(label) += 1;
        }
        counts
    }

    /// The count of one label.
    pub fn get(&self, label: Label) -> u64 {
        match label {
            Label::Positive => self.positive,
            Label::Unlabeled => self.unlabeled,
            Label::Negative => self.negative,
        }
    }

    /// The count of one label, for changing it.
    pub fn get_mut(&mut self, label: Label) -> &mut u64 {
        match label {
            Label::Positive => &mut self.positive,
            Label::Unlabeled => &mut self.unlabeled,
            Label::Negative => &mut self.negative,
        }
    }

    /// All patches.
    pub fn total(&self) -> u64 {
        self.positive + self.unlabeled + self.negative
    }

    /// P/(P+U): the share of positives among positives and unlabeled. Not the class prior π.
    pub fn labelling_rate(&self) -> Option<f64> {
        let pool = self.positive + self.unlabeled;
        (pool > 0).then(|| self.positive as f64 / pool as f64)
    }
}
