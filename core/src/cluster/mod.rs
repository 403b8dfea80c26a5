//! Runs work on the cluster of a site, through the submission template and the scheduler that the site already has.
//!
//! A file uses only files above it:
//!
//! | file | what |
//! |---|---|
//! | `files` | texts, values as JSON, and files that grow by a line |
//! | `resources` | what a job asks for: threads, GPUs, memory, time, queue |
//! | `script_job` | what a job puts into its script |
//! | `relion_template` | RELION's submission template, `XXX…XXX` |
//! | `cryosparc` | cryoSPARC's `cluster_info.json` and `cluster_script.sh` |
//! | `profile` | a cluster that a person has named, and the list of them |
//! | `log` | copies what a task prints into a file |
//! | `task` | a task of a job on the disk: its events, its heartbeat, its exit |
//! | `job` | the folder of a job |
//! | `scheduler` | submits, asks and cancels by the cluster's own commands |
//! | `state` | queued, running, done, failed, lost: from scheduler, heartbeat and exit file |
//! | `watch` | the same, looked at repeatedly, with what has happened since the look before |
//!
//! A task writes into its own folder and nothing else of the job; nothing here opens a project.

mod cryosparc;
mod files;
mod job;
mod log;
mod profile;
mod relion_template;
mod resources;
mod scheduler;
mod script_job;
mod state;
mod task;
mod watch;

pub use job::{Job, JobFile, NewJob, Preview, SubmittedCommand, Tasks, free_job_name, job_dir, jobs_in};
pub use log::print_to;
pub use profile::{Cluster, Clusters, Commands, Kind};
pub use resources::Resources;
pub use scheduler::{GRACE, cancel, requeue, submit};
pub use state::{Answer, JobState, TaskState, states};
pub use task::{BEAT, Event, Exit, Task};
pub use watch::{NewEpoch, Watch};
