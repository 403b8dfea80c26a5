//! The tour: a frame around a part of the window, and a card that says what it is for.

use eframe::egui;
use egui::{Align2, Area, Context, Frame, Id, Order, Rect, RichText, Stroke, StrokeKind, Vec2};

use crate::gui::command::{Command, ViewCommand};
use crate::gui::model::{Model, TOUR, TourPlace};
use crate::gui::theme;

/// Width of the card, points.
const WIDTH: f32 = 430.0;

fn id_of(place: TourPlace) -> Id {
    Id::unique(("a place of the tour", place))
}

/// Tells where a part of the window is in this frame.
pub fn tell(ctx: &Context, place: TourPlace, rect: Rect) {
    ctx.data_mut(|data| data.insert_temp(id_of(place), rect));
}

/// Draws the place of the tour that is shown.
pub fn ui(ctx: &Context, model: &Model, out: &mut Vec<Command>) {
    let Some((number, step)) = model.tour.and_then(|number| Some((number, TOUR.get(number)?))) else {
        return;
    };
    let style = ctx.global_style();
    let accent = theme::accent(style.visuals.dark_mode);
    let at = ctx.data(|data| data.get_temp::<Rect>(id_of(step.place)));
    if let Some(rect) = at.filter(|rect| rect.is_positive()) {
        let layer = egui::LayerId::new(Order::Foreground, Id::unique("frame of the tour"));
        ctx.layer_painter(layer).rect_stroke(
            rect.shrink(2.0),
            4.0,
            Stroke::new(3.0, accent),
            StrokeKind::Inside,
        );
    }
    Area::new(Id::unique("tour"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_BOTTOM, Vec2::new(0.0, -60.0))
        .show(ctx, |ui| {
            Frame::popup(ui.style()).stroke(Stroke::new(1.5, accent)).inner_margin(14.0).show(ui, |ui| {
                ui.set_width(WIDTH);
                ui.horizontal(|ui| {
                    ui.label(RichText::new(step.title).strong().size(16.0));
                    ui.weak(format!("{} of {}", number + 1, TOUR.len()));
                });
                ui.add(egui::Label::new(step.text).wrap());
                ui.add_space(6.0);
                ui.horizontal(|ui| {
                    let go = |to| Command::View(ViewCommand::Tour(to));
                    let last = number + 1 == TOUR.len();
                    let words = if last { "Done" } else { "Next" };
                    let next = egui::Button::new(words).fill(ui.visuals().selection.bg_fill);
                    if ui.add(next).clicked() {
                        out.push(go((!last).then_some(number + 1)));
                    }
                    if ui.add_enabled(number > 0, egui::Button::new("Back")).clicked() {
                        out.push(go(number.checked_sub(1)));
                    }
                    if !last && ui.button("Skip the tour").on_hover_text("Escape skips it too.").clicked() {
                        out.push(go(None));
                    }
                });
            });
        });
}
