//! Files that other programs wrote (cryoDRGN's, ASPIRE's and mrcfile's test data, EMPIAR-10017).

use std::path::PathBuf;

use vitrine_core::formats::detect::{Kind, detect, open_patches, open_picks};
use vitrine_core::formats::micrograph::{self, Match, match_name};
use vitrine_core::formats::{Dataset, mrc};

use crate::needs::shared;

fn read(set: &mut Dataset, index: usize) -> Vec<f32> {
    let mut out = vec![0.0; set.reader.size() * set.reader.size()];
    set.reader.read(index, &mut out).unwrap();
    out
}

/// Copies files under new names into a folder.
fn copy(pairs: &[(PathBuf, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in pairs {
        std::fs::copy(from, folder.path().join(to)).unwrap();
    }
    folder
}

#[test]
fn a_deposited_map_is_the_same_plain_gzipped_and_bzipped() {
    let Some(plain) = shared("a_deposited_map", "formats/mrcfile/EMD-3197.map") else { return };
    let header = mrc::read_header(&plain).unwrap();
    assert_eq!((header.width, header.height, header.sections, header.space_group), (20, 20, 20, 1));
    assert!((header.pixel_size.unwrap() - 11.4).abs() < 1e-5);
    let mut one = open_patches(&plain).unwrap();
    assert_eq!(one.warnings.len(), 1, "a volume is no stack, and it is said");
    for name in ["formats/mrcfile/EMD-3197.map.bz2", "formats/mrcfile/emd_3197.map.gz"] {
        let Some(packed) = shared("a_deposited_map", name) else { return };
        let mut other = open_patches(&packed).unwrap();
        for section in 0..20 {
            assert_eq!(read(&mut one, section), read(&mut other, section), "{name}");
        }
    }
    // The header's own statistics, against the pixels.
    let bytes = std::fs::read(&plain).unwrap();
    let float = |at: usize| f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let all: Vec<f32> = (0..20).flat_map(|k| read(&mut one, k)).collect();
    let (min, max) = all.iter().fold((f32::MAX, f32::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    assert_eq!((min, max), (float(76), float(80)));
}

#[test]
fn cryodrgn_relion_31() {
    for name in ["formats/cryodrgn/relion31.star", "formats/cryodrgn/relion31.v2.star"] {
        let Some(path) = shared("cryodrgn_relion_31", name) else { return };
        assert_eq!(detect(&path).unwrap().kind, Kind::PatchesAndPicks);
        let mut set = open_patches(&path).unwrap();
        assert_eq!((set.reader.len(), set.reader.size()), (5, 256));
        // `rlnMicrographOriginalPixelSize`, 1.403 here, is the movie's before binning.
        assert_eq!((set.pixel_size, set.micrograph_pixel_size), (Some(2.806), None));
        let info = set.reader.info(0);
        assert_eq!(info.xy, Some((3277.0, 983.0)));
        assert!(info.micrograph.unwrap().ends_with("2123-144102_DW.mrc"));
        assert_eq!(info.columns["rlnDefocusU"], "13108.082418");
        assert_eq!(set.optics[0].columns["rlnVoltage"], "300.000000");
        for i in 0..5 {
            assert!(read(&mut set, i).iter().any(|v| *v != 0.0));
        }
        assert_eq!(open_picks(&path).unwrap().picks.len(), 5);
    }
}

#[test]
fn cryodrgn_six_optics_groups_without_their_stacks() {
    let Some(path) = shared("cryodrgn_six_optics_groups", "formats/cryodrgn/relion31.6opticsgroups.star")
    else {
        return;
    };
    let error = open_patches(&path).err().unwrap().to_string();
    assert!(error.contains("_shiny.mrcs") && error.contains("are not there"), "{error}");
    let picks = open_picks(&path).unwrap();
    assert_eq!(picks.optics.len(), 6);
    assert_eq!(picks.optics[1].pixel_size, Some(1.24));
    assert!(picks.optics[0].columns["rlnOddZernike"].starts_with("[1.70554063513,"));
    assert!(picks.picks.iter().all(|p| p.micrograph.is_some() && p.x > 0.0 && p.y > 0.0));
}

#[test]
fn cryodrgn_relion_30_and_cryosparc_of_the_same_particles_agree() {
    let Some(star) = shared("cryodrgn_relion_30", "formats/cryodrgn/empiar_10076_7.star") else { return };
    let Some(cs) = shared("cryodrgn_relion_30", "formats/cryodrgn/empiar_10076_7.cs") else { return };
    let mut old = open_patches(&star).unwrap();
    assert_eq!((old.reader.len(), old.reader.size()), (7, 320));
    assert_eq!(old.kind.to_string(), "RELION 3.0 particles");
    assert!((old.pixel_size.unwrap() - 50000.0 / 38168.0).abs() < 1e-9);
    assert_eq!(old.optics.len(), 1);
    let mut new = open_patches(&cs).unwrap();
    assert_eq!((new.reader.len(), new.reader.size()), (7, 320));
    assert!((new.pixel_size.unwrap() - old.pixel_size.unwrap()).abs() < 1e-3);
    for i in 0..7 {
        assert_eq!(read(&mut old, i), read(&mut new, i));
    }
}

#[test]
fn cryodrgn_cryosparc_job() {
    let Some(path) = shared("cryodrgn_cryosparc_job", "formats/cryodrgn/cryosparc_P12_J24_001_particles.cs")
    else {
        return;
    };
    // Its stacks are not among the test data; which ones, is said.
    let error = open_patches(&path).err().unwrap().to_string();
    assert!(error.contains("are not there"), "{error}");
}

#[test]
fn aspire_relion_30_and_31_of_the_same_particles_agree() {
    let Some(stack) = shared("aspire_relion", "formats/aspire/aspire_sample.mrcs") else { return };
    let folder = stack.parent().unwrap();
    let missing = open_patches(&folder.join("aspire_sample_relion31.star")).err().unwrap().to_string();
    assert!(missing.contains("1 of its 1 stacks are not there: sample.mrcs"), "{missing}");
    let copy = copy(&[
        (stack.clone(), "sample.mrcs"),
        (folder.join("aspire_sample_relion31.star"), "new.star"),
        (folder.join("aspire_sample_relion_data.star"), "old.star"),
    ]);
    let mut new = open_patches(&copy.path().join("new.star")).unwrap();
    let mut old = open_patches(&copy.path().join("old.star")).unwrap();
    assert_eq!((new.reader.len(), new.reader.size(), old.reader.len()), (17, 200, 17));
    assert_eq!((new.pixel_size, new.optics.len()), (Some(1.4), 2));
    assert!((old.pixel_size.unwrap() - 1.338).abs() < 1e-3);
    for i in 0..17 {
        let (a, b) = (new.reader.info(i), old.reader.info(i));
        assert_eq!(a.micrograph, b.micrograph);
        // The two tables themselves differ in the position of particle 15.
        assert_eq!(a.xy == b.xy, i != 14);
        assert_eq!(a.columns["rlnDefocusU"], b.columns["rlnDefocusU"]);
        assert_eq!(read(&mut new, i), read(&mut old, i));
    }
    assert_eq!(new.reader.info(16).optics, Some(1));
}

#[test]
fn aspire_projections() {
    let Some(path) = shared("aspire_projections", "formats/aspire/aspire_abinitio_projections.mrcs") else {
        return;
    };
    let mut set = open_patches(&path).unwrap();
    assert_eq!((set.reader.len(), set.reader.size(), set.pixel_size), (100, 89, Some(1.0)));
    assert!(read(&mut set, 99).iter().any(|v| *v != 0.0));
}

#[test]
fn empiar_10017_picks_and_micrographs() {
    let Some(folder) = shared("empiar_10017", "empiar10017/picks") else { return };
    let Some(micrographs) = shared("empiar_10017", "empiar10017/micrographs") else { return };
    let found = detect(&micrographs).unwrap();
    assert_eq!((found.kind, found.micrographs.len()), (Kind::Micrographs, 12));
    let table = open_picks(&folder).unwrap();
    let names: Vec<String> =
        found.micrographs.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let mut per_micrograph = vec![0; names.len()];
    for pick in &table.picks {
        match match_name(pick.micrograph.as_deref().unwrap(), &names) {
            Match::Found(at) => per_micrograph[at] += 1,
            other => panic!("{pick:?}: {other:?}"),
        }
        assert_eq!(pick.box_size, Some(216.0));
    }
    for (path, count) in found.micrographs.iter().zip(per_micrograph) {
        let lines =
            std::fs::read_to_string(folder.join(path.file_stem().unwrap()).with_extension("box")).unwrap();
        assert_eq!(count, lines.lines().count());
        assert_eq!(micrograph::dimensions(path).unwrap(), (4096, 4096));
    }
    let first = micrograph::open(&found.micrographs[0]).unwrap();
    assert_eq!((first.image.width, first.image.height, first.pixel_size), (4096, 4096, None));
    assert!(first.image.data.iter().all(|v| (0.0..=255.0).contains(v)));
}
