//! Picking as an external job of RELION: the files that RELION watches, and RELION's own pipeliner running it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::needs::{Need, missing};
use crate::support::{finish, ok, quick_config, text, train, vitrine, write_micrograph};

const SIDE: usize = 300;
const TABLE: &str = "MotionCorr/job002/corrected_micrographs.star";

fn centres() -> Vec<(f64, f64)> {
    (0..16).map(|at| (50.0 + 64.0 * f64::from(at % 4), 45.0 + 66.0 * f64::from(at / 4))).collect()
}

/// A RELION project with two micrographs of sixteen particles, and a Vitrine project with a run that can pick.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mics = dir.path().join("relion/MotionCorr/job002/mics");
        fs::create_dir_all(&mics).unwrap();
        let mut table =
            "# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroupName #1\n_rlnOpticsGroup #2\n\
                         _rlnMicrographPixelSize #3\n_rlnVoltage #4\n_rlnSphericalAberration #5\n\
                         _rlnAmplitudeContrast #6\nopticsGroup1 1 2.0 300 2.7 0.1\n\n# version 30001\n\n\
                         data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n"
                .to_owned();
        let mut picks = "micrograph,x,y\n".to_owned();
        for number in 0..2 {
            write_micrograph(&mics.join(format!("hole_{number}.mrc")), SIDE, &centres(), number + 1);
            table.push_str(&format!("MotionCorr/job002/mics/hole_{number}.mrc 1\n"));
            for (x, y) in centres() {
                picks.push_str(&format!("hole_{number},{x},{y}\n"));
            }
        }
        fs::write(dir.path().join("relion").join(TABLE), table).unwrap();
        fs::write(dir.path().join("picks.csv"), picks).unwrap();
        let place = Self { dir };
        let project = place.project();
        ok(&["new", &project]);
        let import = [
            "import",
            &project,
            "--micrographs",
            &text(mics),
            "--picks",
            &text(place.dir.path().join("picks.csv")),
            "--box",
            "64",
        ];
        ok(&[&import[..], &["--pool", "random", "--pool-count", "60"]].concat());
        let yaml = fs::read_to_string(quick_config(place.dir.path(), 1)).unwrap();
        let sliding = place.dir.path().join("sliding.yaml");
        fs::write(&sliding, format!("{yaml}backbone: sliding_cnn\n")).unwrap();
        train(&project, &text(sliding), "slide");
        place
    }

    fn project(&self) -> String {
        text(self.dir.path().join("p"))
    }

    fn relion(&self) -> PathBuf {
        self.dir.path().join("relion")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.relion().join(name)
    }

    /// The command that RELION would call, in the folder of its project.
    fn job(&self, folder: &str, run: &str) -> Command {
        let mut command = vitrine();
        command.current_dir(self.relion()).args(["relion-pick", "--o", folder, "--in_mics", TABLE]).args([
            "--project",
            &self.project(),
            "--run",
            run,
            "--threshold",
            "0.2",
            "--device",
            "cpu",
            "--j",
            "1",
        ]);
        command
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| text(entry.unwrap().file_name().to_str().unwrap()))
        .collect();
    names.sort();
    names
}

#[test]
fn relion_sees_how_a_job_ends_and_can_abort_it() {
    let place = Place::new();
    let ended = finish(&mut place.job("External/job003/", "slide"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let folder = place.path("External/job003");
    assert_eq!(
        names(&folder),
        [
            "RELION_JOB_EXIT_SUCCESS",
            "RELION_OUTPUT_NODES.star",
            "autopick.star",
            "coords_suffix_vitrine.star",
            "mics"
        ]
    );
    assert_eq!(names(&folder.join("mics")), ["hole_0_vitrine.star", "hole_1_vitrine.star"]);
    assert_eq!(fs::read_to_string(folder.join("coords_suffix_vitrine.star")).unwrap().trim(), TABLE);
    let list = fs::read_to_string(folder.join("autopick.star")).unwrap();
    assert!(
        list.contains("MotionCorr/job002/mics/hole_1.mrc")
            && list.contains("External/job003/mics/hole_1_vitrine.star"),
        "{list}"
    );
    // Without a pipeline of RELION 3 the newest names are used.
    let nodes = fs::read_to_string(folder.join("RELION_OUTPUT_NODES.star")).unwrap();
    assert!(
        nodes.contains("External/job003/autopick.star") && nodes.contains("MicrographCoordsGroup"),
        "{nodes}"
    );

    // Continued: what is scored is kept, and an abortion that a person asked for ends it as such.
    fs::write(folder.join("RELION_JOB_ABORT_NOW"), "").unwrap();
    let ended = finish(&mut place.job("External/job003/", "slide"));
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let left = names(&folder);
    assert!(left.contains(&"RELION_JOB_EXIT_ABORTED".to_owned()), "{left:?}");
    assert!(!left.iter().any(|name| name.contains("SUCCESS") || name.contains("ABORT_NOW")), "{left:?}");

    let ended = finish(&mut place.job("External/job004/", "nobody"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(names(&place.path("External/job004")), ["RELION_JOB_EXIT_FAILURE"]);
}

#[test]
fn relions_pipeliner_runs_it_and_extracts_its_picks() {
    let test = "relions_pipeliner_runs_it_and_extracts_its_picks";
    if Command::new("relion_pipeliner").arg("--version").output().is_err() {
        missing(Need::Interop, test, "needs RELION (apt-get install relion)");
        return;
    }
    let place = Place::new();
    let start = "\n# version 30001\n\ndata_pipeline_general\n\n_rlnPipeLineJobCounter 3\n\n";
    fs::write(place.path("default_pipeline.star"), start).unwrap();
    let relion = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).current_dir(place.relion()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    };
    let program = env!("CARGO_BIN_EXE_vitrine");
    let options = format!(
        "fn_exe == {program} relion-pick;in_mic == {TABLE};param1_label == project;param1_value == {};\
         param2_label == run;param2_value == slide;param3_label == threshold;param3_value == 0.2;\
         param4_label == device;param4_value == cpu;nr_threads == 1",
        place.project()
    );
    relion("relion_pipeliner", &["--addJob", "External", "--addJobOptions", &options]);
    let run = ["--schedule", "once", "--RunJobs", "External/job003/", "--sec_wait_after", "1"];
    relion("relion_pipeliner", &run);
    relion("relion_pipeliner", &["--check_job_completion"]);
    // RELION took the job for finished, and its coordinates for an output that later jobs can be given.
    let pipeline = fs::read_to_string(place.path("default_pipeline.star")).unwrap();
    let words: Vec<Vec<&str>> = pipeline.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(words.contains(&vec!["External/job003/", "None", "99", "2"]), "{pipeline}");
    assert!(words.contains(&vec!["External/job003/coords_suffix_vitrine.star", "2"]), "{pipeline}");
    assert!(
        words.contains(&vec!["External/job003/", "External/job003/coords_suffix_vitrine.star"]),
        "{pipeline}"
    );
    let log = fs::read_to_string(place.path("External/job003/run.out")).unwrap();
    assert!(log.contains("picks on 2 micrographs"), "{log}");
    // Extract finds the files by the suffix, as many particles as were picked.
    let picks: usize = (0..2)
        .map(|number| {
            let file = place.path(&format!("External/job003/mics/hole_{number}_vitrine.star"));
            let rows = fs::read_to_string(file).unwrap();
            rows.lines()
                .filter(|line| line.split_whitespace().next().is_some_and(|w| w.parse::<f64>().is_ok()))
                .count()
        })
        .sum();
    assert!(picks > 0);
    fs::create_dir_all(place.path("Extract/job004")).unwrap();
    let extract = [
        "--i",
        TABLE,
        "--coord_dir",
        "External/job003/",
        "--coord_suffix",
        "_vitrine.star",
        "--part_star",
        "Extract/job004/particles.star",
        "--part_dir",
        "Extract/job004/",
        "--extract",
        "--extract_size",
        "32",
    ];
    relion("relion_preprocess", &extract);
    let particles = fs::read_to_string(place.path("Extract/job004/particles.star")).unwrap();
    let extracted = particles.lines().filter(|line| line.contains("@Extract/")).count();
    // Boxes of 32 px fit around every pick.
    assert_eq!(extracted, picks, "{particles}");

    // The same picks as a table, from which RELION extracts again, and as a stack with the pixels that it extracts.
    let table = text(place.path("Vitrine/picks.star"));
    let optics = ["--voltage", "300", "--cs", "2.7", "--amplitude-contrast", "0.1", "--pixel-size", "2"];
    let pick = [
        "pick",
        &place.project(),
        "--run",
        "slide",
        "--threshold",
        "0.2",
        "--device",
        "cpu",
        "--export",
        &table,
    ];
    ok(&[&pick[..], &["--format", "relion-star", "--what", "both"], &optics[..]].concat());
    fs::create_dir_all(place.path("Extract/job005")).unwrap();
    let extract =
        ["--i", TABLE, "--reextract_data_star", "Vitrine/picks.star", "--part_dir", "Extract/job005/"];
    let more = ["--part_star", "Extract/job005/particles.star", "--extract", "--extract_size", "64"];
    relion("relion_preprocess", &[&extract[..], &more[..]].concat());
    let again = patches(&place.path("Extract/job005/particles.star"));
    let ours = patches(Path::new(&table));
    assert_eq!(again.len(), ours.len());
    assert_eq!(ours.len(), picks);
    for (ours, again) in ours.iter().zip(&again) {
        let off = ours.iter().zip(again).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-4, "{off}");
    }
}

/// The pixels of the particles of a table.
fn patches(table: &Path) -> Vec<Vec<f32>> {
    let mut data = vitrine_core::formats::relion::open(table).unwrap();
    let (side, count) = (data.reader.size(), data.reader.len());
    let pixels = |index| {
        let mut pixels = vec![0.0; side * side];
        data.reader.read(index, &mut pixels).unwrap();
        pixels
    };
    (0..count).map(pixels).collect()
}
