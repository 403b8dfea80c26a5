//! Splits: which patches are trained on, validated on and tested on.
//!
//! Stored, seeded and never changed. Patches of one micrograph go to one side, so that nothing of
//! what is validated on was seen in training; where micrographs are unknown or too few, boxes that
//! overlap stay together, and always patches with equal pixels.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::label::{Label, LabelCounts};
use crate::project::assign::{self, Groups, Lacking, Placed};
use crate::project::time::now;
use crate::project::{EntryId, MicrographId, Place, Project, SourceId, SplitId, journal, numbering};

/// The side on which a split puts a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Side {
    /// The run learns from it.
    Train = 0,
    /// It decides which epoch is best.
    Validation = 1,
    /// It is used for reporting only.
    Test = 2,
    /// On no side: imported after the split was made.
    Unused = 3,
}

impl Side {
    /// The sides in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::Test, Self::Unused];

    /// The word used in files and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::Unused => "unused",
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|side| *side as u8 == byte)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Shares of the three sides; they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fractions {
    /// Share of the training side, above 0.
    pub train: f64,
    /// Share of the validation side, above 0.
    pub validation: f64,
    /// 0 where no test side is wanted.
    pub test: f64,
}

impl Default for Fractions {
    fn default() -> Self {
        Self { train: 0.8, validation: 0.2, test: 0.0 }
    }
}

/// Which patches a split keeps on one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitMethod {
    /// Micrographs where they are known and enough, else overlapping boxes, else as [`Self::Random`].
    #[default]
    Auto,
    /// All patches of a micrograph.
    Micrograph,
    /// Boxes of a micrograph that share any area.
    Overlap,
    /// Only patches with equal pixels; parts of one particle may lie on both sides.
    Random,
    /// The sides were given by the person.
    Given,
}

impl SplitMethod {
    const ALL: [Self; 5] = [Self::Auto, Self::Micrograph, Self::Overlap, Self::Random, Self::Given];

    /// The word used in files and on screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Micrograph => "micrograph",
            Self::Overlap => "overlap",
            Self::Random => "random",
            Self::Given => "given",
        }
    }
}

/// A split to be made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SplitRequest {
    /// Its name; `None` numbers it ("split-1").
    pub name: Option<String>,
    /// Shares of the sides.
    pub fractions: Fractions,
    /// Which patches stay on one side.
    pub method: SplitMethod,
    /// Same seed, same labels, same split.
    pub seed: u64,
}

/// A split as stored, without its sides ([`Project::split_sides`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Number of the split, which it keeps.
    pub id: SplitId,
    /// Name of the split, unique in the project.
    pub name: String,
    /// When it was made, RFC 3339, UTC.
    pub created_at: String,
    /// Seed with which patches were dealt to the sides.
    pub seed: u64,
    /// What was kept together in fact; never `Auto`.
    pub method: SplitMethod,
    /// The shares that were asked for; those found differ a little.
    pub fractions: Fractions,
    /// The labels it was stratified by.
    pub journal_position: EntryId,
}

/// Labels on each side of a split, as they are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Patches of the training side.
    pub train: LabelCounts,
    /// Patches of the validation side.
    pub validation: LabelCounts,
    /// Patches of the test side.
    pub test: LabelCounts,
    /// Imported after the split was made.
    pub unused: LabelCounts,
}

const COLUMNS: &str = "id, name, created_at, seed, method, train, validation, test, journal_position";

fn split(row: &Row<'_>) -> rusqlite::Result<Split> {
    let method: String = row.get(4)?;
    Ok(Split {
        id: SplitId(row.get(0)?),
        name: row.get(1)?,
        created_at: row.get(2)?,
        seed: row.get::<_, i64>(3)?.cast_unsigned(),
        method: SplitMethod::ALL.into_iter().find(|m| m.as_str() == method).unwrap_or(SplitMethod::Given),
        fractions: Fractions { train: row.get(5)?, validation: row.get(6)?, test: row.get(7)? },
        journal_position: EntryId(row.get(8)?),
    })
}

impl Project {
    /// Makes and stores a split. Reads all pixels once, to keep equal ones together; `progress`
    /// hears how many patches were read and may stop the work with an error
    /// ([`Error::Cancelled`]).
    ///
    /// # Errors
    /// When the fractions are impossible, the name is taken, there are too few patches, only one
    /// class, or no way to give every side positives and others.
    pub fn make_split(
        &mut self,
        request: &SplitRequest,
        progress: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Split> {
        self.check_writable()?;
        let (method, sides) = self.plan_split(request, progress)?;
        let sides: Vec<u8> = sides.into_iter().map(|side| side as u8).collect();
        self.insert_split(request.name.as_deref(), request.seed, method, request.fractions, &sides)
    }

    /// The sides [`Self::make_split`] would store, and what it would keep together; stores nothing, so
    /// it works on a project opened for reading.
    ///
    /// # Errors
    /// As [`Self::make_split`], except for what storing needs.
    pub fn plan_split(
        &self,
        request: &SplitRequest,
        progress: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<(SplitMethod, Vec<Side>)> {
        let Fractions { train, validation, test } = request.fractions;
        let sum = train + validation + test;
        if !(train > 0.0 && validation > 0.0 && test >= 0.0 && (sum - 1.0).abs() < 1e-6) {
            return Err(Error::request(
                format!("train {train}, validation {validation} and test {test} are no shares of a whole"),
                "give a train and a validation share above 0 which, with test, add up to 1",
            ));
        }
        let labels = self.labels()?;
        let sides = 2 + usize::from(test > 0.0);
        self.check_classes(&labels, sides)?;
        let mut pairs = Vec::new();
        {
            // Equal pixels are looked for once, whatever else is kept together.
            let mut equal = Groups::new(labels.len());
            assign::join_equal_pixels(&mut equal, &self.pixels, progress)?;
            let (of, _) = equal.finish(&labels);
            let mut first: BTreeMap<u32, u32> = BTreeMap::new();
            for (id, group) in (0_u32..).zip(of) {
                let head = *first.entry(group).or_insert(id);
                if head != id {
                    pairs.push((head, id));
                }
            }
        }
        let places = self.places()?;
        let known = places.iter().any(|p| p.micrograph.is_some());
        let methods: &[SplitMethod] = match request.method {
            SplitMethod::Auto if known => {
                &[SplitMethod::Micrograph, SplitMethod::Overlap, SplitMethod::Random]
            }
            SplitMethod::Auto | SplitMethod::Random => &[SplitMethod::Random],
            SplitMethod::Micrograph if !known => {
                return Err(Error::request(
                    "no patch of this project has a micrograph to split by",
                    "choose the split method auto or random",
                ));
            }
            SplitMethod::Micrograph => &[SplitMethod::Micrograph],
            SplitMethod::Overlap => &[SplitMethod::Overlap],
            SplitMethod::Given => {
                return Err(Error::request(
                    "a given split needs its sides",
                    "choose auto, micrograph, overlap or random",
                ));
            }
        };
        let mut lacking = None;
        for &method in methods {
            let mut groups = Groups::new(labels.len());
            for &(a, b) in &pairs {
                groups.join(a, b);
            }
            self.join_places(&mut groups, &places, method)?;
            let (of, counts) = groups.finish(&labels);
            match assign::deal(&counts, [train, validation, test], request.seed) {
                Ok(dealt) => {
                    let side = |g: &u32| {
                        let dealt = dealt.get(*g as usize).and_then(|&s| u8::try_from(s).ok());
                        dealt.and_then(Side::from_byte).unwrap_or(Side::Unused)
                    };
                    return Ok((method, of.iter().map(side).collect()));
                }
                Err(lack) => lacking = Some((lack, method)),
            }
        }
        Err(lacking.map_or(Error::Cancelled, |(lack, method)| lacking_error(lack, method)))
    }

    /// All splits, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn splits(&self) -> Result<Vec<Split>> {
        let err = self.db.err("read the splits");
        let mut stmt = self
            .db
            .conn
            .prepare_cached(&format!("SELECT {COLUMNS} FROM splits ORDER BY id"))
            .map_err(&err)?;
        let rows = stmt.query_map([], split).map_err(&err)?;
        rows.collect::<rusqlite::Result<_>>().map_err(&err)
    }

    /// The side of every patch; those imported after the split was made are [`Side::Unused`].
    ///
    /// # Errors
    /// When there is no such split, or the database cannot be read or is damaged.
    pub fn split_sides(&self, id: SplitId) -> Result<Vec<Side>> {
        let err = self.db.err("read a split");
        let bytes: Vec<u8> = self
            .db
            .conn
            .query_row("SELECT sides FROM splits WHERE id = ?1", [id.0], |row| row.get(0))
            .optional()
            .map_err(&err)?
            .ok_or_else(|| {
                Error::request(format!("there is no split {}", id.0), "choose one of the project's splits")
            })?;
        let mut sides = Vec::with_capacity(self.len());
        for byte in bytes.into_iter().take(self.len()) {
            sides.push(Side::from_byte(byte).ok_or_else(|| {
                Error::format(
                    &self.db.path,
                    format!("split {} holds the side {byte}", id.0),
                    "restore the database from a backup",
                )
            })?);
        }
        sides.resize(self.len(), Side::Unused);
        Ok(sides)
    }

    /// How many patches of each label lie on each side, by the labels of now.
    ///
    /// # Errors
    /// As [`Project::split_sides`].
    pub fn counts_by_split(&self, id: SplitId) -> Result<SplitCounts> {
        let mut counts = SplitCounts::default();
        for (side, label) in self.split_sides(id)?.into_iter().zip(self.labels()?) {
            let on = match side {
                Side::Train => &mut counts.train,
                Side::Validation => &mut counts.validation,
                Side::Test => &mut counts.test,
                Side::Unused => &mut counts.unused,
            };
            *on.get_mut(label) += 1;
        }
        Ok(counts)
    }

    /// Enough patches and two classes, for `sides` sides.
    fn check_classes(&self, labels: &[Label], sides: usize) -> Result<()> {
        let counts = LabelCounts::of(labels.iter().copied());
        let others = counts.total() - counts.positive;
        let needed = sides as u64;
        let problem = if counts.positive == 0 {
            "no patch of this project is labelled positive".to_owned()
        } else if others == 0 {
            "all patches of this project are positive, there is nothing to tell them from".to_owned()
        } else if counts.positive < needed || others < needed {
            format!(
                "the project holds {} positive and {others} other patches, too few for {sides} sides",
                counts.positive
            )
        } else {
            return Ok(());
        };
        Err(Error::request(
            problem,
            format!("label or import at least {needed} positive and {needed} other patches"),
        ))
    }

    fn join_places(&self, groups: &mut Groups, places: &[Place], method: SplitMethod) -> Result<()> {
        let mut heads: BTreeMap<MicrographId, u32> = BTreeMap::new();
        match method {
            SplitMethod::Micrograph => {
                for (id, place) in (0_u32..).zip(places) {
                    if let Some(micrograph) = place.micrograph {
                        groups.join(*heads.entry(micrograph).or_insert(id), id);
                    }
                }
            }
            SplitMethod::Overlap => {
                let side: BTreeMap<SourceId, f64> = self
                    .sources()?
                    .into_iter()
                    .map(|s| {
                        let cut = self.size.unwrap_or(0) as f64 * s.info.bin.unwrap_or(1.0);
                        (s.id, s.info.box_size.unwrap_or(cut))
                    })
                    .collect();
                let mut boxes: BTreeMap<MicrographId, (Vec<Placed>, Vec<u32>)> = BTreeMap::new();
                for (id, place) in (0_u32..).zip(places) {
                    let Some(micrograph) = place.micrograph else { continue };
                    let (placed, nowhere) = boxes.entry(micrograph).or_default();
                    match place.xy {
                        Some((x, y)) => {
                            let side = side.get(&place.source).copied().unwrap_or(0.0);
                            placed.push(Placed { id, x, y, side });
                        }
                        None => nowhere.push(id),
                    }
                }
                for (placed, nowhere) in boxes.into_values() {
                    assign::join_overlapping(groups, &placed);
                    // A patch somewhere on the micrograph may overlap any other of it.
                    if let Some(&head) = nowhere.first() {
                        for id in nowhere.iter().copied().chain(placed.iter().map(|p| p.id)) {
                            groups.join(head, id);
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn insert_split(
        &mut self,
        name: Option<&str>,
        seed: u64,
        method: SplitMethod,
        fractions: Fractions,
        sides: &[u8],
    ) -> Result<Split> {
        let known = self.numbering;
        self.transact("store a split", |db| {
            numbering::check(db, known)?;
            let err = db.err("store a split");
            let taken = |name: &str| {
                db.conn
                    .query_row("SELECT 1 FROM splits WHERE name = ?1", [name], |_| Ok(()))
                    .optional()
                    .map(|found| found.is_some())
                    .map_err(&err)
            };
            let name = match name {
                Some(name) if taken(name)? => {
                    return Err(Error::request(
                        format!("there is a split '{name}' already"),
                        "choose another name",
                    ));
                }
                Some(name) => name.to_owned(),
                None => {
                    let mut number = 1;
                    while taken(&format!("split-{number}"))? {
                        number += 1;
                    }
                    format!("split-{number}")
                }
            };
            db.conn
                .execute(
                    "INSERT INTO splits (name, created_at, seed, method, train, validation, test, \
                     journal_position, sides) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    params![
                        name,
                        now(),
                        seed.cast_signed(),
                        method.as_str(),
                        fractions.train,
                        fractions.validation,
                        fractions.test,
                        journal::position(db)?.0,
                        sides
                    ],
                )
                .map_err(&err)?;
            db.conn
                .query_row(&format!("SELECT {COLUMNS} FROM splits WHERE name = ?1"), [&name], split)
                .map_err(&err)
        })
    }
}

fn lacking_error(lack: Lacking, method: SplitMethod) -> Error {
    let side = ["training", "validation", "test"].get(lack.side).copied().unwrap_or("test");
    let what = if lack.positives { "positives" } else { "unlabeled or negative patches" };
    let (why, remedy) = match method {
        SplitMethod::Micrograph => ("too few micrographs hold any", "label patches on more micrographs"),
        SplitMethod::Overlap => {
            ("those of one micrograph overlap in too few groups", "label patches on more micrographs")
        }
        SplitMethod::Given | SplitMethod::Auto | SplitMethod::Random => {
            ("too many are exact copies of each other", "label more patches")
        }
    };
    Error::request(format!("the {side} side of the split would have no {what}, because {why}"), remedy)
}
