//! What micrographs are called in an export, and from which of their rows y counts.
//!
//! Inside the project y counts down from the first stored row. Sources that counted from the last
//! row were turned over on import, and go back the way they came. RELION reads MRC as stored, and
//! turns TIFF over whatever its orientation tag says, as IMOD and MotionCor2 do (`rwTIFF.h`; tried
//! with RELION 3.1.3), so tables for RELION count as it will read the file.

use std::collections::HashMap;
use std::path::Path;

use super::format::{ExportFormat, YDirection};
use super::originals::Originals;
use super::relion_names;
use super::request::ExportRequest;
use crate::error::{Error, Result};
use crate::project::{Micrograph, MicrographId, PatchId, Place, Project, Source, SourceId, SourceKind};
use crate::remedy::Warning;

/// The micrographs of an export.
pub(super) struct Frame {
    of: HashMap<MicrographId, View>,
    turned: usize,
    /// What a person should know.
    pub warnings: Vec<Warning>,
}

/// One micrograph as the export sees it.
struct View {
    name: String,
    height: Option<usize>,
    turned: bool,
}

/// How the sources of a micrograph counted y.
#[derive(Default, Clone, Copy)]
struct Counted {
    down: bool,
    up: bool,
}

/// What a micrograph's file is, by the ending of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Mrc,
    Tiff,
    Picture,
}

impl Frame {
    /// Settles names and directions for the micrographs of `ids`.
    ///
    /// # Errors
    /// When the project cannot be read, a micrograph has no original among those named, sources of
    /// one micrograph count y from different rows, or a height that is needed is not known.
    pub fn new(
        project: &Project,
        request: &ExportRequest,
        ids: &[PatchId],
        places: &[Place],
    ) -> Result<Self> {
        let mut used: HashMap<MicrographId, bool> = HashMap::new();
        for place in ids.iter().filter_map(|&id| places.get(id as usize)) {
            if let Some(micrograph) = place.micrograph {
                *used.entry(micrograph).or_default() |= place.xy.is_some();
            }
        }
        let sources = project.sources()?;
        let counted = counted(&sources, places);
        // Micrographs with a pool alone follow the picks of the project.
        let picks: Vec<&Source> = sources.iter().filter(|s| s.info.bin.is_some() && !is_pool(s)).collect();
        let all_up = (!picks.is_empty() && picks.iter().all(|s| s.info.y_up))
            || (picks.is_empty() && sources.iter().any(|s| is_pool(s) && s.info.y_up));
        let micrographs: Vec<Micrograph> =
            project.micrographs()?.into_iter().filter(|m| used.contains_key(&m.id)).collect();
        let originals = match &request.micrograph_names {
            Some(given) => Some(Originals::read(given, &request.out)?),
            None => None,
        };
        let mut frame = Self { of: HashMap::new(), turned: 0, warnings: Vec::new() };
        let mut unread: Vec<String> = Vec::new();
        for micrograph in micrographs {
            let own = relion_names::name_of(&micrograph);
            let kind = kind_of(&micrograph, &own);
            let name = match &originals {
                Some(originals) => originals.name_of(&micrograph, &own)?,
                None => own,
            };
            if kind == FileKind::Picture && is_for_relion(request.format) && originals.is_none() {
                unread.push(name.clone());
            }
            let has_position = used.get(&micrograph.id).copied().unwrap_or(false);
            let turned = match request.y {
                YDirection::Down => false,
                YDirection::Up => true,
                YDirection::Source => {
                    let counted = counted.get(&micrograph.id).copied().unwrap_or_default();
                    if counted.up && counted.down && !is_settled(request.format, kind) {
                        return Err(Error::request(
                            format!("some picks on {name} count y from the first row, others from the last"),
                            "say from which row y is to count",
                        ));
                    }
                    let up = counted.up || (!counted.down && all_up);
                    turns(request.format, kind, up)
                }
            };
            let height = micrograph.dimensions.map(|(_, height)| height);
            if turned && has_position && height.is_none() {
                return Err(Error::request(
                    format!("the height of the micrograph {name} is not known, so y cannot be turned over"),
                    "let y count down from the first row, or import the micrograph itself",
                ));
            }
            frame.turned += usize::from(turned);
            frame.of.insert(micrograph.id, View { name, height, turned });
        }
        if let Some(first) = unread.first() {
            let text = format!(
                "{} of the micrographs are pictures ({first}), which RELION does not read",
                unread.len()
            );
            frame.warnings.push(Warning::new(text, "name the originals they were made from"));
        }
        Ok(frame)
    }

    /// Name of a micrograph.
    pub fn name(&self, id: Option<MicrographId>) -> Option<&str> {
        self.of.get(&id?).map(|view| view.name.as_str())
    }

    /// A centre as the export counts it.
    pub fn xy(&self, place: &Place) -> Option<(f64, f64)> {
        let (x, y) = place.xy?;
        let view = place.micrograph.and_then(|id| self.of.get(&id));
        match view.and_then(|view| view.height.filter(|_| view.turned)) {
            Some(height) => Some((x, height as f64 - 1.0 - y)),
            None => Some((x, y)),
        }
    }

    /// Whether the pictures cut from a micrograph are written upside down, as the program that
    /// reads the export will see the micrograph.
    pub fn turned(&self, id: Option<MicrographId>) -> bool {
        id.and_then(|id| self.of.get(&id)).is_some_and(|view| view.turned)
    }

    /// Turns the rows of a patch over where its micrograph is turned.
    pub fn orient(&self, id: Option<MicrographId>, patch: &mut [f32], size: usize) {
        if self.turned(id) && size > 0 {
            for row in 0..size / 2 {
                let (upper, lower) = patch.split_at_mut((size - 1 - row) * size);
                if let (Some(a), Some(b)) =
                    (upper.get_mut(row * size..(row + 1) * size), lower.get_mut(..size))
                {
                    a.swap_with_slice(b);
                }
            }
        }
    }

    /// What the coordinates count in, for the manifest.
    pub fn coordinates(&self) -> String {
        let from = match self.turned {
            0 => "y from the first stored row",
            n if n == self.of.len() => "y from the last stored row",
            _ => "y from the last stored row of some micrographs, from the first of the others",
        };
        format!("centre of the patch, px of the unbinned micrograph, {from}")
    }
}

/// Whether a source is an unlabeled pool, whose places were found by this program.
fn is_pool(source: &Source) -> bool {
    matches!(source.info.kind, SourceKind::Pool(_))
}

/// How the picks of every micrograph counted y.
fn counted(sources: &[Source], places: &[Place]) -> HashMap<MicrographId, Counted> {
    let up: HashMap<SourceId, bool> =
        sources.iter().filter(|s| !is_pool(s)).map(|s| (s.id, s.info.y_up)).collect();
    let mut counted: HashMap<MicrographId, Counted> = HashMap::new();
    if up.values().any(|up| *up) {
        for place in places {
            if let (Some(micrograph), Some(&up)) = (place.micrograph, up.get(&place.source)) {
                let entry = counted.entry(micrograph).or_default();
                entry.up |= up;
                entry.down |= !up;
            }
        }
    }
    counted
}

/// Whether RELION reads the micrographs that the format names.
const fn is_for_relion(format: ExportFormat) -> bool {
    matches!(format, ExportFormat::RelionStar | ExportFormat::RelionCoordinates)
}

/// Whether it is known how the reader of the format reads such a file.
fn is_settled(format: ExportFormat, kind: FileKind) -> bool {
    match format {
        ExportFormat::RelionStar | ExportFormat::RelionCoordinates => kind != FileKind::Picture,
        ExportFormat::CryosparcStar => kind == FileKind::Mrc,
        _ => false,
    }
}

/// Whether y is turned over; `up` says whether the picks were on import.
fn turns(format: ExportFormat, kind: FileKind, up: bool) -> bool {
    if is_settled(format, kind) { kind == FileKind::Tiff } else { up }
}

/// Whether RELION reads the rows of a micrograph from the last to the first.
pub(crate) fn relion_turns_over(file: &Path) -> bool {
    kind_of_file(file) == FileKind::Tiff
}

fn kind_of(micrograph: &Micrograph, name: &str) -> FileKind {
    kind_of_file(micrograph.path.as_deref().unwrap_or(Path::new(name)))
}

fn kind_of_file(file: &Path) -> FileKind {
    let mut ending = file.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    if matches!(ending.as_str(), "gz" | "bz2") {
        ending = "mrc".to_owned();
    }
    match ending.as_str() {
        "tif" | "tiff" => FileKind::Tiff,
        "png" | "jpg" | "jpeg" => FileKind::Picture,
        _ => FileKind::Mrc,
    }
}
