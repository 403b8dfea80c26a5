//! PyTorch files (`.pt`) with patches in the shape
//! `data['patches']['positive' | 'unlabeled' | 'negative' or 'false_positive']`.
//!
//! Why we wrote a reader: `pytorch-reader` (the crate beneath burn-store's reader) reads tensors in
//! all layouts and is well guarded, but a NumPy array inside the pickle is opaque to it, and so
//! are its bytes; a third of the files this program is made for hold such arrays. `serde-pickle`
//! knows neither persistent ids (tensors) nor calls with arguments it cannot resolve. So the
//! pickle is read here, by a machine that builds plain data and executes nothing (`pickle`),
//! the two layouts are in `container`, and the few names understood are in `objects`.
//!
//! What is read: tensors N×H×W or N×1×H×W, lists or tuples of tensors H×W or 1×H×W, NumPy arrays
//! or lists of them; f16, bf16, f32, f64, all integers, bool; any strides and offset; the zip
//! layout and the old one, and plain pickles of NumPy arrays. `micrographs[label]`, a list of
//! names, is kept, and a `pixel_size` (Å per px of the patches; also `apix`, `angpix`) at the top or
//! under `metadata`. Beside a `pixel_size_binned`, that of the patches, it is that of the micrographs. A `patch_size` there is compared with the
//! patches. Everything else is named in a warning.
//!
//! Checksums inside a zip are not verified for data stored as it is, so that opening a large
//! file does not read it; sizes are.

mod container;
mod nodes;
mod objects;
mod pickle;

use std::path::Path;

use self::container::Container;
use self::nodes::Id;
use self::objects::Value;
use super::arrays::{ArrayPatches, Group};
use super::{Dataset, Format, PatchReader as _};
use crate::error::{Error, Result};
use crate::label::Label;
use crate::remedy::Warning;

/// Keys under which patches are looked for, in the order in which they come out.
const KEYS: [(&str, Label); 5] = [
    ("positive", Label::Positive),
    ("unlabeled", Label::Unlabeled),
    ("unlabelled", Label::Unlabeled),
    ("negative", Label::Negative),
    ("false_positive", Label::Negative),
];

/// Keys whose value is taken as Å per px of the patches.
const PIXEL_SIZE: [&str; 6] = [BINNED, "pixel_size", "pixel_size_A", "pixel_size_angstrom", "apix", "angpix"];

/// Key of Å per px of the patches where they were averaged down; any other of [`PIXEL_SIZE`] beside it is
/// that of the micrographs.
const BINNED: &str = "pixel_size_binned";

/// Keys whose value is taken as the side of a patch, px, and compared with the patches.
const PATCH_SIZE: [&str; 2] = ["patch_size", "patch_size_binned"];

const MEND_SHAPE: &str = "save a dict data['patches'] with the keys positive, unlabeled, negative or \
                          false_positive, each a tensor N×H×W or a list of tensors H×W of numbers";

/// Opens a PyTorch file of patches. Pixels are read when asked for; false positives come in as
/// negatives.
///
/// # Errors
/// When the file cannot be read, is no PyTorch file, is damaged, or holds no patches in the
/// expected shape.
pub fn open(path: &Path) -> Result<Dataset> {
    let mut container = Container::open(path)?;
    let mut warnings = Vec::new();
    let mut unread = Vec::new();
    let (classes, outer) = find_classes(path, &container)?;
    let mut groups = Vec::new();
    for (key, label) in KEYS {
        let Some(value) = container.pickle.get(classes, key) else { continue };
        let name =
            if outer.is_some() { format!("data['patches']['{key}']") } else { format!("data['{key}']") };
        let mut group = read_group(&mut container, &name, label, value)
            .map_err(|problem| Error::format(path, problem, MEND_SHAPE))?;
        if group.len() == 0 {
            warnings.push(format!("{name} is empty").into());
        }
        if let Some(outer) = outer {
            group.micrographs = read_micrographs(&container, outer, key, group.len(), &mut warnings);
        }
        groups.push(group);
    }
    for (key, _) in container.pickle.pairs(classes).unwrap_or_default() {
        let known = container.pickle.text(*key).is_some_and(|key| is_class(key) || is_metadata(key));
        if !known {
            let within = if outer.is_some() { "patches." } else { "" };
            unread.push(format!("{within}{}", key_name(&container, *key)));
        }
    }
    let (mut binned, mut pixel_size) = (None, None);
    let mut patch_size = None;
    let top = outer.unwrap_or(classes);
    for place in [Some(top), container.pickle.get(top, "metadata")].into_iter().flatten() {
        for key in PIXEL_SIZE {
            let found = container.pickle.get(place, key).and_then(|id| objects::number(&mut container, id));
            let found = found.filter(|size| size.is_finite() && *size > 0.0);
            let known = if key == BINNED { &mut binned } else { &mut pixel_size };
            *known = known.or(found);
        }
        for key in PATCH_SIZE {
            let found = container.pickle.get(place, key).and_then(|id| objects::number(&mut container, id));
            patch_size = patch_size.or(found);
        }
    }
    if outer.is_some() {
        unread.extend(unread_top_level(&container, top));
    }
    if !unread.is_empty() {
        warnings.push(format!("not read from the file: {}", listing(&unread)).into());
    }
    let reader = ArrayPatches::new(path, groups)?;
    if let Some(said) = patch_size.filter(|said| *said != reader.size() as f64) {
        warnings.push(format!(
            "its metadata says that patches have {said} px, they have {}: a pixel size that stands beside it may \
             belong to other patches",
            reader.size()
        ).into());
    }
    Ok(Dataset {
        kind: Format::Other(format!("PyTorch patches ({})", container.layout)),
        reader: Box::new(reader),
        pixel_size: binned.or(pixel_size),
        micrograph_pixel_size: pixel_size.filter(|_| binned.is_some()),
        optics: Vec::new(),
        warnings,
    })
}

/// Whether a key is one whose value is used.
fn is_metadata(key: &str) -> bool {
    PIXEL_SIZE.contains(&key) || PATCH_SIZE.contains(&key)
}

/// Whether a key names a class of patches.
fn is_class(key: &str) -> bool {
    KEYS.iter().any(|(known, _)| *known == key)
}

/// At most a dozen names in one line.
fn listing(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}

fn key_name(container: &Container, key: Id) -> String {
    let name = container.pickle.text(key).map(|text| text.chars().take(60).collect());
    name.unwrap_or_else(|| container.pickle.describe(key))
}

/// The dict with the classes, and the dict around it where there is one.
fn find_classes(path: &Path, container: &Container) -> Result<(Id, Option<Id>)> {
    let pickle = &container.pickle;
    let root = pickle.root();
    let has_class = |id: Id| {
        pickle.pairs(id).is_some_and(|p| p.iter().any(|(k, _)| pickle.text(*k).is_some_and(is_class)))
    };
    let keys = |id: Id| -> String {
        let names: Vec<String> =
            pickle.pairs(id).unwrap_or_default().iter().map(|(key, _)| key_name(container, *key)).collect();
        if names.is_empty() { "none".into() } else { listing(&names) }
    };
    if let Some(patches) = pickle.get(root, "patches") {
        if has_class(patches) {
            return Ok((patches, Some(root)));
        }
        let problem = match pickle.pairs(patches) {
            Some(_) => format!(
                "data['patches'] has no key positive, unlabeled or negative (its keys: {})",
                keys(patches)
            ),
            None => format!("data['patches'] is {}, not a dict", pickle.describe(patches)),
        };
        return Err(Error::format(path, problem, MEND_SHAPE));
    }
    if has_class(root) {
        return Ok((root, None));
    }
    let problem = match pickle.pairs(root) {
        Some(_) => format!("it has no key 'patches' (its keys: {})", keys(root)),
        None => format!("it holds {} where a dict of patches should be", pickle.describe(root)),
    };
    Err(Error::format(path, problem, MEND_SHAPE))
}

/// Reads one class. The error is a full clause naming the place.
fn read_group(container: &mut Container, name: &str, label: Label, id: Id) -> Result<Group, String> {
    match objects::value(container, id).map_err(|problem| format!("{name} {problem}"))? {
        Value::Array(array) => Group::of_array(name, Some(label), array),
        Value::List(items) => {
            let mut group = Group::list(name, Some(label));
            for (index, item) in items.into_iter().enumerate() {
                match objects::value(container, item)
                    .map_err(|problem| format!("{name}[{index}] {problem}"))?
                {
                    Value::Array(array) => group.push_item(array)?,
                    Value::List(_) => {
                        return Err(format!("{name}[{index}] is a list where a tensor or array should be"));
                    }
                }
            }
            Ok(group)
        }
    }
}

/// `data['micrographs'][key]`: one name per patch.
fn read_micrographs(
    container: &Container,
    outer: Id,
    key: &str,
    count: usize,
    warnings: &mut Vec<Warning>,
) -> Option<Vec<String>> {
    let pickle = &container.pickle;
    let listed = pickle.get(pickle.get(outer, "micrographs")?, key)?;
    let names = pickle.sequence(listed).map(|items| {
        items.iter().map(|&item| pickle.text(item).map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    match names.flatten() {
        Some(names) if names.len() == count => Some(names),
        Some(names) => {
            warnings.push(
                format!(
                    "data['micrographs']['{key}'] names {} micrographs for {count} patches and was left out",
                    names.len()
                )
                .into(),
            );
            None
        }
        None => {
            warnings
                .push(format!("data['micrographs']['{key}'] is no list of names and was left out").into());
            None
        }
    }
}

/// Names of what lies beside the patches and is not used.
fn unread_top_level(container: &Container, top: Id) -> Vec<String> {
    let pickle = &container.pickle;
    let mut unread = Vec::new();
    for &(key, value) in pickle.pairs(top).unwrap_or_default() {
        match pickle.text(key) {
            Some("patches" | "micrographs") => {}
            Some(name) if is_metadata(name) => {}
            Some("metadata") => {
                for (key, _) in pickle.pairs(value).unwrap_or_default() {
                    if !pickle.text(*key).is_some_and(is_metadata) {
                        unread.push(format!("metadata.{}", key_name(container, *key)));
                    }
                }
            }
            _ => unread.push(key_name(container, key)),
        }
    }
    unread
}
