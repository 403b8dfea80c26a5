//! Pictures of the window, drawn by a software rasteriser and compared with those in `tests/snapshots`.
//! Only what is the same on every machine is shown: no dates, no devices, no paths.
//!
//! After a wanted change: `UPDATE_SNAPSHOTS=1 cargo test --release --workspace --test window snapshots`,
//! then look at the new pictures.

use eframe::egui::accesskit::Role;
use egui_kittest::SnapshotOptions;
use egui_kittest::kittest::Queryable as _;
use vitrine::gui::command::{
    Command, ImportCommand, PickCommand, SelectCommand, SettingsCommand, ViewCommand,
};
use vitrine::gui::model::{DiskSpace, NoticeKind};
use vitrine::gui::values::{Edge, Load, Overlay, SidePanel, Tab, Theme};
use vitrine_core::device::DeviceInfo;
use vitrine_core::diagnosis::Depth;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::config::{PretrainKind, RunConfig, SelectBy};
use vitrine_core::project::MicrographId;

use crate::micrographs::found;
use crate::support::{Window, analysed, drawn, nine, small, wait};

/// Compares the window with the picture `name`. Rasterisers differ in the last bit and at edges of
/// letters.
fn shoot(window: &mut Window, name: &str) {
    window.run_steps(4);
    let options = SnapshotOptions::new().threshold(1.2).max_failed_pixels(60);
    window.snapshot_options(name, &options);
}

/// Takes away what the machine has to say for itself.
fn hush(window: &mut Window) {
    for id in window.state().model.notices.shown().iter().map(|n| n.id).collect::<Vec<_>>() {
        window.state_mut().model.notices.dismiss(id);
    }
    window.run_steps(2);
}

fn first(theme: Theme) -> Window {
    let mut window = drawn(None, theme);
    hush(&mut window);
    window.state_mut().model.drafts.sample = "/home/ada/vitrine-sample".to_owned();
    window
}

fn project(theme: Theme) -> (Window, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut window = drawn(Some(&nine(dir.path())), theme);
    wait(&mut window, "project and devices", |app| {
        app.model.project.is_some() && app.model.devices.ready().is_some()
    });
    // What this machine computes on is its own affair.
    window.state_mut().model.devices = Load::Ready(Vec::new());
    hush(&mut window);
    (window, dir)
}

#[test]
fn start_dark() {
    shoot(&mut first(Theme::Dark), "start_dark");
}

#[test]
fn start_light() {
    shoot(&mut first(Theme::Light), "start_light");
}

#[test]
fn import_empty() {
    let mut window = first(Theme::Light);
    window.state_mut().apply(Command::Import(ImportCommand::Add(Vec::new())));
    shoot(&mut window, "import_empty");
}

#[test]
fn import_patches() {
    let (mut window, dir) = project(Theme::Dark);
    let pictures = dir.path().join("pictures");
    let export = vitrine_core::export::ExportRequest {
        labels: vec![],
        ..vitrine_core::export::ExportRequest::new(vitrine_core::export::ExportFormat::Png, &pictures)
    };
    let store = vitrine_core::project::Project::open_read_only(&dir.path().join("nine")).unwrap();
    vitrine_core::export::export(&store, &export, &mut |_| true).unwrap();
    window.state_mut().apply(Command::Import(ImportCommand::Add(vec![pictures])));
    wait(&mut window, "the look", |app| {
        app.model.import.as_ref().is_some_and(|import| import.look.newest().ready().is_some())
    });
    wait(&mut window, "the space", |app| app.model.import.as_ref().unwrap().disk_space.last().is_some());
    same_space(&mut window);
    shoot(&mut window, "import_patches");
}

#[test]
fn import_micrographs() {
    let dir = tempfile::tempdir().unwrap();
    let files = crate::import::sample(dir.path());
    let mut window = first(Theme::Dark);
    window.set_size(eframe::egui::vec2(1024.0, 700.0));
    crate::import::add(&mut window, &[&files.micrographs, &files.picks]);
    let draft = &mut window.state_mut().model.import.as_mut().unwrap().draft;
    draft.set_box(64);
    // Where the files and the home folder are differs from machine to machine.
    draft.folder = "/data/apo".to_owned();
    crate::import::look(&mut window);
    wait(&mut window, "the pool", |app| {
        let sight = app.model.import.as_ref().unwrap().sight.last();
        sight.is_some_and(|(_, sight)| sight.as_ref().is_some_and(|sight| !sight.pool.is_empty()))
    });
    wait(&mut window, "the space", |app| app.model.import.as_ref().unwrap().disk_space.last().is_some());
    same_space(&mut window);
    shoot(&mut window, "import_micrographs");
}

/// How much is free differs from machine to machine.
fn same_space(window: &mut Window) {
    let space = &mut window.state_mut().model.import.as_mut().unwrap().disk_space;
    let dir = space.question().unwrap().clone();
    space.ask(dir.clone());
    space.answer(&dir, Ok(DiskSpace { free: Some(54_000_000_000), at: std::time::Instant::now() }));
}

#[test]
fn export_view() {
    let (mut window, _dir) = project(Theme::Light);
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Export)));
    window.run_steps(2);
    window.state_mut().model.drafts.export.out = "/data/apo.star".to_owned();
    wait(&mut window, "the counts", |app| {
        app.model.export.preview.last().is_some_and(|((request, _), _)| request.out.ends_with("apo.star"))
    });
    shoot(&mut window, "export_light");
}

/// The window on a project with runs, with one device that is the same everywhere.
fn analysis(theme: Theme, tab: Tab) -> (Window, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut window = drawn(Some(&analysed(dir.path())), theme);
    wait(&mut window, "project and devices", |app| {
        app.model.project.is_some() && app.model.devices.ready().is_some()
    });
    hush(&mut window);
    window.state_mut().model.devices = Load::Ready(vec![DeviceInfo {
        id: "cpu".to_owned(),
        name: "Processor (2 threads)".to_owned(),
        kind: "CPU",
        backend: "flex".to_owned(),
        driver: String::new(),
        eligible: true,
    }]);
    for run in &mut window.state_mut().model.project.as_mut().unwrap().runs {
        run.started_at = "2026-03-14T09:26:53Z".to_owned();
    }
    window.state_mut().apply(Command::View(ViewCommand::Tab(tab)));
    (window, dir)
}

#[test]
fn gallery() {
    let (mut window, _dir) = analysis(Theme::Dark, Tab::Gallery);
    window.state_mut().apply(Command::Select(SelectCommand::Range(9, 11)));
    window.state_mut().apply(Command::Select(SelectCommand::Place(6)));
    wait(&mut window, "pixels and history", |app| {
        let open = app.model.project.as_ref().unwrap();
        app.states.gallery.coming == 0
            && app.states.gallery.window.is_some()
            && open.detail.last().is_some_and(|(key, _)| key.patch == 6)
            && open.micrograph.last().is_some()
    });
    shoot(&mut window, "gallery_dark");
    let dock = SettingsCommand::Dock { panel: SidePanel::Patch, edge: Edge::Bottom };
    window.state_mut().apply(Command::Settings(dock));
    window.run_steps(2);
    wait(&mut window, "pixels again", |app| app.states.gallery.coming == 0);
    shoot(&mut window, "gallery_docked");
}

#[test]
fn train_curves() {
    let (mut window, _dir) = analysis(Theme::Light, Tab::Train);
    window.run_steps(2);
    window.state_mut().model.analysis.drawn.insert("supervised_baseline-1".to_owned());
    // The form shows values of its own, so that another preset is not another picture.
    let mut config =
        RunConfig { description: "Values for a picture".to_owned(), seed: 1, ..RunConfig::default() };
    config.schedule.epochs = 40;
    config.schedule.select_by = SelectBy::Last;
    config.schedule.early_stopping_patience = 0;
    window.state_mut().model.drafts.train.take("picture", config);
    wait(&mut window, "the curves", |app| {
        app.model.analysis.curves.values().filter_map(Load::ready).count() == 2
    });
    shoot(&mut window, "train_light");
}

#[test]
fn pretraining_form() {
    let (mut window, _dir) = analysis(Theme::Dark, Tab::Train);
    let mut config = RunConfig { description: "Values for a picture".to_owned(), ..RunConfig::default() };
    config.pretrain.kind = PretrainKind::Weights;
    config.pretrain.weights = "/home/ada/apo/runs/few-1/pretrained.safetensors".to_owned();
    window.state_mut().model.drafts.train.take("picture", config);
    window.set_size(eframe::egui::vec2(900.0, 760.0));
    window.run_steps(3);
    for heading in ["Run", "Data", "Pretraining"] {
        window.get_all_by_role_and_label(Role::DisclosureTriangle, heading).next().unwrap().click_accesskit();
    }
    window.run_steps(15);
    wait(&mut window, "the curves", |app| {
        app.model.analysis.curves.values().filter_map(Load::ready).count() == 1
    });
    shoot(&mut window, "pretraining_dark");
}

#[test]
fn compare_plots() {
    let (mut window, _dir) = analysis(Theme::Dark, Tab::Compare);
    // As tall as the view, so that every plot of it is in the picture.
    window.set_size(eframe::egui::vec2(1100.0, 2020.0));
    wait(&mut window, "the comparison", |app| {
        let analysis = &app.model.analysis;
        analysis.comparison.last().is_some()
            && analysis.disagreement.last().is_some()
            && analysis.curves.values().filter_map(Load::ready).count() == 2
    });
    window.run_steps(12);
    shoot(&mut window, "compare_dark");
}

fn overlay(name: &str, overlay: Overlay, theme: Theme) {
    let mut window = first(theme);
    window.state_mut().apply(Command::View(ViewCommand::Overlay(Some(overlay))));
    shoot(&mut window, name);
}

#[test]
fn palette() {
    overlay("palette", Overlay::Palette, Theme::Dark);
}

#[test]
fn settings() {
    overlay("settings_light", Overlay::Settings, Theme::Light);
}

#[test]
fn keys() {
    overlay("keys", Overlay::Keys, Theme::Dark);
}

#[test]
fn notices_and_status() {
    let (mut window, _dir) = project(Theme::Dark);
    let notices = &mut window.state_mut().model.notices;
    let next = Some(("Train".to_owned(), Command::View(ViewCommand::Tab(Tab::Train))));
    notices.push(
        NoticeKind::Done,
        "Imported 9 patches into nine: 2 positive, 1 negative, 6 unlabeled.".to_owned(),
        next,
    );
    notices.warning("The run short-1 was interrupted. It can resume from its last checkpoint.");
    notices.error("Could not write /data/apo.star: the disk is full; free some space and try again.");
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Train)));
    window.run_steps(2);
    window.get_by_label("Problem");
    // The view behind belongs to other tests.
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Export)));
    window.run_steps(2);
    window.state_mut().model.drafts.export.out = "/data/apo.star".to_owned();
    wait(&mut window, "the counts", |app| {
        app.model.export.preview.last().is_some_and(|((request, _), _)| request.out.ends_with("apo.star"))
    });
    shoot(&mut window, "notices");
}

#[test]
fn diagnosis_findings() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = drawn(Some(&small(dir.path())), Theme::Dark);
    wait(&mut window, "the project", |app| app.model.project.is_some());
    hush(&mut window);
    let config = yaml::parse("prior: 0.25\nrisk:\n  kind: nnpu\n", "mine").unwrap();
    window.state_mut().model.drafts.train.take("mine", config);
    window.state_mut().model.drafts.diagnosis.depth = Depth::Quick;
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Diagnosis)));
    window.run_steps(3);
    window.get_by_label("Examine now").click();
    wait(&mut window, "the report", |app| app.model.analysis.report.is_some());
    // Where and how fast differs from machine to machine.
    let report = &mut window.state_mut().model.analysis.report;
    let mut same = (**report.as_ref().unwrap()).clone();
    (same.device, same.seconds) = ("the processor".to_owned(), 1.0);
    *report = Some(std::sync::Arc::new(same));
    shoot(&mut window, "diagnosis_dark");
}

/// The first screen of somebody who comes back: cards of projects. Days and folders are those of nobody.
fn come_back(name: &str, theme: Theme, size: [f32; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let recent = [analysed(dir.path()), nine(dir.path()), dir.path().join("moved")];
    let mut window = first(theme);
    window.set_size(size.into());
    window.run_steps(2);
    let folders = ["/home/ada/apo", "/home/ada/klh", "/home/ada/moved"].map(std::path::PathBuf::from);
    for (real, shown) in recent.iter().zip(&folders) {
        let recents = &mut window.state_mut().model.recents;
        recents.ask(shown);
        match vitrine_core::workflow::overview::overview(real, 4) {
            Ok(mut seen) => {
                seen.changed = Some("2026-03-14".to_owned());
                recents.answer(shown, Ok(std::sync::Arc::new(seen)));
            }
            Err(_) => {
                let why = "the folder is missing".to_owned();
                recents.answer(shown, Err(vitrine::gui::values::Failure { why, cancelled: false }));
            }
        }
    }
    window.state_mut().model.settings.recent = folders.to_vec();
    shoot(&mut window, name);
}

#[test]
fn start_again_in_a_small_window() {
    come_back("start_again_1024", Theme::Dark, [1024.0, 700.0]);
}

#[test]
fn start_again_in_a_window_of_usual_size() {
    come_back("start_again_1600", Theme::Light, [1600.0, 1000.0]);
}

#[test]
fn start_again_in_a_large_window() {
    come_back("start_again_2560", Theme::Dark, [2560.0, 1440.0]);
}

/// The gallery with the rail of steps and both panels.
fn with_rail(name: &str, theme: Theme, size: [f32; 2]) {
    let (mut window, _dir) = analysis(theme, Tab::Gallery);
    // It has the day on which the test runs.
    window.state_mut().model.settings.folds.insert("patch.History of the label".to_owned(), false);
    // It may have been drawn already, and egui keeps what was open.
    window.ctx.data_mut(eframe::egui::util::IdTypeMap::clear);
    window.set_size(size.into());
    window.run_steps(4);
    wait(&mut window, "pixels", |app| {
        let open = app.model.project.as_ref().unwrap();
        app.states.gallery.coming == 0
            && app.states.gallery.window.is_some()
            && open.detail.last().is_some()
            && open.micrograph.last().is_some()
    });
    shoot(&mut window, name);
}

#[test]
fn gallery_in_a_small_window() {
    with_rail("gallery_1024", Theme::Light, [1024.0, 700.0]);
}

#[test]
fn gallery_in_a_window_of_usual_size() {
    with_rail("gallery_1600", Theme::Dark, [1600.0, 1000.0]);
}

#[test]
fn gallery_in_a_large_window() {
    with_rail("gallery_2560", Theme::Light, [2560.0, 1440.0]);
}

/// Whole micrographs: nothing is cut off in a small window, and a large one is used.
fn micrographs(name: &str, theme: Theme, size: [f32; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let mut window = drawn(Some(&found(dir.path())), theme);
    wait(&mut window, "project and devices", |app| {
        app.model.project.is_some() && app.model.devices.ready().is_some()
    });
    window.state_mut().model.devices = Load::Ready(Vec::new());
    window.set_size(size.into());
    window.state_mut().apply(Command::View(ViewCommand::Tab(Tab::Micrographs)));
    wait(&mut window, "micrographs and picks", |app| {
        let micrographs = &app.model.micrographs;
        let all = (1..=3).all(|id| micrographs.thumbnail(MicrographId(id)).flatten().is_some());
        let read = micrographs.any_picture(MicrographId(1)).is_some();
        let picks = &app.model.picks;
        let idle = !app.model.jobs.iter().any(|job| job.kind.is_shown());
        all && read && idle && picks.survey.last().is_some() && picks.found.last().is_some()
    });
    window.state_mut().apply(Command::Select(SelectCommand::Only(vec![1])));
    hush(&mut window);
    shoot(&mut window, name);
}

#[test]
fn micrographs_in_a_small_window() {
    micrographs("micrographs_1024", Theme::Dark, [1024.0, 700.0]);
}

#[test]
fn micrographs_in_a_window_of_usual_size() {
    micrographs("micrographs_1600", Theme::Light, [1600.0, 1000.0]);
}

#[test]
fn micrographs_in_a_large_window() {
    micrographs("micrographs_2560", Theme::Dark, [2560.0, 1440.0]);
}

#[test]
fn export_of_picks() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = drawn(Some(&found(dir.path())), Theme::Dark);
    wait(&mut window, "project and devices", |app| {
        app.model.project.is_some() && app.model.devices.ready().is_some()
    });
    window.state_mut().model.devices = Load::Ready(Vec::new());
    window.set_size([1200.0, 900.0].into());
    window.state_mut().apply(Command::Pick(PickCommand::ShowExport));
    window.state_mut().model.drafts.export.out = "/data/apo.star".to_owned();
    wait(&mut window, "the counts", |app| {
        app.model.export.picks.last().is_some_and(|(key, _)| key.export.out.ends_with("apo.star"))
    });
    hush(&mut window);
    shoot(&mut window, "export_picks");
}
