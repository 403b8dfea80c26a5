//! A field of a configuration as a form shows it: its label, its values, and reading and setting them.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::learning::config::RunConfig;
use crate::learning::config::check::NUMBER_FIELDS;

/// The values a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A number; its range is [`Field::range`].
    Number,
    /// A whole number.
    Whole,
    /// Yes or no.
    Flag,
    /// One of these words, each with its meaning.
    Choice(&'static [(&'static str, &'static str)]),
    /// A number above 0 and below 1, or the word `estimate`.
    Prior,
    /// The path of a file; empty for none.
    Path,
}

/// A field of [`RunConfig`].
#[derive(Debug)]
pub struct Field {
    /// Dotted path, as in YAML.
    pub key: &'static str,
    /// Label in a form.
    pub label: &'static str,
    /// What the field does, in one sentence or two.
    pub sentence: &'static str,
    /// Unit of the number; empty where it has none.
    pub unit: &'static str,
    /// The values it takes.
    pub kind: FieldKind,
    /// Smallest and largest usual number; others are allowed.
    pub usual: Option<(f64, f64)>,
    /// Whether the method of this configuration uses the field.
    pub used: fn(&RunConfig) -> bool,
}

/// Fields that belong together.
pub struct FieldGroup {
    /// Heading.
    pub name: &'static str,
    /// The fields, in the order in which they are read.
    pub fields: &'static [Field],
}

impl Field {
    /// Smallest and largest allowed number, where the field has a range.
    pub fn range(&self) -> Option<(f64, f64)> {
        NUMBER_FIELDS.iter().find(|n| n.key == self.key).map(|n| (n.low, n.high))
    }

    /// The numbers it takes, in words: "usually 20 to 200; 1 to 10000 possible". `None` where it takes no number.
    pub fn range_words(&self) -> Option<String> {
        let between = |(low, high): (f64, f64)| format!("{} to {}", plain(low), plain(high));
        let possible = match (self.kind, self.range()) {
            (FieldKind::Prior, _) => "above 0 and below 1".to_owned(),
            (_, Some(range)) => between(range),
            (FieldKind::Whole, None) => "any whole number from 0 on".to_owned(),
            _ => return None,
        };
        Some(match self.usual {
            Some(usual) if self.range() != Some(usual) => {
                format!("usually {}; {possible} possible", between(usual))
            }
            _ => possible,
        })
    }

    /// A sentence that says so where this number is allowed but unusual.
    pub fn unusual(&self, value: f64) -> Option<String> {
        let (low, high) = self.usual?;
        let allowed = self.range().is_none_or(|(least, most)| value >= least && value <= most);
        let side = match (value < low, value > high) {
            (true, _) => "less",
            (_, true) => "more",
            _ => return None,
        };
        let words = || format!("{} is {side} than usual ({} to {}).", plain(value), plain(low), plain(high));
        allowed.then(words)
    }

    fn pointer(&self) -> String {
        format!("/{}", self.key.replace('.', "/"))
    }

    /// The value in a configuration: a number, true or false, or a word.
    pub fn get(&self, config: &RunConfig) -> Value {
        let value = serde_json::to_value(config).unwrap_or(Value::Null);
        match value.pointer(&self.pointer()) {
            // A choice with settings of its own is a mapping whose `kind` is the word.
            Some(Value::Object(map)) => map.get("kind").cloned().unwrap_or(Value::Null),
            Some(value) => value.clone(),
            None => Value::Null,
        }
    }

    /// Sets the value. Does not check ranges and contradictions; [`crate::learning::config::check::violations`] does.
    ///
    /// # Errors
    /// When the field does not take the value.
    pub fn set(&self, config: &mut RunConfig, value: &Value) -> Result<()> {
        let refuse = || {
            let remedy = match self.kind {
                FieldKind::Number | FieldKind::Prior => "write a number".to_owned(),
                FieldKind::Whole => "write a whole number, 0 or above".to_owned(),
                FieldKind::Flag => "write true or false".to_owned(),
                FieldKind::Path => "write the path of a file".to_owned(),
                FieldKind::Choice(words) => {
                    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                    format!("write one of {}", words.join(", "))
                }
            };
            Error::config(self.key, format!("{value} is no value for {}", self.label), remedy)
        };
        let mut whole = serde_json::to_value(&*config).map_err(|_| refuse())?;
        let slot = whole.pointer_mut(&self.pointer()).ok_or_else(refuse)?;
        if slot.is_object() {
            // A normaliser chosen anew gets its usual settings; choosing the same one again keeps its settings.
            if slot.get("kind") == Some(value) {
                return Ok(());
            }
            *slot = match value.as_str() {
                Some("robust_percentiles") => json!({ "kind": value, "low": 1.0, "high": 99.0 }),
                Some("background_ring") => json!({ "kind": value, "radius_fraction": 0.75 }),
                _ => json!({ "kind": value }),
            };
            *config = serde_json::from_value(whole).map_err(|_| refuse())?;
            return Ok(());
        }
        let value = match (self.kind, value.as_f64()) {
            (FieldKind::Whole, Some(number)) if number >= 0.0 && number.fract() == 0.0 => {
                value.as_u64().map_or_else(|| Value::from(number as u64), Value::from)
            }
            _ => value.clone(),
        };
        *slot = value;
        *config = serde_json::from_value(whole).map_err(|_| refuse())?;
        Ok(())
    }
}

/// A number as people write it: 0.001 and 1e-5, not 0.00001.
pub fn plain(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-3 || value.abs() >= 1e7) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}
