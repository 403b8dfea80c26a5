//! The current patch, the selection, and what is shown.

use std::sync::Arc;

use vitrine_core::project::{PatchId, ScoreKind};
use vitrine_core::{Error, Label, Remedy};

use super::outcome::{Outcome, ReviewOutcome};
use super::state::App;
use crate::gui::command::{Command, QueueCommand, SelectCommand, ViewCommand};
use crate::gui::jobs::JobKind;
use crate::gui::model::{CurrentScores, GalleryGrid, NoticeKind, OpenProject, arrange};
use crate::gui::values::{Filter, Order, SortKey, Tab};
use crate::words;

impl App {
    pub(super) fn apply_select(&mut self, command: SelectCommand) {
        let GalleryGrid { columns, rows, .. } = self.model.gallery;
        let Some(open) = self.model.project.as_mut() else { return };
        let ids = Arc::clone(&open.shown.ids);
        let last = ids.len().saturating_sub(1);
        if command.moves_on() {
            open.drop_labelled();
        }
        let shown = &mut open.shown;
        match command {
            SelectCommand::Step(by) => shown.cursor = moved(shown.cursor, by, last),
            SelectCommand::Rows(by) => {
                let to = shown.cursor as i64 + by.saturating_mul(columns as i64);
                // Up from the first row and down from the last stay where they are.
                if (0..=last as i64).contains(&to) {
                    shown.cursor = to as usize;
                }
            }
            SelectCommand::Screens(by) => {
                shown.cursor = moved(shown.cursor, by.saturating_mul((rows * columns) as i64), last);
            }
            SelectCommand::Place(place) => shown.cursor = place.min(last),
            SelectCommand::Toggle(patch) => open.selection.set(patch, !open.selection.contains(patch)),
            SelectCommand::Range(from, to) => {
                let (from, to) = (from.min(to), from.max(to).min(last));
                open.selection.extend(ids.get(from..=to).unwrap_or_default().iter().copied());
            }
            SelectCommand::Only(patches) => {
                open.selection.clear();
                open.selection.extend(patches);
            }
            SelectCommand::Add(patches) => open.selection.extend(patches),
            // They need the store or a job.
            SelectCommand::Patch(_)
            | SelectCommand::ShowThese(_)
            | SelectCommand::Similar
            | SelectCommand::Show => {}
            SelectCommand::All => open.selection.extend(ids.iter().copied()),
            SelectCommand::AllAbove => {
                let above = ids.iter().take(shown.cursor + 1).copied();
                open.selection.extend(above);
            }
            SelectCommand::Invert => open.selection.invert(&ids),
            SelectCommand::Clear if self.model.gallery.large => self.model.gallery.large = false,
            SelectCommand::Clear => open.selection.clear(),
        }
    }

    /// Goes to a patch; a queue or filter that hides it is left, with the way back offered.
    pub(super) fn go_to_patch(&mut self, patch: PatchId) -> anyhow::Result<()> {
        let open = self.open()?;
        open.drop_labelled();
        if open.shown.go_to(patch) || patch as usize >= open.len() {
            return Ok(());
        }
        let before = open.shown.order.clone();
        let (what, back) = hider(open);
        let hidden_by = match &what {
            Hider::Queue(title) => format!("is not in the queue \"{title}\""),
            Hider::Filter => "was hidden by the filter".to_owned(),
        };
        self.request_order(Order { filter: Filter::default(), ..before })?;
        self.open()?.wanted = Some(patch);
        let text = format!("Patch {patch} {hidden_by}. All patches are shown now.");
        self.model.notices.push(NoticeKind::Done, text, Some(back));
        Ok(())
    }

    /// Selects exactly these patches and shows the gallery with them in sight: where a queue or filter
    /// hides some, they and no others are shown, with the way back offered.
    pub(super) fn show_these(&mut self, patches: &[PatchId]) -> anyhow::Result<()> {
        let open = self.open()?;
        let count = open.len();
        open.selection.clear();
        open.selection.extend(patches.iter().copied().filter(|&patch| (patch as usize) < count));
        if open.selection.is_empty() {
            anyhow::bail!("the project has none of these patches; run the diagnosis again");
        }
        open.count_hidden();
        if open.hidden.count == 0 {
            let first = open.shown.ids.iter().position(|&id| open.selection.contains(id));
            open.shown.cursor = first.unwrap_or(open.shown.cursor);
            self.model.tab = Tab::Gallery;
        } else {
            let (hidden, selected) = (open.hidden.count as u64, open.selection.len() as u64);
            let first = open.selection.iter().next();
            let (what, back) = hider(open);
            let by = match what {
                Hider::Queue(title) => format!("not in the queue \"{title}\""),
                Hider::Filter => "hidden by the filter".to_owned(),
            };
            self.show_selected()?;
            self.open()?.wanted = first;
            let were = if hidden == 1 { "was" } else { "were" };
            let text = format!(
                "{} of the {} selected patches {were} {by}. Only the selected ones are shown now.",
                words::count(hidden),
                words::count(selected)
            );
            self.model.notices.push(NoticeKind::Done, text, Some(back));
        }
        self.model.gallery.large = false;
        Ok(())
    }

    /// Filters by what is selected now.
    pub(super) fn show_selected(&mut self) -> anyhow::Result<()> {
        let open = self.open()?;
        if open.selection.is_empty() {
            anyhow::bail!("nothing is selected; select some patches first");
        }
        let only = Some(Arc::new(open.selection.iter().collect()));
        let order = Order { filter: Filter { only, ..Filter::default() }, ..open.shown.order.clone() };
        self.request_order(order)?;
        self.model.tab = Tab::Gallery;
        Ok(())
    }

    /// Sorts by `key`, its natural end first; by the same key again, shuffled anew or turned around.
    fn sort_by(&mut self, key: SortKey) -> anyhow::Result<()> {
        let now = self.open()?.shown.order.clone();
        let order = match (now.key == key, key) {
            (true, SortKey::Random) => Order { seed: now.seed.wrapping_add(1), ..now },
            (true, _) => Order { descending: !now.descending, ..now },
            (false, _) => Order { key, descending: key.descends_first(), ..now },
        };
        self.request_order(order)?;
        self.model.tab = Tab::Gallery;
        Ok(())
    }

    /// Shows patches with this label besides what else is filtered by; without one, all patches.
    fn show_label(&mut self, label: Option<Label>) -> anyhow::Result<()> {
        let now = self.open()?.shown.order.clone();
        let filter = match label {
            Some(label) => Filter { labels: vec![label], ..now.filter },
            None => Filter::default(),
        };
        self.request_order(Order { filter, ..now })?;
        self.model.tab = Tab::Gallery;
        Ok(())
    }

    pub(super) fn apply_view(&mut self, command: ViewCommand) -> anyhow::Result<()> {
        match command {
            ViewCommand::Tab(tab) => {
                if self.model.tab != tab {
                    self.model.analysis.retry();
                }
                self.model.tab = tab;
                if tab == Tab::Micrographs {
                    self.begin_micrographs();
                }
                if tab == Tab::Export {
                    self.begin_export();
                }
            }
            ViewCommand::Overlay(overlay) => {
                self.model.overlay = overlay;
            }
            ViewCommand::Tour(place) => self.show_tour(place)?,
            ViewCommand::Order(order) => self.request_order(*order)?,
            ViewCommand::Rearrange => {
                let order = self.open()?.shown.order.clone();
                self.request_order(order)?;
            }
            ViewCommand::Sort(key) => self.sort_by(key)?,
            ViewCommand::ShowLabel(label) => self.show_label(label)?,
            ViewCommand::Large => self.model.gallery.large = !self.model.gallery.large,
            ViewCommand::Grid { columns, rows } => {
                (self.model.gallery.columns, self.model.gallery.rows) = (columns.max(1), rows.max(1));
            }
            ViewCommand::Examine(run) => {
                self.model.drafts.diagnosis.run = Some(run);
                self.apply_view(ViewCommand::Tab(Tab::Diagnosis))?;
            }
            ViewCommand::Detail(patch) => self.read_detail(patch)?,
            ViewCommand::Micrograph(patch) => self.read_micrograph(patch)?,
            ViewCommand::Queue(command) => self.apply_queue(command)?,
            ViewCommand::Scores(run) => {
                let open = self.open()?;
                let Some(name) = open.runs.iter().find(|r| r.id == run).map(|r| r.name.clone()) else {
                    anyhow::bail!("that run is no longer in the project; reload it");
                };
                let (store, scope) = (self.handle()?, self.scope());
                self.jobs.spawn(
                    JobKind::Scores,
                    scope,
                    format!("Reading the scores of {name}"),
                    move |_| {
                        let Some(values) = store.scores(run, ScoreKind::Teacher)? else {
                            let why = format!("the run {name} has no scores yet");
                            return Err(Error::request(why, Remedy::ScoreFirst { run: name }).into());
                        };
                        let scores = CurrentScores { run, name, values: Arc::new(values) };
                        Ok(Outcome::Review(ReviewOutcome::Scores(scores)))
                    },
                )?;
            }
        }
        Ok(())
    }

    /// Sorts and filters on a job's thread; what was asked for last is what counts.
    pub(super) fn request_order(&mut self, order: Order) -> anyhow::Result<()> {
        let open = self.open()?;
        if open.scores.is_none() && (order.key.needs_score() || order.filter.score.is_some()) {
            let why = format!("no run has scored this project yet, so {} is not known", order.key.as_str());
            return Err(Error::request(why, Remedy::TrainFirst).into());
        }
        // Asked for: shown from now on as the choice, while the patches follow.
        open.shown.order = order.clone();
        open.queue = None;
        open.wanted = None;
        let mut input = open.order_input();
        let then = match order.filter.changed_since {
            Some(since) => Some((self.handle()?, since)),
            None => None,
        };
        self.jobs.spawn(JobKind::Order, self.scope(), "Sorting", move |_| {
            if let Some((store, since)) = then {
                input.then = Some(Arc::new(store.labels_at(since)?));
            }
            let ids = arrange(&order, &input);
            Ok(Outcome::Review(ReviewOutcome::Arranged { order, ids }))
        })?;
        Ok(())
    }

    pub(super) fn take_order(&mut self, order: Order, ids: Vec<PatchId>) {
        let Some(open) = self.model.project.as_mut() else { return };
        if open.shown.order != order || open.queue.is_some() {
            return;
        }
        let current = open.wanted.take().or(open.shown.current());
        open.shown.cursor = current.and_then(|patch| ids.iter().position(|&id| id == patch)).unwrap_or(0);
        open.shown.ids = Arc::new(ids);
        open.shown.stale = false;
    }

    pub(super) fn take_scores(&mut self, scores: CurrentScores) {
        let Some(open) = self.model.project.as_mut() else { return };
        open.on_micrographs.take_scores(&scores.values);
        open.scores = Some(scores);
        if open.shown.order.key.needs_score() || open.shown.order.filter.score.is_some() {
            open.shown.stale = true;
        }
    }
}

/// What keeps patches out of the gallery.
enum Hider {
    /// The review queue of this title.
    Queue(&'static str),
    /// The filter.
    Filter,
}

/// What keeps patches out of the gallery now, and the way back to it: words of a button and its command.
fn hider(open: &OpenProject) -> (Hider, (String, Command)) {
    let (what, words, back) = match &open.queue {
        Some(queue) => {
            let kind = queue.queue.kind;
            let back = ViewCommand::Queue(QueueCommand::Enter(kind));
            (Hider::Queue(kind.title()), "Back to the queue", back)
        }
        None => (Hider::Filter, "Filter again", ViewCommand::Order(Box::new(open.shown.order.clone()))),
    };
    (what, (words.to_owned(), Command::View(back)))
}

/// `by` places further, within `0..=last`.
fn moved(from: usize, by: i64, last: usize) -> usize {
    let to = (from as i64).saturating_add(by).max(0);
    usize::try_from(to).unwrap_or(usize::MAX).min(last)
}
