//! Broken files kept as a corpus: each gives one sentence that says what is wrong.

use std::collections::BTreeSet;
use std::path::Path;

use vitrine_core::formats::{detect, micrograph};

/// How a file is opened, and what the sentence must say.
enum As {
    Patches,
    Picks,
    Micrograph,
}

use As::{Micrograph, Patches, Picks};

const CORPUS: &[(&str, As, &str)] = &[
    ("empty.mrc", Micrograph, "is empty"),
    ("short_header.mrc", Micrograph, "500 bytes"),
    ("truncated.mrcs", Patches, "declares 3 sections of 4 × 4 px, the file ends after 1"),
    ("truncated.mrcs.gz", Patches, "declares 3 sections of 4 × 4 px, the file ends after 1"),
    ("broken.mrcs.gz", Patches, "compressed data"),
    ("broken.mrcs.bz2", Patches, "compressed data"),
    ("gigantic.mrc", Patches, "declares 2147483647 sections of 65535 × 65535 px, the file ends after 0"),
    ("gigantic.mrcs.gz", Patches, "declares 2147483647 sections of 65535 × 65535 px, which"),
    ("negative_extended.mrc", Micrograph, "extended header -5 bytes"),
    ("gigantic_extended.mrc", Micrograph, "ends after 0"),
    ("complex.mrc", Micrograph, "complex"),
    ("unknown_mode.mrc", Micrograph, "pixel mode 7 is not"),
    ("nan.mrcs", Patches, "section 2 holds NaN at column 0, row 0"),
    ("wide.mrcs", Patches, "4 × 3 px, patches must be square"),
    ("movie.mrc", Micrograph, "holds 2 sections, a micrograph has one"),
    ("text.mrc", Micrograph, "not that of an MRC file"),
    ("no_needed_columns.star", Patches, "rlnImageName: data_particles (line 1) has rlnVoltage, rlnDefocusU"),
    ("no_needed_columns.star", Picks, "rlnCoordinateX: data_particles (line 1) has rlnVoltage, rlnDefocusU"),
    ("no_y.star", Picks, "rlnCoordinateY"),
    ("ragged.star", Patches, "line 8 has 2 values, the table has 3 columns"),
    ("missing_stack.star", Patches, "2 of its 3 stacks are not there: gone/a.mrcs, gone/b.mrcs"),
    ("image_past_end.star", Patches, "particle 2 is image 9 of two.mrcs, which holds 2"),
    ("image_zero.star", Patches, "line 5 has the image name '0@two.mrcs'"),
    ("mixed_sizes.star", Patches, "different box sizes: 4 px in"),
    ("nan_coordinate.star", Picks, "line 8 has 'nan' for rlnCoordinateX"),
    ("open_quote.star", Picks, "line 6 has a value with no closing \""),
    ("no_block.star", Picks, "no data_ block"),
    ("no_rows.star", Patches, "no rows"),
    ("rows_without_columns.star", Patches, "line 3 is a row of a loop_ that has no columns"),
    ("unknown_group.star", Patches, "line 13 belongs to optics group 7"),
    ("list_of_missing.star", Picks, "1 of its 1 coordinate files are not there: gone/a.star"),
    ("list_of_itself.star", Picks, "within such a list"),
    ("latin1.star", Picks, "line 6 holds bytes that are no UTF-8 text"),
    ("no_width.cbox", Picks, "no column Width"),
    ("words.box", Picks, "line 2 has 'ten' where a number belongs"),
    ("three.box", Picks, "line 2 has fewer than four values"),
    ("no_x.csv", Picks, "no column for x; it has image_name, y_coord"),
    ("nan.csv", Picks, "line 3 has 'inf' for x_coord"),
    ("ragged.csv", Picks, "line 3 has 2 values, the header names 3"),
    ("half_named.csv", Picks, "line 3 has '' for image_name"),
    ("mixed_labels.csv", Picks, "line 3 has 'perhaps' for label"),
    ("truncated.cs", Patches, "declares 3 particles and ends after 1"),
    ("gigantic_shape.cs", Patches, "declares 18446744073709551615 particles and ends after 1"),
    ("two_dimensions.cs", Patches, "several dimensions"),
    ("gigantic_header.cs", Patches, "claims 4294967295 bytes"),
    ("nested.cs", Patches, "nested too deep"),
    ("no_blob.cs", Patches, "no field blob/path; it has uid"),
    ("no_blob.cs", Picks, "no field location/micrograph_path"),
    ("plain.cs", Patches, "without named fields"),
    ("missing_stack.cs", Patches, "1 of its 1 stacks are not there: gone.mrcs"),
    ("past_end.cs", Patches, "image 6 of two.mrcs, which holds 2"),
    ("object.cs", Patches, "no fixed size"),
    ("gigantic.png", Micrograph, "60000 × 60000 px"),
    ("large.png", Micrograph, "16000 × 16000 px, which"),
    ("truncated.png", Micrograph, "cannot be decoded"),
    ("gigantic.tif", Micrograph, "60000 × 60000 px"),
    ("large.tif", Micrograph, "12000 × 12000 px, which"),
    ("truncated.tif", Micrograph, "cannot be decoded"),
    ("unknown.dat", Patches, "none of the formats"),
];

/// Files that others of the corpus point to; they are whole.
const HELPERS: [&str; 2] = ["two.mrcs", "eight.mrcs"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/cryoem"))
}

/// Opens a file and reads every patch.
fn read_all(path: &Path) -> vitrine_core::Result<()> {
    let mut set = detect::open_patches(path)?;
    let mut out = vec![0.0; set.reader.size() * set.reader.size()];
    (0..set.reader.len()).try_for_each(|i| set.reader.read(i, &mut out))
}

#[test]
fn every_broken_file_is_explained() {
    let mut seen: BTreeSet<&str> = HELPERS.into();
    for (name, how, says) in CORPUS {
        let path = root().join(name);
        let result = match how {
            Patches => read_all(&path),
            Picks => detect::open_picks(&path).map(drop),
            Micrograph => micrograph::open(&path).map(drop),
        };
        let error = result.expect_err(name).to_string();
        assert!(error.contains(says), "{name}: {error}");
        assert!(error.contains(name) || error.contains("two.mrcs"), "{name} is not named: {error}");
        assert!(!error.contains('\n'), "{name}: {error}");
        seen.insert(name);
    }
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(seen.contains(name.as_str()), "{name} lies in the corpus and is not tested");
    }
    for helper in HELPERS {
        read_all(&root().join(helper)).unwrap();
    }
}

#[test]
fn every_opener_answers_every_broken_file() {
    for entry in std::fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        let _ = detect::detect(&path);
        let _ = read_all(&path);
        let _ = detect::open_picks(&path);
        let _ = micrograph::open(&path);
        let _ = micrograph::dimensions(&path);
    }
    assert!(detect::detect(&root().join("absent.mrc")).is_err());
    assert!(detect::detect(root().parent().unwrap().parent().unwrap()).is_err() || root().is_dir());
}
