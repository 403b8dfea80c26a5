//! A question for a file, and what happens with the answer.

use std::path::PathBuf;

/// A question for a file, and what happens with the answer.
#[derive(Debug, Clone)]
pub struct PathQuestion {
    /// "Save the plot Validation AUC".
    pub title: String,
    /// The path so far.
    pub path: PathBuf,
    /// What happens with the file.
    pub purpose: PathPurpose,
    /// Why that failed with the path as it is.
    pub wrong: Option<String>,
}

impl PathQuestion {
    /// A question that begins with this path.
    pub fn new(title: impl Into<String>, path: PathBuf, purpose: PathPurpose) -> Self {
        Self { title: title.into(), path, purpose, wrong: None }
    }
}

/// What happens with the file.
#[derive(Debug, Clone)]
pub enum PathPurpose {
    /// This text is written.
    Text(String),
    /// A picture of the plot of this name is written, once all of it is on the screen.
    Picture(String),
    /// A configuration is read from it.
    OpenConfig,
    /// The run that comes next begins with the pretrained weights in it.
    PretrainedWeights,
}
