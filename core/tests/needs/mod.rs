//! What a test needs beyond the repository, and what happens where it is missing.
//!
//! Where a need is missing the test says so and ends. The variable of the need makes it fail instead:
//! `.ci/run` sets it for every need that its set-up promises. A test that ended without testing also writes
//! a line to the file that `VITRINE_SKIPPED` names, and `scripts/test.sh` prints these lines at the end,
//! because the test runner shows nothing of a test that passes.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::Write as _;
use std::path::PathBuf;

/// Something that not every machine has.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// The real micrographs and particle files; see [`shared`].
    Data,
    /// A GPU, or software Vulkan.
    Gpu,
    /// Python with `venv`, and access to PyPI.
    Interop,
    /// The right to mount a file system that only the test sees.
    Mount,
    /// A way to run a program as another user.
    OtherUser,
    /// SLURM and munge, and the right to start them.
    Slurm,
}

impl Need {
    /// The variable that makes a test fail where this is missing.
    const fn variable(self) -> &'static str {
        match self {
            Self::Data => "VITRINE_REQUIRE_DATA",
            Self::Gpu => "VITRINE_REQUIRE_GPU",
            Self::Interop => "VITRINE_REQUIRE_INTEROP",
            Self::Mount => "VITRINE_REQUIRE_MOUNT",
            Self::OtherUser => "VITRINE_REQUIRE_OTHER_USER",
            Self::Slurm => "VITRINE_REQUIRE_SLURM",
        }
    }
}

/// Says that `test` cannot run because of `why` ("needs …").
///
/// # Panics
/// Where the variable of the need is set.
#[track_caller]
pub fn missing(need: Need, test: &str, why: &str) {
    let variable = need.variable();
    assert!(std::env::var_os(variable).is_none(), "{test} {why}, and {variable} is set");
    println!("skipped: {test} {why}");
    if let Some(file) = std::env::var_os("VITRINE_SKIPPED") {
        let mut file = std::fs::File::options().create(true).append(true).open(file).unwrap();
        file.write_all(format!("{test} {why}\n").as_bytes()).unwrap();
    }
}

/// A file or folder of the test data that is not part of the repository: in the folder that
/// `VITRINE_SHARED_DATA` names, otherwise in `shared/data` beside the checkout.
#[track_caller]
pub fn shared(test: &str, name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let path = std::env::var_os("VITRINE_SHARED_DATA").map_or_else(beside, PathBuf::from).join(name);
    if !path.exists() {
        missing(Need::Data, test, &format!("needs {name} of the test data"));
        return None;
    }
    Some(path)
}
