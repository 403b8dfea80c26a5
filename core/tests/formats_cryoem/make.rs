//! Small simulated files, byte by byte, independent of the writers under test.

use std::io::Write;
use std::path::Path;

/// Header and pixels of an MRC file. `big` chooses the byte order; sides of the cell give
/// 1.5 Å per px.
pub fn mrc(
    width: i32,
    height: i32,
    sections: i32,
    mode: i32,
    big: bool,
    extended: &[u8],
    data: &[u8],
) -> Vec<u8> {
    let mut bytes = vec![0u8; 1024];
    let mut put = |word: usize, value: i32| {
        let value = if big { value.to_be_bytes() } else { value.to_le_bytes() };
        bytes[word * 4..word * 4 + 4].copy_from_slice(&value);
    };
    for (word, value) in [(0, width), (1, height), (2, sections), (3, mode), (7, width), (8, height), (9, 1)]
    {
        put(word, value);
    }
    for (word, value) in [(10, width as f32 * 1.5), (11, height as f32 * 1.5), (12, 1.5)] {
        put(word, value.to_bits() as i32);
    }
    put(23, extended.len() as i32);
    bytes[208..212].copy_from_slice(b"MAP ");
    bytes[212..214].copy_from_slice(if big { &[0x11, 0x11] } else { &[0x44, 0x44] });
    bytes.extend_from_slice(extended);
    bytes.extend_from_slice(data);
    bytes
}

/// A stack of `sections` float images whose pixel i of section k is 100 k + i.
pub fn float_stack(size: i32, sections: i32) -> Vec<u8> {
    let data: Vec<u8> = (0..sections)
        .flat_map(|k| (0..size * size).flat_map(move |i| ((100 * k + i) as f32).to_le_bytes()))
        .collect();
    mrc(size, size, sections, 2, false, &[], &data)
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A `.cs` file of records with these fields.
pub fn cs(descr: &str, count: usize, records: &[u8]) -> Vec<u8> {
    let mut text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': ({count},), }}");
    while (text.len() + 11) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(records);
    bytes
}

/// Two particles of `two.mrcs` on micrographs of 50 rows × 100 columns.
pub fn two_particles() -> Vec<u8> {
    let descr = "[('uid', '<u8'), ('blob/path', '|S12'), ('blob/idx', '<u4'), ('blob/psize_A', '<f4'), \
                 ('location/micrograph_path', '|S10'), ('location/micrograph_shape', '<u4', (2,)), \
                 ('location/center_x_frac', '<f4'), ('location/center_y_frac', '<f4'), \
                 ('ctf/accel_kv', '<f4'), ('ctf/df1_A', '>f4'), ('ctf/df_angle_rad', '<f4')]";
    let mut records = Vec::new();
    for (uid, idx, name) in [(u64::MAX - 1, 1u32, b">m/a.mrc\0\0"), (7, 0, b"m/b.mrc\0\0\0")] {
        records.extend_from_slice(&uid.to_le_bytes());
        records.extend_from_slice(b">two.mrcs\0\0\0");
        records.extend_from_slice(&idx.to_le_bytes());
        records.extend_from_slice(&1.1f32.to_le_bytes());
        records.extend_from_slice(name);
        records.extend_from_slice(&50u32.to_le_bytes());
        records.extend_from_slice(&100u32.to_le_bytes());
        records.extend_from_slice(&0.25f32.to_le_bytes());
        records.extend_from_slice(&0.5f32.to_le_bytes());
        records.extend_from_slice(&300f32.to_le_bytes());
        records.extend_from_slice(&12000.5f32.to_be_bytes());
        records.extend_from_slice(&std::f32::consts::PI.to_le_bytes());
    }
    cs(descr, 2, &records)
}

/// An uncompressed little-endian TIFF of one channel; `format` is 1 unsigned, 2 signed, 3 float.
pub fn tiff(width: u16, height: u16, bits: u16, format: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"II*\0".to_vec();
    bytes.extend_from_slice(&(8 + data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(data);
    let tags: [(u16, u16, u32); 10] = [
        (256, 4, width.into()),
        (257, 4, height.into()),
        (258, 3, bits.into()),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height.into()),
        (279, 4, data.len() as u32),
        (339, 3, format.into()),
    ];
    tiff_directory(&mut bytes, &tags);
    bytes
}

/// Adds the last directory of a TIFF: each tag with its type and its one value.
pub fn tiff_directory(bytes: &mut Vec<u8>, tags: &[(u16, u16, u32)]) {
    bytes.extend_from_slice(&(tags.len() as u16).to_le_bytes());
    for (tag, kind, value) in tags {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&1u32.to_le_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&[0; 4]);
}

/// Writes a file and gives its path.
pub fn file(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}
