//! Which places are picks: the common threshold, the own threshold of a micrograph, spacing, number, and shifts of scores.

use eframe::egui;
use egui::{Color32, DragValue, Rect, Sense, Shape, Slider, Ui, Vec2, pos2};
use vitrine_core::Label;

use super::page::Page;
use crate::gui::command::{Command, PickCommand};
use crate::gui::drafts::PickDraft;
use crate::gui::model::{OpenProject, Surveyed, distance_of, rules_of, threshold_of};
use crate::gui::theme;
use crate::gui::widgets::form::wide_slider;
use crate::words;

/// Thresholds that can be set.
const RANGE: std::ops::RangeInclusive<f32> = 0.01..=0.99;

/// Draws the section.
pub fn ui(ui: &mut Ui, page: Page<'_>, draft: &mut PickDraft, out: &mut Vec<Command>) {
    let Page { model, open, micrograph } = page;
    let surveyed = model.picks.surveyed(open, draft);
    if let Some(surveyed) = surveyed {
        histogram(ui, surveyed, draft, threshold_of(open, micrograph, draft) as f32);
    }
    let slider = Slider::new(&mut draft.threshold, RANGE).max_decimals(2);
    wide_slider(ui, "Threshold", slider).on_hover_text(
        "A place with this score or more is a pick, on every micrograph without a threshold of its own. Nothing is \
         computed again.",
    );
    own(ui, page, draft, out);
    spacing_and_number(ui, open, draft, surveyed);
    shifts(ui, page, draft, out);
}

/// The threshold of the micrograph that is shown.
fn own(ui: &mut Ui, page: Page<'_>, draft: &mut PickDraft, out: &mut Vec<Command>) {
    let Page { model, open, micrograph } = page;
    let may = model.open_takes_import();
    let now = threshold_of(open, micrograph, draft) as f32;
    let mut on = rules_of(open, draft).is_some_and(|rules| rules.own.contains_key(&micrograph));
    let check = ui.add_enabled(may, egui::Checkbox::new(&mut on, "Own threshold here"));
    let check = check.on_hover_text(
        "Give this micrograph a threshold of its own. It is kept with the project and holds in exports too. Off: the \
         common one holds again.",
    );
    if check.changed() {
        draft.moved = None;
        let score = on.then_some(f64::from(now));
        out.push(Command::Pick(PickCommand::OwnThreshold(micrograph, score)));
        return;
    }
    if !on {
        return;
    }
    let mut value = now;
    let slider = Slider::new(&mut value, RANGE).max_decimals(2);
    let name = egui::RichText::new("Threshold of this micrograph").weak();
    let response = ui.add_enabled_ui(may, |ui| wide_slider(ui, name, slider)).inner;
    if response.changed() {
        draft.moved = Some((micrograph, value));
    }
    // Kept when the hand lets go.
    if let Some((id, value)) = draft.moved
        && !response.dragged()
    {
        out.push(Command::Pick(PickCommand::OwnThreshold(id, Some(hundredths(value)))));
    }
}

/// As it is shown: 0.62, not 0.6199999.
fn hundredths(score: f32) -> f64 {
    (f64::from(score) * 100.0).round() / 100.0
}

fn spacing_and_number(ui: &mut Ui, open: &OpenProject, draft: &mut PickDraft, surveyed: Option<&Surveyed>) {
    ui.horizontal_wrapped(|ui| {
        let name = ui.label("Distance");
        let mut distance = distance_of(open, draft);
        let field =
            DragValue::new(&mut distance).range(0.0..=16_384.0).speed(1.0).suffix(" px").max_decimals(0);
        let response = ui.add(field).labelled_by(name.id);
        if response
            .on_hover_text("Of two picks closer than this, the one with the higher score stays.")
            .changed()
        {
            draft.distance = Some(distance);
        }
    });
    let Some(surveyed) = surveyed.filter(|surveyed| surveyed.survey.micrographs > 0) else { return };
    ui.horizontal_wrapped(|ui| {
        let rules = rules_of(open, draft).cloned().unwrap_or_default();
        let now = surveyed.picks(f64::from(draft.threshold), &rules);
        let mut number = now as f64 / surveyed.survey.micrographs as f64;
        let name = ui.label("Per micrograph");
        let field = DragValue::new(&mut number).range(0.0..=100_000.0).speed(1.0).max_decimals(0);
        let response = ui.add(field).labelled_by(name.id);
        let response = response.on_hover_text("Average number of picks on a scored micrograph. Changing it \
                                               sets the threshold.");
        if response.changed()
            && let Some(score) = surveyed.threshold_with(number, &rules)
        {
            draft.threshold = score as f32;
        }
        if let Some(best) = surveyed.survey.best() {
            let button = ui.button("Balanced").on_hover_text(
                "The threshold at which expected precision and recall are balanced best (highest expected F1)",
            );
            if button.clicked() {
                draft.threshold = best.score as f32;
            }
        }
    });
}

/// How far the scores of this micrograph lie from those of the others, and whether that is taken out.
fn shifts(ui: &mut Ui, page: Page<'_>, draft: &PickDraft, out: &mut Vec<Command>) {
    let Page { model, open, micrograph } = page;
    if let Some(shift) = model.picks.shift(open, micrograph, draft) {
        let words = match shift {
            s if s.abs() < 0.05 => "Scores here lie as high as on the other micrographs.".to_owned(),
            s if s > 0.0 => format!("Scores here lie {s:.1} logits above those of the other micrographs."),
            s => format!("Scores here lie {:.1} logits below those of the other micrographs.", -s),
        };
        ui.add(egui::Label::new(egui::RichText::new(words).weak()).wrap()).on_hover_text(
            "Compares the median score of this micrograph with the median of all micrographs' medians. \
             Thick ice and defocus shift all scores of a micrograph alike; many particles on it raise its \
             median too.",
        );
    }
    let mut without = rules_of(open, draft).is_some_and(|rules| rules.without_shifts);
    let may = model.open_takes_import();
    let check = ui.add_enabled(may, egui::Checkbox::new(&mut without, "Take out shifts of scores"));
    let check = check.on_hover_text(
        "Subtract each micrograph's shift from its logits. Thresholds then act on the corrected scores, \
         here, in exports and in vitrine pick.",
    );
    if check.changed() {
        out.push(Command::Pick(PickCommand::WithoutShifts(without)));
    }
    if without {
        ui.add(egui::Label::new(egui::RichText::new("Thresholds act on corrected scores.").weak()).wrap());
    }
}

/// Places of all micrographs by score, with those of labelled patches.
fn histogram(ui: &mut Ui, surveyed: &Surveyed, draft: &PickDraft, here: f32) {
    let size = Vec2::new(ui.available_width() - 4.0, 90.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let bars = &surveyed.survey.histogram;
    let [positive, negative] = &surveyed.labelled;
    response.widget_info(|| {
        let text = format!("Places by score: {} in all", words::count(surveyed.survey.places));
        egui::WidgetInfo::labeled(egui::Role::Image, true, text)
    });
    response.on_hover_text(
        "Number of places by score, over all micrographs. Coloured: positives and negatives of the project, \
         where the run has scored them. Dashed: this micrograph's own threshold.",
    );
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    // The square root: a few clear particles are seen beside thousands of places.
    let height = |count: u64, most: u64| (count as f32 / most.max(1) as f32).sqrt() * (rect.height() - 6.0);
    let most = bars.iter().copied().max().unwrap_or(0);
    let width = rect.width() / bars.len().max(1) as f32;
    let bar = |at: usize, high: f32, inset: f32, colour: Color32| {
        let left = rect.left() + at as f32 * width;
        let min = pos2(left + inset, rect.bottom() - high);
        painter.rect_filled(Rect::from_min_max(min, pos2(left + width - inset, rect.bottom())), 0.0, colour);
    };
    for (at, &count) in bars.iter().enumerate().filter(|(_, count)| **count > 0) {
        let above = (at as f32 + 1.0) / bars.len() as f32 > draft.threshold;
        let grey = ui.visuals().weak_text_color();
        bar(at, height(count, most).max(1.0), 0.5, if above { grey } else { grey.gamma_multiply(0.45) });
    }
    let most = positive.iter().chain(negative).copied().max().unwrap_or(0);
    let dark = ui.visuals().dark_mode;
    for (counts, label, inset) in [(positive, Label::Positive, 0.2), (negative, Label::Negative, 0.35)] {
        for (at, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let colour = theme::label(label, dark).gamma_multiply(0.75);
            bar(at, (height(count, most) * 0.6).max(1.0), width * inset, colour);
        }
    }
    let x = rect.left() + draft.threshold * rect.width();
    painter.vline(x, rect.y_range(), (1.5, theme::accent(dark)));
    if here != draft.threshold {
        let x = rect.left() + here * rect.width();
        painter.extend(Shape::dashed_line(
            &[pos2(x, rect.top()), pos2(x, rect.bottom())],
            (1.5, theme::accent(dark)),
            4.0,
            3.0,
        ));
    }
}
