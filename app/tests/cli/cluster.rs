//! Jobs on a real SLURM of one machine, started by `scripts/slurm_local.sh`: submitted, followed, stopped by the
//! scheduler and begun again, killed, cancelled; and the templates of a site, which need no scheduler.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::needs::{Need, missing};
use crate::support::{
    Ended, copy_folder, curve, finish, project, quick_config, text, train, vitrine, weights, write_micrograph,
};

/// A SLURM with two slots; it ends with this value.
struct Slurm {
    dir: PathBuf,
}

impl Slurm {
    /// Starts it in a folder; where it is not there, says so.
    fn start(dir: &Path, test: &str) -> Option<Self> {
        let dir = dir.join("slurm");
        let started = Command::new("bash").arg(script()).arg("start").arg(&dir).output().unwrap();
        match started.status.code() {
            Some(0) => Some(Self { dir }),
            Some(3) => {
                missing(Need::Slurm, test, "needs SLURM and munge, and to be run as root");
                None
            }
            _ => panic!("{started:?}"),
        }
    }

    fn conf(&self) -> PathBuf {
        self.dir.join("slurm.conf")
    }

    /// A command of SLURM.
    fn ask(&self, program: &str, args: &[&str]) -> String {
        let output = Command::new(program).args(args).env("SLURM_CONF", self.conf()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let _ = Command::new("bash").arg(script()).arg("stop").arg(&self.dir).output();
    }
}

fn script() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/slurm_local.sh")
}

/// The program with settings of its own, on the scheduler if there is one.
struct At<'a> {
    dir: &'a Path,
    slurm: Option<&'a Slurm>,
}

impl At<'_> {
    fn run<S: AsRef<str>>(&self, args: &[S]) -> Ended {
        let mut command = vitrine();
        command.env("VITRINE_CONFIG_DIR", self.dir.join("settings")).args(args.iter().map(AsRef::as_ref));
        for name in ["RELION_QSUB_TEMPLATE", "RELION_QSUB_COMMAND", "RELION_QUEUE_NAME"] {
            command.env_remove(name);
        }
        if let Some(slurm) = self.slurm {
            command.env("SLURM_CONF", slurm.conf());
        }
        finish(&mut command)
    }

    fn ok<S: AsRef<str> + std::fmt::Debug>(&self, args: &[S]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        ended.out
    }

    fn refused<S: AsRef<str> + std::fmt::Debug>(&self, args: &[S]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
        ended.err
    }

    /// The tasks of a job of a project.
    fn tasks(&self, project: &str, name: &str) -> Vec<Value> {
        let all: Value = serde_json::from_str(&self.ok(&["jobs", project, "--json"])).unwrap();
        let job = all.as_array().unwrap().iter().find(|job| job["name"] == name).unwrap();
        job["tasks"].as_array().unwrap().clone()
    }

    /// Waits until all tasks of a job stand so.
    fn wait(&self, project: &str, name: &str, state: &str) {
        self.wait_for(project, name, &|tasks| tasks.iter().all(|task| task["state"] == state));
    }

    fn wait_for(&self, project: &str, name: &str, so: &dyn Fn(&[Value]) -> bool) {
        let started = Instant::now();
        loop {
            let tasks = self.tasks(project, name);
            if so(&tasks) {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(300), "{name} stands at {tasks:?}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

/// Waits until a run has this many epochs.
fn wait_for_epochs(project: &str, run: &str, epochs: usize) {
    let path = Path::new(project).join("runs").join(run).join("metrics.csv");
    let started = Instant::now();
    while fs::read_to_string(&path).map_or(0, |text| text.lines().count()) < epochs + 1 {
        assert!(started.elapsed() < Duration::from_secs(300), "{run} has no epoch {epochs}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// `submit train` as it is given in these tests.
fn submit_train<'a>(project: &'a str, config: &'a str, run: &'a str) -> Vec<&'a str> {
    vec![
        "submit",
        "train",
        project,
        "--config",
        config,
        "--name",
        run,
        "--device",
        "cpu",
        "--cluster",
        "lab",
        "--cpus",
        "1",
        "--memory",
        "1",
        "--job-name",
        run,
    ]
}

#[test]
fn a_job_gives_what_the_command_itself_gives() {
    let dir = tempfile::tempdir().unwrap();
    let Some(slurm) = Slurm::start(dir.path(), "a_job_gives_what_the_command_itself_gives") else { return };
    let at = At { dir: dir.path(), slurm: Some(&slurm) };
    // A folder's name with a space goes through the script, SLURM and two shells.
    let project = project(dir.path(), "apo 1", 16, [24, 60, 0]);
    let config = quick_config(dir.path(), 3);
    at.ok(&["cluster", "add", "lab", "--partition", "short"]);
    let said = at.ok(&["cluster", "test", "lab", "--folder", &text(dir.path())]);
    assert!(said.contains("lab works"), "{said}");

    let said = at.ok(&submit_train(&project, &config, "far"));
    assert!(said.contains("#SBATCH --cpus-per-task=1") && said.contains("submitted far as "), "{said}");
    at.wait(&project, "far", "done");
    let log = at.ok(&["jobs", &project, "log", "far"]);
    assert!(log.contains("epoch   3"), "{log}");
    train(&project, &config, "near");
    assert_eq!(curve(&project, "far"), curve(&project, "near"));
    // What can be told at once is: a configuration that is not there, a name that is taken.
    let missing = text(dir.path().join("missing.yaml"));
    assert!(at.refused(&submit_train(&project, &missing, "bad")).contains("missing.yaml"));
    assert!(at.refused(&submit_train(&project, &config, "near")).contains("there is a run 'near' already"));
    // A task that fails says why in its log, and is failed, not lost.
    fs::copy(&config, &missing).unwrap();
    at.ok(&[&submit_train(&project, &missing, "bad")[..], &["--dry-run"]].concat());
    fs::remove_file(&missing).unwrap();
    at.ok(&["jobs", &project, "rerun", "bad"]);
    at.wait(&project, "bad", "failed");
    assert!(at.ok(&["jobs", &project, "log", "bad"]).contains("missing.yaml"));
    let said = at.ok(&["jobs", &project]);
    assert!(said.contains("on lab: done") && said.contains("failed with status 1"), "{said}");
    assert!(at.refused(&["jobs", &project, "log", "nobody"]).contains("there is no job"));
}

/// The scheduler's signal before the end, a kill without warning, and a cancellation by a person.
#[test]
#[ignore = "long: waits until silence is taken for death"]
fn what_is_stopped_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let Some(slurm) = Slurm::start(dir.path(), "what_is_stopped_goes_on_where_it_was") else { return };
    let at = At { dir: dir.path(), slurm: Some(&slurm) };
    let project = project(dir.path(), "p", 16, [24, 60, 0]);
    let other = text(dir.path().join("q"));
    at.ok(&["cluster", "add", "lab", "--partition", "short"]);
    let config = quick_config(dir.path(), 60);
    copy_folder(&project, &other);
    train(&other, &config, "direct");
    let direct = curve(&other, "direct");

    // The signal: stopped at the batch, requeued, and gone on with to the same end.
    at.ok(&submit_train(&project, &config, "signalled"));
    wait_for_epochs(&project, "signalled", 2);
    let job = slurm.ask("squeue", &["-h", "-o", "%i"]).trim().to_owned();
    slurm.ask("scancel", &["--batch", "--signal=TERM", &job]);
    at.wait(&project, "signalled", "done");
    assert_eq!(curve(&project, "signalled"), direct);
    let events = fs::read_to_string(Path::new(&project).join("jobs/signalled/tasks/0/events.jsonl")).unwrap();
    assert_eq!(events.matches("\"started\"").count(), 2, "{events}");

    // The same for a run after its baseline, in the branch of the job.
    let mut both = submit_train(&project, &config, "both");
    both.push("--baseline");
    at.ok(&both);
    let branch = text(Path::new(&project).join("jobs/both/tasks/0/project"));
    wait_for_epochs(&branch, "both", 2);
    let job = slurm.ask("squeue", &["-h", "-o", "%i"]).trim().to_owned();
    slurm.ask("scancel", &["--batch", "--signal=TERM", &job]);
    at.wait(&project, "both", "done");
    assert!(at.ok(&["jobs", &project, "merge", "both"]).contains("2 runs came"));
    assert_eq!(curve(&project, "both"), direct);
    let log = fs::read_to_string(Path::new(&project).join("jobs/both/tasks/0/log")).unwrap();
    assert_eq!(log.matches("both-baseline\n").count(), 2, "{log}");

    // A kill: lost, submitted again, and the same end.
    at.ok(&submit_train(&project, &config, "killed"));
    wait_for_epochs(&project, "killed", 2);
    let job = slurm.ask("squeue", &["-h", "-o", "%i"]).trim().to_owned();
    slurm.ask("scancel", &["--batch", "--signal=KILL", &job]);
    at.wait(&project, "killed", "lost");
    assert!(at.ok(&["jobs", &project]).contains("no sign of life"));
    at.ok(&["jobs", &project, "rerun", "killed"]);
    at.wait(&project, "killed", "done");
    assert_eq!(curve(&project, "killed"), direct);

    // A person ends it: it keeps its epochs, and nothing of it is left on the scheduler.
    let long = quick_config(dir.path(), 5000);
    at.ok(&submit_train(&project, &long, "cancelled"));
    wait_for_epochs(&project, "cancelled", 1);
    // One that waits for both slots is taken out of the queue.
    let mut both = submit_train(&project, &long, "waiting");
    if let Some(cpus) = both.iter().position(|word| *word == "--cpus").and_then(|at| both.get_mut(at + 1)) {
        *cpus = "2";
    }
    at.ok(&both);
    at.wait(&project, "waiting", "queued");
    assert!(at.ok(&["jobs", &project, "cancel", "waiting"]).contains("stopped"));
    let said = at.ok(&["jobs", &project, "cancel", "cancelled"]);
    assert!(said.contains("stopped"), "{said}");
    assert_eq!(slurm.ask("squeue", &["-h", "-o", "%i %T"]).trim(), "");
    assert!(!curve(&project, "cancelled").is_empty());
}

const SIDE: usize = 300;

/// Four micrographs with sixteen discs each, and their picks.
fn micrographs(dir: &Path) -> (String, String) {
    let (mics, picks) = (dir.join("mics"), dir.join("picks.csv"));
    fs::create_dir_all(&mics).unwrap();
    let mut rows = "micrograph,x,y\n".to_owned();
    for number in 0..4 {
        let centres: Vec<(f64, f64)> =
            (0..16).map(|at| (50.0 + 64.0 * f64::from(at % 4), 45.0 + 66.0 * f64::from(at / 4))).collect();
        write_micrograph(&mics.join(format!("hole_{number}.mrc")), SIDE, &centres, number + 1);
        for (x, y) in centres {
            writeln!(rows, "hole_{number},{x},{y}").unwrap();
        }
    }
    fs::write(&picks, rows).unwrap();
    (text(mics), text(picks))
}

#[test]
fn an_array_picks_what_one_process_picks() {
    let dir = tempfile::tempdir().unwrap();
    let Some(slurm) = Slurm::start(dir.path(), "an_array_picks_what_one_process_picks") else { return };
    let at = At { dir: dir.path(), slurm: Some(&slurm) };
    let (mics, picks) = micrographs(dir.path());
    let project = text(dir.path().join("p"));
    at.ok(&["new", &project]);
    let import = ["import", &project, "--micrographs", &mics, "--picks", &picks, "--box", "64"];
    at.ok(&[&import[..], &["--pool", "random", "--pool-count", "40"]].concat());
    let sliding = dir.path().join("sliding.yaml");
    let yaml = fs::read_to_string(quick_config(dir.path(), 1)).unwrap();
    fs::write(&sliding, format!("{yaml}backbone: sliding_cnn\n")).unwrap();
    train(&project, &text(sliding), "slide");
    let copy = text(dir.path().join("copy"));
    copy_folder(&project, &copy);

    at.ok(&["cluster", "add", "lab", "--partition", "short"]);
    let (far, table) = (text(dir.path().join("far")), text(dir.path().join("far.csv")));
    let pick = |project: &str, out: &str, table: &str| -> Vec<String> {
        [
            "pick",
            project,
            "--run",
            "slide",
            "--device",
            "cpu",
            "--threshold",
            "0.3",
            "--out",
            out,
            "--table",
            table,
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let mut call = vec!["submit".to_owned()];
    call.extend(pick(&project, &far, &table));
    call.extend(["--cluster", "lab", "--cpus", "1", "--memory", "1", "--shards", "3"].map(str::to_owned));
    // One shard is lost before the job goes: its task fails, alone.
    at.ok(&[&call[..], &["--dry-run".to_owned()]].concat());
    let shards = Path::new(&project).join("jobs/pick-1/shards.json");
    let whole = fs::read(&shards).unwrap();
    let mut cut: Vec<Vec<String>> = serde_json::from_slice(&whole).unwrap();
    assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1]);
    cut.pop();
    fs::write(&shards, serde_json::to_vec(&cut).unwrap()).unwrap();
    at.ok(&["jobs", &project, "rerun", "pick-1"]);
    let ended =
        |tasks: &[Value]| tasks.iter().all(|task| task["state"] == "done" || task["state"] == "failed");
    at.wait_for(&project, "pick-1", &ended);
    let states: Vec<Value> = at.tasks(&project, "pick-1").iter().map(|task| task["state"].clone()).collect();
    assert_eq!(states, ["done", "done", "failed"]);
    let said = at.refused(&["jobs", &project, "merge", "pick-1"]);
    assert!(said.contains("2 done, 1 failed") && said.contains("tasks 2 are not done"), "{said}");

    // It alone runs again, and the whole is what one process picks, byte by byte.
    fs::write(&shards, whole).unwrap();
    assert!(at.ok(&["jobs", &project, "rerun", "pick-1"]).contains("1 of 3 tasks"));
    at.wait(&project, "pick-1", "done");
    let said = at.ok(&["jobs", &project, "merge", "pick-1"]);
    assert!(said.contains("4 micrographs (4 of them scored before)"), "{said}");
    let (near, near_table) = (text(dir.path().join("near")), text(dir.path().join("near.csv")));
    at.ok(&pick(&copy, &near, &near_table));
    assert_eq!(fs::read(&table).unwrap(), fs::read(&near_table).unwrap());
    for number in 0..4 {
        let name = format!("hole_{number}_vitrine.star");
        assert_eq!(
            fs::read(Path::new(&far).join(&name)).unwrap(),
            fs::read(Path::new(&near).join(&name)).unwrap()
        );
    }
}

#[test]
fn templates_of_a_site_are_filled_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let at = At { dir: dir.path(), slurm: None };
    let project = project(dir.path(), "p", 16, [4, 8, 0]);
    let template = dir.path().join("qsub.csh");
    let relion = "#!/bin/tcsh\n#SBATCH --partition=XXXqueueXXX\n#SBATCH --cpus-per-task=XXXthreadsXXX\n\
                  #SBATCH --output=XXXoutfileXXX\n#SBATCH --gres=XXXextra1XXX\nsrun XXXcommandXXX\n";
    fs::write(&template, relion).unwrap();
    at.ok(&["cluster", "add", "relion", "--relion", &text(&template), "--queue", "em"]);
    let call = ["submit", "score", &project, "--run", "a", "--cluster", "relion", "--dry-run"];
    assert!(at.refused(&call).contains("qsub.csh: line 5 asks for XXXextra1XXX"));
    assert!(!Path::new(&project).join("jobs").exists(), "a template that cannot be filled leaves nothing");
    let said = at.ok(&[&call[..], &["--extra", "1=gpu:2", "--cpus", "6"]].concat());
    let script = fs::read_to_string(Path::new(&project).join("jobs/score-1/script.sh")).unwrap();
    let job = fs::canonicalize(Path::new(&project)).unwrap().join("jobs/score-1");
    assert!(
        script.starts_with("#!/bin/tcsh\n#SBATCH --partition=em\n#SBATCH --cpus-per-task=6\n"),
        "{script}"
    );
    assert!(
        script.contains("--gres=gpu:2\nsrun ") && script.trim_end().ends_with(&format!("task {}", text(job)))
    );
    assert!(said.contains("not submitted: score-1"), "{said}");

    let info = dir.path().join("cluster_info.json");
    fs::write(&info, r#"{"name": "x", "qsub_cmd_tpl": "sbatch {{ script_path_abs }}"}"#).unwrap();
    assert!(at.refused(&["cluster", "add", "cs", "--cryosparc", &text(&info)]).contains("cluster_script.sh"));
    let jinja =
        "#!/bin/bash\n#SBATCH -n {{ num_cpu }}\n#SBATCH --mem={{ (ram_gb*1000)|int }}M\n{{ run_cmd }}\n";
    fs::write(dir.path().join("cluster_script.sh"), jinja).unwrap();
    at.ok(&["cluster", "add", "cs", "--cryosparc", &text(&info)]);
    at.ok(&["submit", "score", &project, "--run", "a", "--cluster", "cs", "--dry-run", "--memory", "24"]);
    let script = fs::read_to_string(Path::new(&project).join("jobs/score-2/script.sh")).unwrap();
    assert!(script.starts_with("#!/bin/bash\n#SBATCH -n 4\n#SBATCH --mem=24000M\n"), "{script}");

    let listed = at.ok(&["cluster", "list"]);
    assert!(listed.contains("relion: RELION's template") && listed.contains("cs: cryoSPARC's"), "{listed}");
    assert!(
        at.refused(&["submit", "score", &project, "--run", "a", "--cluster", "no"])
            .contains("use one of cs, relion")
    );
    let jobs = at.ok(&["jobs", &project]);
    assert!(jobs.contains("score-1 on relion: not submitted"), "{jobs}");
    // What cannot be a job says so.
    for words in [
        &["train", &project, "--baseline", "--truth", "truth.csv"][..],
        &["pick", &project, "--run", "a", "--micrographs", "m", "--watch"],
    ] {
        let ended = at.run(&[&["submit"][..], words, &["--cluster", "cs"]].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
}

/// A run with its baseline, and one that goes on from another, each as one job: what the command itself gives.
#[test]
fn a_baseline_and_a_run_that_goes_on_are_jobs_too() {
    let dir = tempfile::tempdir().unwrap();
    let Some(slurm) = Slurm::start(dir.path(), "a_baseline_and_a_run_that_goes_on_are_jobs_too") else {
        return;
    };
    let at = At { dir: dir.path(), slurm: Some(&slurm) };
    let project = project(dir.path(), "p", 16, [24, 60, 0]);
    let copy = text(dir.path().join("copy"));
    copy_folder(&project, &copy);
    let config = quick_config(dir.path(), 3);
    // The class prior of the baseline serves the run, so it has to be estimated.
    let yaml = fs::read_to_string(&config).unwrap();
    fs::write(&config, yaml.replace("prior: 0.3", "prior: estimate")).unwrap();
    at.ok(&["cluster", "add", "lab", "--partition", "short"]);
    let to = ["--device", "cpu", "--cluster", "lab", "--cpus", "1", "--memory", "1"];
    let both = ["train", &project, "--config", &config, "--baseline", "--name", "a"];
    let said = at.ok(&[&["submit"], &both[..], &to].concat());
    assert!(said.contains(&format!("bring its runs in: vitrine jobs {project} merge train-1")), "{said}");
    at.wait(&project, "train-1", "done");
    let runs = || -> Vec<Value> { serde_json::from_str(&at.ok(&["runs", &project, "--json"])).unwrap() };
    assert!(runs().is_empty(), "nothing is in the project before it is brought in");
    let said = at.ok(&["jobs", &project, "merge", "train-1"]);
    assert!(said.contains("2 runs came into the project; it has 2 of the 2 that train-1 trains"), "{said}");
    at.ok(&["train", &copy, "--config", &config, "--baseline", "--name", "a", "--device", "cpu"]);
    for (far, near) in [("a-baseline", "supervised_baseline-1"), ("a", "a")] {
        assert_eq!(curve(&project, far), curve(&copy, near), "{far}");
        assert!(weights(&project, far) == weights(&copy, near), "the weights of {far}");
    }
    assert!(!Path::new(&project).join("jobs/train-1/tasks/0/project").exists());

    // With the configuration of the run that it goes on from. That run is renamed meanwhile.
    at.ok(&[&["submit", "train", &project, "--from", "a"][..], &to].concat());
    at.wait(&project, "train-2", "done");
    at.ok(&["runs", &project, "rename", "a", "first"]);
    assert!(at.ok(&["jobs", &project, "merge", "train-2"]).contains("1 run came into the project"));
    at.ok(&["train", &copy, "--from", "a", "--name", "on", "--device", "cpu"]);
    assert_eq!(curve(&project, "a-train-2"), curve(&copy, "on"));
    assert!(weights(&project, "a-train-2") == weights(&copy, "on"));
    assert_ne!(curve(&copy, "on"), curve(&copy, "a"), "it begins elsewhere");
    let on = runs().into_iter().find(|run| run["name"] == "a-train-2").unwrap();
    assert_eq!(on["began_with"], "first");
    let refused = at.refused(&[&["submit", "train", &project, "--from", "nobody"][..], &to].concat());
    assert!(refused.contains("there is no run 'nobody'"), "{refused}");
}

/// Each task trains in a branch of its own; a person labels on meanwhile, and the runs come home as they would have been
/// trained here.
#[test]
fn a_sweep_trains_what_one_process_trains() {
    let dir = tempfile::tempdir().unwrap();
    let Some(slurm) = Slurm::start(dir.path(), "a_sweep_trains_what_one_process_trains") else { return };
    let at = At { dir: dir.path(), slurm: Some(&slurm) };
    let project = project(dir.path(), "p", 16, [24, 60, 0]);
    let copy = text(dir.path().join("copy"));
    copy_folder(&project, &copy);
    let config = quick_config(dir.path(), 3);
    let sweep = |project: &str| -> Vec<String> {
        let words = [
            "sweep",
            project,
            "--config",
            &config,
            "--set",
            "optimizer.learning_rate=0.0003,0.001",
            "--seeds",
            "1,2",
            "--device",
            "cpu",
        ];
        words.map(str::to_owned).to_vec()
    };
    at.ok(&["cluster", "add", "lab", "--partition", "short"]);
    let mut call = vec!["submit".to_owned()];
    call.extend(sweep(&project));
    call.extend(["--cluster", "lab", "--cpus", "1", "--memory", "1"].map(str::to_owned));
    let said = at.ok(&call);
    assert!(said.contains("4 tasks"), "{said}");
    // The project goes on: patches and labels that come now are not in the sweep.
    let more = dir.path().join("more.npz");
    crate::support::write_set(&more, 16, [3, 5, 0]);
    at.ok(&["import", &project, &text(&more)]);
    at.wait(&project, "sweep-1", "done");
    let said = at.ok(&["jobs", &project, "merge", "sweep-1"]);
    assert!(said.contains("4 runs came") && said.contains("optimizer.learning_rate 0.001"), "{said}");
    at.ok(&sweep(&copy));
    for name in ["quick-learning_rate-0.0003-s2", "quick-learning_rate-0.001-s1"] {
        assert_eq!(curve(&project, name), curve(&copy, name), "{name}");
        assert!(weights(&project, name) == weights(&copy, name), "the weights of {name}");
    }
    // The branches are gone; merging again brings nothing, and the project takes up with the runs it has.
    assert!(!Path::new(&project).join("jobs/sweep-1/tasks/0/project").exists());
    assert!(at.ok(&["jobs", &project, "merge", "sweep-1"]).contains("0 runs came"));
    let ended = at.run(&sweep(&project));
    assert_eq!(ended.err.matches("trained before").count(), 4, "{ended:?}");
    let exported = at.ok(&[
        "export",
        &project,
        "--run",
        "quick-learning_rate-0.001-s1",
        "--labels",
        "all",
        "--format",
        "csv",
        "--out",
        &text(dir.path().join("scores.csv")),
    ]);
    assert!(exported.contains("wrote"), "{exported}");
}
