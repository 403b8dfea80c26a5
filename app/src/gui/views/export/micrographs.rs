//! What the export form asks of micrographs.

use eframe::egui;
use egui::Ui;
use vitrine_core::export::{ExportFormat, OpticsField, YDirection};

use crate::gui::drafts::MicrographsDraft;
use crate::gui::widgets::form::{complaint, section, text_field};

/// Name, unit, an example and an explanation of a field.
const fn words(field: OpticsField) -> (&'static str, &'static str, &'static str, &'static str) {
    match field {
        OpticsField::Voltage => ("Voltage", "kV", "300", "Acceleration voltage of the microscope."),
        OpticsField::SphericalAberration => {
            ("Cs", "mm", "2.7", "Spherical aberration of the objective lens.")
        }
        OpticsField::AmplitudeContrast => {
            ("Amplitude contrast", "", "0.1", "0.07 to 0.1 for proteins in ice.")
        }
        OpticsField::PixelSize => {
            ("Pixel size", "Å", "1.06", "Of the unbinned micrographs; of ready patches as they are.")
        }
    }
}

/// Draws what applies to the format. Optics are asked for where `missing` says that the sources lack
/// them, and stay once something was typed.
pub fn ui(ui: &mut Ui, draft: &mut MicrographsDraft, format: ExportFormat, missing: &[OpticsField]) {
    let asked: Vec<OpticsField> = OpticsField::ALL
        .into_iter()
        .filter(|field| missing.contains(field) || !draft.text(*field).trim().is_empty())
        .collect();
    if format.is_star() && !asked.is_empty() {
        section(ui, "What the sources do not say");
        egui::Grid::new("export optics").num_columns(3).show(ui, |ui| {
            for field in asked {
                let (name, unit, example, why) = words(field);
                text_field(ui, name, draft.text_mut(field), 70.0, example, why);
                match draft.value(field) {
                    Ok(_) => {
                        ui.weak(unit);
                    }
                    Err(what) => complaint(ui, &what),
                }
                ui.end_row();
            }
        });
    }
    if format.is_subset() {
        return;
    }
    section(ui, "Micrographs");
    ui.horizontal_wrapped(|ui| {
        text_field(
            ui,
            "Originals",
            &mut draft.names,
            200.0,
            "as imported",
            "For converted pictures: the originals' ending (.mrc), their folder, or a table or list that names them.",
        );
    });
    ui.horizontal_wrapped(|ui| {
        ui.label("y counts");
        for (direction, words, why) in [
            (
                YDirection::Source,
                "as the picks did",
                "Tables for RELION count as RELION reads the file: MRC from the first stored row, TIFF from \
                 the last.",
            ),
            (YDirection::Down, "down from the first row", "The first row as the file stores it."),
            (YDirection::Up, "up from the last row", "The last row as the file stores it."),
        ] {
            ui.radio_value(&mut draft.y, direction, words).on_hover_text(why);
        }
    });
}
