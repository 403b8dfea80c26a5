//! Colours, spacing and type of the window, dark and light.
//!
//! Labels are told apart by colour **and** form. The colours are from the palette of Okabe and Ito
//! (*Color Universal Design*, 2008), which people with any common colour blindness can tell apart;
//! icon and reports use the same. Unlabeled is a grey ring.

use eframe::egui;
use egui::{Color32, CornerRadius, FontId, TextStyle, ThemePreference, Vec2, Visuals};
use vitrine_core::Label;

use crate::gui::values::Theme;

/// Bluish green: positive, success.
pub const GREEN: Color32 = Color32::from_rgb(0x00, 0x9e, 0x73);
/// Vermilion: negative, errors.
pub const VERMILION: Color32 = Color32::from_rgb(0xd5, 0x5e, 0x00);
/// Orange: warnings.
const ORANGE: Color32 = Color32::from_rgb(0xe6, 0x9f, 0x00);
/// Blue: selection on light ground.
pub const BLUE: Color32 = Color32::from_rgb(0x00, 0x72, 0xb2);
/// Sky blue: selection on dark ground.
const SKY: Color32 = Color32::from_rgb(0x56, 0xb4, 0xe9);

const PURPLE: Color32 = Color32::from_rgb(0xcc, 0x79, 0xa7);

/// The colour of a run in plots by its place; after six they repeat. Those that would be dim on dark
/// ground, or pale on light ground, are changed for others of the same palette.
pub const fn run(place: usize, dark: bool) -> Color32 {
    match (place % 6, dark) {
        (0, true) => SKY,
        (0, false) => BLUE,
        (1, true) => ORANGE,
        (1, false) => VERMILION,
        (2, _) => PURPLE,
        (3, true) => Color32::from_rgb(0xf0, 0xe4, 0x42),
        (3, false) => GREEN,
        (4, true) => label(Label::Negative, true),
        (4, false) => Color32::from_rgb(0x9a, 0x6a, 0x00),
        (_, true) => label(Label::Positive, true),
        (_, false) => Color32::from_rgb(0x33, 0x88, 0xc0),
    }
}

/// The colour of a label, legible on the ground of the theme.
pub const fn label(label: Label, dark: bool) -> Color32 {
    match (label, dark) {
        (Label::Positive, true) => Color32::from_rgb(0x22, 0xc2, 0x95),
        (Label::Positive, false) => Color32::from_rgb(0x00, 0x7d, 0x5b),
        (Label::Negative, true) => Color32::from_rgb(0xff, 0x83, 0x2b),
        (Label::Negative, false) => Color32::from_rgb(0xb8, 0x4f, 0x00),
        (Label::Unlabeled, true) => Color32::from_rgb(0xa0, 0xa6, 0xad),
        (Label::Unlabeled, false) => Color32::from_rgb(0x66, 0x6c, 0x72),
    }
}

/// The colour of what is selected or current.
pub const fn accent(dark: bool) -> Color32 {
    if dark { SKY } else { BLUE }
}

/// Gives the window its look; called once, and again when theme or scale are changed.
pub fn apply(ctx: &egui::Context, theme: Theme, scale: f32) {
    ctx.set_theme(match theme {
        Theme::System => ThemePreference::System,
        Theme::Dark => ThemePreference::Dark,
        Theme::Light => ThemePreference::Light,
    });
    ctx.set_zoom_factor(scale);
    // Ours are kept in the settings and can be given other keys.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
    for (theme, dark) in [(egui::Theme::Dark, true), (egui::Theme::Light, false)] {
        ctx.style_mut_of(theme, |style| {
            style.visuals = visuals(dark);
            style.spacing.item_spacing = Vec2::new(8.0, 6.0);
            style.spacing.button_padding = Vec2::new(10.0, 4.0);
            style.spacing.interact_size.y = 26.0;
            // A scroll bar takes a place of its own and lies over no text or button.
            style.spacing.scroll.floating_allocated_width = 6.0;
            // The edge of a panel is taken hold of without aiming at a pixel.
            style.interaction.resize_grab_radius_side = 8.0;
            style.text_styles = [
                (TextStyle::Small, FontId::proportional(11.5)),
                (TextStyle::Body, FontId::proportional(14.0)),
                (TextStyle::Button, FontId::proportional(14.0)),
                (TextStyle::Monospace, FontId::monospace(13.0)),
                (TextStyle::Heading, FontId::proportional(20.0)),
            ]
            .into();
        });
    }
}

/// Adds a slider whose rail stands out from the ground, in the light theme as well.
pub fn slider(ui: &mut egui::Ui, slider: egui::Slider<'_>) -> egui::Response {
    ui.scope(|ui| {
        if !ui.visuals().dark_mode {
            ui.visuals_mut().widgets.inactive.bg_fill = Color32::from_gray(0xc4);
        }
        ui.add(slider)
    })
    .inner
}

fn visuals(dark: bool) -> Visuals {
    let mut visuals = if dark { Visuals::dark() } else { Visuals::light() };
    if dark {
        visuals.panel_fill = Color32::from_gray(0x1d);
        visuals.window_fill = Color32::from_gray(0x24);
        visuals.extreme_bg_color = Color32::from_gray(0x12);
        visuals.override_text_color = Some(Color32::from_gray(0xdc));
    } else {
        visuals.panel_fill = Color32::from_gray(0xf6);
        visuals.window_fill = Color32::from_gray(0xfd);
        visuals.override_text_color = Some(Color32::from_gray(0x20));
    }
    visuals.weak_text_color = Some(if dark { Color32::from_gray(0xa4) } else { Color32::from_gray(0x5a) });
    visuals.selection.bg_fill = accent(dark).gamma_multiply(if dark { 0.45 } else { 0.25 });
    visuals.selection.stroke.color = if dark { Color32::WHITE } else { Color32::from_gray(0x10) };
    visuals.hyperlink_color = accent(dark);
    visuals.warn_fg_color = if dark { ORANGE } else { Color32::from_rgb(0x8a, 0x5d, 0x00) };
    visuals.error_fg_color = label(Label::Negative, dark);
    let round = CornerRadius::same(4);
    for widget in [
        &mut visuals.widgets.noninteractive,
        &mut visuals.widgets.inactive,
        &mut visuals.widgets.hovered,
        &mut visuals.widgets.active,
        &mut visuals.widgets.open,
    ] {
        widget.corner_radius = round;
    }
    // Fields, buttons, boxes and radio buttons have an edge that stands three to one against the ground
    // (WCAG 2.1, 1.4.11), so that they are seen on any screen.
    let edge = if dark { Color32::from_gray(0x72) } else { Color32::from_gray(0x8c) };
    visuals.widgets.inactive.bg_stroke = egui::Stroke::new(1.0, edge);
    if !dark {
        // The ground of boxes and radio buttons; egui's own is the grey of the panel.
        visuals.widgets.inactive.bg_fill = Color32::WHITE;
        visuals.widgets.hovered.bg_fill = Color32::WHITE;
    }
    visuals.window_corner_radius = CornerRadius::same(8);
    visuals.menu_corner_radius = CornerRadius::same(6);
    visuals
}
