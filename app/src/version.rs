//! Which program this is: its version, the commit and the libraries it is built from.

use vitrine_core::device;

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The libraries that draw and compute, and their versions. They do not say themselves; a test compares these
/// with the lock file.
const LIBRARIES: [(&str, &str); 3] = [("egui", "0.37.0"), ("wgpu", "30.0.1"), ("burn", device::BURN_VERSION)];

/// The commit that the program was built from, where it was built in a clone.
pub fn commit() -> &'static str {
    match env!("VITRINE_COMMIT") {
        "" => "not known (built outside a clone)",
        commit => commit,
    }
}

/// The libraries with their versions, in one line.
pub fn libraries() -> String {
    LIBRARIES.map(|(name, version)| format!("{name} {version}")).join(", ")
}

/// The kind of machine that the program was built for, and the compiler.
pub fn built() -> String {
    let compiler = env!("VITRINE_RUSTC");
    let by = if compiler.is_empty() { String::new() } else { format!(" by {compiler}") };
    format!("for {}{by}", env!("VITRINE_TARGET"))
}

/// All of it, and the devices of this machine, a line each.
pub fn lines() -> Vec<String> {
    let mut lines = vec![
        format!("vitrine {VERSION}"),
        format!("commit     {}", commit()),
        format!("built      {}", built()),
        format!("libraries  {}", libraries()),
        "computes   on the CPU (flex) and on GPUs (wgpu: Vulkan, Metal, DirectX 12)".to_owned(),
    ];
    lines.extend(device::list().iter().map(|device| format!("device     {}", device_words(device))));
    lines
}

/// A device in one line: its id, what it is, and whether it is chosen by itself.
pub fn device_words(device: &device::DeviceInfo) -> String {
    let note = if device.eligible { "" } else { "   (only when asked for)" };
    let driver = if device.driver.is_empty() { String::new() } else { format!(", {}", device.driver) };
    format!("{:<7} {:<20} {:<8} {}{driver}{note}", device.id, device.kind, device.backend, device.name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        for (name, version) in super::LIBRARIES {
            let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
            assert!(lock.contains(&entry), "{name} is no longer {version}: mend LIBRARIES");
            assert_eq!(
                lock.matches(&format!("name = \"{name}\"\n")).count(),
                1,
                "several versions of {name}"
            );
        }
    }
}
