//! The view of whole micrographs: which one is shown, what was read for it, and what is being added.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use vitrine_core::imaging::Pyramid;
use vitrine_core::project::MicrographId;

use super::open::OpenProject;
use super::picks::{PicksState, rules_of};
use crate::gui::command::MarkPlaces;
use crate::gui::drafts::PickDraft;
use crate::gui::values::{Failure, Go, Load, MicrographSort, PictureKey};

/// Micrographs in memory at most, unless they are small.
const MAX_PICTURES: usize = 5;
/// Bytes of pictures kept beside the one on the screen.
const MAX_BYTES: usize = 800 << 20;
/// Thumbnails kept before all are read again.
const MAX_THUMBNAILS: usize = 4000;

/// A micrograph ready to be drawn.
#[derive(Debug)]
pub struct MicrographPicture {
    /// The picture at several resolutions, the finest first.
    pub pyramid: Pyramid,
    /// Px of the micrograph that make one of the finest level.
    pub bin: usize,
    /// Columns and rows of the micrograph, px.
    pub size: (usize, usize),
    /// Å per px where the file says so.
    pub pixel_size: Option<f64>,
    /// Only some of its rows were read.
    pub is_rough: bool,
}

/// A small picture for the list, in grey.
#[derive(Debug)]
pub struct SmallPicture {
    /// Columns and rows.
    pub size: [usize; 2],
    /// Grey values, row by row.
    pub grey: Vec<u8>,
}

/// Places on their way into the project.
#[derive(Debug, Clone)]
pub struct Marking {
    /// Number of the request.
    pub serial: u64,
    /// What is marked.
    pub mark: MarkPlaces,
    /// A job is cutting them.
    pub under_way: bool,
}

/// The view of whole micrographs.
#[derive(Debug, Default)]
pub struct MicrographsState {
    /// The one shown.
    pub current: Option<MicrographId>,
    /// Those chosen in the list, to be picked on together; one alone is no choice.
    pub chosen: BTreeSet<MicrographId>,
    /// What the list is sorted by, and whether the largest come first.
    pub sort: (MicrographSort, bool),
    /// Places of the micrographs in the project's list, as they are listed.
    pub order: Arc<Vec<usize>>,
    /// The last order to move the view and its number, which goes up with each.
    pub go: (u64, Go),
    /// Places that are not in the project yet, oldest first.
    pub marking: Vec<Marking>,
    pictures: Vec<(PictureKey, Load<Arc<MicrographPicture>>)>,
    /// Some rows of the one shown, until all of it is read.
    rough: Option<(MicrographId, Arc<MicrographPicture>)>,
    thumbnails: HashMap<MicrographId, Option<Arc<SmallPicture>>>,
}

impl MicrographsState {
    /// Sorts the list anew.
    pub fn arrange(&mut self, open: &OpenProject, picks: &PicksState, draft: &PickDraft) {
        let (sort, descending) = self.sort;
        let on = &open.on_micrographs;
        let mut order: Vec<usize> = (0..open.micrographs.len()).collect();
        let id = |&at: &usize| open.micrographs.get(at).map_or(MicrographId(0), |mic| mic.id);
        match sort {
            MicrographSort::Import => {}
            MicrographSort::Name => {
                order.sort_by_key(|&at| open.micrographs.get(at).map(|mic| mic.name.as_str()));
            }
            MicrographSort::Positives => order.sort_by_key(|at| on.counts(id(at)).positive),
            MicrographSort::Negatives => order.sort_by_key(|at| on.counts(id(at)).negative),
            MicrographSort::Patches => order.sort_by_key(|at| on.patches(id(at)).len()),
            MicrographSort::Score => {
                // Without a score at the end, whichever way the others go.
                let none = if descending { f64::NEG_INFINITY } else { f64::INFINITY };
                let score = |at: &usize| on.mean_score(id(at)).unwrap_or(none);
                order.sort_by(|a, b| score(a).total_cmp(&score(b)));
            }
            MicrographSort::Threshold => {
                let (rules, common) = (rules_of(open, draft), f64::from(draft.threshold));
                let threshold = |at: &usize| rules.map_or(common, |rules| rules.threshold(id(at), common));
                order.sort_by(|a, b| threshold(a).total_cmp(&threshold(b)));
            }
            MicrographSort::Shift => {
                let none = if descending { f64::NEG_INFINITY } else { f64::INFINITY };
                let each = picks.surveyed(open, draft).map(|surveyed| &surveyed.each);
                let shift = |at: &usize| each.and_then(|each| each.get(&id(at))?.shift).unwrap_or(none);
                order.sort_by(|a, b| shift(a).total_cmp(&shift(b)));
            }
            MicrographSort::State => order.sort_by_key(|at| open.progress(id(at))),
        }
        if descending {
            order.reverse();
        }
        self.order = Arc::new(order);
    }

    /// Adds a micrograph to those chosen, or takes it out. The one that is shown is chosen with the first.
    pub fn choose_also(&mut self, micrograph: MicrographId) {
        if self.chosen.is_empty() {
            self.chosen.extend(self.current);
        }
        if !self.chosen.remove(&micrograph) {
            self.chosen.insert(micrograph);
        }
    }

    /// Chooses all from the one shown to this one, as they are listed.
    pub fn choose_through(&mut self, open: &OpenProject, micrograph: MicrographId) {
        let shown = self.current.unwrap_or(micrograph);
        if let (Some(a), Some(b)) = (self.place(open, shown), self.place(open, micrograph)) {
            let rows = self.order.get(a.min(b)..=a.max(b)).unwrap_or_default();
            self.chosen = rows.iter().filter_map(|&at| open.micrographs.get(at)).map(|mic| mic.id).collect();
        }
    }

    /// Place of a micrograph in the list.
    pub fn place(&self, open: &OpenProject, micrograph: MicrographId) -> Option<usize> {
        self.order.iter().position(|&at| open.micrographs.get(at).is_some_and(|mic| mic.id == micrograph))
    }

    /// The micrograph `by` rows further in the list than the one shown.
    pub fn beside(&self, open: &OpenProject, by: i64) -> Option<MicrographId> {
        let place = self.place(open, self.current?)?;
        let to = usize::try_from(i64::try_from(place).ok()?.checked_add(by)?).ok()?;
        open.micrographs.get(*self.order.get(to)?).map(|mic| mic.id)
    }

    /// How far a picture is.
    pub fn picture(&self, key: &PictureKey) -> Load<&Arc<MicrographPicture>> {
        let known = self.pictures.iter().find(|(known, _)| known == key);
        known.map_or(Load::NotAsked, |(_, load)| load.as_ref())
    }

    /// The newest picture of a micrograph that is there, whatever its band; a rough one where there is no other.
    pub fn any_picture(&self, micrograph: MicrographId) -> Option<&Arc<MicrographPicture>> {
        let of = self.pictures.iter().rev().filter(|(key, _)| key.micrograph == micrograph);
        let rough = self.rough.as_ref().filter(|(id, _)| *id == micrograph).map(|(_, picture)| picture);
        of.filter_map(|(_, load)| load.ready()).next().or(rough)
    }

    /// Takes up a rough picture, to be seen until the whole one is there.
    pub fn take_rough(&mut self, micrograph: MicrographId, picture: Arc<MicrographPicture>) {
        self.rough = Some((micrograph, picture));
    }

    /// Whether a picture of a micrograph is there or cannot be had.
    pub fn is_settled(&self, micrograph: MicrographId) -> bool {
        self.pictures.iter().any(|(key, load)| key.micrograph == micrograph && load.is_settled())
    }

    /// A picture is being read. The ones looked at longest ago make room.
    pub fn ask(&mut self, key: PictureKey) {
        self.pictures.retain(|(known, _)| *known != key);
        self.pictures.push((key, Load::Loading));
    }

    /// Takes up a picture.
    pub fn answer(&mut self, key: PictureKey, picture: Result<Arc<MicrographPicture>, Failure>) {
        self.rough.take_if(|(micrograph, _)| *micrograph == key.micrograph);
        let Some(at) = self.pictures.iter().position(|(known, _)| *known == key) else { return };
        let ready = picture.is_ok();
        let (key, _) = self.pictures.remove(at);
        if ready {
            // Another band of it is no longer wanted.
            self.pictures.retain(|(known, load)| known.micrograph != key.micrograph || load.is_loading());
        }
        self.pictures.push((key, picture.into()));
        self.make_room();
    }

    /// Somebody looks at a picture: it goes last.
    pub fn look_at(&mut self, micrograph: MicrographId) {
        let (looked, mut others): (Vec<_>, Vec<_>) =
            self.pictures.drain(..).partition(|(key, _)| key.micrograph == micrograph);
        others.extend(looked);
        self.pictures = others;
    }

    fn make_room(&mut self) {
        let bytes = |load: &Load<Arc<MicrographPicture>>| load.ready().map_or(0, |p| p.pyramid.bytes());
        loop {
            let total: usize = self.pictures.iter().map(|(_, load)| bytes(load)).sum();
            let least = self
                .pictures
                .iter()
                .position(|(key, load)| !load.is_loading() && Some(key.micrograph) != self.current);
            match least {
                Some(at) if self.pictures.len() > MAX_PICTURES || total > MAX_BYTES => {
                    self.pictures.remove(at);
                }
                _ => return,
            }
        }
    }

    /// Pictures that could not be read are asked for again: their files may be elsewhere now.
    pub fn retry(&mut self) {
        self.pictures.retain(|(_, load)| !matches!(load, Load::Failed(_)));
        self.thumbnails.retain(|_, picture| picture.is_some());
    }

    /// The small picture of a micrograph; `None` until it is read, `Some(None)` where it cannot be.
    pub fn thumbnail(&self, micrograph: MicrographId) -> Option<Option<&Arc<SmallPicture>>> {
        self.thumbnails.get(&micrograph).map(Option::as_ref)
    }

    /// Takes up a small picture; `None` where it cannot be read.
    pub fn take_thumbnail(&mut self, micrograph: MicrographId, picture: Option<SmallPicture>) {
        if self.thumbnails.len() >= MAX_THUMBNAILS {
            self.thumbnails.clear();
        }
        self.thumbnails.insert(micrograph, picture.map(Arc::new));
    }

    /// Moves the view.
    pub fn go(&mut self, go: Go) {
        self.go = (self.go.0 + 1, go);
    }

    /// Whether places are on their way into the project.
    pub fn is_marking(&self) -> bool {
        !self.marking.is_empty()
    }
}
