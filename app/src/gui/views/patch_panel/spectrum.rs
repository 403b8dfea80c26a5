//! The radial power spectrum of a patch.

use eframe::egui;
use egui::Ui;
use egui_plot::{HoverPosition, Line, Plot, PlotPoints};

use crate::gui::model::PatchDetail;
use crate::gui::theme;

/// Draws it: power on a logarithmic axis over frequency, in 1/Å where the pixel size is known.
pub fn ui(ui: &mut Ui, detail: Option<&PatchDetail>, pixel_size: Option<f64>) {
    let height = 110.0;
    let Some(detail) = detail.filter(|detail| detail.spectrum.len() > 2) else {
        let unread = detail.is_some_and(|detail| detail.problem.is_some());
        let words = if unread { "It could not be read." } else { "Reading…" };
        ui.allocate_ui(egui::vec2(ui.available_width(), height), |ui| ui.weak(words));
        return;
    };
    let last = (detail.spectrum.len() - 1) as f64;
    let unit = pixel_size.unwrap_or(1.0);
    // The first ring is the mean, which says nothing here.
    let points: Vec<[f64; 2]> = (0..)
        .zip(&detail.spectrum)
        .skip(1)
        .filter(|(_, power)| **power > 0.0)
        .map(|(ring, power)| [0.5 * f64::from(ring) / last / unit, power.log10()])
        .collect();
    let colour = theme::accent(ui.visuals().dark_mode);
    let response = Plot::new("power spectrum")
        .height(height)
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
            let unit = if pixel_size.is_some() { "Å" } else { "px" };
            (at.x > 0.0).then(|| format!("period {:.1} {unit}", 1.0 / at.x))
        })
        .show(ui, |plot| {
            plot.line(Line::new("power", PlotPoints::from(points)).color(colour).width(1.5));
        });
    response.response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Image, true, "Radial power spectrum of the patch")
    });
    ui.weak(match pixel_size {
        Some(_) => "log power over frequency, 1/Å",
        None => "log power over frequency, cycles per px",
    });
}
