//! The project: pixels, labels and everything learned from them, in one folder on the disk.
//!
//! | in the folder | what |
//! |---|---|
//! | `project.sqlite` | sources, micrographs, patches, labels and their journal, splits, runs, metrics, scores |
//! | `pixels.bin` | the pixels of every patch, memory-mapped ([`Pixels`]) |
//! | `runs/NAME/` | checkpoints and `metrics.csv` of each run |
//! | `project.lock` | who writes at the moment |
//!
//! One process writes ([`Project::open`]); any number read ([`Project::open_read_only`]), also while another
//! writes. Within one process the window owns the writing [`Project`]; background threads take a handle of their
//! own ([`Project::reopen`]) or share [`Project::pixels`].
//!
//! When a writing call returns, its change is on the disk; when it fails, nothing has changed. Only labels set
//! after [`Project::flush_in_background`] reach the disk a moment later. They are safe all the same when the
//! program is killed.
//!
//! The true labels of a benchmark are never stored here.

mod assign;
mod columns;
mod db;
mod ids;
mod import;
mod journal;
mod label_pages;
mod labels;
mod lock;
mod pixels;
mod run_edits;
mod runs;
mod schema;
mod scores;
mod splits;
mod store;
mod sync;
mod tables;
mod time;

pub use columns::PatchColumns;
pub use ids::{EntryId, MicrographId, PatchId, RunId, SourceId, SplitId};
pub use import::{ImportSummary, Importer, NewMicrograph, NewPatch, SourceInfo};
pub use journal::{Actor, Change, EntryKind, JournalEntry};
pub use pixels::{PixelType, Pixels};
pub use run_edits::DeletedRun;
pub use runs::{EpochMetrics, NewRun, Run, RunEnd, RunStatus, check_run_name};
pub use scores::ScoreKind;
pub use splits::{Fractions, Side, Split, SplitCounts, SplitMethod, SplitRequest};
pub use store::Project;
pub use sync::{DiskNews, DiskState, Flush};
pub use tables::{Micrograph, PatchRow, Place, Source};
