//! The folder of a job: `jobs/NAME` in the project, or anywhere.
//!
//! | file | what |
//! |---|---|
//! | `job.json` | what is done, by which program, on which cluster; written once |
//! | `script.sh` | what was submitted |
//! | `shards.json` | of an array: the micrographs of each task |
//! | `submitted.jsonl` | numbers the scheduler gave, one a line |
//! | `scheduler.json` | what the scheduler said last |
//! | `stop` | there once somebody wants the job to end |
//! | `tasks/N/` | of task N alone |

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{append_line, lines, read_json, remove, write_json};
use super::profile::{Cluster, Commands, Rendered, check_name, quoted};
use super::resources::Resources;
use super::script_job::ScriptJob;
use super::task::{Task, now};
use crate::atomic::write_atomically;
use crate::error::{Error, Result};

/// Raised when the meaning of `job.json` changes.
const VERSION: u32 = 1;
/// Name of the folder of jobs in a project.
const JOBS: &str = "jobs";
/// Most tasks of an array; more is a mistake.
const MAX_TASKS: usize = 10_000;

/// The command of the program that a job calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum SubmittedCommand {
    /// `vitrine train`.
    Train,
    /// `vitrine pick`.
    Pick,
    /// `vitrine score`.
    Score,
    /// `vitrine sweep`.
    Sweep,
    /// One that this version does not know.
    Other(String),
}

impl SubmittedCommand {
    /// The word by which it is called.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Train => "train",
            Self::Pick => "pick",
            Self::Score => "score",
            Self::Sweep => "sweep",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for SubmittedCommand {
    fn from(word: String) -> Self {
        let known = [Self::Train, Self::Pick, Self::Score, Self::Sweep];
        known.into_iter().find(|known| known.as_str() == word).unwrap_or(Self::Other(word))
    }
}

impl From<SubmittedCommand> for String {
    fn from(command: SubmittedCommand) -> Self {
        command.as_str().to_owned()
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// The command that is called.
    pub kind: SubmittedCommand,
    /// Its name; the kind with a number where it is not given.
    pub name: Option<String>,
    /// Folder of the project.
    pub project: PathBuf,
    /// The program that does it.
    pub program: PathBuf,
    /// What the program is called with in the end.
    pub arguments: Vec<String>,
    /// The folder in which it is called: names of files in the arguments are seen from there.
    pub folder: PathBuf,
    /// Who submits.
    pub user: String,
    /// What each task asks for.
    pub resources: Resources,
    /// How many tasks it has.
    pub tasks: Tasks,
}

/// The tasks of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tasks {
    /// One, which is no array.
    One,
    /// An array, with the micrographs of each task.
    Shards(Vec<Vec<PathBuf>>),
    /// An array of this number of tasks; the caller writes down what each does.
    Array(usize),
}

impl Tasks {
    /// How many tasks an array has; `None` for a single task.
    fn array(&self) -> Option<usize> {
        match self {
            Self::One => None,
            Self::Shards(shards) => Some(shards.len()),
            Self::Array(tasks) => Some(*tasks),
        }
    }
}

/// `job.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    version: u32,
    /// Name of the job.
    pub name: String,
    /// The command that is called.
    pub kind: SubmittedCommand,
    /// When it was made, RFC 3339, UTC.
    pub created: String,
    /// Who made it.
    pub user: String,
    /// Folder of the project.
    pub project: PathBuf,
    /// What the program is called with.
    pub arguments: Vec<String>,
    /// The folder in which it is called.
    pub folder: PathBuf,
    /// Name of the cluster.
    pub cluster: String,
    /// How it is submitted, asked for and ended.
    pub commands: Commands,
    /// What each task asks for.
    pub resources: Resources,
    /// How many tasks an array has; `None` for a single task.
    pub array: Option<usize>,
}

/// A number that the scheduler gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Submitted {
    pub at: String,
    /// The scheduler's number.
    pub id: String,
    /// The tasks that were submitted.
    pub tasks: Vec<usize>,
}

/// A job as it would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The name that the job would get.
    pub name: String,
    /// What would be submitted.
    pub script: String,
    /// The command that would submit it.
    pub submit: String,
}

/// A job that can be made: everything about it is settled.
struct Outline {
    project: PathBuf,
    name: String,
    dir: PathBuf,
    rendered: Rendered,
}

impl Outline {
    fn new(cluster: &Cluster, new: &NewJob) -> Result<Self> {
        let tasks = new.tasks.array();
        if tasks.is_some_and(|tasks| tasks == 0 || tasks > MAX_TASKS) {
            return Err(Error::request(
                format!("an array of {} tasks", tasks.unwrap_or(0)),
                format!("cut the work into 1 to {MAX_TASKS}"),
            ));
        }
        let project = absolute(&new.project)?;
        let name = match &new.name {
            Some(name) => {
                check_name(name)?;
                name.clone()
            }
            None => free_job_name(&project, new.kind.as_str()),
        };
        let dir = project.join(JOBS).join(&name);
        if dir.exists() {
            return Err(taken(&name));
        }
        let command = format!(
            "{} task {}",
            quoted(&absolute(&new.program)?.to_string_lossy()),
            quoted(&dir.to_string_lossy())
        );
        let job = ScriptJob {
            name: &name,
            kind: new.kind.as_str(),
            command: &command,
            dir: &dir,
            project: &project,
            user: &new.user,
        };
        let rendered = cluster.render(&job, &new.resources)?;
        if tasks.is_some() {
            rendered.commands.clone().with_options(&[("array", "0".to_owned())])?;
        }
        Ok(Self { project, name, dir, rendered })
    }
}

fn taken(name: &str) -> Error {
    Error::request(format!("there is a job '{name}' already"), "choose another name")
}

/// A job on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    dir: PathBuf,
    /// What it is.
    pub file: JobFile,
}

impl Job {
    /// Makes the folder `jobs/NAME` in the project, with the script for the cluster; nothing is submitted.
    ///
    /// # Errors
    /// When there is a job of that name, the cluster's template cannot be filled, or the disk refuses.
    pub fn create(cluster: &Cluster, new: &NewJob) -> Result<Self> {
        // Before anything is made: a template that cannot be filled leaves nothing.
        let Outline { project, name, dir, rendered } = Outline::new(cluster, new)?;
        let jobs = project.join(JOBS);
        fs::create_dir_all(&jobs).map_err(|e| Error::io("create", &jobs, e))?;
        fs::create_dir(&dir).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => taken(&name),
            _ => Error::io("create", &dir, e),
        })?;
        let file = JobFile {
            version: VERSION,
            name,
            kind: new.kind.clone(),
            created: now(),
            user: new.user.clone(),
            project,
            arguments: new.arguments.clone(),
            folder: absolute(&new.folder)?,
            cluster: cluster.name.clone(),
            commands: rendered.commands,
            resources: new.resources.clone(),
            array: new.tasks.array(),
        };
        let job = Self { dir, file };
        write_atomically(&job.script(), rendered.script.as_bytes())?;
        if let Tasks::Shards(shards) = &new.tasks {
            write_json(&job.shards_file(), shards)?;
        }
        // Last: a folder with this file is whole.
        write_json(&job.dir.join("job.json"), &job.file)?;
        Ok(job)
    }

    /// What [`Job::create`] would make; nothing is made.
    ///
    /// # Errors
    /// As [`Job::create`].
    pub fn preview(cluster: &Cluster, new: &NewJob) -> Result<Preview> {
        let Outline { name, rendered, .. } = Outline::new(cluster, new)?;
        Ok(Preview { name, script: rendered.script, submit: rendered.commands.submit })
    }

    /// Opens the job in a folder.
    ///
    /// # Errors
    /// When the folder holds none, or one of a newer version.
    pub fn open(dir: &Path) -> Result<Self> {
        let dir = absolute(dir)?;
        let path = dir.join("job.json");
        let file: JobFile =
            read_json(&path, "no description of a job", "submit the job again")?.ok_or_else(|| {
                Error::request(format!("there is no job in {}", dir.display()), "name a job's folder")
            })?;
        if file.version > VERSION {
            return Err(Error::format(&path, "it was written by a newer version", "use that version"));
        }
        Ok(Self { dir, file })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is submitted.
    pub fn script(&self) -> PathBuf {
        self.dir.join("script.sh")
    }

    fn shards_file(&self) -> PathBuf {
        self.dir.join("shards.json")
    }

    /// How many tasks it has.
    pub fn tasks(&self) -> usize {
        self.file.array.unwrap_or(1)
    }

    /// One of its tasks.
    pub fn task(&self, number: usize) -> Task {
        Task::of(&self.dir, number)
    }

    /// The micrographs of a task of an array.
    ///
    /// # Errors
    /// When the job is no array, or the list cannot be read.
    pub fn shard(&self, number: usize) -> Result<Vec<PathBuf>> {
        let path = self.shards_file();
        let shards: Vec<Vec<PathBuf>> =
            read_json(&path, "no list of shards", "submit the job again")?.unwrap_or_default();
        let count = shards.len();
        shards.into_iter().nth(number).ok_or_else(|| {
            Error::format(
                &path,
                format!("it has {count} shards, none is number {number}"),
                "submit the job again",
            )
        })
    }

    /// Asks the job to end; its tasks look for this every few seconds.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn ask_to_stop(&self) -> Result<()> {
        write_atomically(&self.stop_file(), now().as_bytes())
    }

    /// Whether the job was asked to end.
    pub fn is_asked_to_stop(&self) -> bool {
        self.stop_file().exists()
    }

    fn stop_file(&self) -> PathBuf {
        self.dir.join("stop")
    }

    /// Notes what the scheduler gave; an earlier wish to end is over.
    pub(super) fn note_submitted(&self, id: &str, tasks: &[usize]) -> Result<()> {
        let entry = Submitted { at: now(), id: id.to_owned(), tasks: tasks.to_vec() };
        append_line(&self.submitted_file(), &entry)
    }

    fn submitted_file(&self) -> PathBuf {
        self.dir.join("submitted.jsonl")
    }

    /// Takes back that the job is to end.
    pub(super) fn go_on(&self) -> Result<()> {
        remove(&self.stop_file())
    }

    /// Numbers that the scheduler gave, the oldest first.
    pub(super) fn submitted(&self) -> Vec<Submitted> {
        // What cannot be read is asked again on the next look.
        lines(&self.submitted_file()).unwrap_or_default()
    }

    /// The scheduler's newest number for a task.
    pub fn scheduler_id(&self, task: usize) -> Option<String> {
        self.submitted().into_iter().rev().find(|entry| entry.tasks.contains(&task)).map(|entry| entry.id)
    }

    /// The scheduler's newest number for each task.
    pub fn scheduler_ids(&self) -> Vec<Option<String>> {
        let mut ids = vec![None; self.tasks()];
        for entry in self.submitted() {
            for task in entry.tasks {
                if let Some(id) = ids.get_mut(task) {
                    *id = Some(entry.id.clone());
                }
            }
        }
        ids
    }
}

/// The folder of the job `name` of a project.
///
/// # Errors
/// When the name is no name of a job.
pub fn job_dir(project: &Path, name: &str) -> Result<PathBuf> {
    check_name(name)?;
    Ok(project.join(JOBS).join(name))
}

/// The jobs of a project, the oldest first. A folder that holds no whole job is passed over.
///
/// # Errors
/// When the folder of jobs is there and cannot be read.
pub fn jobs_in(project: &Path) -> Result<Vec<Job>> {
    let dir = project.join(JOBS);
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", &dir, e)),
    };
    let mut jobs: Vec<Job> = entries.flatten().filter_map(|entry| Job::open(&entry.path()).ok()).collect();
    jobs.sort_by(|a, b| (&a.file.created, &a.file.name).cmp(&(&b.file.created, &b.file.name)));
    Ok(jobs)
}

/// A name that no job of the project has: the kind with a number.
pub fn free_job_name(project: &Path, kind: &str) -> String {
    let taken = |name: &String| project.join(JOBS).join(name).exists();
    (1u32..).map(|number| format!("{kind}-{number}")).find(|name| !taken(name)).unwrap_or_default()
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| Error::io("find", path, e))
}
