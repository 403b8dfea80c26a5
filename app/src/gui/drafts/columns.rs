//! The part of the import draft about a table of picks: which of its columns hold what.

use std::path::{Path, PathBuf};

use vitrine_core::formats::{Column, PickColumns};

/// The columns chosen for a table, by their places, counted from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnsDraft {
    /// The file or folder for which they were chosen.
    pub of: PathBuf,
    /// Centre, from the left.
    pub x: Option<usize>,
    /// Centre, along the rows.
    pub y: Option<usize>,
    /// Name of the micrograph.
    pub micrograph: Option<usize>,
    /// Score of the picker.
    pub score: Option<usize>,
}

impl ColumnsDraft {
    /// Those chosen for `table`; none where they were chosen for another one.
    pub fn of(&self, table: &Path) -> Self {
        if self.of == table { self.clone() } else { Self { of: table.to_owned(), ..Self::default() } }
    }

    /// What is wrong with the choice; `None` for none at all, and for one that can be used.
    pub fn complaint(&self) -> Option<&'static str> {
        match (self.x, self.y) {
            (None, None) if self.micrograph.is_none() && self.score.is_none() => None,
            (None, _) => Some("choose the column of x too"),
            (_, None) => Some("choose the column of y too"),
            (Some(x), Some(y)) if x == y => Some("x and y cannot be in one column"),
            _ => None,
        }
    }

    /// What is asked for; `None` where nothing or too little was chosen.
    pub fn columns(&self) -> Option<PickColumns> {
        let column = |at: usize| Column::Number(at + 1);
        let (x, y) = self.x.zip(self.y).filter(|(x, y)| x != y)?;
        Some(PickColumns {
            x: column(x),
            y: column(y),
            micrograph: self.micrograph.map(column),
            score: self.score.map(column),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_for_their_table_and_only_when_x_and_y_are_chosen() {
        let table = Path::new("a.csv");
        let mut draft = ColumnsDraft::default().of(table);
        assert_eq!((draft.columns(), draft.complaint()), (None, None));
        draft.x = Some(2);
        assert_eq!((draft.columns(), draft.complaint()), (None, Some("choose the column of y too")));
        draft.y = Some(2);
        assert_eq!((draft.columns(), draft.complaint()), (None, Some("x and y cannot be in one column")));
        (draft.y, draft.score) = (Some(3), Some(0));
        assert_eq!(draft.columns(), Some("x=3,y=4,score=1".parse().unwrap()));
        assert_eq!(draft.of(table), draft);
        assert_eq!(draft.of(Path::new("b.csv")).columns(), None);
    }
}
