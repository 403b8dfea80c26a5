//! Some patches drawn by the CPU. They are read once and kept as textures until the project changes. The
//! gallery, which shows thousands, keeps its pages on the GPU.

use std::collections::HashMap;

use eframe::egui;
use egui::{Color32, ColorImage, Rect, Response, Sense, StrokeKind, TextureHandle, TextureOptions, Ui, Vec2};
use vitrine_core::Label;
use vitrine_core::grayscale::to_grayscale;
use vitrine_core::project::PatchId;

use super::label_mark::paint_label;
use crate::gui::command::{Command, SelectCommand, ViewCommand};
use crate::gui::model::OpenProject;
use crate::gui::theme;
use crate::gui::values::Tab;

/// Goes to a patch in the gallery: what a click on a thumbnail does.
pub fn show_in_gallery(patch: PatchId, out: &mut Vec<Command>) {
    out.push(Command::Select(SelectCommand::Patch(patch)));
    out.push(Command::View(ViewCommand::Tab(Tab::Gallery)));
}

/// Textures kept before all are thrown away.
const MAX_TEXTURES: usize = 400;
/// Patches read in one frame; the others follow in the next.
const MAX_READ_PER_FRAME: usize = 8;

/// Textures of patches, by patch.
#[derive(Default)]
pub struct Thumbnails {
    opening: u64,
    textures: HashMap<PatchId, TextureHandle>,
    frame: u64,
    read: usize,
}

impl Thumbnails {
    /// Drops what lies on the graphics device.
    pub fn forget_drawn(&mut self) {
        *self = Self::default();
    }

    /// The patch, `side` points wide, with the mark of its label and a line of words below.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        open: &OpenProject,
        patch: PatchId,
        side: f32,
        words: &str,
    ) -> Response {
        let line = ui.text_style_height(&egui::TextStyle::Small) + 2.0;
        let (rect, response) = ui.allocate_exact_size(Vec2::new(side, side + line), Sense::click());
        let picture = Rect::from_min_size(rect.min, Vec2::splat(side));
        if ui.is_rect_visible(rect) {
            match self.texture(ui.ctx(), open, patch) {
                Some(id) => {
                    let whole = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
                    ui.painter().image(id, picture, whole, Color32::WHITE);
                }
                None => {
                    ui.painter().rect_filled(picture, 2.0, ui.visuals().extreme_bg_color);
                }
            }
            let dark = ui.visuals().dark_mode;
            if let Some(&label) = open.columns.labels.get(patch as usize) {
                let colour = theme::label(label, dark);
                let ground =
                    if dark { Color32::from_black_alpha(170) } else { Color32::from_white_alpha(200) };
                let centre = picture.left_top() + Vec2::splat(10.0);
                ui.painter().circle_filled(centre, 8.0, ground);
                paint_label(ui.painter(), centre, 10.0, label, colour);
                if label != Label::Unlabeled {
                    ui.painter().rect_stroke(picture, 0.0, (1.5, colour), StrokeKind::Inside);
                }
            }
            if response.hovered() || response.has_focus() {
                ui.painter().rect_stroke(picture, 0.0, (2.0, theme::accent(dark)), StrokeKind::Outside);
            }
            let font = egui::TextStyle::Small.resolve(ui.style());
            let colour = ui.visuals().weak_text_color();
            let at = egui::pos2(picture.center().x, picture.bottom() + 1.0);
            ui.painter().text(at, egui::Align2::CENTER_TOP, words, font, colour);
        }
        let label = open.columns.labels.get(patch as usize).map_or("", |label| label.as_str());
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Patch {patch}, {label}, {words}"))
        });
        response
    }

    fn texture(
        &mut self,
        ctx: &egui::Context,
        open: &OpenProject,
        patch: PatchId,
    ) -> Option<egui::TextureId> {
        if self.opening != open.opening || self.textures.len() > MAX_TEXTURES {
            self.opening = open.opening;
            self.textures.clear();
        }
        if let Some(known) = self.textures.get(&patch) {
            return Some(known.id());
        }
        let frame = ctx.cumulative_frame_nr();
        if self.frame != frame {
            (self.frame, self.read) = (frame, 0);
        }
        if self.read >= MAX_READ_PER_FRAME {
            ctx.request_repaint();
            return None;
        }
        self.read += 1;
        let size = open.size?;
        let mut pixels = vec![0.0; size * size];
        open.pixels.get(patch, &mut pixels).ok()?;
        let image = ColorImage::from_gray([size, size], &to_grayscale(&pixels));
        let texture = ctx.load_texture(format!("patch {patch}"), image, TextureOptions::LINEAR);
        let id = texture.id();
        self.textures.insert(patch, texture);
        Some(id)
    }
}
