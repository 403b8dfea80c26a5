//! Images as microscopes and other programs leave them: 4-bit MRC, movies, EER, TIFF with a resolution,
//! HDF5 stacks, compressed files that promise too much.

use std::path::{Path, PathBuf};

use vitrine_core::formats::detect::{detect, open_patches};
use vitrine_core::formats::{micrograph, mrc};

use crate::make;

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).join(name)
}

#[test]
fn four_bits_a_pixel() {
    // SerialEM and IMOD, mode 101: the lower half of a byte is the pixel further left, and every row
    // begins with a new byte, so 3 columns take (3 + 1) / 2 bytes.
    let folder = tempfile::tempdir().unwrap();
    let path =
        make::file(folder.path(), "a.mrc", make::mrc(3, 2, 1, 101, false, &[], &[0x21, 0xf3, 0x54, 0x06]));
    let read = micrograph::open(&path).unwrap();
    assert_eq!((read.image.width, read.image.height), (3, 2));
    assert_eq!(read.image.data, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let short = make::file(folder.path(), "b.mrc", make::mrc(3, 2, 1, 101, false, &[], &[0; 3]));
    assert!(mrc::read_header(&short).unwrap_err().to_string().contains("ends after 0"));
}

#[test]
fn movies_are_named_for_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = make::file(folder.path(), "movie.mrc", make::mrc(3, 2, 4, 0, false, &[], &[0; 24]));
    let error = micrograph::header(&path).unwrap_err().to_string();
    assert!(error.contains("4 sections, a micrograph has one"), "{error}");
    // EER: BigTIFF with a compression of its own; the directory here holds that tag alone.
    for compression in [65_000u32, 65_001, 65_002] {
        let mut bytes = b"II\x2b\0\x08\0\0\0".to_vec();
        bytes.extend_from_slice(&16u64.to_le_bytes());
        bytes.extend_from_slice(&1u64.to_le_bytes());
        bytes.extend_from_slice(&259u16.to_le_bytes());
        bytes.extend_from_slice(&3u16.to_le_bytes());
        bytes.extend_from_slice(&1u64.to_le_bytes());
        bytes.extend_from_slice(&u64::from(compression).to_le_bytes());
        bytes.extend_from_slice(&0u64.to_le_bytes());
        let path = make::file(folder.path(), "movie.eer", bytes);
        for error in [micrograph::header(&path).map(drop), micrograph::open(&path).map(drop)] {
            let error = error.unwrap_err().to_string();
            assert!(error.contains("EER movie") && error.contains("average"), "{error}");
        }
    }
    // A square movie is a stack of squares too; above 1024 px that is said.
    let large =
        make::file(folder.path(), "large.mrc", make::mrc(1200, 1200, 2, 0, false, &[], &[0; 2_880_000]));
    let set = open_patches(&large).unwrap();
    assert!(set.warnings.iter().any(|w| w.text.contains("frames of a movie")), "{:?}", set.warnings);
    let small =
        make::file(folder.path(), "small.mrc", make::mrc(1024, 1024, 2, 0, false, &[], &[0; 2 << 20]));
    assert!(open_patches(&small).unwrap().warnings.is_empty());
}

/// A TIFF of one grey pixel with a resolution of `count` px per `unit` (2 inch, 3 cm).
fn tiff_with_resolution(count: u32, unit: u16) -> Vec<u8> {
    let mut bytes = b"II*\0\x12\0\0\0".to_vec();
    bytes.extend_from_slice(&[7, 0]);
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&1u32.to_le_bytes());
    let tags: [(u16, u16, u32); 12] = [
        (256, 4, 1),
        (257, 4, 1),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, 1),
        (279, 4, 1),
        (282, 5, 10),
        (283, 5, 10),
        (296, 3, unit.into()),
    ];
    make::tiff_directory(&mut bytes, &tags);
    bytes
}

#[test]
fn the_resolution_of_a_tiff_is_its_pixel_size() {
    let folder = tempfile::tempdir().unwrap();
    let size = |count, unit| {
        let path = make::file(folder.path(), "a.tif", tiff_with_resolution(count, unit));
        let header = micrograph::header(&path).unwrap();
        assert_eq!(micrograph::open(&path).unwrap().pixel_size, header.pixel_size);
        header.pixel_size
    };
    // 1 Å a px is 10^8 px a cm and 2.54 · 10^8 an inch.
    assert_eq!(size(100_000_000, 3), Some(1.0));
    assert_eq!(size(127_000_000, 2), Some(2.0));
    // A printer's resolution is none of a microscope's.
    assert_eq!(size(72, 2), None);
    assert_eq!(size(300, 3), None);
}

#[test]
fn a_header_that_promises_too_much_is_not_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    // 60000² px of 4 bytes promised by a file of some hundred bytes.
    let bytes = make::gzip(&make::mrc(60_000, 60_000, 1, 2, false, &[], &[0; 64]));
    let path = make::file(folder.path(), "a.mrc.gz", bytes);
    let error = micrograph::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("60000 × 60000 px, which") && error.contains("compressed bytes cannot hold"),
        "{error}"
    );
    // What deflate can do is let through.
    let flat = make::gzip(&make::mrc(2048, 2048, 1, 2, false, &[], &vec![0; 16 << 20]));
    let path = make::file(folder.path(), "flat.mrc.gz", flat);
    assert_eq!(micrograph::open(&path).unwrap().image.data.len(), 1 << 22);
}

#[test]
fn compressed_tables_of_cryosparc_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = make::file(folder.path(), "particles.cs", b"\x95CSDAT\x01\0\0\0some more bytes");
    let error = detect(&path).unwrap_err().to_string();
    assert!(error.contains("CSDAT") && error.contains("cryosparc-tools"), "{error}");
}

#[test]
fn a_stack_of_eman2_is_read() {
    // Written by h5py (libhdf5) in EMAN2's layout: image n holds 100 n + i, at (100 + 10 n, 200 + n).
    let mut set = open_patches(&fixture("eman2.hdf")).unwrap();
    assert_eq!(set.kind.to_string(), "EMAN2 HDF5 stack");
    assert_eq!((set.reader.len(), set.reader.size(), set.pixel_size), (3, 6, Some(1.77)));
    let mut out = vec![0.0; 36];
    set.reader.read(2, &mut out).unwrap();
    assert_eq!(out, (0..36).map(|i| 200.0 + i as f32).collect::<Vec<_>>());
    let info = set.reader.info(2);
    assert_eq!((info.xy, info.micrograph.as_deref()), (Some((120.0, 202.0)), Some("micrographs/mic_02.hdf")));
    // A plain dataset of 16-bit numbers, chunked, shuffled and deflated: value i of image n is 16 n + i - 8.
    let mut set = open_patches(&fixture("stack.h5")).unwrap();
    assert_eq!((set.reader.len(), set.reader.size()), (2, 4));
    let mut out = vec![0.0; 16];
    set.reader.read(1, &mut out).unwrap();
    assert_eq!(out, (0..16).map(|i| 8.0 + i as f32).collect::<Vec<_>>());
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(fixture("eman2.hdf")).unwrap();
    let cut = make::file(folder.path(), "cut.hdf", &bytes[..bytes.len() / 3]);
    let mut out = vec![0.0; 36];
    let result = open_patches(&cut)
        .and_then(|mut set| (0..set.reader.len()).try_for_each(|at| set.reader.read(at, &mut out)));
    let error = result.unwrap_err().to_string();
    assert!(error.contains("HDF5") && error.contains("cut.hdf"), "{error}");
}
