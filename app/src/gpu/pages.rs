//! The patches on the graphics device: cells side by side on square pages, the pages one texture
//! array of a fixed size, so that no frame waits for a larger one. Which patches are there is a matter of [`Slots`]; what is
//! missing comes from the [`Loader`], a bounded number a frame. Where a band is shown, [`BandPass`] filters what is looked at
//! into pages of its own; these are drawn then, and the values as read stay for the next band.

use std::sync::Arc;

use eframe::egui_wgpu::RenderState;
use eframe::{egui, wgpu};
use vitrine_core::project::{PatchId, Pixels};

use super::band_pass::{self, Band, BandPass, Patch, all_layers};
use super::cell::{Cell, Preparation, Range, Scales};
use super::grid::{GridCallback, GridLook, GridPipeline, Instance};
use super::loader::{Loader, Measure, Task};
use super::lru::Slots;

/// Memory of all pages, bytes.
const MEMORY: usize = 96 << 20;
/// Side of a page, texels; every device has it.
const PAGE: usize = 2048;
/// Cells handed to the device in one frame, at most.
const CELLS_A_FRAME: usize = 96;
/// Bytes handed to the device in one frame, at most.
const BYTES_A_FRAME: usize = 4 << 20;
/// Cells on the pages, at most; more very small ones would fit than anybody looks at.
const SLOTS: usize = 1 << 18;

/// Where the cells come from.
#[derive(Clone)]
pub struct PageSource {
    /// Number of the project; another number, other pixels.
    pub generation: u64,
    /// The pixels.
    pub pixels: Arc<Pixels>,
    /// Å per px.
    pub scales: Arc<Scales>,
    /// How cells are made.
    pub how: Preparation,
}

impl PageSource {
    /// Whether the same cells are read for both.
    fn same_cells(&self, other: &Self) -> bool {
        self.generation == other.generation
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
    /// Its slot.
    pub slot: u32,
    /// Where its values lie. The ends in it are those of the pixels as read.
    pub range: Range,
    /// Whether its ends are measured on the device instead.
    pub measured: bool,
}

/// What there is of a patch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    /// All.
    There(Spot),
    /// It was read; its band comes in one of the next frames.
    Unfiltered,
    /// Nothing.
    Missing,
}

/// A patch in a slot.
#[derive(Debug, Clone, Copy)]
struct Held {
    range: Range,
    finite: bool,
    /// Number of the band that its filtered values are of; 0 for none.
    band: u64,
}

/// Geometry of cells on pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    /// Side of a cell, texels.
    cell: usize,
    /// Cells in a row of a page.
    across: usize,
    /// Pages, at most.
    pages: usize,
}

impl Layout {
    fn new(cell: usize) -> Self {
        let cell = cell.clamp(1, PAGE);
        let across = PAGE / cell;
        Self { cell, across, pages: (MEMORY / (PAGE * PAGE * 2)).clamp(1, 256) }
    }

    fn slots(self) -> usize {
        (self.a_page() * self.pages).min(SLOTS)
    }

    fn a_page(self) -> usize {
        self.across * self.across
    }

    /// Texels from the left and top of its page, and the page.
    fn place(self, slot: u32) -> [usize; 3] {
        let slot = slot as usize;
        let (page, within) = (slot / self.a_page(), slot % self.a_page());
        [within % self.across * self.cell, within / self.across * self.cell, page]
    }
}

/// The largest block of pixels that may be averaged into one for patches of `size` px drawn with
/// `side` px, so that no detail the screen could show is lost and a cell fits on a page.
pub fn bin_for(size: usize, side: f32) -> usize {
    let mut bin = 1;
    while size / (bin * 2) >= (side.ceil() as usize).max(1) || size.div_ceil(bin) > PAGE {
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
    held: Vec<Held>,
    texture: wgpu::Texture,
    bind_group: Option<wgpu::BindGroup>,
    /// Side of the largest cell that the device filters, texels, 0 where it cannot; else the loader does.
    filters: usize,
    band_pass: Option<BandPass>,
    /// Counts up with every band.
    band: u64,
    /// Share of values cut off at each end, percent, where the device measures.
    cut: f32,
    /// Patches to be filtered before this frame is drawn, and the work left for more.
    due: Vec<Patch>,
    work_left: u64,
    /// Patches that have another band and could do with this one: number of theirs, work.
    outdated: Vec<(u64, u64, Patch)>,
    /// Whether patches asked for in this frame wait for a next one to be filtered.
    behind: bool,
    look_buffer: wgpu::Buffer,
    instance_buffer: wgpu::Buffer,
    /// Patches asked for that are not there yet.
    coming: usize,
    linear: bool,
}

fn texture(device: &wgpu::Device, pages: usize) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("pages of patches"),
        size: wgpu::Extent3d { width: PAGE as u32, height: PAGE as u32, depth_or_array_layers: pages as u32 },
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
    /// Empty pages on the window's device.
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
            held: Vec::new(),
            texture: texture(device, layout.pages),
            bind_group: None,
            filters: if band_pass::supported(state) { band_pass::largest(state) } else { 0 },
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

    /// Begins a frame: what is prepared goes to the device. Another source empties the pages, another band
    /// does not.
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
            self.held.clear();
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
        for cell in self.loader.take(CELLS_A_FRAME.min(BYTES_A_FRAME / bytes.max(1)).max(1)) {
            self.upload(&cell);
        }
    }

    /// The band that the device shall show, if it can, and what is then to be read.
    fn to_read(&self, mut source: PageSource) -> (Option<[f32; 2]>, PageSource) {
        let cell = source.how.side(source.pixels.size());
        let band = source.how.band.filter(|_| cell <= self.filters);
        if band.is_some() {
            source.how.band = None;
            // Ends are measured after the filter, so the pages need no others.
            if let Some(known) = &self.source {
                source.how.cut = known.how.cut;
            }
        }
        (band, source)
    }

    fn set_band(&mut self, periods: Option<[f32; 2]>) {
        // What was asked for in a frame that was not drawn.
        for patch in self.due.drain(..) {
            if let Some(held) = self.held.get_mut(patch.slot as usize) {
                held.band = 0;
            }
        }
        self.outdated.clear();
        self.behind = false;
        self.work_left = band_pass::work_a_frame(&self.state);
        let (Some(periods), Some(source)) = (periods, &self.source) else {
            if self.band_pass.take().is_some() {
                self.bind_group = None;
                self.held.iter_mut().for_each(|held| held.band = 0);
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
                self.band_pass = Some(BandPass::new(&self.state, band, PAGE, pages, slots));
                self.bind_group = None;
                self.band += 1;
            }
        }
    }

    /// What there is of a patch. Asking keeps it, and has it filtered.
    pub fn find(&mut self, patch: PatchId) -> Found {
        let Some(slot) = self.slots.get(patch) else { return Found::Missing };
        let Some(&held) = self.held.get(slot as usize) else { return Found::Missing };
        let Held { range, finite, band } = held;
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
        // A band takes the mean away.
        let mean = if finite { 0.0 } else { range.mean };
        Found::There(Spot { place, slot, range: Range { mean, ..range }, measured: true })
    }

    /// Has a patch filtered before this frame is drawn, if there is time: one in any case, however large.
    fn filter(&mut self, work: u64, patch: Patch) -> bool {
        if work > self.work_left && !self.due.is_empty() {
            self.behind = true;
            return false;
        }
        self.work_left = self.work_left.saturating_sub(work);
        if let Some(held) = self.held.get_mut(patch.slot as usize) {
            held.band = self.band;
        }
        self.due.push(patch);
        true
    }

    /// Gives the time that is left to patches shown with another band, the oldest first: while a band is
    /// dragged none is left out for long.
    fn renew(&mut self) {
        let mut outdated = std::mem::take(&mut self.outdated);
        outdated.sort_by_key(|(band, ..)| *band);
        for (_, work, patch) in outdated {
            if !self.filter(work, patch) {
                break;
            }
        }
    }

    /// Says, after the last [`find`](Self::find) of a frame, which patches are missing, the most urgent first,
    /// instead of those said before.
    pub fn want(&mut self, patches: Vec<PatchId>) {
        self.renew();
        self.coming = self.loader.want(patches);
    }

    /// Whether a patch is on the pages.
    pub fn holds(&self, patch: PatchId) -> bool {
        self.slots.contains(patch)
    }

    /// How many patches are still to come.
    pub fn coming(&self) -> usize {
        self.coming
    }

    /// Whether patches wait for a next frame to be filtered.
    pub fn behind(&self) -> bool {
        self.behind
    }

    /// Ends of the window for all patches, once measured.
    pub fn window(&self) -> Option<(f32, f32)> {
        self.loader.window()
    }

    /// Side of a cell and of a page, texels.
    pub fn sides(&self) -> (f32, f32) {
        (self.layout.cell as f32, PAGE as f32)
    }

    /// Whether colours must be given linear.
    pub fn linear(&self) -> bool {
        self.linear
    }

    /// What draws `patches`.
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
        let held = Held { range: cell.range, finite: cell.finite, band: 0 };
        match self.held.get_mut(slot as usize) {
            Some(before) => *before = held,
            None => self.held.push(held),
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
