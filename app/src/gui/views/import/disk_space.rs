//! Whether the import fits on the disk, beside the button that writes it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eframe::egui;
use egui::Ui;
use vitrine_core::ingest::{Fit, Space};

use crate::gui::command::{Command, ImportCommand};
use crate::gui::model::{DiskSpace, ImportState};
use crate::gui::widgets::form::{complaint, warning};
use crate::words;

/// How long what a disk has said is believed: files may be deleted to make room.
const MAX_AGE: Duration = Duration::from_secs(5);

/// Asks how much is free where `dir` is or will be, where that is not known.
pub fn ask(ui: &Ui, import: &ImportState, dir: &Path, out: &mut Vec<Command>) {
    let age = known(import, dir).map(|space| space.at.elapsed());
    if age.is_none_or(|age| age > MAX_AGE) && import.disk_space.pending().map(PathBuf::as_path) != Some(dir) {
        out.push(Command::Import(ImportCommand::Measure(dir.to_owned())));
    } else if let Some(age) = age {
        ui.ctx().request_repaint_after(MAX_AGE.saturating_sub(age));
    }
}

/// What the disk of `dir` has said last.
fn known<'a>(import: &'a ImportState, dir: &Path) -> Option<&'a DiskSpace> {
    import.disk_space.last().filter(|(of, _)| *of == dir).map(|(_, space)| space)
}

/// Draws the line; why the import cannot begin, when it cannot fit.
pub fn ui(ui: &mut Ui, import: &ImportState, space: &Space, dir: &Path) -> Option<&'static str> {
    let at_most = if space.pool > 0 { "at most " } else { "" };
    let takes = format!("The pixels will take {at_most}{}", words::bytes(space.kept()));
    let during = match space.waiting {
        0 => String::new(),
        more => format!(", {} more while the import runs", words::bytes(more)),
    };
    let free = known(import, dir).and_then(|space| space.free);
    let Some(free) = free else {
        ui.weak(format!("{takes}{during}."));
        return None;
    };
    let there = format!("{} are free on that disk", words::bytes(free));
    match space.fits(free) {
        Fit::Yes => {
            ui.weak(format!("{takes}{during}; {there}."));
            None
        }
        Fit::Perhaps => {
            let text = format!(
                "{takes}{during}, but {there}. It may fit, because there may be fewer places than that. If it does not fit, the import \
                 is undone."
            );
            warning(ui, &text);
            None
        }
        Fit::No => {
            let named = words::bytes(space.named);
            complaint(
                ui,
                &format!(
                    "The pixels that the files name take {named}, and only {there}. {}",
                    ways_out(space, free)
                ),
            );
            Some("It does not fit on that disk.")
        }
    }
}

/// What a person can do about it.
fn ways_out(space: &Space, free: u64) -> &'static str {
    // Half of it fits, and a new project can be told so.
    if space.named / 2 <= free {
        "Free some space, use more binning, choose a folder on another disk, or store the pixels of a new project as 16-bit floats."
    } else {
        "Free some space, use more binning, or choose a folder on another disk."
    }
}
