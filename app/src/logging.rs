//! The log: what the program did and what went wrong, for finding the cause of a fault.
//!
//! The window writes it into a file beside its settings. The command line writes it on standard error, and
//! only when asked by `--verbose` or [`VARIABLE`]. It names files, runs and devices, and holds no pixels,
//! labels or names of people.
//!
//! Each fact is logged once, where it is decided: opening a project and running an import in `vitrine_core`,
//! notices and jobs in the window. Panics of all threads are logged with payload and backtrace.

use std::backtrace::Backtrace;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, OnceLock};

use anyhow::Context as _;
use rolling_file::{BasicRollingFileAppender, RollingConditionBasic};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The environment variable that says what is logged: a level (`debug`) or levels by module
/// (`warn,vitrine_core::project=trace`).
pub const VARIABLE: &str = "VITRINE_LOG";

/// Name of the window's log, in the folder of its settings.
const FILE_NAME: &str = "vitrine.log";
/// Length from which on a log file is put aside, bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Log files that are kept beside the one being written, `vitrine.log.1` being the newest.
const MAX_OLD_FILES: usize = 3;
/// Longest text of a panic that is logged, bytes.
const MAX_PAYLOAD: usize = 4096;

static FILE: OnceLock<PathBuf> = OnceLock::new();

/// The file the log is written to; `None` where it goes nowhere or to standard error only.
pub fn file() -> Option<&'static Path> {
    FILE.get().map(PathBuf::as_path)
}

/// Where the window with these settings keeps its log.
pub fn beside(settings: &Path) -> PathBuf {
    settings.with_file_name(FILE_NAME)
}

/// How the words "report this" go on: with the log file, where there is one.
pub fn report_with() -> String {
    match file() {
        Some(path) => format!("with the text of About and the log {}", path.display()),
        None => "with the text of About".to_owned(),
    }
}

/// Begins to log: on standard error when `verbose` (how often `-v` was given) or [`VARIABLE`] asks for it, and
/// into `path` where one is given. Panics are logged from here on.
///
/// A file that cannot be written is said on standard error: a missing log is no reason for a missing window.
///
/// # Errors
/// When [`VARIABLE`] cannot be understood.
pub fn start(verbose: u8, path: Option<&Path>) -> anyhow::Result<()> {
    let asked = match std::env::var(VARIABLE) {
        Ok(text) if !text.trim().is_empty() => Some(parse(&text)?),
        _ => None,
    };
    let on_stderr = (verbose > 0 || asked.is_some()).then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_filter(asked.clone().unwrap_or_else(|| ours(verbose)))
    });
    let mut written = None;
    let in_file =
        path.and_then(|path| match into_file(path, asked.unwrap_or_else(|| ours(verbose.max(1)))) {
            Ok(layer) => {
                written = Some(path.to_owned());
                Some(layer)
            }
            Err(error) => {
                eprintln!("note: {error:#}");
                None
            }
        });
    watch_panics();
    // A program that embeds this one may log already; then its log it is.
    if tracing_subscriber::registry().with(on_stderr).with(in_file).try_init().is_ok()
        && let Some(path) = written
    {
        let _ = FILE.set(path);
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), os = std::env::consts::OS, "Vitrine begins");
    Ok(())
}

fn parse(text: &str) -> anyhow::Result<Targets> {
    text.parse().with_context(|| {
        format!(
            "the variable {VARIABLE} is '{text}', which says no level; use error, warn, info, debug or trace, alone or by \
             module as in warn,vitrine_core=debug"
        )
    })
}

/// Levels of our own crates by how often `-v` was given; libraries tell of trouble only.
fn ours(verbose: u8) -> Targets {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    Targets::new().with_default(LevelFilter::WARN).with_targets([("vitrine", level), ("vitrine_core", level)])
}

fn into_file<S>(path: &Path, levels: Targets) -> anyhow::Result<impl tracing_subscriber::Layer<S> + use<S>>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let failed = || format!("the log {} cannot be written", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(failed)?;
    }
    // Nothing is held back in memory, so that the last words before an abort are in the file.
    let writer = BasicRollingFileAppender::new_with_buffer_capacity(
        path,
        RollingConditionBasic::new().max_size(MAX_BYTES),
        MAX_OLD_FILES,
        0,
    )
    .with_context(failed)?;
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(Mutex::new(writer))
        .with_ansi(false)
        .with_thread_names(true)
        // A disk that is full is no news for standard error, once a line.
        .log_internal_errors(false);
    Ok(layer.with_filter(levels))
}

/// From now on a panic of any thread is logged, before what happened on a panic so far.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(
                thread = thread.name().unwrap_or("unnamed"),
                place,
                "panic: {}\n{}",
                payload(info.payload()),
                Backtrace::force_capture()
            );
            before(info);
        }));
    });
}

/// What a panic said, shortened to a length for people.
pub fn payload(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no text".to_owned());
    let end = text.floor_char_boundary(MAX_PAYLOAD.min(text.len()));
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_is_put_aside_and_all_stay_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/vitrine.log");
        let log = tracing_subscriber::registry().with(into_file(&path, ours(1)).unwrap());
        tracing::subscriber::with_default(log, || {
            // Ten times of what is kept.
            let line = "x".repeat(64 << 10);
            for number in 0..(10 * (MAX_OLD_FILES + 1) * 16) {
                tracing::info!(target: "vitrine", number, "{line}");
            }
            tracing::debug!(target: "vitrine", "nobody asked for this");
            tracing::info!(target: "wgpu_core", "nor for this");
            tracing::warn!(target: "wgpu_core", "the device is out of memory");
        });
        let files: Vec<PathBuf> =
            std::fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(files.len(), MAX_OLD_FILES + 1, "{files:?}");
        let total: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
        let most = (MAX_OLD_FILES as u64 + 1) * (MAX_BYTES + (65 << 10));
        assert!(total <= most && total > MAX_OLD_FILES as u64 * MAX_BYTES, "{total} of at most {most}");
        let newest = std::fs::read_to_string(&path).unwrap();
        assert!(newest.contains("out of memory"), "the newest is in the file of that name");
        assert!(!newest.contains("nobody asked") && !newest.contains("nor for this"));
    }

    #[test]
    fn a_level_that_is_none_is_said() {
        let error = parse("vitrine=loud").unwrap_err().to_string();
        assert!(error.contains("VITRINE_LOG") && error.contains("vitrine=loud"), "{error}");
        assert!(parse("debug").is_ok() && parse("warn,vitrine_core::project=trace").is_ok());
    }

    #[test]
    fn payloads_are_told_and_bounded() {
        assert_eq!(payload(&"short" as &(dyn std::any::Any + Send)), "short");
        assert_eq!(payload(&"long".to_owned()), "long");
        assert_eq!(payload(&7_u8), "no text");
        let long = payload(&"Å".repeat(MAX_PAYLOAD));
        assert!(long.len() <= MAX_PAYLOAD && long.chars().all(|c| c == 'Å'));
    }
}
