//! The patches on which two runs disagree most.

use eframe::egui;
use egui::Ui;
use vitrine_core::workflow::comparison::Comparison;

use super::parts::heading;
use crate::gui::command::{Command, CompareCommand};
use crate::gui::model::{Model, OpenProject};
use crate::gui::values::Load;
use crate::gui::widgets::busy;
use crate::gui::widgets::thumbnail::{Thumbnails, show_in_gallery};

/// Draws them; `chosen` is the pair that the person has chosen.
pub fn ui(
    ui: &mut Ui,
    model: &Model,
    open: &OpenProject,
    comparison: &Comparison,
    chosen: &mut Option<[String; 2]>,
    thumbnails: &mut Thumbnails,
    out: &mut Vec<Command>,
) {
    let scored: Vec<&str> = comparison
        .runs
        .iter()
        .zip(&comparison.scores)
        .filter(|(_, scores)| scores.is_some())
        .map(|(run, _)| run.name.as_str())
        .collect();
    let [first, .., last] = scored[..] else { return };
    heading(ui, "Where two runs disagree most");
    let valid = |pair: &[String; 2]| pair.iter().all(|name| scored.contains(&name.as_str()));
    let mut pair = chosen.clone().filter(valid).unwrap_or_else(|| [first.to_owned(), last.to_owned()]);
    ui.horizontal(|ui| {
        for (place, word) in ["Between", "and"].into_iter().enumerate() {
            let label = ui.label(word);
            egui::ComboBox::from_id_salt(("pair", place))
                .selected_text(pair[place].clone())
                .show_ui(ui, |ui| {
                    for name in &scored {
                        ui.selectable_value(&mut pair[place], (*name).to_owned(), *name);
                    }
                })
                .response
                .labelled_by(label.id);
        }
        ui.weak("by rank; a click shows the patch in the gallery");
    });
    *chosen = Some(pair.clone());
    if pair[0] == pair[1] {
        ui.weak("Choose two different runs.");
        return;
    }
    match model.analysis.disagreement.of(&pair) {
        Load::Ready(patches) => {
            ui.horizontal_wrapped(|ui| {
                for patch in patches {
                    let words = format!("{:.2} | {:.2}", patch.scores[0], patch.scores[1]);
                    let response = thumbnails.show(ui, open, patch.patch, 84.0, &words);
                    let response = response.on_hover_text(format!(
                        "Patch {}\n{}: score {:.3}, above {:.0} % of the patches\n{}: score {:.3}, above {:.0} %",
                        patch.patch,
                        pair[0],
                        patch.scores[0],
                        100.0 * patch.ranks[0],
                        pair[1],
                        patch.scores[1],
                        100.0 * patch.ranks[1],
                    ));
                    if response.clicked() {
                        show_in_gallery(patch.patch, out);
                    }
                }
            });
        }
        Load::Failed(failure) => {
            ui.weak(format!("{}.", crate::words::capitalised(&failure.why).trim_end_matches('.')));
        }
        Load::Loading => {
            busy(ui);
        }
        Load::NotAsked => {
            out.push(Command::Compare(CompareCommand::Disagree(pair)));
            busy(ui);
        }
    }
}
