//! The last export: its manifest, its files, and where they are.

use eframe::egui;
use egui::Ui;

use crate::gui::command::{Command, WindowCommand};
use crate::gui::model::{Model, Written};
use crate::gui::remedy;
use crate::gui::widgets::Fold;
use crate::gui::widgets::form::section;
use crate::words;

/// Files listed.
const MAX_FILES: usize = 50;

/// Draws the last export and its manifest.
pub fn ui(ui: &mut Ui, model: &Model, written: &Written, out: &mut Vec<Command>) {
    ui.separator();
    section(ui, "Written");
    ui.add(egui::Label::new(written.out.display().to_string()).wrap());
    ui.horizontal(|ui| {
        if ui.button("Show in folder").on_hover_text("Open the system's file manager there.").clicked() {
            out.push(Command::Window(WindowCommand::Reveal(written.out.clone())));
        }
        if ui.button("Copy the path").clicked() {
            ui.ctx().copy_text(written.out.display().to_string());
        }
    });
    let Some(manifest) = &written.manifest else {
        ui.label(format!("with its card {}", written.beside.display()));
        return;
    };
    ui.add_space(4.0);
    egui::Grid::new("manifest").num_columns(2).spacing([16.0, 4.0]).show(ui, |ui| {
        let mut row = |name: &str, value: String| {
            ui.weak(name);
            ui.label(value);
            ui.end_row();
        };
        let counts = &manifest.counts;
        row("Patches", words::count(manifest.total));
        row(
            "By label",
            format!(
                "{} positive, {} negative, {} unlabeled",
                words::count(counts.positive),
                words::count(counts.negative),
                words::count(counts.unlabeled)
            ),
        );
        if let Some(run) = &manifest.selection.run {
            let bound =
                manifest.selection.threshold.map_or(String::new(), |t| format!(", score at least {t}"));
            row("Run", format!("{run}{bound}"));
        }
        row("Label version", manifest.journal_position.to_string());
        if let Some(size) = manifest.pixel_size {
            row("Pixel size", format!("{size:.3} Å per px"));
        }
        if let Some(split) = &manifest.split {
            row(
                "Split of the run",
                format!(
                    "{} training, {} validation, {} test, {} not in split",
                    words::count(split.train),
                    words::count(split.validation),
                    words::count(split.test),
                    words::count(split.unused)
                ),
            );
        }
        row("Manifest", written.beside.display().to_string());
    });
    for warning in &manifest.warnings {
        crate::gui::widgets::form::warning(ui, &remedy::warning(warning));
    }
    let title = format!("Files and checksums ({})", manifest.files.len());
    Fold::new("export.files", title).show(ui, model, out, |ui, _| {
        for file in manifest.files.iter().take(MAX_FILES) {
            ui.label(format!("{} ({} bytes)", file.path, words::count(file.bytes)));
            ui.add(egui::Label::new(egui::RichText::new(&file.sha256).monospace().small()).truncate())
                .on_hover_text("SHA-256");
        }
        if manifest.files.len() > MAX_FILES {
            ui.weak(format!("and {} more; the manifest has them all", manifest.files.len() - MAX_FILES));
        }
    });
}
