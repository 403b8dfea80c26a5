//! The bar above a micrograph: which one, how large, and how its values become grey.

use eframe::egui;
use egui::{ComboBox, DragValue, Ui};
use vitrine_core::project::Micrograph;

use super::marks;
use super::state::State;
use crate::gpu::colour_map::ColourMap;
use crate::gui::command::{Command, MicrographCommand, SettingsCommand};
use crate::gui::model::{Model, OpenProject};
use crate::gui::widgets::{command_button, command_button_as, primary};
use crate::words;

/// Coarsest px that can be asked for: 2 to the power of this.
const MAX_LEVEL: usize = 4;

/// Draws the bar.
pub fn ui(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    mic: &Micrograph,
    state: &mut State,
    out: &mut Vec<Command>,
) {
    ui.horizontal_wrapped(|ui| {
        command_button_as(ui, model, "micrograph.previous", "Previous", out);
        command_button_as(ui, model, "micrograph.next", "Next", out);
        command_button(ui, model, "micrograph.fit", out);
        command_button(ui, model, "micrograph.full", out);
        let zoom = state.geometry.zoom * ui.ctx().pixels_per_point() * 100.0;
        ui.weak(format!("{zoom:.0} %")).on_hover_text("Screen pixels for one pixel of the micrograph");
        ui.separator();
        ui.strong(&mic.name)
            .on_hover_text(mic.path.as_ref().map_or_else(String::new, |path| path.display().to_string()));
        if let Some((width, height)) = mic.dimensions {
            let scale = mic.pixel_size.map_or_else(String::new, |size| format!(", {size} Å per px"));
            ui.weak(format!("{width} × {height} px{scale}"));
        }
    });
    let mut look = model.settings.look;
    ui.horizontal_wrapped(|ui| {
        let name = ui.label("Clip");
        let cut = DragValue::new(&mut look.cut).range(0.0..=20.0).speed(0.05).suffix(" %").max_decimals(1);
        ui.add(cut).labelled_by(name.id).on_hover_text("Percentage of pixels clipped at each end");
        ui.checkbox(&mut look.invert, "Invert").on_hover_text("Show high values dark");
        let combo = ComboBox::from_id_salt("micrograph colours")
            .width(80.0)
            .selected_text(look.colours.as_str())
            .show_ui(ui, |ui| {
                for colours in ColourMap::ALL {
                    ui.selectable_value(&mut look.colours, colours, colours.as_str());
                }
            });
        named(&combo.response, "Colours of the micrograph");
        let bins = |level: usize| format!("bin {}", 1 << level);
        let combo = ComboBox::from_id_salt("micrograph bin")
            .width(70.0)
            .selected_text(bins(state.least_level))
            .show_ui(ui, |ui| {
                for level in 0..=MAX_LEVEL {
                    ui.selectable_value(&mut state.least_level, level, bins(level));
                }
            });
        named(&combo.response, "Binning on the screen");
        combo.response.on_hover_text("Average this many px into one, in each direction, on the screen only");
        band(ui, open, &mut look);
        ui.separator();
        diameter(ui, model, open, state, out);
        let mut marks = !state.no_marking;
        ui.checkbox(&mut marks, "Click adds")
            .on_hover_text("A click on an empty place adds a particle. Off, a click only selects.");
        state.no_marking = !marks;
        if let Some(many) = marks::many_unlabeled(open, mic.id) {
            ui.checkbox(&mut state.show_unlabeled, format!("Unlabeled ({})", words::count(many)))
                .on_hover_text(
                    "Show the unlabeled patches of this micrograph too. They are hidden because they would cover it.",
                );
        }
    });
    if look != model.settings.look {
        out.push(Command::Settings(SettingsCommand::Look(look)));
    }
}

fn band(ui: &mut Ui, open: &OpenProject, look: &mut crate::gpu::look::Look) {
    ui.checkbox(&mut look.band, "Band-pass").on_hover_text(
        "Show only structures of these sizes. The micrograph is read again for it, which takes a moment.",
    );
    if !look.band {
        return;
    }
    let unit = if open.is_in_angstrom() { " Å" } else { " px" };
    let [short, long] = &mut look.periods;
    let limit = *long * 0.95;
    let field = DragValue::new(short).range(0.5..=limit).speed(0.2).suffix(unit).max_decimals(1);
    let response = ui.add(field).on_hover_text("Smaller structures are removed.");
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, "Smallest structure kept"));
    ui.label("to");
    let limit = *short * 1.05;
    let field = DragValue::new(long).range(limit..=100_000.0).speed(1.0).suffix(unit).max_decimals(1);
    let response = ui.add(field).on_hover_text("Larger structures are removed.");
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::SpinButton, true, "Largest structure kept"));
}

/// Diameter of the circles, stored when the hand lets go.
fn diameter(ui: &mut Ui, model: &Model, open: &OpenProject, state: &mut State, out: &mut Vec<Command>) {
    let mut value = state.diameter.unwrap_or_else(|| marks::diameter(open));
    let before = value;
    let writable = model.open_takes_import();
    // Name and number in one, so that they stay together where the bar takes several rows.
    let field = DragValue::new(&mut value)
        .range(2.0..=16_384.0)
        .speed(1.0)
        .prefix("particle ")
        .suffix(" px")
        .max_decimals(0);
    let response = ui.add_enabled(writable, field).on_hover_text(
        "Diameter of the particle, px of the micrograph: the circles. The box is drawn around chosen picks.",
    );
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::SpinButton, writable, "Diameter of the particle")
    });
    let measure = match open.is_empty() && open.cut.is_err() {
        // Nothing can be marked before.
        true => primary(ui, "Measure"),
        false => egui::Button::new("Measure"),
    };
    let measure = ui.add_enabled(writable, measure.selected(state.measuring));
    let help = if open.is_empty() {
        "Drag from the centre of a particle to its edge. The box and the bin factor follow."
    } else {
        "Drag from the centre of a particle to its edge."
    };
    if measure.on_hover_text(help).clicked() {
        state.measuring = !state.measuring;
    }
    match &open.cut {
        Ok(cut) => {
            let side = cut.box_size / cut.bin.max(1);
            ui.weak(format!("box {} px", cut.box_size)).on_hover_text(format!(
                "Side of the square that is cut around a place, px of the micrograph; averaged by {} into patches of {side} px",
                cut.bin
            ));
        }
        Err(why) if open.is_empty() => {
            ui.colored_label(ui.visuals().warn_fg_color, "Measure a particle to begin").on_hover_text(why);
        }
        Err(_) => {}
    }
    if value != before {
        state.diameter = Some(value);
    }
    if !response.dragged()
        && !response.has_focus()
        && let Some(value) = state.diameter.take()
    {
        out.push(Command::Micrograph(MicrographCommand::Diameter(value)));
    }
}

/// The name of a list for screen readers.
fn named(response: &egui::Response, name: &str) {
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, name));
}
