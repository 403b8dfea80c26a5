//! One patch as an egui texture, coloured by the CPU: for the large view and the side panel, which show every
//! pixel.

use eframe::egui;
use egui::{ColorImage, TextureHandle, TextureOptions, Ui};
use vitrine_core::grayscale::share;
use vitrine_core::project::PatchId;

use super::contrast::contrast_ends;
use crate::gpu::cell::{filtered, measure};
use crate::gpu::look::Look;
use crate::gui::model::OpenProject;

/// What a picture is made from.
#[derive(Debug, Clone, PartialEq)]
struct Made {
    opening: u64,
    patch: PatchId,
    look: Look,
    window: Option<(f32, f32)>,
}

/// A picture that is made again only when what it shows has changed.
#[derive(Default)]
pub struct PatchPicture {
    made: Option<Made>,
    texture: Option<TextureHandle>,
}

impl PatchPicture {
    /// The picture of a patch; `window` is the contrast window for all patches.
    pub fn of(
        &mut self,
        ui: &Ui,
        open: &OpenProject,
        patch: PatchId,
        look: &Look,
        window: Option<(f32, f32)>,
    ) -> Option<&TextureHandle> {
        let wanted = Made { opening: open.opening, patch, look: *look, window };
        if self.made.as_ref() != Some(&wanted) {
            let image =
                filtered(&open.pixels, patch, look.band.then_some(look.periods), scale_of(open, patch))?;
            let range = measure(&image.data, look.cut);
            let (low, high) = contrast_ends(look, &range, window);
            let steps = look.colours.steps();
            let last = (steps.len() - 1) as f32;
            let colours = image.data.iter().map(|value| {
                let share = share(*value, low, high) as f32;
                let share = if look.invert { 1.0 - share } else { share };
                steps.get((share * last).round() as usize).copied().unwrap_or_default()
            });
            let picture = ColorImage::new([image.width, image.height], colours.collect());
            match &mut self.texture {
                Some(texture) => texture.set(picture, TextureOptions::LINEAR),
                None => self.texture = Some(ui.ctx().load_texture("patch", picture, TextureOptions::LINEAR)),
            }
            self.made = Some(wanted);
        }
        self.texture.as_ref()
    }
}

/// The unit of the band for a patch: Å per px where periods are in Å, else 1.
fn scale_of(open: &OpenProject, patch: PatchId) -> f32 {
    if open.is_in_angstrom() { open.pixel_size(patch).unwrap_or(1.0) as f32 } else { 1.0 }
}
