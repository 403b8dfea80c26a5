//! The configurations that ship with the program.

/// A configuration that ships with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Name on the command line.
    pub name: &'static str,
    /// The YAML file, comments included.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        &[$(Preset {
            name: $name,
            text: include_str!(concat!("../../../../configs/", $name, ".yaml")),
        }),*]
    };
}

/// The presets, the recommended one first.
pub const PRESETS: &[Preset] = presets![
    "recommended",
    "supervised_baseline",
    "picking",
    "pu_only",
    "mean_teacher",
    "fixmatch_pu_debugged",
    "fixmatch_pu_fixed_v2",
];
