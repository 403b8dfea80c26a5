//! The configuration as a form, made from the table of fields in `vitrine_core`. Each field shows its
//! description, unit and range, and what is wrong with it.

use eframe::egui;
use egui::{DragValue, RichText, ScrollArea, TextEdit, Ui};
use serde_json::Value;
use vitrine_core::learning::config::RunConfig;
use vitrine_core::learning::config::check::{Violation, violations};
use vitrine_core::learning::config::field::{Field, FieldKind, plain};
use vitrine_core::learning::config::fields::GROUPS;

use crate::gui::command::{Command, SaveCommand};
use crate::gui::model::{Model, OpenProject};
use crate::gui::values::{PathPurpose, PathQuestion};
use crate::gui::widgets::Fold;
use crate::words;

/// Draws the form.
pub fn ui(ui: &mut Ui, model: &Model, open: &OpenProject, config: &mut RunConfig, out: &mut Vec<Command>) {
    let broken = violations(config);
    ScrollArea::vertical().id_salt("form").auto_shrink(false).show(ui, |ui| {
        for (place, group) in GROUPS.iter().enumerate() {
            let wrong = broken.iter().any(|v| group.fields.iter().any(|field| field.key == v.key));
            let mut title = RichText::new(group.name).strong();
            if wrong {
                title = title.color(ui.visuals().error_fg_color);
            }
            let part = format!("train.{}", group.name);
            Fold::new(&part, title).open_at_first(place < 2).forced_open(wrong).show(
                ui,
                model,
                out,
                |ui, out| {
                    for field in group.fields {
                        let violation = broken.iter().find(|v| v.key == field.key);
                        row(ui, config, field, violation);
                        if field.kind == FieldKind::Path && (field.used)(config) {
                            choose_weights(ui, open, config, out);
                        }
                    }
                },
            );
        }
        ui.add_space(8.0);
    });
}

fn row(ui: &mut Ui, config: &mut RunConfig, field: &'static Field, violation: Option<&Violation>) {
    let used = (field.used)(config);
    ui.scope(|ui| {
        if !used {
            // Dimmed, not locked: a person may set it before choosing the method that uses it.
            ui.set_opacity(0.55);
        }
        let value = field.get(config);
        ui.horizontal(|ui| {
            let label = ui.label(field.label).on_hover_text(field.key);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let units = egui::vec2(84.0, ui.spacing().interact_size.y);
                ui.allocate_ui_with_layout(units, egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.set_min_width(units.x);
                    ui.label(RichText::new(field.unit).small().weak());
                });
                let changed = widget(ui, field, &value, label.id);
                if let Some(changed) = changed {
                    // What a field does not take at all stays as it was.
                    let _ = field.set(config, &changed);
                }
            });
        });
        let range =
            field.range_words().map_or_else(String::new, |range| format!(" {}.", words::capitalised(&range)));
        let unused = if used { "" } else { " This method does not use it." };
        let sentence = RichText::new(format!("{}{range}{unused}", field.sentence)).small().weak();
        ui.add(egui::Label::new(sentence).wrap());
        // Said, not refused: a person may want just that.
        if let Some(unusual) = value.as_f64().filter(|_| used).and_then(|value| field.unusual(value)) {
            ui.add(egui::Label::new(RichText::new(unusual).small().color(ui.visuals().warn_fg_color)).wrap());
        }
        if let Some(violation) = violation {
            let words = format!("{}: {}.", violation.problem, violation.remedy);
            ui.add(egui::Label::new(RichText::new(words).color(ui.visuals().error_fg_color)).wrap());
        }
    });
    ui.add_space(5.0);
}

/// Asks for a file of pretrained weights, beginning in the project's folder.
fn choose_weights(ui: &mut Ui, open: &OpenProject, config: &mut RunConfig, out: &mut Vec<Command>) {
    ui.horizontal_wrapped(|ui| {
        if ui.button("Choose weights…").clicked() {
            let path = match config.pretrain.weights.trim() {
                "" => open.dir.join("pretrained.safetensors"),
                known => known.into(),
            };
            let ask = PathQuestion::new("Open pretrained weights", path, PathPurpose::PretrainedWeights);
            out.push(Command::Save(SaveCommand::Ask(Box::new(ask))));
        }
    });
    ui.add_space(5.0);
}

/// The widget of a field; the new value when it was changed.
fn widget(ui: &mut Ui, field: &Field, value: &Value, label: egui::Id) -> Option<Value> {
    match field.kind {
        FieldKind::Number => number(ui, value.as_f64()?, false, label).map(Value::from),
        FieldKind::Whole => number(ui, value.as_f64()?, true, label).map(Value::from),
        FieldKind::Flag => {
            let mut on = value.as_bool()?;
            let word = if on { "yes" } else { "no" };
            let response = ui.checkbox(&mut on, word).labelled_by(label);
            response.changed().then(|| on.into())
        }
        FieldKind::Choice(words) => {
            let now = value.as_str()?;
            let mut chosen = None;
            egui::ComboBox::from_id_salt(field.key)
                .selected_text(now)
                .width(150.0)
                .show_ui(ui, |ui| {
                    for (word, meaning) in words {
                        let text = format!("{word}: {meaning}");
                        if ui.selectable_label(now == *word, text).clicked() {
                            chosen = Some(Value::from(*word));
                        }
                    }
                })
                .response
                .labelled_by(label)
                .on_hover_text(
                    words.iter().find(|(word, _)| *word == now).map_or("", |(_, meaning)| meaning),
                );
            chosen
        }
        FieldKind::Path => {
            let mut path = value.as_str()?.to_owned();
            let edit = TextEdit::singleline(&mut path).desired_width(150.0).hint_text("no file");
            let response = ui.add(edit).labelled_by(label).on_hover_text(value.as_str().unwrap_or_default());
            response.changed().then(|| path.into())
        }
        FieldKind::Prior => {
            let mut chosen = None;
            let given = value.as_f64();
            if let Some(given) = given {
                chosen = number(ui, given, false, label).map(Value::from);
            }
            let mut estimate = given.is_none();
            if ui.checkbox(&mut estimate, "estimate").changed() {
                chosen = Some(if estimate { "estimate".into() } else { 0.3.into() });
            }
            chosen
        }
    }
}

/// A number that can be typed or dragged. Nothing is cut off: what is out of range is said.
fn number(ui: &mut Ui, value: f64, whole: bool, label: egui::Id) -> Option<f64> {
    let mut now = value;
    let speed = if whole { 0.2 } else { (value.abs() * 0.01).max(1e-6) };
    let drag = DragValue::new(&mut now)
        .speed(speed)
        .custom_formatter(|value, _| plain(value))
        .custom_parser(|text| text.trim().replace(',', ".").parse().ok());
    let drag = if whole { drag.fixed_decimals(0) } else { drag };
    let response = ui.add_sized([90.0, ui.spacing().interact_size.y], drag).labelled_by(label);
    if !response.changed() || now == value {
        return None;
    }
    if whole {
        return Some(now.round().max(0.0));
    }
    // Dragging makes long fractions; four digits are all a setting needs.
    Some(if response.dragged() { format!("{now:.3e}").parse().unwrap_or(now) } else { now })
}
