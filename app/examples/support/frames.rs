//! The window without a display, and what its frames cost: CPU time of its thread, waiting, memory. Times are printed,
//! not judged.
#![allow(dead_code)] // Each program uses a part of it.

use std::time::{Duration, Instant};

use eframe::egui;
use egui_kittest::Harness;
use vitrine::gui::App;
use vitrine::gui::values::Start;

/// The window.
pub type Window = Harness<'static, App>;

/// An empty window, with a device that really draws.
pub fn window() -> Window {
    let mut window: Window = Harness::builder()
        .with_size([1600.0, 1000.0])
        .wgpu()
        .build_eframe(move |cc| App::new(cc, Start::default()));
    window.run_steps(4);
    window
}

/// Draws frames until `done`; how long that took.
pub fn wait(window: &mut Window, what: &str, mut done: impl FnMut(&App) -> bool) -> Duration {
    let clock = Instant::now();
    loop {
        window.step();
        if done(window.state()) {
            return clock.elapsed();
        }
        assert!(clock.elapsed() < Duration::from_secs(120), "waited two minutes for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Turns the wheel by so many points.
pub fn wheel(window: &mut Window, points: f32) {
    window.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        source: egui::MouseWheelSource::Wheel,
        delta: egui::vec2(0.0, points),
        phase: egui::TouchPhase::Move,
        modifiers: egui::Modifiers::NONE,
    });
}

/// A frame with everything egui does: logic, views and tessellation.
pub fn frame(window: &mut Window) {
    window.step();
    let output = window.output();
    let (shapes, scale) = (output.shapes.clone(), output.pixels_per_point);
    std::hint::black_box(window.ctx.tessellate(shapes, scale));
}

/// CPU time of each of `count` frames, s; `before` is called before each and counts.
pub fn frames(window: &mut Window, count: usize, mut before: impl FnMut(&mut Window, usize)) -> Vec<f64> {
    (0..count)
        .map(|at| {
            before(window, at);
            let clock = scheduled()[0];
            frame(window);
            let spent = scheduled()[0] - clock;
            // A real frame ends with the device taking what it was given.
            if at % 4 == 0
                && let Some(state) = &window.state().model.graphics.render_state
            {
                state.queue.submit([]);
                let _ = state.device.poll(eframe::wgpu::PollType::Poll);
            }
            std::thread::sleep(Duration::from_millis(4));
            spent
        })
        .collect()
}

/// Prints times, s.
pub fn report(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    println!(
        "{what}, {} times: median {:.2} ms, 99 % {:.2} ms, worst {:.2} ms",
        times.len(),
        times[times.len() / 2] * 1000.0,
        times[times.len() * 99 / 100] * 1000.0,
        times[times.len() - 1] * 1000.0
    );
}

/// CPU time of this thread and the time it could have run but waited for a core, s (Linux).
pub fn scheduled() -> [f64; 2] {
    // The scheduler brings its books up to date when a thread gives way.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let mut words = text.split_whitespace().map(|ns| ns.parse().map_or(f64::NAN, |ns: f64| ns * 1e-9));
    [(); 2].map(|()| words.next().unwrap_or(f64::NAN))
}

/// Resident memory, whole and without mapped files.
pub fn memory() -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
    };
    format!(
        "{:.0} MiB resident, {:.0} MiB of it the program's own, {:.0} MiB pages of files",
        of("VmRSS"),
        of("RssAnon"),
        of("RssFile")
    )
}
