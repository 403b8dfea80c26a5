//! Plain values that travel between the parts of the window: what is shown, how it is sorted, what a command
//! carries. They hold no handles and import nothing else of the window.

mod ask_path;
mod cluster;
mod diagnose;
mod export;
mod import;
mod kept;
mod label_source;
mod listing;
mod load;
mod micrographs;
mod order;
mod panels;
mod picks;
mod shown;
mod start;
mod theme;
mod train;

pub use ask_path::{FileKinds, PathPurpose, PathQuestion, Wanted};
pub use cluster::{JobText, JobTextKind, PreparedJob, ReadText};
pub use diagnose::DiagnoseStart;
pub use export::{ExportProposal, PicksExportKey};
pub use import::ImportTarget;
pub use kept::Kept;
pub use label_source::LabelSource;
pub use listing::{Entry, Listing, parts};
pub use load::{Asked, Failure, Load};
pub use micrographs::{Go, MicrographSort, PictureKey};
pub use order::{Filter, Order, SortKey};
pub use panels::{Edge, SidePanel};
pub use picks::{FoundKey, MapKey, RoundKey, SurveyKey};
pub use shown::{Overlay, Tab};
pub use start::Start;
pub use theme::Theme;
pub use train::{Before, TrainStart};
