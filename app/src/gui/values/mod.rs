//! Plain values that travel between the parts of the window: what is shown, how it is sorted, what a command
//! carries. They hold no handles and import nothing else of the window.

mod ask_path;
mod diagnose;
mod export;
mod import;
mod load;
mod order;
mod panels;
mod shown;
mod start;
mod theme;
mod train;

pub use ask_path::{PathPurpose, PathQuestion};
pub use diagnose::DiagnoseStart;
pub use export::ExportProposal;
pub use import::ImportTarget;
pub use load::{Asked, Failure, Load};
pub use order::{Filter, Order, SortKey};
pub use panels::{Edge, PANELS};
pub use shown::{Overlay, Tab};
pub use start::Start;
pub use theme::Theme;
pub use train::{Before, TrainStart};
