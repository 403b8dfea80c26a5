//! Sweeps: the same training with other configurations and seeds, one run each.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::score::{score_project, scorer};
use super::train::{
    Listen, RunResult, TrainRequest, baseline_of, can_resume, resume_run, train_from, train_run,
};
use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::learning::config::check::first_violation;
use crate::learning::config::field::Field;
use crate::learning::config::fields::fields;
use crate::learning::config::yaml::{self, nearest};
use crate::learning::config::{PretrainConfig, RunConfig};
use crate::progress::ProgressSink;
use crate::project::{Project, RunStatus, ScoreKind, check_run_name};

/// Most runs of a sweep; more is a mistake.
const MAX_RUNS: usize = 2000;
/// Longest name of a run that tells the values; longer ones are numbered.
const MAX_TELLING_NAME: usize = 80;

/// A key of the configuration, and the values that a sweep gives it.
#[derive(Debug, Clone)]
pub struct Axis {
    field: &'static Field,
    values: Vec<Value>,
}

impl std::str::FromStr for Axis {
    type Err = Error;

    /// Reads `optimizer.learning_rate=0.001,0.003`.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |problem: String, remedy: String| Error::config("sweep", problem, remedy);
        let Some((key, values)) = text.split_once('=') else {
            return Err(wrong(
                format!("'{text}' names no values"),
                "write it as KEY=VALUE,VALUE, such as optimizer.learning_rate=0.001,0.003".into(),
            ));
        };
        let field = fields().find(|field| field.key == key).ok_or_else(|| {
            let near = nearest(key, fields().map(|field| field.key));
            let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
            wrong(format!("there is no key '{key}'"), format!("{near}Keys are those of a configuration file"))
        })?;
        if key == "seed" {
            return Err(wrong("the seed is swept by itself".into(), "list the seeds as seeds".into()));
        }
        let read = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        let values: Vec<Value> = values.split(',').map(str::trim).map(read).collect();
        // Told now, with the value that is wrong.
        for value in &values {
            field.set(&mut RunConfig::default(), value)?;
        }
        Ok(Self { field, values })
    }
}

/// A sweep: what is trained, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Its name, with which the names of its runs begin.
    pub name: String,
    /// Its runs: configuration by configuration, each with all seeds.
    pub runs: Vec<SweepRun>,
}

/// A run of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRun {
    /// Name of the run.
    pub name: String,
    /// What the sweep has set, such as "optimizer.learning_rate 0.001"; empty where only seeds differ.
    pub changes: String,
    /// The whole configuration as YAML.
    pub config: String,
    /// The run whose weights it begins with; it is in the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl Sweep {
    /// A single run.
    ///
    /// # Errors
    /// When no run can have this name.
    pub fn single(name: &str, config: &RunConfig) -> Result<Self> {
        check_run_name(name, std::iter::empty())?;
        let run = SweepRun {
            name: name.to_owned(),
            changes: String::new(),
            config: yaml::to_yaml(config)?,
            from: None,
        };
        Ok(Self { name: name.to_owned(), runs: vec![run] })
    }

    /// The same runs, each beginning with the weights of run `from`. They are not pretrained, as by [`train_from`].
    ///
    /// # Errors
    /// When a configuration cannot be read or written, which is a defect of the program.
    pub fn beginning_with(mut self, from: &str) -> Result<Self> {
        for run in &mut self.runs {
            let mut config = yaml::parse(&run.config, &run.name)?;
            config.pretrain = PretrainConfig::default();
            run.config = yaml::to_yaml(&config)?;
            run.from = Some(from.to_owned());
        }
        Ok(self)
    }

    /// The same runs, each after its supervised baseline ([`baseline_of`]), which is called `NAME-baseline`.
    ///
    /// # Errors
    /// When no run can have the name of a baseline.
    pub fn with_baselines(self) -> Result<Self> {
        let mut runs = Vec::new();
        for run in self.runs {
            let name = format!("{}-baseline", run.name);
            check_run_name(&name, std::iter::empty())?;
            let config = baseline_of(&yaml::parse(&run.config, &run.name)?)?;
            let config = yaml::to_yaml(&config)?;
            runs.push(SweepRun { name, changes: run.changes.clone(), config, from: None });
            runs.push(run);
        }
        Ok(Self { name: self.name, runs })
    }

    /// Every combination of the axes' values with every seed. Without seeds the configuration's own is used.
    ///
    /// # Errors
    /// When a configuration is out of range or contradicts itself, the same run comes twice, or there are too many.
    pub fn grid(name: &str, base: &RunConfig, axes: &[Axis], seeds: &[u64]) -> Result<Self> {
        check_run_name(name, std::iter::empty())?;
        let seeds = if seeds.is_empty() { &[base.seed][..] } else { seeds };
        let all = axes.iter().map(|axis| axis.values.len()).product::<usize>().saturating_mul(seeds.len());
        if all > MAX_RUNS {
            return Err(Error::request(
                format!("a sweep of {all} runs"),
                format!("give fewer values or seeds: at most {MAX_RUNS} runs"),
            ));
        }
        let mut points: Vec<(RunConfig, Vec<(&Field, &Value)>)> = vec![(base.clone(), Vec::new())];
        for axis in axes {
            let mut next = Vec::new();
            for (config, set) in &points {
                for value in &axis.values {
                    let (mut config, mut set) = (config.clone(), set.clone());
                    axis.field.set(&mut config, value)?;
                    set.push((axis.field, value));
                    next.push((config, set));
                }
            }
            points = next;
        }
        let mut runs: Vec<SweepRun> = Vec::new();
        for (number, (config, set)) in (1..).zip(&points) {
            let changes: Vec<String> =
                set.iter().map(|(field, value)| format!("{} {}", field.key, word(value))).collect();
            let changes = changes.join(", ");
            if let Some(violation) = first_violation(config) {
                let problem = if changes.is_empty() {
                    violation.problem
                } else {
                    format!("with {changes}: {}", violation.problem)
                };
                return Err(Error::config("sweep", problem, violation.remedy));
            }
            let point = point_name(name, number, set);
            for &seed in seeds {
                let config = yaml::to_yaml(&RunConfig { seed, ..config.clone() })?;
                let name = format!("{point}-s{seed}");
                let run = SweepRun { name, changes: changes.clone(), config, from: None };
                if runs.iter().any(|known| known.name.eq_ignore_ascii_case(&run.name)) {
                    return Err(Error::request(
                        format!("the run '{}' comes twice", run.name),
                        "give each value and each seed once",
                    ));
                }
                runs.push(run);
            }
        }
        Ok(Self { name: name.to_owned(), runs })
    }

    /// Whether the run of this name is a plain classifier ([`RunConfig::is_baseline`]).
    pub fn is_baseline(&self, name: &str) -> bool {
        let run = self.runs.iter().find(|run| run.name == name);
        run.and_then(|run| yaml::parse(&run.config, name).ok()).is_some_and(|config| config.is_baseline())
    }

    /// The names of its runs.
    pub fn names(&self) -> Vec<String> {
        self.runs.iter().map(|run| run.name.clone()).collect()
    }
}

/// A value as a person writes it.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The beginning of a run's name: the values where they are short, else the number of the configuration.
fn point_name(name: &str, number: usize, set: &[(&Field, &Value)]) -> String {
    let mut telling = name.to_owned();
    for (field, value) in set {
        let key = field.key.rsplit('.').next().unwrap_or(field.key);
        telling.push_str(&format!("-{key}-{}", word(value)));
    }
    let safe = telling.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if safe && telling.len() <= MAX_TELLING_NAME { telling } else { format!("{name}-{number}") }
}

/// What became of a run of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// It was trained before.
    Known,
    /// It is trained now.
    Trained,
    /// A person stopped it; it keeps what it has, and the next call goes on.
    Stopped,
}

/// Trains a run of a sweep, goes on with it where it was stopped, or leaves it where it is trained.
///
/// # Errors
/// When the project has a run of that name with another configuration, or as [`train_run`].
pub fn advance(
    project: &mut Project,
    wanted: &SweepRun,
    device: &ComputeDevice,
    listen: Listen<'_>,
    progress: ProgressSink<'_>,
) -> Result<Advance> {
    let config = yaml::parse(&wanted.config, &wanted.name)?;
    let known = project.runs()?.into_iter().find(|run| run.name.eq_ignore_ascii_case(&wanted.name));
    let result = match known {
        Some(run) => {
            if yaml::parse(&run.config, &run.name).ok().as_ref() != Some(&config) {
                return Err(Error::request(
                    format!("there is a run '{}' with another configuration", run.name),
                    "give the sweep another name",
                ));
            }
            if run.status == RunStatus::Finished {
                return score_if_missing(project, &run.name, device, progress);
            }
            if can_resume(project, &run) {
                resume_run(project, &run.name, device.clone(), None, listen, progress)?
            } else {
                // Nothing of it is left to go on from.
                project.delete_run(&run.name)?;
                begin(project, wanted, config, device, listen, progress)?
            }
        }
        None => begin(project, wanted, config, device, listen, progress)?,
    };
    let stopped = project.run(&result.name)?.status != RunStatus::Finished || !result.scored;
    Ok(if stopped { Advance::Stopped } else { Advance::Trained })
}

fn begin(
    project: &mut Project,
    wanted: &SweepRun,
    config: RunConfig,
    device: &ComputeDevice,
    listen: Listen<'_>,
    progress: ProgressSink<'_>,
) -> Result<RunResult> {
    let request = TrainRequest {
        name: Some(wanted.name.clone()),
        base_name: wanted.name.clone(),
        config,
        device: device.clone(),
        truth: None,
        // Each run asks for itself, so that it is what it would be alone.
        known_prior: None,
    };
    match &wanted.from {
        Some(from) => train_from(project, from, request, listen, progress),
        None => train_run(project, request, listen, progress),
    }
}

/// Scores a run that was stopped after its last epoch.
fn score_if_missing(
    project: &mut Project,
    name: &str,
    device: &ComputeDevice,
    progress: ProgressSink<'_>,
) -> Result<Advance> {
    let id = project.run(name)?.id;
    if project.has_scores(id, ScoreKind::Teacher)? {
        return Ok(Advance::Known);
    }
    let scorer = scorer(project, name, device.clone())?;
    let scores = score_project(project, &scorer, progress)?;
    project.set_scores(id, ScoreKind::Teacher, &scores)?;
    Ok(Advance::Trained)
}

/// Brings runs home: those of each task that is `done`, which were trained in one branch. A run that the project has
/// already, of the same configuration, is left, and so is one whose branch is gone: it came before, and a person has
/// renamed or deleted it. How many came.
///
/// # Errors
/// As [`Project::adopt_run`], or when the project has a run of that name with another configuration.
pub fn merge(project: &mut Project, done: &[(&[SweepRun], PathBuf)]) -> Result<usize> {
    let mut came = 0;
    for (wanted, folder) in done.iter().filter(|(wanted, folder)| !wanted.is_empty() && folder.exists()) {
        let missing = missing_of(project, wanted)?;
        if !missing.is_empty() {
            let branch = Project::open_read_only(folder)?;
            for run in missing {
                project.adopt_run(&branch, &run.name)?;
                came += 1;
            }
        }
        remove_branch(folder);
    }
    Ok(came)
}

/// Those runs that the project does not have.
fn missing_of<'a>(project: &Project, wanted: &'a [SweepRun]) -> Result<Vec<&'a SweepRun>> {
    let known = project.runs()?;
    let mut missing = Vec::new();
    for wanted in wanted {
        let Some(run) = known.iter().find(|run| run.name.eq_ignore_ascii_case(&wanted.name)) else {
            missing.push(wanted);
            continue;
        };
        if yaml::parse(&run.config, &run.name)? != yaml::parse(&wanted.config, &wanted.name)? {
            return Err(Error::request(
                format!("there is a run '{}' with another configuration", run.name),
                "rename that run, then merge again",
            ));
        }
    }
    Ok(missing)
}

/// What was trained is in the project; a branch that stays only takes room.
fn remove_branch(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(folder = %folder.display(), %error, "a branch whose run was taken over is still there");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn axis(text: &str) -> Axis {
        text.parse().unwrap()
    }

    #[test]
    fn a_grid_has_every_combination_with_every_seed() {
        let base = yaml::load("quick").unwrap();
        let axes = [axis("optimizer.learning_rate=0.001,0.003"), axis("risk.kind=naive,nnpu")];
        let sweep = Sweep::grid("q", &base, &axes, &[1, 2]).unwrap();
        assert_eq!(sweep.runs.len(), 8);
        let third = &sweep.runs[2];
        assert_eq!(third.name, "q-learning_rate-0.001-kind-nnpu-s1");
        assert_eq!(third.changes, "optimizer.learning_rate 0.001, risk.kind nnpu");
        let config = yaml::parse(&third.config, "x").unwrap();
        let mut wanted = RunConfig { seed: 1, ..base.clone() };
        wanted.optimizer.learning_rate = 0.001;
        wanted.risk.kind = crate::learning::config::RiskKind::Nnpu;
        assert_eq!(config, wanted);
        // Only seeds, and nothing at all.
        assert_eq!(Sweep::grid("q", &base, &[], &[7, 8]).unwrap().names(), ["q-s7", "q-s8"]);
        assert_eq!(Sweep::grid("q", &base, &[], &[]).unwrap().names(), [format!("q-s{}", base.seed)]);
        // Values that no folder can be called by.
        let path = Sweep::grid("q", &base, &[axis("pretrain.weights=a/b.safetensors")], &[1]);
        assert!(path.is_err() || path.unwrap().names() == ["q-1-s1"]);
    }

    #[test]
    fn a_baseline_goes_before_each_run_and_weights_take_the_place_of_pretraining() {
        let base = yaml::load("quick").unwrap();
        let sweep = Sweep::grid("q", &base, &[], &[3, 4]).unwrap().with_baselines().unwrap();
        assert_eq!(sweep.names(), ["q-s3-baseline", "q-s3", "q-s4-baseline", "q-s4"]);
        let config = |at: usize| yaml::parse(&sweep.runs[at].config, "x").unwrap();
        assert!(sweep.is_baseline("q-s4-baseline") && !sweep.is_baseline("nobody"));
        assert_eq!(config(2).seed, 4);
        assert!(Sweep::single(&"a".repeat(95), &base).unwrap().with_baselines().is_err());

        let mut pretrained = base.clone();
        pretrained.pretrain.kind = crate::learning::config::PretrainKind::Simsiam;
        let sweep = Sweep::single("q", &pretrained).unwrap().beginning_with("a").unwrap();
        assert_eq!(sweep.runs[0].from.as_deref(), Some("a"));
        let config = yaml::parse(&sweep.runs[0].config, "x").unwrap();
        assert_eq!(config, RunConfig { pretrain: PretrainConfig::default(), ..pretrained });
        assert!(Sweep::single("../q", &base).is_err());
    }

    #[test]
    fn what_cannot_be_swept_is_told_before_anything_is_trained() {
        let refused = |text: &str| text.parse::<Axis>().unwrap_err().to_string();
        assert!(refused("optimizer.learning_rte=1").contains("did you mean optimizer.learning_rate?"));
        assert!(refused("optimizer.learning_rate").contains("names no values"));
        assert!(refused("schedule.epochs=ten").contains("no value"));
        assert!(refused("seed=1,2").contains("seed"));
        let base = yaml::load("quick").unwrap();
        let grid =
            |axes: &[Axis], seeds: &[u64]| Sweep::grid("q", &base, axes, seeds).unwrap_err().to_string();
        let text = grid(&[axis("optimizer.learning_rate=0.001,50")], &[1]);
        assert!(text.contains("learning_rate 50"), "{text}");
        assert!(grid(&[], &[1, 1]).contains("comes twice"));
        let many: Vec<u64> = (0..3000).collect();
        assert!(grid(&[], &many).contains("3000 runs"));
    }
}
