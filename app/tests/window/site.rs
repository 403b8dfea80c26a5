//! A site with a cluster for tests: its commands are scripts that write down what they are called with, and say what a
//! test wants them to say. No scheduler is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vitrine::gui::values::Start;
use vitrine_core::cluster::{Cluster, Clusters, Job, Kind, NewJob, Resources, Tasks, submit};

use crate::support::{Window, wait, window_with};

/// A cluster named `lab`.
pub struct Site {
    dir: PathBuf,
}

impl Site {
    /// Makes it in a folder.
    pub fn new(dir: &Path) -> Self {
        let dir = dir.join("site");
        fs::create_dir_all(&dir).unwrap();
        let place = dir.display().to_string();
        let program = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
        program(
            "sbatch",
            &format!(
                "echo \"$@\" >>'{place}/submitted'\necho Submitted batch job $(wc -l <'{place}/submitted')\n"
            ),
        );
        program(
            "squeue",
            &format!("echo \"$1\" >>'{place}/asked'\ncat '{place}/state' 2>/dev/null || true\n"),
        );
        program("scancel", &format!("echo \"$1\" >>'{place}/cancelled'\n: >'{place}/state'\n"));
        let site = Self { dir };
        site.says("PENDING");
        site.write_info(&format!("sh {place}/"));
        fs::write(
            site.dir.join("cluster_script.sh"),
            "#!/bin/bash\n# {{ job_uid }}, {{ num_cpu }} threads\n{{ run_cmd }}\n",
        )
        .unwrap();
        site.clusters()
            .add(&Cluster {
                name: "lab".to_owned(),
                kind: Kind::Cryosparc { info: site.dir.join("cluster_info.json") },
                queue: None,
            })
            .unwrap();
        site
    }

    fn write_info(&self, before: &str) {
        let info = serde_json::json!({
            "qsub_cmd_tpl": format!("{before}sbatch {{{{ script_path_abs }}}}"),
            "qstat_code_cmd_tpl": format!("{before}squeue {{{{ cluster_job_id }}}}"),
            "qdel_cmd_tpl": format!("{before}scancel {{{{ cluster_job_id }}}}"),
        });
        fs::write(self.dir.join("cluster_info.json"), info.to_string()).unwrap();
    }

    /// The clusters of the person.
    pub fn clusters(&self) -> Clusters {
        Clusters::in_folder(self.dir.join("clusters"))
    }

    /// From now on the scheduler says this of every job that it is asked for; nothing where it has none any more.
    pub fn says(&self, state: &str) {
        fs::write(self.dir.join("state"), state).unwrap();
    }

    /// The scheduler is not there any more.
    pub fn loses_its_scheduler(&self) {
        fs::remove_file(self.dir.join("squeue")).unwrap();
    }

    fn lines(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.dir.join(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// What was submitted, a line for each.
    pub fn submitted(&self) -> Vec<String> {
        self.lines("submitted")
    }

    /// Numbers of the jobs that the scheduler was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.lines("asked")
    }

    /// Numbers of the jobs that were cancelled.
    pub fn cancelled(&self) -> Vec<String> {
        self.lines("cancelled")
    }

    /// A job of a project; `array` for an array of so many tasks.
    pub fn job(&self, project: &Path, kind: &str, array: Option<usize>, arguments: &[&str]) -> Job {
        let new = NewJob {
            kind: kind.to_owned().into(),
            name: None,
            project: project.to_owned(),
            program: program(),
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            folder: self.dir.clone(),
            user: "ada".to_owned(),
            resources: Resources::default(),
            tasks: array.map_or(Tasks::One, Tasks::Array),
        };
        Job::create(&self.clusters().get("lab").unwrap(), &new).unwrap()
    }

    /// As [`Site::job`], submitted.
    pub fn submitted_job(&self, project: &Path, kind: &str, array: Option<usize>) -> Job {
        let job = self.job(project, kind, array, &[kind]);
        submit(&job, &(0..job.tasks()).collect::<Vec<_>>()).unwrap();
        job
    }

    /// Opens the window on a project, with this site's cluster.
    pub fn window(&self, project: &Path) -> Window {
        let mut window = window_with(Start::default());
        window.state_mut().submit_with(program(), self.clusters());
        let open = vitrine::gui::command::ProjectCommand::Open(project.to_owned());
        window.state_mut().apply(vitrine::gui::command::Command::Project(open));
        wait(&mut window, "the project", |app| app.model.project.is_some());
        window
    }
}

/// The program that does the work of a task.
pub fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_vitrine"))
}

/// Does a task of a job as the script on a machine of the cluster would, to its end.
pub fn do_task(job: &Job, task: usize) {
    let mut command = Command::new(program());
    for name in ["SLURM_JOB_ID", "SLURM_CPUS_PER_TASK", "CUDA_VISIBLE_DEVICES"] {
        command.env_remove(name);
    }
    let ended = command
        .arg("task")
        .arg(job.dir())
        .env("SLURM_ARRAY_TASK_ID", task.to_string())
        .env("SLURMD_NODENAME", "node1")
        .output()
        .unwrap();
    let log = fs::read_to_string(job.task(task).log()).unwrap_or_default();
    assert!(ended.status.success(), "{ended:?}: {log}");
}
