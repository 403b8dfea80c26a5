//! Which micrograph is shown, reading it, and finding its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vitrine_core::formats::micrograph;
use vitrine_core::grayscale::to_grayscale;
use vitrine_core::imaging::filters::band_pass_mirrored;
use vitrine_core::imaging::{CutSettings, Pyramid, bin};
use vitrine_core::ingest::{box_for_diameter, suggested_bin};
use vitrine_core::learning::general_model::box_and_bin;
use vitrine_core::project::{Micrograph, MicrographId, PatchId, PickingSettings};
use vitrine_core::{Error, Remedy};

use super::dialog::FileQuestion;
use super::notify::failure;
use super::outcome::{MicrographOutcome, Outcome};
use super::state::App;
use crate::gui::command::{MicrographCommand, SelectCommand};
use crate::gui::jobs::{JobContext, JobKind};
use crate::gui::model::{MicrographPicture, SmallPicture};
use crate::gui::undo;
use crate::gui::values::{FileKinds, Go, MicrographSort, PictureKey, Tab, Wanted};

/// Maximum side of a picture that is filtered, px; a larger one is averaged first.
const MAX_FILTERED: usize = 4096;
/// Longest side of a small picture, px.
const SMALL: usize = 96;
/// Px from which on a micrograph is shown roughly until all of it is read.
const LARGE: usize = 32 << 20;
/// From one row that is read for a rough picture to the next, rows.
const ROUGH_STEP: usize = 4;
/// Micrographs read at once.
const MAX_READING: usize = 2;

/// Files of micrographs, for the file browser.
const MICROGRAPHS: FileKinds = FileKinds {
    words: "micrographs",
    endings: &[".mrc", ".mrc.gz", ".mrc.bz2", ".map", ".tif", ".tiff", ".png", ".jpg", ".jpeg"],
};

impl App {
    pub(super) fn apply_micrograph(&mut self, command: MicrographCommand) -> anyhow::Result<()> {
        match command {
            MicrographCommand::Open(micrograph) => {
                self.model.micrographs.chosen.clear();
                self.show_micrograph(micrograph);
            }
            MicrographCommand::ChooseAlso(micrograph) => self.model.micrographs.choose_also(micrograph),
            MicrographCommand::ChooseThrough(micrograph) => {
                let Some(open) = &self.model.project else { return Ok(()) };
                self.model.micrographs.choose_through(open, micrograph);
            }
            MicrographCommand::Step(by) => {
                let Some(open) = &self.model.project else { return Ok(()) };
                if let Some(next) = self.model.micrographs.beside(open, by) {
                    self.show_micrograph(next);
                }
            }
            MicrographCommand::Sort(sort) => self.sort_micrographs(sort),
            MicrographCommand::Read(key) => self.read_picture(key)?,
            MicrographCommand::ReadThumbnail(micrograph) => self.read_thumbnail(micrograph)?,
            MicrographCommand::Go(go) => self.model.micrographs.go(go),
            MicrographCommand::There => self.go_there()?,
            MicrographCommand::Diameter(diameter) => self.set_diameter(diameter)?,
            MicrographCommand::SetMask(micrograph, mask) => {
                let step = undo::set_mask(self.store()?, micrograph, &mask)?;
                step.map_or(Ok(()), |step| self.take_step(step))?;
            }
            MicrographCommand::Locate(micrograph) => self.ask_where(micrograph)?,
            MicrographCommand::Mark(mark) => self.mark_places(mark)?,
        }
        Ok(())
    }

    /// The view of micrographs was opened: it shows one, and tries again what could not be read.
    pub(super) fn begin_micrographs(&mut self) {
        self.model.micrographs.retry();
        self.model.picks.maps.retry();
        let Some(open) = &self.model.project else { return };
        if self.model.micrographs.current.is_none() {
            // The one of the current patch, else the first of the list.
            let here = open.shown.current().and_then(|patch| open.columns.micrograph_of(patch));
            let first = self.model.micrographs.order.first().and_then(|&at| open.micrographs.get(at));
            if let Some(micrograph) = here.or(first.map(|mic| mic.id)) {
                self.show_micrograph(micrograph);
            }
        }
    }

    pub(super) fn show_micrograph(&mut self, micrograph: MicrographId) {
        let state = &mut self.model.micrographs;
        if state.current != Some(micrograph) {
            state.current = Some(micrograph);
            state.look_at(micrograph);
            state.go(Go::Fit);
            if self.cut_from.as_ref().is_some_and(|(known, _)| *known != micrograph) {
                self.cut_from = None;
            }
            if let Some(open) = &mut self.model.project {
                // What is selected elsewhere is not what the person sees.
                open.selection.clear();
            }
        }
    }

    fn set_diameter(&mut self, diameter: f64) -> anyhow::Result<()> {
        let open = self.open()?;
        let cut = if open.is_empty() {
            // Nothing is cut yet: the box follows the particle, as the networks that begin with the general model want it.
            let (box_size, bin) = box_and_bin(diameter).unwrap_or_else(|_| {
                let box_size = box_for_diameter(diameter);
                (box_size, suggested_bin(box_size))
            });
            Some(CutSettings { box_size, bin, margin: 0 })
        } else {
            open.cut.clone().ok()
        };
        if let Some(cut) = cut {
            cut.patch_size()?;
            let settings = PickingSettings { box_size: cut.box_size, bin: cut.bin, diameter: Some(diameter) };
            self.store()?.set_picking(&settings)?;
            self.open()?.cut = Ok(cut);
        }
        self.open()?.diameter = Some(diameter);
        Ok(())
    }

    fn sort_micrographs(&mut self, sort: MicrographSort) {
        let Some(open) = &self.model.project else { return };
        let state = &mut self.model.micrographs;
        let (now, descending) = state.sort;
        state.sort = (sort, if now == sort { !descending } else { sort.descends_first() });
        state.arrange(open, &self.model.picks, &self.model.drafts.pick);
    }

    /// From the current patch to its micrograph, or from the selected pick to the gallery.
    fn go_there(&mut self) -> anyhow::Result<()> {
        if self.model.tab == Tab::Micrographs {
            let selected: Option<PatchId> = self.open()?.selection.iter().next();
            let Some(patch) = selected else {
                self.model.notices.warning("Choose a pick first: click it.");
                return Ok(());
            };
            self.model.tab = Tab::Gallery;
            return self.go_to_patch(patch);
        }
        let open = self.open()?;
        let Some(patch) = open.shown.current() else {
            anyhow::bail!("there is no current patch; choose one in the gallery");
        };
        let (Some(micrograph), Some(xy)) = (open.columns.micrograph_of(patch), open.columns.xy_of(patch))
        else {
            anyhow::bail!("the sources do not say where patch {patch} is on a micrograph");
        };
        self.model.tab = Tab::Micrographs;
        self.show_micrograph(micrograph);
        self.apply_select(SelectCommand::Only(vec![patch]));
        self.model.micrographs.go(Go::To(xy));
        Ok(())
    }

    /// The micrograph of that number, and where its file is.
    pub(super) fn micrograph(
        &mut self,
        id: MicrographId,
    ) -> anyhow::Result<(Micrograph, anyhow::Result<PathBuf>)> {
        let open = self.open()?;
        let Some(known) = open.micrographs.iter().find(|mic| mic.id == id).cloned() else {
            anyhow::bail!("that micrograph is no longer in the project; reload it");
        };
        let file = match &known.path {
            Some(path) if path.is_absolute() => Ok(path.clone()),
            Some(path) => Ok(open.dir.join(path)),
            None => Err(anyhow::anyhow!("the project does not say which file {} is", known.name)),
        };
        Ok((known, file))
    }

    fn read_picture(&mut self, key: PictureKey) -> anyhow::Result<()> {
        let reading = self.jobs.states().iter().filter(|job| job.kind == JobKind::Picture).count();
        if reading >= MAX_READING || !self.model.micrographs.picture(&key).is_not_asked() {
            return Ok(());
        }
        let (known, file) = self.micrograph(key.micrograph)?;
        self.model.micrographs.ask(key);
        let micrographs = &self.model.micrographs;
        let seen = micrographs.current == Some(key.micrograph);
        let is_large = known.dimensions.is_some_and(|(width, height)| width * height >= LARGE);
        if seen && is_large && micrographs.any_picture(key.micrograph).is_none() {
            self.jobs.ask(
                JobKind::Picture,
                self.scope(),
                format!("Reading {}", known.name),
                move |_| Ok(rough(&file?)?.map(Arc::new)),
                move |picture| Outcome::Micrograph(MicrographOutcome::Rough(key, picture)),
            );
            return Ok(());
        }
        self.read_whole(key)
    }

    fn read_whole(&mut self, key: PictureKey) -> anyhow::Result<()> {
        let (known, file) = self.micrograph(key.micrograph)?;
        self.jobs.ask(
            JobKind::Picture,
            self.scope(),
            format!("Reading {}", known.name),
            move |job| Ok(Arc::new(picture(&file?, key.band, job)?)),
            move |picture| Outcome::Micrograph(MicrographOutcome::Picture(key, picture)),
        );
        Ok(())
    }

    fn read_thumbnail(&mut self, micrograph: MicrographId) -> anyhow::Result<()> {
        if self.jobs.has(JobKind::Thumbnail) || self.model.micrographs.thumbnail(micrograph).is_some() {
            return Ok(());
        }
        let (known, file) = self.micrograph(micrograph)?;
        self.jobs.ask(
            JobKind::Thumbnail,
            self.scope(),
            format!("Reading {}", known.name),
            move |_| {
                // As from a picture that is read to be looked at, so that both look alike.
                Ok(small(&Pyramid::new(&micrograph::open(&file?)?.image)?))
            },
            move |picture| Outcome::Micrograph(MicrographOutcome::Thumbnail(micrograph, picture)),
        );
        Ok(())
    }

    fn ask_where(&mut self, micrograph: MicrographId) -> anyhow::Result<()> {
        let (known, file) = self.micrograph(micrograph)?;
        let name = file.ok().and_then(|f| f.file_name().map(|n| n.to_string_lossy().into_owned()));
        let title = format!("Where is {} now?", known.name);
        let kinds = Some(MICROGRAPHS);
        let question = FileQuestion { wanted: Wanted::File, title, folder: None, name, kinds };
        self.choose_files(question, move |mut paths| {
            Outcome::Micrograph(MicrographOutcome::Chosen(micrograph, paths.swap_remove(0)))
        })
    }

    /// Keeps where a micrograph is now, and those missing ones that lie beside it under their old name.
    fn locate(&mut self, micrograph: MicrographId, path: PathBuf) -> anyhow::Result<()> {
        let (mut store, scope) = (self.handle()?, self.scope());
        let title = "Looking for the files of micrographs";
        self.jobs.spawn(JobKind::Locate, scope, title, move |_| {
            // Refused before anything is stored: a file that is no picture.
            let header = micrograph::header(&path)?;
            let known = store.micrographs()?;
            let own = known.iter().find(|mic| mic.id == micrograph).and_then(|mic| mic.dimensions);
            if let Some((width, height)) = own.filter(|size| *size != (header.width, header.height)) {
                return Err(Error::format(
                    &path,
                    format!(
                        "it has {} × {} px, the micrograph of the project {width} × {height} px",
                        header.width, header.height
                    ),
                    Remedy::from("choose the file that was imported"),
                )
                .into());
            }
            let mut moved = vec![(micrograph, path.clone())];
            let folder = path.parent().unwrap_or(Path::new(""));
            for other in known.iter().filter(|mic| mic.id != micrograph) {
                let Some(old) = &other.path else { continue };
                let beside = old.file_name().map(|name| folder.join(name));
                if let Some(beside) = beside.filter(|b| b.is_file() && !store.micrograph_file(old).is_file())
                {
                    moved.push((other.id, beside));
                }
            }
            for (id, path) in &moved {
                store.set_micrograph_path(*id, path)?;
            }
            Ok(Outcome::Micrograph(MicrographOutcome::Located(moved)))
        })?;
        Ok(())
    }

    /// Takes up what a job on micrographs hands back.
    pub(super) fn take_micrograph_outcome(&mut self, outcome: MicrographOutcome) -> anyhow::Result<()> {
        match outcome {
            MicrographOutcome::Picture(key, picture) => {
                if let Ok(picture) = &picture
                    && self.model.micrographs.thumbnail(key.micrograph).is_none()
                    && key.band.is_none()
                {
                    self.model.micrographs.take_thumbnail(key.micrograph, Some(small(&picture.pyramid)));
                }
                self.model.micrographs.answer(key, picture.map_err(|error| failure(&error, "this")));
            }
            MicrographOutcome::Rough(key, picture) => {
                // What hinders it hinders the whole one too, which says so.
                if let Ok(Some(picture)) = picture {
                    self.model.micrographs.take_rough(key.micrograph, picture);
                }
                if let Err(error) = self.read_whole(key) {
                    self.model.micrographs.answer(key, Err(failure(&error, "this")));
                }
            }
            MicrographOutcome::Thumbnail(micrograph, picture) => {
                // Why it cannot be read is said where the micrograph is opened.
                self.model.micrographs.take_thumbnail(micrograph, picture.ok());
            }
            MicrographOutcome::Chosen(micrograph, path) => self.locate(micrograph, path)?,
            MicrographOutcome::Located(moved) => {
                let count = moved.len();
                let open = self.open()?;
                for (id, path) in moved {
                    if let Some(known) = open.micrographs.iter_mut().find(|mic| mic.id == id) {
                        known.path = Some(path);
                    }
                }
                self.model.micrographs.retry();
                self.model.notices.done(match count {
                    1 => "The micrograph is read from its new place.".to_owned(),
                    _ => format!("{count} micrographs are read from their new place."),
                });
            }
            MicrographOutcome::Marked(marked) => self.take_marked(marked)?,
        }
        Ok(())
    }
}

/// Reads a micrograph for the canvas.
fn picture(file: &Path, band: Option<[f32; 2]>, job: &JobContext) -> anyhow::Result<MicrographPicture> {
    let found = micrograph::open(file)?;
    job.check_cancelled()?;
    let size = (found.image.width, found.image.height);
    let (image, factor) = match band {
        None => (found.image, 1),
        Some([shortest, longest]) => {
            let factor = size.0.max(size.1).div_ceil(MAX_FILTERED).max(1);
            let binned = if factor > 1 { bin(&found.image, factor)? } else { found.image };
            let px = |period: f32| f64::from(period) / factor as f64;
            (band_pass_mirrored(&binned, px(shortest), px(longest))?, factor)
        }
    };
    job.check_cancelled()?;
    let pyramid = Pyramid::new(&image)?;
    Ok(MicrographPicture { pyramid, bin: factor, size, pixel_size: found.pixel_size, is_rough: false })
}

/// Reads some rows of a large micrograph for the canvas; `None` where that is no quicker.
fn rough(file: &Path) -> vitrine_core::Result<Option<MicrographPicture>> {
    let Some(found) = micrograph::open_rows(file, ROUGH_STEP)? else { return Ok(None) };
    let pyramid = Pyramid::of_rows(&found.rows, found.step)?;
    let (bin, size, pixel_size) = (found.step, found.size, found.pixel_size);
    Ok(Some(MicrographPicture { pyramid, bin, size, pixel_size, is_rough: true }))
}

/// The small picture of a micrograph.
fn small(pyramid: &Pyramid) -> SmallPicture {
    let Some(level) = pyramid.within(SMALL * 3) else {
        return SmallPicture { size: [0, 0], grey: Vec::new() };
    };
    let step = level.width.max(level.height).div_ceil(SMALL).max(1);
    let (width, height) = (level.width / step, level.height / step);
    let mut means = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            // The mean of its px: one of them alone is noise.
            let (mut sum, mut count) = (0.0, 0.0_f32);
            for row in (y * step..(y + 1) * step).map(|y| level.row(y)) {
                for &value in row.get(x * step..(x + 1) * step).unwrap_or_default() {
                    sum += pyramid.value(value);
                    count += 1.0;
                }
            }
            means.push(sum / count.max(1.0));
        }
    }
    SmallPicture { size: [width, height], grey: to_grayscale(&means) }
}
