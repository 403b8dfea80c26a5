//! The menu of a plot: zoom, scale and saving. A PNG is taken from the screen, so each plot reports where it
//! is.

use std::path::PathBuf;

use eframe::egui;
use egui::{RichText, Ui};
use egui_plot::Plot;

use crate::gui::command::{Command, SaveCommand};
use crate::gui::model::OpenProject;
use crate::gui::values::{PathPurpose, PathQuestion};

/// Where plots are on the screen, for pictures of them: the plots tell in each frame, the application
/// names the one it waits for.
#[derive(Debug, Clone, Default)]
pub struct PlotPlaces {
    /// The plot that is to be on the screen as a whole, without its buttons; named until the picture is
    /// taken.
    pub wanted: Option<String>,
    /// Its area, and the part of the window it is shown through, as drawn last.
    pub found: Option<(egui::Rect, egui::Rect)>,
}

/// Where [`PlotPlaces`] lie in egui's memory.
pub fn plot_places() -> egui::Id {
    egui::Id::unique("places of plots")
}

/// Tells where the plot `id` is; scrolls to it when a picture of it is wanted and part of it is hidden.
pub fn report_place(ui: &Ui, id: &str, area: egui::Rect) {
    let clip = ui.clip_rect();
    let wanted = ui.data_mut(|data| {
        let places = data.get_temp_mut_or_default::<PlotPlaces>(plot_places());
        let wanted = places.wanted.as_deref() == Some(id);
        if wanted {
            places.found = Some((area, clip));
        }
        wanted
    });
    if wanted && !clip.contains_rect(area) {
        ui.scroll_to_rect(area, Some(egui::Align::Center));
    }
}

/// The button that opens the menu of the plot `id`. A picture of the plot does not show it.
pub fn menu(ui: &mut Ui, id: &str, title: &str, contents: impl FnOnce(&mut Ui)) {
    let photographed = ui
        .data(|data| data.get_temp::<PlotPlaces>(plot_places()))
        .is_some_and(|places| places.wanted.as_deref() == Some(id));
    ui.scope(|ui| {
        if photographed {
            ui.set_opacity(0.0);
        }
        ui.menu_button("More", contents).response.on_hover_text(format!("Scale and saving: {title}"));
    });
}

/// How a plot is zoomed, and the way back, in its menu. Plots of the same `group` zoom together.
pub fn zoom_items(ui: &mut Ui, group: &str) {
    if ui.button("Reset zoom").on_hover_text("A double click on the plot does the same.").clicked() {
        let pass = ui.ctx().cumulative_pass_nr();
        ui.data_mut(|data| data.insert_temp(zoom_reset(group), pass));
        ui.ctx().request_repaint();
        ui.close();
    }
    ui.label(
        RichText::new("Zoom: Ctrl and the wheel, or drag with the right button.\nMove: drag.").small().weak(),
    );
}

fn zoom_reset(group: &str) -> egui::Id {
    egui::Id::unique(("zoom reset", group))
}

/// The plot with its zoom taken back, in the frame after somebody asked for that.
pub fn reset_if_asked<'a>(ui: &Ui, plot: Plot<'a>, group: &str) -> Plot<'a> {
    let asked = ui.data(|data| data.get_temp::<u64>(zoom_reset(group)));
    // The frame of the menu itself may come before or after the plot; the next one is whole.
    if asked.is_some_and(|asked| ui.ctx().cumulative_pass_nr() == asked + 1) { plot.reset() } else { plot }
}

/// The items of a menu by which a plot is saved.
pub fn save_items(
    ui: &mut Ui,
    open: &OpenProject,
    title: &str,
    id: &str,
    svg: impl Fn() -> Option<String>,
    csv: impl Fn() -> String,
    out: &mut Vec<Command>,
) {
    let path = |ending: &str| -> PathBuf { open.dir.join("plots").join(format!("{id}.{ending}")) };
    let mut ask = |ending: &str, purpose: PathPurpose| {
        let ask = PathQuestion::new(format!("Save the plot {title}"), path(ending), purpose);
        out.push(Command::Save(SaveCommand::Ask(Box::new(ask))));
    };
    if ui.button("Save as PNG…").on_hover_text("The plot as it is on the screen").clicked() {
        ask("png", PathPurpose::Picture(id.to_owned()));
        ui.close();
    }
    if ui.button("Save as SVG…").on_hover_text("The whole plot as lines and text, for papers").clicked() {
        if let Some(svg) = svg() {
            ask("svg", PathPurpose::Text(svg));
        }
        ui.close();
    }
    if ui.button("Save as CSV…").on_hover_text("The numbers behind the plot").clicked() {
        ask("csv", PathPurpose::Text(csv()));
        ui.close();
    }
}
