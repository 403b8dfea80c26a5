//! The gallery and the panels around it. A panel is at the left, the right or the bottom. It moves by
//! dragging its heading, from its menu, or by a command.

use eframe::egui;
use egui::{Align, CentralPanel, CursorIcon, Frame, Label, Layout, Pos2, Rect, RichText, Sense, Ui};

use super::states::States;
use super::{gallery, patch_panel, queues, tour};
use crate::gui::command::{Command, SettingsCommand};
use crate::gui::model::{Model, TourPlace};
use crate::gui::values::{Edge, SidePanel};
use crate::gui::widgets::ResizablePanel;

/// Width of a panel before anybody has changed it, in a window with room for `whole` points: a share of it.
fn width_of(panel: SidePanel, whole: f32) -> f32 {
    let width = match panel {
        SidePanel::Queues => (whole * 0.17).clamp(176.0, 360.0),
        SidePanel::Patch => (whole * 0.21).clamp(210.0, 480.0),
    };
    width.round()
}

/// The panels at the bottom as one: their name in the settings, and their height before anybody has changed
/// it, points. Each set of them has its own, for queues need less height than a patch.
const fn at_the_bottom(last: SidePanel, others: &[SidePanel]) -> (&'static str, f32) {
    match (last, others) {
        (SidePanel::Queues, []) => ("docked.queues", 170.0),
        (SidePanel::Patch, []) => ("docked.patch", 250.0),
        _ => ("docked", 250.0),
    }
}

/// Draws gallery and panels.
pub fn ui(ui: &mut Ui, model: &Model, states: &mut States, out: &mut Vec<Command>) {
    let area = ui.available_rect_before_wrap();
    states.patch_panel.window = states.gallery.window;
    let at = |edge: Edge| -> Vec<SidePanel> {
        let shown = |panel: &SidePanel| {
            !model.settings.hidden.contains(panel.key()) && model.settings.edge_of(*panel) == edge
        };
        SidePanel::ALL.into_iter().filter(shown).collect()
    };
    // The left ones first: that is the order in which a screen reader meets them.
    for edge in [Edge::Left, Edge::Right] {
        for side in at(edge) {
            ResizablePanel::new(edge, side.key(), width_of(side, area.width())).show(
                ui,
                model,
                out,
                |ui, out| {
                    panel(ui, model, states, side, area, out);
                },
            );
        }
    }
    if let Some((last, others)) = at(Edge::Bottom).split_last() {
        let (name, height) = at_the_bottom(*last, others);
        ResizablePanel::new(Edge::Bottom, name, height).show(ui, model, out, |ui, out| {
            // Beside each other: one above the other they would leave nothing of the gallery.
            for &side in others {
                ResizablePanel::new(Edge::Left, side.key(), width_of(side, area.width())).show(
                    ui,
                    model,
                    out,
                    |ui, out| {
                        panel(ui, model, states, side, area, out);
                    },
                );
            }
            CentralPanel::default().frame(Frame::NONE).show(ui, |ui| {
                panel(ui, model, states, *last, area, out);
            });
        });
    }
    CentralPanel::default().show(ui, |ui| gallery::ui(ui, model, &mut states.gallery, out));
}

/// One panel with its heading.
fn panel(
    ui: &mut Ui,
    model: &Model,
    states: &mut States,
    side: SidePanel,
    area: Rect,
    out: &mut Vec<Command>,
) {
    head(ui, model, side, area, out);
    match side {
        SidePanel::Queues => {
            tour::tell(ui.ctx(), TourPlace::Queues, ui.max_rect().expand(6.0));
            queues::ui(ui, model, &mut states.queues, out);
        }
        SidePanel::Patch => patch_panel::ui(ui, model, &mut states.patch_panel, out),
    }
}

/// The heading: taken by the hand it moves the panel, and its menu does the same.
fn head(ui: &mut Ui, model: &Model, panel: SidePanel, area: Rect, out: &mut Vec<Command>) {
    let title = panel.title();
    let now = model.settings.edge_of(panel);
    ui.horizontal(|ui| {
        let handle =
            Label::new(RichText::new(title).strong()).selectable(false).sense(Sense::click_and_drag());
        let handle = ui.add(handle).on_hover_cursor(CursorIcon::Grab);
        if let Some(at) = handle.interact_pointer_pos().filter(|_| handle.dragged() || handle.drag_stopped())
        {
            let edge = edge_at(area, at).filter(|edge| *edge != now);
            if handle.dragged() {
                ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
                show_target(ui, area, edge);
            } else if let Some(edge) = edge {
                out.push(Command::Settings(SettingsCommand::Dock { panel, edge }));
            }
        }
        handle.on_hover_text("Drag to the left, right or lower edge to move the panel.");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let menu = ui.menu_button("Move", |ui| {
                for edge in Edge::ALL {
                    let words = format!("To the {}", edge.as_str());
                    if ui.add_enabled(edge != now, egui::Button::new(words)).clicked() {
                        out.push(Command::Settings(SettingsCommand::Dock { panel, edge }));
                        ui.close();
                    }
                }
                ui.separator();
                if ui.button("Hide").clicked() {
                    out.push(Command::Settings(SettingsCommand::TogglePanel(panel)));
                    ui.close();
                }
            });
            let name = format!("Move the panel: {title}");
            menu.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
            menu.response.on_hover_text("Move or hide this panel");
        });
    });
}

/// How near an edge a panel is let go to go there, as a share of the window's part for gallery and panels.
const EDGE_SHARE: f32 = 0.25;

/// The edge a hand at this point means; in the middle none.
fn edge_at(area: Rect, at: Pos2) -> Option<Edge> {
    if !area.contains(at) {
        return None;
    }
    let shares = [
        (Edge::Left, (at.x - area.left()) / area.width()),
        (Edge::Right, (area.right() - at.x) / area.width()),
        (Edge::Bottom, (area.bottom() - at.y) / area.height()),
    ];
    let nearest = shares.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    (nearest.1 < EDGE_SHARE).then_some(nearest.0)
}

/// While a panel is dragged: where it would go.
fn show_target(ui: &Ui, area: Rect, edge: Option<Edge>) {
    let Some(edge) = edge else { return };
    let part = match edge {
        Edge::Left => area.with_max_x(area.left() + area.width() * EDGE_SHARE),
        Edge::Right => area.with_min_x(area.right() - area.width() * EDGE_SHARE),
        Edge::Bottom => area.with_min_y(area.bottom() - area.height() * EDGE_SHARE),
    };
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("where a panel goes"));
    let painter = ui.ctx().layer_painter(layer);
    let colour = ui.visuals().selection.bg_fill;
    painter.rect_filled(part, 4.0, colour.gamma_multiply(0.45));
    painter.rect_stroke(part, 4.0, egui::Stroke::new(2.0, colour), egui::StrokeKind::Inside);
    painter.text(
        part.center(),
        egui::Align2::CENTER_CENTER,
        "Drop here",
        egui::FontId::proportional(16.0),
        ui.visuals().strong_text_color(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_edge_is_meant_and_in_the_middle_none() {
        let area = Rect::from_min_max(egui::pos2(0.0, 30.0), egui::pos2(1000.0, 830.0));
        let meant = |x: f32, y: f32| edge_at(area, egui::pos2(x, y));
        assert_eq!(meant(100.0, 200.0), Some(Edge::Left));
        assert_eq!(meant(900.0, 200.0), Some(Edge::Right));
        assert_eq!(meant(500.0, 800.0), Some(Edge::Bottom));
        assert_eq!(meant(200.0, 820.0), Some(Edge::Bottom), "nearer to the bottom than to the left");
        assert_eq!((meant(500.0, 400.0), meant(500.0, 10.0)), (None, None));
    }
}
