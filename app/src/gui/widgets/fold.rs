//! Foldable sections of a view. They stay as the person left them.

use eframe::egui;
use egui::collapsing_header::CollapsingState;
use egui::{CollapsingHeader, Ui, WidgetText};

use crate::gui::command::{Command, SettingsCommand};
use crate::gui::model::Model;

/// A part that can be folded.
pub struct Fold<'a> {
    part: &'a str,
    title: WidgetText,
    first: bool,
    forced: bool,
    indented: bool,
}

impl<'a> Fold<'a> {
    /// A part under this title, folded at first. `part` is its key in the settings, where it is kept once the
    /// person has folded or opened it.
    pub fn new(part: &'a str, title: impl Into<WidgetText>) -> Self {
        Self { part, title: title.into(), first: false, forced: false, indented: true }
    }

    /// Whether it is open before a person has opened or folded it.
    pub fn open_at_first(self, first: bool) -> Self {
        Self { first, ..self }
    }

    /// Open whatever the person has done, for there is something in it to be mended.
    pub fn forced_open(self, forced: bool) -> Self {
        Self { forced, ..self }
    }

    /// What is in it stands below the title, not a little to the right of it.
    pub fn unindented(self) -> Self {
        Self { indented: false, ..self }
    }

    /// Draws the heading and, where it is open, the contents.
    pub fn show(
        self,
        ui: &mut Ui,
        model: &Model,
        out: &mut Vec<Command>,
        contents: impl FnOnce(&mut Ui, &mut Vec<Command>),
    ) {
        let Self { part, title, first, forced, indented } = self;
        let open = model.settings.folds.get(part).copied().unwrap_or(first);
        let header = CollapsingHeader::new(title)
            .id_salt(("fold", part))
            .default_open(open)
            .open(forced.then_some(true));
        let shown = match indented {
            true => header.show(ui, |ui| contents(ui, out)),
            false => header.show_unindented(ui, |ui| contents(ui, out)),
        };
        let header = shown.header_response;
        if header.clicked() && !forced {
            let open = CollapsingState::load(ui.ctx(), header.id).map_or(!open, |state| state.is_open());
            out.push(Command::Settings(SettingsCommand::Fold { part: part.to_owned(), open }));
        }
    }
}
