//! Whole micrographs: seen, corrected, and picked by hand or with a run.

mod audit;
mod gestures;
mod look;
mod marks;
mod masks;
mod picking;
mod rounds;
mod score_map;
mod thresholds;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::{
    Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2,
};
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::App;
use vitrine::gui::command::{
    Command, DraftCommand, ImportCommand, MicrographCommand, SelectCommand, ViewCommand,
};
use vitrine::gui::drafts::PickDraft;
use vitrine::gui::values::{Load, MicrographSort, PictureKey, Tab};
use vitrine_core::formats::mrc::{Writer, WriterMode};
use vitrine_core::learning::config::{Backbone, yaml};
use vitrine_core::picking::picker::{Candidate, Candidates};
use vitrine_core::picking::store::{FileState, Store};
use vitrine_core::project::{
    EntryKind, MicrographId, NewMicrograph, NewPatch, NewRun, PixelType, Project, RunEnd, SourceInfo,
};
use vitrine_core::{Label, LabelCounts};

use crate::support::{Window, drag, nine, opened, said, wait};

/// Columns and rows of the micrographs.
pub const SIZE: (usize, usize) = (600, 400);
/// Side of the box, px of the micrograph; px averaged into one.
pub const BOX: (usize, usize) = (32, 2);

/// A micrograph of waves, as MRC.
pub fn write(path: &Path, number: usize) {
    let mut writer = Writer::create(path, SIZE.0, SIZE.1, Some(1.5), WriterMode::Float32).unwrap();
    let value = |at: usize| {
        let (x, y) = (at % SIZE.0, at / SIZE.0);
        ((x * (number + 2)) as f32 / 40.0).sin() + (y as f32 / 25.0).cos() + (at % 7) as f32 * 0.02
    };
    let pixels: Vec<f32> = (0..SIZE.0 * SIZE.1).map(value).collect();
    writer.push(&pixels).unwrap();
    writer.finish().unwrap();
}

/// A project of three micrographs. On the first lie a positive, a negative and four unlabeled patches, on the second
/// two positives, on the third nothing.
pub fn picked(dir: &Path) -> PathBuf {
    let folder = dir.join("picked");
    let mics = dir.join("mics");
    std::fs::create_dir_all(&mics).unwrap();
    let mut project = Project::create(&folder, Some(16), PixelType::F32).unwrap();
    let mut import = project.import(16).unwrap();
    let info = SourceInfo {
        box_size: Some(BOX.0 as f64),
        bin: Some(BOX.1 as f64),
        pixel_size: Some(3.0),
        micrograph_pixel_size: Some(1.5),
        ..SourceInfo::new("picks.star", "RELION coordinates")
    };
    import.source(&info).unwrap();
    let ids: Vec<MicrographId> = (0..3)
        .map(|number| {
            let path = mics.join(format!("hole_{number}.mrc"));
            write(&path, number);
            import
                .micrograph(&NewMicrograph {
                    path: Some(path),
                    dimensions: Some(SIZE),
                    pixel_size: Some(1.5),
                    ..NewMicrograph::named(format!("hole_{number}"))
                })
                .unwrap()
        })
        .collect();
    let labels = [Label::Positive, Label::Negative].into_iter().chain([Label::Unlabeled; 4]);
    let first = labels.enumerate().map(|(at, label)| (0, 80.0 + 80.0 * at as f64, 120.0, label));
    let second = [(1, 100.0, 100.0, Label::Positive), (1, 300.0, 200.0, Label::Positive)];
    for (at, (on, x, y, label)) in first.chain(second).enumerate() {
        let pixels: Vec<f32> = (0..256).map(|p| ((p * (at + 3)) % 97) as f32).collect();
        let patch = NewPatch {
            label,
            source_index: at,
            micrograph: Some(ids[on]),
            xy: Some((x, y)),
            ..NewPatch::default()
        };
        import.push(&patch, &pixels).unwrap();
    }
    import.commit().unwrap();
    folder
}

/// The view on a project, with the first micrograph drawn.
pub fn shown(project: &Path) -> Window {
    let mut window = opened(project);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Micrographs)));
    wait(&mut window, "the micrograph", drawn);
    window
}

/// Whether the micrograph that is asked for is there.
pub fn drawn(app: &App) -> bool {
    let current = app.model.micrographs.current;
    current.is_some_and(|id| app.model.micrographs.any_picture(id).is_some())
}

/// Whether the first micrograph could not be read.
pub fn failed(app: &App) -> bool {
    let key = PictureKey { micrograph: MicrographId(1), band: None };
    matches!(app.model.micrographs.picture(&key), Load::Failed(_))
}

/// Whether a notice says this.
pub fn told(app: &App, text: &str) -> bool {
    app.model.notices.shown().iter().any(|notice| notice.text.contains(text))
}

/// Closes the window once nothing is under way that holds the project.
pub fn close(mut window: Window) {
    wait(&mut window, "the end of all jobs", |app| app.model.jobs.is_empty());
}

pub fn counts(window: &Window) -> LabelCounts {
    window.state().model.project.as_ref().unwrap().counts
}

pub fn label(window: &Window, patch: u32) -> Label {
    window.state().model.project.as_ref().unwrap().columns.labels[patch as usize]
}

pub fn selected(window: &Window) -> Vec<u32> {
    window.state().model.project.as_ref().unwrap().selection.iter().collect()
}

/// Where a place of the micrograph is on the screen.
pub fn at(window: &Window, x: f32, y: f32) -> Pos2 {
    window.state().states.micrographs.geometry.to_screen([x, y])
}

pub fn press(window: &mut Window, pos: Pos2, button: PointerButton, modifiers: Modifiers) {
    window.hover_at(pos);
    window.step();
    for pressed in [true, false] {
        window.event_modifiers(Event::PointerButton { pos, button, pressed, modifiers }, modifiers);
        window.step();
    }
    window.step();
}

pub fn click(window: &mut Window, x: f32, y: f32) {
    let pos = at(window, x, y);
    press(window, pos, PointerButton::Primary, Modifiers::NONE);
}

/// Paints from one point of the screen to another while a key is held.
pub fn paint(window: &mut Window, key: Key, from: Pos2, to: Pos2) {
    window.hover_at(from);
    window.step();
    window.key_down(key);
    window.step();
    window.hover_at(to);
    window.run_steps(2);
    window.key_up(key);
    window.run_steps(3);
}

/// Waits until everything marked is in the project.
pub fn settled(window: &mut Window) {
    wait(window, "the patches", |app| !app.model.micrographs.is_marking());
}

/// A place that a run has found.
pub fn place(x: f64, y: f64, score: f64) -> Candidate {
    Candidate { x, y, logit: vitrine_core::picking::census::logit_of(score) as f32 }
}

/// A run that nobody trained and the places it has found, micrograph by micrograph.
pub fn run_with(folder: &Path, name: &str, began_with: Option<&str>, places: Vec<Vec<Candidate>>) {
    let network = vitrine_core::learning::general_model::general_model(16, false).unwrap();
    run_with_file(folder, name, began_with, places, |model| network.save(model).unwrap());
}

/// As [`run_with`], with what `write` makes the file of its network.
fn run_with_file(
    folder: &Path,
    name: &str,
    began_with: Option<&str>,
    places: Vec<Vec<Candidate>>,
    write: impl FnOnce(&Path),
) {
    let mut project = Project::open(folder).unwrap();
    let mut config = yaml::load("supervised_baseline").unwrap();
    config.backbone = Backbone::SlidingCnn;
    let run = NewRun {
        began_with: began_with.map(str::to_owned),
        ..NewRun::named(name, yaml::to_yaml(&config).unwrap())
    };
    let run = project.create_run(&run).unwrap();
    project.record_epoch(&run, 1, &serde_json::Map::new(), true).unwrap();
    project.end_run(run.id, RunEnd::Finished, None).unwrap();
    let run_dir = project.run_dir(name);
    std::fs::create_dir_all(&run_dir).unwrap();
    let model = run_dir.join("best.safetensors");
    write(&model);
    let cut = vitrine_core::imaging::CutSettings { box_size: BOX.0, bin: BOX.1, margin: 0 };
    let store = Store::open(&run_dir, &model, cut).unwrap();
    for (number, places) in places.into_iter().enumerate() {
        let path = folder.with_file_name(format!("mics/hole_{number}.mrc"));
        let mut found = Candidates { size: SIZE, border: Default::default(), places };
        found.places.sort_by(|a, b| b.logit.total_cmp(&a.logit));
        store.write(&FileState::of(&path).unwrap(), &found).unwrap();
    }
}

/// [`picked`] with a run that has found places on the first two micrographs; nobody trained it.
pub fn found(dir: &Path) -> PathBuf {
    let folder = picked(dir);
    run_with(&folder, "slide-1", None, found_places());
    folder
}

/// As [`found`], but the file of the run's network is damaged.
pub fn found_but_damaged(dir: &Path) -> PathBuf {
    let folder = picked(dir);
    let damaged = |model: &Path| std::fs::write(model, b"no weights").unwrap();
    run_with_file(&folder, "slide-1", None, found_places(), damaged);
    folder
}

fn found_places() -> Vec<Vec<Candidate>> {
    // At an unlabeled patch, at a positive, two at new places near each other, and a poor one.
    let first = vec![
        place(241.0, 121.0, 0.9),
        place(80.0, 120.0, 0.95),
        place(300.0, 300.0, 0.8),
        place(304.0, 300.0, 0.7),
        place(500.0, 300.0, 0.3),
    ];
    vec![first, vec![place(200.0, 300.0, 0.6)]]
}

/// Waits until the picks of the micrograph that is shown and the counts over all are those of now.
pub fn counted(window: &mut Window) {
    wait(window, "the picks", |app| {
        let picks = &app.model.picks;
        let newest = |revision: u64| revision == picks.revision;
        let found = picks.found.last().is_some_and(|(key, _)| {
            newest(key.revision) && Some(key.micrograph) == app.model.micrographs.current
        });
        let pending = picks.found.pending().is_some() || picks.survey.pending().is_some();
        found && !pending && picks.survey.last().is_some_and(|(key, _)| newest(key.revision))
    });
}

/// Two small micrographs with dark discs and no patch yet, and the general model as a run that can pick on them.
pub fn general(dir: &Path) -> PathBuf {
    const SIDE: (usize, usize) = (260, 220);
    let folder = dir.join("general");
    let mics = dir.join("mics");
    std::fs::create_dir_all(&mics).unwrap();
    let mut project = Project::create(&folder, None, PixelType::F32).unwrap();
    let settings = vitrine_core::project::PickingSettings { box_size: 64, bin: 1, diameter: Some(36.0) };
    project.set_picking(&settings).unwrap();
    let mut state = 7_u32;
    let new: Vec<NewMicrograph> = (0..2)
        .map(|number| {
            let path = mics.join(format!("hole_{number}.mrc"));
            let mut writer = Writer::create(&path, SIDE.0, SIDE.1, Some(3.0), WriterMode::Float32).unwrap();
            let pixels: Vec<f32> = (0..SIDE.0 * SIDE.1)
                .map(|at| {
                    let (x, y) = ((at % SIDE.0) as f32, (at / SIDE.0) as f32);
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let noise = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
                    let discs = [(90.0, 100.0), (180.0, 120.0 + 10.0 * number as f32)];
                    let dark = discs.iter().any(|&(a, b): &(f32, f32)| (x - a).hypot(y - b) < 17.0);
                    noise - if dark { 0.8 } else { 0.0 }
                })
                .collect();
            writer.push(&pixels).unwrap();
            writer.finish().unwrap();
            NewMicrograph {
                path: Some(path),
                dimensions: Some(SIDE),
                pixel_size: Some(3.0),
                ..NewMicrograph::named(format!("hole_{number}"))
            }
        })
        .collect();
    project.add_micrographs(&new).unwrap();
    let request = vitrine_core::workflow::rank::RankRequest {
        name: None,
        contrast: vitrine_core::imaging::Contrast::Dark,
        device: vitrine_core::device::ComputeDevice::cpu(),
    };
    vitrine_core::workflow::rank::rank(&mut project, request, &mut |_| true).unwrap();
    folder
}
