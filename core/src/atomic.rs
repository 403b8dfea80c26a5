//! Writes files so that they are either complete or not there.

use std::io::Write as _;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes bytes beside `path` and renames them into place once they are on the disk.
///
/// # Errors
/// [`Error::Io`]; nothing is left under the final name that was not there before.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".vitrine-").suffix(".part");
    // Temporary files are private by default; results are for others to open.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(|e| Error::io("create", path, e))?;
    file.write_all(bytes).map_err(|e| Error::io("write", path, e))?;
    file.as_file().sync_all().map_err(|e| Error::io("write", path, e))?;
    file.persist(path).map_err(|e| Error::io("write", path, e.error))?;
    Ok(())
}
