//! The picks of a run on whole micrographs, in the formats of an export.
//!
//! An export writes the patches of a project. So the picks become the patches of a project of their own, in a hidden folder
//! beside what is written, for as long as that takes. It knows micrographs, optics and defocus as the user's project does,
//! which stays as it is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::pick_output::PicksOn;
use super::pick_request::PickSummary;
use crate::error::{Error, Result};
use crate::export::{self, ExportExamples, ExportPreview, ExportRequest, Manifest, ManifestProject};
use crate::formats::{OpticsGroup, micrograph};
use crate::imaging::cut::{CutPlan, CutSettings, cut};
use crate::ingest::source_on;
use crate::label::Label;
use crate::picking::census::score_of;
use crate::picking::store::named;
use crate::progress::{ProgressSink, report};
use crate::project::{
    Micrograph, MicrographId, NewMicrograph, NewPatch, NewRun, PatchId, PixelType, Project, ScoreKind,
    Source, SourceInfo, SourceKind,
};
use crate::remedy::Warning;

/// Patches on a micrograph that are asked for optics and defocus.
const MAX_NEIGHBOURS: usize = 32;
/// Side of the patches where no pixels are written, px: the smallest that a project can have.
const NO_PIXELS: usize = 2;

/// What an export of picks would write.
#[derive(Debug, Clone, PartialEq)]
pub struct PicksPreview {
    /// The files, and what is to be known of them.
    pub export: ExportPreview,
    /// The picks.
    pub summary: PickSummary,
    /// Micrographs that the run has not scored yet: they are scored first, and their picks are not counted here.
    pub not_scored: usize,
}

/// What a run has picked.
pub(super) struct Picked<'a> {
    /// The user's project.
    pub(super) project: &'a Project,
    /// What picking did.
    pub(super) summary: &'a PickSummary,
    /// The picks.
    pub(super) picks: &'a [PicksOn],
    /// The run's name.
    pub(super) run: &'a str,
}

/// Refuses formats that hand back rows of imported tables: picks have none.
pub(super) fn check_format(request: &ExportRequest) -> Result<()> {
    if request.format.is_subset() {
        return Err(Error::request(
            format!(
                "a {} export hands back rows of imported tables, and the picks of a run have none",
                request.format
            ),
            "choose another format (relion-star, cryosparc-star)",
        ));
    }
    Ok(())
}

/// Refuses an export that cannot be written, before anything is scored.
pub(super) fn check(project: &Project, request: &ExportRequest) -> Result<()> {
    check_format(request)?;
    export::check(project, &plain(request, None))
}

/// Writes the picks.
pub(super) fn write(
    picked: &Picked<'_>,
    request: &ExportRequest,
    progress: ProgressSink<'_>,
) -> Result<Manifest> {
    let Picked { project, summary, run, .. } = *picked;
    let request = plain(request, Some(run));
    check(project, &request)?;
    let parent =
        request.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
    let folder = hidden_folder(parent)?;
    let size = side(summary)?;
    let stored = if request.writes_pixels() { size } else { NO_PIXELS };
    let mut made = PicksProject::make(picked, folder.path(), stored, progress)?;
    if made.project.is_empty() {
        return Err(Error::request("the run picks nothing at this threshold", "choose a lower threshold"));
    }
    let home = ManifestProject::of(project);
    let position = project.journal_position()?;
    let warnings = std::mem::take(&mut made.warnings);
    let amend = |manifest: &mut Manifest| {
        manifest.project = home.clone();
        manifest.journal_position = position.0;
        manifest.patch_size = size;
        manifest.selection.threshold = Some(summary.threshold as f32);
        manifest.warnings.extend(warnings.iter().cloned());
    };
    export::export_amended(&made.project, &request, &amend, progress)
}

/// Counts what would be written; no pick at all is no error.
pub(super) fn preview(
    picked: &Picked<'_>,
    request: &ExportRequest,
    progress: ProgressSink<'_>,
) -> Result<ExportPreview> {
    let request = plain(request, Some(picked.run));
    let folder = hidden_folder(&std::env::temp_dir())?;
    // Nothing is written, so nobody needs the pixels.
    let made = PicksProject::make(picked, folder.path(), NO_PIXELS, progress)?;
    let mut preview = export::preview(&made.project, &request)?;
    // They would be patches of the other project.
    preview.examples = ExportExamples::default();
    Ok(preview)
}

/// The request without a choice by label or score: all picks are written.
fn plain(request: &ExportRequest, run: Option<&str>) -> ExportRequest {
    ExportRequest {
        labels: vec![Label::Positive],
        run: run.map(str::to_owned),
        threshold: None,
        below: None,
        keep_labelled: true,
        one_threshold: true,
        ..request.clone()
    }
}

fn settings(summary: &PickSummary) -> CutSettings {
    CutSettings { box_size: summary.box_size, bin: summary.bin, margin: 0 }
}

/// Side of a patch, px.
fn side(summary: &PickSummary) -> Result<usize> {
    Ok(settings(summary).effective_box()? / summary.bin)
}

/// The hidden folder of the project of picks; it goes when it is dropped.
fn hidden_folder(parent: &Path) -> Result<TempDir> {
    let made = tempfile::Builder::new().prefix(".vitrine-picks-").tempdir_in(parent);
    made.map_err(|e| Error::io("write", parent, e))
}

/// A project whose patches are picks.
struct PicksProject {
    project: Project,
    warnings: Vec<Warning>,
}

impl PicksProject {
    /// Brings the picks in as positives of `size` px a side, with the score of the run. [`NO_PIXELS`] reads no micrograph.
    fn make(picked: &Picked<'_>, folder: &Path, size: usize, progress: ProgressSink<'_>) -> Result<Self> {
        let Picked { project, summary, picks, run } = *picked;
        let known = Known::of(project)?;
        let cut_by = settings(summary);
        let mut made = Project::create(&folder.join("picks"), Some(size), PixelType::F32)?;
        let (mut scores, mut at_edge) = (Vec::new(), 0);
        let mut names = HashSet::new();
        let mut importer = made.import(size)?;
        let mut last: Option<(SourceInfo, usize)> = None;
        for (done, on) in picks.iter().enumerate() {
            report(progress, "Extracting picks", done, picks.len())?;
            let mic = known.micrograph(on);
            let (info, columns) = known.source(project, &mic, run, &cut_by)?;
            let mut name = mic.name.clone();
            if !names.insert(name.clone()) {
                name = on.file.display().to_string();
                names.insert(name.clone());
            }
            let id = importer.micrograph(&NewMicrograph {
                name,
                table_name: mic.table_name.clone(),
                path: Some(std::path::absolute(&on.file).unwrap_or_else(|_| on.file.clone())),
                dimensions: Some(on.size),
                pixel_size: info.micrograph_pixel_size,
            })?;
            let optics = (!info.optics.is_empty()).then_some(0);
            let mut index = match &last {
                Some((same, next)) if *same == info => *next,
                _ => {
                    importer.source(&info)?;
                    0
                }
            };
            let centres: Vec<(f64, f64)> = on.picks.iter().map(|pick| (pick.x, pick.y)).collect();
            let (kept, pixels) = if size == NO_PIXELS {
                ((0..centres.len()).collect(), vec![0.0; centres.len() * NO_PIXELS * NO_PIXELS])
            } else {
                patches(on, &centres, &cut_by)?
            };
            at_edge += centres.len() - kept.len();
            for (&at, pixels) in kept.iter().zip(pixels.chunks_exact(size * size)) {
                let Some(pick) = on.picks.get(at) else { continue };
                let patch = NewPatch {
                    label: Label::Positive,
                    source_index: index,
                    micrograph: Some(id),
                    xy: Some((pick.x, pick.y)),
                    optics,
                    columns: columns.clone(),
                    ..NewPatch::default()
                };
                importer.push(&patch, pixels)?;
                scores.push(score_of(f64::from(pick.logit)) as f32);
                index += 1;
            }
            last = Some((info, index));
        }
        if importer.pushed() > 0 {
            importer.commit()?;
        } else {
            drop(importer);
        }
        let run = made.create_run(&NewRun::named(run, ""))?;
        made.set_scores(run.id, ScoreKind::Teacher, &scores)?;
        let mut warnings = Vec::new();
        if at_edge > 0 {
            warnings.push(
                format!("{at_edge} picks are left out of the pixels: their box leaves the micrograph").into(),
            );
        }
        Ok(Self { project: made, warnings })
    }
}

/// Cuts the boxes of picks: indices of those whose box lies inside the micrograph, and their pixels.
fn patches(on: &PicksOn, centres: &[(f64, f64)], settings: &CutSettings) -> Result<(Vec<usize>, Vec<f32>)> {
    let image = micrograph::open(&on.file)?.image;
    let plan = CutPlan::new(image.width, image.height, centres, settings)?;
    let inside: Vec<(f64, f64)> = plan.kept.iter().filter_map(|&at| centres.get(at).copied()).collect();
    let patches = cut(&image, &inside, settings)?;
    Ok((plan.kept, patches.pixels))
}

/// What the user's project knows of micrographs.
struct Known {
    micrographs: HashMap<PathBuf, Micrograph>,
    patches: HashMap<MicrographId, Vec<PatchId>>,
    /// The optics on which all sources agree.
    optics: Option<OpticsGroup>,
    /// Å per px on which all sources agree.
    pixel_size: Option<f64>,
    /// Whether all picks were counted from the last row.
    y_up: bool,
}

impl Known {
    fn of(project: &Project) -> Result<Self> {
        let sources = project.sources()?;
        let mut patches: HashMap<MicrographId, Vec<PatchId>> = HashMap::new();
        for (id, place) in (0..).zip(project.places()?) {
            if let Some(micrograph) = place.micrograph {
                patches.entry(micrograph).or_default().push(id);
            }
        }
        let groups = sources.iter().flat_map(|source| source.info.optics.iter().map(without_number));
        let sizes = sources.iter().filter_map(|source| source.info.micrograph_pixel_size);
        let picked = |source: &&Source| !matches!(source.info.kind, SourceKind::Pool(_));
        let mut picked = sources.iter().filter(picked).peekable();
        let files = project.micrographs()?.into_iter();
        Ok(Self {
            optics: agreed(groups),
            pixel_size: agreed(sizes),
            y_up: picked.peek().is_some() && picked.all(|source| source.info.y_up),
            patches,
            micrographs: files
                .filter_map(|mic| Some((named(&project.micrograph_file(mic.path.as_deref()?)), mic)))
                .collect(),
        })
    }

    /// The micrograph of some picks; one that the project does not know is called by its file.
    fn micrograph(&self, on: &PicksOn) -> Micrograph {
        self.micrographs.get(&named(&on.file)).cloned().unwrap_or_else(|| Micrograph {
            id: MicrographId(-1),
            name: on.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            table_name: None,
            path: Some(on.file.clone()),
            dimensions: Some(on.size),
            pixel_size: None,
        })
    }

    /// The source of picks on a micrograph, and the columns of each: by the patches on it, else by what all sources agree on.
    fn source(
        &self,
        project: &Project,
        mic: &Micrograph,
        run: &str,
        settings: &CutSettings,
    ) -> Result<(SourceInfo, BTreeMap<String, String>)> {
        let on = self.patches.get(&mic.id).map_or(&[][..], Vec::as_slice);
        // Spread over all of them: the first ones may lack what others have.
        let some: Vec<PatchId> =
            on.iter().copied().step_by(on.len().div_ceil(MAX_NEIGHBOURS).max(1)).collect();
        let (mut info, taken) = source_on(project, mic, &some, settings)?;
        info.path = PathBuf::from(run);
        if info.optics.is_empty() {
            info.optics.extend(self.optics.clone());
        }
        info.y_up = if some.is_empty() { self.y_up } else { info.y_up };
        info.micrograph_pixel_size = info.micrograph_pixel_size.or(self.pixel_size);
        info.pixel_size = info.micrograph_pixel_size.map(|size| size * settings.bin as f64);
        Ok((info, taken.columns))
    }
}

/// A group as others may have it too.
fn without_number(group: &OpticsGroup) -> OpticsGroup {
    let mut group = group.clone();
    group.columns.remove("rlnOpticsGroup");
    group
}

/// What all agree on.
fn agreed<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::export::{ExportFormat, ExportWhat};
    use crate::formats::mrc::{Writer, WriterMode};
    use crate::picking::picker::Candidate;

    const SIZE: (usize, usize) = (90, 60);

    /// A micrograph with a particle of a RELION table, of voltage and defocus, and one without.
    fn made(dir: &Path) -> (Project, Vec<PicksOn>) {
        let mut project = Project::create(&dir.join("p"), Some(8), PixelType::F32).unwrap();
        let group =
            OpticsGroup { pixel_size: None, columns: [("rlnVoltage".to_owned(), "300.0".to_owned())].into() };
        let mut importer = project.import(8).unwrap();
        let info = SourceInfo {
            optics: vec![group],
            micrograph_pixel_size: Some(1.5),
            bin: Some(1.0),
            ..SourceInfo::new("t.star", "table")
        };
        importer.source(&info).unwrap();
        let mut picks = Vec::new();
        for name in ["a", "b"] {
            let path = dir.join(format!("{name}.mrc"));
            let mut writer = Writer::create(&path, SIZE.0, SIZE.1, Some(1.5), WriterMode::Float32).unwrap();
            writer.push(&(0..SIZE.0 * SIZE.1).map(|at| at as f32).collect::<Vec<_>>()).unwrap();
            writer.finish().unwrap();
            let new = NewMicrograph {
                table_name: Some(format!("MotionCorr/job002/{name}.mrc")),
                path: Some(path.clone()),
                dimensions: Some(SIZE),
                ..NewMicrograph::named(name)
            };
            let id = importer.micrograph(&new).unwrap();
            if name == "a" {
                let columns = [("rlnDefocusU".to_owned(), "9000.0".to_owned())].into();
                let patch =
                    NewPatch { micrograph: Some(id), optics: Some(0), columns, ..NewPatch::default() };
                importer.push(&patch, &[0.5; 64]).unwrap();
            }
            let places = [(30.0, 20.0), (2.0, 2.0)];
            let place = |(x, y)| Candidate { x, y, logit: 1.0 };
            picks.push(PicksOn { file: path, size: SIZE, picks: places.map(place).to_vec() });
        }
        importer.commit().unwrap();
        (project, picks)
    }

    fn summary() -> PickSummary {
        PickSummary { box_size: 8, bin: 1, threshold: 0.5, ..PickSummary::default() }
    }

    #[test]
    fn names_optics_and_defocus_are_those_of_the_project() {
        let dir = tempfile::tempdir().unwrap();
        let (project, picks) = made(dir.path());
        let summary = summary();
        let table = |picks: &[PicksOn], name: &str| {
            let out = dir.path().join(name);
            let picked = Picked { project: &project, summary: &summary, picks, run: "slide" };
            let request = ExportRequest::new(ExportFormat::RelionStar, &out);
            let manifest = write(&picked, &request, &mut |_| true).unwrap();
            assert_eq!((manifest.total, manifest.patch_size), (2, 8));
            assert_eq!(manifest.project.name, "p");
            std::fs::read_to_string(out).unwrap()
        };
        let first = table(&picks[..1], "a.star");
        let has = |text: &str, words: &[&str]| words.iter().all(|word| text.contains(word));
        assert!(
            has(&first, &["rlnDefocusU", "9000.0", "rlnVoltage", "300.0", "MotionCorr/job002/a.mrc"]),
            "{first}"
        );
        // Where nobody has picked, the optics on which all agree; defocus nobody knows.
        let second = table(&picks[1..], "b.star");
        assert!(has(&second, &["rlnVoltage", "300.0", "MotionCorr/job002/b.mrc"]), "{second}");
        assert!(!second.contains("rlnDefocusU"), "{second}");
    }

    #[test]
    fn a_box_that_leaves_the_micrograph_has_no_patch_and_no_pick_is_no_export() {
        let dir = tempfile::tempdir().unwrap();
        let (project, picks) = made(dir.path());
        let summary = summary();
        let request = ExportRequest {
            what: ExportWhat::Both,
            ..ExportRequest::new(ExportFormat::RelionStar, dir.path().join("s.star"))
        };
        let picked = Picked { project: &project, summary: &summary, picks: &picks, run: "slide" };
        let manifest = write(&picked, &request, &mut |_| true).unwrap();
        assert_eq!(manifest.total, 2);
        assert!(manifest.warnings.iter().any(|warning| warning.text.contains("2 picks are left out")));
        let none = Picked { picks: &[], ..picked };
        let request = ExportRequest::new(ExportFormat::Csv, dir.path().join("n.csv"));
        assert_eq!(preview(&none, &request, &mut |_| true).unwrap().total, 0);
        let error = write(&none, &request, &mut |_| true).unwrap_err().to_string();
        assert!(error.contains("nothing") && !request.out.exists(), "{error}");
    }
}
