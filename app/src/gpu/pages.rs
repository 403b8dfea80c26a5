//! The patches in the memory of the GPU. Patches lie side by side, as cells, on square pages. The pages are one
//! texture array of a fixed size, so no frame waits for a larger one to be allocated.
//!
//! [`Slots`] decides which patches have a place. The [`Loader`] reads those that are missing, and a bounded
//! number of them is uploaded each frame. With a band-pass, [`BandPass`] filters the visible patches into pages
//! of its own, and these are drawn; the unfiltered values stay for the next band.

use std::sync::Arc;

use eframe::egui_wgpu::RenderState;
use eframe::{egui, wgpu};
use vitrine_core::project::{PatchId, PixelFile};

use super::band_pass::{self, Band, BandPass, Patch, all_layers};
use super::cell::{Cell, Preparation, Range, Scales};
use super::grid::{GridCallback, GridLook, GridPipeline, Instance};
use super::loader::{Loader, Measure, Task};
use super::lru::Slots;

/// Memory of all pages, bytes.
const PAGES_BYTES: usize = 96 << 20;
/// Side of a page, texels. Every GPU supports it.
const PAGE_SIDE: usize = 2048;
/// Most cells uploaded in one frame.
const MAX_CELLS_PER_FRAME: usize = 96;
/// Most bytes uploaded in one frame.
const MAX_BYTES_PER_FRAME: usize = 4 << 20;
/// Most cells on the pages. Of very small cells more would fit than anybody looks at.
const MAX_SLOTS: usize = 1 << 18;

/// Where cells come from and how they are prepared.
#[derive(Clone)]
pub struct PageSource {
    /// Number of the open project. Another number means other pixels.
    pub opening: u64,
    /// The pixels of the project.
    pub pixels: Arc<PixelFile>,
    /// Pixel sizes.
    pub scales: Arc<Scales>,
    /// How cells are prepared.
    pub how: Preparation,
}

impl PageSource {
    /// Whether both give the same cells.
    fn same_cells(&self, other: &Self) -> bool {
        self.opening == other.opening
            && Arc::ptr_eq(&self.pixels, &other.pixels)
            && self.how == other.how
            && self.scales == other.scales
    }
}

/// A patch that can be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// Upper left corner on its page, texels, and the page.
    pub place: [f32; 3],
    /// Slot of its contrast range.
    pub slot: u32,
    /// Statistics of its unfiltered pixels.
    pub range: Range,
    /// Whether its contrast range is measured on the GPU instead.
    pub measured: bool,
}

/// Whether a patch can be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    /// It can be drawn.
    There(Spot),
    /// It was read. One of the next frames filters it.
    Unfiltered,
    /// It was not read yet.
    Missing,
}

/// A patch in a slot.
#[derive(Debug, Clone, Copy)]
struct Resident {
    range: Range,
    finite: bool,
    /// Number of the band with which it was filtered; 0 where it was not.
    band: u64,
}

/// Geometry of cells on pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    /// Side of a cell, texels.
    cell: usize,
    /// Cells in a row of a page.
    across: usize,
    /// Number of pages.
    pages: usize,
}

impl Layout {
    fn new(cell: usize) -> Self {
        let cell = cell.clamp(1, PAGE_SIDE);
        let across = PAGE_SIDE / cell;
        Self { cell, across, pages: (PAGES_BYTES / (PAGE_SIDE * PAGE_SIDE * 2)).clamp(1, 256) }
    }

    fn slots(self) -> usize {
        (self.a_page() * self.pages).min(MAX_SLOTS)
    }

    fn a_page(self) -> usize {
        self.across * self.across
    }

    /// Upper left corner of a slot, texels, and number of its page.
    fn place(self, slot: u32) -> [usize; 3] {
        let slot = slot as usize;
        let (page, within) = (slot / self.a_page(), slot % self.a_page());
        [within % self.across * self.cell, within / self.across * self.cell, page]
    }
}

/// The max_cell_side power of two by which patches of `size` px may be averaged down when they are drawn with `side`
/// px: the screen still shows all it can show, and a cell fits on a page.
pub fn bin_for(size: usize, side: f32) -> usize {
    let mut bin = 1;
    while size / (bin * 2) >= (side.ceil() as usize).max(1) || size.div_ceil(bin) > PAGE_SIDE {
        bin *= 2;
    }
    bin
}

/// The pages of one grid.
pub struct Pages {
    state: RenderState,
    loader: Loader,
    source: Option<PageSource>,
    layout: Layout,
    slots: Slots,
    residents: Vec<Resident>,
    texture: wgpu::Texture,
    bind_group: Option<wgpu::BindGroup>,
    /// Side of the max_cell_side cell that the GPU filters, texels; 0 where it cannot. The loader filters larger cells.
    filters: usize,
    band_pass: Option<BandPass>,
    /// Number of the present band; each new band has the next one.
    band: u64,
    /// Share of values clipped at each end where the GPU measures, percent.
    cut: f32,
    /// Patches to filter before this frame is drawn, and the texels that may still be read for more.
    due: Vec<Patch>,
    work_left: u64,
    /// Visible patches that were filtered with an earlier band: its number, texels to read, patch.
    outdated: Vec<(u64, u64, Patch)>,
    /// Whether visible patches wait for the next frame to be filtered.
    behind: bool,
    look_buffer: wgpu::Buffer,
    instance_buffer: wgpu::Buffer,
    /// Visible patches that were not read yet.
    coming: usize,
    linear: bool,
}

fn texture(device: &wgpu::Device, pages: usize) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("pages of patches"),
        size: wgpu::Extent3d {
            width: PAGE_SIDE as u32,
            height: PAGE_SIDE as u32,
            depth_or_array_layers: pages as u32,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::R16Float,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

fn instances(device: &wgpu::Device, count: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("patches drawn"),
        size: (count.max(256).next_power_of_two() * size_of::<Instance>()) as u64,
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

impl Pages {
    /// Creates empty pages on the window's device.
    ///
    /// # Errors
    /// When the system gives no thread to read with.
    pub fn new(state: &RenderState, ctx: &egui::Context) -> std::io::Result<Self> {
        GridPipeline::install(state);
        let device = &state.device;
        let layout = Layout::new(64);
        Ok(Self {
            loader: Loader::start(ctx.clone())?,
            source: None,
            layout,
            slots: Slots::new(1),
            residents: Vec::new(),
            texture: texture(device, layout.pages),
            bind_group: None,
            filters: if band_pass::supported(state) { band_pass::max_cell_side(state) } else { 0 },
            band_pass: None,
            band: 0,
            cut: 0.0,
            due: Vec::new(),
            work_left: 0,
            outdated: Vec::new(),
            behind: false,
            look_buffer: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("look of a grid"),
                size: size_of::<GridLook>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            instance_buffer: instances(device, 0),
            coming: 0,
            linear: state.target_format.is_srgb(),
            state: state.clone(),
        })
    }

    /// Begins a frame: uploads prepared cells. Another source empties the pages; another band does not.
    pub fn begin(&mut self, source: PageSource) {
        let measure = Measure { band: source.how.band, cut: source.how.cut };
        self.cut = source.how.cut;
        let (shown, source) = self.to_read(source);
        if self.source.as_ref().is_some_and(|known| known.same_cells(&source)) {
            self.loader.measure(measure);
        } else {
            let cell = source.how.side(source.pixels.size());
            let layout = Layout::new(cell);
            self.slots = Slots::new(layout.slots());
            self.residents.clear();
            self.band_pass = None;
            self.bind_group = None;
            self.layout = layout;
            self.loader.begin(Task {
                pixels: Arc::clone(&source.pixels),
                scales: Arc::clone(&source.scales),
                how: source.how,
                measure,
            });
            self.source = Some(source);
        }
        self.set_band(shown);
        let bytes = self.layout.cell * self.layout.cell * 2;
        for cell in self.loader.take(MAX_CELLS_PER_FRAME.min(MAX_BYTES_PER_FRAME / bytes.max(1)).max(1)) {
            self.upload(&cell);
        }
    }

    /// Splits a preparation into the band that the GPU applies, where it can, and what the loader does.
    fn to_read(&self, mut source: PageSource) -> (Option<[f32; 2]>, PageSource) {
        let cell = source.how.side(source.pixels.size());
        let band = source.how.band.filter(|_| cell <= self.filters);
        if band.is_some() {
            source.how.band = None;
            // The GPU measures contrast after the filter, so the loader need not.
            if let Some(known) = &self.source {
                source.how.cut = known.how.cut;
            }
        }
        (band, source)
    }

    fn set_band(&mut self, periods: Option<[f32; 2]>) {
        // Left from a frame that was not drawn.
        for patch in self.due.drain(..) {
            if let Some(resident) = self.residents.get_mut(patch.slot as usize) {
                resident.band = 0;
            }
        }
        self.outdated.clear();
        self.behind = false;
        self.work_left = band_pass::texels_per_frame(&self.state);
        let (Some(periods), Some(source)) = (periods, &self.source) else {
            if self.band_pass.take().is_some() {
                self.bind_group = None;
                self.residents.iter_mut().for_each(|resident| resident.band = 0);
            }
            return;
        };
        let band = Band { periods, cell: self.layout.cell, bin: source.how.bin, cut: self.cut };
        match &mut self.band_pass {
            Some(known) if known.band() == band => {}
            Some(known) => {
                known.set(band);
                self.band += 1;
            }
            None => {
                let (pages, slots) = (self.layout.pages, self.layout.slots());
                self.band_pass = Some(BandPass::new(&self.state, band, PAGE_SIDE, pages, slots));
                self.bind_group = None;
                self.band += 1;
            }
        }
    }

    /// Whether a patch can be drawn. The call marks it as used and schedules it to be filtered.
    pub fn find(&mut self, patch: PatchId) -> Found {
        let Some(slot) = self.slots.get(patch) else { return Found::Missing };
        let Some(&resident) = self.residents.get(slot as usize) else { return Found::Missing };
        let Resident { range, finite, band } = resident;
        let [x, y, page] = self.layout.place(slot);
        let place = [x as f32, y as f32, page as f32];
        let Some(band_pass) = &mut self.band_pass else {
            return Found::There(Spot { place, slot, range, measured: false });
        };
        if band != self.band {
            let scale = self.source.as_ref().map(|source| source.scales.of(patch));
            let (kernel, work) = band_pass.kernel(scale.filter(|_| finite));
            let due = Patch { place: [x as u32, y as u32, page as u32], slot, kernel };
            if band > 0 {
                self.outdated.push((band, work, due));
            } else if !self.filter(work, due) {
                return Found::Unfiltered;
            }
        }
        // A band-pass removes the mean.
        let mean = if finite { 0.0 } else { range.mean };
        Found::There(Spot { place, slot, range: Range { mean, ..range }, measured: true })
    }

    /// Schedules a patch to be filtered in this frame if the budget allows. One patch is always filtered, however
    /// large it is.
    fn filter(&mut self, work: u64, patch: Patch) -> bool {
        if work > self.work_left && !self.due.is_empty() {
            self.behind = true;
            return false;
        }
        self.work_left = self.work_left.saturating_sub(work);
        if let Some(resident) = self.residents.get_mut(patch.slot as usize) {
            resident.band = self.band;
        }
        self.due.push(patch);
        true
    }

    /// Spends the rest of the budget on patches filtered with an earlier band, the oldest first. While the user
    /// drags a band, every patch gets its turn.
    fn renew(&mut self) {
        let mut outdated = std::mem::take(&mut self.outdated);
        outdated.sort_by_key(|(band, ..)| *band);
        for (_, work, patch) in outdated {
            if !self.filter(work, patch) {
                break;
            }
        }
    }

    /// Replaces the list of missing patches, the most urgent first. Called after the last [`find`](Self::find) of
    /// a frame.
    pub fn want(&mut self, patches: Vec<PatchId>) {
        self.renew();
        self.coming = self.loader.want(patches);
    }

    /// Whether a patch has a place on the pages.
    pub fn holds(&self, patch: PatchId) -> bool {
        self.slots.contains(patch)
    }

    /// How many visible patches were not read yet.
    pub fn coming(&self) -> usize {
        self.coming
    }

    /// Whether visible patches wait for the next frame to be filtered.
    pub fn behind(&self) -> bool {
        self.behind
    }

    /// The values drawn black and white for all patches; `None` until they are measured.
    pub fn window(&self) -> Option<(f32, f32)> {
        self.loader.window()
    }

    /// Side of a cell and of a page, texels.
    pub fn sides(&self) -> (f32, f32) {
        (self.layout.cell as f32, PAGE_SIDE as f32)
    }

    /// Whether the target expects linear colours.
    pub fn linear(&self) -> bool {
        self.linear
    }

    /// The paint callback that draws `patches`.
    pub fn callback(&mut self, look: GridLook, patches: Vec<Instance>) -> Option<GridCallback> {
        let device = &self.state.device;
        if (self.instance_buffer.size() as usize) < patches.len() * size_of::<Instance>() {
            self.instance_buffer = instances(device, patches.len());
        }
        let raw = all_layers(&self.texture);
        let due = std::mem::take(&mut self.due);
        if let Some(band_pass) = self.band_pass.as_mut().filter(|_| !due.is_empty()) {
            band_pass.run(&raw, due);
        }
        if self.bind_group.is_none() {
            let renderer = self.state.renderer.read();
            let pipeline = renderer.callback_resources.get::<GridPipeline>()?;
            let buffer = &self.look_buffer;
            self.bind_group = Some(match &self.band_pass {
                Some(band_pass) => {
                    pipeline.bind(device, buffer, &band_pass.pages(), Some(&band_pass.found()))
                }
                None => pipeline.bind(device, buffer, &raw, None),
            });
        }
        Some(GridCallback {
            look,
            look_buffer: self.look_buffer.clone(),
            instances: patches,
            instance_buffer: self.instance_buffer.clone(),
            bind_group: self.bind_group.clone()?,
        })
    }

    fn upload(&mut self, cell: &Cell) {
        let side = self.layout.cell;
        if cell.values.len() != side * side {
            return;
        }
        let slot = self.slots.insert(cell.patch);
        let resident = Resident { range: cell.range, finite: cell.finite, band: 0 };
        match self.residents.get_mut(slot as usize) {
            Some(before) => *before = resident,
            None => self.residents.push(resident),
        }
        let [x, y, page] = self.layout.place(slot);
        self.state.queue.write_texture(
            wgpu::TexelCopyTextureInfo {
                texture: &self.texture,
                mip_level: 0,
                origin: wgpu::Origin3d { x: x as u32, y: y as u32, z: page as u32 },
                aspect: wgpu::TextureAspect::All,
            },
            bytemuck::cast_slice(&cell.values),
            wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(side as u32 * 2),
                rows_per_image: None,
            },
            wgpu::Extent3d { width: side as u32, height: side as u32, depth_or_array_layers: 1 },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_lie_side_by_side() {
        let layout = Layout::new(64);
        assert_eq!((layout.across, layout.a_page(), layout.pages), (32, 1024, 12));
        assert_eq!(layout.place(0), [0, 0, 0]);
        assert_eq!(layout.place(33), [64, 64, 0]);
        assert_eq!(layout.place(1024 + 31), [31 * 64, 0, 1]);
        assert_eq!(Layout::new(100_000).a_page(), 1);
    }

    #[test]
    fn patches_are_averaged_only_where_the_screen_shows_less() {
        assert_eq!(bin_for(64, 96.0), 1);
        assert_eq!(bin_for(64, 33.0), 1);
        assert_eq!(bin_for(64, 32.0), 2);
        assert_eq!(bin_for(512, 24.0), 16);
        assert_eq!(bin_for(4096, 4000.0), 2, "a cell fits on a page");
        assert_eq!(bin_for(1, 0.0), 1);
    }
}
