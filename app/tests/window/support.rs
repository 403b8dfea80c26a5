//! Opening the window on small projects, and waiting for what its threads bring.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use vitrine::gui::command::{Command, SettingsCommand};
use vitrine::gui::settings::{Settings, SettingsFile, Theme};
use vitrine::gui::{App, Start};
use vitrine_core::Label;
use vitrine_core::project::{NewMicrograph, NewPatch, PixelType, Project, SourceInfo};

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
