//! Widgets that several views use.

mod brush;
mod busy;
mod command_button;
mod contrast;
mod edited;
mod empty;
mod fold;
pub mod form;
mod label_mark;
mod modal;
mod panel;
mod patch_picture;
mod patch_strip;
mod scale_bar;
pub mod thumbnail;
mod unreadable;

pub use brush::Brush;
pub use busy::busy;
pub use command_button::{command_button, command_button_as, primary, with_command};
pub use contrast::{common_contrast_ends, contrast_ends};
pub use edited::edited;
pub use empty::empty;
pub use fold::Fold;
pub use label_mark::{HALO, label_count, label_mark, paint_label, paint_label_on_picture};
pub use modal::{list_height, modal};
pub use panel::{ResizablePanel, is_horizontal};
pub use patch_picture::PatchPicture;
pub use patch_strip::{patch_strip, strip_length};
pub use scale_bar::scale_bar;
pub use unreadable::unreadable;
