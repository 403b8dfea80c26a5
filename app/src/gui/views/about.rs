//! About: versions and devices, to copy into a bug report.

use std::sync::OnceLock;

use eframe::egui::{self, Ui};

use crate::gui::command::{Command, WindowCommand};
use crate::gui::model::Model;
use crate::gui::values::Load;
use crate::gui::widgets::modal;
use crate::{logging, version};

/// Draws the dialog.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    if model.devices.is_not_asked() {
        out.push(Command::Window(WindowCommand::ReadDevices));
    }
    modal(ui, "about", "About Vitrine", out, |ui, out| {
        ui.set_width(560.0);
        ui.weak("A clean particle set from a few hundred labels");
        ui.add_space(6.0);
        let facts = facts(model);
        egui::Grid::new("about facts").num_columns(2).spacing([16.0, 5.0]).show(ui, |ui| {
            for (name, value) in &facts {
                ui.weak(name);
                ui.add(egui::Label::new(value).wrap());
                ui.end_row();
            }
        });
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            let why = "Versions, devices and the problems on the screen, to paste into a bug report.";
            if ui.button("Copy for a bug report").on_hover_text(why).clicked() {
                ui.ctx().copy_text(report(model));
            }
            if let Some(path) = &model.settings_path
                && ui.button("Show the settings file").clicked()
            {
                out.push(Command::Window(WindowCommand::Reveal(path.clone())));
            }
            if let Some(path) = logging::file()
                && ui.button("Show the log").on_hover_text("Attach it to a bug report.").clicked()
            {
                out.push(Command::Window(WindowCommand::Reveal(path.to_owned())));
            }
        });
    });
}

/// What a report of a fault should begin with: versions, devices, the project's size (not its name or
/// place) and the problems shown at the moment.
pub fn report(model: &Model) -> String {
    let mut text: String = facts(model).iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    for notice in model.notices.shown() {
        text.push_str(&format!("On screen: {}\n", notice.text));
    }
    text
}

/// The operating system with its version where it says so in a file, and the kind of desktop session.
fn system() -> &'static str {
    static SYSTEM: OnceLock<String> = OnceLock::new();
    SYSTEM.get_or_init(|| {
        let mut words = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        if let Some(name) = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")) {
            words.push_str(&format!(", {}", name.trim_matches('"')));
        }
        if let Ok(kernel) = std::fs::read_to_string("/proc/sys/kernel/osrelease") {
            words.push_str(&format!(", kernel {}", kernel.trim()));
        }
        if let Some(session) = std::env::var("XDG_SESSION_TYPE").ok().filter(|session| !session.is_empty()) {
            words.push_str(&format!(", {session}"));
        }
        words
    })
}

fn facts(model: &Model) -> Vec<(String, String)> {
    let or = |text: &str| if text.is_empty() { "not known".to_owned() } else { text.to_owned() };
    let mut facts = vec![
        ("Vitrine".to_owned(), version::VERSION.to_owned()),
        ("Commit".to_owned(), version::commit().to_owned()),
        ("Built".to_owned(), version::built()),
        ("Built with".to_owned(), version::libraries()),
        ("System".to_owned(), system().to_owned()),
        ("Window drawn by".to_owned(), or(&model.graphics.name)),
        ("Driver".to_owned(), or(&model.graphics.driver)),
    ];
    match &model.devices {
        Load::NotAsked | Load::Loading => {
            facts.push(("Runs compute on".to_owned(), "searching…".to_owned()));
        }
        Load::Failed(failure) => facts.push(("Runs compute on".to_owned(), failure.why.clone())),
        Load::Ready(devices) => {
            for device in devices {
                let unfit = if device.eligible { "" } else { ", never chosen automatically" };
                facts.push((
                    format!("Runs: {}", device.id),
                    format!("{} ({}, {}{unfit})", device.name, device.kind, device.backend),
                ));
            }
        }
    }
    if let Some(open) = &model.project {
        let size = open.size.map_or(String::new(), |side| format!(" of {side} × {side} px"));
        facts.push((
            "Project".to_owned(),
            format!("{}{size}, {} runs", crate::words::patches(open.len() as u64), open.runs.len()),
        ));
    }
    let log = logging::file().map_or_else(|| "none".to_owned(), |path| path.display().to_string());
    facts.push(("Log".to_owned(), log));
    facts.push(("Licence".to_owned(), "MIT or Apache-2.0".to_owned()));
    facts
}
