//! What a project of many patches costs in the window: time to open, CPU time of a frame of the
//! gallery while scrolling, memory, sorting and filtering, labelling. Times are printed, not judged.
//!
//! ```text
//! cargo run --release --workspace --example gallery_bench -- [PATCHES] [FOLDER]
//! cargo run --release --workspace --example gallery_bench -- --while-training [PROGRAM]
//! ```
//!
//! The second form times 1,000 frames at 60 a second of a small project while nothing else happens, while
//! PROGRAM (`vitrine`, where given) trains `supervised_baseline` in another process at the window's own
//! priority, and while the window trains `recommended` on the processor.
//!
//! Makes a project of 1,000,000 patches of 64×64 px (8 GB) in FOLDER, or uses the one that is there.
//! A frame is measured as the CPU time of the window's thread for everything egui does (logic, views,
//! tessellation) and for handing pixels to the device; drawing on a software rasteriser is not counted.
#![allow(clippy::unwrap_used)]

#[path = "../../core/examples/support/many_patches.rs"]
mod many_patches;
#[path = "support/frames.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::wgpu;
use many_patches::SIZE;
use support::{Window, frame as draw, frames, memory, report, scheduled, wait, wheel, window};
use vitrine::gpu::look::Look;
use vitrine::gui::App;
use vitrine::gui::command::{
    Command, LabelCommand, ProjectCommand, SelectCommand, SettingsCommand, ViewCommand,
};
use vitrine::gui::values::{Filter, Order, SortKey};
use vitrine_core::Label;
use vitrine_core::project::{NewRun, ScoreKind};

/// Frames that are measured of each kind.
const FRAMES: usize = 1000;

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--while-training").is_some() {
        return while_training(arguments.next().as_deref());
    }
    let patches: usize = arguments.next().map_or(1_000_000, |text| text.parse().unwrap());
    let temporary = std::env::temp_dir().join("vitrine_gallery_bench");
    let folder = arguments.next().map_or(temporary, PathBuf::from);
    if !folder.join("project.sqlite").exists() {
        let clock = Instant::now();
        make(&folder, patches);
        println!("made {patches} patches of {SIZE}×{SIZE} px in {:.0} s", clock.elapsed().as_secs_f64());
    }
    measure(&folder);
}

/// A project with a score for every patch.
fn make(folder: &Path, patches: usize) {
    let mut project = many_patches::make(folder, patches).unwrap();
    let run = project.create_run(&NewRun::named("bench", "")).unwrap();
    let scores: Vec<f32> =
        (0..patches as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32).collect();
    project.set_scores(run.id, ScoreKind::Teacher, &scores).unwrap();
    project.end_run(run.id, vitrine_core::project::RunEnd::Finished, None).unwrap();
}

/// Opens the project in a window that is there already, as a person does; the time is until its patches are
/// on the screen, with their pixels.
fn open(folder: &Path) -> Window {
    let mut window = window();
    let clock = Instant::now();
    window.state_mut().apply(Command::Project(ProjectCommand::Open(folder.to_owned())));
    wait(&mut window, "the project", |app| app.model.project.is_some());
    let there = clock.elapsed();
    // The gallery has drawn a frame in which no picture is still to come.
    wait(&mut window, "pixels", |app| app.states.gallery.window.is_some() && app.states.gallery.coming == 0);
    let drawn = clock.elapsed();
    let count = window.state().model.project.as_ref().unwrap().len();
    println!(
        "open {count} patches: {:.2} s until the project is there, {:.2} s until its patches are on the screen",
        there.as_secs_f64(),
        drawn.as_secs_f64()
    );
    window
}

fn measure(folder: &Path) {
    let mut window = open(folder);
    let count = window.state().model.project.as_ref().unwrap().len();
    println!("memory after opening: {}", memory());

    scroll(&mut window, "wheel, three rows a frame", 300.0);
    scroll(&mut window, "as fast as a hand can turn", 5000.0);
    jump(&mut window);
    band(&mut window);
    println!("memory after scrolling: {}", memory());

    let order = |window: &mut Window, what: &str, order: Order| {
        let clock = Instant::now();
        window.state_mut().apply(Command::View(ViewCommand::Order(Box::new(order.clone()))));
        let before = std::sync::Arc::as_ptr(&window.state().model.project.as_ref().unwrap().shown.ids);
        wait(window, what, |app| {
            std::sync::Arc::as_ptr(&app.model.project.as_ref().unwrap().shown.ids) != before
        });
        println!("{what}: {:.0} ms until it is on the screen", clock.elapsed().as_secs_f64() * 1000.0);
    };
    order(&mut window, "sort by score", Order { key: SortKey::Score, descending: true, ..Order::default() });
    let filter = Filter { labels: vec![Label::Unlabeled], score: Some((0.4, 0.6)), ..Filter::default() };
    order(
        &mut window,
        "sort and filter",
        Order { key: SortKey::Uncertainty, descending: true, filter, ..Order::default() },
    );
    order(&mut window, "back to all", Order::default());

    let clock = Instant::now();
    window
        .state_mut()
        .apply(Command::Select(SelectCommand::Range(200_000.min(count / 2), 299_999.min(count - 1))));
    println!("select a range: {:.1} ms", clock.elapsed().as_secs_f64() * 1000.0);
    for (what, command) in [
        ("label the selection", LabelCommand::Set(Label::Negative)),
        ("undo", LabelCommand::Undo),
        ("redo", LabelCommand::Redo),
        ("undo again", LabelCommand::Undo),
    ] {
        let selected = window.state().model.project.as_ref().unwrap().selection.len();
        let clock = Instant::now();
        window.state_mut().apply(Command::Label(command));
        println!("{what} ({selected} patches): {:.1} ms", clock.elapsed().as_secs_f64() * 1000.0);
    }
    one_by_one(&mut window);
    similar(&mut window, folder);
    println!("memory at the end: {}", memory());
}

/// Frames of a window in which, or beside which, a run goes on.
fn while_training(program: Option<&str>) {
    let dir = tempfile::tempdir().unwrap();
    let (folder, beside) = (dir.path().join("window"), dir.path().join("beside"));
    make(&folder, 4000);
    let mut window = open(&folder);
    paced(&mut window, "nothing else");
    if let Some(program) = program {
        make(&beside, 4000);
        let run = std::process::Command::new(program)
            .arg("train")
            .arg(&beside)
            .args([
                "--config",
                "supervised_baseline",
                "--prior",
                "0.3",
                "--epochs",
                "1000",
                "--device",
                "cpu",
            ])
            .stdout(std::process::Stdio::null())
            .spawn();
        let mut run = run.unwrap();
        std::thread::sleep(Duration::from_secs(20));
        let run_dir = std::fs::read_dir(beside.join("runs")).unwrap().next().unwrap().unwrap().path();
        let epochs = || std::fs::read_to_string(run_dir.join("metrics.csv")).unwrap().lines().count() - 1;
        let before = epochs();
        assert!(before > 0, "no epoch in 20 s");
        paced(&mut window, "a run in another process, at equal priority");
        println!("the run in another process: {} epochs meanwhile", epochs() - before);
        run.kill().unwrap();
        run.wait().unwrap();
    }
    let mut config = vitrine_core::learning::config::yaml::load("recommended").unwrap();
    config.prior = vitrine_core::learning::config::PriorConfig::Given(0.3);
    config.augmentation.weak.overlay_trial = false;
    config.schedule.epochs = 1000;
    let start = vitrine::gui::values::TrainStart {
        name: Some("run".to_owned()),
        base_name: "run".to_owned(),
        config,
        device: vitrine_core::device::DeviceChoice::Cpu,
    };
    use vitrine::gui::command::TrainCommand;
    window.state_mut().apply(Command::Train(TrainCommand::Start(Box::new(start))));
    wait(&mut window, "an epoch", |app| app.model.live.as_ref().is_some_and(|live| !live.epochs.is_empty()));
    let batches = |window: &Window| {
        let progress = window.state().model.live.as_ref().unwrap().progress.unwrap();
        (progress.0 * progress.3 + progress.2) as f64
    };
    let rate = |window: &mut Window, what: &str, wait: &mut dyn FnMut(&mut Window)| {
        let (clock, before) = (Instant::now(), batches(window));
        wait(window);
        window.step();
        let rate = (batches(window) - before) / clock.elapsed().as_secs_f64();
        println!("the window's own run, {what}: {rate:.2} batches a second");
    };
    rate(&mut window, "nobody touches the window", &mut |_| std::thread::sleep(Duration::from_secs(17)));
    rate(&mut window, "while it scrolls", &mut |window| paced(window, "the window's own run"));
    window.state_mut().apply(Command::Select(SelectCommand::Place(0)));
    let times = (0..300).map(|i| {
        window.step();
        let clock = Instant::now();
        let label = if i % 2 == 0 { Label::Negative } else { Label::Positive };
        window.state_mut().apply(Command::Label(LabelCommand::Set(label)));
        let spent = clock.elapsed().as_secs_f64();
        std::thread::sleep(Duration::from_millis(30));
        spent
    });
    report("label one patch during the run (time, not CPU)", times.collect());
    window.state_mut().apply(Command::Train(TrainCommand::Stop));
    wait(&mut window, "the end", |app| app.model.live.as_ref().is_some_and(|live| !live.is_running()));
}

/// Scrolls for 1,000 frames, one every 1/60 s: how long each takes, waiting for the processor included.
fn paced(window: &mut Window, what: &str) {
    const TICK: Duration = Duration::from_nanos(16_666_667);
    let centre = window.state().states.gallery.geometry.rect.center();
    window.hover_at(centre);
    window.step();
    let (mut spent, mut waited, mut queued) = (Vec::new(), Vec::new(), Vec::new());
    let mut due = Instant::now();
    for frame in 0..1000 {
        due = (due + TICK).max(Instant::now());
        let before = scheduled();
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let points = if frame % 100 < 50 { -60.0 } else { 60.0 };
        wheel(window, points);
        draw(window);
        // From the moment when the frame was due: also waiting for a core makes it late.
        waited.push(due.elapsed().as_secs_f64());
        let after = scheduled();
        spent.push(after[0] - before[0]);
        queued.push(after[1] - before[1]);
    }
    let late = waited.iter().filter(|&&time| time > TICK.as_secs_f64()).count();
    report(&format!("{what}: CPU a frame"), spent);
    report(&format!("{what}: waiting for a core, a frame"), queued);
    report(&format!("{what}: time a frame, waiting for anything included"), waited);
    println!("{what}: {:.1} % of frames took more than 16.7 ms", late as f64 / 10.0);
}

/// Drags the longest period of the band: how long a frame takes with what the device filters for it, and how
/// many frames the screen lags behind the hand.
fn band(window: &mut Window) {
    let normal = window.state().model.settings.look;
    let set = |window: &mut Window, look| {
        window.state_mut().apply(Command::Settings(SettingsCommand::Look(look)));
    };
    let device = window.state().model.graphics.render_state.clone().unwrap().device;
    let (mut spent, mut behind) = (Vec::new(), 0);
    for frame in 0..120_u16 {
        let look = Look { band: true, periods: [15.0, 60.0 + 2.0 * f32::from(frame)], ..normal };
        set(window, look);
        let clock = Instant::now();
        window.step();
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        spent.push(clock.elapsed().as_secs_f64());
        behind += usize::from(window.state().states.gallery.coming > 0);
    }
    report("drag the band (time with the device's, not CPU)", spent);
    println!("frames of the drag with patches still to be filtered: {behind} of 120");
    let clock = Instant::now();
    set(window, Look { band: true, periods: [20.0, 100.0], ..normal });
    wait(window, "the band", |app| app.states.gallery.coming == 0);
    device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    println!("another band: {:.0} ms until all of the screen has it", clock.elapsed().as_secs_f64() * 1000.0);
    set(window, normal);
    window.run_steps(3);
}

/// Labels patch after patch as by key.
fn one_by_one(window: &mut Window) {
    window.state_mut().apply(Command::Select(SelectCommand::Clear));
    window.state_mut().apply(Command::Select(SelectCommand::Place(0)));
    let times = (0..300)
        .map(|i| {
            let label = if i % 2 == 0 { Label::Negative } else { Label::Positive };
            let clock = Instant::now();
            window.state_mut().apply(Command::Label(LabelCommand::Set(label)));
            clock.elapsed().as_secs_f64()
        })
        .collect();
    report("label one patch (time, not CPU)", times);
    let clock = Instant::now();
    wait(window, "the disk", |app| app.model.disk.waiting == 0);
    println!("labels on the disk {:.0} ms after the last one", clock.elapsed().as_secs_f64() * 1000.0);
    for _ in 0..300 {
        window.state_mut().apply(Command::Label(LabelCommand::Undo));
    }
}

/// Looks for similar patches among features of 128 numbers, read first and then at hand.
fn similar(window: &mut Window, folder: &Path) {
    let path = vitrine_core::review::features_path(&folder.join("runs/bench"));
    let count = window.state().model.project.as_ref().unwrap().len();
    if !path.exists() {
        write_features(&path, count, 128);
    }
    let mut look = |what: &str| {
        let clock = Instant::now();
        window.state_mut().apply(Command::Select(SelectCommand::Similar));
        let found =
            |app: &App| app.model.jobs.iter().all(|job| !job.title.starts_with("Looking for similar"));
        wait(window, what, found);
        let done = window.state().model.project.as_ref().unwrap().features.is_some();
        assert!(
            done,
            "{:?}",
            window.state().model.notices.shown().iter().map(|n| &n.text).collect::<Vec<_>>()
        );
        println!("{what}: {:.0} ms", clock.elapsed().as_secs_f64() * 1000.0);
        window.state_mut().apply(Command::Select(SelectCommand::Clear));
        window.state_mut().apply(Command::Select(SelectCommand::Place(77)));
    };
    look("select similar to one patch, features read from the disk");
    look("select similar to one patch");
    window.state_mut().apply(Command::Select(SelectCommand::Range(0, 99_999.min(count - 1))));
    let clock = Instant::now();
    window.state_mut().apply(Command::Select(SelectCommand::Similar));
    wait(window, "similar to many", |app| {
        app.model.jobs.iter().all(|job| !job.title.starts_with("Looking for similar"))
    });
    println!("select similar to 100,000 patches: {:.0} ms", clock.elapsed().as_secs_f64() * 1000.0);
}

/// Features as a run would have kept them, in a safetensors file.
fn write_features(path: &Path, count: usize, width: usize) {
    use std::io::Write as _;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let bytes = count * width * 2;
    let header =
        format!(r#"{{"features":{{"dtype":"F16","shape":[{count},{width}],"data_offsets":[0,{bytes}]}}}}"#);
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    let mut state = 1_u32;
    for _ in 0..count * width {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let value = half::f16::from_f32((state >> 8) as f32 / (1 << 24) as f32);
        file.write_all(&value.to_le_bytes()).unwrap();
    }
    file.flush().unwrap();
}

/// Turns the wheel for 1,000 frames.
fn scroll(window: &mut Window, what: &str, points: f32) {
    let centre = window.state().states.gallery.geometry.rect.center();
    window.hover_at(centre);
    window.step();
    let from = window.state().states.gallery.geometry.scroll;
    let times = frames(window, FRAMES, |window, frame| {
        wheel(window, if frame < 800 { -points } else { points });
    });
    let to = window.state().states.gallery.geometry.scroll;
    report(&format!("scroll, {what} ({:.0} points): CPU a frame", to - from), times);
}

/// Goes to a place far away in every frame: nothing of it is on the pages.
fn jump(window: &mut Window) {
    let times = frames(window, FRAMES, |window, frame| {
        let count = window.state().model.project.as_ref().unwrap().len();
        window.state_mut().apply(Command::Select(SelectCommand::Place(frame * 7919 % count)));
    });
    report("jump to another place every frame: CPU a frame", times);
}
