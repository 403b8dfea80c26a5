//! Writes MRC stacks section by section.
//!
//! The header carries everything `mrcfile.validate` looks at: the word `MAP`, the machine stamp,
//! MRC2014's version number, an image stack's sampling (mz = 1, space group 0), a label, and
//! statistics that are those of the pixels.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// How pixels are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriterMode {
    /// Mode 2, 32-bit float: every program reads it.
    #[default]
    Float32,
    /// Mode 12, 16-bit float: half the size, eleven bits of precision.
    Float16,
}

/// A stack being written. [`Writer::finish`] puts the header in place; without it the file is no
/// valid MRC file.
pub struct Writer<W: Write + Seek = BufWriter<File>> {
    out: W,
    path: PathBuf,
    width: usize,
    height: usize,
    pixel_size: Option<f64>,
    mode: WriterMode,
    sections: u64,
    bytes: Vec<u8>,
    min: f32,
    max: f32,
    // Mean and sum of squared deviations, updated section by section (Chan et al. 1979): the
    // plain sum of squares loses all digits when the mean is large.
    mean: f64,
    deviation: f64,
}

impl Writer {
    /// Creates `path` for sections of `width × height` px at `pixel_size` Å per px.
    ///
    /// # Errors
    /// When the file exists already or cannot be created, or a side is 0 or above 65535.
    pub fn create(
        path: &Path,
        width: usize,
        height: usize,
        pixel_size: Option<f64>,
        mode: WriterMode,
    ) -> Result<Self> {
        let file = File::create_new(path).map_err(|e| Error::io("create", path, e))?;
        Self::new(BufWriter::new(file), path, width, height, pixel_size, mode)
    }
}

impl<W: Write + Seek> Writer<W> {
    /// Writes to `out`, whose name in error messages is `path`.
    ///
    /// # Errors
    /// When `out` refuses, or a side is 0 or above 65535.
    pub fn new(
        mut out: W,
        path: &Path,
        width: usize,
        height: usize,
        pixel_size: Option<f64>,
        mode: WriterMode,
    ) -> Result<Self> {
        if !(1..=65_535).contains(&width) || !(1..=65_535).contains(&height) {
            return Err(Error::request(
                format!("an MRC file cannot hold sections of {width} × {height} px"),
                "write images of 1 to 65535 px a side",
            ));
        }
        out.write_all(&[0; 1024]).map_err(|e| Error::io("write", path, e))?;
        Ok(Self {
            out,
            path: path.to_owned(),
            width,
            height,
            pixel_size: pixel_size.filter(|p| p.is_finite() && *p > 0.0),
            mode,
            sections: 0,
            bytes: Vec::new(),
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
            mean: 0.0,
            deviation: 0.0,
        })
    }

    /// Appends one section of width × height pixels, row-major.
    ///
    /// # Errors
    /// When the size differs, a pixel is not finite (or, in 16-bit float, too large), or the disk
    /// refuses.
    pub fn push(&mut self, pixels: &[f32]) -> Result<()> {
        if pixels.len() != self.width * self.height {
            return Err(Error::request(
                format!(
                    "{} pixels do not make a section of {} × {} px",
                    pixels.len(),
                    self.width,
                    self.height
                ),
                "write sections of one size",
            ));
        }
        self.bytes.clear();
        let mut sum = 0.0;
        let mut stored = |value: f32| -> Result<()> {
            if !value.is_finite() {
                return Err(Error::request(
                    format!(
                        "section {} holds a pixel that is no finite number in this mode",
                        self.sections + 1
                    ),
                    "write 32-bit floats, or leave the patch out",
                ));
            }
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            sum += f64::from(value);
            Ok(())
        };
        match self.mode {
            WriterMode::Float32 => {
                for &value in pixels {
                    stored(value)?;
                    self.bytes.extend_from_slice(&value.to_le_bytes());
                }
            }
            WriterMode::Float16 => {
                for &value in pixels {
                    let value = half::f16::from_f32(value);
                    stored(value.to_f32())?;
                    self.bytes.extend_from_slice(&value.to_le_bytes());
                }
            }
        }
        self.out.write_all(&self.bytes).map_err(|e| Error::io("write", &self.path, e))?;
        let (n, old) = (pixels.len() as f64, self.sections as f64 * pixels.len() as f64);
        let mean = sum / n;
        let value = |&v: &f32| match self.mode {
            WriterMode::Float32 => f64::from(v),
            WriterMode::Float16 => half::f16::from_f32(v).to_f64(),
        };
        let deviation: f64 = pixels.iter().map(|v| (value(v) - mean).powi(2)).sum();
        let delta = mean - self.mean;
        self.deviation += deviation + delta * delta * old * n / (old + n);
        self.mean += delta * n / (old + n);
        self.sections += 1;
        Ok(())
    }

    /// Writes the header and gives back the number of sections.
    ///
    /// # Errors
    /// When no section was written, there are more than the format can count, or the disk refuses.
    pub fn finish(mut self) -> Result<u64> {
        let sections = match i32::try_from(self.sections) {
            Ok(n) if n > 0 => n,
            _ => {
                return Err(Error::request(
                    format!("an MRC stack cannot hold {} sections", self.sections),
                    "write between 1 and 2147483647 patches",
                ));
            }
        };
        let header = self.header(sections);
        self.out
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.out.write_all(&header))
            .and_then(|()| self.out.seek(SeekFrom::End(0)))
            .and_then(|_| self.out.flush())
            .map_err(|e| Error::io("write", &self.path, e))?;
        Ok(self.sections)
    }

    fn header(&self, sections: i32) -> [u8; 1024] {
        let mut bytes = [0; 1024];
        let mut put = |word: usize, value: [u8; 4]| bytes[word * 4..word * 4 + 4].copy_from_slice(&value);
        let (width, height) = (self.width as i32, self.height as i32);
        let mode = match self.mode {
            WriterMode::Float32 => 2,
            WriterMode::Float16 => 12,
        };
        // Sampling of an image stack: mz is 1 however many sections there are.
        let ints = [(0, width), (1, height), (2, sections), (3, mode), (7, width), (8, height), (9, 1)];
        for (word, value) in ints {
            put(word, value.to_le_bytes());
        }
        let pixel = self.pixel_size.unwrap_or(0.0);
        for (word, samples) in [(10, self.width), (11, self.height), (12, 1)] {
            put(word, ((samples as f64 * pixel) as f32).to_le_bytes());
        }
        for word in 13..16 {
            put(word, 90f32.to_le_bytes());
        }
        for word in 16..19 {
            put(word, (word as i32 - 15).to_le_bytes());
        }
        put(19, self.min.to_le_bytes());
        put(20, self.max.to_le_bytes());
        put(21, (self.mean as f32).to_le_bytes());
        let count = self.sections as f64 * self.width as f64 * self.height as f64;
        let deviation = match self.mode {
            WriterMode::Float32 => (self.deviation / count).sqrt() as f32,
            // "Not determined", as MRC2014 has it: `mrcfile.validate` adds squares up in 16 bits,
            // overflows, and would call the true value wrong.
            WriterMode::Float16 => -1.0,
        };
        put(54, deviation.to_le_bytes());
        put(27, 20141i32.to_le_bytes());
        put(52, *b"MAP ");
        put(53, [0x44, 0x44, 0, 0]);
        put(55, 1i32.to_le_bytes());
        bytes[224..304].fill(b' ');
        let label = b"Particle stack written by Vitrine";
        bytes[224..224 + label.len()].copy_from_slice(label);
        bytes
    }
}
