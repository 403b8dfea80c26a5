//! Notices: sentences that tell the person what happened, each with a button for the next step where there is
//! one.

use std::time::{Duration, Instant};

use crate::gui::command::Command;

/// The severity of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something that was asked for is done.
    Done,
    /// Something to know.
    Warning,
    /// Something did not work.
    Error,
}

/// A sentence on the screen.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Number of the notice, to dismiss it.
    pub id: u64,
    /// The severity.
    pub kind: NoticeKind,
    /// What happened, where, and what to do.
    pub text: String,
    /// What can be done next: the text of each button, and its command.
    pub actions: Vec<(String, Command)>,
    /// When the notice appeared.
    pub at: Instant,
    /// When a person was first at the window with it on the screen.
    seen: Option<Instant>,
    /// The project that was open then.
    project: Option<u64>,
}

impl Notice {
    /// How long the notice stays; `None` until it is dismissed or its project closed. A problem stays for some minutes in
    /// which a person is at the window, and an offer long enough to read and take it.
    fn lasts(&self) -> Option<Duration> {
        match (self.kind, self.actions.is_empty()) {
            (NoticeKind::Done, true) => Some(Duration::from_secs(6)),
            (NoticeKind::Done, false) | (NoticeKind::Warning, true) => Some(Duration::from_secs(20)),
            (NoticeKind::Error, true) => Some(Duration::from_secs(120)),
            // What offers the way out of trouble waits for an answer.
            (NoticeKind::Warning | NoticeKind::Error, false) => None,
        }
    }

    /// How much of that is left. The time of a problem begins when somebody is there to read it.
    fn left(&self) -> Option<Duration> {
        let since = if self.kind == NoticeKind::Error { self.seen? } else { self.at };
        self.lasts().map(|lasts| lasts.saturating_sub(since.elapsed()))
    }
}

/// The notices, oldest first.
#[derive(Debug, Default)]
pub struct Notices {
    shown: Vec<Notice>,
    next: u64,
    /// The open project, for the notices that come.
    project: Option<u64>,
}

/// More notices at a time than a person reads.
const MAX_SHOWN: usize = 5;

impl Notices {
    /// Those on the screen, oldest first.
    pub fn shown(&self) -> &[Notice] {
        &self.shown
    }

    /// Says that something is done.
    pub fn done(&mut self, text: impl Into<String>) {
        self.push(NoticeKind::Done, text.into(), None);
    }

    /// Says something to know.
    pub fn warning(&mut self, text: impl Into<String>) {
        self.push(NoticeKind::Warning, text.into(), None);
    }

    /// Says that something did not work.
    pub fn error(&mut self, text: impl Into<String>) {
        self.push(NoticeKind::Error, text.into(), None);
    }

    /// Says something and offers a next step.
    pub fn push(&mut self, kind: NoticeKind, text: String, action: Option<(String, Command)>) {
        self.offer(kind, text, action.into_iter().collect());
    }

    /// Says something and offers several steps.
    pub fn offer(&mut self, kind: NoticeKind, text: String, actions: Vec<(String, Command)>) {
        match kind {
            NoticeKind::Done => tracing::debug!(notice = %text),
            NoticeKind::Warning => tracing::warn!(notice = %text),
            NoticeKind::Error => tracing::error!(notice = %text),
        }
        // The same sentence again is one notice that begins anew.
        self.shown.retain(|notice| notice.text != text);
        self.next += 1;
        let (id, at, project) = (self.next, Instant::now(), self.project);
        self.shown.push(Notice { id, kind, text, actions, at, seen: None, project });
        if self.shown.len() > MAX_SHOWN {
            // Errors are the last to be pushed out.
            let at = self.shown.iter().position(|n| n.kind != NoticeKind::Error).unwrap_or(0);
            self.shown.remove(at);
        }
    }

    /// Takes one away.
    pub fn dismiss(&mut self, id: u64) {
        self.shown.retain(|notice| notice.id != id);
    }

    /// Another project is open from now on, or none. What was said of the one before goes with it.
    pub fn turn_to(&mut self, project: Option<u64>) {
        self.shown.retain(|notice| notice.project.is_none() || notice.project == project);
        self.project = project;
    }

    /// Makes all of them this much older, for tests.
    pub fn age(&mut self, by: Duration) {
        for notice in &mut self.shown {
            notice.at = notice.at.checked_sub(by).unwrap_or(notice.at);
            notice.seen = notice.seen.map(|seen| seen.checked_sub(by).unwrap_or(seen));
        }
    }

    /// A person is at the window and can read what is on the screen.
    pub fn seen(&mut self) {
        for notice in &mut self.shown {
            notice.seen.get_or_insert_with(Instant::now);
        }
    }

    /// Takes away those that offer something which is no longer what it says.
    pub fn withdraw(&mut self, outdated: impl Fn(&Command) -> bool) {
        self.shown.retain(|notice| !notice.actions.iter().any(|(_, command)| outdated(command)));
    }

    /// Takes away those whose time is over; how long until the next goes.
    pub fn expire(&mut self) -> Option<Duration> {
        self.shown.retain(|notice| notice.left().is_none_or(|left| left > Duration::ZERO));
        self.shown.iter().filter_map(Notice::left).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gui::command::ProjectCommand;

    #[test]
    fn an_offer_stays_longer_than_what_only_tells_and_a_way_out_until_it_is_answered() {
        let mut notices = Notices::default();
        let offer = || Some(("Close".to_owned(), Command::Project(ProjectCommand::Close)));
        for (kind, action) in [
            (NoticeKind::Done, None),
            (NoticeKind::Done, offer()),
            (NoticeKind::Warning, offer()),
            (NoticeKind::Error, None),
        ] {
            notices.push(kind, format!("{kind:?} {}", action.is_some()), action);
        }
        let lasts: Vec<_> = notices.shown().iter().map(|n| n.lasts().map(|time| time.as_secs())).collect();
        assert_eq!(lasts, [Some(6), Some(20), None, Some(120)]);
    }

    #[test]
    fn what_was_said_of_a_project_goes_with_it() {
        let mut notices = Notices::default();
        notices.warning("of the window");
        notices.turn_to(Some(1));
        let offer = Some(("Resume it".to_owned(), Command::Project(ProjectCommand::Close)));
        notices.push(NoticeKind::Warning, "of the first project".to_owned(), offer);
        notices.error("trouble of the first project");
        notices.turn_to(Some(1));
        assert_eq!(notices.shown().len(), 3);
        notices.turn_to(None);
        let texts: Vec<_> = notices.shown().iter().map(|n| n.text.as_str()).collect();
        assert_eq!(texts, ["of the window"]);
    }

    #[test]
    fn the_time_of_a_problem_begins_when_somebody_is_there() {
        let mut notices = Notices::default();
        notices.error("the disk is full");
        assert_eq!(notices.expire(), None, "nobody has seen it");
        notices.seen();
        let left = notices.expire().map(|left| left.as_secs());
        assert!(left.is_some_and(|left| (110..=120).contains(&left)), "{left:?}");
    }
}
