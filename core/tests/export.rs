//! Exports opened again with our own readers: the same labels, coordinates and pixels.
#![allow(clippy::unwrap_used)]

mod export_support;
mod needs;

use std::collections::BTreeMap;
use std::path::Path;

use export_support::{
    COUNTS, PIXEL, RUN, SIZE, check_manifest, contents, label, micrograph, names, pixels, quiet, request,
    score, sentence, setup, xy,
};
use needs::shared;
use vitrine_core::export::{ExportExample, ExportFormat, ExportRequest, ExportWhat, export, preview};
use vitrine_core::formats::{PatchInfo, detect};
use vitrine_core::project::{NewMicrograph, NewPatch, PixelType, Project, SourceInfo};
use vitrine_core::{Label, LabelCounts};

/// Ids of the patches with a position.
fn placed() -> std::ops::Range<usize> {
    0..COUNTS[0] + COUNTS[1]
}

fn all() -> std::ops::Range<usize> {
    0..COUNTS.iter().sum()
}

#[test]
fn star_coordinates_come_back() {
    let (_dir, project, out) = setup();
    let path = out.join("picks.star");
    let wanted = ExportRequest { run: Some(RUN.into()), ..request(ExportFormat::RelionStar, &path) };
    let manifest = export(&project, &wanted, &mut quiet).unwrap();
    check_manifest(&out.join("picks.star.manifest.json"), &manifest);
    assert_eq!(names(&out), ["picks.star", "picks.star.manifest.json"]);
    assert_eq!(manifest.selection.left_out_without_coordinates, 5);
    assert!(manifest.warnings.iter().any(|w| w.text.starts_with("5 of the selected patches have no coord")));
    assert_eq!(manifest.journal_position, project.journal_position().unwrap().0);
    let split = manifest.split.clone().unwrap();
    assert_eq!(split.train + split.validation + split.test + split.unused, manifest.total);
    assert!(split.train > split.validation && split.validation > 0);

    let picks = detect::open_picks(&path).unwrap();
    assert_eq!(picks.pixel_size, Some(PIXEL));
    assert_eq!(picks.picks.len(), placed().len());
    for (id, pick) in placed().zip(&picks.picks) {
        assert_eq!((pick.x, pick.y), xy(id));
        assert_eq!(pick.micrograph.as_deref(), Some(micrograph(id).as_str()));
        assert_eq!(pick.label, Some(label(id)));
    }
    // Two blobs have no score, so the table has no column of scores, and the manifest says so.
    assert!(picks.picks.iter().all(|p| p.score.is_none()));
    assert!(manifest.left_out_columns.contains(&"vitrineScore".to_owned()));
    assert!(
        manifest.warnings.iter().any(|w| w.text.contains("2 patches") && w.text.contains("without a score"))
    );
}

#[test]
fn a_threshold_selects_by_score() {
    let (_dir, project, out) = setup();
    let path = out.join("good.star");
    let wanted = ExportRequest {
        labels: vec![Label::Positive, Label::Unlabeled],
        run: Some(RUN.into()),
        threshold: Some(0.4),
        below: Some(0.9),
        ..request(ExportFormat::RelionStar, &path)
    };
    let chosen: Vec<usize> =
        placed().filter(|&id| label(id) != Label::Negative && (0.4..0.9).contains(&score(id))).collect();
    let counts = LabelCounts::of(chosen.iter().map(|&id| label(id)));
    assert!(counts.positive > 3 && counts.unlabeled > 3);
    let seen = preview(&project, &wanted).unwrap();
    assert_eq!((seen.counts, seen.total), (counts, chosen.len() as u64));
    assert_eq!(seen.without_score, 2);
    assert!(seen.existing.is_empty());
    let outside = all().filter(|&id| {
        label(id) != Label::Negative && !score(id).is_nan() && !(0.4..0.9).contains(&score(id))
    });
    assert_eq!(seen.outside_threshold, outside.count() as u64);

    let manifest = export(&project, &wanted, &mut quiet).unwrap();
    assert_eq!((manifest.counts, manifest.selection.threshold), (counts, Some(0.4)));
    assert_eq!(manifest.selection.without_score, 2);
    let picks = detect::open_picks(&path).unwrap().picks;
    assert_eq!(picks.len(), chosen.len());
    for (&id, pick) in chosen.iter().zip(&picks) {
        assert_eq!((pick.x, pick.y, pick.label), (xy(id).0, xy(id).1, Some(label(id))));
        assert_eq!(pick.score.map(|s| s as f32), Some(score(id)));
        let merit: f32 = pick.columns["rlnAutopickFigureOfMerit"].parse().unwrap();
        assert_eq!(merit, score(id));
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("_vitrineLabel") && text.contains("_rlnMicrographPixelSize"));
    assert_eq!(preview(&project, &wanted).unwrap().existing.len(), 2);
}

#[test]
fn a_threshold_leaves_labelled_patches_in() {
    let (_dir, project, out) = setup();
    let path = out.join("all.csv");
    let wanted = ExportRequest {
        labels: vec![Label::Positive, Label::Unlabeled],
        run: Some(RUN.into()),
        threshold: Some(0.4),
        ..request(ExportFormat::Csv, &path)
    };
    let of = |wanted: Label| all().filter(move |&id| label(id) == wanted);
    let high = |id: &usize| score(*id) >= 0.4;
    let (positives, found) = (of(Label::Positive).count(), of(Label::Unlabeled).filter(high).count());
    let above = of(Label::Positive).filter(high).count();
    assert!(above < positives && found > 0);
    let seen = preview(&project, &wanted).unwrap();
    assert_eq!((seen.counts.positive, seen.counts.unlabeled), (positives as u64, found as u64));
    assert_eq!(seen.kept_for_label, (positives - above) as u64);
    assert_eq!(
        seen.outside_threshold,
        of(Label::Unlabeled).filter(|id| score(*id) < 0.4).count() as u64,
        "what stays is unlabeled"
    );
    assert!(seen.warnings.iter().any(|warning| warning.text.contains("written because of the label")));
    // Pictures: nearest to the threshold on each side.
    let scores = |shown: &[ExportExample]| shown.iter().map(|one| one.score.unwrap()).collect::<Vec<_>>();
    assert!(seen.examples.stays.iter().all(|one| one.score == Some(score(one.patch as usize))));
    let (written, kept, stays) =
        (scores(&seen.examples.written), scores(&seen.examples.kept), scores(&seen.examples.stays));
    assert!(written.iter().all(|&s| s >= 0.4) && written.is_sorted());
    assert!(kept.iter().all(|&s| s < 0.4) && kept.is_sorted() && !kept.is_empty());
    assert!(stays.iter().all(|&s| s < 0.4) && stays.iter().rev().is_sorted() && !stays.is_empty());
    // Counts for each micrograph add up to the project.
    let (written, stays) = seen
        .micrographs
        .iter()
        .fold((0, 0), |(written, stays), one| (written + one.written, stays + one.stays));
    assert_eq!((written, written + stays), (seen.total, all().count() as u64));
    let on_first = seen.micrographs.iter().find(|one| one.name.as_deref() == Some(&micrograph(0))).unwrap();
    let expected = placed().filter(|&id| micrograph(id) == micrograph(0));
    assert_eq!(on_first.written + on_first.stays, expected.count() as u64);

    let manifest = export(&project, &wanted, &mut quiet).unwrap();
    assert_eq!(manifest.counts, seen.counts);
    assert_eq!(manifest.selection.kept_for_label, seen.kept_for_label);
    // Scores alone decide where that is asked for.
    let strict = preview(&project, &ExportRequest { keep_labelled: false, ..wanted.clone() }).unwrap();
    assert_eq!((strict.counts.positive, strict.kept_for_label), (above as u64, 0));
    assert!(strict.examples.kept.is_empty());
    // By label alone, pictures are spread over all.
    let plain = ExportRequest { run: None, threshold: None, labels: vec![Label::Positive], ..wanted };
    let seen = preview(&project, &plain).unwrap();
    assert!(seen.examples.written.iter().all(|one| label(one.patch as usize) == Label::Positive));
    assert!(seen.examples.stays.iter().all(|one| label(one.patch as usize) != Label::Positive));
    assert!(seen.examples.written.len() > 3 && seen.examples.stays.len() > 3);
}

#[test]
fn star_with_stack_comes_back_with_pixels_and_optics() {
    let (_dir, project, out) = setup();
    let path = out.join("p.star");
    let wanted = ExportRequest {
        labels: vec![Label::Positive, Label::Negative],
        what: ExportWhat::Both,
        ..request(ExportFormat::RelionStar, &path)
    };
    let manifest = export(&project, &wanted, &mut quiet).unwrap();
    check_manifest(&out.join("p.star.manifest.json"), &manifest);
    assert_eq!(names(&out), ["p.mrcs", "p.star", "p.star.manifest.json"]);
    assert!(manifest.left_out_columns.is_empty(), "{:?}", manifest.left_out_columns);
    assert_eq!(
        (manifest.pixel_size, manifest.micrograph_pixel_size, manifest.box_size),
        (Some(2.0 * PIXEL), Some(PIXEL), Some(2.0 * SIZE as f64))
    );
    let data = detect::open_patches(&path).unwrap();
    assert_eq!((data.pixel_size, data.micrograph_pixel_size), (Some(2.0 * PIXEL), Some(PIXEL)));
    assert_eq!(data.optics.len(), 2);
    for (group, (name, voltage)) in
        data.optics.iter().zip([("grid square 1", "300.000000"), ("grid square 2", "200.000000")])
    {
        assert_eq!(group.columns["rlnOpticsGroupName"], name);
        assert_eq!(group.columns["rlnVoltage"], voltage);
        assert_eq!(group.columns["rlnSphericalAberration"], "2.700000");
        assert_eq!(group.columns["rlnImageSize"], SIZE.to_string());
        assert_eq!(group.columns["rlnImageDimensionality"], "2");
    }
    let patches = contents(data);
    assert_eq!(patches.len(), COUNTS[0]);
    for (id, (info, values)) in patches.iter().enumerate() {
        assert_eq!(*values, pixels(id));
        assert_eq!((info.xy, info.label), (Some(xy(id)), Some(label(id))));
        assert_eq!(info.micrograph.as_deref(), Some(micrograph(id).as_str()));
        assert_eq!(info.optics, Some(id % 2));
        assert_eq!(info.columns["rlnDefocusU"], format!("{}.500000", 10_000 + id));
        assert_eq!(info.columns["rlnImageName"], format!("{:06}@p.mrcs", id + 1));
    }
}

#[test]
fn a_stack_needs_no_coordinates() {
    let (_dir, project, out) = setup();
    for (format, what) in
        [(ExportFormat::CryosparcStar, ExportWhat::Stack), (ExportFormat::RelionStar, ExportWhat::Stack)]
    {
        let path = out.join(format!("{format}.star"));
        let manifest =
            export(&project, &ExportRequest { what, ..request(format, &path) }, &mut quiet).unwrap();
        assert_eq!(manifest.total, 40);
        assert!(
            manifest.warnings.iter().any(|w| w.text.starts_with("5 of the exported patches have no coord"))
        );
        let patches = contents(detect::open_patches(&path).unwrap());
        assert_eq!(patches.len(), 40);
        for (id, (info, values)) in patches.iter().enumerate() {
            assert_eq!((values, info.xy), (&pixels(id), None));
            let kept = (format == ExportFormat::RelionStar).then(|| label(id));
            assert_eq!(info.label, kept);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.contains("vitrine"), format == ExportFormat::RelionStar);
    }
}

#[test]
fn csv_comes_back() {
    let (_dir, project, out) = setup();
    let path = out.join("p.csv");
    let wanted = ExportRequest {
        labels: vec![Label::Unlabeled, Label::Negative],
        run: Some(RUN.into()),
        ..request(ExportFormat::Csv, &path)
    };
    let manifest = export(&project, &wanted, &mut quiet).unwrap();
    check_manifest(&out.join("p.csv.manifest.json"), &manifest);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().next(), Some("id,micrograph,x,y,label,score,source"));
    let chosen: Vec<usize> = placed().filter(|&id| label(id) != Label::Positive).collect();
    let picks = detect::open_picks(&path).unwrap().picks;
    assert_eq!(picks.len(), chosen.len());
    for (&id, pick) in chosen.iter().zip(&picks) {
        assert_eq!((pick.x, pick.y, pick.label), (xy(id).0, xy(id).1, Some(label(id))));
        assert_eq!(pick.micrograph.as_deref(), Some(micrograph(id).as_str()));
        assert_eq!(pick.score.map(|s| s as f32), Some(score(id)).filter(|s| !s.is_nan()));
        assert_eq!(pick.columns["id"], id.to_string());
        let source = if id < COUNTS[0] { "picks/particles.star" } else { "micrographs" };
        assert_eq!(pick.columns["source"], source);
    }
}

#[test]
fn npz_comes_back() {
    let (_dir, project, out) = setup();
    let path = out.join("p.npz");
    let manifest = export(&project, &request(ExportFormat::Npz, &path), &mut quiet).unwrap();
    check_manifest(&out.join("p.npz.manifest.json"), &manifest);
    assert_eq!(manifest.pixel_size, None, "one source does not say its pixel size");
    let patches = contents(detect::open_patches(&path).unwrap());
    assert_eq!(patches.len(), 40);
    let mut rest: BTreeMap<usize, ()> = all().map(|id| (id, ())).collect();
    for (info, values) in &patches {
        let id = all().find(|&id| pixels(id) == *values).unwrap();
        rest.remove(&id).unwrap();
        assert_eq!(info.label, Some(label(id)));
        let expected = placed().contains(&id);
        assert_eq!(info.xy, expected.then(|| xy(id)));
        assert_eq!(info.micrograph, expected.then(|| micrograph(id)));
    }
    assert!(rest.is_empty());
}

#[test]
fn mrcs_comes_back_with_its_table() {
    let (_dir, project, out) = setup();
    let path = out.join("p.mrcs");
    let wanted = ExportRequest { labels: vec![Label::Unlabeled], ..request(ExportFormat::Mrcs, &path) };
    let manifest = export(&project, &wanted, &mut quiet).unwrap();
    check_manifest(&out.join("p.mrcs.manifest.json"), &manifest);
    assert_eq!(names(&out), ["p.csv", "p.mrcs", "p.mrcs.manifest.json"]);
    let data = detect::open_patches(&path).unwrap();
    assert!((data.pixel_size.unwrap() - 2.0 * PIXEL).abs() < 1e-5);
    let patches = contents(data);
    let picks = detect::open_picks(&out.join("p.csv")).unwrap().picks;
    assert_eq!((patches.len(), picks.len()), (COUNTS[1], COUNTS[1]));
    for ((id, (_, values)), pick) in (COUNTS[0]..).zip(&patches).zip(&picks) {
        assert_eq!(*values, pixels(id));
        assert_eq!((pick.x, pick.y, pick.label), (xy(id).0, xy(id).1, Some(Label::Unlabeled)));
    }
}

#[test]
fn pictures_come_back_with_labels_and_coordinates() {
    let (_dir, project, out) = setup();
    let path = out.join("pictures");
    let manifest = export(&project, &request(ExportFormat::Png, &path), &mut quiet).unwrap();
    check_manifest(&path.join("manifest.json"), &manifest);
    assert_eq!(names(&path), ["manifest.json", "negative", "patches.csv", "positive", "unlabeled"]);
    let data = detect::open_patches(&path).unwrap();
    assert!(data.warnings.is_empty(), "{:?}", data.warnings);
    let patches = contents(data);
    assert_eq!(LabelCounts::of(patches.iter().filter_map(|(i, _)| i.label)), manifest.counts);
    let of = |wanted| all().filter(move |&id| label(id) == wanted);
    let order = of(Label::Positive).chain(of(Label::Unlabeled)).chain(of(Label::Negative));
    for (id, (info, values)) in order.zip(&patches) {
        assert_eq!(info.label, Some(label(id)));
        assert_eq!(info.xy, placed().contains(&id).then(|| xy(id)));
        // The grey values rise with the pixels.
        let source = pixels(id);
        let darkest = (0..source.len()).min_by(|&a, &b| source[a].total_cmp(&source[b])).unwrap();
        assert_eq!(values[darkest], 0.0);
        assert!(values.contains(&255.0));
    }
}

#[test]
fn boxes_come_back() {
    let (_dir, project, out) = setup();
    let path = out.join("boxes");
    let manifest = export(&project, &request(ExportFormat::Box, &path), &mut quiet).unwrap();
    check_manifest(&path.join("manifest.json"), &manifest);
    assert_eq!(
        names(&path),
        ["manifest.json", "mic_000_aligned.box", "mic_001_aligned.box", "mic_002_aligned.box"]
    );
    for m in 0..3 {
        let picks = detect::open_picks(&path.join(format!("mic_{m:03}_aligned.box"))).unwrap().picks;
        let ids: Vec<usize> = placed().filter(|id| id % 3 == m).collect();
        assert_eq!(picks.len(), ids.len());
        for (&id, pick) in ids.iter().zip(&picks) {
            // Whole numbers, as RELION truncates them.
            assert_eq!((pick.x, pick.y), (xy(id).0.trunc(), xy(id).1.trunc()));
            assert_eq!((pick.label, pick.box_size), (Some(label(id)), Some(2.0 * SIZE as f64)));
        }
    }
}

#[test]
fn what_cannot_be_exported_says_why() {
    let (_dir, project, out) = setup();
    let star = request(ExportFormat::RelionStar, out.join("a.star"));
    let told = |r: ExportRequest| sentence(export(&project, &r, &mut quiet));
    assert!(told(request(ExportFormat::Npz, out.join("a.star"))).contains("end the name in .npz"));
    assert!(told(ExportRequest { threshold: Some(0.5), ..star.clone() }).contains("without a run"));
    let run = ExportRequest { run: Some(RUN.into()), ..star.clone() };
    assert!(told(ExportRequest { threshold: Some(f32::NAN), ..run.clone() }).contains("no finite number"));
    assert!(
        told(ExportRequest { threshold: Some(0.5), below: Some(0.5), ..run.clone() }).contains("no score")
    );
    let text = told(ExportRequest { threshold: Some(1.5), keep_labelled: false, ..run });
    assert!(text.contains("within the bounds") && text.contains("2 have no score"), "{text}");
    assert!(told(ExportRequest { run: Some("nobody".into()), ..star }).contains("nobody"));
    assert!(names(&out).is_empty());

    // Patches without any position.
    let dir = tempfile::tempdir().unwrap();
    let mut bare = Project::create(dir.path(), None, PixelType::F32).unwrap();
    assert!(
        sentence(export(&bare, &request(ExportFormat::Csv, out.join("a.csv")), &mut quiet)).contains("no")
    );
    let mut import = bare.import(2).unwrap();
    import.source(&SourceInfo::new("a.npz", "NumPy patches")).unwrap();
    import.push(&NewPatch::default(), &[1.0; 4]).unwrap();
    import.commit().unwrap();
    for (format, name) in [(ExportFormat::RelionStar, "a.star"), (ExportFormat::Box, "boxes")] {
        let text = sentence(export(&bare, &request(format, out.join(name)), &mut quiet));
        assert!(text.contains("none of the 1 selected patches has coordinates"), "{text}");
    }
    let positives = ExportRequest::new(ExportFormat::Npz, out.join("a.npz"));
    assert!(sentence(export(&bare, &positives, &mut quiet)).contains("no positive patch"));
    assert!(names(&out).is_empty());
}

/// Takes a particle table into a new project as it is, every second particle positive.
fn take(dir: &Path, table: &Path) -> Project {
    let mut data = detect::open_patches(table).unwrap();
    let mut project = Project::create(dir, None, PixelType::F32).unwrap();
    let mut import = project.import(data.reader.size()).unwrap();
    let source = SourceInfo {
        pixel_size: data.pixel_size,
        micrograph_pixel_size: data.micrograph_pixel_size,
        optics: data.optics.clone(),
        ..SourceInfo::new(table, data.kind.clone())
    };
    import.source(&source).unwrap();
    let mut values = vec![0.0; data.reader.size() * data.reader.size()];
    for index in 0..data.reader.len() {
        data.reader.read(index, &mut values).unwrap();
        let info = data.reader.info(index);
        let micrograph = info.micrograph.map(|name| import.micrograph(&NewMicrograph::named(name)).unwrap());
        let label = if index % 2 == 0 { Label::Positive } else { Label::Unlabeled };
        let patch = NewPatch {
            pick_score: None,
            label,
            source_index: index,
            micrograph,
            xy: info.xy,
            optics: info.optics,
            columns: info.columns,
        };
        import.push(&patch, &values).unwrap();
    }
    import.commit().unwrap();
    project
}

#[test]
fn tables_of_relion_come_back_with_every_column() {
    let Some(shared) = shared("tables_of_relion_come_back_with_every_column", "formats") else { return };
    for (table, stack, stack_name, generation_3_0) in [
        ("aspire/aspire_sample_relion31.star", "aspire/aspire_sample.mrcs", "sample.mrcs", false),
        ("aspire/aspire_sample_relion_data.star", "aspire/aspire_sample.mrcs", "sample.mrcs", true),
        ("cryodrgn/relion31.star", "cryodrgn/relion31.mrcs", "relion31.mrcs", false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let original = dir.path().join("in.star");
        std::fs::copy(shared.join(table), &original).unwrap();
        std::fs::copy(shared.join(stack), dir.path().join(stack_name)).unwrap();
        let project = take(&dir.path().join("project"), &original);
        let path = dir.path().join("out.star");
        let wanted = ExportRequest { what: ExportWhat::Both, ..request(ExportFormat::RelionStar, &path) };
        let manifest = export(&project, &wanted, &mut quiet).unwrap();
        assert!(manifest.left_out_columns.is_empty(), "{:?}", manifest.left_out_columns);

        let (before, after) =
            (detect::open_patches(&original).unwrap(), detect::open_patches(&path).unwrap());
        // RELION 3.0 gives a detector pixel size and a magnification, here 5 µm and 37369.207031. Our table says what
        // `relion_convert_star` (RELION 3.1.3) makes of this very file: 1.338000.
        let (was, is) = (before.pixel_size.unwrap(), after.pixel_size.unwrap());
        assert_eq!(is, if generation_3_0 { 1.338 } else { was }, "{table}: {was}");
        let optics = (before.optics.clone(), after.optics.clone());
        let (before, after) = (contents(before), contents(after));
        assert_eq!(before.len(), after.len());
        for (index, (old, new)) in before.iter().zip(&after).enumerate() {
            assert_eq!((old.1 == new.1, old.0.xy, &old.0.micrograph), (true, new.0.xy, &new.0.micrograph));
            let label = if index % 2 == 0 { Label::Positive } else { Label::Unlabeled };
            assert_eq!(new.0.label, Some(label));
            let group = |of: &[vitrine_core::formats::OpticsGroup], info: &PatchInfo| {
                of[info.optics.unwrap()].columns.clone()
            };
            for (name, value) in group(&optics.0, &old.0) {
                if name != "rlnOpticsGroup" {
                    assert_eq!(group(&optics.1, &new.0).get(&name), Some(&value), "{table} {name}");
                }
            }
            for (name, value) in &old.0.columns {
                match name.as_str() {
                    "rlnImageName" => {}
                    "rlnOriginX" | "rlnOriginY" if generation_3_0 => {
                        let pixel = optics.0[old.0.optics.unwrap()].pixel_size.unwrap();
                        let angstrom: f64 = new.0.columns[&format!("{name}Angst")].parse().unwrap();
                        assert!((angstrom - value.parse::<f64>().unwrap() * pixel).abs() < 1e-9);
                    }
                    _ => assert_eq!(new.0.columns.get(name), Some(value), "{table} {name}"),
                }
            }
        }

        // Coordinates alone keep the names of the original stacks: a cleaned table.
        let clean = dir.path().join("clean.star");
        let manifest =
            export(&project, &ExportRequest::new(ExportFormat::RelionStar, &clean), &mut quiet).unwrap();
        assert!(manifest.warnings.iter().any(|w| w.text.starts_with("rlnImageName is that of the source")));
        let kept = contents(detect::open_patches(&clean).unwrap());
        let expected: Vec<&Vec<f32>> = before.iter().step_by(2).map(|(_, values)| values).collect();
        assert_eq!(kept.iter().map(|(_, values)| values).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn cryosparc_particles_become_a_star_file() {
    let Some(shared) = shared("cryosparc_particles_become_a_star_file", "formats/cryodrgn") else { return };
    let dir = tempfile::tempdir().unwrap();
    for name in ["empiar_10076_7.cs", "empiar_10076_7.mrc"] {
        std::fs::copy(shared.join(name), dir.path().join(name)).unwrap();
    }
    let project = take(&dir.path().join("project"), &dir.path().join("empiar_10076_7.cs"));
    let path = dir.path().join("out.star");
    let wanted = ExportRequest { what: ExportWhat::Stack, ..request(ExportFormat::CryosparcStar, &path) };
    export(&project, &wanted, &mut quiet).unwrap();
    let before = contents(detect::open_patches(&dir.path().join("empiar_10076_7.cs")).unwrap());
    let after = contents(detect::open_patches(&path).unwrap());
    assert_eq!(before.len(), after.len());
    assert!(before.iter().zip(&after).all(|(old, new)| old.1 == new.1));
}
