//! A file to be named by the person, and what is done with it then.

use std::path::PathBuf;

/// A file to be named, and what is done with it then.
#[derive(Debug, Clone)]
pub struct AskPath {
    /// "Save the plot Validation AUC".
    pub title: String,
    /// The path so far.
    pub path: PathBuf,
    /// What is done.
    pub purpose: Purpose,
    /// Why that could not be done with the path as it is.
    pub wrong: Option<String>,
}

impl AskPath {
    /// A question that begins with this path.
    pub fn new(title: impl Into<String>, path: PathBuf, purpose: Purpose) -> Self {
        Self { title: title.into(), path, purpose, wrong: None }
    }
}

/// What is done with a file that was named.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// This text is written.
    Text(String),
    /// A picture of the plot of this name is written, once all of it is on the screen.
    Picture(String),
    /// A configuration is read from it.
    OpenConfig,
    /// The run that comes next begins with the pretrained weights in it.
    PretrainedWeights,
}
