//! The rail below the navigation: the steps from files to an exported set, each with its state, and the one thing to do
//! next with its reason.

use eframe::egui;
use egui::{Align2, Color32, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2, pos2, vec2};

use crate::gui::command::{Command, ImportCommand, SettingsCommand, ViewCommand};
use crate::gui::command_table::info;
use crate::gui::model::{Model, NextStep, RoadEvidence, RoadStep, RoadStop, StepState, road};
use crate::gui::theme;
use crate::gui::values::{SidePanel, Tab};

/// Height of the rail, points.
const HEIGHT: f32 = 40.0;
/// Room for the reason and the button: a share of the width, and the least and the most of it, points.
const NEXT_SHARE: f32 = 0.3;
const NEXT_WIDTH: std::ops::RangeInclusive<f32> = 270.0..=560.0;
/// The widest a step gets, points.
const MAX_STEP: f32 = 190.0;

/// Draws the rail.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let Some(open) = &model.project else { return };
    let road = road(&RoadEvidence::of(open, model.live.as_ref()));
    let now = road.next.as_ref().map(|(next, _)| next.step());
    ui.horizontal(|ui| {
        ui.set_height(HEIGHT);
        let whole = ui.available_width();
        let room = (whole * NEXT_SHARE).clamp(*NEXT_WIDTH.start(), *NEXT_WIDTH.end());
        ui.spacing_mut().item_spacing.x = 2.0;
        let width = ((whole - room) / road.stops.len() as f32 - 2.0).clamp(60.0, MAX_STEP);
        for (place, stop) in road.stops.iter().enumerate() {
            if step(ui, stop, place + 1, width, now == Some(stop.step)) {
                go(stop.step, model, out);
            }
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            close(ui, model, out);
            if let Some((next, reason)) = &road.next {
                advice(ui, next, reason, out);
            }
        });
    });
}

/// The button of the next thing to do, with its reason to the left.
fn advice(ui: &mut Ui, next: &NextStep, reason: &str, out: &mut Vec<Command>) {
    ui.spacing_mut().item_spacing.x = 8.0;
    let button = egui::Button::new(RichText::new(next.button()).strong())
        .fill(ui.visuals().selection.bg_fill)
        .min_size(vec2(0.0, 28.0));
    if ui.add(button).on_hover_text(format!("Suggested next: {reason}")).clicked() {
        out.push(next.command());
    }
    // Left of the button, and on two lines where one is not enough.
    let (rect, told) = ui.allocate_exact_size(vec2(ui.available_width() - 8.0, HEIGHT), Sense::hover());
    let font = egui::TextStyle::Body.resolve(ui.style());
    let format = egui::TextFormat::simple(font, ui.visuals().text_color());
    let mut job = egui::text::LayoutJob::single_section(reason.to_owned(), format);
    job.wrap.max_width = rect.width();
    job.wrap.max_rows = 2;
    job.halign = egui::Align::RIGHT;
    let galley = ui.painter().layout_job(job);
    let top = rect.center().y - galley.size().y * 0.5;
    ui.painter().galley(pos2(rect.right(), top), galley, Color32::PLACEHOLDER);
    told.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, reason));
    told.on_hover_text(reason);
}

/// The cross that hides the rail.
fn close(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(22.0), Sense::click());
    let colour = ui.style().interact(&response).text_color();
    let arm = 4.0;
    for (x, y) in [(arm, arm), (arm, -arm)] {
        let (from, to) = (rect.center() - vec2(x, y), rect.center() + vec2(x, y));
        ui.painter().line_segment([from, to], Stroke::new(1.5, colour));
    }
    if response.clicked() {
        out.push(Command::Settings(SettingsCommand::ToggleRoad));
    }
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Hide the steps"));
    let tooltip = info("view.road").map(|info| model.keys.tooltip(info)).unwrap_or_default();
    response.on_hover_text(format!("Hide the steps.\n{tooltip}"));
}

/// A step: its number or a tick, its name, and its evidence below.
fn step(ui: &mut Ui, stop: &RoadStop, number: usize, width: f32, is_next: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::click());
    let dark = ui.visuals().dark_mode;
    let painter = ui.painter_at(rect);
    if response.hovered() || response.has_focus() {
        painter.rect_filled(rect, 4.0, ui.visuals().widgets.hovered.weak_bg_fill);
    }
    if is_next {
        let line = Rect::from_min_max(pos2(rect.left() + 4.0, rect.bottom() - 2.0), rect.right_bottom());
        painter.rect_filled(line.with_max_x(rect.right() - 8.0), 1.0, theme::accent(dark));
    }
    let centre = pos2(rect.left() + 12.0, rect.center().y);
    mark(ui, centre, stop.state, number);
    let left = rect.left() + 26.0;
    let room = rect.right() - 2.0 - left;
    let text = |words: &str, style: egui::TextStyle, colour: Color32| {
        let format = egui::TextFormat::simple(style.resolve(ui.style()), colour);
        let mut job = egui::text::LayoutJob::single_section(words.to_owned(), format);
        job.wrap = egui::text::TextWrapping::truncate_at_width(room);
        ui.painter().layout_job(job)
    };
    let name = text(stop.step.as_str(), egui::TextStyle::Button, ui.visuals().strong_text_color());
    let evidence = text(&stop.evidence, egui::TextStyle::Small, ui.visuals().weak_text_color());
    let top = rect.center().y - (name.size().y + evidence.size().y) * 0.5;
    let below = top + name.size().y;
    painter.galley(pos2(left, top), name, Color32::PLACEHOLDER);
    painter.galley(pos2(left, below), evidence, Color32::PLACEHOLDER);
    let words = format!("{}: {}, {}", stop.step.as_str(), stop.evidence, stop.state.as_str());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &words));
    let clicked = response.clicked();
    response.on_hover_text(words);
    clicked
}

/// A filled disc with a tick for what is done, else a ring with the step's number; half filled for what is begun.
fn mark(ui: &Ui, centre: Pos2, state: StepState, number: usize) {
    let dark = ui.visuals().dark_mode;
    let radius = 9.0;
    let painter = ui.painter();
    let green = theme::label(vitrine_core::Label::Positive, dark);
    let grey = ui.visuals().weak_text_color();
    if state == StepState::Done {
        painter.circle_filled(centre, radius, green);
        let tick = [vec2(-4.0, 0.5), vec2(-1.2, 3.2), vec2(4.2, -3.2)].map(|at| centre + at);
        painter.add(egui::Shape::line(tick.to_vec(), Stroke::new(1.8, ui.visuals().panel_fill)));
        return;
    }
    let colour = if state == StepState::Begun { theme::accent(dark) } else { grey };
    if state == StepState::Begun {
        painter.circle_filled(centre, radius, colour.gamma_multiply(0.25));
    }
    painter.circle_stroke(centre, radius, Stroke::new(1.5, colour));
    let font = egui::TextStyle::Small.resolve(ui.style());
    painter.text(centre, Align2::CENTER_CENTER, number, font, ui.visuals().text_color());
}

/// Shows the view of a step.
fn go(step: RoadStep, model: &Model, out: &mut Vec<Command>) {
    let tab = match step {
        RoadStep::Import => {
            out.push(Command::Import(ImportCommand::Add(Vec::new())));
            return;
        }
        RoadStep::Micrographs => Tab::Micrographs,
        RoadStep::Label => Tab::Gallery,
        RoadStep::Train => Tab::Train,
        RoadStep::Review => {
            // The queues are what this step is about.
            if model.settings.hidden.contains(SidePanel::Queues.key()) {
                out.push(Command::Settings(SettingsCommand::TogglePanel(SidePanel::Queues)));
            }
            Tab::Gallery
        }
        RoadStep::Export => Tab::Export,
    };
    out.push(Command::View(ViewCommand::Tab(tab)));
}
