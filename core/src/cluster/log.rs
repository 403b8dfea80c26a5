//! Copies what a task prints into a file, whatever the site's template does with its output.

use std::fs::OpenOptions;
use std::path::Path;

use crate::error::{Error, Result};

/// From now on standard output and standard error of this process go to the end of a file. Where the system has no
/// such thing they stay where they are.
///
/// # Errors
/// When the file cannot be written.
pub fn print_to(path: &Path) -> Result<()> {
    let refused = |e| Error::io("write", path, e);
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(refused)?;
    #[cfg(unix)]
    {
        use std::os::fd::AsRawFd as _;
        for stream in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
            // SAFETY: both descriptors are open; `dup2` closes what `stream` was and opens the file under its number.
            if unsafe { libc::dup2(file.as_raw_fd(), stream) } < 0 {
                return Err(refused(std::io::Error::last_os_error()));
            }
        }
    }
    drop(file);
    Ok(())
}
