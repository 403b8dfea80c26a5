//! Makes the plan of an import: recognises files, matches picks with micrographs, settles one patch
//! size for all.

use std::collections::HashSet;
use std::path::Path;

use super::existing::Existing;
use super::mic::Mic;
use super::plan::Plan;
use super::progress::{Phase, Progress, tell};
use super::report::InputReport;
use super::request::IngestRequest;
use super::{files, picks};
use crate::error::{Error, Result};
use crate::formats::detect;
use crate::formats::micrograph::{self, Format, Match, Names};
use crate::formats::mrc;
use crate::imaging::CutSettings;
use crate::label::{Label, LabelCounts};
use crate::project::Project;

/// Recognises the request's files and settles what will be done with them.
pub(super) fn make(
    request: &IngestRequest,
    project: Option<&Project>,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Plan> {
    if let Some(size) = request.pixel_size
        && !(size.is_finite() && size > 0.0)
    {
        return Err(Error::request(format!("a pixel size of {size} Å"), "give a number above 0"));
    }
    let files = files::sort(request)?;
    let total = files.patches.len() + files.micrographs.len() + files.picks.len();
    let mut done = 0;
    let mut step = |progress: &mut dyn FnMut(Progress) -> bool| {
        done += 1;
        tell(progress, Phase::Recognising, done - 1, total)
    };

    let mut plan = Plan {
        existing: Existing::read(project, !files.micrographs.is_empty())?,
        inputs: Vec::new(),
        tables: Vec::new(),
        mics: Vec::new(),
        cut: None,
        size: None,
        contrast: None,
        unmatched: Vec::new(),
        ambiguous: Vec::new(),
        mirrored: false,
        warnings: files.warnings,
        pick_counts: Vec::new(),
    };
    for path in &files.micrographs {
        step(progress)?;
        plan.add_micrograph(path, request)?;
    }
    plan.existing.learn(plan.mics.iter().map(|m| m.name.clone()).collect::<Vec<_>>());
    let paths: Vec<String> = plan.mics.iter().map(|m| m.path.to_string_lossy().into_owned()).collect();
    let names = Names::new(&paths);
    for path in &files.picks {
        step(progress)?;
        let mut table = detect::open_picks(path)?;
        plan.warnings.append(&mut table.warnings);
        plan.pick_counts.push(table.picks.len());
        plan.tables.push(table);
    }
    plan.settle_cut(request)?;
    if let Some(cut) = plan.cut {
        picks::sort(&mut plan, &names, &cut, request)?;
    }
    for path in &files.patches {
        step(progress)?;
        plan.add_patches(path, &names, request, progress)?;
    }
    plan.settle_size(project)?;
    plan.compare_pixel_sizes(project, request)?;
    Ok(plan)
}

impl Plan {
    /// Reads what can be known of a micrograph without its pixels.
    fn add_micrograph(&mut self, path: &Path, request: &IngestRequest) -> Result<()> {
        let (width, height) = micrograph::dimensions(path)?;
        let of_file = match Format::of(&micrograph::first_bytes(path, 1024)?) {
            Some(Format::Mrc) => mrc::read_header(path)?.pixel_size,
            _ => None,
        };
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        // Equally named files of several folders are told apart by the folder.
        let folder = || path.parent().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
        let taken = |name: &str| self.mics.iter().any(|m| m.name == name);
        let name = match self.existing.name(&file) {
            Some(known) if !taken(known) => known.to_owned(),
            _ if !taken(&file) => file,
            _ => match folder().map(|folder| format!("{folder}/{file}")).filter(|name| !taken(name)) {
                Some(name) => name,
                None => path.to_string_lossy().into_owned(),
            },
        };
        if let Some(before) = self.existing.micrograph(&name).and_then(|m| m.dimensions)
            && before != (width, height)
        {
            return Err(Error::format(
                path,
                format!(
                    "it has {width} × {height} px, the micrograph {name} of the project {} × {}",
                    before.0, before.1
                ),
                "rename the file if it is another micrograph",
            ));
        }
        let pixel_size = request.pixel_size.or(of_file);
        self.mics.push(Mic { path: path.to_owned(), name, width, height, pixel_size, ..Mic::default() });
        Ok(())
    }

    /// How patches are cut from the micrographs, if any are.
    fn settle_cut(&mut self, request: &IngestRequest) -> Result<()> {
        if request.pool.is_some() && self.mics.is_empty() {
            return Err(Error::request(
                "an unlabeled pool is cut from micrographs, and none was named",
                "name them with --micrographs",
            ));
        }
        if self.tables.is_empty() && request.pool.is_none() {
            if !self.mics.is_empty() {
                self.warnings.push(format!(
                    "{} micrographs were named without picks and without a pool: nothing is cut from them",
                    self.mics.len()
                ));
            }
            return Ok(());
        }
        let box_size = match request.box_size {
            Some(size) => size,
            None => self.box_of_picks()?,
        };
        let cut = CutSettings { box_size, bin: request.bin, margin: request.margin };
        self.warnings.extend(cut.statement());
        cut.effective_box()?;
        self.cut = Some(cut);
        Ok(())
    }

    /// The box size on which all picks agree.
    fn box_of_picks(&self) -> Result<usize> {
        let mut range: Option<(f64, f64)> = None;
        for pick in self.tables.iter().flat_map(|t| &t.picks) {
            let Some(size) = pick.box_size else {
                range = None;
                break;
            };
            let (low, high) = range.unwrap_or((size, size));
            range = Some((low.min(size), high.max(size)));
        }
        match range {
            Some((low, high)) if high - low < 1.0 && (1.0..=CutSettings::LARGEST as f64).contains(&high) => {
                Ok(high.round() as usize)
            }
            Some((low, high)) => Err(Error::request(
                format!("the picks have boxes from {low} to {high} px"),
                "give one box size with --box",
            )),
            None => Err(Error::request(
                "the box size is not known, for the picks give none",
                "give it with --box, px of the unbinned micrograph",
            )),
        }
    }

    /// Opens ready patches and counts what they hold.
    fn add_patches(
        &mut self,
        path: &Path,
        names: &Names,
        request: &IngestRequest,
        progress: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<()> {
        let data = detect::open_patches(path)?;
        let mut labels = LabelCounts::default();
        let mut micrographs: HashSet<String> = HashSet::new();
        for index in 0..data.reader.len() {
            if index % 65_536 == 65_535 {
                tell(progress, Phase::Recognising, self.inputs.len(), self.inputs.len() + 1)?;
            }
            let info = data.reader.info(index);
            let label = request.label_of(&info);
            *labels.get_mut(label) += 1;
            let Some(name) = info.micrograph.filter(|name| !name.is_empty()) else { continue };
            // The pool keeps its distance from these too.
            if request.pool.is_some()
                && let (Match::Found(at), Some(xy)) = (names.find(&name), info.xy)
                && let Some(mic) = self.mics.get_mut(at)
            {
                match label {
                    Label::Positive => mic.positives.push(xy),
                    _ => mic.others.push(xy),
                }
            }
            micrographs.insert(name);
        }
        self.warnings.extend(data.warnings.iter().map(|w| prefixed(path, w)));
        self.inputs.push(InputReport {
            path: path.to_owned(),
            kind: data.kind,
            labels,
            size: data.reader.size(),
            pixel_size: request.pixel_size.or(data.pixel_size),
            micrographs: micrographs.len(),
        });
        Ok(())
    }

    /// One patch size for all inputs, the micrographs and the project.
    fn settle_size(&mut self, project: Option<&Project>) -> Result<()> {
        let mut sizes: Vec<(usize, String)> = Vec::new();
        if let Some((project, size)) = project.and_then(|p| p.size().map(|s| (p, s))) {
            sizes.push((size, format!("those of the project {}", project.dir().display())));
        }
        sizes.extend(self.inputs.iter().map(|i| (i.size, format!("those of {}", i.path.display()))));
        if let Some(cut) = self.cut {
            let what = format!("those cut with box {} and bin {}", cut.box_size, cut.bin);
            sizes.push((cut.patch_size()?, what));
        }
        let Some((first, what)) = sizes.first() else { return Ok(()) };
        if let Some((size, other)) = sizes.iter().find(|(size, _)| size != first) {
            return Err(Error::request(
                format!("patches have different sizes: {size}×{size} px {other}, {first}×{first} px {what}"),
                "choose --box and --bin so that box / bin agrees, or import into another project",
            ));
        }
        // A project's size alone is nothing to import.
        self.size = (!self.inputs.is_empty() || self.cut.is_some()).then_some(*first);
        Ok(())
    }

    /// Warns of pixel sizes that differ by more than a hundredth, and of files brought in before.
    fn compare_pixel_sizes(&mut self, project: Option<&Project>, request: &IngestRequest) -> Result<()> {
        let mut sizes: Vec<(f64, String)> = Vec::new();
        for source in project.map(Project::sources).transpose()?.unwrap_or_default() {
            if self.inputs.iter().any(|i| i.path == source.info.path) {
                self.warnings.push(format!(
                    "{} was imported before, at {}: its patches will be there twice",
                    source.info.path.display(),
                    source.imported_at
                ));
            }
            sizes.extend(source.info.pixel_size.map(|s| (s, "in the project".to_owned())));
        }
        sizes.extend(self.inputs.iter().filter_map(|i| Some((i.pixel_size?, i.path.display().to_string()))));
        if self.cut.is_some() {
            let bin = request.bin as f64;
            sizes.extend(self.mics.iter().filter_map(|m| Some((m.pixel_size? * bin, m.name.clone()))));
        }
        let differ = |a: f64, b: f64| (a / b - 1.0).abs() > 0.01;
        if let Some((first, what)) = sizes.first()
            && let Some((size, other)) = sizes.iter().find(|(size, _)| differ(*size, *first))
        {
            self.warnings.push(format!(
                "patches have different pixel sizes: {first:.3} Å ({what}) and {size:.3} Å ({other})"
            ));
        }
        if request.pixel_size.is_none() {
            for table in &self.tables {
                let mic = self.mics.iter().find_map(|m| m.pixel_size.map(|s| (s, &m.name)));
                if let (Some(counted), Some((size, name))) = (table.pixel_size, mic)
                    && differ(counted, size)
                {
                    self.warnings.push(format!(
                        "the coordinates of {} count in px of {counted:.3} Å, the micrograph {name} has {size:.3} Å: \
                         check that they belong together",
                        table.path.display()
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A warning with the file it concerns, unless it names it already.
fn prefixed(path: &Path, warning: &str) -> String {
    let name = path.display().to_string();
    if warning.contains(&name) { warning.to_owned() } else { format!("{name}: {warning}") }
}
