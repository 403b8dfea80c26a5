//! Notices in the lower right corner.

use eframe::egui;
use egui::{Align2, Area, Frame, Order, Stroke, Ui, Vec2};

use crate::gui::command::{Command, WindowCommand};
use crate::gui::model::{Model, Notice, NoticeKind};
use crate::gui::theme;

/// The area of the notices.
fn area() -> egui::Id {
    egui::Id::unique("notices")
}

/// Whether the pointer is over the notices: none may go then, or a click meant for it would fall on what lies below.
pub fn are_pointed_at(ctx: &egui::Context) -> bool {
    let Some(at) = ctx.pointer_latest_pos() else { return false };
    ctx.memory(|memory| memory.area_rect(area())).is_some_and(|rect| rect.contains(at))
}

/// Draws the notices, the newest lowest.
pub fn ui(ui: &mut Ui, model: &Model, out: &mut Vec<Command>) {
    if model.notices.shown().is_empty() {
        return;
    }
    Area::new(area()).order(Order::Foreground).anchor(Align2::RIGHT_BOTTOM, Vec2::new(-14.0, -44.0)).show(
        ui.ctx(),
        |ui| {
            ui.set_max_width(440.0);
            for notice in model.notices.shown() {
                self::notice(ui, notice, out);
            }
        },
    );
}

fn notice(ui: &mut Ui, notice: &Notice, out: &mut Vec<Command>) {
    let (word, colour) = match notice.kind {
        NoticeKind::Done => ("Done", theme::GREEN),
        NoticeKind::Warning => ("Note", ui.visuals().warn_fg_color),
        NoticeKind::Error => ("Problem", ui.visuals().error_fg_color),
    };
    Frame::popup(ui.style()).stroke(Stroke::new(1.0, colour)).inner_margin(10.0).show(ui, |ui| {
        ui.set_width(410.0);
        ui.horizontal_top(|ui| {
            ui.colored_label(colour, word);
            ui.vertical(|ui| {
                ui.add(egui::Label::new(&notice.text).wrap());
                ui.horizontal(|ui| {
                    for (words, command) in &notice.actions {
                        if ui.button(words).clicked() {
                            out.push(command.clone());
                            out.push(Command::Window(WindowCommand::Dismiss(notice.id)));
                        }
                    }
                    if ui.small_button("Dismiss").clicked() {
                        out.push(Command::Window(WindowCommand::Dismiss(notice.id)));
                    }
                });
            });
        });
    });
}
