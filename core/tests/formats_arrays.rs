//! Patches from PyTorch and NumPy files and from folders of pictures: real files, hand-made ones,
//! damaged ones, and byte mutation.

#![allow(clippy::unwrap_used, missing_docs)]

mod needs;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use needs::shared;
use proptest::prelude::*;
use vitrine_core::formats::image_folder::{self, FolderWriter, PngDepth};
use vitrine_core::formats::npy::{self, NpzGroup, NpzOptions};
use vitrine_core::formats::{Dataset, PatchInfo, pytorch};
use vitrine_core::{Label, LabelCounts};

/// Remembers the largest single request for memory of each thread.
struct Watched;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending has nothing to remember any more.
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller keeps alloc's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps dealloc's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

const MAX_MEMORY: usize = 64 << 20;

/// Pictures are decoded by the `image` crate; its TIFF decoder lets the values of one tag take this
/// much before any limit can be set.
const MAX_MEMORY_PICTURE: usize = 256 << 20;

fn corpus(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/arrays")).join(name)
}

fn counts(data: &Dataset) -> LabelCounts {
    LabelCounts::of((0..data.reader.len()).filter_map(|index| data.reader.info(index).label))
}

fn pixels(data: &mut Dataset, index: usize) -> Vec<f32> {
    let size = data.reader.size();
    let mut out = vec![f32::NAN; size * size];
    data.reader.read(index, &mut out).unwrap();
    out
}

/// Patch `number` of the corpus, 4×4 px.
fn expected(number: usize, base: usize) -> Vec<f32> {
    (0..16).map(|at| (100 * number + 10 * (at / 4) + at % 4 + base) as f32).collect()
}

/// Checks that patches come as (label, number, base) in this order.
fn check(data: &mut Dataset, wanted: &[(Option<Label>, usize, usize)]) {
    assert_eq!(data.reader.size(), 4);
    assert_eq!(data.reader.len(), wanted.len());
    for (index, &(label, number, base)) in wanted.iter().enumerate() {
        assert_eq!(data.reader.info(index).label, label, "patch {index}");
        assert_eq!(pixels(data, index), expected(number, base), "patch {index}");
    }
}

const P: Option<Label> = Some(Label::Positive);
const U: Option<Label> = Some(Label::Unlabeled);
const N: Option<Label> = Some(Label::Negative);

/// Everything a damaged file can do wrong at opening or at reading, as one sentence.
fn refusal(opened: vitrine_core::Result<Dataset>) -> String {
    match opened {
        Err(error) => error.to_string(),
        Ok(mut data) => {
            let mut out = vec![0.0; data.reader.size() * data.reader.size()];
            (0..data.reader.len())
                .find_map(|index| data.reader.read(index, &mut out).err())
                .unwrap()
                .to_string()
        }
    }
}

/// Warnings, one a line.
fn sentences(warnings: &[vitrine_core::Warning]) -> String {
    warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn tensors_with_strides_offset_and_four_types() {
    let mut data = pytorch::open(&corpus("views.pt")).unwrap();
    check(
        &mut data,
        &[(P, 0, 0), (P, 1, 0), (P, 2, 0), (U, 0, 1), (U, 1, 1), (N, 0, 2), (N, 1, 2), (N, 0, 3)],
    );
    assert_eq!(data.pixel_size, Some(1.77));
    let names: Vec<_> = (0..4).map(|index| data.reader.info(index).micrograph).collect();
    assert_eq!(names, [Some("m1".into()), Some("m2".into()), Some("m1".into()), None]);
    let warnings = sentences(&data.warnings);
    assert!(warnings.contains("patches.extra") && warnings.contains("note"), "{warnings}");
}

#[test]
fn big_endian_deflated_and_tuples() {
    let mut data = pytorch::open(&corpus("big_endian.pt")).unwrap();
    // bfloat16 keeps 8 bits of precision: whole numbers up to 256 are exact.
    check(&mut data, &[(P, 1, 0), (P, 0, 0), (U, 0, 0), (U, 1, 0)]);
}

#[test]
fn what_the_metadata_say_of_scale_and_size_is_used() {
    let mut data = pytorch::open(&corpus("metadata.pt")).unwrap();
    check(&mut data, &[(P, 0, 0), (P, 1, 0), (U, 0, 1), (U, 1, 1)]);
    // The patches were averaged by two: 2.62 Å is theirs, 1.31 that of the micrographs.
    assert_eq!((data.pixel_size, data.micrograph_pixel_size), (Some(2.62), Some(1.31)));
    assert_eq!(sentences(&data.warnings), "not read from the file: metadata.source");
}

#[test]
fn old_serialisation_with_lists() {
    let mut data = pytorch::open(&corpus("legacy.pt")).unwrap();
    check(&mut data, &[(P, 0, 0), (P, 1, 0), (U, 0, 1), (U, 1, 1), (U, 2, 1)]);
    assert!(data.kind.to_string().contains("old serialisation"), "{}", data.kind);
}

#[test]
fn numpy_arrays_in_pickles() {
    let mut data = pytorch::open(&corpus("numpy.pt")).unwrap();
    check(&mut data, &[(P, 0, 0), (P, 1, 0), (P, 2, 0), (U, 0, 1), (U, 1, 1), (N, 0, 0), (N, 1, 0)]);
    assert_eq!(data.pixel_size, Some(2.5));
    let mut data = pytorch::open(&corpus("numpy_protocol5.pt")).unwrap();
    check(&mut data, &[(P, 0, 0), (P, 1, 0), (U, 0, 1), (U, 1, 1)]);
}

#[test]
fn nothing_in_a_pickle_is_executed() {
    let message = refusal(pytorch::open(&corpus("calls_system.pt")));
    assert!(message.contains("system") && message.contains("executed"), "{message}");
    // Where the patches do not need it, it is only left out.
    let mut data = pytorch::open(&corpus("calls_system_beside.pt")).unwrap();
    check(&mut data, &[(U, 0, 0)]);
    assert!(sentences(&data.warnings).contains("note"));
}

#[test]
fn damaged_and_odd_pytorch_files_are_refused_in_one_sentence() {
    for (name, words) in [
        ("complex.pt", &["positive", "complex"][..]),
        ("gigantic.pt", &["positive", "1099511627776, 4096, 4096", "16 values"]),
        ("repeated.pt", &["positive", "stride 0"]),
        ("mixed.pt", &["positive'][1] is 3×3 px", "4×4 px"]),
        ("missing.pt", &["positive", "\"9\""]),
        ("weights.pt", &["epoch", "patches"]),
        ("no_pickle.pt", &["no data.pkl"]),
        ("deflated.npz", &["NPZ"]),
        ("plain.npy", &["no PyTorch file", "NumPy"]),
        ("picture.npz", &["no PyTorch file", "PNG"]),
        ("empty_file.npz", &["empty"]),
    ] {
        let message = refusal(pytorch::open(&corpus(name)));
        assert!(words.iter().all(|word| message.contains(word)), "{name}: {message}");
        assert!(!message.contains('\n'), "{name}: {message}");
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["legacy.pt", "views.pt"] {
        let whole = std::fs::read(corpus(name)).unwrap();
        let cut = folder.path().join(name);
        std::fs::write(&cut, &whole[..whole.len() - 20]).unwrap();
        let message = refusal(pytorch::open(&cut));
        assert!(message.contains("file"), "{name}: {message}");
    }
}

#[test]
fn npz_orders_types_names_and_centres() {
    let mut data = npy::open(&corpus("orders.npz")).unwrap();
    check(
        &mut data,
        &[(P, 0, 0), (P, 1, 0), (P, 2, 0), (U, 0, 1), (U, 1, 1), (N, 0, 2), (N, 1, 2), (N, 0, 3)],
    );
    let info: Vec<PatchInfo> = (0..5).map(|index| data.reader.info(index)).collect();
    assert_eq!(info[0].micrograph.as_deref(), Some("m1"));
    assert_eq!(info[1].micrograph.as_deref(), Some("mikrograph µ2"));
    assert_eq!(info[2].micrograph, None);
    assert_eq!((info[0].xy, info[1].xy, info[2].xy), (Some((1.0, 2.0)), Some((3.5, 4.0)), None));
    assert_eq!(info[4].micrograph.as_deref(), Some("b.mrc"));
    assert_eq!(data.pixel_size, Some(1.25));
    assert!(sentences(&data.warnings).contains("truth"), "{:?}", data.warnings);
}

#[test]
fn npz_without_labels_and_npy() {
    let mut data = npy::open(&corpus("deflated.npz")).unwrap();
    check(&mut data, &[(None, 0, 0), (None, 1, 0)]);
    let info = data.reader.info(1);
    assert_eq!((info.micrograph.as_deref(), info.xy), (Some("m2"), Some((3.0, 4.0))));
    assert!(sentences(&data.warnings).contains("is_particle"), "{:?}", data.warnings);
    check(&mut npy::open(&corpus("plain.npy")).unwrap(), &[(None, 0, 0), (None, 1, 0)]);
}

#[test]
fn damaged_and_odd_numpy_files_are_refused_in_one_sentence() {
    for (name, words) in [
        ("complex.npz", &["positive", "complex"][..]),
        ("rectangular.npz", &["positive", "4 rows by 5 columns"]),
        ("mixed.npz", &["unlabeled[0] is 5×5 px", "4×4 px"]),
        ("nan.npz", &["positive[0]", "16 values", "no finite numbers"]),
        ("empty.npz", &["positive", "no patch"]),
        ("other.npz", &["images"]),
        ("objects.npz", &["positive_micrograph", "Python objects"]),
        ("short_names.npz", &["positive_micrograph", "2 patches"]),
        ("gigantic.npy", &["4294967295"]),
        ("truncated.npy", &["(2, 4, 4)", "27 values"]),
        ("nested_header.npy", &["header"]),
        ("picture.npz", &["no NumPy file", "PNG"]),
        ("empty_file.npz", &["empty"]),
        ("views.pt", &["no array named"]),
    ] {
        let message = refusal(npy::open(&corpus(name)));
        assert!(words.iter().all(|word| message.contains(word)), "{name}: {message}");
        assert!(!message.contains('\n'), "{name}: {message}");
    }
    let message = refusal(npy::open(Path::new("no/such/file.npz")));
    assert!(message.contains("no/such/file.npz"), "{message}");
}

#[test]
fn three_serialisations_of_the_real_file_agree() {
    let Some(folder) = shared("three_serialisations_of_the_real_file_agree", "preprocessed") else { return };
    let mut tensors = pytorch::open(&folder.join("preprocessed_data.pt")).unwrap();
    assert_eq!(counts(&tensors), LabelCounts { positive: 343, unlabeled: 1400, negative: 343 });
    assert_eq!(tensors.reader.size(), 64);
    assert!(
        (0..2086).all(|index| tensors.reader.info(index).micrograph.is_some_and(|m| m.starts_with("Falcon")))
    );
    // Read to the end: every pixel is finite, and no patch is empty.
    for index in 0..tensors.reader.len() {
        let patch = pixels(&mut tensors, index);
        assert!(patch.iter().any(|&value| value != patch[0]), "patch {index}");
    }
    for (name, kind) in [
        ("preprocessed_data_numpy.pt", "PyTorch patches (zip)"),
        ("preprocessed_data_lists.pt", "PyTorch patches (old serialisation)"),
    ] {
        let mut other = pytorch::open(&folder.join(name)).unwrap();
        assert_eq!(other.kind.to_string(), kind);
        assert_eq!(counts(&other), LabelCounts { positive: 40, unlabeled: 160, negative: 0 });
        for index in 0..200 {
            let twin = if index < 40 { index } else { 343 + index - 40 };
            let (one, two) = (pixels(&mut other, index), pixels(&mut tensors, twin));
            let worst =
                one.iter().zip(&two).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max);
            // Half precision keeps 11 bits.
            assert!(worst <= 2f32.powi(-11), "{name}, patch {index}: off by {worst}");
        }
    }
}

#[test]
fn the_benchmark_archives_open() {
    let Some(folder) = shared("the_benchmark_archives_open", "pu_benchmark") else { return };
    let mut data = npy::open(&folder.join("train.npz")).unwrap();
    assert_eq!(counts(&data), LabelCounts { positive: 343, unlabeled: 1400, negative: 0 });
    let info = data.reader.info(1742);
    assert!(info.micrograph.is_some_and(|name| name.starts_with("Falcon")) && info.xy.is_some());
    assert!(pixels(&mut data, 1742).iter().all(|value| value.is_finite()));
    assert!(data.warnings.is_empty(), "{:?}", data.warnings);
    let data = npy::open(&folder.join("test.npz")).unwrap();
    assert_eq!((data.reader.len(), data.reader.size()), (2000, 64));
    let info = data.reader.info(0);
    assert!(info.label.is_none() && info.micrograph.is_some() && info.xy.is_some());
    assert_eq!(sentences(&data.warnings), "not read from the file: is_particle");
}

/// Some patches with and without micrograph and centre.
fn some_info(label: Option<Label>) -> Vec<PatchInfo> {
    let info = |micrograph: Option<&str>, xy| PatchInfo {
        label,
        micrograph: micrograph.map(str::to_owned),
        xy,
        ..PatchInfo::default()
    };
    vec![info(Some("m µ 1"), Some((1.25, 1e9 + 0.125))), info(None, None)]
}

#[test]
fn what_was_written_as_npz_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    for compress in [false, true] {
        let path = folder.path().join(format!("{compress}.npz"));
        let (positive, unlabeled) = (some_info(P), some_info(U));
        let bare = vec![PatchInfo { label: N, ..PatchInfo::default() }];
        let groups = [
            NpzGroup { label: P, info: &positive },
            NpzGroup { label: U, info: &unlabeled },
            NpzGroup { label: N, info: &bare },
        ];
        let options = NpzOptions { pixel_size: Some(5.31), compress };
        let out = Cursor::new(Vec::new());
        let out = npy::write_npz(out, &path, 4, &groups, options, |group, index, pixels| {
            pixels.copy_from_slice(&expected(index, group));
            Ok(())
        });
        std::fs::write(&path, out.unwrap().into_inner()).unwrap();
        let mut data = npy::open(&path).unwrap();
        check(&mut data, &[(P, 0, 0), (P, 1, 0), (U, 0, 1), (U, 1, 1), (N, 0, 2)]);
        let info: Vec<PatchInfo> = (0..5).map(|index| data.reader.info(index)).collect();
        assert_eq!(info, [positive, unlabeled, bare].concat());
        assert_eq!(data.pixel_size, Some(5.31));
        assert!(data.warnings.is_empty(), "{:?}", data.warnings);
        if let Some(keep) = std::env::var_os("VITRINE_KEEP_WRITTEN") {
            std::fs::copy(&path, Path::new(&keep).join(format!("written_{compress}.npz"))).unwrap();
        }
    }
    let twice = some_info(P);
    let groups = [NpzGroup { label: P, info: &twice }, NpzGroup { label: P, info: &twice }];
    let out = Cursor::new(Vec::new());
    let refused =
        npy::write_npz(out, Path::new("x.npz"), 4, &groups, NpzOptions::default(), |_, _, _| Ok(()));
    assert!(refused.unwrap_err().to_string().contains("same label"));
}

#[test]
fn what_was_written_as_npy_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("patches.npy");
    let out = npy::write_npy(Vec::new(), &path, 4, 3, |index, pixels| {
        pixels.copy_from_slice(&expected(index, 0));
        Ok(())
    });
    std::fs::write(&path, out.unwrap()).unwrap();
    check(&mut npy::open(&path).unwrap(), &[(None, 0, 0), (None, 1, 0), (None, 2, 0)]);
}

#[test]
fn a_full_disk_is_reported() {
    struct Full(Cursor<Vec<u8>>);
    impl Write for Full {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            if self.0.position() > 500 {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            self.0.write(data)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl std::io::Seek for Full {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }
    let info = vec![PatchInfo::default(); 50];
    let groups = [NpzGroup { label: P, info: &info }];
    let out = Full(Cursor::new(Vec::new()));
    let refused =
        npy::write_npz(out, Path::new("out.npz"), 4, &groups, NpzOptions::default(), |_, _, pixels| {
            pixels.fill(1.0);
            Ok(())
        });
    let message = refused.err().unwrap().to_string();
    assert!(message.contains("out.npz"), "{message}");
}

fn save<Pixel>(path: &Path, side: u32, rows: u32, pixel: impl Fn(u32) -> Pixel)
where
    Pixel: image::Pixel + image::PixelWithColorType,
    [Pixel::Subpixel]: image::EncodableLayout,
{
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::ImageBuffer::from_fn(side, rows, |x, y| pixel(10 * y + x)).save(path).unwrap();
}

#[test]
fn folders_of_pictures_of_all_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    save(&dir.join("positive/b.png"), 4, 4, |value| image::Luma([value as u8]));
    save(&dir.join("positive/a.tif"), 4, 4, |value| image::Luma([1000 + value as u16]));
    save(&dir.join("unlabeled/x.PNG"), 4, 4, |value| image::Luma([60_000 + value as u16]));
    save(&dir.join("false_positive/c.png"), 4, 4, |value| image::Rgb([value as u8; 3]));
    save(&dir.join("negative/flat.jpg"), 4, 4, |_| image::Luma([77u8]));
    std::fs::write(dir.join("positive/notes.txt"), "no picture").unwrap();
    std::fs::write(
        dir.join("patches.csv"),
        "file,micrograph,x,y\npositive/b.png,m7,12.5,3\nnegative/gone.png,m,,\n",
    )
    .unwrap();
    let mut data = image_folder::open(dir).unwrap();
    assert_eq!(counts(&data), LabelCounts { positive: 2, unlabeled: 1, negative: 2 });
    let plain = expected(0, 0);
    let shifted = |by: f32| plain.iter().map(|value| value + by).collect::<Vec<_>>();
    assert_eq!(pixels(&mut data, 0), shifted(1000.0));
    assert_eq!(pixels(&mut data, 1), plain);
    assert_eq!(pixels(&mut data, 2), shifted(60_000.0));
    assert_eq!(pixels(&mut data, 3), [77.0; 16]);
    assert_eq!(pixels(&mut data, 4), plain);
    let info = data.reader.info(1);
    assert_eq!((info.micrograph.as_deref(), info.xy), (Some("m7"), Some((12.5, 3.0))));
    let warnings = sentences(&data.warnings);
    assert!(
        warnings.contains("notes.txt") && warnings.contains("1 of 5 pictures are in colour"),
        "{warnings}"
    );
    assert!(warnings.contains("1 rows of patches.csv"), "{warnings}");
    // One folder of pictures has no labels.
    let data = image_folder::open(&dir.join("positive")).unwrap();
    assert_eq!((data.reader.len(), data.reader.info(0).label), (2, None));
}

#[test]
fn odd_folders_are_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, words: &[&str], make: &dyn Fn(&Path)| {
        let dir = folder.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        make(&dir);
        let message = refusal(image_folder::open(&dir));
        assert!(words.iter().all(|word| message.contains(word)), "{name}: {message}");
    };
    check("empty", &["neither pictures nor folders"], &|_| {});
    check("no pictures", &["positive", "no pictures"], &|dir| {
        std::fs::create_dir(dir.join("positive")).unwrap()
    });
    check("oblong", &["a.png", "3 rows by 4 columns"], &|dir| {
        save(&dir.join("positive/a.png"), 4, 3, |_| image::Luma([1u8]));
    });
    check("mixed", &["b.png", "5×5", "4×4"], &|dir| {
        save(&dir.join("positive/a.png"), 4, 4, |_| image::Luma([1u8]));
        save(&dir.join("positive/b.png"), 5, 5, |_| image::Luma([1u8]));
    });
    check("damaged", &["a.png", "damaged"], &|dir| {
        let path = dir.join("positive/a.png");
        save(&path, 64, 64, |value| image::Luma([value as u8]));
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    });
    check("mislabelled", &["a.png"], &|dir| {
        std::fs::create_dir(dir.join("positive")).unwrap();
        std::fs::write(dir.join("positive/a.png"), "this is text").unwrap();
    });
    check("whole micrographs", &["4100 px"], &|dir| {
        save(&dir.join("positive/a.png"), 4100, 4100, |_| image::Luma([1u8]));
    });
    let message = refusal(image_folder::open(&folder.path().join("not there")));
    assert!(message.contains("not there"), "{message}");
}

#[test]
fn written_pictures_are_stretched_to_percentiles_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    // 401 grey levels (the last ones repeated) on 21×21 px, with two outliers to be clipped.
    let mut ramp: Vec<f32> = (0..441).map(|at| at as f32 - 100.0).collect();
    ramp[0] = -1e30;
    ramp[440] = 1e30;
    for (depth, white) in [(PngDepth::Eight, 255.0), (PngDepth::Sixteen, 65535.0)] {
        let dir = folder.path().join(format!("{white}"));
        let mut writer = FolderWriter::create(&dir, 21, depth).unwrap();
        let info =
            PatchInfo { micrograph: Some("m, 1".into()), xy: Some((0.1, 2e6)), ..PatchInfo::default() };
        writer.add(Label::Positive, &ramp, &info).unwrap();
        writer.add(Label::Negative, &[3.0; 441], &PatchInfo::default()).unwrap();
        assert!(writer.add(Label::Negative, &[f32::NAN; 441], &info).is_err());
        assert_eq!(writer.finish().unwrap(), LabelCounts { positive: 1, unlabeled: 0, negative: 1 });
        let mut data = image_folder::open(&dir).unwrap();
        assert_eq!(data.reader.info(0), PatchInfo { label: P, ..info });
        assert_eq!(data.reader.info(1), PatchInfo { label: N, ..PatchInfo::default() });
        let patch = pixels(&mut data, 0);
        // Ranks round(0.005·440) = 2 and round(0.995·440) = 438 become black and white.
        for (at, value) in patch.iter().enumerate() {
            let wanted = ((at as f64 - 2.0) / 436.0).clamp(0.0, 1.0) * white;
            assert_eq!(f64::from(*value), wanted.round(), "pixel {at}");
        }
        assert_eq!(pixels(&mut data, 1), [(0.5 * white).round() as f32; 441]);
        assert!(FolderWriter::create(&dir, 21, depth).is_err(), "a filled folder is left alone");
    }
}

/// Opens and reads everything; either outcome is fine, a panic or much memory is not.
fn survive(kind: &str, data: &[u8]) {
    LARGEST.set(0);
    let folder = tempfile::tempdir().unwrap();
    let opened = if kind == "picture" {
        std::fs::create_dir(folder.path().join("positive")).unwrap();
        std::fs::write(folder.path().join("positive/a.png"), data).unwrap();
        image_folder::open(folder.path())
    } else {
        let path = folder.path().join("mutated");
        std::fs::write(&path, data).unwrap();
        if kind == "pt" { pytorch::open(&path) } else { npy::open(&path) }
    };
    match opened {
        Ok(mut data) => {
            let size = data.reader.size();
            assert!(size * size * 4 <= MAX_MEMORY, "a small file claims patches of {size} px");
            let mut out = vec![0.0; size * size];
            for index in 0..data.reader.len().min(50) {
                let _ = data.reader.info(index);
                let _ = data.reader.read(index, &mut out);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let largest = LARGEST.get();
    let most = if kind == "picture" { MAX_MEMORY_PICTURE } else { MAX_MEMORY };
    assert!(largest <= most, "{kind}: {largest} bytes were asked for at once");
}

/// Files that are mutated: name and reader. Pictures are made on the fly.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    for name in ["views.pt", "big_endian.pt", "legacy.pt", "numpy.pt", "numpy_protocol5.pt", "mixed.pt"] {
        seeds.push(("pt", std::fs::read(corpus(name)).unwrap()));
    }
    for name in ["orders.npz", "deflated.npz", "plain.npy", "short_names.npz"] {
        seeds.push(("npy", std::fs::read(corpus(name)).unwrap()));
    }
    for format in [image::ImageFormat::Png, image::ImageFormat::Tiff, image::ImageFormat::Jpeg] {
        let mut out = Cursor::new(Vec::new());
        image::GrayImage::from_fn(8, 8, |x, y| image::Luma([(9 * x + y) as u8]))
            .write_to(&mut out, format)
            .unwrap();
        seeds.push(("picture", out.into_inner()));
    }
    seeds
}

#[test]
fn every_truncation_of_every_kind_is_survived() {
    for (kind, data) in seeds() {
        let step = (data.len() / 150).max(1);
        for len in (0..data.len()).step_by(step) {
            survive(kind, &data[..len]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_are_survived(
        which in 0usize..13,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..6),
    ) {
        let (kind, mut data) = seeds().swap_remove(which);
        for (place, value, how) in changes {
            if data.is_empty() { break; }
            let at = place.index(data.len());
            match how {
                0 => data[at] = value,
                1 => data[at] ^= 1 << (value % 8),
                // Sizes at their limits are the values that hurt.
                2 => data[at..].iter_mut().take(usize::from(value % 9)).for_each(|byte| *byte = 0xff),
                _ => data.insert(at, value),
            }
        }
        survive(kind, &data);
    }
}
