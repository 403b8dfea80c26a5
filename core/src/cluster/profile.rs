//! A cluster that a person has named: where its template is, and how jobs are submitted, asked for and cancelled.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cryosparc;
use super::files::{read_json, read_text, write_json};
use super::relion_template::{self, DEDICATED};
use super::resources::Resources;
use super::script_job::ScriptJob;
use crate::error::{Error, Result};

/// A cluster. The template stays where the site keeps it, and is read again for every job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// The name that the person gave it; the name of its file in the settings.
    pub name: String,
    /// What kind of template it has.
    pub kind: Kind,
    /// Queue or partition where a job names none.
    #[serde(default)]
    pub queue: Option<String>,
}

/// Kinds of templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// SLURM without a template of the site.
    Slurm,
    /// RELION's submission template.
    Relion {
        /// The template.
        template: PathBuf,
        /// The command that submits it (`RELION_QSUB_COMMAND`).
        submit: String,
        /// Cores a node has at least.
        dedicated: u32,
    },
    /// cryoSPARC's `cluster_info.json`, with `cluster_script.sh` beside it.
    Cryosparc {
        /// The `cluster_info.json`.
        info: PathBuf,
    },
}

/// A script ready to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The script.
    pub script: String,
    /// The commands for it.
    pub commands: Commands,
}

/// Commands of a scheduler, in Jinja as cryoSPARC writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commands {
    /// Submits `{{ script_path_abs }}`.
    pub submit: String,
    /// Says the state of `{{ cluster_job_id }}` in one word; `None` where nobody knows how.
    pub state: Option<String>,
    /// Ends `{{ cluster_job_id }}`.
    pub cancel: Option<String>,
    /// How a `{{ command }}` reaches the machine that submits.
    pub send: String,
}

/// For SLURM without a template: RELION's words, so that there is one way to fill them.
const PLAIN_SLURM: &str = include_str!("slurm.sh");

impl Cluster {
    /// The script of a job and the commands that go with it.
    ///
    /// # Errors
    /// When the template cannot be read, or asks for what is not known.
    pub(super) fn render(&self, job: &ScriptJob<'_>, resources: &Resources) -> Result<Rendered> {
        let mut wanted = resources.clone();
        wanted.queue = wanted.queue.or_else(|| self.queue.clone());
        wanted.check()?;
        let (out, err) = (job.dir.join("run.out"), job.dir.join("run.err"));
        let (out, err) = (out.to_string_lossy(), err.to_string_lossy());
        let relion = |path: &Path, template: &str, dedicated: u32| {
            // A template of the site says itself how it quotes.
            let (out, err) = match self.kind {
                Kind::Slurm => (quoted(&out), quoted(&err)),
                _ => (out.to_string(), err.to_string()),
            };
            let values = relion_template::Values {
                command: job.command,
                name: job.name,
                out: &out,
                err: &err,
                dedicated,
            };
            relion_template::render(path, template, &values, &wanted)
        };
        let script = match &self.kind {
            Kind::Slurm => relion(Path::new("the script for SLURM"), PLAIN_SLURM, DEDICATED)?,
            Kind::Relion { template, dedicated, .. } => relion(template, &read_text(template)?, *dedicated)?,
            Kind::Cryosparc { info } => {
                let path = cryosparc::script_beside(info);
                cryosparc::script(&path, &read_text(&path)?, job, &out, &wanted)?
            }
        };
        let commands = self.commands()?.with_options(&self.options(&wanted))?;
        Ok(Rendered { script, commands })
    }

    /// What SLURM is told beside the script; templates have no word for some of it.
    fn options(&self, wanted: &Resources) -> Vec<(&'static str, String)> {
        let mut options = Vec::new();
        if let Some(time) = &wanted.time {
            options.push(("time", quoted(time)));
        }
        if self.kind == Kind::Slurm {
            if let Some(queue) = &wanted.queue {
                options.push(("partition", quoted(queue)));
            }
            options.push(("mem", format!("{}G", wanted.memory_gb)));
            if wanted.gpus > 0 {
                options.push(("gres", format!("gpu:{}", wanted.gpus)));
            }
        }
        options
    }

    /// The commands of the scheduler.
    ///
    /// # Errors
    /// When `cluster_info.json` cannot be read.
    pub fn commands(&self) -> Result<Commands> {
        let plain = |submit: &str| {
            let slurm = is_slurm(submit);
            let only = |command: &str| slurm.then(|| command.to_owned());
            Commands {
                submit: format!("{submit} {{{{ script_path_abs }}}}"),
                state: only("squeue -h -r -j {{ cluster_job_id }} -o '%K %T'"),
                cancel: only("scancel {{ cluster_job_id }}"),
                send: "{{ command }}".to_owned(),
            }
        };
        Ok(match &self.kind {
            Kind::Slurm => plain("sbatch"),
            Kind::Relion { submit, .. } => plain(submit),
            Kind::Cryosparc { info } => {
                let info = cryosparc::Info::read(info)?;
                Commands {
                    submit: info.qsub_cmd_tpl,
                    state: info.qstat_code_cmd_tpl,
                    cancel: info.qdel_cmd_tpl,
                    send: info.send_cmd_tpl,
                }
            }
        })
    }
}

/// Whether a command submits to SLURM.
fn is_slurm(submit: &str) -> bool {
    sbatch_end(submit).is_some()
}

/// Where the word `sbatch` of a command ends.
fn sbatch_end(command: &str) -> Option<usize> {
    let mut from = 0;
    command.split(' ').find_map(|word| {
        let end = from + word.len();
        from = end + 1;
        (word.rsplit('/').next() == Some("sbatch")).then_some(end)
    })
}

impl Commands {
    /// The same with options for `sbatch`.
    ///
    /// # Errors
    /// When there are some, and the command is another program.
    pub(super) fn with_options(mut self, options: &[(&str, String)]) -> Result<Self> {
        if options.is_empty() {
            return Ok(self);
        }
        let words: Vec<String> = options.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        let words = words.join(" ");
        let Some(end) = sbatch_end(&self.submit) else {
            return Err(Error::request(
                format!("'{}' submits to no SLURM, so {words} cannot be given to it", self.submit),
                "write it into the site's template",
            ));
        };
        self.submit.insert_str(end, &format!(" {words}"));
        Ok(self)
    }
}

/// A text as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,=+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// The clusters that a person has named: a folder with a file for each.
#[derive(Debug, Clone)]
pub struct Clusters {
    dir: PathBuf,
}

impl Clusters {
    /// Those in a folder, which need not exist yet.
    pub fn in_folder(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Adds a cluster, or replaces the one of this name. Its template is read to see that it can be.
    ///
    /// # Errors
    /// When the name is no file name, a file of the site cannot be read, or the disk refuses.
    pub fn add(&self, cluster: &Cluster) -> Result<()> {
        check_name(&cluster.name)?;
        cluster.commands()?;
        let template = match &cluster.kind {
            Kind::Slurm => None,
            Kind::Relion { template, .. } => Some(template.clone()),
            Kind::Cryosparc { info } => Some(cryosparc::script_beside(info)),
        };
        if let Some(path) = template {
            read_text(&path)?;
        }
        std::fs::create_dir_all(&self.dir).map_err(|e| Error::io("create", &self.dir, e))?;
        write_json(&self.file(&cluster.name), cluster)
    }

    /// The cluster of this name.
    ///
    /// # Errors
    /// When there is none, or its file cannot be read.
    pub fn get(&self, name: &str) -> Result<Cluster> {
        check_name(name)?;
        let path = self.file(name);
        if let Some(cluster) = read_json(&path, "no cluster", "add the cluster again")? {
            return Ok(cluster);
        }
        let known: Vec<String> = self.list()?.into_iter().map(|cluster| cluster.name).collect();
        let remedy = match known.as_slice() {
            [] => {
                "add it first: its name, and the template of RELION or cryoSPARC or SLURM's partition".into()
            }
            known => format!("use one of {}, or add it", known.join(", ")),
        };
        Err(Error::request(format!("there is no cluster named '{name}'"), remedy))
    }

    /// All clusters, by name.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be read.
    pub fn list(&self) -> Result<Vec<Cluster>> {
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io("read", &self.dir, e)),
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
            .filter(|name| check_name(name).is_ok())
            .collect();
        names.sort();
        names.iter().map(|name| self.get(name)).collect()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }
}

/// Refuses names that are no plain file names.
pub(super) fn check_name(name: &str) -> Result<()> {
    let fine = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(fine) {
        return Ok(());
    }
    Err(Error::request(format!("'{name}' is no name"), "use letters, digits, and - _ ."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn relion(submit: &str) -> Cluster {
        let template = PathBuf::from("/site/t.csh");
        let kind = Kind::Relion { template, submit: submit.into(), dedicated: 24 };
        Cluster { name: "lab".into(), kind, queue: None }
    }

    #[test]
    fn what_templates_have_no_word_for_goes_to_sbatch_itself() {
        let commands = relion("/usr/bin/sbatch -A grant").commands().unwrap();
        assert!(commands.cancel.is_some() && commands.state.is_some());
        let array = commands.with_options(&[("array", "0-3".into()), ("time", "1:00".into())]).unwrap();
        let options = ["array=0-3", "time=1:00"].map(|option| format!("--{option}")).join(" ");
        assert_eq!(array.submit, format!("/usr/bin/sbatch {options} -A grant {{{{ script_path_abs }}}}"));
        let other = relion("qsub").commands().unwrap();
        assert_eq!((&other.state, &other.cancel), (&None, &None));
        let text = other.with_options(&[("array", "0-3".into())]).unwrap_err().to_string();
        assert!(text.contains("no SLURM") && text.contains("array=0-3"), "{text}");
    }

    #[test]
    fn words_of_a_shell() {
        assert_eq!(quoted("/a/b-c_1.mrc"), "/a/b-c_1.mrc");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("$HOME"), "'$HOME'");
    }

    #[test]
    fn clusters_are_kept_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let clusters = Clusters::in_folder(dir.path().join("clusters"));
        assert_eq!(clusters.list().unwrap(), []);
        let text = clusters.get("lab").unwrap_err().to_string();
        assert!(text.contains("no cluster named 'lab'") && text.contains("add it first"), "{text}");
        let plain = Cluster { name: "lab".into(), kind: Kind::Slurm, queue: Some("gpu".into()) };
        clusters.add(&plain).unwrap();
        assert_eq!(clusters.list().unwrap(), [plain]);
        assert!(clusters.get("other").unwrap_err().to_string().contains("use one of lab"));
        assert!(clusters.get("../lab").unwrap_err().to_string().contains("is no name"));
        // A template that is not there is told when the cluster is added, not when the first job goes.
        let text = clusters.add(&relion("sbatch")).unwrap_err().to_string();
        assert!(text.contains("/site/t.csh"), "{text}");
    }
}
