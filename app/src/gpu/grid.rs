//! Drawing patches: the pipeline (kept by the renderer under a type of its own) and the paint callback
//! that draws all patches of a grid as one instanced draw from the pages.

use bytemuck::{Pod, Zeroable};
use eframe::egui::{self, Color32};
use eframe::egui_wgpu::{CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};
use eframe::wgpu;
use wgpu::util::DeviceExt as _;

use super::colour_map;

/// A patch to draw; as in `shaders/patch_grid.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Instance {
    /// Upper left corner, px from that of the viewport.
    pub origin: [f32; 2],
    /// Upper left corner on the page, texels; the page.
    pub place: [f32; 3],
    /// Values drawn darkest and lightest, in the cell's unit; not used where [`MEASURED`] is set.
    pub window: [f32; 2],
    /// Its slot among the ends measured on the device.
    pub slot: u32,
    /// Label and the flags below.
    pub flags: u32,
}

/// The patch is selected.
pub const SELECTED: u32 = 4;
/// The patch is the current one.
pub const CURRENT: u32 = 8;
/// Its pixels are still being read.
pub const MISSING: u32 = 16;
/// The ends of its window are those that the device has measured.
pub const MEASURED: u32 = 32;

/// What all patches of a grid share; as in `shaders/patch_grid.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct GridLook {
    /// Size of the viewport, px.
    pub viewport: [f32; 2],
    /// Side of a patch, px.
    pub side: f32,
    /// Room around it for the frame of the current one, px.
    pub margin: f32,
    /// Side of a patch on its page, texels.
    pub texels: f32,
    /// Side of a page, texels.
    pub page: f32,
    /// Row of the colour map, as a texture coordinate.
    pub colour_row: f32,
    /// 1 for high values dark, else 0.
    pub invert: f32,
    /// px per point.
    pub scale: f32,
    /// 1 where the target converts to sRGB by itself, else 0.
    pub linear: f32,
    /// Half the width of a glyph, px.
    pub glyph: f32,
    /// Width of a border, px.
    pub border: f32,
    /// Colours of positive, negative, unlabeled, selection, current patch, empty cell.
    pub colours: [[f32; 4]; 6],
}

/// A colour as the shader wants it, not premultiplied.
pub fn rgba(colour: Color32) -> [f32; 4] {
    colour.to_srgba_unmultiplied().map(|v| f32::from(v) / 255.0)
}

/// The pipeline; one for all grids of the window, in the renderer's resources under this type.
pub struct GridPipeline {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    colours: wgpu::TextureView,
    /// Where nothing is measured on the device.
    no_ends: wgpu::TextureView,
    /// Whether the target converts to sRGB by itself.
    pub linear: bool,
}

impl GridPipeline {
    /// Makes the pipeline where there is none yet.
    pub fn install(state: &RenderState) {
        let mut renderer = state.renderer.write();
        if !renderer.callback_resources.contains::<Self>() {
            renderer.callback_resources.insert(Self::new(state));
        }
    }

    fn new(state: &RenderState) -> Self {
        let device = &state.device;
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("patch grid"),
            source: wgpu::ShaderSource::Wgsl(include_str!("../../../shaders/patch_grid.wgsl").into()),
        });
        let texture = |binding, visibility, filterable, view_dimension| wgpu::BindGroupLayoutEntry {
            binding,
            visibility,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable },
                view_dimension,
                multisampled: false,
            },
            count: None,
        };
        let (shading, flat) = (wgpu::ShaderStages::FRAGMENT, wgpu::TextureViewDimension::D2);
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("patch grid"),
            entries: &[
                wgpu::BindGroupLayoutEntry {
                    binding: 0,
                    visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: false,
                        min_binding_size: None,
                    },
                    count: None,
                },
                texture(1, shading, true, wgpu::TextureViewDimension::D2Array),
                wgpu::BindGroupLayoutEntry {
                    binding: 2,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                    count: None,
                },
                texture(3, shading, true, flat),
                texture(4, wgpu::ShaderStages::VERTEX, false, flat),
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("patch grid"),
            bind_group_layouts: &[Some(&layout)],
            ..Default::default()
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
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
        });
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("patch grid"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..Default::default()
        });
        let colours = device.create_texture_with_data(
            &state.queue,
            &wgpu::TextureDescriptor {
                label: Some("colour maps"),
                size: wgpu::Extent3d {
                    width: colour_map::STEPS as u32,
                    height: colour_map::ColourMap::ALL.len() as u32,
                    depth_or_array_layers: 1,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::Rgba8Unorm,
                usage: wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            },
            wgpu::util::TextureDataOrder::LayerMajor,
            &colour_map::table(),
        );
        let no_ends = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("no ends"),
            size: wgpu::Extent3d::default(),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rg32Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[],
        });
        Self {
            no_ends: no_ends.create_view(&wgpu::TextureViewDescriptor::default()),
            pipeline,
            layout,
            sampler,
            colours: colours.create_view(&wgpu::TextureViewDescriptor::default()),
            linear: state.target_format.is_srgb(),
        }
    }

    /// What a grid is drawn with: its own uniforms, its own pages, and the ends of their patches where these
    /// are measured on the device.
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

/// One frame of a grid.
pub struct GridCallback {
    /// Its uniforms and where they go.
    pub look: GridLook,
    /// Buffer of `look`.
    pub look_buffer: wgpu::Buffer,
    /// The patches.
    pub instances: Vec<Instance>,
    /// Room for all of them.
    pub instance_buffer: wgpu::Buffer,
    /// From [`GridPipeline::bind`].
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
