//! The configurations that ship with the program.

/// Defines [`Preset`] from one row a preset: its documentation, its variant, and its name, which is also that of its
/// file in `configs/`.
macro_rules! presets {
    ($($(#[$doc:meta])* $variant:ident: $name:literal;)*) => {
        /// A configuration that ships with the program.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Preset {
            $($(#[$doc])* $variant,)*
        }

        impl Preset {
            /// All, in the order in which they are offered: the recommended one first, those for research last.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name on the command line and in the window, with which the names of its runs begin.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The YAML file, with its comments.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../../../../configs/", $name, ".yaml")),)*
                }
            }
        }
    };
}

presets! {
    /// The method to begin with.
    Recommended: "recommended";
    /// The plain classifier from the general model, in less time.
    Quick: "quick";
    /// The method of `recommended` with phases twice as long.
    Thorough: "thorough";
    /// The plain classifier that every other run is compared with.
    SupervisedBaseline: "supervised_baseline";
    /// Counters biased picks by an overlay, without the general model.
    Overlay: "overlay";
    /// The method of `overlay` with a network that picks on whole micrographs.
    Picking: "picking";
    /// Non-negative PU risk without pseudo-labels.
    PuOnly: "pu_only";
    /// Non-negative PU risk and agreement with an averaged teacher.
    MeanTeacher: "mean_teacher";
    /// First repair of the run from which the program began.
    FixmatchPuDebugged: "fixmatch_pu_debugged";
    /// Second repair of that run.
    FixmatchPuFixedV2: "fixmatch_pu_fixed_v2";
}

impl Preset {
    /// The preset of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|preset| preset.name() == name)
    }

    /// Whether it is there for comparison only: other methods, and earlier runs.
    pub const fn is_research(self) -> bool {
        !matches!(self, Self::Recommended | Self::Quick | Self::Thorough | Self::SupervisedBaseline)
    }
}

impl std::fmt::Display for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
