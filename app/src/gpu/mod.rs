//! Drawing on the GPU: the window's graphics device and what happens when it is lost; below it, patches on
//! the GPU and their paint callback. The WGSL is in `shaders/`.
//!
//! Drawing and training do not share a device: a run opens its own ([`vitrine_core::device`]).

pub mod band;
pub mod band_pass;
pub mod cell;
pub mod colour_map;
pub mod grid;
pub mod loader;
pub mod look;
pub mod lru;
pub mod pace;
pub mod pages;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui;
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;

/// The graphics device of the window.
#[derive(Clone, Default)]
pub struct Graphics {
    /// What paint callbacks draw with; `None` where nothing is drawn (tests without a device).
    pub render_state: Option<RenderState>,
    /// Its name and kind: "NVIDIA H100 (Vulkan)".
    pub name: String,
    /// Driver and version, as far as known.
    pub driver: String,
    /// Whether the CPU does the drawing. The window says so, because it is slow.
    pub software: bool,
    /// Whether the device is lost. Nothing can be drawn with it any more.
    lost: Arc<AtomicBool>,
    /// The first problem of the device since the last call of [`Graphics::take_trouble`].
    trouble: Arc<Mutex<Option<String>>>,
}

impl Graphics {
    /// Takes the window's device. Its loss and its errors become sentences for the user; without this they
    /// would end the program.
    pub fn new(render_state: Option<RenderState>, ctx: &egui::Context) -> Self {
        let Some(state) = render_state else { return Self::default() };
        let info = state.adapter.get_info();
        let trouble = Arc::new(Mutex::new(None));
        let lost = Arc::new(AtomicBool::new(false));
        tracing::info!(device = info.name, backend = ?info.backend, driver = info.driver_info, "the window is drawn");
        watch_device(&state.device, &trouble, &lost, ctx);
        let software = info.device_type == wgpu::DeviceType::Cpu;
        pace::set(ctx, software);
        Self {
            name: format!("{} ({:?})", info.name, info.backend),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            software,
            render_state: Some(state),
            lost,
            trouble,
        }
    }

    /// Whether the device is lost. The window is then opened again with another one.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// The first problem since the last call, as a sentence.
    pub fn take_trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Installs handlers for loss and errors. egui installs none, and wgpu panics on an error without a handler.
fn watch_device(
    device: &wgpu::Device,
    trouble: &Arc<Mutex<Option<String>>>,
    lost: &Arc<AtomicBool>,
    ctx: &egui::Context,
) {
    let say = |trouble: &Arc<Mutex<Option<String>>>, ctx: &egui::Context| {
        let (trouble, ctx) = (Arc::clone(trouble), ctx.clone());
        move |text: String| {
            trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
            ctx.request_repaint();
        }
    };
    let (tell, gone) = (say(trouble, ctx), Arc::clone(lost));
    // After the window has closed, nobody reads this.
    device.set_device_lost_callback(move |_, message| {
        gone.store(true, Ordering::Relaxed);
        let why = message.trim();
        tracing::error!(why, "the graphics device was lost");
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        tell(format!(
            "The graphics device was lost{why}. The window is opened anew; labels and runs are as they were."
        ));
    });
    let error = say(trouble, ctx);
    device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
        tracing::error!(error = %e, "the graphics device refused something");
        error(format!(
            "The graphics device refused something ({}). The picture may be incomplete; your labels are safe.",
            e.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
        ));
    }));
}
