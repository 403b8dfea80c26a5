//! The band-pass preview: what the shader draws is what the processor computes.

use egui_kittest::kittest::Queryable as _;
use vitrine::gpu::band::band_passed;
use vitrine::gpu::cell::{Preparation, prepare, read};
use vitrine::gpu::look::{Contrast, Look};
use vitrine::gui::command::{Command, SettingsCommand};
use vitrine_core::grayscale::percentiles;
use vitrine_core::project::{NewPatch, PixelType, Project, SourceInfo};

use crate::gallery::drawn;
use crate::support::{Window, wait};

const SIZE: usize = 32;

/// Six patches with a slope, stripes and noise, of two sources whose px have other lengths.
fn striped(dir: &std::path::Path) -> std::path::PathBuf {
    let folder = dir.join("striped");
    let mut project = Project::create(&folder, Some(SIZE), PixelType::F32).unwrap();
    for (source, pixel_size) in [("near.mrcs", 2.0), ("far.mrcs", 4.0)] {
        let mut import = project.import(SIZE).unwrap();
        let source = SourceInfo { pixel_size: Some(pixel_size), ..SourceInfo::new(source, "particle stack") };
        import.source(&source).unwrap();
        for i in 0..3 {
            let mut seed = i * 77 + pixel_size as u32;
            let pixels: Vec<f32> = (0..SIZE * SIZE)
                .map(|p| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let noise = (seed >> 8) as f32 / (1 << 24) as f32;
                    let (x, y) = ((p % SIZE) as f32, (p / SIZE) as f32);
                    200.0 + 3.0 * x - y + 12.0 * (x / 1.3 + y / 2.0).sin() + 10.0 * (i + 1) as f32 * noise
                })
                .collect();
            import.push(&NewPatch::default(), &pixels).unwrap();
        }
        import.commit().unwrap();
    }
    folder
}

fn set(window: &mut Window, look: Look) {
    window.state_mut().apply(Command::Settings(SettingsCommand::Look(look)));
}

/// Mean difference of a patch on the screen from values drawn smoothly between two ends, in the half that no
/// glyph covers.
fn difference(window: &mut Window, place: usize, values: &[f32], (low, high): (f32, f32)) -> f32 {
    let image = window.render().unwrap();
    let rect = window.state().states.gallery.geometry.rect_of(place);
    let side = values.len().isqrt();
    let texel = rect.width() / side as f32;
    let value = |x: usize, y: usize| values[y.min(side - 1) * side + x.min(side - 1)];
    let (mut sum, mut count) = (0.0, 0.0);
    // Away from the border, but not from the outermost texels.
    for y in rect.center().y as u32..rect.bottom() as u32 - 3 {
        for x in rect.left() as u32 + 3..rect.right() as u32 - 3 {
            let at = [(x as f32 + 0.5 - rect.left()) / texel, (y as f32 + 0.5 - rect.top()) / texel];
            let [u, v] = at.map(|at| (at - 0.5).clamp(0.0, (side - 1) as f32));
            let (left, top) = (u as usize, v as usize);
            let (right, down) = (u - left as f32, v - top as f32);
            let across = |y: usize| value(left, y) * (1.0 - right) + value(left + 1, y) * right;
            let wanted = across(top) * (1.0 - down) + across(top + 1) * down;
            let share = ((wanted - low) / (high - low)).clamp(0.0, 1.0);
            sum += (f32::from(image.get_pixel(x, y).0[0]) - 255.0 * share).abs();
            count += 1.0;
        }
    }
    sum / count
}

#[test]
fn what_is_drawn_is_what_the_filter_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = drawn(&striped(dir.path()));
    let pixels = window.state().model.project.as_ref().unwrap().pixels.clone();
    let normal = window.state().model.settings.look;
    let mut last = None;
    for periods in [[8.0, 30.0], [20.0, 90.0]] {
        let look = Look { band: true, periods, cut: 2.0, ..normal };
        set(&mut window, look);
        // What is on the pages is filtered in the frame that asks for it: nothing is read anew.
        window.step();
        assert_eq!(window.state().states.gallery.coming, 0);
        let how = Preparation { bin: 1, band: Some(periods), cut: 2.0 };
        for patch in 0..6 {
            let scale = if patch < 3 { 2.0 } else { 4.0 };
            let cell = prepare(&pixels, patch, how, scale).unwrap();
            let image = band_passed(read(&pixels, patch).unwrap(), periods, scale);
            let ends = (cell.range.low, cell.range.high);
            let off = difference(&mut window, patch as usize, &image.data, ends);
            assert!(off < 4.0, "{periods:?}, patch {patch}: {off} grey values from the filter");
            // Half of what would be wrong: the picture of the other source, or none.
            let other = band_passed(read(&pixels, patch).unwrap(), periods, 6.0 - scale);
            let wrong = difference(&mut window, patch as usize, &other.data, percentiles(&other.data, 2.0));
            assert!(wrong > 2.0 * off, "{periods:?}, patch {patch}: {wrong} and {off}");
        }

        // Alike for all: the window of all, in the units of each.
        set(&mut window, Look { contrast: Contrast::All, ..look });
        wait(&mut window, "the window for all", |app| {
            let gallery = &app.states.gallery;
            gallery.coming == 0 && gallery.window.is_some() && gallery.window != last
        });
        let all = window.state().states.gallery.window.unwrap();
        last = Some(all);
        assert!(all.0 < 0.0 && all.1 > 0.0, "a band has no mean: {all:?}");
        for patch in [0, 5] {
            let scale = if patch < 3 { 2.0 } else { 4.0 };
            let image = band_passed(read(&pixels, patch).unwrap(), periods, scale);
            let off = difference(&mut window, patch as usize, &image.data, all);
            assert!(off < 4.0, "{periods:?}, patch {patch}, all alike: {off}");
        }
    }
    // Without a band the pixels are there as they were.
    set(&mut window, Look { cut: 2.0, ..normal });
    wait(&mut window, "the pixels", |app| app.states.gallery.coming == 0);
    let image = read(&pixels, 1).unwrap();
    let off = difference(&mut window, 1, &image.data, percentiles(&image.data, 2.0));
    assert!(off < 4.0, "{off}");
}

#[test]
fn what_one_frame_cannot_filter_comes_in_the_next_ones() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("many");
    let mut project = Project::create(&folder, Some(64), PixelType::F32).unwrap();
    let mut import = project.import(64).unwrap();
    import.source(&SourceInfo::new("many.mrcs", "particle stack")).unwrap();
    for i in 0..120 {
        let pixels: Vec<f32> = (0..64 * 64).map(|p| ((p * (i + 3)) % 97) as f32).collect();
        import.push(&NewPatch::default(), &pixels).unwrap();
    }
    import.commit().unwrap();
    drop(project);
    let mut window = drawn(&folder);
    let normal = window.state().model.settings.look;
    set(&mut window, Look { band: true, periods: [6.0, 60.0], ..normal });
    let (mut frames, mut last) = (0, usize::MAX);
    loop {
        window.step();
        frames += 1;
        let coming = window.state().states.gallery.coming;
        assert!(coming <= last && frames < 500, "{coming} after {frames} frames");
        last = coming;
        if coming == 0 {
            break;
        }
    }
    // A software rasteriser is not asked for a screen of them at once.
    if window.state().model.graphics.software {
        assert!(frames > 1, "{frames}");
    }
    // A patch of the last row shown is as right as one of the first.
    let pixels = window.state().model.project.as_ref().unwrap().pixels.clone();
    let image = window.render().unwrap();
    let visible = window.state().states.gallery.geometry.visible();
    for place in [visible.start + 1, visible.end.min(120) - 1] {
        let values = band_passed(read(&pixels, place as u32).unwrap(), [6.0, 60.0], 1.0).data;
        let ends = percentiles(&values, normal.cut);
        let rect = window.state().states.gallery.geometry.rect_of(place);
        if rect.bottom() as u32 + 40 < image.height() {
            let off = difference(&mut window, place, &values, ends);
            assert!(off < 6.0, "patch {place}: {off}");
        }
    }
}

#[test]
fn the_first_band_fits_the_patches() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = crate::support::opened(&crate::support::nine(dir.path()));
    let look = |window: &Window| window.state().model.settings.look;
    window.get_by_label("Band-pass").click();
    window.run_steps(3);
    assert!(look(&window).band);
    // 16 px wide, and nobody knows how long a px is.
    assert_eq!(look(&window).periods, [2.0, 16.0]);
    // What was set comes back.
    let now = look(&window);
    set(&mut window, Look { band: false, periods: [3.0, 12.0], ..now });
    window.run_steps(2);
    window.get_by_label("Band-pass").click();
    window.run_steps(3);
    assert_eq!(look(&window).periods, [3.0, 12.0]);
}
