//! Makes the pictures of `docs/screenshots` on real data, with the real application drawn without a
//! window: `bash scripts/screenshots.sh` builds and calls it.
//!
//! `screenshots OUT DATA WORK [EPOCHS]`: pictures go to OUT, DATA holds `empiar10017` and
//! `pu_benchmark`, WORK is an empty folder for projects and exports. The runs are as long as their presets
//! say; with EPOCHS they are shorter and keep their shape, as on the command line.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use eframe::egui::{Event, Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::App;
use vitrine::gui::command::{
    Command, ImportCommand, MicrographCommand, PickCommand, ProjectCommand, QueueCommand, SelectCommand,
    SettingsCommand, TrainCommand, ViewCommand,
};
use vitrine::gui::drafts::ExportKind;
use vitrine::gui::values::{Go, ImportTarget, Order, Overlay, SortKey, Start, Tab, Theme, TrainStart};
use vitrine_core::Label;
use vitrine_core::device::{ComputeDevice, DeviceChoice};
use vitrine_core::diagnosis::Depth;
use vitrine_core::imaging::Contrast;
use vitrine_core::learning::config::overrides::Overrides;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::general_model::box_and_bin;
use vitrine_core::project::{NewMicrograph, PickingSettings, PixelType, Project};
use vitrine_core::review::QueueKind;
use vitrine_core::workflow::rank::{RankRequest, rank};
use vitrine_core::workflow::score_table::Goal;

/// Size of the pictures, px.
const SIZE: [f32; 2] = [1360.0, 850.0];
/// Diameter of a particle on the micrographs, px.
const DIAMETER: f64 = 108.0;
/// Height at which all of Compare is seen, px.
const TALL: f32 = 1850.0;
/// A run of its full length on a processor takes hours.
const PATIENCE: Duration = Duration::from_secs(8 * 3600);

struct Camera {
    window: Harness<'static, App>,
    out: PathBuf,
}

impl Camera {
    /// Draws frames until `done`.
    fn wait(&mut self, what: &str, mut done: impl FnMut(&App) -> bool) -> anyhow::Result<()> {
        let clock = Instant::now();
        loop {
            self.window.step();
            if done(self.window.state()) {
                self.window.run_steps(4);
                return Ok(());
            }
            let said: Vec<_> =
                self.window.state().model.notices.shown().iter().map(|n| n.text.clone()).collect();
            if clock.elapsed() > PATIENCE {
                bail!("waited {} hours for {what}; on screen: {said:?}", PATIENCE.as_secs() / 3600);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn does(&mut self, command: Command) {
        self.window.state_mut().apply(command);
        self.window.run_steps(4);
    }

    /// Saves what is on the screen. Textures arrive from threads, so some frames go by first.
    fn shoot(&mut self, name: &str) -> anyhow::Result<()> {
        // Where the last click was, a plot would show its cross.
        self.window.event(Event::PointerGone);
        for _ in 0..20 {
            self.window.step();
            std::thread::sleep(Duration::from_millis(15));
        }
        let image = self.window.render().map_err(anyhow::Error::msg)?;
        let path = self.out.join(format!("{name}.png"));
        image.save(&path).with_context(|| path.display().to_string())?;
        println!("{}", path.display());
        Ok(())
    }

    fn hush(&mut self) {
        let ids: Vec<u64> = self.window.state().model.notices.shown().iter().map(|n| n.id).collect();
        for id in ids {
            self.does(Command::Window(vitrine::gui::command::WindowCommand::Dismiss(id)));
        }
    }
}

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(out), Some(data), Some(work)) = (args.next(), args.next(), args.next()) else {
        bail!("usage: screenshots OUT DATA WORK [EPOCHS]");
    };
    let epochs = match args.next() {
        Some(text) => Some(text.to_string_lossy().parse().context("EPOCHS is a number")?),
        None => None,
    };
    for folder in [&data.join("empiar10017"), &data.join("pu_benchmark")] {
        if !folder.is_dir() {
            bail!("{} is not there: give the folder with empiar10017 and pu_benchmark", folder.display());
        }
    }
    std::fs::create_dir_all(&out)?;
    let window = Harness::builder()
        .with_size(SIZE)
        .with_max_steps(64)
        .with_render_cursor(false)
        .wgpu()
        .build_eframe(|cc| App::new(cc, Start::default()));
    let mut camera = Camera { window, out };
    camera.hush();
    first_screen(&mut camera)?;
    micrographs(&mut camera, &data.join("empiar10017"), &work)?;
    whole(&mut camera, &data.join("empiar10017"), &work)?;
    benchmark(&mut camera, &data.join("pu_benchmark"), &work, epochs)?;
    Ok(())
}

fn theme(camera: &mut Camera, theme: Theme) {
    camera.does(Command::Settings(SettingsCommand::Theme(theme)));
}

fn first_screen(camera: &mut Camera) -> anyhow::Result<()> {
    camera.window.state_mut().model.drafts.sample = "~/vitrine-sample".to_owned();
    camera.shoot("start_dark")?;
    theme(camera, Theme::Light);
    camera.shoot("start_light")?;
    theme(camera, Theme::Dark);
    Ok(())
}

/// Whether the import page shows a micrograph with its unlabeled places and, if `turned`, picks that were turned over.
fn in_sight(app: &App, turned: bool) -> bool {
    let sight = app.model.import.as_ref().and_then(|import| import.sight.last());
    sight.is_some_and(|((request, _), sight)| {
        request.y_up == turned && sight.as_ref().is_some_and(|sight| !sight.pool.is_empty())
    })
}

/// Micrographs with picks: the import page with its warnings, then the gallery.
fn micrographs(camera: &mut Camera, data: &Path, work: &Path) -> anyhow::Result<()> {
    let add = ImportCommand::Add(vec![data.join("micrographs"), data.join("picks")]);
    camera.does(Command::Import(add));
    camera.wait("the files to be recognised", |app| {
        app.model.import.as_ref().is_some_and(|import| import.proposal().is_some())
    })?;
    let import = camera.window.state_mut().model.import.as_mut();
    let form = &mut import.context("the import page is closed")?.draft;
    form.folder = work.join("beta-galactosidase").display().to_string();
    form.box_size = "192".to_owned();
    form.bin = "3".to_owned();
    let looked = |app: &App| {
        let question = app.model.import.as_ref().and_then(|import| Some(import.look.last()?.0));
        question.is_some_and(|looked| looked.request.box_size == Some(192))
    };
    camera.wait("the look at the files", looked)?;
    camera.wait("the micrograph", |app| in_sight(app, false))?;
    camera.shoot("import_dark")?;
    // Its own remedies.
    let settled = |app: &App, turned: bool, margin: bool| {
        let question = app.model.import.as_ref().and_then(|import| Some(import.look.last()?.0));
        question.is_some_and(|looked| looked.request.y_up == turned && (looked.request.margin > 0) == margin)
    };
    camera.window.get_by_label("Flip y").click();
    camera.wait("the look at the turned picks", |app| settled(app, true, false))?;
    camera.window.get_by_label_contains("Set the margin to").click();
    camera.wait("the look inside the margin", |app| settled(app, true, true))?;
    camera.wait("the turned micrograph", |app| in_sight(app, true))?;
    theme(camera, Theme::Light);
    camera.shoot("import_light")?;
    theme(camera, Theme::Dark);
    camera.window.get_by_label("Import").click();
    camera.wait("the import", |app| app.model.project.as_ref().is_some_and(|open| !open.is_empty()))?;
    camera.shoot("imported")?;
    camera.hush();
    both(camera, "gallery")
}

/// Whole micrographs without a pick, picked on with the general model.
fn whole(camera: &mut Camera, data: &Path, work: &Path) -> anyhow::Result<()> {
    camera.does(Command::Project(ProjectCommand::Close));
    let dir = work.join("without-picks");
    let mut files: Vec<PathBuf> = std::fs::read_dir(data.join("micrographs"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| vitrine_core::formats::micrograph::header(path).is_ok())
        .collect();
    files.sort();
    let mut project = Project::create(&dir, None, PixelType::F32)?;
    let (box_size, bin) = box_and_bin(DIAMETER)?;
    project.set_picking(&PickingSettings { box_size, bin, diameter: Some(DIAMETER) })?;
    let new: Vec<NewMicrograph> = files
        .into_iter()
        .map(|path| {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            NewMicrograph { path: Some(path), ..NewMicrograph::named(name) }
        })
        .collect();
    project.add_micrographs(&new)?;
    let request = RankRequest { name: None, contrast: Contrast::Dark, device: ComputeDevice::cpu() };
    rank(&mut project, request, &mut |_| true)?;
    drop(project);
    camera.does(Command::Project(ProjectCommand::Open(dir)));
    camera.wait("the project", |app| app.model.project.is_some())?;
    camera.does(Command::View(ViewCommand::Tab(Tab::Micrographs)));
    camera.window.get_by_label("Pick all").click();
    camera.wait("the picks", |app| {
        let picks = &app.model.picks;
        let counted = picks.survey.last().is_some_and(|(key, _)| key.revision == picks.revision);
        counted && app.model.jobs.is_empty()
    })?;
    camera.hush();
    // A place in the middle, confirmed and rejected picks around it.
    for (at, label) in [(0, Label::Positive), (3, Label::Positive), (6, Label::Negative)] {
        let found = camera.window.state().model.picks.found.last().and_then(|(key, found)| {
            let place = found.as_ref()?.places.get(at)?;
            Some((key.micrograph, [place.x, place.y]))
        });
        let (micrograph, place) = found.context("the general model has found nothing")?;
        camera.does(Command::Pick(PickCommand::Judge { micrograph, places: vec![place], label }));
        camera.wait("the patch", |app| !app.model.micrographs.is_marking())?;
    }
    both(camera, "micrographs")?;
    camera.does(Command::Pick(PickCommand::ToggleMap));
    camera.wait("the score map", |app| app.model.jobs.is_empty())?;
    camera.shoot("micrographs_map")?;
    let found = camera.window.state().model.picks.found.last();
    let first = found.and_then(|(_, found)| found.as_ref()?.places.first().copied());
    let place = first.context("the general model has found nothing")?;
    camera.does(Command::Micrograph(MicrographCommand::Go(Go::To([place.x as f32, place.y as f32]))));
    camera.shoot("micrographs_close")?;
    camera.does(Command::Pick(PickCommand::ToggleMap));
    camera.does(Command::Pick(PickCommand::Worth));
    camera.wait("the next micrograph", |app| app.model.jobs.is_empty())?;
    camera.shoot("micrographs_next")
}

/// A picture in each theme.
fn both(camera: &mut Camera, name: &str) -> anyhow::Result<()> {
    for (which, word) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        theme(camera, which);
        camera.shoot(&format!("{name}_{word}"))?;
    }
    Ok(())
}

/// Patches of the benchmark: a run with its baseline, then every other view.
fn benchmark(camera: &mut Camera, data: &Path, work: &Path, epochs: Option<usize>) -> anyhow::Result<()> {
    camera.does(Command::Project(ProjectCommand::Close));
    camera.does(Command::Import(ImportCommand::Add(vec![data.join("train.npz")])));
    camera.wait("the file to be recognised", |app| {
        app.model.import.as_ref().is_some_and(|import| import.look.newest().ready().is_some())
    })?;
    camera.shoot("import_patches")?;
    let request = camera.window.state().model.import.as_ref().and_then(|import| import.proposal().cloned());
    let request = Box::new(request.context("the benchmark was not recognised")?);
    let target = ImportTarget::New { dir: work.join("pu-benchmark"), pixels: PixelType::F32 };
    camera.does(Command::Import(ImportCommand::Run { request, target }));
    camera.wait("the import", |app| app.model.project.as_ref().is_some_and(|open| !open.is_empty()))?;
    camera.hush();
    camera.does(Command::View(ViewCommand::Tab(Tab::Train)));
    camera.shoot("train_before")?;
    for preset in ["supervised_baseline", "recommended"] {
        run(camera, preset, epochs)?;
    }
    camera.hush();
    compare(camera)?;
    camera.does(Command::View(ViewCommand::Tab(Tab::Diagnosis)));
    camera.shoot("diagnosis_before")?;
    let draft = &mut camera.window.state_mut().model.drafts.diagnosis;
    // With the short trainings, where there is time for whole runs.
    let depth = if epochs.is_none() { Depth::Standard } else { Depth::Quick };
    (draft.depth, draft.run) = (depth, Some("recommended-1".to_owned()));
    camera.window.run_steps(2);
    camera.window.get_by_label("Examine now").click();
    camera.wait("the report", |app| app.model.analysis.report.is_some())?;
    camera.hush();
    both(camera, "diagnosis")?;
    camera.does(Command::View(ViewCommand::Tab(Tab::Gallery)));
    rest(camera)?;
    both(camera, "benchmark")?;
    review(camera)?;
    export(camera, work)?;
    overlays(camera)
}

/// Waits until no job is under way.
fn rest(camera: &mut Camera) -> anyhow::Result<()> {
    camera.wait("the view", |app| !app.model.jobs.iter().any(|job| job.kind.is_shown()))
}

/// A run from its beginning to its scores, photographed in the middle of its last part.
fn run(camera: &mut Camera, preset: &str, epochs: Option<usize>) -> anyhow::Result<()> {
    let config = Overrides { epochs, ..Overrides::default() }.apply(yaml::load(preset)?)?;
    let (all, begins) = (config.schedule.epochs, config.self_training.start_epoch);
    let begins = if config.self_training.enabled { begins } else { 1 };
    let start = TrainStart { name: None, base_name: preset.to_owned(), config, device: DeviceChoice::Auto };
    camera.does(Command::Train(TrainCommand::Start(Box::new(start))));
    let middle = (begins + all).div_ceil(2).min(all);
    camera.wait("the middle of the run", |app| {
        app.model.live.as_ref().is_some_and(|live| live.epochs.len() >= middle || !live.is_running())
    })?;
    if preset == "recommended" {
        both(camera, "train")?;
    }
    camera.wait("the end of the run", |app| {
        let over = app.model.live.as_ref().is_some_and(|live| !live.is_running());
        let scored = app.model.project.as_ref().and_then(|open| open.scores.as_ref());
        over && scored.is_some_and(|scores| scores.name.starts_with(preset))
    })
}

/// Compare as tall as it is, so that curves, threshold, patches on both sides and disagreement are seen.
fn compare(camera: &mut Camera) -> anyhow::Result<()> {
    camera.window.set_size(vec2(SIZE[0], TALL));
    camera.does(Command::View(ViewCommand::Tab(Tab::Compare)));
    camera.wait("the comparison", |app| {
        let analysis = &app.model.analysis;
        analysis.comparison.last().is_some()
            && analysis.disagreement.last().is_some()
            && analysis.curves.values().filter_map(|curves| curves.ready()).count() == 2
    })?;
    let best = camera.window.state().model.analysis.comparison.last().and_then(|(_, compared)| {
        compared.comparison.scores.last().and_then(|table| table.as_ref()?.threshold_for(Goal::Balance))
    });
    if let Some(best) = best {
        camera.window.state_mut().states.compare.scores.threshold = best;
    }
    both(camera, "compare")?;
    camera.window.set_size(SIZE.into());
    camera.window.run_steps(4);
    Ok(())
}

/// A review queue with the scores of its patch in the side panel, and where labels and scores disagree.
fn review(camera: &mut Camera) -> anyhow::Result<()> {
    let enter = QueueCommand::Enter(QueueKind::LikelyParticles);
    camera.does(Command::View(ViewCommand::Queue(enter)));
    camera.wait("the queue", |app| app.model.project.as_ref().is_some_and(|open| open.queue.is_some()))?;
    camera.does(Command::Select(SelectCommand::Place(2)));
    both_with_patch(camera, "queue")?;
    camera.does(Command::View(ViewCommand::Queue(QueueCommand::Leave)));
    let order = Order { key: SortKey::Disagreement, descending: true, ..Order::default() };
    camera.does(Command::View(ViewCommand::Order(Box::new(order))));
    rest(camera)?;
    camera.does(Command::Select(SelectCommand::Place(0)));
    both_with_patch(camera, "disagreement")
}

/// A picture of the gallery in each theme, once the side panel has what it shows of the current patch.
fn both_with_patch(camera: &mut Camera, name: &str) -> anyhow::Result<()> {
    camera.wait("the patch", |app| {
        app.model.project.as_ref().is_some_and(|open| {
            open.detail.last().is_some_and(|(key, _)| Some(key.patch) == open.shown.current())
        })
    })?;
    both(camera, name)
}

fn export(camera: &mut Camera, work: &Path) -> anyhow::Result<()> {
    camera.does(Command::View(ViewCommand::Tab(Tab::Export)));
    let form = &mut camera.window.state_mut().model.drafts.export;
    form.kind = ExportKind::Scores;
    form.labels = [true, false, true];
    form.format = vitrine_core::export::ExportFormat::Npz;
    form.out = work.join("particles.npz").display().to_string();
    camera.wait("the counts", |app| app.model.export.preview.newest().ready().is_some())?;
    camera.window.get_by_label("Write the export").click();
    camera.wait("the export", |app| app.model.export.written.is_some())?;
    camera.hush();
    both(camera, "export")
}

fn overlays(camera: &mut Camera) -> anyhow::Result<()> {
    for (overlay, name) in [
        (Overlay::Palette, "palette"),
        (Overlay::Keys, "keys"),
        (Overlay::Settings, "settings"),
        (Overlay::About, "about"),
    ] {
        camera.does(Command::View(ViewCommand::Overlay(Some(overlay))));
        camera.wait("the dialog", |app| overlay != Overlay::About || app.model.devices.ready().is_some())?;
        camera.shoot(name)?;
        camera.window.key_press_modifiers(Modifiers::NONE, Key::Escape);
        camera.window.run_steps(4);
        camera.does(Command::View(ViewCommand::Overlay(None)));
    }
    Ok(())
}
