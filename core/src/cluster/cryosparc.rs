//! cryoSPARC's description of a cluster: `cluster_info.json` with the commands, `cluster_script.sh` with the script,
//! both in Jinja.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde::Deserialize;

use super::files::read_text;
use super::resources::Resources;
use super::script_job::ScriptJob;
use crate::error::{Error, Result};

/// The commands of a cluster, in Jinja.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Info {
    /// How a command reaches the machine that submits; `{{ command }}` on this one.
    #[serde(default = "Info::send")]
    pub send_cmd_tpl: String,
    /// Submits a script.
    pub qsub_cmd_tpl: String,
    /// Says the state of a job in one word.
    #[serde(default)]
    pub qstat_code_cmd_tpl: Option<String>,
    /// Ends a job.
    #[serde(default)]
    pub qdel_cmd_tpl: Option<String>,
}

impl Info {
    fn send() -> String {
        "{{ command }}".to_owned()
    }

    /// Reads `cluster_info.json`.
    ///
    /// # Errors
    /// When it cannot be read, is no JSON, or has no `qsub_cmd_tpl`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        serde_json::from_str(&text).map_err(|e| {
            Error::format(
                path,
                format!("it is no description of a cluster: {e}"),
                "give cryoSPARC's cluster_info.json",
            )
        })
    }
}

/// `cluster_script.sh` beside a `cluster_info.json`.
pub(super) fn script_beside(info: &Path) -> PathBuf {
    info.with_file_name("cluster_script.sh")
}

/// The script of a job, whose output goes to `log`.
///
/// # Errors
/// When the template is not valid, or names a variable that cryoSPARC's scripts do not have.
pub(super) fn script(
    path: &Path,
    template: &str,
    job: &ScriptJob<'_>,
    log: &str,
    wanted: &Resources,
) -> Result<String> {
    let (dir, project) = (job.dir.to_string_lossy(), job.project.to_string_lossy());
    let text = |value: &str| minijinja::Value::from(value);
    let mut variables: BTreeMap<&str, minijinja::Value> = [
        ("run_cmd", job.command),
        ("command", job.command),
        ("worker_bin_path", job.command),
        ("run_args", ""),
        ("job_uid", job.name),
        ("project_uid", "vitrine"),
        ("job_type", job.kind),
        ("job_dir_abs", &*dir),
        ("project_dir_abs", &*project),
        ("job_log_path_abs", log),
        ("job_creator", job.user),
        ("cryosparc_username", job.user),
    ]
    .map(|(name, value)| (name, text(value)))
    .into();
    variables.insert("num_cpu", wanted.threads.into());
    variables.insert("num_gpu", wanted.gpus.into());
    variables.insert("ram_gb", wanted.memory_gb.into());
    // Sites name the queue by a variable of their own, most often so.
    for name in ["partition", "queue"] {
        if let Some(queue) = &wanted.queue {
            variables.insert(name, text(queue));
        }
    }
    let runs = ["run_cmd", "worker_bin_path", "command"].iter().any(|name| template.contains(name));
    if !runs {
        return Err(Error::format(
            path,
            "it has no {{ run_cmd }}, so nothing would run",
            "give cryoSPARC's cluster_script.sh",
        ));
    }
    let mut script = render(path, template, variables)?;
    if !script.ends_with('\n') {
        script.push('\n');
    }
    Ok(script)
}

/// A command of the cluster.
///
/// # Errors
/// As [`script`].
pub(super) fn command(path: &Path, template: &str, values: &[(&str, &str)]) -> Result<String> {
    let variables: BTreeMap<&str, minijinja::Value> =
        values.iter().map(|(name, value)| (*name, minijinja::Value::from(*value))).collect();
    render(path, template, variables)
}

fn render(path: &Path, template: &str, variables: BTreeMap<&str, minijinja::Value>) -> Result<String> {
    let mut jinja = Environment::new();
    // A variable that nobody sets would otherwise become an empty text, and the job would ask for nothing.
    jinja.set_undefined_behavior(UndefinedBehavior::Strict);
    jinja.render_str(template, variables).map_err(|e| {
        let line = e.line().map_or_else(String::new, |line| format!("line {line}: "));
        let what = match e.kind() {
            ErrorKind::UndefinedError => {
                let name = e
                    .range()
                    .and_then(|range| template.get(range))
                    .map_or_else(|| "a variable".to_owned(), |text| format!("'{text}'"));
                format!("{name} is not known")
            }
            _ => e.detail().map_or_else(|| e.kind().to_string(), str::to_owned),
        };
        Error::format(
            path,
            format!("{line}{what}"),
            "correct the template, or name the queue if it asks for one",
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The example of cryoSPARC's guide for SLURM, shortened.
    const SCRIPT: &str = "#!/usr/bin/env bash\n#SBATCH -J cryosparc_{{ project_uid }}_{{ job_uid }}\n\
                          #SBATCH -n {{ num_cpu }}\n# GPUs: {{ num_gpu }}\n\
                          # memory {{ (ram_gb*1000)|int }}M\n#SBATCH -o {{ job_dir_abs }}\n\n{{ run_cmd }}\n";

    const LOG: &str = "/p/jobs/a/run.out";

    fn job() -> ScriptJob<'static> {
        ScriptJob {
            command: "'/opt/v' task '/p/jobs/a'",
            name: "a",
            kind: "train",
            dir: Path::new("/p/jobs/a"),
            project: Path::new("/p"),
            user: "ada",
        }
    }

    #[test]
    fn the_guides_example_is_rendered() {
        let wanted = Resources { threads: 6, gpus: 1, memory_gb: 24, ..Resources::default() };
        assert_eq!(
            script(Path::new("cluster_script.sh"), SCRIPT, &job(), LOG, &wanted).unwrap(),
            "#!/usr/bin/env bash\n#SBATCH -J cryosparc_vitrine_a\n#SBATCH -n 6\n# GPUs: 1\n\
             # memory 24000M\n#SBATCH -o /p/jobs/a\n\n'/opt/v' task '/p/jobs/a'\n"
        );
        let told =
            command(Path::new("i"), "scancel {{ cluster_job_id }}", &[("cluster_job_id", "17")]).unwrap();
        assert_eq!(told, "scancel 17");
    }

    #[test]
    fn variables_nobody_sets_and_broken_templates_are_named_with_their_line() {
        let path = Path::new("cluster_script.sh");
        let wanted = Resources::default();
        let text =
            script(path, "a\nb {{ priority }}\n{{ run_cmd }}", &job(), LOG, &wanted).unwrap_err().to_string();
        assert!(text.contains("line 2") && text.contains("priority"), "{text}");
        let text = script(path, "{{ run_cmd }\n", &job(), LOG, &wanted).unwrap_err().to_string();
        assert!(text.contains("line 1"), "{text}");
        let text = script(path, "echo\n", &job(), LOG, &wanted).unwrap_err().to_string();
        assert!(text.contains("nothing would run"), "{text}");
    }
}
