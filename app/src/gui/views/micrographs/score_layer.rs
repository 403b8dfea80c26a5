//! The score map of a run as a translucent layer over the micrograph.

use std::sync::Arc;

use eframe::egui;
use egui::{
    Align2, Color32, ColorImage, ComboBox, Context, FontId, Painter, Rect, TextureHandle, TextureOptions, Ui,
    Vec2, pos2,
};
use vitrine_core::picking::census::score_of;
use vitrine_core::picking::picker::ScoreMap;

use super::geometry::Geometry;
use super::page::Page;
use crate::gpu::colour_map::ColourMap;
use crate::gui::command::{Command, PickCommand};
use crate::gui::model::run_of;
use crate::gui::values::{Load, MapKey};
use crate::gui::widgets::form::section;
use crate::gui::widgets::unreadable;

/// How much of the micrograph the highest score covers.
const MAX_OPACITY: f32 = 0.62;
/// Size of the bar of the legend, points.
const BAR: Vec2 = Vec2::new(110.0, 8.0);

/// The layer on the graphics device.
pub struct Layer {
    map: Arc<ScoreMap>,
    colours: ColourMap,
    texture: TextureHandle,
}

/// The colour of a score: the higher, the more it covers.
fn colour(colours: ColourMap, score: f32) -> Color32 {
    colours.colour(score).gamma_multiply(MAX_OPACITY * score.clamp(0.0, 1.0).sqrt())
}

/// The map of a micrograph by the run that picks.
fn key_of(page: Page<'_>) -> Option<MapKey> {
    let Page { model, open, micrograph } = page;
    let run = run_of(open, &model.drafts.pick)?;
    Some(MapKey { micrograph, run: run.name.clone(), epoch: run.best_epoch.unwrap_or(0) })
}

/// Switch and colours in the panel; why there is no map, where there is none.
pub fn panel(ui: &mut Ui, page: Page<'_>, out: &mut Vec<Command>) {
    section(ui, "Score map");
    let maps = &page.model.picks.maps;
    ui.horizontal_wrapped(|ui| {
        let mut on = maps.shown;
        let check = ui.checkbox(&mut on, "Show over the micrograph");
        if check.on_hover_text("The map from which the run proposes places. H shows and hides it.").changed()
        {
            out.push(Command::Pick(PickCommand::ToggleMap));
        }
        if !maps.shown {
            return;
        }
        let combo = ComboBox::from_id_salt("score map colours")
            .width(80.0)
            .selected_text(maps.colours.as_str())
            .show_ui(ui, |ui| {
                for colours in ColourMap::ALL {
                    if ui.selectable_label(maps.colours == colours, colours.as_str()).clicked() {
                        out.push(Command::Pick(PickCommand::MapColours(colours)));
                    }
                }
            });
        combo.response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Colours of the score map")
        });
    });
    let key = key_of(page).filter(|_| maps.shown);
    if let Some(Load::Failed(failure)) = key.map(|key| maps.of(&key)) {
        unreadable(ui, &failure);
    }
}

/// Draws the layer once the map is there; asks for it where it is not. Returns what the legend is to say.
pub fn draw(
    ui: &mut Ui,
    page: Page<'_>,
    geometry: &Geometry,
    drawn: &mut Option<Layer>,
    out: &mut Vec<Command>,
) -> Option<&'static str> {
    let maps = &page.model.picks.maps;
    if !maps.shown {
        *drawn = None;
        return None;
    }
    let key = key_of(page)?;
    let load = maps.of(&key);
    let Load::Ready(map) = load else {
        if load.is_not_asked() {
            out.push(Command::Pick(PickCommand::ReadMap(key)));
        }
        let failed = matches!(load, Load::Failed(_));
        return Some(if failed { "No score map" } else { "Computing the score map…" });
    };
    let same = drawn.as_ref().is_some_and(|l| Arc::ptr_eq(&l.map, map) && l.colours == maps.colours);
    if !same {
        *drawn = texture(ui.ctx(), map, maps.colours).map(|texture| Layer {
            map: Arc::clone(map),
            colours: maps.colours,
            texture,
        });
    }
    let painter = ui.painter_at(geometry.rect);
    if let Some(layer) = drawn {
        let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.image(layer.texture.id(), place(geometry, map), all, Color32::WHITE);
    }
    Some("score in the map")
}

/// Where the map lies on the screen: each of its values covers the px around its place.
fn place(geometry: &Geometry, map: &ScoreMap) -> Rect {
    let edge = |place: f64| (map.position(place - 0.5) + 0.5) as f32;
    geometry.part(edge(0.0), edge(0.0), edge(map.logits.columns as f64), edge(map.logits.rows as f64))
}

/// The map as a picture; of large ones the highest of neighbouring values is drawn, so that no peak is lost.
fn texture(ctx: &Context, map: &ScoreMap, colours: ColourMap) -> Option<TextureHandle> {
    let (columns, rows) = (map.logits.columns, map.logits.rows);
    if columns == 0 || rows == 0 {
        return None;
    }
    let most = ctx.input(|input| input.max_texture_side).clamp(256, 4096);
    let step = columns.max(rows).div_ceil(most).max(1);
    let (width, height) = (columns.div_ceil(step), rows.div_ceil(step));
    let table: Vec<Color32> = (0..=255_u8).map(|score| colour(colours, f32::from(score) / 255.0)).collect();
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let near = (y * step..((y + 1) * step).min(rows))
                .flat_map(|row| (x * step..((x + 1) * step).min(columns)).map(move |column| (column, row)));
            let logit =
                near.map(|(column, row)| map.logits.at(column, row)).fold(f32::NEG_INFINITY, f32::max);
            let score = (score_of(f64::from(logit)) * 255.0).round() as usize;
            pixels.push(table.get(score).copied().unwrap_or(Color32::TRANSPARENT));
        }
    }
    let image = ColorImage::new([width, height], pixels);
    Some(ctx.load_texture("score map", image, TextureOptions::LINEAR))
}

/// What the colours mean, in the upper right corner.
pub fn legend(painter: &Painter, geometry: &Geometry, colours: ColourMap, text: &str) {
    let corner = geometry.rect.right_top() + Vec2::new(-12.0, 10.0);
    let galley = painter.layout_no_wrap(text.to_owned(), FontId::proportional(12.5), Color32::WHITE);
    let width = BAR.x.max(galley.size().x);
    let top = pos2(corner.x - width, corner.y);
    let bar = Rect::from_min_size(top + Vec2::new(0.0, galley.size().y + 4.0), Vec2::new(width, BAR.y));
    let ground = Rect::from_min_max(top, bar.max + Vec2::new(0.0, 15.0)).expand(6.0);
    painter.rect_filled(ground, 4.0, Color32::from_black_alpha(170));
    painter.galley(top, galley, Color32::WHITE);
    let steps = bar.width().round().max(1.0) as usize;
    for at in 0..steps {
        let share = at as f32 / steps as f32;
        let left = bar.left() + at as f32;
        let part = Rect::from_min_max(pos2(left, bar.top()), pos2(left + 1.0, bar.bottom()));
        painter.rect_filled(part, 0.0, colours.colour(share));
    }
    for (share, words, align) in
        [(0.0, "0", Align2::LEFT_TOP), (0.5, "0.5", Align2::CENTER_TOP), (1.0, "1", Align2::RIGHT_TOP)]
    {
        let at = pos2(bar.left() + share * bar.width(), bar.bottom() + 2.0);
        painter.text(at, align, words, FontId::proportional(11.0), Color32::WHITE);
    }
}
