//! Draws the patches of a grid: the render pipeline, which all grids share, and the paint callback, which
//! draws all patches of a grid in one instanced draw call.

use bytemuck::{Pod, Zeroable};
use eframe::egui::{self, Color32};
use eframe::egui_wgpu::{CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};
use eframe::wgpu;
use wgpu::util::DeviceExt as _;

use super::colour_map;

/// One patch of the draw call. The fields are those of `shaders/patch_grid.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Instance {
    /// Upper left corner, px from the upper left corner of the viewport.
    pub origin: [f32; 2],
    /// Upper left corner on its page, texels, and number of the page.
    pub place: [f32; 3],
    /// The values drawn black and white, in the unit of the cell. Not used where [`MEASURED`] is set.
    pub window: [f32; 2],
    /// Its slot among the contrast ranges measured on the GPU.
    pub slot: u32,
    /// The label and the flags below.
    pub flags: u32,
}

/// The patch is selected.
pub const SELECTED: u32 = 4;
/// The patch is the current one.
pub const CURRENT: u32 = 8;
/// Its pixels are still being read.
pub const MISSING: u32 = 16;
/// Its contrast range was measured on the GPU.
pub const MEASURED: u32 = 32;

/// Uniforms of a grid. The fields are those of `shaders/patch_grid.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct GridLook {
    /// Size of the viewport, px.
    pub viewport: [f32; 2],
    /// Side of a patch, px.
    pub side: f32,
    /// Space around a patch for the frame of the current one, px.
    pub margin: f32,
    /// Side of a patch on its page, texels.
    pub texels: f32,
    /// Side of a page, texels.
    pub page: f32,
    /// Row of the colour map, as a texture coordinate.
    pub colour_row: f32,
    /// 1 where high values are drawn dark, else 0.
    pub invert: f32,
    /// Physical px per logical point.
    pub scale: f32,
    /// 1 where the target converts to sRGB by itself, else 0.
    pub linear: f32,
    /// Half the width of a label's glyph, px.
    pub glyph: f32,
    /// Width of a label's border, px.
    pub border: f32,
    /// RGBA colours of positive, negative, unlabeled, selection, current patch, empty cell; 0 to 1, not
    /// premultiplied.
    pub colours: [[f32; 4]; 6],
}

/// A colour as RGBA from 0 to 1, not premultiplied.
pub fn rgba(colour: Color32) -> [f32; 4] {
    colour.to_srgba_unmultiplied().map(|v| f32::from(v) / 255.0)
}

/// The render pipeline of all grids of the window. The renderer keeps it among its resources.
pub struct GridPipeline {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    colours: wgpu::TextureView,
    /// Bound where no contrast range is measured on the GPU.
    no_ends: wgpu::TextureView,
    /// Whether the target converts to sRGB by itself.
    pub linear: bool,
}

impl GridPipeline {
    /// Creates the pipeline unless the renderer has it already.
    pub fn install(state: &RenderState) {
        let mut renderer = state.renderer.write();
        if !renderer.callback_resources.contains::<Self>() {
            renderer.callback_resources.insert(Self::new(state));
        }
    }

    fn new(state: &RenderState) -> Self {
        let device = &state.device;
        let layout = layout(device);
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("patch grid"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..Default::default()
        });
        Self {
            pipeline: pipeline(state, &layout),
            layout,
            sampler,
            colours: colour_table(state),
            no_ends: no_ends(device),
            linear: state.target_format.is_srgb(),
        }
    }

    /// Binds what a grid is drawn with: its uniforms, its pages, and the contrast ranges of its patches where the
    /// GPU measures them.
    pub fn bind(
        &self,
        device: &wgpu::Device,
        look: &wgpu::Buffer,
        pages: &wgpu::TextureView,
        ends: Option<&wgpu::TextureView>,
    ) -> wgpu::BindGroup {
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("patch grid"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: look.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(pages) },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::Sampler(&self.sampler) },
                wgpu::BindGroupEntry {
                    binding: 3,
                    resource: wgpu::BindingResource::TextureView(&self.colours),
                },
                wgpu::BindGroupEntry {
                    binding: 4,
                    resource: wgpu::BindingResource::TextureView(ends.unwrap_or(&self.no_ends)),
                },
            ],
        })
    }
}

/// Layout of the bindings: uniforms, pages, sampler, colour maps, measured contrast ranges.
fn layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry = |binding, visibility, ty| wgpu::BindGroupLayoutEntry { binding, visibility, ty, count: None };
    let texture = |filterable, view_dimension| wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable },
        view_dimension,
        multisampled: false,
    };
    let uniforms = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
    let shading = wgpu::ShaderStages::FRAGMENT;
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("patch grid"),
        entries: &[
            entry(0, wgpu::ShaderStages::VERTEX_FRAGMENT, uniforms),
            entry(1, shading, texture(true, wgpu::TextureViewDimension::D2Array)),
            entry(2, shading, sampler),
            entry(3, shading, texture(true, wgpu::TextureViewDimension::D2)),
            entry(4, wgpu::ShaderStages::VERTEX, texture(false, wgpu::TextureViewDimension::D2)),
        ],
    })
}

/// Compiles `shaders/patch_grid.wgsl` to a pipeline that draws one instance per patch.
fn pipeline(state: &RenderState, layout: &wgpu::BindGroupLayout) -> wgpu::RenderPipeline {
    let device = &state.device;
    let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("patch grid"),
        source: wgpu::ShaderSource::Wgsl(include_str!("../../../shaders/patch_grid.wgsl").into()),
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("patch grid"),
        bind_group_layouts: &[Some(layout)],
        ..Default::default()
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("patch grid"),
        layout: Some(&pipeline_layout),
        vertex: wgpu::VertexState {
            module: &shader,
            entry_point: Some("corner"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: size_of::<Instance>() as u64,
                step_mode: wgpu::VertexStepMode::Instance,
                attributes: &wgpu::vertex_attr_array![
                    0 => Float32x2, 1 => Float32x3, 2 => Float32x2, 3 => Uint32, 4 => Uint32
                ],
            })],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &shader,
            entry_point: Some("shade"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format: state.target_format,
                blend: Some(wgpu::BlendState::ALPHA_BLENDING),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// All colour maps as one texture, one row each.
fn colour_table(state: &RenderState) -> wgpu::TextureView {
    let size = wgpu::Extent3d {
        width: colour_map::STEPS as u32,
        height: colour_map::ColourMap::ALL.len() as u32,
        depth_or_array_layers: 1,
    };
    let descriptor = sampled("colour maps", size, wgpu::TextureFormat::Rgba8Unorm);
    let order = wgpu::util::TextureDataOrder::LayerMajor;
    let texture =
        state.device.create_texture_with_data(&state.queue, &descriptor, order, &colour_map::table());
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

/// A texture of one texel. The shader needs a texture of contrast ranges even where none is measured.
fn no_ends(device: &wgpu::Device) -> wgpu::TextureView {
    let descriptor = sampled("no ends", wgpu::Extent3d::default(), wgpu::TextureFormat::Rg32Float);
    device.create_texture(&descriptor).create_view(&wgpu::TextureViewDescriptor::default())
}

/// Describes a texture that shaders only read.
fn sampled(
    label: &'static str,
    size: wgpu::Extent3d,
    format: wgpu::TextureFormat,
) -> wgpu::TextureDescriptor<'static> {
    wgpu::TextureDescriptor {
        label: Some(label),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING,
        view_formats: &[],
    }
}

/// One frame of a grid.
pub struct GridCallback {
    /// Uniforms of the grid.
    pub look: GridLook,
    /// The buffer that `look` is written to.
    pub look_buffer: wgpu::Buffer,
    /// The patches to draw.
    pub instances: Vec<Instance>,
    /// The buffer that `instances` are written to; it has room for all of them.
    pub instance_buffer: wgpu::Buffer,
    /// Made by [`GridPipeline::bind`].
    pub bind_group: wgpu::BindGroup,
}

impl CallbackTrait for GridCallback {
    fn prepare(
        &self,
        _device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        _resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        queue.write_buffer(&self.look_buffer, 0, bytemuck::bytes_of(&self.look));
        queue.write_buffer(&self.instance_buffer, 0, bytemuck::cast_slice(&self.instances));
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(shared) = resources.get::<GridPipeline>() else { return };
        pass.set_pipeline(&shared.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.set_vertex_buffer(0, self.instance_buffer.slice(..));
        pass.draw(0..6, 0..self.instances.len() as u32);
    }
}
