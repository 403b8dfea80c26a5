//! The band-pass preview on the graphics device: runs `shaders/band_pass.wgsl` for the patches whose band
//! has changed, into pages beside those with the values as read, and finds their percentiles there. Changing
//! the band so reads nothing from the disk.

use std::collections::HashMap;

use bytemuck::{Pod, Zeroable};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use vitrine_core::grayscale::rank;

use super::band::Kernel;

/// Slots in a row of the texture of ends; as in the shader.
const ENDS_ACROSS: u32 = 1024;
/// Patches filtered at once, at most: a device takes that many workgroups.
const AT_ONCE: usize = 1 << 15;

/// A patch to be filtered; as in the shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Patch {
    /// Upper left corner on its page, texels, and the page.
    pub place: [u32; 3],
    /// Its slot.
    pub slot: u32,
    /// The first of its weights, and how many follow.
    pub kernel: [u32; 2],
}

/// Sizes that a run shares; as in the shader.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Sizes {
    cell: u32,
    page: u32,
    low: u32,
    high: u32,
}

/// What is filtered, and how: another of these makes all results worthless.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Shortest and longest period kept, in the unit of the patches' scales.
    pub periods: [f32; 2],
    /// Side of a patch on its page, texels.
    pub cell: usize,
    /// px of a patch in a texel, along one axis.
    pub bin: usize,
    /// Share of texels cut off at each end, percent.
    pub cut: f32,
}

/// Whether a device can do this. Where not, the processor filters while it reads.
pub fn supported(state: &RenderState) -> bool {
    let flags = state.adapter.get_downlevel_capabilities().flags;
    let needed = wgpu::DownlevelFlags::COMPUTE_SHADERS | wgpu::DownlevelFlags::FRAGMENT_STORAGE;
    let limits = state.device.limits();
    flags.contains(needed)
        && limits.max_compute_invocations_per_workgroup >= 256
        && limits.max_storage_buffers_per_shader_stage >= 1
        && limits.max_storage_textures_per_shader_stage >= 1
}

/// The largest side of a patch on its page for which a device is the faster way, texels. Where the
/// processor does the drawing, its Fourier transform overtakes a convolution.
pub fn largest(state: &RenderState) -> usize {
    if state.adapter.get_info().device_type == wgpu::DeviceType::Cpu { 128 } else { usize::MAX }
}

/// Texels that a device is asked to read in one frame, at most, so that the frame stays fluid.
pub fn work_a_frame(state: &RenderState) -> u64 {
    match state.adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 1_000_000_000,
        wgpu::DeviceType::Cpu => 6_000_000,
        _ => 120_000_000,
    }
}

/// The pipelines and what they write to.
pub struct BandPass {
    state: RenderState,
    band: Band,
    page: u32,
    rows: wgpu::RenderPipeline,
    columns: wgpu::RenderPipeline,
    ends: wgpu::ComputePipeline,
    draw_layout: wgpu::BindGroupLayout,
    ends_layout: wgpu::BindGroupLayout,
    /// One page, filtered along x by both Gaussians.
    half: wgpu::Texture,
    /// The pages drawn from.
    pages: wgpu::Texture,
    /// Ends of every slot.
    found: wgpu::Texture,
    sizes: wgpu::Buffer,
    patches: wgpu::Buffer,
    weights: Vec<[f32; 2]>,
    weights_buffer: wgpu::Buffer,
    /// Where the weights of a scale begin and how many follow, and the work for a patch.
    kernels: HashMap<Option<u32>, ([u32; 2], u64)>,
    /// Whether weights were added since the device was given them.
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

/// All layers of a texture, also where there is one only.
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
    /// For `pages` pages of `page` texels with up to `slots` patches.
    pub fn new(state: &RenderState, band: Band, page: usize, pages: usize, slots: usize) -> Self {
        let device = &state.device;
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("band pass"),
            source: wgpu::ShaderSource::Wgsl(include_str!("../../../shaders/band_pass.wgsl").into()),
        });
        let source = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D2Array,
            multisampled: false,
        };
        let (drawing, computing) = (wgpu::ShaderStages::VERTEX_FRAGMENT, wgpu::ShaderStages::COMPUTE);
        let uniform = buffer_type(wgpu::BufferBindingType::Uniform);
        let storage = buffer_type(wgpu::BufferBindingType::Storage { read_only: true });
        let layout = |entries: &[wgpu::BindGroupLayoutEntry]| {
            let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("band pass"),
                entries,
            });
            let whole = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some("band pass"),
                bind_group_layouts: &[Some(&layout)],
                ..Default::default()
            });
            (layout, whole)
        };
        let (draw_layout, drawn) = layout(&[
            entry(0, drawing, uniform),
            entry(1, wgpu::ShaderStages::FRAGMENT, source),
            entry(2, wgpu::ShaderStages::FRAGMENT, storage),
        ]);
        let (ends_layout, computed) = layout(&[
            entry(0, computing, uniform),
            entry(1, computing, source),
            entry(3, computing, storage),
            entry(
                4,
                computing,
                wgpu::BindingType::StorageTexture {
                    access: wgpu::StorageTextureAccess::WriteOnly,
                    format: wgpu::TextureFormat::Rg32Float,
                    view_dimension: wgpu::TextureViewDimension::D2,
                },
            ),
        ]);
        let draws = |step: &'static str, format| {
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some(step),
                layout: Some(&drawn),
                vertex: wgpu::VertexState {
                    module: &shader,
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
                    module: &shader,
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
        };
        let (rows, columns) =
            (draws("rows", wgpu::TextureFormat::Rg32Float), draws("columns", wgpu::TextureFormat::R16Float));
        let ends = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("ends"),
            layout: Some(&computed),
            module: &shader,
            entry_point: Some("ends"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let side = page as u32;
        let drawn_to = wgpu::TextureUsages::RENDER_ATTACHMENT;
        let ends_size = [ENDS_ACROSS, (slots as u32).div_ceil(ENDS_ACROSS).max(1), 1];
        let (both, single) = (wgpu::TextureFormat::Rg32Float, wgpu::TextureFormat::R16Float);
        Self {
            half: texture(device, "band pass, along x", [side, side, 1], both, drawn_to),
            pages: texture(
                device,
                "pages of band-passed patches",
                [side, side, pages as u32],
                single,
                drawn_to,
            ),
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
            rows,
            columns,
            ends,
            draw_layout,
            ends_layout,
        }
    }

    /// What is filtered at the moment.
    pub fn band(&self) -> Band {
        self.band
    }

    /// Begins with another band; what was filtered stays as it is until it is filtered again.
    pub fn set(&mut self, band: Band) {
        if band != self.band {
            self.band = band;
            self.weights.clear();
            self.kernels.clear();
        }
    }

    /// Pages with what was filtered.
    pub fn pages(&self) -> wgpu::TextureView {
        all_layers(&self.pages)
    }

    /// The ends of the slots, 1024 in a row.
    pub fn found(&self) -> wgpu::TextureView {
        self.found.create_view(&wgpu::TextureViewDescriptor::default())
    }

    /// The weights for patches of `scale` Å per px (or 1), and the work for one of them; without a scale
    /// those that leave a patch as it is.
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

    /// Filters patches of `raw` and finds their ends.
    pub fn run(&mut self, raw: &wgpu::TextureView, mut wanted: Vec<Patch>) {
        wanted.sort_unstable_by_key(|patch| patch.place[2]);
        for some in wanted.chunks(AT_ONCE) {
            self.run_some(raw, some);
        }
    }

    fn run_some(&mut self, raw: &wgpu::TextureView, wanted: &[Patch]) {
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
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let half = all_layers(&self.half);
        let from = |view| {
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("band pass"),
                layout: &self.draw_layout,
                entries: &[
                    entry(0, self.sizes.as_entire_binding()),
                    entry(1, wgpu::BindingResource::TextureView(view)),
                    entry(2, self.weights_buffer.as_entire_binding()),
                ],
            })
        };
        let (from_raw, from_half) = (from(raw), from(&half));
        let half = self.half.create_view(&wgpu::TextureViewDescriptor::default());
        let mut encoder =
            device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("band pass") });
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
        let (pages, found) = (self.pages(), self.found());
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("ends"),
            layout: &self.ends_layout,
            entries: &[
                entry(0, self.sizes.as_entire_binding()),
                entry(1, wgpu::BindingResource::TextureView(&pages)),
                entry(3, self.patches.as_entire_binding()),
                entry(4, wgpu::BindingResource::TextureView(&found)),
            ],
        });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.ends);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(wanted.len() as u32, 1, 1);
        }
        queue.submit([encoder.finish()]);
    }
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
