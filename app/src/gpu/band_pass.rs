//! The band-pass preview on the GPU. `shaders/band_pass.wgsl` filters the patches whose band has changed into
//! pages of their own and measures their contrast ranges there. The pages with unfiltered values stay, so a
//! change of the band reads nothing from the disk.

use std::collections::HashMap;

use bytemuck::{Pod, Zeroable};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use vitrine_core::grayscale::rank;

use super::band::Kernel;

/// Width of the texture of contrast ranges, slots; the same as in the shader.
const ENDS_ACROSS: u32 = 1024;
/// Maximum number of patches filtered in one dispatch. Every GPU allows this number of workgroups.
const MAX_PATCHES_PER_DISPATCH: usize = 1 << 15;

/// A patch to filter. The fields are those of the shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Patch {
    /// Upper left corner on its page, texels, and the page.
    pub place: [u32; 3],
    /// Slot of its contrast range.
    pub slot: u32,
    /// Index of the first of its weights, and how many follow.
    pub kernel: [u32; 2],
}

/// Uniforms of a dispatch. The fields are those of the shader.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Sizes {
    cell: u32,
    page: u32,
    low: u32,
    high: u32,
}

/// How patches are filtered. A change of any field invalidates all filtered patches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Shortest and longest period kept, in the unit of the patches' scales.
    pub periods: [f32; 2],
    /// Side of a patch on its page, texels.
    pub cell: usize,
    /// A texel is the average of `bin × bin` px of the patch.
    pub bin: usize,
    /// Share of texels clipped at each end of the contrast range, percent.
    pub cut: f32,
}

/// Whether the GPU can filter. Where it cannot, the loader filters on the CPU.
pub fn supported(state: &RenderState) -> bool {
    let flags = state.adapter.get_downlevel_capabilities().flags;
    let needed = wgpu::DownlevelFlags::COMPUTE_SHADERS | wgpu::DownlevelFlags::FRAGMENT_STORAGE;
    let limits = state.device.limits();
    flags.contains(needed)
        && limits.max_compute_invocations_per_workgroup >= 256
        && limits.max_storage_buffers_per_shader_stage >= 1
        && limits.max_storage_textures_per_shader_stage >= 1
}

/// The max_cell_side side of a cell, texels, up to which the convolution on the device is faster than the loader's
/// Fourier transform. It is limited only where the CPU does the drawing.
pub fn max_cell_side(state: &RenderState) -> usize {
    if state.adapter.get_info().device_type == wgpu::DeviceType::Cpu { 128 } else { usize::MAX }
}

/// Most texels that the filter reads in one frame, so that frames stay short.
pub fn texels_per_frame(state: &RenderState) -> u64 {
    match state.adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 1_000_000_000,
        wgpu::DeviceType::Cpu => 6_000_000,
        _ => 120_000_000,
    }
}

/// The pipelines and the textures they write to.
pub struct BandPass {
    state: RenderState,
    band: Band,
    page: u32,
    rows: wgpu::RenderPipeline,
    columns: wgpu::RenderPipeline,
    ends: wgpu::ComputePipeline,
    draw_layout: wgpu::BindGroupLayout,
    ends_layout: wgpu::BindGroupLayout,
    /// One page, convolved along x with both Gaussians.
    half: wgpu::Texture,
    /// The pages with filtered patches.
    pages: wgpu::Texture,
    /// The contrast range of every slot.
    found: wgpu::Texture,
    sizes: wgpu::Buffer,
    patches: wgpu::Buffer,
    weights: Vec<[f32; 2]>,
    weights_buffer: wgpu::Buffer,
    /// By pixel size: index of the first weight and how many follow, and the texels read for a patch.
    kernels: HashMap<Option<u32>, ([u32; 2], u64)>,
    /// Whether weights were added since the last upload.
    added: bool,
}

fn buffer(device: &wgpu::Device, label: &str, bytes: usize, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: bytes as u64,
        usage: usage | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn texture(
    device: &wgpu::Device,
    label: &str,
    [width, height, layers]: [u32; 3],
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: layers },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: usage | wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

/// A view of all layers of a texture as an array, even where there is only one.
pub fn all_layers(texture: &wgpu::Texture) -> wgpu::TextureView {
    texture.create_view(&wgpu::TextureViewDescriptor {
        dimension: Some(wgpu::TextureViewDimension::D2Array),
        ..Default::default()
    })
}

fn entry(binding: u32, visibility: wgpu::ShaderStages, ty: wgpu::BindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry { binding, visibility, ty, count: None }
}

fn buffer_type(ty: wgpu::BufferBindingType) -> wgpu::BindingType {
    wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None }
}

impl BandPass {
    /// Creates the filter for `pages` pages of `page × page` texels with up to `slots` patches.
    pub fn new(state: &RenderState, band: Band, page: usize, pages: usize, slots: usize) -> Self {
        let device = &state.device;
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("band pass"),
            source: wgpu::ShaderSource::Wgsl(include_str!("../../../shaders/band_pass.wgsl").into()),
        });
        let (draw_layout, ends_layout) = (draw_layout(device), ends_layout(device));
        let (both, single) = (wgpu::TextureFormat::Rg32Float, wgpu::TextureFormat::R16Float);
        let (side, pages) = (page as u32, pages as u32);
        let target = wgpu::TextureUsages::RENDER_ATTACHMENT;
        let ends_size = [ENDS_ACROSS, (slots as u32).div_ceil(ENDS_ACROSS).max(1), 1];
        Self {
            rows: draw_pipeline(device, &shader, &draw_layout, "rows", both),
            columns: draw_pipeline(device, &shader, &draw_layout, "columns", single),
            ends: ends_pipeline(device, &shader, &ends_layout),
            half: texture(device, "band pass, along x", [side, side, 1], both, target),
            pages: texture(device, "pages of band-passed patches", [side, side, pages], single, target),
            found: texture(device, "ends", ends_size, both, wgpu::TextureUsages::STORAGE_BINDING),
            sizes: buffer(device, "band pass", size_of::<Sizes>(), wgpu::BufferUsages::UNIFORM),
            patches: patches(device, 0),
            weights_buffer: weights(device, 0),
            weights: Vec::new(),
            kernels: HashMap::new(),
            added: true,
            state: state.clone(),
            page: side,
            band,
            draw_layout,
            ends_layout,
        }
    }

    /// How patches are filtered at the moment.
    pub fn band(&self) -> Band {
        self.band
    }

    /// Sets another band. Filtered patches stay as they are until [`run`](Self::run) filters them again.
    pub fn set(&mut self, band: Band) {
        if band != self.band {
            self.band = band;
            self.weights.clear();
            self.kernels.clear();
        }
    }

    /// The pages with filtered patches.
    pub fn pages(&self) -> wgpu::TextureView {
        all_layers(&self.pages)
    }

    /// The contrast ranges of the slots, 1024 in a row.
    pub fn found(&self) -> wgpu::TextureView {
        self.found.create_view(&wgpu::TextureViewDescriptor::default())
    }

    /// The weights for patches of `scale` Å per px (or 1), and the texels read to filter one of them. Without a
    /// scale the weights leave a patch unchanged.
    pub fn kernel(&mut self, scale: Option<f32>) -> ([u32; 2], u64) {
        let key = scale.map(f32::to_bits);
        if let Some(known) = self.kernels.get(&key) {
            return *known;
        }
        let Band { periods, cell, bin, .. } = self.band;
        let kernel = scale.and_then(|scale| {
            let texel = f64::from(scale.max(1e-6)) * bin.max(1) as f64;
            Kernel::new(cell, f64::from(periods[0]) / texel, f64::from(periods[1]) / texel)
        });
        let kernel = kernel.unwrap_or_else(Kernel::nothing);
        let made = ([self.weights.len() as u32, kernel.weights.len() as u32 - 1], kernel.work(cell));
        self.weights.extend(&kernel.weights);
        self.kernels.insert(key, made);
        self.added = true;
        made
    }

    /// Filters patches of `raw` and measures their contrast ranges.
    pub fn run(&mut self, raw: &wgpu::TextureView, mut wanted: Vec<Patch>) {
        wanted.sort_unstable_by_key(|patch| patch.place[2]);
        for some in wanted.chunks(MAX_PATCHES_PER_DISPATCH) {
            self.run_some(raw, some);
        }
    }

    fn run_some(&mut self, raw: &wgpu::TextureView, wanted: &[Patch]) {
        self.upload(wanted);
        let label = wgpu::CommandEncoderDescriptor { label: Some("band pass") };
        let mut encoder = self.state.device.create_command_encoder(&label);
        self.filter(&mut encoder, raw, wanted);
        self.find_ends(&mut encoder, wanted.len() as u32);
        self.state.queue.submit([encoder.finish()]);
    }

    /// Uploads the patches, the uniforms, and the weights where some were added.
    fn upload(&mut self, wanted: &[Patch]) {
        let (device, queue) = (&self.state.device, &self.state.queue);
        let bytes: &[u8] = bytemuck::cast_slice(wanted);
        if (self.patches.size() as usize) < bytes.len() {
            self.patches = patches(device, wanted.len());
        }
        queue.write_buffer(&self.patches, 0, bytes);
        if self.added {
            if (self.weights_buffer.size() as usize) < size_of_val(&self.weights[..]) {
                self.weights_buffer = weights(device, self.weights.len());
            }
            queue.write_buffer(&self.weights_buffer, 0, bytemuck::cast_slice(&self.weights));
            self.added = false;
        }
        let all = self.band.cell * self.band.cell;
        let low = rank(all, self.band.cut);
        let sizes = Sizes {
            cell: self.band.cell as u32,
            page: self.page,
            low: low as u32,
            high: (all.saturating_sub(1) - low) as u32,
        };
        queue.write_buffer(&self.sizes, 0, bytemuck::bytes_of(&sizes));
    }

    /// Convolves patches, sorted by page, from `raw` onto the pages: along x into `half`, then along y.
    fn filter(&self, encoder: &mut wgpu::CommandEncoder, raw: &wgpu::TextureView, wanted: &[Patch]) {
        let from = |view| {
            self.state.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("band pass"),
                layout: &self.draw_layout,
                entries: &[
                    bound(0, self.sizes.as_entire_binding()),
                    bound(1, wgpu::BindingResource::TextureView(view)),
                    bound(2, self.weights_buffer.as_entire_binding()),
                ],
            })
        };
        let (from_raw, from_half) = (from(raw), from(&all_layers(&self.half)));
        let half = self.half.create_view(&wgpu::TextureViewDescriptor::default());
        let mut first = 0_u32;
        for of_page in wanted.chunk_by(|a, b| a.place[2] == b.place[2]) {
            let range = first..first + of_page.len() as u32;
            first = range.end;
            let page = self.pages.create_view(&wgpu::TextureViewDescriptor {
                dimension: Some(wgpu::TextureViewDimension::D2),
                base_array_layer: of_page.first().map_or(0, |patch| patch.place[2]),
                array_layer_count: Some(1),
                ..Default::default()
            });
            for (pipeline, group, target) in
                [(&self.rows, &from_raw, &half), (&self.columns, &from_half, &page)]
            {
                let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("band pass"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view: target,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations { load: wgpu::LoadOp::Load, store: wgpu::StoreOp::Store },
                    })],
                    ..Default::default()
                });
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, group, &[]);
                pass.set_vertex_buffer(0, self.patches.slice(..));
                pass.draw(0..6, range.clone());
            }
        }
    }

    /// Measures the contrast ranges of the first `count` patches of the buffer.
    fn find_ends(&self, encoder: &mut wgpu::CommandEncoder, count: u32) {
        let (pages, found) = (self.pages(), self.found());
        let group = self.state.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("ends"),
            layout: &self.ends_layout,
            entries: &[
                bound(0, self.sizes.as_entire_binding()),
                bound(1, wgpu::BindingResource::TextureView(&pages)),
                bound(3, self.patches.as_entire_binding()),
                bound(4, wgpu::BindingResource::TextureView(&found)),
            ],
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.ends);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(count, 1, 1);
    }
}

/// A resource at a binding.
fn bound(binding: u32, resource: wgpu::BindingResource<'_>) -> wgpu::BindGroupEntry<'_> {
    wgpu::BindGroupEntry { binding, resource }
}

/// Binding of pages that are read texel by texel.
const SOURCE: wgpu::BindingType = wgpu::BindingType::Texture {
    sample_type: wgpu::TextureSampleType::Float { filterable: false },
    view_dimension: wgpu::TextureViewDimension::D2Array,
    multisampled: false,
};

/// Bindings of both convolutions: uniforms, source pages, weights.
fn draw_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let fragment = wgpu::ShaderStages::FRAGMENT;
    let storage = buffer_type(wgpu::BufferBindingType::Storage { read_only: true });
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("band pass"),
        entries: &[
            entry(0, wgpu::ShaderStages::VERTEX_FRAGMENT, buffer_type(wgpu::BufferBindingType::Uniform)),
            entry(1, fragment, SOURCE),
            entry(2, fragment, storage),
        ],
    })
}

/// Bindings of the measurement: uniforms, filtered pages, patches, and the texture of contrast ranges.
fn ends_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let computing = wgpu::ShaderStages::COMPUTE;
    let written = wgpu::BindingType::StorageTexture {
        access: wgpu::StorageTextureAccess::WriteOnly,
        format: wgpu::TextureFormat::Rg32Float,
        view_dimension: wgpu::TextureViewDimension::D2,
    };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("ends"),
        entries: &[
            entry(0, computing, buffer_type(wgpu::BufferBindingType::Uniform)),
            entry(1, computing, SOURCE),
            entry(3, computing, buffer_type(wgpu::BufferBindingType::Storage { read_only: true })),
            entry(4, computing, written),
        ],
    })
}

fn pipeline_layout(device: &wgpu::Device, layout: &wgpu::BindGroupLayout) -> wgpu::PipelineLayout {
    device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("band pass"),
        bind_group_layouts: &[Some(layout)],
        ..Default::default()
    })
}

/// The pipeline of one of the two convolutions; `step` is its function in the shader.
fn draw_pipeline(
    device: &wgpu::Device,
    shader: &wgpu::ShaderModule,
    layout: &wgpu::BindGroupLayout,
    step: &'static str,
    format: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(step),
        layout: Some(&pipeline_layout(device, layout)),
        vertex: wgpu::VertexState {
            module: shader,
            entry_point: Some("corner"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: size_of::<Patch>() as u64,
                step_mode: wgpu::VertexStepMode::Instance,
                attributes: &wgpu::vertex_attr_array![0 => Uint32x4, 1 => Uint32x2],
            })],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: shader,
            entry_point: Some(step),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format,
                blend: None,
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

fn ends_pipeline(
    device: &wgpu::Device,
    shader: &wgpu::ShaderModule,
    layout: &wgpu::BindGroupLayout,
) -> wgpu::ComputePipeline {
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some("ends"),
        layout: Some(&pipeline_layout(device, layout)),
        module: shader,
        entry_point: Some("ends"),
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    })
}

fn patches(device: &wgpu::Device, count: usize) -> wgpu::Buffer {
    let usage = wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::STORAGE;
    buffer(device, "patches to filter", count.max(256).next_power_of_two() * size_of::<Patch>(), usage)
}

fn weights(device: &wgpu::Device, count: usize) -> wgpu::Buffer {
    let bytes = count.max(1024).next_power_of_two() * size_of::<[f32; 2]>();
    buffer(device, "weights", bytes, wgpu::BufferUsages::STORAGE)
}

#[cfg(test)]
#[path = "band_pass_tests.rs"]
mod tests;
