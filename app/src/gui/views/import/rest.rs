//! Waits until a person stops changing a question before it is asked.

use eframe::egui::Ui;

/// How long after the last change a question is asked, seconds.
const DELAY: f64 = 0.35;

/// A question that waits, and when it last changed.
pub struct Rest<K>(Option<(f64, K)>);

impl<K> Default for Rest<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: PartialEq + Clone> Rest<K> {
    /// Nothing waits.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Whether the question is to be asked now: it has not changed for a moment, or is asked `at_once`. Otherwise a frame
    /// follows in which it may be.
    pub fn is_over(&mut self, ui: &Ui, question: &K, at_once: bool) -> bool {
        let now = ui.input(|input| input.time);
        let over = match &self.0 {
            Some((since, changed)) if changed == question => now - since >= DELAY,
            _ => {
                self.0 = Some((now, question.clone()));
                at_once
            }
        };
        if over {
            self.clear();
        } else {
            ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(DELAY));
        }
        over
    }
}
