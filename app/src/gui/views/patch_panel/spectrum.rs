//! The radial power spectrum of a patch.

use eframe::egui;
use egui::Ui;
use egui_plot::{HoverPosition, Line, Plot, PlotPoints};
use vitrine_core::project::PatchId;
use vitrine_core::report::charts::points_csv;
use vitrine_core::report::figures;

use crate::gui::command::Command;
use crate::gui::model::{OpenProject, PatchDetail};
use crate::gui::theme;
use crate::gui::values::Load;
use crate::gui::views::charts;

/// Height of heading and plot, points.
const HEIGHT: f32 = 132.0;

/// Draws it, with its menu: power on a logarithmic axis over frequency, in 1/Å where the pixel size is
/// known.
pub fn ui(
    ui: &mut Ui,
    open: &OpenProject,
    patch: PatchId,
    detail: Option<&PatchDetail>,
    out: &mut Vec<Command>,
) {
    let Some(detail) = detail.filter(|detail| detail.spectrum.len() > 2) else {
        let failed =
            open.detail_key(patch).is_some_and(|key| matches!(open.detail.of(&key), Load::Failed(_)));
        let words = if failed { "It could not be read." } else { "Reading…" };
        ui.allocate_ui(egui::vec2(ui.available_width(), HEIGHT), |ui| ui.weak(words));
        return;
    };
    let pixel_size = open.pixel_size(patch);
    let points = points(&detail.spectrum, pixel_size.unwrap_or(1.0));
    let (id, title) = (format!("power_spectrum_{patch}"), format!("Power spectrum of patch {patch}"));
    let (unit, x_label) = match pixel_size {
        Some(_) => ("Å", "frequency, 1/Å"),
        None => ("px", "frequency, cycles per px"),
    };
    let words = [x_label, "log10 of power"];
    let area = egui::Rect::from_min_size(ui.cursor().min, egui::vec2(ui.available_width(), HEIGHT));
    charts::report_place(ui, &id, area);
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            charts::menu(ui, &id, &title, |ui| {
                let svg = || figures::line(&title, words, &points).ok().flatten();
                charts::save_items(ui, open, &title, &id, svg, || points_csv(words, &points), out);
            });
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                charts::small_label(ui, &format!("log power over {x_label}"));
            });
        });
    });
    let colour = theme::accent(ui.visuals().dark_mode);
    let response = Plot::new("power spectrum")
        .height((area.bottom() - ui.cursor().min.y).max(60.0))
        .show_axes([false, false])
        .show_grid([true, true])
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_x(false)
        .show_y(false)
        .label_formatter(move |hover| {
            let at = match hover {
                HoverPosition::NearDataPoint { position, .. } | HoverPosition::Elsewhere { position } => {
                    position
                }
            };
            (at.x > 0.0).then(|| format!("period {:.1} {unit}", 1.0 / at.x))
        })
        .show(ui, |plot| {
            plot.line(Line::new("power", PlotPoints::from(points.clone())).color(colour).width(1.5));
        });
    charts::describe_plot(&response.response, "Radial power spectrum of the patch", &[]);
}

/// Frequency and log10 of power, ring by ring; `unit` is the length of a px.
fn points(spectrum: &[f64], unit: f64) -> Vec<[f64; 2]> {
    let last = (spectrum.len().saturating_sub(1)).max(1) as f64;
    // The first ring is the mean, which says nothing here.
    (0..)
        .zip(spectrum)
        .skip(1)
        .filter(|(_, power)| **power > 0.0)
        .map(|(ring, power)| [0.5 * f64::from(ring) / last / unit, power.log10()])
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn rings_run_to_half_a_cycle_a_px_and_the_mean_is_left_out() {
        let points = super::points(&[7.0, 100.0, 0.0, 1.0, 0.1], 2.0);
        assert_eq!(points, [[0.0625, 2.0], [0.1875, 0.0], [0.25, -1.0]]);
        assert!(super::points(&[], 1.0).is_empty());
    }
}
