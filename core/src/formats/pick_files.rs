//! Opens picks of any format: a file, RELION's index of coordinate files, or a folder of files.
//!
//! A picker that finds nothing on a micrograph writes a file without rows, or an empty file. Such a file is a
//! valid table of no picks. A file of a folder or an index that cannot be read is listed with its reason,
//! and the others are still read.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::form::{Form, START, form, named_like_any_text};
use super::micrograph::first_bytes;
use super::names::extension;
use super::relion_columns::{GROUP, StarContents, is_coordinate_list};
use super::repeated_picks::count_once;
use super::stack_set::{list, resolve};
use super::star::{StarFile, Table};
use super::{
    Format, LeftOut, OpticsGroup, PickColumns, PickTable, cbox, cryosparc, eman_box, eman_json, folder,
    mapped_table, pick_csv, plain_coordinates, relion, via,
};
use crate::error::{Error, Result};

/// Opens picks; of a folder all pick files in it and in the folders inside it, whose names then stand
/// for the micrographs.
///
/// # Errors
/// When the input cannot be read, is no file of picks, or is not as its format wants it; for a folder
/// or an index when that holds for all of its files.
pub fn open_picks(path: &Path) -> Result<PickTable> {
    open_picks_by(path, None)
}

/// As [`open_picks`]; text tables are read by the columns that a person has named.
///
/// # Errors
/// As [`open_picks`].
pub fn open_picks_by(path: &Path, columns: Option<&PickColumns>) -> Result<PickTable> {
    match path.is_dir() {
        true => open_folder(path, columns),
        false => open_file(path, columns, Nested::May, &mut HashSet::new()),
    }
}

/// Whether a file may be an index of others.
#[derive(Clone, Copy, PartialEq)]
enum Nested {
    May,
    MayNot,
}

/// Opens one file; what an index lists is added to `read`.
fn open_file(
    path: &Path,
    columns: Option<&PickColumns>,
    nested: Nested,
    read: &mut HashSet<PathBuf>,
) -> Result<PickTable> {
    if let Some(columns) = columns.filter(|_| mapped_table::applies(path)) {
        return mapped_table::open(path, columns);
    }
    match form(path)? {
        Form::NoPicks => Ok(PickTable {
            path: path.to_owned(),
            kind: "pick file without picks".into(),
            ..PickTable::default()
        }),
        Form::Star => {
            let star = StarFile::read(path)?;
            let index = star.blocks.iter().filter_map(|b| b.table.as_ref()).find(|t| is_coordinate_list(t));
            match (index, nested) {
                (None, _) => relion::picks_of(&star),
                (Some(files), Nested::May) => open_index(path, files, read),
                // An index that lists itself, or another index, would never end.
                (Some(_), Nested::MayNot) => Err(Error::format(
                    path,
                    "it is a list of coordinate files within such a list",
                    "name the coordinate files themselves",
                )),
            }
        }
        Form::CryoSparc => cryosparc::open_picks(path),
        Form::Cbox => cbox::open(path),
        Form::EmanBox => eman_box::open(path),
        Form::EmanJson => eman_json::open(path),
        Form::Via => via::open(path),
        Form::Table => pick_csv::open(path),
        Form::PlainCoordinates => plain_coordinates::open(path),
        Form::PyTorch | Form::Npy | Form::MrcStack | Form::Hdf5 | Form::Picture(_) => Err(Error::format(
            path,
            "it holds pixels, no positions",
            "give a STAR, box, cbox, json, CSV, TSV or coord file with positions",
        )),
    }
}

/// What is wrong with a file, without its name and without the remedy.
fn reason(error: &Error) -> String {
    match error {
        Error::Format { problem, .. } => problem.clone(),
        other => other.to_string(),
    }
}

/// Reads every file of an index of coordinate files.
fn open_index(path: &Path, files: &Table, read: &mut HashSet<PathBuf>) -> Result<PickTable> {
    let need = |name: &str| {
        files.column(name).ok_or_else(|| {
            Error::format(
                path,
                format!(
                    "its list of coordinate files has no column {name}; it has {}",
                    files.columns.join(", ")
                ),
                "write the list again with RELION",
            )
        })
    };
    let (micrographs, coordinates) = (need("rlnMicrographName")?, need("rlnMicrographCoordinates")?);
    let mut table =
        PickTable { path: path.to_owned(), kind: Format::RelionCoordinateList, ..PickTable::default() };
    let mut merged = Merged::default();
    let mut missing = Vec::new();
    for row in 0..files.len() {
        let cells = files.row(row);
        let (micrograph, named) = (cells[micrographs], cells[coordinates]);
        let Some(file) = resolve(path, named) else {
            missing.push(named.to_owned());
            table.left_out.push(LeftOut {
                path: PathBuf::from(named),
                reason: format!("line {} names it, and it is not there", files.line(row)),
            });
            continue;
        };
        read.insert(std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone()));
        match open_file(&file, None, Nested::MayNot, &mut HashSet::new()) {
            Ok(mut inner) => {
                for pick in &mut inner.picks {
                    pick.micrograph = Some(micrograph.to_owned());
                }
                if inner.picks.is_empty() {
                    inner.without_picks = vec![micrograph.to_owned()];
                }
                merged.add(&mut table, inner);
            }
            Err(error) => table.left_out.push(LeftOut { path: file, reason: reason(&error) }),
        }
    }
    if merged.files == 0 && !missing.is_empty() {
        return Err(Error::format(
            path,
            format!(
                "{} of its {} coordinate files are not there: {}",
                missing.len(),
                files.len(),
                list(&missing)
            ),
            "put them where the paths in the list lead, seen from its folder or a folder above it",
        ));
    }
    if let (0, Some(first)) = (merged.files, table.left_out.first()) {
        return Err(Error::format(
            path,
            format!(
                "none of its {} coordinate files can be read; {}: {}",
                files.len(),
                first.path.display(),
                first.reason
            ),
            "pick again, or give the coordinate files themselves",
        ));
    }
    table.pixel_size = merged.pixel_size();
    Ok(table)
}

/// All pick files of a folder as one table.
fn open_folder(path: &Path, columns: Option<&PickColumns>) -> Result<PickTable> {
    let files = folder::contents(path, &mut || true)?.picks;
    let mut table =
        PickTable { path: path.to_owned(), kind: "folder of pick files".into(), ..PickTable::default() };
    let mut read = HashSet::new();
    let mut seen: Vec<(String, PathBuf)> = Vec::new();
    let mut opened: Vec<Opened> = Vec::new();
    // An index first: what it lists is not read a second time.
    let (indices, others): (Vec<PathBuf>, Vec<PathBuf>) = files.into_iter().partition(|file| is_index(file));
    let truth = |file: &Path| {
        file.file_stem().is_some_and(|stem| stem.to_string_lossy().eq_ignore_ascii_case("truth"))
    };
    let alone = indices.len() + others.len() == 1;
    for file in indices.into_iter().chain(others) {
        if read.contains(&std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
            continue;
        }
        let mut leave_out = |reason: String| table.left_out.push(LeftOut { path: file.clone(), reason });
        if !alone && truth(&file) {
            leave_out("it is named as the truth of a benchmark, which serves evaluation only".to_owned());
            continue;
        }
        let by_columns = columns.is_some() && mapped_table::applies(&file);
        if let Some(reason) = no_picks(&file).filter(|_| !by_columns) {
            leave_out(reason);
            continue;
        }
        let mut inner = match open_file(&file, columns, Nested::May, &mut read) {
            Ok(inner) => inner,
            Err(error) => {
                leave_out(reason(&error));
                continue;
            }
        };
        // The name of the file, with the folders inside `path`, stands for the micrograph.
        let own = file.strip_prefix(path).unwrap_or(&file).with_extension("");
        let own = own.to_string_lossy().into_owned();
        let nameless = inner.picks.iter().any(|p| p.micrograph.is_none());
        if nameless {
            if let Some((_, other)) = seen.iter().find(|(name, _)| *name == own) {
                return Err(Error::format(
                    path,
                    format!(
                        "{} and {} hold picks of the same micrograph",
                        short(path, other),
                        short(path, &file)
                    ),
                    "keep one of the two in the folder",
                ));
            }
            seen.push((own.clone(), file.clone()));
        }
        if inner.picks.is_empty() && inner.without_picks.is_empty() {
            inner.without_picks.push(own.clone());
        }
        for pick in &mut inner.picks {
            pick.micrograph.get_or_insert_with(|| own.clone());
        }
        opened.push(Opened { file, nameless, table: inner });
    }
    let merged = merge(path, opened, &mut table);
    if merged.files == 0 {
        return Err(match table.left_out.as_slice() {
            [] => Error::format(
                path,
                "the folder holds no pick files",
                "give a folder with STAR, box, cbox, json, CSV, TSV or coord files",
            ),
            [first, ..] => Error::format(
                path,
                format!(
                    "none of the {} files that are named like pick files holds picks; {}: {}",
                    table.left_out.len(),
                    short(path, &first.path),
                    first.reason
                ),
                "give the folder with the pick files",
            ),
        });
    }
    table.pixel_size = merged.pixel_size();
    Ok(table)
}

/// A file of a folder.
struct Opened {
    file: PathBuf,
    /// Whether its own name stands for the micrograph.
    nameless: bool,
    table: PickTable,
}

/// Joins the files of a folder; a pick that several of them give counts once.
fn merge(folder: &Path, mut opened: Vec<Opened>, table: &mut PickTable) -> Merged {
    // Tables that name their micrographs are kept whole: they say more.
    let mut order: Vec<usize> = (0..opened.len()).collect();
    order.sort_by_key(|&at| opened.get(at).is_some_and(|file| file.nameless));
    let mut tables: Vec<&mut PickTable> = opened.iter_mut().map(|file| &mut file.table).collect();
    let repeated = count_once(&mut tables, &order);
    let files: Vec<PathBuf> = opened.iter().map(|file| file.file.clone()).collect();
    let mut merged = Merged::default();
    for (at, Opened { file, table: mut inner, .. }) in opened.into_iter().enumerate() {
        if let Some(repeated) = repeated.iter().find(|repeated| repeated.file == at) {
            let kept_by = files.get(repeated.kept_by).map(|kept| short(folder, kept)).unwrap_or_default();
            if inner.picks.is_empty() {
                let reason = match repeated.picks {
                    1 => format!("its pick is in {kept_by} too"),
                    all => format!("all of its {all} picks are in {kept_by} too"),
                };
                table.left_out.push(LeftOut { path: file, reason });
                continue;
            }
            let count_once = format!(
                "{} of the {} picks of {} are in {kept_by} too and count once",
                repeated.picks,
                repeated.picks + inner.picks.len(),
                short(folder, &file)
            );
            inner.warnings.push(count_once.into());
        }
        merged.add(table, inner);
    }
    merged
}

/// The path of a file seen from a folder.
fn short(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).display().to_string()
}

/// Whether a file is an index of coordinate files.
fn is_index(file: &Path) -> bool {
    // The names of its columns are at its beginning.
    extension(file) == "star"
        && first_bytes(file, START)
            .is_ok_and(|start| String::from_utf8_lossy(&start).contains("_rlnMicrographCoordinates"))
}

/// Why a file that is named like a pick file holds no picks; `None` where it may hold some.
pub(crate) fn no_picks(file: &Path) -> Option<String> {
    let found = form(file).ok();
    match found {
        // A text file that is no table of picks (a log, a summary) may lie beside them.
        None if named_like_any_text(file) => Some("it holds no picks".to_owned()),
        // The name alone makes a CSV file a table; its header must bear it out.
        Some(Form::Table) => {
            let start = first_bytes(file, START).unwrap_or_default();
            let like = pick_csv::looks_like(&String::from_utf8_lossy(&start));
            (!like && named_like_any_text(file)).then(|| "it holds no picks".to_owned())
        }
        Some(Form::EmanJson) => {
            let text = super::text::read_text(file).unwrap_or_default();
            (!text.contains("\"boxes\"")).then(|| "it holds no boxes".to_owned())
        }
        Some(Form::Star) => {
            let star = StarFile::read(file).ok()?;
            let contents = StarContents::of(&star);
            match contents {
                StarContents { positions: true, .. } => None,
                StarContents { movies: true, .. } => {
                    Some("it describes a movie and holds no positions".to_owned())
                }
                StarContents { micrographs: true, .. } => {
                    Some("it is a table of micrographs and holds no positions".to_owned())
                }
                _ => Some(format!("it holds no positions: {}", star.outline())),
            }
        }
        _ => None,
    }
}

/// Tables of several files being joined.
#[derive(Default)]
struct Merged {
    files: usize,
    pixel_sizes: Vec<Option<f64>>,
}

impl Merged {
    /// Adds `inner` to `table`. Optics groups that agree in everything but their number and name become
    /// one; the others get new numbers, for each file counts its own from 1.
    fn add(&mut self, table: &mut PickTable, mut inner: PickTable) {
        self.files += 1;
        if !inner.picks.is_empty() {
            self.pixel_sizes.push(inner.pixel_size);
        }
        let mut numbers: BTreeMap<String, String> = BTreeMap::new();
        for group in &inner.optics {
            let Some(own) = group.columns.get(GROUP) else { continue };
            let known = table.optics.iter().find(|other| same_optics(other, group));
            let number = match known.and_then(|known| known.columns.get(GROUP)) {
                Some(number) => number.clone(),
                None => {
                    let mut new = group.clone();
                    let number = (table.optics.len() + 1).to_string();
                    new.columns.insert(GROUP.to_owned(), number.clone());
                    let name = new.columns.entry(NAME.to_owned()).or_default();
                    if name.is_empty() || table.optics.iter().any(|g| g.columns.get(NAME) == Some(name)) {
                        *name = format!("opticsGroup{number}");
                    }
                    table.optics.push(new);
                    number
                }
            };
            numbers.insert(own.clone(), number);
        }
        for pick in &mut inner.picks {
            if let Some(own) = pick.columns.get_mut(GROUP)
                && let Some(number) = numbers.get(own)
            {
                own.clone_from(number);
            }
        }
        table.picks.append(&mut inner.picks);
        table.without_picks.append(&mut inner.without_picks);
        table.left_out.append(&mut inner.left_out);
        table.warnings.append(&mut inner.warnings);
        table.often_upside_down |= inner.often_upside_down;
    }

    /// Å per px on which all files with picks agree.
    fn pixel_size(&self) -> Option<f64> {
        let first = self.pixel_sizes.first().copied().flatten()?;
        self.pixel_sizes.iter().all(|size| *size == Some(first)).then_some(first)
    }
}

/// Column with the name of an optics group.
const NAME: &str = "rlnOpticsGroupName";

/// Whether two groups are the same but for number and name.
fn same_optics(a: &OpticsGroup, b: &OpticsGroup) -> bool {
    let own = |group: &OpticsGroup| {
        let mut columns = group.columns.clone();
        columns.remove(GROUP);
        columns.remove(NAME);
        columns
    };
    a.pixel_size == b.pixel_size && own(a) == own(b)
}
