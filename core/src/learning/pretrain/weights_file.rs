//! Pretrained weights on disk, for the run that made them and for runs of other projects.
//!
//! The header of the safetensors file names the network, patch size and normaliser of the weights. A run with another
//! one is refused, and the error names both. While pretraining is under way, a file under another name also holds
//! everything needed to resume it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::config::{Backbone, PretrainConfig, RunConfig, StrongConfig, WeakConfig};
use crate::learning::network::tensor_file::{
    HeaderKind, header_text, parse_header, read_groups, write_groups,
};
use crate::learning::network::weights::NamedTensors;
use crate::learning::train::checkpoint;

/// Format of the file. It is raised when the meaning of a field changes; older programs refuse newer files.
pub const FORMAT_VERSION: u32 = 1;
const HEADER: HeaderKind =
    HeaderKind { key: "vitrine_pretrained", name: "pretrained weights", newest: FORMAT_VERSION };

/// The views from which the network learnt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PretrainViews {
    /// Strong views with these settings.
    Strong(StrongConfig),
    /// Weak views with these settings.
    Weak(WeakConfig),
}

/// What the weights belong to and how they were learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PretrainedHeader {
    /// See [`FORMAT_VERSION`].
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// The network.
    pub backbone: Backbone,
    /// Channels of a patch.
    pub channels: usize,
    /// Number of features of a patch.
    pub width: usize,
    /// Side of the patches, px.
    pub size: usize,
    /// How pixels were normalised.
    pub normaliser: Normaliser,
    /// Settings of the pretraining.
    pub config: PretrainConfig,
    /// The views from which it learnt.
    pub views: PretrainViews,
    /// Seed of the run.
    pub seed: u64,
    /// Number of patches from which it learnt.
    pub patches: usize,
    /// Loss and spread of each complete epoch.
    pub history: Vec<(f64, f64)>,
    /// Steps the optimiser has made.
    pub optimizer_steps: u64,
}

/// Pretrained weights in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Pretrained {
    /// Everything except tensors.
    pub header: PretrainedHeader,
    /// The network's weights without its last layer.
    pub features: NamedTensors,
    /// Network and heads. Only while pretraining is under way.
    pub whole: NamedTensors,
    /// Moments of the optimiser. Only while pretraining is under way.
    pub optimizer: NamedTensors,
}

/// Path of the finished weights in a run's folder.
pub fn pretrained_path(folder: &Path) -> PathBuf {
    folder.join("pretrained.safetensors")
}

/// Path of the file from which interrupted pretraining resumes.
pub fn pretraining_path(folder: &Path) -> PathBuf {
    folder.join("pretraining.safetensors")
}

impl Pretrained {
    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk refuses; the file of that name is then the old one.
    pub fn save(&self, path: &Path) -> Result<()> {
        let groups = [("features", &self.features), ("whole", &self.whole), ("optimizer", &self.optimizer)];
        write_groups(path, &HEADER, &self.header, &groups)
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`Error::Io`] when it is missing, [`Error::Format`] when it is damaged, of a newer program, or
    /// holds no pretrained weights.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        let damaged = |what: String| Error::format(path, what, "name another file, or pretrain again");
        let Some(header) = header_text(&bytes, HEADER.key, &damaged)? else {
            let what = match header_text(&bytes, checkpoint::HEADER.key, &damaged)? {
                Some(_) => "is the checkpoint of a run, not the weights of a pretraining",
                None => "is a safetensors file, but holds no pretrained weights of Vitrine",
            };
            return Err(Error::format(
                path,
                what,
                "name the pretrained.safetensors in the folder of a run that was pretrained",
            ));
        };
        let header: PretrainedHeader = parse_header(path, &header, &HEADER, &damaged)?;
        let none = NamedTensors::new;
        let mut pretrained = Self { header, features: none(), whole: none(), optimizer: none() };
        for (group, name, tensor) in read_groups(&bytes, &damaged)? {
            let group = match group.as_str() {
                "features" => &mut pretrained.features,
                "whole" => &mut pretrained.whole,
                "optimizer" => &mut pretrained.optimizer,
                _ => return Err(damaged(format!("holds an unknown tensor {group}.{name}"))),
            };
            group.insert(name, tensor);
        }
        Ok(pretrained)
    }

    /// Refuses weights of another network, patch size or kind of normaliser. The numbers of a normaliser may differ,
    /// because each project's own normaliser brings its pixels to the same scale.
    ///
    /// # Errors
    /// When the weights do not fit; the error names what they belong to and what the run expects.
    pub fn require_fit(&self, path: &Path, config: &RunConfig, normaliser: &Normaliser) -> Result<()> {
        let header = &self.header;
        let refuse = |what: &str, theirs: String, ours: String, remedy: &str| {
            Err(Error::request(
                format!(
                    "the pretrained weights in {} have {what} {theirs}, this run expects {ours}",
                    path.display()
                ),
                remedy,
            ))
        };
        if header.backbone != config.backbone {
            let remedy = format!("set backbone: {}, or use other weights", header.backbone.name());
            return refuse(
                "the network",
                header.backbone.name().into(),
                config.backbone.name().into(),
                &remedy,
            );
        }
        let (channels, width) = (1, config.backbone.width());
        if (header.channels, header.width) != (channels, width) {
            return refuse(
                "channels and width",
                format!("{} and {}", header.channels, header.width),
                format!("{channels} and {width}"),
                "use other weights, or pretrain on this project",
            );
        }
        if header.size != normaliser.size() {
            return refuse(
                "patches of",
                format!("{} px", header.size),
                format!("{} px", normaliser.size()),
                "cut or bin the patches to that size, or pretrain on this project",
            );
        }
        if header.normaliser.kind() != normaliser.kind() {
            return refuse(
                "the normaliser",
                format!("'{}'", header.normaliser.kind().describe()),
                format!("'{}'", normaliser.kind().describe()),
                "choose the same normaliser, or pretrain on this project",
            );
        }
        Ok(())
    }
}
