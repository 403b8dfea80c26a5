//! Makes the plan of an import: recognises files, matches picks with micrographs, settles one patch
//! size for all.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::existing::Existing;
use super::files::Sorted;
use super::mic::{Mic, with_folder};
use super::plan::Plan;
use super::progress::Phase;
use super::report::{BadMicrograph, InputReport};
use super::request::IngestRequest;
use super::{files, picks};
use crate::error::{Error, Result};
use crate::formats::micrograph::{self, Match, MicrographHeader, Names};
use crate::formats::{LeftOut, MicrographEntry, OpticsGroup, micrograph_table};
use crate::imaging::CutSettings;
use crate::label::{Label, LabelCounts};
use crate::progress::{ProgressSink, report};
use crate::project::Project;
use crate::remedy::{Remedy, Warning};

/// Recognises the request's files and settles what will be done with them.
pub(super) fn make(
    request: &IngestRequest,
    project: Option<&Project>,
    progress: ProgressSink<'_>,
) -> Result<Plan> {
    let (mut plan, Rest { patches, names, mut done, total }) = places(request, project, progress)?;
    for path in &patches {
        report(progress, Phase::Recognising, done, total)?;
        done += 1;
        plan.add_patches(path, &names, request, progress)?;
    }
    plan.settle_size(project)?;
    plan.compare_pixel_sizes(project, request)?;
    plan.settle_pixel_sizes(request);
    Ok(plan)
}

/// What [`places`] leaves to be read.
pub(super) struct Rest {
    /// Files of ready patches.
    patches: Vec<PathBuf>,
    /// Names of the micrographs.
    names: Names,
    /// Files read, of `total`.
    done: usize,
    total: usize,
}

/// The beginning of a plan: micrographs and the picks on them, without ready patches.
pub(super) fn places(
    request: &IngestRequest,
    project: Option<&Project>,
    progress: ProgressSink<'_>,
) -> Result<(Plan, Rest)> {
    request.check()?;
    let mut files = files::sort(request)?;
    let listed = meant(&mut files)?;
    let total = files.patches.len() + listed.len() + files.picks.len();
    let mut done = 0;
    let mut step = |progress: ProgressSink<'_>| {
        done += 1;
        report(progress, Phase::Recognising, done - 1, total)
    };

    let mut plan = Plan {
        existing: Existing::read(project, !listed.is_empty())?,
        inputs: Vec::new(),
        tables: Vec::new(),
        further: files.further,
        mics: Vec::new(),
        cut: None,
        size: None,
        contrast: None,
        bad: Vec::new(),
        left_out: files.left_out,
        scores: None,
        unmatched: Vec::new(),
        ambiguous: Vec::new(),
        mirrored: false,
        warnings: files.warnings,
        pick_counts: Vec::new(),
    };
    for micrograph in listed {
        step(progress)?;
        let path = micrograph.path.clone();
        if let Err(error) = plan.add_micrograph(micrograph, request) {
            plan.bad.push(BadMicrograph { path, reason: reason(error), picks: 0 });
        }
    }
    if plan.mics.is_empty() {
        plan.refuse_bad(request)?;
    }
    plan.existing.learn(plan.mics.iter().map(|m| m.name.clone()).collect::<Vec<_>>());
    // Picks on a micrograph that cannot be used are on that one and not on none.
    let paths = plan.mics.iter().map(|m| &m.path).chain(plan.bad.iter().map(|b| &b.path));
    let names = Names::new(&paths.map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>());
    let mut failed = None;
    for path in &files.picks {
        step(progress)?;
        match plan.open_picks(path, request.columns.as_ref()) {
            Ok(mut table) => {
                plan.warnings.extend(std::mem::take(&mut table.warnings));
                plan.left_out.append(&mut table.left_out);
                plan.pick_counts.push(table.picks.len());
                plan.tables.push(table);
            }
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => {
                failed.get_or_insert(plan.left_out.len());
                plan.left_out.push(LeftOut { path: path.clone(), reason: error.to_string() });
                if files.picks.len() == 1 {
                    return Err(error);
                }
            }
        }
    }
    if let (true, Some(first)) = (plan.tables.is_empty(), failed.and_then(|at| plan.left_out.get(at))) {
        return Err(Error::request(
            format!("none of the {} pick files can be read: {}", files.picks.len(), first.reason),
            "name files of picks",
        ));
    }
    plan.settle_cut(request)?;
    if let Some(cut) = plan.cut {
        picks::sort(&mut plan, &names, &cut, request)?;
    }
    Ok((plan, Rest { patches: files.patches, names, done, total }))
}

/// What is wrong with a micrograph, without its name and without the remedy.
pub(super) fn reason(error: Error) -> String {
    match error {
        Error::Format { problem, .. } => problem,
        other => other.to_string(),
    }
}

/// A micrograph to be imported, with what a table says of it.
struct Meant {
    path: PathBuf,
    entry: Option<MicrographEntry>,
    optics: Option<OpticsGroup>,
}

/// The micrographs of the request. Where a table lists micrographs, these are meant and no others.
fn meant(files: &mut Sorted) -> Result<Vec<Meant>> {
    let paths = std::mem::take(&mut files.micrographs);
    if files.tables.is_empty() {
        return Ok(paths.into_iter().map(|path| Meant { path, entry: None, optics: None }).collect());
    }
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let names = Names::new(&paths.iter().map(|p| p.to_string_lossy().into_owned()).collect::<Vec<_>>());
    let mut meant: Vec<Meant> = Vec::new();
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    for path in &files.tables {
        let table = micrograph_table::open(path)?;
        let count = table.entries.len();
        let mut missing = Vec::new();
        for entry in table.entries {
            let named = || match names.find(&entry.name) {
                Match::Found(at) => paths.get(at).cloned(),
                _ => None,
            };
            let Some(file) = entry.path.clone().or_else(named) else {
                missing.push(entry.name);
                continue;
            };
            let optics = entry.optics.and_then(|at| table.optics.get(at).cloned());
            match places.get(&real(&file)).and_then(|&at| meant.get_mut(at)) {
                // A second table of the same micrographs may know more.
                Some(known) => known.learn(entry, optics),
                None => {
                    places.insert(real(&file), meant.len());
                    meant.push(Meant { path: file, entry: Some(entry), optics });
                }
            }
        }
        let first = missing.first().cloned().unwrap_or_default();
        if missing.len() == count {
            return Err(Error::format(
                path,
                format!("none of its {count} micrographs is there, the first is {first}"),
                "put them where the paths in the table lead, seen from its folder or one above it, or name their folder too",
            ));
        }
        if !missing.is_empty() {
            files.warnings.push(
                format!(
                    "{} of the {count} micrographs that {} lists are not there, the first is {first}",
                    missing.len(),
                    path.display()
                )
                .into(),
            );
        }
    }
    for path in paths {
        if !places.contains_key(&real(&path)) {
            let reason = "the table of micrographs does not list it".to_owned();
            files.left_out.push(LeftOut { path, reason });
        }
    }
    Ok(meant)
}

impl Meant {
    /// Adds what another table says.
    fn learn(&mut self, other: MicrographEntry, optics: Option<OpticsGroup>) {
        if let Some(entry) = &mut self.entry {
            entry.pixel_size = entry.pixel_size.or(other.pixel_size);
            for (name, value) in other.columns {
                entry.columns.entry(name).or_insert(value);
            }
        }
        self.optics = self.optics.take().or(optics);
    }
}

impl Plan {
    /// Reads what can be known of a micrograph without its pixels.
    fn add_micrograph(&mut self, meant: Meant, request: &IngestRequest) -> Result<()> {
        let Meant { path, entry, optics } = meant;
        let path = path.as_path();
        let MicrographHeader { width, height, pixel_size: of_file } = micrograph::header(path)?;
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        // Equally named files of several folders are told apart by the folder.
        let folder = path.parent().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
        let taken = |name: &str| self.mics.iter().any(|m| m.name == name);
        let elsewhere = |name: &str| !self.existing.may_be(name, path);
        let called = entry.as_ref().map_or(file.as_str(), |entry| entry.name.as_str());
        // The file says which micrograph it is; its name only where the project knows no other file for it.
        let same_name = self.existing.name(called);
        let known = self.existing.at(path).or(same_name.filter(|name| !elsewhere(name)));
        let name = match known.filter(|name| !taken(name)) {
            Some(known) => known.to_owned(),
            None => {
                let in_folder = folder.map(|folder| format!("{folder}/{file}"));
                let whole = path.to_string_lossy().into_owned();
                let free = |name: &String| !taken(name) && !elsewhere(name);
                [Some(file.clone()), in_folder].into_iter().flatten().find(free).unwrap_or(whole)
            }
        };
        if known.is_none()
            && let Some(other) = same_name
        {
            self.warnings.push(
                format!(
                    "{} has the name of the micrograph {other} of the project but is another file, so it is \
                 imported as {name}",
                    path.display()
                )
                .into(),
            );
        }
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
        let of_table = entry.as_ref().and_then(|entry| entry.pixel_size);
        let pixel_size = request.pixel_size.or(of_table).or(of_file);
        let table_name = entry.as_ref().and_then(|entry| with_folder(&entry.name));
        let path = path.to_owned();
        self.mics.push(Mic {
            path,
            name,
            table_name,
            width,
            height,
            pixel_size,
            table: entry,
            optics,
            ..Mic::default()
        });
        Ok(())
    }

    /// How patches are cut from the micrographs, if any are.
    fn settle_cut(&mut self, request: &IngestRequest) -> Result<()> {
        if request.pool.is_some() && self.mics.is_empty() {
            return Err(Error::request(
                "an unlabeled pool is cut from micrographs, and none was named",
                Remedy::NameMicrographs,
            ));
        }
        if self.tables.is_empty() && request.pool.is_none() {
            if !self.mics.is_empty() {
                self.warnings.push(format!(
                    "{} micrographs were named without picks and without a pool: nothing is cut from them now",
                    self.mics.len()
                ).into());
            }
            return Ok(());
        }
        let box_size = match request.box_size {
            Some(size) => size,
            None => self.box_of_picks(request.picks_scale.unwrap_or(1.0))?,
        };
        let cut = CutSettings { box_size, bin: request.bin, margin: request.margin };
        self.warnings.extend(cut.statement().map(Warning::from));
        cut.effective_box()?;
        self.cut = Some(cut);
        Ok(())
    }

    /// The box size on which all picks agree, px of the micrograph; `scale` is that of the picks.
    fn box_of_picks(&self, scale: f64) -> Result<usize> {
        let mut range: Option<(f64, f64)> = None;
        for pick in self.tables.iter().flat_map(|t| &t.picks) {
            let Some(size) = pick.box_size.map(|size| size * scale) else {
                range = None;
                break;
            };
            let (low, high) = range.unwrap_or((size, size));
            range = Some((low.min(size), high.max(size)));
        }
        match range {
            Some((low, high))
                if high - low < scale.max(1.0) && (1.0..=CutSettings::LARGEST as f64).contains(&high) =>
            {
                Ok(high.round() as usize)
            }
            Some((low, high)) => {
                Err(Error::request(format!("the picks have boxes from {low} to {high} px"), Remedy::GiveBox))
            }
            None => {
                Err(match self.tables.iter().flat_map(|t| &t.picks).find_map(|p| Some(p.diameter? * scale)) {
                    Some(diameter) => Error::request(
                        format!(
                            "the box size is not known: the picks give the diameter of the particle, {diameter} px"
                        ),
                        format!(
                            "give a box of 1.5 to 2 times that, such as {} px",
                            box_for_diameter(diameter)
                        ),
                    ),
                    None => {
                        Error::request("the box size is not known, for the picks give none", Remedy::GiveBox)
                    }
                })
            }
        }
    }

    /// Opens ready patches and counts what they hold.
    fn add_patches(
        &mut self,
        path: &Path,
        names: &Names,
        request: &IngestRequest,
        progress: ProgressSink<'_>,
    ) -> Result<()> {
        let data = self.open_patches(path)?;
        let mut labels = LabelCounts::default();
        let mut micrographs: HashSet<String> = HashSet::new();
        for index in 0..data.reader.len() {
            if index % 65_536 == 65_535 {
                report(progress, Phase::Recognising, self.inputs.len(), self.inputs.len() + 1)?;
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
        let mut ambiguous: Vec<&String> =
            micrographs.iter().filter(|name| !self.existing.several(name).is_empty()).collect();
        ambiguous.sort();
        if let Some(first) = ambiguous.first() {
            self.warnings.push(format!(
                "{}: {} of its micrographs match several of the project equally well, so they are imported \
                 as new ones; the first is {first}, which could be {}",
                path.display(),
                ambiguous.len(),
                self.existing.several(first).join(" or ")
            ).into());
        }
        let file = path.display().to_string();
        self.warnings.extend(data.warnings.into_iter().map(|warning| warning.about(&file)));
        self.inputs.push(InputReport {
            path: path.to_owned(),
            kind: data.kind.to_string(),
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
                Remedy::MatchPatchSize,
            ));
        }
        // A project's size alone is nothing to import.
        self.size = (!self.inputs.is_empty() || self.cut.is_some()).then_some(*first);
        Ok(())
    }

    /// The pixel size of every micrograph: as asked for, else that of the table of micrographs, else
    /// that of the tables of picks, else that of the header. Exactly 1 Å in a header is what programs
    /// write that do not know it.
    fn settle_pixel_sizes(&mut self, request: &IngestRequest) {
        if request.pixel_size.is_some() {
            return;
        }
        let agreed = |mut sizes: Box<dyn Iterator<Item = Option<f64>> + '_>| {
            let first = sizes.next().flatten()?;
            sizes.all(|size| size == Some(first)).then_some(first)
        };
        let of_all = agreed(Box::new(self.tables.iter().map(|table| table.pixel_size)));
        let mut suspect = 0;
        for mic in &mut self.mics {
            if mic.table.as_ref().is_some_and(|table| table.pixel_size.is_some()) {
                continue;
            }
            let mut tables: Vec<usize> = mic.picks.iter().map(|pick| pick.table).collect();
            tables.dedup();
            let of_picks = agreed(Box::new(
                tables.iter().map(|&at| self.tables.get(at).and_then(|table| table.pixel_size)),
            ));
            let of_header = mic.pixel_size.filter(|size| *size != 1.0);
            suspect += usize::from(mic.pixel_size == Some(1.0) && of_picks.or(of_all).is_none());
            mic.pixel_size = of_picks.or(of_header).or(of_all);
        }
        if suspect > 0 {
            self.warnings.push(
                format!(
                    "the headers of {suspect} micrographs say exactly 1 Å per px, which usually means that \
                 nobody filled them in, so it is not used: give the pixel size"
                )
                .into(),
            );
        }
    }

    /// Warns of pixel sizes that differ by more than a hundredth, and of files brought in before.
    fn compare_pixel_sizes(&mut self, project: Option<&Project>, request: &IngestRequest) -> Result<()> {
        let mut sizes: Vec<(f64, String)> = Vec::new();
        for source in project.map(Project::sources).transpose()?.unwrap_or_default() {
            if self.inputs.iter().any(|i| i.path == source.info.path) {
                self.warnings.push(
                    format!(
                        "{} was imported before, at {}: its patches will be there twice",
                        source.info.path.display(),
                        source.imported_at
                    )
                    .into(),
                );
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
            self.warnings.push(
                format!(
                    "patches have different pixel sizes: {first:.3} Å ({what}) and {size:.3} Å ({other})"
                )
                .into(),
            );
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
                    ).into());
                }
            }
        }
        Ok(())
    }
}

/// Side of a box for particles of a diameter, px: 1.75 times as wide, rounded up to an even number.
pub fn box_for_diameter(diameter: f64) -> usize {
    let half = (1.75 * diameter / 2.0).ceil();
    if half.is_finite() && half >= 1.0 && half < CutSettings::LARGEST as f64 { 2 * half as usize } else { 0 }
}
