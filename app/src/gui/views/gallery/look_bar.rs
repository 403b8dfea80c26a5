//! The second bar: size of the patches, contrast, colours, band.

use eframe::egui;
use egui::{ComboBox, DragValue, Slider, Ui};

use super::state::State;
use crate::gpu::colour_map::ColourMap;
use crate::gpu::look::{Contrast, Look};
use crate::gui::command::{Command, SettingsCommand};
use crate::gui::model::{Model, OpenProject};
use crate::gui::theme;

/// Its name among the foldable parts in the settings.
pub const PART: &str = "gallery.display";
/// In a narrower gallery the bar would take two rows from the patches, so it is folded at first, points.
const NARROW: f32 = 760.0;

/// Whether the bar is shown in a gallery of this width.
pub fn is_shown(model: &Model, width: f32) -> bool {
    model.settings.folds.get(PART).copied().unwrap_or(width >= NARROW)
}

/// Draws the bar.
pub fn ui(ui: &mut Ui, model: &Model, open: &OpenProject, state: &State, out: &mut Vec<Command>) {
    let mut look = model.settings.look;
    ui.horizontal_wrapped(|ui| {
        let mut side = model.settings.patch_side;
        let name = ui.label("Size");
        ui.spacing_mut().slider_width = 110.0;
        let slider = Slider::new(&mut side, 24.0..=512.0).logarithmic(true).show_value(false);
        if theme::slider(ui, slider)
            .labelled_by(name.id)
            .on_hover_text("Size of a patch on the screen (Ctrl+wheel)")
            .changed()
        {
            out.push(Command::Settings(SettingsCommand::PatchSide(side)));
        }
        ui.weak(format!("{side:.0}"));
        ui.separator();
        ui.label("Contrast");
        let combo = ComboBox::from_id_salt("contrast")
            .width(120.0)
            .selected_text(look.contrast.as_str())
            .show_ui(ui, |ui| {
                for contrast in Contrast::ALL {
                    if ui.selectable_label(look.contrast == contrast, contrast.as_str()).clicked() {
                        if let (Contrast::Manual, Some((low, high))) = (contrast, state.window) {
                            // Begin by hand where the machine would have ended.
                            if look.contrast != Contrast::Manual {
                                look.manual = [low, high];
                            }
                        }
                        look.contrast = contrast;
                    }
                }
            });
        named(&combo.response, "Contrast");
        match look.contrast {
            Contrast::Manual => {
                let speed = f64::from((look.manual[1] - look.manual[0]).abs().max(1e-4)) / 200.0;
                let [low, high] = &mut look.manual;
                for (value, name) in [(low, "Darkest value"), (high, "Lightest value")] {
                    let response =
                        ui.add(DragValue::new(value).speed(speed).max_decimals(4)).on_hover_text(name);
                    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, name));
                }
            }
            Contrast::Patch | Contrast::All => {
                let cut =
                    DragValue::new(&mut look.cut).range(0.0..=20.0).speed(0.05).suffix(" %").max_decimals(1);
                let response = ui.add(cut).on_hover_text("Percentage of pixels clipped at each end");
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::SpinButton, true, "Percentage of pixels clipped")
                });
            }
        }
        ui.checkbox(&mut look.invert, "Invert").on_hover_text("Show high values dark");
        let combo = ComboBox::from_id_salt("colours")
            .width(80.0)
            .selected_text(look.colours.as_str())
            .show_ui(ui, |ui| {
                for colours in ColourMap::ALL {
                    ui.selectable_value(&mut look.colours, colours, colours.as_str());
                }
            });
        named(&combo.response, "Colours");
        ui.separator();
        let band = ui.checkbox(&mut look.band, "Band-pass").on_hover_text(
            "Show only structures of these sizes. The pixels of the project stay as they are.",
        );
        if band.changed() && look.band {
            look.periods = to_begin_with(look.periods, open);
        }
        if look.band {
            let unit = if open.is_in_angstrom() { " Å" } else { " px" };
            let [short, long] = &mut look.periods;
            let limit = *long * 0.95;
            let response =
                ui.add(DragValue::new(short).range(0.5..=limit).speed(0.2).suffix(unit).max_decimals(1));
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::SpinButton, true, "Smallest structure kept")
            });
            response.on_hover_text("Smaller structures are removed.");
            ui.label("to");
            let limit = *short * 1.05;
            let response =
                ui.add(DragValue::new(long).range(limit..=100_000.0).speed(1.0).suffix(unit).max_decimals(1));
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::SpinButton, true, "Largest structure kept")
            });
            response.on_hover_text("Larger structures are removed.");
        }
    });
    if look != model.settings.look {
        out.push(Command::Settings(SettingsCommand::Look(look)));
    }
}

/// The band when it is switched on: as it was left, but for patches of this project where it was never set or
/// would show nothing of them.
fn to_begin_with(periods: [f32; 2], open: &OpenProject) -> [f32; 2] {
    let side = open.pixels.size() as f32;
    let sizes = open.sources.iter().filter_map(|source| source.info.pixel_size);
    let scale = open.is_in_angstrom().then(|| sizes.fold(0.0, f64::max) as f32);
    let [short, _] = periods;
    if periods == Look::default().periods || short >= side * scale.unwrap_or(1.0) {
        first_band(side, scale)
    } else {
        periods
    }
}

/// The first band for patches of a given number of px, with the length of a px in Å where it is known: what is as large
/// as the patch is its background, what is much smaller is noise.
fn first_band(side: f32, scale: Option<f32>) -> [f32; 2] {
    let extent = side * scale.unwrap_or(1.0);
    let by_side = (side / 16.0).max(2.0) * scale.unwrap_or(1.0);
    let [short, long] = Look::default().periods;
    let [short, long] = match scale {
        Some(_) => [if short < extent / 2.0 { short } else { by_side }, long.min(extent)],
        None => [by_side, extent],
    };
    [short, long.max(short * 1.05)]
}

/// The name of a list for screen readers; what stands in front of it is no part of it.
fn named(response: &egui::Response, name: &str) {
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, name));
}

#[cfg(test)]
mod tests {
    use super::first_band;

    #[test]
    fn the_first_band_fits_the_patches() {
        assert_eq!(first_band(72.0, None), [4.5, 72.0]);
        assert_eq!(first_band(16.0, None), [2.0, 16.0]);
        assert_eq!(first_band(128.0, Some(2.0)), [15.0, 200.0]);
        assert_eq!(first_band(72.0, Some(1.5)), [15.0, 108.0]);
        assert_eq!(first_band(24.0, Some(1.0)), [2.0, 24.0]);
        assert_eq!(first_band(1.0, None), [2.0, 2.1]);
    }
}
