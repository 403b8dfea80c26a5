//! Turns places that a person marks on a micrograph into patches, cut like those of the project. Their label is a step of
//! the journal that can be undone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::optics::OF_MICROGRAPH;
use crate::error::{Error, Result};
use crate::formats::OpticsGroup;
use crate::image::Image;
use crate::imaging::{CutPlan, CutSettings, cut};
use crate::label::Label;
use crate::project::{
    Actor, EntryId, Micrograph, NewPatch, PatchId, Project, RunId, Source, SourceInfo, SourceKind,
};
use crate::remedy::Remedy;

/// How the project cuts places: as was set, else by the box and bin factor of its patches.
///
/// # Errors
/// When neither is known, or patches were cut with several boxes.
pub fn project_cut(project: &Project) -> Result<CutSettings> {
    if let Some(set) = project.picking()? {
        return Ok(CutSettings { box_size: set.box_size, bin: set.bin, margin: 0 });
    }
    let mut known: Vec<(usize, usize)> = project.sources()?.iter().filter_map(|s| cut_of(&s.info)).collect();
    known.sort_unstable();
    known.dedup();
    match known.as_slice() {
        [(box_size, bin)] => Ok(CutSettings { box_size: *box_size, bin: *bin, margin: 0 }),
        [] => Err(Error::request(
            "the box size on the micrograph is not known: the project's patches were not cut by it",
            Remedy::GiveBox,
        )),
        _ => Err(Error::request(
            "the project's patches were cut with several boxes, so the box size on the micrograph is not clear",
            Remedy::GiveBox,
        )),
    }
}

/// Box and bin factor of a source whose patches the program cut, px of the micrograph.
pub(crate) fn cut_of(source: &SourceInfo) -> Option<(usize, usize)> {
    let (side, bin) = (source.box_size?, source.bin?);
    (side >= 1.0 && bin >= 1.0).then_some((side.round() as usize, bin.round() as usize))
}

/// Places on one micrograph and what they are.
#[derive(Debug, Clone)]
pub struct MarkedPlaces {
    /// The micrograph.
    pub micrograph: Micrograph,
    /// Some patches on it, of which optics and defocus are taken.
    pub neighbours: Vec<PatchId>,
    /// Centres, px of the unbinned micrograph.
    pub places: Vec<(f64, f64)>,
    /// What a person says of them.
    pub label: Label,
    /// Who says it.
    pub actor: Actor,
    /// The run whose picks were judged.
    pub run: Option<RunId>,
    /// Why, for the journal.
    pub reason: String,
}

/// The patches that were cut at marked places.
#[derive(Debug, Clone, PartialEq)]
pub struct AddedPatches {
    /// Id of the first; the others follow.
    pub first: PatchId,
    /// Their centres, px of the unbinned micrograph, in the order of the ids.
    pub places: Vec<(f64, f64)>,
    /// Indices of the places whose box would leave the micrograph; nothing was cut there.
    pub at_edge: Vec<usize>,
    /// The source they belong to, as it is now.
    pub source: Source,
    /// The journal entry that set their label; `None` for unlabeled ones.
    pub entry: Option<EntryId>,
}

/// Cuts patches around places of a micrograph whose picture is `image`, and labels them, in one transaction. `None`
/// when no box lies inside the picture.
///
/// # Errors
/// When the project's box is not known or does not give patches of its size, the picture is not the one the project
/// knows, or the disk refuses; then nothing was added.
pub fn add_places(
    project: &mut Project,
    image: &Image,
    marked: &MarkedPlaces,
) -> Result<Option<AddedPatches>> {
    let settings = project_cut(project)?;
    let mic = &marked.micrograph;
    if let Some((width, height)) = mic.dimensions.filter(|known| *known != (image.width, image.height)) {
        return Err(Error::request(
            format!(
                "{} has {} × {} px, where it had {width} × {height} px when it was imported",
                mic.name, image.width, image.height
            ),
            "put the file back that was imported",
        ));
    }
    let plan = CutPlan::new(image.width, image.height, &marked.places, &settings)?;
    let kept: Vec<(f64, f64)> = plan.kept.iter().filter_map(|&at| marked.places.get(at).copied()).collect();
    if kept.is_empty() {
        return Ok(None);
    }
    let patches = cut(image, &kept, &settings)?;
    let (info, taken) = source_on(project, mic, &marked.neighbours, &settings)?;
    let newest = project.sources()?.pop().filter(|source| source.info == info);
    // Everything is cut: while the importer lives, nobody else writes into the project.
    let mut importer = project.import(patches.size)?;
    importer.as_edit(marked.actor.clone(), marked.run, &marked.reason);
    let id = match &newest {
        Some(known) => importer.continue_source(known.id, &info)?,
        None => importer.source(&info)?,
    };
    let begins = newest.as_ref().filter(|known| known.id == id).map_or(0, |known| known.count);
    for (at, (xy, pixels)) in
        kept.iter().zip(patches.pixels.chunks_exact(patches.size * patches.size)).enumerate()
    {
        let patch = NewPatch {
            label: marked.label,
            source_index: begins + at,
            micrograph: Some(mic.id),
            xy: Some(*xy),
            optics: taken.optics.as_ref().map(|_| 0),
            columns: taken.columns.clone(),
            ..NewPatch::default()
        };
        importer.push(&patch, pixels)?;
    }
    let done = importer.commit()?;
    let source = project
        .sources()?
        .into_iter()
        .find(|source| source.id == id)
        .ok_or_else(|| Error::defect("the source of added patches is gone"))?;
    let at_edge = plan.at_edge.into_iter().chain(plan.outside).collect();
    let entry = done.entries.first().copied();
    Ok(Some(AddedPatches { first: done.first, places: kept, at_edge, source, entry }))
}

/// What is kept of new places on a micrograph: its pixel size, and what patches on it say of the microscope.
///
/// # Errors
/// When the project cannot be read.
pub(crate) fn source_on(
    project: &Project,
    micrograph: &Micrograph,
    neighbours: &[PatchId],
    settings: &CutSettings,
) -> Result<(SourceInfo, FromNeighbours)> {
    let (neighbour, taken) = from_neighbours(project, neighbours)?;
    let neighbour = neighbour.as_ref();
    let pixel_size = micrograph.pixel_size.or_else(|| neighbour?.info.micrograph_pixel_size);
    let info = SourceInfo {
        path: PathBuf::from(SourceKind::ByHand.to_string()),
        kind: SourceKind::ByHand,
        pixel_size: pixel_size.map(|size| size * settings.bin as f64),
        micrograph_pixel_size: pixel_size,
        box_size: Some(settings.effective_box()? as f64),
        bin: Some(settings.bin as f64),
        y_up: neighbour.is_some_and(|source| source.info.y_up),
        optics: taken.optics.clone().into_iter().collect(),
        ..SourceInfo::default()
    };
    Ok((info, taken))
}

/// What patches take from others on their micrograph.
#[derive(Default)]
pub(crate) struct FromNeighbours {
    /// The optics group of one of them.
    pub(crate) optics: Option<OpticsGroup>,
    /// Defocus and the like, where all agree.
    pub(crate) columns: BTreeMap<String, String>,
}

fn from_neighbours(project: &Project, patches: &[PatchId]) -> Result<(Option<Source>, FromNeighbours)> {
    let mut taken = FromNeighbours::default();
    let rows = patches.iter().map(|&patch| project.patch(patch)).collect::<Result<Vec<_>>>()?;
    let Some(first) = rows.iter().find(|row| row.optics.is_some()).or(rows.first()) else {
        return Ok((None, taken));
    };
    let source = project.sources()?.into_iter().find(|source| source.id == first.place.source);
    taken.optics =
        source.as_ref().zip(first.optics).and_then(|(source, at)| source.info.optics.get(at).cloned());
    for name in OF_MICROGRAPH {
        let mut values = rows.iter().map(|row| row.columns.get(name));
        if let Some(Some(value)) = values.next()
            && values.all(|other| other == Some(value))
        {
            taken.columns.insert(name.to_owned(), value.clone());
        }
    }
    Ok((source, taken))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::project::{EntryKind, NewMicrograph, PickingSettings, PixelType};

    fn made(dir: &std::path::Path) -> (Project, Micrograph, Image) {
        let mut project = Project::create(&dir.join("p"), None, PixelType::F32).unwrap();
        let new = NewMicrograph {
            dimensions: Some((40, 30)),
            pixel_size: Some(1.5),
            ..NewMicrograph::named("mic")
        };
        project.add_micrographs(&[new]).unwrap();
        project.set_picking(&PickingSettings { box_size: 8, bin: 2, diameter: None }).unwrap();
        let mic = project.micrographs().unwrap().remove(0);
        (project, mic, Image { width: 40, height: 30, data: (0..1200).map(|v| v as f32).collect() })
    }

    fn marked(micrograph: &Micrograph, places: &[(f64, f64)], label: Label) -> MarkedPlaces {
        MarkedPlaces {
            micrograph: micrograph.clone(),
            neighbours: Vec::new(),
            places: places.to_vec(),
            label,
            actor: Actor::Person("ada".to_owned()),
            run: None,
            reason: "picked by hand".to_owned(),
        }
    }

    #[test]
    fn places_become_patches_of_one_source_whose_labels_can_be_undone() {
        let dir = tempfile::tempdir().unwrap();
        let (mut project, mic, image) = made(dir.path());
        let first = add_places(&mut project, &image, &marked(&mic, &[(10.0, 10.0)], Label::Positive));
        let first = first.unwrap().unwrap();
        assert_eq!((first.first, first.source.count, &first.at_edge), (0, 1, &vec![]));
        // (6..14, 6..14) by two: the first value is the mean of 246, 247, 286 and 287.
        let mut pixels = vec![0.0; 16];
        project.pixels().get(0, &mut pixels).unwrap();
        assert_eq!(pixels[0], 266.5);
        let places = [(1.0, 10.0), (20.0, 12.0), (25.0, 12.0)];
        let next = add_places(&mut project, &image, &marked(&mic, &places, Label::Negative));
        let next = next.unwrap().unwrap();
        assert_eq!((next.first, next.at_edge, next.source.count), (1, vec![0], 3));
        assert_eq!(project.sources().unwrap().len(), 1, "one list entry, however many clicks");
        assert_eq!(project.patch(2).unwrap().source_index, 2);
        let labels = [Label::Positive, Label::Negative, Label::Negative];
        assert_eq!(project.labels().unwrap(), labels);
        // A label of another moment does not end the source, an import would.
        let entry = project.journal_entry(next.entry.unwrap()).unwrap();
        assert_eq!((entry.kind, entry.count, entry.reason.as_str()), (EntryKind::Edit, 2, "picked by hand"));
        project.undo_last(&entry.actor).unwrap().unwrap();
        assert_eq!(project.labels().unwrap(), [Label::Positive, Label::Unlabeled, Label::Unlabeled]);
        project.redo_last(&entry.actor).unwrap().unwrap();
        assert_eq!(project.labels().unwrap(), labels);
        let info = &project.sources().unwrap()[0].info;
        assert_eq!((info.pixel_size, info.micrograph_pixel_size), (Some(3.0), Some(1.5)));
    }

    #[test]
    fn optics_and_defocus_come_from_others_on_the_micrograph_where_they_agree() {
        let dir = tempfile::tempdir().unwrap();
        let (mut project, mic, image) = made(dir.path());
        let group =
            OpticsGroup { pixel_size: None, columns: [("rlnVoltage".to_owned(), "300.0".to_owned())].into() };
        let mut import = project.import(4).unwrap();
        let info = SourceInfo { optics: vec![group.clone()], ..SourceInfo::new("t.star", "table") };
        import.source(&info).unwrap();
        for angle in ["10.0", "20.0"] {
            let columns = [("rlnDefocusU", "9000.0"), ("rlnDefocusAngle", angle), ("rlnClassNumber", "3")];
            let columns = columns.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let patch =
                NewPatch { micrograph: Some(mic.id), optics: Some(0), columns, ..NewPatch::default() };
            import.push(&patch, &[0.5; 16]).unwrap();
        }
        import.commit().unwrap();
        let marked =
            MarkedPlaces { neighbours: vec![0, 1], ..marked(&mic, &[(10.0, 10.0)], Label::Positive) };
        let added = add_places(&mut project, &image, &marked).unwrap().unwrap();
        let row = project.patch(added.first).unwrap();
        assert_eq!((added.source.info.optics, row.optics), (vec![group], Some(0)));
        let columns: Vec<_> = row.columns.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(columns, [("rlnDefocusU", "9000.0")]);
    }

    #[test]
    fn nothing_is_added_where_no_box_fits_or_the_picture_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let (mut project, mic, image) = made(dir.path());
        let outside = marked(&mic, &[(1.0, 1.0), (90.0, 3.0)], Label::Positive);
        assert_eq!(add_places(&mut project, &image, &outside).unwrap(), None);
        let inside = marked(&mic, &[(10.0, 10.0)], Label::Positive);
        let error = add_places(&mut project, &Image::zeros(50, 30), &inside).unwrap_err().to_string();
        assert!(error.contains("50 × 30") && error.contains("40 × 30"), "{error}");
        assert!(project.is_empty() && project.sources().unwrap().is_empty());
        // Without box there is no cutting.
        let bare = Project::create(&dir.path().join("bare"), None, PixelType::F32).unwrap();
        assert!(project_cut(&bare).unwrap_err().to_string().contains("box size"));
    }
}
