//! How often the window is drawn anew while only progress changes. Drawing takes time from the work that is waited for,
//! most of it where the processor draws.

use std::time::Duration;

use eframe::egui;

/// Between two pictures of progress, drawn by a GPU.
const ON_GPU: Duration = Duration::from_millis(100);
/// The same where the processor draws: a picture takes it a twentieth of a second and more.
const ON_PROCESSOR: Duration = Duration::from_millis(500);

#[derive(Clone, Copy)]
struct Pace(Duration);

/// Sets the pace of this window.
pub fn set(ctx: &egui::Context, software: bool) {
    let pace = Pace(if software { ON_PROCESSOR } else { ON_GPU });
    ctx.data_mut(|data| data.insert_temp(egui::Id::NULL, pace));
}

/// Time between two pictures of progress.
pub fn get(ctx: &egui::Context) -> Duration {
    ctx.data(|data| data.get_temp::<Pace>(egui::Id::NULL)).map_or(ON_GPU, |pace| pace.0)
}
