//! What a large micrograph costs in the window: time until it is on the screen, CPU time of a frame while it is
//! panned, zoomed and recoloured, memory, and marking particles. Times are printed, not judged.
//!
//! ```text
//! cargo run --release --workspace --example micrograph_bench -- [SIDE] [PATCHES] [FOLDER]
//! ```
//!
//! Makes two micrographs of 12,000 × 12,000 px (MRC, 16-bit float) with 5,000 patches on the first in FOLDER, or uses
//! what is there. A frame is measured as in `gallery_bench`: the CPU time of the window's thread for everything egui
//! does; drawing on a software rasteriser is not counted.
#![allow(clippy::unwrap_used)]

#[path = "support/frames.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::time::Instant;

use support::{Window, frames, memory, report, wait, wheel, window};
use vitrine::gui::App;
use vitrine::gui::command::{
    Command, MarkPlaces, MicrographCommand, ProjectCommand, SettingsCommand, ViewCommand,
};
use vitrine::gui::values::{Go, Tab};
use vitrine_core::Label;
use vitrine_core::formats::mrc::{Writer, WriterMode};
use vitrine_core::imaging::CutSettings;
use vitrine_core::learning::config::{Backbone, yaml};
use vitrine_core::learning::general_model::general_model;
use vitrine_core::picking::picker::{Candidate, Candidates};
use vitrine_core::picking::store::{FileState, Store};
use vitrine_core::project::{
    MicrographId, NewMicrograph, NewPatch, NewRun, PixelType, Project, RunEnd, SourceInfo,
};

/// Side of the patches, px.
const PATCH: usize = 32;
/// Frames that are measured of each kind.
const FRAMES: usize = 300;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let side: usize = arguments.next().map_or(12_000, |text| text.parse().unwrap());
    let patches: usize = arguments.next().map_or(5000, |text| text.parse().unwrap());
    let temporary = std::env::temp_dir().join(format!("vitrine_micrograph_bench_{side}"));
    let folder = arguments.next().map_or(temporary, PathBuf::from);
    if !folder.join("project").join("project.sqlite").exists() {
        make(&folder, side, patches);
    }
    measure(&folder.join("project"), side);
}

fn make(folder: &Path, side: usize, patches: usize) {
    std::fs::create_dir_all(folder).unwrap();
    let mut project = Project::create(&folder.join("project"), Some(PATCH), PixelType::F16).unwrap();
    let mut import = project.import(PATCH).unwrap();
    let info = SourceInfo {
        box_size: Some(4.0 * PATCH as f64),
        bin: Some(4.0),
        micrograph_pixel_size: Some(0.8),
        pixel_size: Some(3.2),
        ..SourceInfo::new("picks.star", "RELION coordinates")
    };
    import.source(&info).unwrap();
    let mut ids = Vec::new();
    for number in 0..2_usize {
        let path = folder.join(format!("large_{number}.mrc"));
        let mut writer = Writer::create(&path, side, side, Some(0.8), WriterMode::Float16).unwrap();
        let mut state = number as u32 + 1;
        let pixels: Vec<f32> = (0..side * side)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 8) as f32 / (1 << 24) as f32;
                noise + ((at % side) as f32 / 300.0).sin() * 0.2
            })
            .collect();
        writer.push(&pixels).unwrap();
        writer.finish().unwrap();
        let new = NewMicrograph {
            path: Some(path),
            dimensions: Some((side, side)),
            pixel_size: Some(0.8),
            ..NewMicrograph::named(format!("large_{number}"))
        };
        ids.push(import.micrograph(&new).unwrap());
    }
    let across = (patches as f64).sqrt().ceil() as usize;
    let step = (side - 400) as f64 / across as f64;
    for at in 0..patches {
        let label = [Label::Positive, Label::Unlabeled, Label::Negative][at % 3];
        let xy = (200.0 + (at % across) as f64 * step, 200.0 + (at / across) as f64 * step);
        let patch = NewPatch {
            label,
            source_index: at,
            micrograph: Some(ids[0]),
            xy: Some(xy),
            ..NewPatch::default()
        };
        import.push(&patch, &[0.5; PATCH * PATCH]).unwrap();
    }
    import.commit().unwrap();
    add_run(&mut project, &folder.join("large_0.mrc"), side, patches);
}

/// Whether a micrograph is there, roughly or whole, and all tiles seen are drawn.
fn drawn(app: &App, micrograph: MicrographId) -> bool {
    app.model.micrographs.current == Some(micrograph)
        && app.model.micrographs.any_picture(micrograph).is_some()
        && app.states.micrographs.tiles.missing == 0
}

/// Whether all of a micrograph was read, too.
fn whole(app: &App, micrograph: MicrographId) -> bool {
    let picture = app.model.micrographs.any_picture(micrograph);
    picture.is_some_and(|picture| !picture.is_rough) && drawn(app, micrograph)
}

/// A run whose places lie between the patches of the first micrograph, as many as there are of these.
fn add_run(project: &mut Project, micrograph: &Path, side: usize, patches: usize) {
    let mut config = yaml::load("supervised_baseline").unwrap();
    config.backbone = Backbone::SlidingCnn;
    let run = NewRun::named("picks", yaml::to_yaml(&config).unwrap());
    let run = project.create_run(&run).unwrap();
    project.record_epoch(&run, 1, &serde_json::Map::new(), true).unwrap();
    project.end_run(run.id, RunEnd::Finished, None).unwrap();
    let dir = project.run_dir("picks");
    std::fs::create_dir_all(&dir).unwrap();
    let model = dir.join("best.safetensors");
    general_model(PATCH, false).unwrap().save(&model).unwrap();
    let cut = CutSettings { box_size: 4 * PATCH, bin: 4, margin: 0 };
    let across = (patches as f64).sqrt().ceil() as usize;
    let step = (side - 400) as f64 / across as f64;
    let place = |at: usize| Candidate {
        x: 200.0 + ((at % across) as f64 + 0.5) * step,
        y: 200.0 + ((at / across) as f64 + 0.5) * step,
        logit: 6.0 - 5.0 * at as f32 / patches as f32,
    };
    let found = Candidates {
        size: (side, side),
        border: Default::default(),
        places: (0..patches).map(place).collect(),
    };
    let store = Store::open(&dir, &model, cut).unwrap();
    store.write(&FileState::of(micrograph).unwrap(), &found).unwrap();
}

/// Frames with every place of the run beside every patch.
fn measure_picks(window: &mut Window) {
    let shown = |app: &App| {
        let open = app.model.project.as_ref();
        open.is_some_and(|open| {
            !app.model.picks.places(open, MicrographId(1), &app.model.drafts.pick).is_empty()
        })
    };
    wait(window, "the picks", shown);
    let times = frames(window, FRAMES, |_, _| {});
    report("all of it with every patch and as many picks of a run: CPU a frame", times);
}

fn measure(project: &Path, side: usize) {
    let mut window = window();
    window.state_mut().apply(Command::Project(ProjectCommand::Open(project.to_owned())));
    wait(&mut window, "the project", |app| app.model.project.is_some());
    let (first, second) = (MicrographId(1), MicrographId(2));
    let clock = Instant::now();
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Micrographs)));
    wait(&mut window, "the micrograph", |app| drawn(app, first));
    println!("{side}² px: {:.2} s until it is on the screen", clock.elapsed().as_secs_f64());
    wait(&mut window, "all of it", |app| whole(app, first));
    println!("all of it: {:.2} s", clock.elapsed().as_secs_f64());
    wait(&mut window, "its neighbour", |app| app.model.micrographs.any_picture(second).is_some());
    let clock = Instant::now();
    window.state_mut().apply(Command::Micrograph(MicrographCommand::Open(second)));
    wait(&mut window, "the neighbour", |app| drawn(app, second));
    println!("the next one, read ahead: {:.0} ms", clock.elapsed().as_secs_f64() * 1000.0);
    window.state_mut().apply(Command::Micrograph(MicrographCommand::Open(first)));
    wait(&mut window, "the first", |app| drawn(app, first));
    println!("memory: {}", memory());
    measure_picks(&mut window);

    let whole = frames(&mut window, FRAMES, |_, _| {});
    report("all of it with every patch: CPU a frame", whole);
    let centre = window.state().states.micrographs.geometry.rect.center();
    window.hover_at(centre);
    window.step();
    let times = frames(&mut window, FRAMES, |window, frame| {
        wheel(window, if frame % 100 < 50 { 30.0 } else { -30.0 })
    });
    report("zoom in and out: CPU a frame", times);
    window.state_mut().apply(Command::Micrograph(MicrographCommand::Go(Go::Full)));
    wait(&mut window, "the tiles", |app| drawn(app, first));
    let times = frames(&mut window, FRAMES, |window, frame| {
        let to = [side as f32 * 0.2 + 25.0 * frame as f32, side as f32 * 0.5 + 10.0 * (frame % 40) as f32];
        window.state_mut().apply(Command::Micrograph(MicrographCommand::Go(Go::To(to))));
    });
    report("pan at 1:1, 25 px a frame: CPU a frame", times);
    let look = window.state().model.settings.look;
    let times = frames(&mut window, FRAMES, |window, frame| {
        let look = vitrine::gpu::look::Look { cut: 0.1 + 0.02 * (frame % 200) as f32, ..look };
        window.state_mut().apply(Command::Settings(SettingsCommand::Look(look)));
    });
    report("drag the contrast at 1:1: CPU a frame", times);

    let before = window.state().model.project.as_ref().unwrap().len();
    let clock = Instant::now();
    for at in 0..40 {
        let places = vec![[side as f64 * 0.5 + 20.0 * f64::from(at), side as f64 * 0.5 + 57.0]];
        let mark =
            MarkPlaces { micrograph: first, places, label: Label::Positive, run: None, reason: "bench" };
        window.state_mut().apply(Command::Micrograph(MicrographCommand::Mark(mark)));
        window.step();
    }
    wait(&mut window, "the patches", |app| !app.model.micrographs.is_marking());
    let added = window.state().model.project.as_ref().unwrap().len() - before;
    println!("40 marks, {added} patches in the project after {:.2} s", clock.elapsed().as_secs_f64());
    println!("memory at the end: {}", memory());
}
