//! Remembering how each project was viewed: opening it again restores view, sorting and filter.

use super::state::App;
use crate::gui::model::OpenProject;
use crate::gui::settings::ProjectView;
use crate::gui::values::{Filter, Order, SortKey};

impl App {
    /// Keeps how the open project is looked at, where that has changed. Called every frame.
    pub(super) fn remember_view(&mut self) {
        let Some(open) = &self.model.project else {
            self.looked_at = None;
            return;
        };
        let (tab, order) = (self.model.tab, &open.shown.order);
        // What was selected once is nothing to come back to.
        let passing = order.filter.only.is_some();
        let config = &self.model.drafts.train.config;
        let picks = self.model.drafts.pick.kept();
        let queue = self.model.analysis.queue.kept();
        if let Some(known) = &self.looked_at
            && self.kept_config == *config
            && known.tab == tab
            && known.picks == picks
            && known.queue == queue
            && (passing || known.order == *order)
        {
            return;
        }
        let order = match (&self.looked_at, passing) {
            (Some(known), true) => known.order.clone(),
            (None, true) => Order::default(),
            (_, false) => order.clone(),
        };
        if self.looked_at.is_none() || self.kept_config != *config {
            self.kept_config.clone_from(config);
        }
        let train = self.model.drafts.train.kept();
        let view = ProjectView { created: open.created.clone(), tab, order, train, picks, queue };
        self.model.settings.keep_view(&open.dir, &view);
        self.looked_at = Some(view);
    }

    /// How a project that is being opened was looked at last, as far as that still means something.
    pub(super) fn recall_view(&self, open: &OpenProject) -> ProjectView {
        let known = self.model.settings.view_of(&open.dir).filter(|view| view.created == open.created);
        let mut view = known.unwrap_or_default();
        let Order { key, filter, .. } = &mut view.order;
        if open.scores.is_none() {
            if key.needs_score() {
                *key = SortKey::default();
            }
            filter.score = None;
        }
        if open.split.is_none() {
            filter.side = None;
        }
        if let Some(kept) = &mut view.picks {
            kept.run.take_if(|name| !open.runs.iter().any(|run| run.name == *name));
        }
        let knows = |name: &String| open.runs.iter().any(|run| run.name == *name);
        view.queue.retain(|run| open.read_only.is_none() && run.from.as_ref().is_none_or(knows));
        let Filter { micrograph, source, changed_since, .. } = filter;
        *micrograph = micrograph.filter(|id| open.micrographs.iter().any(|known| known.id == *id));
        *source = source.filter(|id| open.sources.iter().any(|known| known.id == *id));
        *changed_since = changed_since.filter(|entry| *entry <= open.journal);
        view
    }
}
