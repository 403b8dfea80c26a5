//! The unlabeled pool of an import: how its patches come into the project. The patches of a source must follow one
//! another, so the pool waits in an unnamed temporary file until the picks of all tables are in.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::boxes::{CHUNK, MicrographIds, common, cut_all};
use super::optics::PoolOptics;
use super::plan::Plan;
use super::pool_places::PoolPlaces;
use super::progress::Phase;
use super::request::{IngestRequest, PoolCount};
use crate::error::{Error, Result};
use crate::image::Image;
use crate::label::Label;
use crate::progress::{ProgressSink, report};
use crate::project::{Importer, NewPatch, SourceInfo, SourceKind};

/// The pool while it is cut, micrograph by micrograph.
pub(super) struct Pool<'a> {
    places: PoolPlaces<'a>,
    spool: Spool,
}

impl<'a> Pool<'a> {
    /// A pool that waits in `dir`; `None` where the import asks for none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(import: &'a IngestRequest, plan: &Plan, dir: &Path) -> Result<Option<Self>> {
        let (Some(places), Some(size)) = (PoolPlaces::of(import, plan), plan.size) else { return Ok(None) };
        Ok(Some(Self { places, spool: Spool::new(dir, size)? }))
    }

    /// Cuts the pool's patches of the micrograph at `at`.
    ///
    /// # Errors
    /// When a box does not fit or the disk refuses.
    pub fn cut_from(&mut self, plan: &mut Plan, at: usize, image: &Image) -> Result<()> {
        let places = self.places.find(plan, at, image)?;
        let Some(mic) = plan.mics.get_mut(at) else { return Ok(()) };
        let spool = &mut self.spool;
        cut_all(mic, image, &places, &self.places.cut, |index, pixels| {
            places.get(index).map_or(Ok(()), |xy| spool.push(at, *xy, pixels))
        })?;
        mic.pool = places.len();
        Ok(())
    }

    /// Brings the patches into the project as a source of its own, once all picks are in; how many they are.
    ///
    /// # Errors
    /// When the database cannot be written or the disk refuses.
    pub fn bring_in(
        self,
        plan: &mut Plan,
        optics: &PoolOptics,
        ids: &mut MicrographIds,
        importer: &mut Importer<'_>,
        progress: ProgressSink<'_>,
    ) -> Result<usize> {
        let total = self.spool.len();
        if let Some(PoolCount::Total(asked)) = self.places.wanted.count
            && total < asked
        {
            plan.warnings.push(format!(
                "the micrographs had room for {total} of the {asked} pool patches asked for; with a smaller distance \
                 from positives or spacing there is more"
            ).into());
        } else if total == 0 {
            plan.warnings.push("no place was found for a pool patch".into());
        }
        if total == 0 {
            return Ok(0);
        }
        let first = plan.mics.first().map(|m| m.path.as_path());
        let folder = first.and_then(Path::parent).filter(|f| !f.as_os_str().is_empty());
        let pixel_size = common(plan.mics.iter().filter(|m| m.pool > 0).map(|m| m.pixel_size));
        importer.source(&SourceInfo {
            path: folder.or(first).unwrap_or_else(|| Path::new(".")).to_owned(),
            kind: SourceKind::Pool(self.places.wanted.places()),
            pixel_size: pixel_size.map(|s| s * self.places.cut.bin as f64),
            micrograph_pixel_size: pixel_size,
            box_size: self.places.cut.effective_box().ok().map(|b| b as f64),
            bin: Some(self.places.cut.bin as f64),
            // Its places go back the way the picks of the same import came.
            y_up: self.places.import.y_up,
            optics: optics.groups.clone(),
            ..SourceInfo::default()
        })?;
        self.spool.drain(|index, at, xy, pixels| {
            if index % CHUNK == 0 {
                report(progress, Phase::Pool, index, total)?;
            }
            let Some(mic) = plan.mics.get(at) else { return Ok(()) };
            let micrograph = ids.get(at, mic, importer)?;
            let patch = NewPatch {
                label: Label::Unlabeled,
                source_index: index,
                micrograph: Some(micrograph),
                xy: Some(xy),
                optics: optics.group(at),
                pick_score: None,
                columns: optics.columns(at),
            };
            importer.push(&patch, pixels).map(drop)
        })?;
        Ok(total)
    }
}

/// Pool patches waiting on the disk.
struct Spool {
    out: BufWriter<File>,
    dir: PathBuf,
    size: usize,
    entries: Vec<(usize, (f64, f64))>,
}

impl Spool {
    fn new(dir: &Path, size: usize) -> Result<Self> {
        let file = tempfile::tempfile_in(dir).map_err(|e| Error::io("create a temporary file in", dir, e))?;
        let out = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { out, dir: dir.to_owned(), size, entries: Vec::new() })
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn push(&mut self, mic: usize, xy: (f64, f64), pixels: &[f32]) -> Result<()> {
        self.out
            .write_all(bytemuck::cast_slice(pixels))
            .map_err(|e| Error::io("write a temporary file in", &self.dir, e))?;
        self.entries.push((mic, xy));
        Ok(())
    }

    /// Hands every patch over in order.
    fn drain(self, mut take: impl FnMut(usize, usize, (f64, f64), &[f32]) -> Result<()>) -> Result<()> {
        let Self { out, dir, size, entries } = self;
        let mut file =
            out.into_inner().map_err(|e| Error::io("write a temporary file in", &dir, e.into_error()))?;
        let fail = |e| Error::io("read a temporary file in", &dir, e);
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let mut input = BufReader::with_capacity(1 << 20, file);
        let mut pixels = vec![0.0_f32; size * size];
        for (index, (mic, xy)) in entries.into_iter().enumerate() {
            input.read_exact(bytemuck::cast_slice_mut(&mut pixels)).map_err(fail)?;
            take(index, mic, xy, &pixels)?;
        }
        Ok(())
    }
}
