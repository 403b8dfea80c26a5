//! Mutated bytes: whatever a file holds, the answer is a value or an error, in bounded memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use proptest::prelude::*;
use vitrine_core::formats::{cryosparc, detect, micrograph, micrograph_table, table_start};

use crate::make;

/// Counts the largest single request of each thread.
struct Watch;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn note(size: usize) {
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
}

// SAFETY: every call is handed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's promise about `layout` is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: as above, and `pointer` came from this allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCH: Watch = Watch;

/// No small file may ask for more at once, bytes.
const MEMORY: usize = 32 << 20;
/// The same for TIFF: its decoder reserves (and does not touch) up to this by the first header.
const MEMORY_TIFF: usize = 256 << 20;

/// A small valid file of every kind.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let picture = |format| {
        let mut out = std::io::Cursor::new(Vec::new());
        let image = image::GrayImage::from_fn(16, 16, |x, y| image::Luma([(x * 13 + y * 7) as u8]));
        image.write_to(&mut out, format).unwrap();
        out.into_inner()
    };
    let star = "# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnVoltage #2\n_rlnImagePixelSize #3\n\
                1 300 1.5\n\ndata_particles\n\nloop_\n_rlnImageName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n\
                _rlnMicrographName #4\n_rlnOpticsGroup #5\n1@two.mrcs 10 20 'a b.mrc' 1\n2@two.mrcs 30 40.5 c.mrc 1\n";
    let via = "filename,region_count,region_shape_attributes,region_attributes\n\
               m.png,1,\"{\"\"name\"\":\"\"point\"\",\"\"cx\"\":1,\"\"cy\"\":2}\",\"{\"\"score\"\":1}\"\n";
    let micrographs = "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnMicrographPixelSize #2\n1 1.31\n\n\
                       data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\n_rlnDefocusU #3\n\
                       two.mrcs 1 12000\n";
    let index = "data_coordinate_files\n\nloop_\n_rlnMicrographName #1\n_rlnMicrographCoordinates #2\n\
                 a.mrc a.box\nb.mrc gone.star\n";
    let cbox =
        "data_cryolo\n\nloop_\n_CoordinateX\n_CoordinateY\n_Width\n_Height\n_Confidence\n1 2 3 4 0.5\n";
    vec![
        ("a.mrcs", make::float_stack(4, 2)),
        ("a.mrc", make::mrc(4, 2, 1, 1, true, &[7; 32], &[1; 16])),
        ("b.mrc", make::mrc(4, 4, 1, 0, false, &[], &[1; 16])),
        ("c.mrcs", make::mrc(2, 2, 2, 12, false, &[], &[1; 16])),
        ("a.mrcs.gz", make::gzip(&make::float_stack(4, 2))),
        ("a.mrcs.bz2", make::bzip2(&make::float_stack(4, 2))),
        ("a.star", star.into()),
        ("a.cs", make::two_particles()),
        ("a.box", b"10 20 30 30 positive\n1.5 -2 30 30\n".into()),
        ("a.cbox", cbox.into()),
        ("a.csv", b"image_name,x_coord,y_coord,score,label\n\"a\"\"b\",1,2,0.5,positive\nb,3,4,,\n".into()),
        ("a.txt", b"image_name\tx_coord\ty_coord\na\t1\t2\n".into()),
        ("odd.csv", b"id,across,down\n\"a, b\",1,2.5\nc,3,4\n".into()),
        ("a.tif", make::tiff(4, 4, 16, 1, &[3; 32])),
        ("b.tif", make::tiff(2, 2, 32, 3, &[0; 16])),
        ("a.png", picture(image::ImageFormat::Png)),
        ("a.jpg", picture(image::ImageFormat::Jpeg)),
        ("q.mrc", make::mrc(3, 2, 1, 101, false, &[], &[0x21; 4])),
        ("v.csv", via.into()),
        ("a.json", br#"{"boxes": [[120, 90.5, "manual"], [300, 200, "auto", 0.75]]}"#.to_vec()),
        ("a.coord", b"120 90\n300.5 200\n".to_vec()),
        ("m.star", micrographs.into()),
        (
            "e.cs",
            make::cs("[('uid', '<u8'), ('micrograph_blob/path', '|S8'), ('ctf/df1_A', '<f4')]", 2, &[65; 40]),
        ),
        ("index.star", index.into()),
        ("a.hdf", include_bytes!("../fixtures/eman2.hdf").to_vec()),
        ("a.h5", include_bytes!("../fixtures/stack.h5").to_vec()),
    ]
}

/// Everything a stranger's file may be asked.
fn open_every_way(path: &Path) {
    let _ = detect::detect(path);
    if let Ok(mut set) = detect::open_patches(path) {
        let side = set.reader.size();
        let mut out = vec![0.0; side * side];
        for index in 0..set.reader.len().min(20) {
            let _ = set.reader.info(index);
            let _ = set.reader.read(index, &mut out);
        }
    }
    if let Ok(table) = detect::open_picks(path) {
        assert!(table.picks.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
    }
    let columns = "micrograph=1,x=2,y=3".parse().unwrap();
    if let Ok(table) = detect::open_picks_by(path, Some(&columns)) {
        assert!(table.picks.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
    }
    let _ = table_start(path);
    if let Ok(read) = micrograph::open(path) {
        assert_eq!(read.image.data.len(), read.image.width * read.image.height);
        assert!(read.image.data.iter().all(|v| v.is_finite()));
    }
    let _ = micrograph::dimensions(path);
    let _ = micrograph_table::open(path);
}

/// Names and contents of files that are read together.
type FileSet = Vec<(&'static str, Vec<u8>)>;

/// Sets of files by name: one file of a set is changed, the others are whole.
fn sets() -> Vec<(&'static str, FileSet)> {
    let passthrough = make::cs(
        "[('uid', '<u8'), ('location/micrograph_path', '|S5'), ('location/micrograph_shape', '<u4', (2,)), \
         ('location/center_x_frac', '<f4'), ('location/center_y_frac', '<f4')]",
        2,
        &[1u64, 2]
            .iter()
            .flat_map(|uid| {
                let place = [0.25f32.to_le_bytes(), 0.5f32.to_le_bytes()].concat();
                [&uid.to_le_bytes()[..], b"a.mrc", &[16, 0, 0, 0, 16, 0, 0, 0], &place].concat()
            })
            .collect::<Vec<u8>>(),
    );
    let particles = make::cs(
        "[('uid', '<u8'), ('blob/path', '|S8'), ('blob/idx', '<u4'), ('blob/psize_A', '<f4')]",
        2,
        &[2u64, 1]
            .iter()
            .flat_map(|uid| {
                let section = (*uid as u32 - 1).to_le_bytes();
                [&uid.to_le_bytes()[..], b"two.mrcs", &section, &1.5f32.to_le_bytes()].concat()
            })
            .collect::<Vec<u8>>(),
    );
    let project = |end: &str| format!("data_\n\nloop_\n_rlnMicrographName #1\n{end}");
    let star = "data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n_rlnAutopickFigureOfMerit #3\n5 6 0.25\n7 8 -999\n";
    let list = "data_coordinate_files\n\nloop_\n_rlnMicrographName #1\n_rlnMicrographCoordinates #2\n\
                MotionCorr/job002/a.mrc AutoPick/job003/a_autopick.star\n";
    vec![
        ("", vec![("p.cs", particles), ("passthrough.cs", passthrough)]),
        (
            "project",
            vec![
                ("MotionCorr/job002/a.mrc", make::mrc(16, 16, 1, 0, false, &[], &[5; 256])),
                ("MotionCorr/job002/corrected_micrographs.star", project("MotionCorr/job002/a.mrc\n").into()),
                ("AutoPick/job003/autopick.star", list.into()),
                ("AutoPick/job003/a_autopick.star", star.into()),
            ],
        ),
        // A table of all picks beside a file of one micrograph: each pick counts once.
        (
            "picks",
            vec![
                ("a_autopick.star", star.into()),
                ("all.csv", b"micrograph,x,y\na.mrc,5,6\na.mrc,9,9\n".into()),
            ],
        ),
    ]
}

/// Writes a set, asks everything of it that an import asks, and takes it away.
fn open_set(folder: &Path, name: &str, files: &[(&str, Vec<u8>)]) {
    let folder = folder.join(format!("{name}_"));
    let paths: Vec<_> = files.iter().map(|(file, bytes)| make::file(&folder, file, bytes)).collect();
    make::file(&folder, "two.mrcs", make::float_stack(4, 2));
    match name {
        "" => {
            let joined = |first: &Path, second: &Path| {
                let further = [second.to_owned()];
                if let Ok(set) = cryosparc::open_joined(first, &further) {
                    for index in 0..set.reader.len().min(20) {
                        let _ = set.reader.info(index);
                    }
                }
                if let Ok(table) = cryosparc::open_picks_joined(first, &further) {
                    assert!(table.picks.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
                }
                if let Ok(table) = cryosparc::CsTable::open(first, &further) {
                    let _ = cryosparc::write_records(Vec::new(), first, &[(&table, &[0])]);
                }
            };
            joined(&paths[0], &paths[1]);
            joined(&paths[1], &paths[0]);
        }
        _ => {
            let picks = match detect::detect(&folder) {
                Ok(found) => found.picks,
                Err(_) => vec![folder.clone()],
            };
            for path in picks {
                if let Ok(table) = detect::open_picks(&path) {
                    assert!(table.picks.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
                }
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// One change of the bytes.
#[derive(Debug, Clone)]
enum Change {
    Set(u16, u8),
    Flip(u16, u8),
    /// Four bytes at once: header fields are 32-bit.
    Word(u16, u32),
    Cut(u16),
    Insert(u16, Vec<u8>),
    Remove(u16, u8),
}

fn change() -> impl Strategy<Value = Change> {
    // The first bytes are where the headers are.
    let place = || prop_oneof![0..256u16, any::<u16>()];
    let word =
        prop_oneof![any::<u32>(), Just(u32::MAX), Just(0x7fff_ffff), Just(0), Just(0xffff), Just(0x1_0000)];
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..8),
        prop::sample::select(vec![
            "\n", " ", "\"", "'", "nan", "-1", "1e999", "loop_\n", "data_\n", "@", ",,", "\t", "((((["
        ])
        .prop_map(|s| s.as_bytes().to_vec()),
    ];
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, to)| Change::Set(at, to)),
        2 => (place(), 0..8u8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        3 => (place(), word).prop_map(|(at, to)| Change::Word(at, to)),
        1 => any::<u16>().prop_map(Change::Cut),
        2 => (place(), bytes).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (place(), 1..16u8).prop_map(|(at, count)| Change::Remove(at, count)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let place = |at: u16| usize::from(at) % bytes.len();
    match change {
        Change::Set(at, to) => {
            let at = place(*at);
            bytes[at] = *to;
        }
        Change::Flip(at, bit) => {
            let at = place(*at);
            bytes[at] ^= bit;
        }
        Change::Word(at, to) => {
            let at = place(*at) & !3;
            for (byte, to) in bytes[at..].iter_mut().zip(to.to_le_bytes()) {
                *byte = to;
            }
        }
        Change::Cut(at) => {
            let at = place(*at);
            bytes.truncate(at);
        }
        Change::Insert(at, new) => {
            let at = place(*at);
            bytes.splice(at..at, new.iter().copied());
        }
        Change::Remove(at, count) => {
            let at = place(*at);
            let end = (at + usize::from(*count)).min(bytes.len());
            bytes.drain(at..end);
        }
    }
}

#[test]
fn seeds_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    make::file(folder.path(), "two.mrcs", make::float_stack(4, 2));
    for (name, bytes) in seeds() {
        detect::detect(&make::file(folder.path(), name, bytes)).unwrap();
    }
}

#[test]
fn sets_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    for (name, files) in sets() {
        open_set(folder.path(), name, &files);
    }
    let files = sets();
    let at = |set: usize, file: usize| {
        let (name, bytes) = &files[set].1[file];
        make::file(folder.path(), name, bytes)
    };
    make::file(folder.path(), "two.mrcs", make::float_stack(4, 2));
    let (particles, passthrough) = (at(0, 0), at(0, 1));
    let joined = cryosparc::open_joined(&particles, &[passthrough]).unwrap();
    assert_eq!((joined.reader.len(), joined.reader.info(1).xy), (2, Some((4.0, 8.0))));
    for file in 0..4 {
        at(1, file);
    }
    assert_eq!(detect::detect(folder.path()).unwrap().format, "RELION project");
    assert_eq!(detect::open_picks(&folder.path().join("AutoPick/job003")).unwrap().picks.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_of_one_of_several_files_panics_or_exhausts_memory(
        set in 0..3usize,
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..8),
    ) {
        thread_local! {
            static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap();
        }
        let (name, mut files) = sets().swap_remove(set);
        let at = file.index(files.len());
        for change in &changes {
            apply(&mut files[at].1, change);
        }
        LARGEST.set(0);
        FOLDER.with(|folder| open_set(folder.path(), name, &files));
        prop_assert!(LARGEST.get() <= MEMORY, "{} bytes were asked for at once", LARGEST.get());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_panics_or_exhausts_memory(
        seed in 0..25usize,
        changes in prop::collection::vec(change(), 1..8),
    ) {
        thread_local! {
            static FOLDER: tempfile::TempDir = {
                let folder = tempfile::tempdir().unwrap();
                make::file(folder.path(), "two.mrcs", make::float_stack(4, 2));
                folder
            };
            static SEEDS: Vec<(&'static str, Vec<u8>)> = seeds();
        }
        let (name, mut bytes) = SEEDS.with(|seeds| seeds[seed].clone());
        for change in &changes {
            apply(&mut bytes, change);
        }
        let path = FOLDER.with(|folder| make::file(folder.path(), name, &bytes));
        LARGEST.set(0);
        open_every_way(&path);
        let most = if name.ends_with(".tif") { MEMORY_TIFF } else { MEMORY };
        prop_assert!(LARGEST.get() <= most, "{} bytes were asked for at once", LARGEST.get());
    }
}
