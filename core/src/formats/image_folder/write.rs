//! Writing patches as PNG files into one folder per label.

use std::fs::File;
use std::path::{Path, PathBuf};

use image::{ImageBuffer, ImageFormat, Luma};

use crate::error::{Error, Result};
use crate::formats::PatchInfo;
use crate::grayscale::{to_grayscale, to_grayscale_16};
use crate::label::{Label, LabelCounts};

/// The table beside the folders.
pub(super) const TABLE: &str = "patches.csv";

/// Bits of a grey value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PngDepth {
    /// 0..255, enough to look at.
    #[default]
    Eight,
    /// 0..65535, for use in other programs.
    Sixteen,
}

/// Writes `LABEL/LABEL_000001.png` and so on, and the table `patches.csv` (columns `file`,
/// `label`, `micrograph`, `x`, `y`), which `image_folder::open` reads back.
///
/// Each patch is clipped and mapped to grey by itself ([`crate::grayscale`]), so the pictures do not
/// replace the pixels of the patches.
pub struct FolderWriter {
    dir: PathBuf,
    size: u32,
    depth: PngDepth,
    counts: LabelCounts,
    table: csv::Writer<File>,
}

impl FolderWriter {
    /// Starts in `dir`, which is created or must be empty. Patches are `size` px a side.
    ///
    /// # Errors
    /// When the folder holds something already or cannot be written.
    pub fn create(dir: &Path, size: usize, depth: PngDepth) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(|source| Error::io("create", dir, source))?;
        let mut entries = dir.read_dir().map_err(|source| Error::io("read", dir, source))?;
        if entries.next().is_some() {
            return Err(Error::request(
                format!("the folder {} is not empty", dir.display()),
                "choose a new or empty folder",
            ));
        }
        let path = dir.join(TABLE);
        let file = File::create_new(&path).map_err(|source| Error::io("create", &path, source))?;
        let mut table = csv::Writer::from_writer(file);
        table
            .write_record(["file", "label", "micrograph", "x", "y"])
            .map_err(|error| table_error(&path, error))?;
        let size = u32::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| {
            Error::request(
                format!("pictures of {size} px a side cannot be written"),
                "choose another box size",
            )
        })?;
        let counts = LabelCounts::default();
        Ok(Self { dir: dir.to_owned(), size, depth, counts, table })
    }

    /// Writes one patch (`size × size` values, row by row) and returns the path of the picture.
    ///
    /// # Errors
    /// When the number of values is wrong, one is not finite, or the disk refuses.
    pub fn add(&mut self, label: Label, pixels: &[f32], info: &PatchInfo) -> Result<PathBuf> {
        let number = self.counts.get(label).saturating_add(1);
        let name = format!("{label}/{label}_{number:06}.png");
        let path = self.dir.join(&name);
        let side = self.size as usize;
        if pixels.len() != side.saturating_mul(side) || pixels.iter().any(|value| !value.is_finite()) {
            return Err(Error::request(
                format!(
                    "{} values for {} are not {side}×{side} finite numbers",
                    pixels.len(),
                    path.display()
                ),
                "export patches of one size without NaN",
            ));
        }
        if number == 1 {
            let folder = self.dir.join(label.as_str());
            std::fs::create_dir(&folder).map_err(|source| Error::io("create", &folder, source))?;
        }
        let saved = match self.depth {
            PngDepth::Eight => {
                let data = to_grayscale(pixels);
                ImageBuffer::<Luma<u8>, Vec<u8>>::from_raw(self.size, self.size, data)
                    .map(|picture| picture.save_with_format(&path, ImageFormat::Png))
            }
            PngDepth::Sixteen => {
                let data = to_grayscale_16(pixels);
                ImageBuffer::<Luma<u16>, Vec<u16>>::from_raw(self.size, self.size, data)
                    .map(|picture| picture.save_with_format(&path, ImageFormat::Png))
            }
        };
        match saved {
            Some(Ok(())) => {}
            Some(Err(image::ImageError::IoError(source))) => return Err(Error::io("write", &path, source)),
            Some(Err(error)) => return Err(Error::io("write", &path, std::io::Error::other(error))),
            None => return Err(Error::io("write", &path, std::io::Error::other("picture too large"))),
        }
        let place = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let (x, y) = (place(info.xy.map(|xy| xy.0)), place(info.xy.map(|xy| xy.1)));
        let row = [&name, label.as_str(), info.micrograph.as_deref().unwrap_or_default(), &x, &y];
        self.table.write_record(row).map_err(|error| table_error(&self.dir.join(TABLE), error))?;
        *self.counts.get_mut(label) = number;
        Ok(path)
    }

    /// Completes the table and returns how many pictures of each label were written.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> Result<LabelCounts> {
        self.table.flush().map_err(|source| Error::io("write", self.dir.join(TABLE), source))?;
        Ok(self.counts)
    }
}

fn table_error(path: &Path, error: csv::Error) -> Error {
    Error::io("write", path, std::io::Error::other(error))
}
