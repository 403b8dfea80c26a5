//! The optics table of an exported STAR file: what the sources say, what a person adds, and what is
//! still missing.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::request::{ExportRequest, GivenOptics};
use super::rows::used_sources;
use crate::error::Result;
use crate::formats::OpticsGroup;
use crate::formats::relion::{decimal, number_in};
use crate::project::{PatchId, Project, Source, SourceId};

/// What RELION needs to know of every optics group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpticsField {
    /// Acceleration voltage, kV.
    Voltage,
    /// Spherical aberration, mm.
    SphericalAberration,
    /// Amplitude contrast.
    AmplitudeContrast,
    /// Å per px.
    PixelSize,
}

impl OpticsField {
    /// All fields in the order in which they are asked for.
    pub const ALL: [Self; 4] =
        [Self::Voltage, Self::SphericalAberration, Self::AmplitudeContrast, Self::PixelSize];

    /// What people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Voltage => "voltage",
            Self::SphericalAberration => "spherical aberration",
            Self::AmplitudeContrast => "amplitude contrast",
            Self::PixelSize => "pixel size",
        }
    }

    /// RELION's columns, one of which says it.
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Voltage => &["rlnVoltage"],
            Self::SphericalAberration => &["rlnSphericalAberration"],
            Self::AmplitudeContrast => &["rlnAmplitudeContrast"],
            Self::PixelSize => &["rlnImagePixelSize", "rlnMicrographPixelSize"],
        }
    }

    fn is_said(self, group: &OpticsGroup) -> bool {
        self.columns().iter().any(|name| group.columns.contains_key(*name))
            || (self == Self::PixelSize && group.pixel_size.is_some())
    }
}

/// Whose images an exported table names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Images {
    /// Nobody's: positions on micrographs.
    None,
    /// A stack written beside the table, with patches of this side, px.
    Own(usize),
    /// Those of the sources; ready patches have this side, px.
    OfSources(usize),
}

/// The groups of an export and which patch belongs to which.
pub(super) struct OpticsTable {
    /// The groups, each once, also where several sources have it.
    pub groups: Vec<OpticsGroup>,
    /// By source and index there: index in `groups`, and Å per px of the images the source's
    /// columns count in.
    places: HashMap<(SourceId, Option<usize>), (usize, Option<f64>)>,
}

/// What patches cut from micrographs take where their own source says nothing.
#[derive(Default)]
struct Agreed {
    group: OpticsGroup,
    micrograph_pixel_size: Option<f64>,
}

impl OpticsTable {
    /// Collects the groups of the sources of `ids`.
    pub fn new(project: &Project, request: &ExportRequest, ids: &[PatchId], images: Images) -> Result<Self> {
        let agreed = Agreed::of(&project.sources()?);
        let mut table = Self { groups: Vec::new(), places: HashMap::new() };
        for source in used_sources(project, ids)? {
            let of_source = source.info.optics.iter().map(Some).chain([None]);
            for (at, group) in of_source.enumerate() {
                let built = build(&source, group, &agreed, images, &request.optics);
                let number = match table.groups.iter().position(|known| same(known, &built)) {
                    Some(number) => number,
                    None => {
                        table.groups.push(built);
                        table.groups.len() - 1
                    }
                };
                let original = group
                    .and_then(|g| g.pixel_size.or_else(|| number_in(&g.columns, "rlnImagePixelSize")))
                    .or(source.info.pixel_size);
                table.places.insert((source.id, group.map(|_| at)), (number, original));
            }
        }
        Ok(table)
    }

    /// Index of the group of a patch, and Å per px of the images its columns count in.
    pub fn find(&self, source: SourceId, group: Option<usize>) -> (Option<usize>, Option<f64>) {
        match self.places.get(&(source, group)) {
            Some(&(number, pixel)) => (Some(number), pixel),
            None => (None, None),
        }
    }

    /// What RELION will miss in the groups numbered `used`.
    pub fn missing(&self, used: &[usize]) -> Vec<OpticsField> {
        let lacks = |field: OpticsField| {
            used.iter().filter_map(|&g| self.groups.get(g)).any(|group| !field.is_said(group))
        };
        OpticsField::ALL.into_iter().filter(|field| lacks(*field)).collect()
    }
}

impl Agreed {
    /// What the groups of all sources that were cut from micrographs have in common. One group
    /// keeps its name; of several only the values on which all agree are taken.
    fn of(sources: &[Source]) -> Self {
        let cut = || sources.iter().filter(|source| source.info.bin.is_some());
        let mut groups = cut().flat_map(|source| &source.info.optics);
        let mut group = groups.next().cloned().unwrap_or_default();
        group.columns.remove("rlnOpticsGroup");
        let mut several = false;
        for other in groups {
            several |= !same(&group, other);
            group.columns.retain(|name, value| other.columns.get(name) == Some(value));
            if group.pixel_size != other.pixel_size {
                group.pixel_size = None;
            }
        }
        if several {
            group.columns.remove("rlnOpticsGroupName");
        }
        let mut sizes = cut().filter_map(|source| source.info.micrograph_pixel_size);
        let first = sizes.next();
        let micrograph_pixel_size = first.filter(|_| sizes.all(|size| Some(size) == first));
        Self { group, micrograph_pixel_size }
    }
}

/// Whether two groups say the same, their numbers aside.
fn same(a: &OpticsGroup, b: &OpticsGroup) -> bool {
    let said = |group: &OpticsGroup| -> BTreeMap<String, String> {
        group
            .columns
            .iter()
            .filter(|(n, _)| *n != "rlnOpticsGroup")
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect()
    };
    a.pixel_size == b.pixel_size && said(a) == said(b)
}

fn build(
    source: &Source,
    group: Option<&OpticsGroup>,
    agreed: &Agreed,
    images: Images,
    given: &GivenOptics,
) -> OpticsGroup {
    let info = &source.info;
    let is_cut = info.bin.is_some();
    let mut built = match group {
        Some(group) => group.clone(),
        // Micrographs without picks were taken with the microscope of the others.
        None if is_cut => agreed.group.clone(),
        None => OpticsGroup::default(),
    };
    // The table is numbered anew.
    built.columns.remove("rlnOpticsGroup");
    // Zero is an aberration and a contrast, but no voltage and no pixel size.
    for (name, value) in [
        ("rlnSphericalAberration", given.spherical_aberration),
        ("rlnAmplitudeContrast", given.amplitude_contrast),
    ] {
        if let Some(value) = value {
            built.columns.entry(name.to_owned()).or_insert_with(|| decimal(value));
        }
    }
    let of_group = built.pixel_size;
    let mut state = |name: &str, value: Option<f64>, replace: bool| {
        let Some(value) = value else { return };
        let told = number_in(&built.columns, name);
        // A number that is right stays in the words of its source.
        if told.is_none() || (replace && told.is_some_and(|told| decimal(told) != decimal(value))) {
            built.columns.insert(name.to_owned(), decimal(value));
        }
    };
    state("rlnVoltage", given.voltage, false);
    let of_micrograph = info
        .micrograph_pixel_size
        .or(agreed.micrograph_pixel_size.filter(|_| is_cut))
        .or(given.pixel_size.filter(|_| is_cut || images == Images::None));
    state("rlnMicrographPixelSize", of_micrograph, false);
    let of_patch = info.pixel_size.or_else(|| match info.bin {
        Some(bin) => of_micrograph.map(|size| size * bin),
        None => given.pixel_size,
    });
    match images {
        Images::None => {}
        Images::Own(size) => {
            state("rlnImagePixelSize", of_patch, true);
            state("rlnImageSize", Some(size as f64), true);
            built.pixel_size = of_patch;
        }
        Images::OfSources(size) => {
            let of_image = of_group.or(of_patch.filter(|_| !is_cut));
            state("rlnImagePixelSize", of_image, false);
            if !is_cut {
                state("rlnImageSize", Some(size as f64), false);
            }
            built.columns.entry("rlnImageDimensionality".to_owned()).or_insert_with(|| "2".to_owned());
        }
    }
    built
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::SourceInfo;

    fn group(columns: &[(&str, &str)]) -> OpticsGroup {
        OpticsGroup {
            pixel_size: None,
            columns: columns.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        }
    }

    fn cut(optics: Vec<OpticsGroup>, micrograph_pixel_size: Option<f64>) -> Source {
        Source {
            id: SourceId(1),
            imported_at: String::new(),
            first: 0,
            count: 1,
            info: SourceInfo { optics, micrograph_pixel_size, bin: Some(2.0), ..SourceInfo::new("a", "b") },
        }
    }

    #[test]
    fn patches_without_optics_take_what_all_others_agree_on() {
        let one =
            group(&[("rlnOpticsGroup", "1"), ("rlnOpticsGroupName", "a"), ("rlnVoltage", "300.000000")]);
        let again =
            group(&[("rlnOpticsGroup", "7"), ("rlnOpticsGroupName", "a"), ("rlnVoltage", "300.000000")]);
        let other = group(&[
            ("rlnOpticsGroup", "2"),
            ("rlnOpticsGroupName", "b"),
            ("rlnVoltage", "300.000000"),
            ("rlnBeamTiltX", "0.1"),
        ]);
        let given = GivenOptics { voltage: Some(200.0), ..GivenOptics::default() };
        let pool = cut(Vec::new(), None);
        let build = |sources: &[Source]| build(&pool, None, &Agreed::of(sources), Images::None, &given);
        let whole = build(&[cut(vec![one.clone()], Some(1.77)), cut(vec![again], None)]);
        assert_eq!(whole.columns["rlnOpticsGroupName"], "a");
        // Neither an option nor a header takes the place of what a source says, digit for digit.
        assert_eq!(whole.columns["rlnVoltage"], "300.000000");
        assert_eq!(whole.columns["rlnMicrographPixelSize"], "1.77");
        let shared = build(&[cut(vec![one, other], None)]);
        assert_eq!(shared.columns.keys().collect::<Vec<_>>(), ["rlnVoltage"]);
        // Nobody knows: the person's value.
        assert_eq!(build(&[]).columns["rlnVoltage"], "200");
    }

    #[test]
    fn the_pixel_size_of_the_movie_is_left_alone() {
        let source = cut(
            vec![group(&[("rlnMicrographOriginalPixelSize", "0.885000"), ("rlnVoltage", "300")])],
            Some(1.769_999_980_926_513_7),
        );
        let built = build(
            &source,
            source.info.optics.first(),
            &Agreed::default(),
            Images::Own(32),
            &GivenOptics::default(),
        );
        assert_eq!(built.columns["rlnMicrographOriginalPixelSize"], "0.885000");
        assert_eq!(built.columns["rlnMicrographPixelSize"], "1.77");
        assert_eq!(built.columns["rlnImagePixelSize"], "3.54");
        assert_eq!(built.columns["rlnImageSize"], "32");
    }
}
