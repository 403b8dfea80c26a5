//! Reading the log and the script of a job on a cluster.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::Context as _;
use vitrine_core::cluster::Job;

use crate::gui::values::{JobTextKind, ReadText};

/// Of a longer log its end is read, bytes.
const MAX_LOG_BYTES: u64 = 128 * 1024;

/// Reads a text of a job.
pub(super) fn read_text(job: &Job, what: JobTextKind) -> anyhow::Result<ReadText> {
    let path = match what {
        JobTextKind::Script => job.script(),
        JobTextKind::Log { task } => {
            let log = job.task(task).log();
            // Before a task begins, only the scheduler's own files could say why it does not.
            let early = ["run.err", "run.out"].map(|name| job.dir().join(name));
            let said = |path: &&std::path::PathBuf| path.metadata().is_ok_and(|meta| meta.len() > 0);
            let printed = std::iter::once(&log).chain(&early).find(said).cloned();
            match printed {
                Some(path) => path,
                None => {
                    return Ok(ReadText {
                        path: log,
                        text: format!("Task {task} has printed nothing yet."),
                        is_cut: false,
                    });
                }
            }
        }
    };
    let (text, is_cut) = end_of(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(ReadText { path, text, is_cut })
}

/// The end of a file, from the beginning of a line, and whether there is more before it.
fn end_of(path: &Path) -> std::io::Result<(String, bool)> {
    let mut file = std::fs::File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(MAX_LOG_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MAX_LOG_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = match (from, text.split_once('\n')) {
        (1.., Some((_, rest))) => rest,
        _ => text.as_ref(),
    };
    Ok((text.trim_end().to_owned(), from > 0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_the_end_is_read_from_the_beginning_of_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(end_of(&path).unwrap(), ("one\ntwo".to_owned(), false));
        let line = format!("{}\n", "x".repeat(99));
        std::fs::write(&path, line.repeat(2000)).unwrap();
        let (text, is_cut) = end_of(&path).unwrap();
        assert!(is_cut && text.lines().all(|line| line.len() == 99) && text.len() < 128 * 1024);
    }
}
