//! Folders of pictures: `positive/`, `unlabeled/`, `negative/` (or `false_positive/`), one PNG,
//! JPEG or TIFF file per patch, 8 or 16 bits; or one folder of pictures without labels.
//!
//! Pictures come in the order of their names. Grey values are taken as they are stored (0..255,
//! 0..65535); colour is reduced to brightness, with a warning. A table `patches.csv` beside the
//! folders (columns `file`, `micrograph`, `x`, `y`), as the writer here leaves it, gives
//! micrographs and centres back. Opening reads only the pictures' headers.

mod write;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use self::write::TABLE;
pub use self::write::{FolderWriter, PngDepth};

use super::arrays::MAX_SIDE;
use super::memory::{check_finite, wrong_request};
use super::{Dataset, PatchInfo, PatchReader};
use crate::error::{Error, Result};
use crate::label::Label;
use crate::remedy::Warning;

/// Folders by name, in the order in which their patches come out.
const FOLDERS: [(&str, Label); 5] = [
    ("positive", Label::Positive),
    ("unlabeled", Label::Unlabeled),
    ("unlabelled", Label::Unlabeled),
    ("negative", Label::Negative),
    ("false_positive", Label::Negative),
];

/// Endings of the pictures that are read.
const ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "tif", "tiff"];

/// Most memory a picture may take while it is decoded, bytes.
const MAX_DECODED: u64 = 64 << 20;

const MEND_PICTURE: &str = "save it as 8- or 16-bit grey PNG or TIFF, or take it out of the folder";

/// Opens a folder of pictures.
///
/// # Errors
/// When the folder cannot be read or holds no pictures, and when a picture is damaged, not
/// square, or of another size than the first.
pub fn open(dir: &Path) -> Result<Dataset> {
    let mut warnings = Vec::new();
    let mut others = Vec::new();
    let mut files = Vec::new();
    let mut found = Vec::new();
    for (name, label) in FOLDERS {
        let folder = dir.join(name);
        if folder.is_dir() {
            found.push(name);
            let pictures = list(&folder, &mut others)?;
            if pictures.is_empty() {
                warnings.push(format!("the folder {name} holds no pictures").into());
            }
            files.extend(pictures.into_iter().map(|path| (path, Some(label))));
        }
    }
    if found.is_empty() {
        files.extend(list(dir, &mut others)?.into_iter().map(|path| (path, None)));
    }
    if files.is_empty() {
        let problem = if found.is_empty() {
            "this folder holds neither pictures nor folders named positive, unlabeled or negative".to_owned()
        } else {
            format!("its folders {} hold no pictures", found.join(", "))
        };
        return Err(Error::format(dir, problem, "put PNG, TIFF or JPEG files of one size into such folders"));
    }
    if !others.is_empty() {
        warnings.push(
            format!("{} files are no pictures and were left out, the first is {}", others.len(), others[0])
                .into(),
        );
    }
    let mut size = None;
    let mut colour = 0usize;
    for (path, _) in &files {
        let (width, height, color) = header(path)?;
        if width != height {
            let problem = format!("this patch has {height} rows by {width} columns");
            return Err(Error::format(path, problem, "crop the pictures to squares of one size"));
        }
        if width == 0 || width > MAX_SIDE {
            let problem = format!("this patch is {width} px a side, not between 1 and {MAX_SIDE}");
            return Err(Error::format(path, problem, "use pictures of patches, not of whole micrographs"));
        }
        let (first, owner) = *size.get_or_insert((width, path));
        if first != width {
            let problem =
                format!("this patch is {width}×{width} px but {} is {first}×{first} px", owner.display());
            return Err(Error::format(path, problem, "crop or scale the pictures to one size"));
        }
        colour += usize::from(color.has_color());
    }
    if colour > 0 {
        warnings.push(
            format!("{colour} of {} pictures are in colour, only their brightness is used", files.len())
                .into(),
        );
    }
    let size = size.map_or(0, |(size, _)| size);
    let mut table = read_table(dir, &mut warnings)?;
    let files: Vec<(PathBuf, PatchInfo)> = files
        .into_iter()
        .map(|(path, label)| {
            let info = path.strip_prefix(dir).ok().and_then(|name| table.remove(&portable(name)));
            let info = PatchInfo { label, ..info.unwrap_or_default() };
            (path, info)
        })
        .collect();
    if !table.is_empty() {
        warnings.push(format!("{} rows of {TABLE} name pictures that are not there", table.len()).into());
    }
    Ok(Dataset {
        kind: "folder of pictures".into(),
        reader: Box::new(FolderPatches { dir: dir.to_owned(), size, files }),
        pixel_size: None,
        micrograph_pixel_size: None,
        optics: Vec::new(),
        warnings,
    })
}

/// A relative path with `/` on every system.
fn portable(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// The pictures of one folder by name; what else lies there goes to `others`.
fn list(folder: &Path, others: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let refused = |source| Error::io("read", folder, source);
    let mut pictures = Vec::new();
    for entry in folder.read_dir().map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            pictures.push(path);
        } else if !name.starts_with('.') && name != TABLE {
            others.push(path.display().to_string());
        }
    }
    pictures.sort();
    Ok(pictures)
}

fn picture_error(path: &Path, error: ImageError) -> Error {
    match error {
        ImageError::IoError(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::io("read", path, source)
        }
        ImageError::Unsupported(what) => {
            Error::format(path, format!("this kind of picture is not read ({what})"), MEND_PICTURE)
        }
        error => Error::format(path, format!("this picture is damaged ({error})"), MEND_PICTURE),
    }
}

/// A reader that knows the format by content and allocates little more than `side × side` pixels
/// of four 32-bit channels need: the TIFF reader lets tags claim as much as the limit allows.
fn reader(path: &Path, side: usize) -> Result<ImageReader<BufReader<File>>> {
    let refused = |source| Error::io("read", path, source);
    let mut reader = ImageReader::open(path).map_err(refused)?.with_guessed_format().map_err(refused)?;
    let mut limits = Limits::default();
    let pixels = (side as u64).saturating_mul(side as u64).saturating_mul(16);
    limits.max_alloc = Some(pixels.saturating_add(1 << 20).min(MAX_DECODED));
    reader.limits(limits);
    Ok(reader)
}

/// Columns, rows and colours of a picture, from its header.
fn header(path: &Path) -> Result<(usize, usize, ColorType)> {
    let decoder = reader(path, MAX_SIDE)?.into_decoder().map_err(|error| picture_error(path, error))?;
    let (width, height) = decoder.dimensions();
    Ok((width as usize, height as usize, decoder.color_type()))
}

/// Reads `patches.csv` where it is there: what is known of each picture, by relative path.
fn read_table(dir: &Path, warnings: &mut Vec<Warning>) -> Result<HashMap<String, PatchInfo>> {
    let path = dir.join(TABLE);
    let mut table = HashMap::new();
    if !path.is_file() {
        return Ok(table);
    }
    let wrong = |error: csv::Error| {
        let line = error.position().map_or(String::new(), |at| format!(" at line {}", at.line()));
        Error::format(
            &path,
            format!("the table cannot be read{line} ({error})"),
            "repair the table or delete it",
        )
    };
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_path(&path).map_err(wrong)?;
    let columns = rows.headers().map_err(wrong)?.clone();
    let column = |name: &str| columns.iter().position(|column| column.trim() == name);
    let Some(file) = column("file") else {
        warnings.push(format!("{TABLE} has no column 'file' and was left out").into());
        return Ok(table);
    };
    let (micrograph, x, y) = (column("micrograph"), column("x"), column("y"));
    for row in rows.records() {
        let row = row.map_err(wrong)?;
        let cell =
            |at: Option<usize>| at.and_then(|at| row.get(at)).map(str::trim).filter(|text| !text.is_empty());
        let place =
            |at| cell(at).and_then(|text: &str| text.parse::<f64>().ok()).filter(|value| value.is_finite());
        let Some(name) = cell(Some(file)) else { continue };
        let xy = place(x).zip(place(y));
        if xy.is_none() && (cell(x).is_some() || cell(y).is_some()) {
            let line = row.position().map_or(0, |at| at.line());
            let problem =
                format!("line {line} has x '{}' and y '{}'", cell(x).unwrap_or(""), cell(y).unwrap_or(""));
            return Err(Error::format(&path, problem, "write both as numbers, or leave both empty"));
        }
        let info = PatchInfo {
            micrograph: cell(micrograph).map(str::to_owned),
            xy,
            columns: BTreeMap::new(),
            ..PatchInfo::default()
        };
        table.insert(name.replace('\\', "/"), info);
    }
    Ok(table)
}

/// Pictures of one size, decoded when asked for.
struct FolderPatches {
    dir: PathBuf,
    size: usize,
    files: Vec<(PathBuf, PatchInfo)>,
}

impl PatchReader for FolderPatches {
    fn size(&self) -> usize {
        self.size
    }

    fn len(&self) -> usize {
        self.files.len()
    }

    fn info(&self, index: usize) -> PatchInfo {
        self.files.get(index).map(|(_, info)| info.clone()).unwrap_or_default()
    }

    fn read(&mut self, index: usize, out: &mut [f32]) -> Result<()> {
        let Some((path, _)) = self.files.get(index).filter(|_| out.len() == self.size * self.size) else {
            return Err(wrong_request(&self.dir, index, self.files.len(), self.size, out.len()));
        };
        let picture = reader(path, self.size)?.decode().map_err(|error| picture_error(path, error))?;
        if (picture.width() as usize, picture.height() as usize) != (self.size, self.size) {
            return Err(Error::format(
                path,
                "this picture has changed since it was opened",
                "import the folder again",
            ));
        }
        fill(out, &picture);
        check_finite(path, "this patch", self.size, out)
    }
}

/// Grey values as stored; brightness of coloured pictures in the same range.
fn fill(out: &mut [f32], picture: &DynamicImage) {
    fn copy<T: Copy>(out: &mut [f32], from: &[T], value: impl Fn(T) -> f32) {
        for (to, from) in out.iter_mut().zip(from) {
            *to = value(*from);
        }
    }
    match picture {
        DynamicImage::ImageLuma8(grey) => copy(out, grey, f32::from),
        DynamicImage::ImageLuma16(grey) => copy(out, grey, f32::from),
        DynamicImage::ImageLumaA16(_) | DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgba16(_) => {
            copy(out, &picture.to_luma16(), f32::from);
        }
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_) => {
            // Brightness by the weights of Rec. 709, as for the other types.
            let pixels = picture.to_rgb32f();
            for (to, pixel) in out.iter_mut().zip(pixels.pixels()) {
                let [red, green, blue] = pixel.0;
                *to = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            }
        }
        _ => copy(out, &picture.to_luma8(), f32::from),
    }
}
