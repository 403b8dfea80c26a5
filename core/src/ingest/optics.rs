//! Which optics and which defocus the patches of an import get: those of their own table, else those
//! of the table of micrographs, else those on which all others agree.

use std::collections::{BTreeMap, HashMap};

use super::mic::{Mic, Planned};
use crate::formats::{OpticsGroup, PickTable};

/// Column by which a pick refers to its optics group.
const GROUP: &str = "rlnOpticsGroup";

/// Columns that belong to a micrograph rather than to a particle, unless a refinement has made them
/// differ within one.
pub(super) const OF_MICROGRAPH: [&str; 8] = [
    "rlnDefocusU",
    "rlnDefocusV",
    "rlnDefocusAngle",
    "rlnCtfAstigmatism",
    "rlnPhaseShift",
    "rlnCtfBfactor",
    "rlnCtfScalefactor",
    "rlnCtfFigureOfMerit",
];

/// The optics groups of one table of picks, and of the micrographs on which they lie.
pub(super) struct TableOptics {
    /// The groups; those of the table come first.
    pub groups: Vec<OpticsGroup>,
    by_number: HashMap<String, usize>,
    by_mic: HashMap<usize, usize>,
}

impl TableOptics {
    /// Collects the groups of the table at `at`.
    pub fn of(table: &PickTable, at: usize, mics: &[Mic]) -> Self {
        let mut optics =
            Self { groups: table.optics.clone(), by_number: HashMap::new(), by_mic: HashMap::new() };
        for (number, group) in table.optics.iter().enumerate() {
            if let Some(name) = group.columns.get(GROUP) {
                optics.by_number.insert(name.clone(), number);
            }
        }
        for (number, mic) in mics.iter().enumerate() {
            if let Some(group) = &mic.optics
                && mic.picks.iter().any(|pick| pick.table == at)
            {
                let index = place(&mut optics.groups, group);
                optics.by_mic.insert(number, index);
            }
        }
        optics
    }

    /// Index of the group of a pick on micrograph `mic`.
    pub fn find(&self, table: &PickTable, pick: &Planned, mic: usize) -> Option<usize> {
        let number = table.picks.get(pick.row).and_then(|pick| pick.columns.get(GROUP));
        number.and_then(|number| self.by_number.get(number)).or_else(|| self.by_mic.get(&mic)).copied()
    }
}

/// The optics groups of the pool, and what its patches take from their micrographs.
pub(super) struct PoolOptics {
    /// The optics groups; patches name them by index.
    pub groups: Vec<OpticsGroup>,
    of_mic: Vec<Option<usize>>,
    columns: Vec<BTreeMap<String, String>>,
}

impl PoolOptics {
    /// A micrograph's group is that of its picks where these agree, else that of the table of
    /// micrographs; a micrograph without either takes the group on which all others agree.
    pub fn of(mics: &[Mic], tables: &[PickTable], optics: &[TableOptics]) -> Self {
        let mut found: Vec<Option<OpticsGroup>> = Vec::with_capacity(mics.len());
        for (at, mic) in mics.iter().enumerate() {
            let mut of_picks = mic.picks.iter().map(|pick| {
                let (table, optics) = (tables.get(pick.table)?, optics.get(pick.table)?);
                optics.groups.get(optics.find(table, pick, at)?)
            });
            let first = of_picks.next().flatten();
            let agreed = first.filter(|_| of_picks.all(|group| group == first)).cloned();
            found.push(agreed.or_else(|| mic.optics.clone()));
        }
        let mut known = found.iter().flatten();
        let first = known.next().cloned();
        let common = first.clone().filter(|_| known.all(|group| Some(group) == first.as_ref()));
        let mut pool = Self { groups: Vec::new(), of_mic: Vec::new(), columns: Vec::new() };
        for (mic, group) in mics.iter().zip(found) {
            let group = group.or_else(|| common.clone());
            pool.of_mic.push(group.map(|group| place(&mut pool.groups, &group)));
            pool.columns.push(columns(mic, tables));
        }
        pool
    }

    /// Index of the group of a micrograph.
    pub fn group(&self, mic: usize) -> Option<usize> {
        self.of_mic.get(mic).copied().flatten()
    }

    /// Columns that a patch takes from its micrograph.
    pub fn columns(&self, mic: usize) -> BTreeMap<String, String> {
        self.columns.get(mic).cloned().unwrap_or_default()
    }
}

/// What the table of micrographs says of one, else the defocus on which all its picks agree.
fn columns(mic: &Mic, tables: &[PickTable]) -> BTreeMap<String, String> {
    let mut columns = mic.table.as_ref().map(|table| table.columns.clone()).unwrap_or_default();
    let cell = |pick: &Planned, name: &str| {
        tables.get(pick.table).and_then(|t| t.picks.get(pick.row)).and_then(|p| p.columns.get(name))
    };
    for name in OF_MICROGRAPH {
        let mut values = mic.picks.iter().map(|pick| cell(pick, name));
        if let Some(Some(first)) = values.next()
            && !columns.contains_key(name)
            && values.all(|value| value == Some(first))
        {
            columns.insert(name.to_owned(), first.clone());
        }
    }
    columns
}

/// Index of a group, which is added where it is new.
fn place(groups: &mut Vec<OpticsGroup>, group: &OpticsGroup) -> usize {
    groups.iter().position(|known| known == group).unwrap_or_else(|| {
        groups.push(group.clone());
        groups.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::Pick;
    use crate::label::Label;

    fn group(voltage: &str) -> OpticsGroup {
        let columns = [(GROUP.to_owned(), "1".to_owned()), ("rlnVoltage".to_owned(), voltage.to_owned())];
        OpticsGroup { pixel_size: None, columns: columns.into() }
    }

    fn pick(defocus: &str) -> Pick {
        let columns = [(GROUP.to_owned(), "1".to_owned()), ("rlnDefocusU".to_owned(), defocus.to_owned())];
        Pick { columns: columns.into(), ..Pick::default() }
    }

    fn planned(table: usize, row: usize) -> Planned {
        Planned { table, row, xy: (0.0, 0.0), label: Label::Positive, score: None }
    }

    #[test]
    fn a_micrograph_without_picks_takes_the_optics_of_all_others() {
        let table = PickTable {
            optics: vec![group("300.0")],
            picks: vec![pick("15000.5"), pick("15000.5"), pick("9000"), pick("9100")],
            ..PickTable::default()
        };
        let mut mics: Vec<Mic> = (0..3).map(|_| Mic::default()).collect();
        mics[0].picks = vec![planned(0, 0), planned(0, 1)];
        mics[1].picks = vec![planned(0, 2), planned(0, 3)];
        let tables = [table];
        let optics = [TableOptics::of(&tables[0], 0, &mics)];
        let pool = PoolOptics::of(&mics, &tables, &optics);
        assert_eq!(pool.groups, [group("300.0")]);
        assert_eq!([0, 1, 2].map(|mic| pool.group(mic)), [Some(0); 3]);
        // One defocus for the whole micrograph belongs to it; several belong to the particles.
        assert_eq!(pool.columns(0).get("rlnDefocusU").map(String::as_str), Some("15000.5"));
        assert!(pool.columns(1).is_empty() && pool.columns(2).is_empty());

        // Two microscopes: the optics are not guessed, but a table of micrographs may give them.
        mics[1].optics = Some(group("200.0"));
        mics[1].picks.clear();
        let optics = [TableOptics::of(&tables[0], 0, &mics)];
        let pool = PoolOptics::of(&mics, &tables, &optics);
        assert_eq!([0, 1, 2].map(|mic| pool.group(mic)), [Some(0), Some(1), None]);
    }

    #[test]
    fn picks_without_optics_take_those_of_the_table_of_micrographs() {
        let table = PickTable { picks: vec![Pick::default()], ..PickTable::default() };
        let mics = [Mic { optics: Some(group("300.0")), picks: vec![planned(0, 0)], ..Mic::default() }];
        let optics = TableOptics::of(&table, 0, &mics);
        assert_eq!(optics.find(&table, &planned(0, 0), 0), Some(0));
        assert_eq!(optics.groups, [group("300.0")]);
    }
}
