//! The state of something that a job reads for a view: not asked for, loading, ready, or failed with the reason.

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason, without a full stop.
    pub why: String,
    /// The person has cancelled it: nothing stands in the way of another try.
    pub cancelled: bool,
}

/// The state of something that a job reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Load<T> {
    /// It was not requested yet.
    #[default]
    NotAsked,
    /// A job is reading it.
    Loading,
    /// It is there.
    Ready(T),
    /// It could not be read; it is not asked for again by itself.
    Failed(Failure),
}

impl<T> Load<T> {
    /// Whether it was not requested yet.
    pub const fn is_not_asked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }

    /// Whether a job is reading it.
    pub const fn is_loading(&self) -> bool {
        matches!(self, Self::Loading)
    }

    /// Whether a job has ended that was to read it.
    pub const fn is_settled(&self) -> bool {
        matches!(self, Self::Ready(_) | Self::Failed(_))
    }

    /// The value, once it is there.
    pub fn ready(&self) -> Option<&T> {
        match self {
            Self::Ready(value) => Some(value),
            _ => None,
        }
    }

    /// The same with something made of the value.
    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Load<U> {
        match self {
            Self::NotAsked => Load::NotAsked,
            Self::Loading => Load::Loading,
            Self::Ready(value) => Load::Ready(of(value)),
            Self::Failed(failure) => Load::Failed(failure),
        }
    }

    /// The same with a reference to the value.
    pub fn as_ref(&self) -> Load<&T> {
        match self {
            Self::NotAsked => Load::NotAsked,
            Self::Loading => Load::Loading,
            Self::Ready(value) => Load::Ready(value),
            Self::Failed(failure) => Load::Failed(failure.clone()),
        }
    }
}

impl<T> From<Result<T, Failure>> for Load<T> {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(value) => Self::Ready(value),
            Err(failure) => Self::Failed(failure),
        }
    }
}

/// The answer to a question that changes, such as "what would this export write?". The newest question counts;
/// the last answer that came stays until there is a newer one.
#[derive(Debug, Clone)]
pub struct Asked<K, T> {
    question: Option<K>,
    answer: Load<T>,
    /// The answer before, while there is none to the newest question.
    before: Option<(K, T)>,
}

impl<K, T> Default for Asked<K, T> {
    fn default() -> Self {
        Self { question: None, answer: Load::NotAsked, before: None }
    }
}

impl<K: PartialEq, T> Asked<K, T> {
    /// Puts a new question.
    pub fn ask(&mut self, question: K) {
        let asked = self.question.replace(question);
        if let (Some(asked), Load::Ready(answer)) =
            (asked, std::mem::replace(&mut self.answer, Load::Loading))
        {
            self.before = Some((asked, answer));
        }
    }

    /// Takes up the answer to a question, unless a newer one was put since. Returns whether it was taken up.
    pub fn answer(&mut self, question: &K, answer: Result<T, Failure>) -> bool {
        let newest = self.question.as_ref() == Some(question);
        if newest {
            self.answer = answer.into();
            if self.answer.ready().is_some() {
                self.before = None;
            }
        }
        newest
    }

    /// How far the answer to this question is.
    pub fn of(&self, question: &K) -> Load<&T> {
        if self.question.as_ref() == Some(question) { self.answer.as_ref() } else { Load::NotAsked }
    }

    /// The newest question.
    pub fn question(&self) -> Option<&K> {
        self.question.as_ref()
    }

    /// How far the answer to the newest question is.
    pub fn newest(&self) -> Load<&T> {
        self.answer.as_ref()
    }

    /// The question that a job is answering now.
    pub fn pending(&self) -> Option<&K> {
        self.question.as_ref().filter(|_| self.answer.is_loading())
    }

    /// The last answer that came, with its question.
    pub fn last(&self) -> Option<(&K, &T)> {
        let newest = self.question.as_ref().zip(self.answer.ready());
        newest.or(self.before.as_ref().map(|(question, answer)| (question, answer)))
    }

    /// The last answer that came, to be changed.
    pub fn last_mut(&mut self) -> Option<&mut T> {
        match &mut self.answer {
            Load::Ready(answer) => Some(answer),
            _ => self.before.as_mut().map(|(_, answer)| answer),
        }
    }

    /// A question that could not be answered may be put again: the person has come back to it.
    pub fn retry(&mut self) {
        if matches!(self.answer, Load::Failed(_)) {
            (self.question, self.answer) = (None, Load::NotAsked);
        }
    }

    /// Forgets question and answers: they no longer hold.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_question_counts_and_the_last_answer_stays_meanwhile() {
        let mut asked = Asked::default();
        asked.ask(1);
        assert_eq!((asked.of(&1), asked.of(&2)), (Load::Loading, Load::NotAsked));
        assert!(asked.answer(&1, Ok("one")));
        asked.ask(2);
        assert_eq!(
            (asked.of(&1), asked.of(&2), asked.last()),
            (Load::NotAsked, Load::Loading, Some((&1, &"one")))
        );
        asked.ask(3);
        assert!(!asked.answer(&2, Ok("two")), "nobody waits for it any more");
        let failure = Failure { why: "the disk is gone".to_owned(), cancelled: false };
        assert!(asked.answer(&3, Err(failure.clone())));
        assert_eq!((asked.of(&3), asked.last()), (Load::Failed(failure), Some((&1, &"one"))));
        asked.retry();
        assert!(asked.of(&3).is_not_asked());
        asked.ask(3);
        assert!(asked.answer(&3, Ok("three")));
        assert_eq!((asked.of(&3), asked.last()), (Load::Ready(&"three"), Some((&3, &"three"))));
    }
}
