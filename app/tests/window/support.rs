//! Opening the window on small projects, and waiting for what its threads bring.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui::{Event, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::App;
use vitrine::gui::command::{Command, SettingsCommand};
use vitrine::gui::settings::{Settings, SettingsFile};
use vitrine::gui::values::{Start, Theme};
use vitrine_core::Label;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::train::metrics::epoch_metrics::EpochMetrics;
use vitrine_core::project::{
    Fractions, NewMicrograph, NewPatch, NewRun, PixelType, Project, RunEnd, ScoreKind, SourceInfo,
    SplitMethod, SplitRequest,
};

/// The window.
pub type Window = Harness<'static, App>;

/// Opens the window; `project` as if named on the command line. Settings last as long as the window.
pub fn window(project: Option<&Path>) -> Window {
    window_with(Start { project: project.map(Path::to_owned), ..Start::default() })
}

/// Opens the window in any way.
pub fn window_with(start: Start) -> Window {
    Harness::builder()
        .with_size([1280.0, 820.0])
        .with_max_steps(64)
        .build_eframe(move |cc| App::new(cc, start))
}

/// Opens the window with a device that really draws, the software rasteriser where there is one, for
/// pictures and for what happens to devices. Small, so that pictures are.
pub fn drawn(project: Option<&Path>, theme: Theme) -> Window {
    let start = project.map(Path::to_owned);
    let settings = Settings { theme, ..Settings::default() };
    let (file, _, _) = SettingsFile::load(None);
    let mut window = Harness::builder()
        .with_size([900.0, 640.0])
        .with_pixels_per_point(0.75)
        .with_max_steps(64)
        .with_render_cursor(false)
        .wgpu()
        .build_eframe(move |cc| App::with_settings(cc, start, file, settings, None));
    // The harness begins with a theme of its own.
    window.state_mut().apply(Command::Settings(SettingsCommand::Theme(theme)));
    window.run_steps(2);
    window
}

/// Draws frames until `done`, at most a minute; jobs work on threads of their own.
pub fn wait(window: &mut Window, what: &str, mut done: impl FnMut(&App) -> bool) {
    let clock = Instant::now();
    loop {
        window.step();
        if done(window.state()) {
            window.run_steps(3);
            return;
        }
        let said: Vec<&str> = window.state().model.notices.shown().iter().map(|n| n.text.as_str()).collect();
        assert!(clock.elapsed() < Duration::from_secs(60), "waited a minute for {what}; on screen: {said:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Opens the window on `project` and waits until it is there.
pub fn opened(project: &Path) -> Window {
    let mut window = window(Some(project));
    wait(&mut window, "the project", |app| app.model.project.is_some());
    window
}

/// Saves the first plot on the screen in every form from its menu, as `folder/plots/ID.svg`, `.csv` and
/// `.png`.
pub fn save_plot(window: &mut Window, folder: &Path, id: &str) {
    for (item, ending) in [("Save as SVG…", "svg"), ("Save as CSV…", "csv"), ("Save as PNG…", "png")] {
        // As a screen reader does it: the plot may be scrolled away.
        let menu = window.get_all_by_label("More").next().unwrap();
        menu.click_accesskit();
        window.run_steps(6);
        window.get_by_label(item).click_accesskit();
        window.run_steps(4);
        let asked = window.state_mut().model.ask_path.as_mut().unwrap();
        assert!(asked.path.ends_with(format!("plots/{id}.{ending}")), "{}", asked.path.display());
        let path = folder.join(format!("plots/{id}.{ending}"));
        asked.path = path.clone();
        window.run_steps(3);
        window.get_by_label("Save").click();
        wait(window, ending, |_| path.is_file());
    }
}

/// The person presses the button that closes the window.
pub fn ask_to_close(window: &mut Window) {
    let events = &mut window.input_mut().viewports.entry(eframe::egui::ViewportId::ROOT).or_default().events;
    events.push(eframe::egui::ViewportEvent::Close);
}

/// Everything the window says at the moment.
pub fn said(window: &Window) -> String {
    window.state().model.notices.shown().iter().map(|n| n.text.clone()).collect::<Vec<_>>().join("\n")
}

/// A project of nine patches of 16×16 px on one micrograph: 0 and 1 positive, 2 negative, the others
/// unlabeled.
pub fn nine(dir: &Path) -> PathBuf {
    project(&dir.join("nine"), 9, 1, |i| match i {
        0 | 1 => Label::Positive,
        2 => Label::Negative,
        _ => Label::Unlabeled,
    })
}

/// A project of 120 patches of 16×16 px on six micrographs, every fourth positive: a network learns
/// on it for an epoch in a second.
pub fn small(dir: &Path) -> PathBuf {
    project(&dir.join("small"), 120, 6, |i| if i % 4 == 0 { Label::Positive } else { Label::Unlabeled })
}

fn project(folder: &Path, patches: usize, micrographs: usize, label: impl Fn(usize) -> Label) -> PathBuf {
    let mut project = Project::create(folder, Some(16), PixelType::F32).unwrap();
    let mut import = project.import(16).unwrap();
    import.source(&SourceInfo::new("some.mrcs", "particle stack")).unwrap();
    let micrographs: Vec<_> = (0..micrographs)
        .map(|m| import.micrograph(&NewMicrograph::named(format!("m{}", m + 1))).unwrap())
        .collect();
    for i in 0..patches {
        let micrograph = Some(micrographs[i % micrographs.len()]);
        let xy = Some((i as f64 * 20.0, 40.0));
        let pixels: Vec<f32> = (0..256).map(|p| ((p * (i + 3)) % 97) as f32).collect();
        import.push(&NewPatch { label: label(i), micrograph, xy, ..NewPatch::default() }, &pixels).unwrap();
    }
    import.commit().unwrap();
    folder.to_owned()
}

/// [`small`] with two runs that nobody trained: curves and scores are plain formulas, the same on every
/// machine.
pub fn analysed(dir: &Path) -> PathBuf {
    analysed_and(dir, true)
}

/// As [`analysed`]; whether the runs have scored the patches.
pub fn analysed_and(dir: &Path, scored: bool) -> PathBuf {
    let folder = small(dir);
    let mut project = Project::open(&folder).unwrap();
    let split = project
        .make_split(
            &SplitRequest {
                name: None,
                fractions: Fractions { train: 0.5, validation: 0.5, test: 0.0 },
                method: SplitMethod::Auto,
                seed: 1,
            },
            &mut |_| Ok(()),
        )
        .unwrap();
    for (preset, gain) in [("supervised_baseline", 0.0), ("recommended", 0.04)] {
        // They differ in one setting, whatever the presets say.
        let mut config = yaml::load("supervised_baseline").unwrap();
        config.self_training.enabled = gain > 0.0;
        let run = project
            .create_run(&NewRun {
                device: "cpu (flex): a processor".to_owned(),
                split: Some(split.id),
                columns: EpochMetrics::COLUMNS.iter().skip(1).map(|&c| c.to_owned()).collect(),
                ..NewRun::named(format!("{preset}-1"), yaml::to_yaml(&config).unwrap())
            })
            .unwrap();
        for epoch in 1..=12_u32 {
            let x = f64::from(epoch) / 12.0;
            let mut values = serde_json::Map::new();
            for (key, value) in [
                ("validation_auc_pu", 0.55 + (0.3 + gain) * (1.0 - (-4.0 * x).exp())),
                ("validation_auc_ceiling", 0.9),
                ("validation_average_precision", 0.3 + (0.4 + gain) * x),
                ("pseudo_label_rate", 0.9 - 0.6 * x),
                ("loss", 0.9 - 0.5 * x + gain),
                ("gradient_norm", 0.05 + 3.0 * x * x),
                ("learning_rate", 0.001 * (1.0 - x)),
                ("patches_per_second", 500.0),
                ("seconds", 2.0),
            ] {
                values.insert(key.to_owned(), serde_json::json!(value));
            }
            project.record_epoch(&run, epoch, &values, true).unwrap();
        }
        let labels = project.labels().unwrap();
        let score = |(patch, label): (usize, &Label)| {
            let noise = (patch * 37 % 101) as f32 / 101.0;
            if *label == Label::Positive { 0.45 + 0.5 * noise + gain as f32 } else { 0.7 * noise }
        };
        let scores: Vec<f32> = labels.iter().enumerate().map(score).collect();
        if scored {
            project.set_scores(run.id, ScoreKind::Teacher, &scores).unwrap();
        }
        project.end_run(run.id, RunEnd::Finished, None).unwrap();
    }
    folder
}

/// A project of nine patches of 32×32 px, each a ramp from left to right; patch `i` rises to 10 (i + 1).
pub fn ramps(dir: &Path) -> PathBuf {
    let folder = dir.join("ramps");
    let mut project = Project::create(&folder, Some(32), PixelType::F32).unwrap();
    let mut import = project.import(32).unwrap();
    import.source(&SourceInfo::new("ramps.mrcs", "particle stack")).unwrap();
    for i in 0..9 {
        let pixels: Vec<f32> = (0..32 * 32).map(|p| (p % 32) as f32 / 31.0 * 10.0 * (i + 1) as f32).collect();
        import.push(&NewPatch::default(), &pixels).unwrap();
    }
    import.commit().unwrap();
    folder
}

/// Drags with the primary button, in steps as a hand would.
pub fn drag(window: &mut Window, from: Pos2, to: Pos2, modifiers: Modifiers) {
    window.hover_at(from);
    window.step();
    window.event_modifiers(
        Event::PointerButton { pos: from, button: PointerButton::Primary, pressed: true, modifiers },
        modifiers,
    );
    window.step();
    for share in [0.3, 0.7, 1.0] {
        window.event_modifiers(Event::PointerMoved(from + (to - from) * share), modifiers);
        window.step();
    }
    window.event_modifiers(
        Event::PointerButton { pos: to, button: PointerButton::Primary, pressed: false, modifiers },
        modifiers,
    );
    window.run_steps(3);
}
