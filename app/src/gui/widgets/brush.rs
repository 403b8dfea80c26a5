//! Painting a label with the pointer for as long as a key is held.

use std::collections::HashSet;
use std::hash::Hash;

use eframe::egui;
use egui::{CursorIcon, Pos2, Ui};
use vitrine_core::Label;

use crate::gui::model::Model;

/// Steps that a stroke of one frame is cut into at most.
const MAX_STEPS: f32 = 400.0;

/// The command whose key paints a label.
const fn command(label: Label) -> &'static str {
    match label {
        Label::Positive => "label.paint_positive",
        Label::Negative => "label.paint_negative",
        Label::Unlabeled => "label.paint_unlabeled",
    }
}

/// What was painted so far.
pub struct Brush<T> {
    /// In order.
    painted: Vec<T>,
    /// The same, to look up.
    covered: HashSet<T>,
    /// Where the pointer was.
    at: Option<Pos2>,
}

impl<T> Default for Brush<T> {
    fn default() -> Self {
        Self { painted: Vec::new(), covered: HashSet::new(), at: None }
    }
}

impl<T: Copy + Eq + Hash> Brush<T> {
    /// Paints what `hit` finds under the pointer and on the way to it, in steps of a given number of points: a quick hand skips
    /// nothing. Whether the key is still held.
    pub fn paint(
        &mut self,
        ui: &Ui,
        model: &Model,
        label: Label,
        step: f32,
        hit: impl Fn(Pos2) -> Option<T>,
    ) -> bool {
        let key = model.keys.key_of(command(label));
        let held = key.is_some_and(|key| ui.input(|input| input.key_down(key)));
        // What lies on the way to where the key was let go is painted too.
        let ending = key.is_some_and(|key| ui.input(|input| input.key_released(key)));
        if let Some(at) = ui.input(|input| input.pointer.hover_pos()).filter(|_| held || ending) {
            let from = self.at.unwrap_or(at);
            let steps = ((at - from).length() / step.max(1.0)).ceil().clamp(1.0, MAX_STEPS) as usize;
            for part in 0..=steps {
                let point = from + (at - from) * (part as f32 / steps as f32);
                if let Some(found) = hit(point).filter(|&found| self.covered.insert(found)) {
                    self.painted.push(found);
                }
            }
            self.at = Some(at);
            ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
        }
        held
    }

    /// Ends it, and hands over what was painted.
    pub fn take(&mut self) -> Vec<T> {
        std::mem::take(self).painted
    }

    /// What was painted so far.
    pub const fn covered(&self) -> &HashSet<T> {
        &self.covered
    }

    /// Whether nothing was painted yet.
    pub fn is_empty(&self) -> bool {
        self.painted.is_empty()
    }
}
