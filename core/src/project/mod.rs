//! The project: pixels, labels and everything learned from them, in one folder on the disk.
//!
//! | in the folder | what |
//! |---|---|
//! | `project.sqlite` | sources, micrographs, patches, labels and their journal, splits, runs, metrics, scores |
//! | `pixels.bin` | the pixels of every patch, memory-mapped ([`PixelFile`]) |
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
mod branch;
mod columns;
mod db;
mod folder;
mod ids;
mod import;
mod journal;
mod label_pages;
mod labels;
mod last_export;
mod lock;
mod masks;
mod meta;
mod noted_import;
mod numbering;
mod pick_rules;
mod picking;
mod pixels;
mod run_edits;
mod run_facts;
mod run_names;
mod runs;
mod schema;
mod scores;
mod size;
mod source_kind;
mod splits;
mod store;
mod sync;
mod tables;
mod take_back;
mod time;
mod undo_state;
mod write;

pub use columns::PatchColumns;
pub use ids::{EntryId, MicrographId, PatchId, RunId, SourceId, SplitId};
pub use import::{ImportSummary, Importer, NewMicrograph, NewPatch, SourceInfo};
pub use journal::{Actor, Change, EntryKind, JournalEntry};
pub use last_export::LastExport;
pub use pick_rules::PickRules;
pub use picking::PickingSettings;
pub use pixels::{PixelFile, PixelType};
pub use run_edits::DeletedRun;
pub use run_facts::RunFacts;
pub use run_names::{check_run_name, without_number};
pub use runs::{NewRun, Run, RunEnd, RunStatus, StoredMetrics};
pub use scores::ScoreKind;
pub use source_kind::{PoolPlaces, SourceKind};
pub use splits::{Fractions, Side, Split, SplitCounts, SplitMethod, SplitRequest};
pub use store::Project;
pub use sync::{DiskNews, DiskState, Flush};
pub use tables::{Micrograph, PatchRow, Place, Source};
pub use take_back::LastImport;
