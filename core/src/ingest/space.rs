//! How much room an import takes on the disk, known before it begins.

use std::path::Path;

use serde::Serialize;

use super::report::ImportPreview;
use super::request::{IngestRequest, PoolCount, PoolFrom, PoolRequest};
use crate::imaging::CutSettings;
use crate::project::PixelType;

/// Whether an import finds the room it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It does.
    Yes,
    /// What the files name does, but not the largest pool that may be found.
    Perhaps,
    /// Not even what the files name.
    No,
}

/// Bytes that an import writes into the folder of the project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Space {
    /// Pixels of the patches that the files name; exact.
    pub named: u64,
    /// Pixels of the unlabeled pool, at most: how many places there are is seen only while cutting.
    pub pool: u64,
    /// The pool once more, in 32 bits, until the picks are in; at most.
    pub waiting: u64,
}

impl Space {
    /// What an import of `request`, of which `preview` was seen, writes into a project of these pixels.
    pub fn of(preview: &ImportPreview, request: &IngestRequest, pixels: PixelType) -> Self {
        let area = preview.patch_size.map_or(0, |side| (side as u64).saturating_mul(side as u64));
        let bytes = |patches: u64, each: usize| patches.saturating_mul(area).saturating_mul(each as u64);
        let pool = most_of_pool(preview, request);
        Self {
            named: bytes(preview.labels.total(), pixels.bytes()),
            pool: bytes(pool, pixels.bytes()),
            waiting: bytes(pool, PixelType::F32.bytes()),
        }
    }

    /// The pixels afterwards, at most.
    pub const fn kept(&self) -> u64 {
        self.named.saturating_add(self.pool)
    }

    /// The room that is needed while the import is under way, at most.
    pub const fn most(&self) -> u64 {
        self.kept().saturating_add(self.waiting)
    }

    /// Whether that fits where `free` bytes are free.
    pub const fn fits(&self, free: u64) -> Fit {
        if self.most() <= free {
            Fit::Yes
        } else if self.named <= free {
            Fit::Perhaps
        } else {
            Fit::No
        }
    }
}

/// The most patches that a pool can have.
fn most_of_pool(preview: &ImportPreview, request: &IngestRequest) -> u64 {
    let (Some(pool), Some(box_size)) = (&request.pool, preview.box_size) else { return 0 };
    let cut = CutSettings { box_size, bin: request.bin, margin: request.margin };
    let room = || preview.micrographs.iter().map(|m| places(pool, &cut, m.width, m.height)).sum();
    match pool.wanted() {
        Some(PoolCount::Total(count)) => count as u64,
        Some(PoolCount::PerMicrograph(count)) => {
            (count as u64).saturating_mul(preview.micrographs.len() as u64)
        }
        None => room(),
    }
}

/// The most places on a micrograph of this size.
fn places(pool: &PoolRequest, cut: &CutSettings, width: usize, height: usize) -> u64 {
    // Centres keep half a box from the edges, boxes keep off the margin.
    let inner = |side: usize| side.saturating_sub(cut.box_size + 2 * cut.margin) as f64;
    let (width, height) = (inner(width), inner(height));
    if pool.from == PoolFrom::Grid {
        let step = pool.spacing.unwrap_or(cut.box_size as f64).max(1.0);
        return ((width / step).floor() as u64 + 1).saturating_mul((height / step).floor() as u64 + 1);
    }
    // Places so far apart lie at best as closely as the discs around them: each has a hexagon to itself, and
    // the discs of the outermost reach over the edge.
    let apart = pool.between(cut).max(1.0);
    let hexagon = apart * apart * 3.0_f64.sqrt() / 2.0;
    ((width + apart) * (height + apart) / hexagon).ceil() as u64
}

/// Bytes that are free for this person on the disk of `folder`, which need not exist yet; `None` where the
/// system does not say.
pub fn free_space(folder: &Path) -> Option<u64> {
    let folder = std::path::absolute(folder).ok()?;
    let there = folder.ancestors().find(|folder| folder.exists())?;
    fs4::available_space(there).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ingest::MicrographReport;
    use crate::label::LabelCounts;

    fn preview() -> ImportPreview {
        let micrograph = MicrographReport {
            name: "m".to_owned(),
            path: "m.mrc".into(),
            width: 1000,
            height: 600,
            pixel_size: None,
            picks: 10,
            at_edge: 0,
            outside: 0,
            below_min_score: 0,
            duplicates: 0,
            pool: 0,
        };
        ImportPreview {
            micrographs: vec![micrograph.clone(), micrograph],
            labels: LabelCounts { positive: 20, unlabeled: 0, negative: 0 },
            patch_size: Some(50),
            box_size: Some(100),
            ..ImportPreview::default()
        }
    }

    #[test]
    fn bytes_are_those_of_the_patches() {
        let mut request = IngestRequest { bin: 2, ..IngestRequest::default() };
        let plain = Space::of(&preview(), &request, PixelType::F32);
        assert_eq!(plain, Space { named: 20 * 2500 * 4, pool: 0, waiting: 0 });
        let count = Some(PoolCount::PerMicrograph(30));
        request.pool = Some(PoolRequest { count, ..PoolRequest::new(PoolFrom::Blobs) });
        let halves = Space::of(&preview(), &request, PixelType::F16);
        assert_eq!(halves, Space { named: 20 * 2500 * 2, pool: 60 * 2500 * 2, waiting: 60 * 2500 * 4 });
        assert_eq!(halves.most(), 80 * 2500 * 2 + 60 * 2500 * 4);
        let fits = [1_000_000, 200_000, 99_999].map(|free| halves.fits(free));
        assert_eq!(fits, [Fit::Yes, Fit::Perhaps, Fit::No]);
        // Every place of a grid: 10 by 6 boxes of 100 px on each micrograph.
        request.pool = Some(PoolRequest::new(PoolFrom::Grid));
        assert_eq!(Space::of(&preview(), &request, PixelType::F16).pool, 2 * 60 * 2500 * 2);
        // Blobs 30 px apart at least: 900 by 500 px hold no more than so many.
        request.pool = Some(PoolRequest::new(PoolFrom::Blobs));
        let blobs = Space::of(&preview(), &request, PixelType::F16).pool / (2500 * 2);
        assert!((900..2000).contains(&blobs), "{blobs}");
    }

    #[test]
    fn free_space_is_known_of_a_folder_that_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        let here = free_space(dir.path()).unwrap();
        assert!(here > 0);
        let deep = free_space(&dir.path().join("not/there/yet")).unwrap();
        assert!(deep.abs_diff(here) < here / 2 + (1 << 30), "{deep} and {here}");
    }
}
