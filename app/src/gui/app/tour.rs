//! Showing the places of the tour.

use super::state::App;
use crate::gui::command::ViewCommand;
use crate::gui::model::{TOUR, TourPlace};
use crate::gui::settings::ROAD;
use crate::gui::values::SidePanel;

impl App {
    /// Shows a place of the tour in its view, with what it points at in sight; or ends it.
    pub(super) fn show_tour(&mut self, place: Option<usize>) -> anyhow::Result<()> {
        let step = place.and_then(|place| TOUR.get(place));
        self.model.tour = place.filter(|_| step.is_some());
        let Some(step) = step else { return Ok(()) };
        self.model.import = None;
        let hidden = match step.place {
            TourPlace::Road => ROAD,
            TourPlace::Queues => SidePanel::Queues.key(),
            TourPlace::View => "",
        };
        self.model.settings.hidden.remove(hidden);
        self.apply_view(ViewCommand::Tab(step.tab))
    }
}
