//! The shader on a real device, compared with the filter by the processor.
#![allow(clippy::unwrap_used)]

use eframe::egui_wgpu::RendererOptions;
use egui_kittest::wgpu::{create_render_state, default_wgpu_setup};
use half::f16;
use vitrine_core::Image;
use vitrine_core::grayscale::percentiles;

use super::super::band::band_passed;
use super::*;

const PAGE: usize = 128;
const CELL: usize = 40;
const ACROSS: usize = PAGE / CELL;

fn place(slot: usize) -> [usize; 3] {
    let (page, within) = (slot / (ACROSS * ACROSS), slot % (ACROSS * ACROSS));
    [within % ACROSS * CELL, within / ACROSS * CELL, page]
}

/// A patch with a slope, noise and something at its edge: what shows a wrong edge.
fn patch(slot: usize) -> Image {
    let mut seed = slot as u32 * 7919 + 1;
    let mut image = Image::zeros(CELL, CELL);
    for (i, value) in image.data.iter_mut().enumerate() {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (seed >> 8) as f32 / (1 << 24) as f32 - 0.5;
        let (x, y) = ((i % CELL) as f32, (i / CELL) as f32);
        let spot = if x < 4.0 && (y - 20.0).abs() < 4.0 { 4.0 } else { 0.0 };
        let raw = 0.05 * x - 0.03 * y + noise + spot;
        *value = f16::from_f32(raw).to_f32();
    }
    image
}

/// The pages with these patches; everything else holds a value that nobody could miss.
fn raw_pages(state: &RenderState, slots: &[usize], pages: usize) -> wgpu::Texture {
    let mut values = vec![f16::from_f32(5000.0).to_bits(); PAGE * PAGE * pages];
    for &slot in slots {
        let [x0, y0, page] = place(slot);
        for (i, value) in patch(slot).data.iter().enumerate() {
            let at = (page * PAGE + y0 + i / CELL) * PAGE + x0 + i % CELL;
            values[at] = f16::from_f32(*value).to_bits();
        }
    }
    let size = [PAGE as u32, PAGE as u32, pages as u32];
    let usage = wgpu::TextureUsages::COPY_DST;
    let raw = texture(&state.device, "raw", size, wgpu::TextureFormat::R16Float, usage);
    state.queue.write_texture(
        raw.as_image_copy(),
        bytemuck::cast_slice(&values),
        wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(2 * PAGE as u32),
            rows_per_image: Some(PAGE as u32),
        },
        raw.size(),
    );
    raw
}

/// What a texture holds, row by row.
fn bytes_of(state: &RenderState, texture: &wgpu::Texture, bytes_a_texel: u32) -> Vec<u8> {
    let size = texture.size();
    let row = size.width * bytes_a_texel;
    let all = u64::from(row * size.height * size.depth_or_array_layers);
    let copy = state.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: all,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = state.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_texture_to_buffer(
        texture.as_image_copy(),
        wgpu::TexelCopyBufferInfo {
            buffer: &copy,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(row),
                rows_per_image: Some(size.height),
            },
        },
        size,
    );
    state.queue.submit([encoder.finish()]);
    copy.map_async(wgpu::MapMode::Read, .., |_| {});
    state.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let view = copy.get_mapped_range(..).unwrap();
    view.to_vec()
}

fn run(state: &RenderState, band: Band, slots: &[usize], scale: impl Fn(usize) -> Option<f32>) -> BandPass {
    let pages = 2;
    let raw = raw_pages(state, slots, pages);
    let mut filter = BandPass::new(state, band, PAGE, pages, ACROSS * ACROSS * pages);
    let due: Vec<Patch> = slots
        .iter()
        .map(|&slot| Patch {
            place: place(slot).map(|v| v as u32),
            slot: slot as u32,
            kernel: filter.kernel(scale(slot)).0,
        })
        .collect();
    filter.run(&all_layers(&raw), due);
    filter
}

#[test]
fn the_device_filters_as_the_processor_does_up_to_the_edges() {
    let state = create_render_state(default_wgpu_setup(), RendererOptions::PREDICTABLE);
    assert!(supported(&state));
    // Patches in the middle of others and alone on a page; two sources with other scales, and one patch that
    // is left as it is.
    let slots = [0, 1, 4, 8, 9, 17];
    let scale = |slot: usize| [Some(1.2), Some(2.5)].get(slot % 3).copied().flatten();
    for (periods, bin) in [([9.0, 40.0], 1), ([4.0, 300.0], 2), ([0.6, 1e6], 1)] {
        let band = Band { periods, cell: CELL, bin, cut: 1.5 };
        let filter = run(&state, band, &slots, scale);
        let bytes = bytes_of(&state, &filter.pages, 2);
        let got: Vec<f32> =
            bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect();
        let ends: Vec<f32> = bytes_of(&state, &filter.found, 8)
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let mut touched = vec![false; got.len()];
        for &slot in &slots {
            let [x0, y0, page] = place(slot);
            let wanted = match scale(slot) {
                Some(scale) => band_passed(patch(slot), periods, scale * bin as f32),
                None => patch(slot),
            };
            let mut values = Vec::new();
            for (i, wanted) in wanted.data.iter().enumerate() {
                let at = (page * PAGE + y0 + i / CELL) * PAGE + x0 + i % CELL;
                touched[at] = true;
                values.push(got[at]);
                assert!(
                    (got[at] - wanted).abs() < 0.004,
                    "band {periods:?}, patch {slot}, {} {}: {} for {wanted}",
                    i % CELL,
                    i / CELL,
                    got[at]
                );
            }
            // The ends are values of the patch, at the ranks that the processor would take them from.
            let found = (ends[2 * slot], ends[2 * slot + 1]);
            assert_eq!(found, percentiles(&values, band.cut), "band {periods:?}, patch {slot}");
            let (low, high) = percentiles(&wanted.data, band.cut);
            assert!((found.0 - low).abs() < 0.004 && (found.1 - high).abs() < 0.004, "{found:?}");
            assert!(found.0 < found.1);
        }
        for (value, touched) in got.iter().zip(touched) {
            assert!(touched || *value == 0.0, "nothing is drawn beside the patches");
        }
    }
}

#[test]
fn another_band_is_filtered_from_the_same_values() {
    let state = create_render_state(default_wgpu_setup(), RendererOptions::PREDICTABLE);
    let raw = raw_pages(&state, &[3], 1);
    let mut band = Band { periods: [3.0, 6.0], cell: CELL, bin: 1, cut: 0.0 };
    let mut filter = BandPass::new(&state, band, PAGE, 1, 9);
    for periods in [[3.0, 6.0], [12.0, 70.0], [3.0, 6.0]] {
        band.periods = periods;
        filter.set(band);
        let kernel = filter.kernel(Some(1.0)).0;
        filter.run(&all_layers(&raw), vec![Patch { place: place(3).map(|v| v as u32), slot: 3, kernel }]);
        let bytes = bytes_of(&state, &filter.found, 8);
        let found: Vec<f32> =
            bytes[24..32].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let wanted = percentiles(&band_passed(patch(3), periods, 1.0).data, 0.0);
        assert!(
            (found[0] - wanted.0).abs() < 0.004 && (found[1] - wanted.1).abs() < 0.004,
            "{found:?} {wanted:?}"
        );
    }
}
