//! Reader and writer of MRC.

use vitrine_core::formats::micrograph;
use vitrine_core::formats::mrc::{self, Mode, MrcFile, Writer, WriterMode};

use crate::make;

/// All sections of a stack.
fn sections(path: &std::path::Path) -> Vec<Vec<f32>> {
    let mut set = mrc::open_stack(path).unwrap();
    let side = set.reader.size();
    (0..set.reader.len())
        .map(|i| {
            let mut out = vec![0.0; side * side];
            set.reader.read(i, &mut out).unwrap();
            out
        })
        .collect()
}

#[test]
fn every_mode_and_byte_order_gives_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let values = [-3i16, 0, 7, 100];
    for big in [false, true] {
        let order = |le: Vec<u8>, width: usize| -> Vec<u8> {
            if big { le.chunks(width).flat_map(|c| c.iter().rev().copied()).collect() } else { le }
        };
        let bytes = |f: &dyn Fn(i16) -> Vec<u8>| values.iter().flat_map(|&v| f(v)).collect::<Vec<u8>>();
        let cases = [
            (0, Mode::Int8, bytes(&|v| vec![v as i8 as u8]), [-3.0, 0.0, 7.0, 100.0]),
            (1, Mode::Int16, order(bytes(&|v| v.to_le_bytes().to_vec()), 2), [-3.0, 0.0, 7.0, 100.0]),
            (
                2,
                Mode::Float32,
                order(bytes(&|v| f32::from(v).to_le_bytes().to_vec()), 4),
                [-3.0, 0.0, 7.0, 100.0],
            ),
            (
                6,
                Mode::Uint16,
                order(bytes(&|v| (v as u16).to_le_bytes().to_vec()), 2),
                [65533.0, 0.0, 7.0, 100.0],
            ),
            (
                12,
                Mode::Float16,
                order(bytes(&|v| half::f16::from_f32(v.into()).to_le_bytes().to_vec()), 2),
                [-3.0, 0.0, 7.0, 100.0],
            ),
        ];
        for (number, mode, data, expected) in cases {
            for (packing, pack) in [
                ("", (|b: &[u8]| b.to_vec()) as fn(&[u8]) -> Vec<u8>),
                ("gz", make::gzip),
                ("bz2", make::bzip2),
            ] {
                // The name says nothing of the compression: content decides.
                let bytes = pack(&make::mrc(2, 2, 1, number, big, &[9; 160], &data));
                let path = make::file(folder.path(), "a.mrcs", bytes);
                let header = mrc::read_header(&path).unwrap();
                assert_eq!((header.mode, header.big_endian), (mode, big));
                assert_eq!(header.pixel_size, Some(1.5));
                assert_eq!(sections(&path), [expected], "mode {number}, big {big}, {packing}");
            }
        }
    }
}

/// Large pictures are read in pieces of 2²² px and decoded by several cores, 2¹⁸ px each; rows of 4-bit pixels begin with a
/// new byte. The width is odd and no power of two fits into it.
#[test]
fn a_large_picture_has_each_pixel_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (width, height) = (2051, 2100);
    let value = |at: usize| (at * 7 % 2039) as u16;
    let expected: Vec<f32> = (0..width * height).map(|at| f32::from(value(at))).collect();
    let make_mrc = |mode, big, data: &[u8]| make::mrc(width as i32, height as i32, 1, mode, big, &[], data);
    let read = |bytes: &[u8]| mrc::read_image(&make::file(folder.path(), "large.mrc", bytes));
    for big in [false, true] {
        let half = |at: usize| half::f16::from_f32(f32::from(value(at)));
        let data: Vec<u8> = (0..width * height)
            .flat_map(|at| if big { half(at).to_be_bytes() } else { half(at).to_le_bytes() })
            .collect();
        let bytes = make_mrc(12, big, &data);
        let (image, _) = read(&bytes).unwrap();
        assert!(image.data == expected, "big {big}");
        // Compressed, the pixels are in memory when they are decoded.
        let (image, _) = read(&make::gzip(&bytes)).unwrap();
        assert!(image.data == expected, "big {big}, gz");
    }
    let row: Vec<u8> = (0..width.div_ceil(2)).map(|at| ((at % 16) | ((at / 3 % 16) << 4)) as u8).collect();
    let (image, _) = read(&make_mrc(101, false, &row.repeat(height))).unwrap();
    for y in [0, 1, 127, 1024, 2044, 2045, height - 1] {
        let of_row = (0..width).map(|x| f32::from(row[x / 2] >> (4 * (x % 2)) & 15));
        assert!(image.data[y * width..(y + 1) * width].iter().copied().eq(of_row), "row {y}");
    }
    // The first of two that are no number is named, in whichever part they are.
    let mut data: Vec<u8> = expected.iter().flat_map(|v| v.to_le_bytes()).collect();
    for (column, row) in [(3, 2080), (1999, 700)] {
        let at = 4 * (row * width + column);
        data[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    }
    let error = read(&make_mrc(2, false, &data)).unwrap_err().to_string();
    assert!(error.contains("NaN at column 1999, row 700"), "{error}");
}

#[test]
fn one_row_in_four_is_read_for_a_first_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.mrc");
    let (width, height) = (5, 10);
    let mut writer = Writer::create(&path, width, height, Some(1.5), WriterMode::Float32).unwrap();
    let pixels: Vec<f32> = (0..width * height).map(|at| at as f32).collect();
    writer.push(&pixels).unwrap();
    writer.finish().unwrap();
    let found = micrograph::open_rows(&path, 4).unwrap().unwrap();
    assert_eq!((found.size, found.step, found.pixel_size), ((5, 10), 4, Some(1.5)));
    // Rows 2 and 6, and of the last two, which are no four, the last.
    let row = |y: usize| pixels[y * width..(y + 1) * width].to_vec();
    assert_eq!((found.rows.width, found.rows.height), (5, 3));
    assert_eq!(found.rows.data, [row(2), row(6), row(9)].concat());
    let whole = micrograph::open_rows(&path, 1).unwrap().unwrap();
    assert_eq!(whole.rows, micrograph::open(&path).unwrap().image);
    // Where it takes as long as all of it there is no first look.
    let packed = folder.path().join("rows.mrc.gz");
    std::fs::write(&packed, make::gzip(&std::fs::read(&path).unwrap())).unwrap();
    assert!(micrograph::open_rows(&packed, 4).unwrap().is_none());
    // A pixel that is no number is found in the rows that are read.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1024 + 4 * (6 * width + 3)..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let error = micrograph::open_rows(&path, 4).unwrap_err().to_string();
    assert!(error.contains("NaN at column 3, row 6"), "{error}");
}

#[test]
fn the_machine_stamp_may_be_missing_or_wrong() {
    let folder = tempfile::tempdir().unwrap();
    for big in [false, true] {
        let pixels = [1f32, 2.0, 3.0, 4.0];
        let data: Vec<u8> =
            pixels.iter().flat_map(|v| if big { v.to_be_bytes() } else { v.to_le_bytes() }).collect();
        for stamp in [[0, 0], [0x44, 0x44], [0x11, 0x11]] {
            let mut bytes = make::mrc(2, 2, 1, 2, big, &[], &data);
            bytes[212..214].copy_from_slice(&stamp);
            assert_eq!(sections(&make::file(folder.path(), "a.mrc", bytes)), [pixels], "{big} {stamp:?}");
        }
    }
}

#[test]
fn bytes_of_imod_are_unsigned_unless_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = make::mrc(2, 2, 1, 0, false, &[], &[0, 127, 128, 255]);
    bytes[152..156].copy_from_slice(&1_146_047_817i32.to_le_bytes());
    assert_eq!(sections(&make::file(folder.path(), "a.mrc", &bytes)), [[0.0, 127.0, 128.0, 255.0]]);
    bytes[156] = 1;
    assert_eq!(sections(&make::file(folder.path(), "a.mrc", &bytes)), [[0.0, 127.0, -128.0, -1.0]]);
}

#[test]
fn a_longer_file_is_read_and_a_shorter_one_says_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = make::float_stack(4, 3);
    bytes.extend_from_slice(&[1; 7]);
    assert_eq!(sections(&make::file(folder.path(), "a.mrcs", &bytes)).len(), 3);
    bytes.truncate(1024 + 2 * 64 + 63);
    let error = mrc::open_stack(&make::file(folder.path(), "a.mrcs", &bytes)).err().unwrap().to_string();
    assert!(error.contains("declares 3 sections of 4 × 4 px, the file ends after 2"), "{error}");
}

#[test]
fn a_file_that_shrinks_while_open_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = make::file(folder.path(), "a.mrcs", make::float_stack(4, 3));
    let mut open = MrcFile::open(&path).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1100).unwrap();
    assert!(open.read_section(2, &mut [0.0; 16]).is_err());
    assert!(open.read_section(3, &mut [0.0; 16]).is_err());
    assert!(open.read_section(0, &mut [0.0; 15]).is_err());
    assert!(open.read_section(0, &mut [0.0; 16]).is_ok());
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mrcs");
    // A large mean with a small spread: sums of squares in one pass would lose it.
    let stack: Vec<Vec<f32>> = (0..5).map(|k| (0..12).map(|i| 1e4 + (k * 12 + i) as f32).collect()).collect();
    let mut writer = Writer::create(&path, 4, 3, Some(1.25), WriterMode::Float32).unwrap();
    for section in &stack {
        writer.push(section).unwrap();
    }
    assert!(writer.push(&[0.0; 11]).is_err());
    assert!(writer.push(&[f32::NAN; 12]).is_err());
    assert_eq!(writer.finish().unwrap(), 5);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 1024 + 5 * 12 * 4);
    let float = |at: usize| f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    // min, max, mean of 10000..10059 and the standard deviation √((60² − 1)/12).
    assert_eq!([float(76), float(80), float(84)], [1e4, 10059.0, 10029.5]);
    assert!((float(216) - (3599f32 / 12.0).sqrt()).abs() < 1e-4);
    let mut file = MrcFile::open(&path).unwrap();
    assert_eq!(file.header().pixel_size, Some(1.25));
    for (k, section) in stack.iter().enumerate() {
        let mut out = vec![0.0; 12];
        file.read_section(k, &mut out).unwrap();
        assert_eq!(&out, section);
    }
    assert!(Writer::create(&path, 4, 3, None, WriterMode::Float32).is_err(), "never overwrites");
}

#[test]
fn half_precision_keeps_what_fits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.mrcs");
    let mut writer = Writer::create(&path, 2, 2, None, WriterMode::Float16).unwrap();
    writer.push(&[1.0, -2.5, 0.1, 1000.0]).unwrap();
    assert!(writer.push(&[1e6; 4]).is_err(), "beyond the range of 16 bits");
    writer.finish().unwrap();
    let read = sections(&path);
    assert_eq!(read[0][..2], [1.0, -2.5]);
    assert!((read[0][2] - 0.1).abs() < 1e-4);
    assert_eq!(mrc::read_header(&path).unwrap().pixel_size, None);
    let empty = Writer::create(&folder.path().join("e.mrcs"), 2, 2, None, WriterMode::Float32).unwrap();
    assert!(empty.finish().is_err());
}
