//! Names of runs, which are also those of their folders.

use std::path::Path;

use crate::error::{Error, Result};

/// Whether this can be the name of a run, which is also that of its folder.
pub(super) fn is_run_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && !name.starts_with(['.', '-'])
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// Refuses the folder of a new run that holds anything.
pub(super) fn check_free(dir: &Path) -> Result<()> {
    let mut inside = match std::fs::read_dir(dir) {
        Ok(inside) => inside,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("read", dir, e)),
    };
    if inside.next().is_some() {
        return Err(Error::request(
            format!("the folder {} holds files of no known run", dir.display()),
            "move it away or choose another name",
        ));
    }
    Ok(())
}

/// Whether a new run can have this name among those that are `taken`. Case does not tell names apart: on
/// some file systems it does not tell folders apart either.
///
/// # Errors
/// When it is taken, or cannot be the name of a folder everywhere.
pub fn check_run_name<'a>(name: &str, mut taken: impl Iterator<Item = &'a str>) -> Result<()> {
    if !is_run_name(name) {
        return Err(Error::request(
            format!("'{name}' cannot be the name of a run"),
            "use at most 100 letters, digits, '.', '-' and '_', beginning with a letter or digit",
        ));
    }
    if taken.any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(Error::request(format!("there is a run '{name}' already"), "choose another name"));
    }
    Ok(())
}

/// "recommended-3" → "recommended": the stem of numbered names.
pub fn without_number(name: &str) -> String {
    match name.rsplit_once('-') {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            stem.to_owned()
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_come_off_names() {
        assert_eq!(super::without_number("recommended-12"), "recommended");
        assert_eq!(super::without_number("my-own"), "my-own");
        assert_eq!(super::without_number("plain"), "plain");
    }
}
