//! Where a run computes: the CPU through Burn's flex backend, or a GPU through wgpu.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, DeviceKind};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::remedy::Remedy;

/// Version of Burn, as in the workspace's manifest, because Burn itself does not say. A test of the program compares it with
/// the lock file.
pub const BURN_VERSION: &str = "0.22.1";

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first real GPU, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number in [`list`]. A software rasteriser counts only when asked for by its
    /// number.
    Gpu(usize),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |n: &str| n.parse::<usize>().ok().map(Self::Gpu);
        match text {
            "auto" => Ok(Self::Auto),
            CPU => Ok(Self::Cpu),
            GPU => Ok(Self::Gpu(0)),
            _ => text.strip_prefix(GPU).and_then(|rest| rest.strip_prefix(':')).and_then(number).ok_or_else(
                || {
                    Error::request(
                        format!("'{text}' is no device; a device is auto, cpu, gpu or gpu:N"),
                        Remedy::ChooseDevice,
                    )
                },
            ),
        }
    }
}

/// The id of the CPU.
const CPU: &str = "cpu";
/// How the id and the description of a GPU begin.
const GPU: &str = "gpu";

/// One device as it is shown in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// What [`DeviceChoice`] reads: "cpu", "gpu:0".
    pub id: String,
    /// The name the hardware gives itself.
    pub name: String,
    /// "CPU", "discrete GPU", "integrated GPU", "virtual GPU", "software rasteriser", "other".
    pub kind: &'static str,
    /// "flex", "Vulkan", "Metal", …
    pub backend: String,
    /// Driver name and version, where the system tells.
    pub driver: String,
    /// Whether `auto` may choose it.
    pub eligible: bool,
}

impl DeviceInfo {
    /// Whether it is the CPU.
    pub fn is_cpu(&self) -> bool {
        self.id == CPU
    }
}

struct Gpu {
    info: wgpu::AdapterInfo,
    kind: DeviceKind,
}

/// The adapters in the order of the first graphics API that has any, numbered as Burn numbers them:
/// each kind counts from zero.
fn gpus() -> Vec<Gpu> {
    let apis: &[wgpu::Backends] = if cfg!(target_os = "macos") {
        &[wgpu::Backends::METAL]
    } else if cfg!(windows) {
        &[wgpu::Backends::VULKAN, wgpu::Backends::DX12]
    } else {
        &[wgpu::Backends::VULKAN]
    };
    let mut software = Vec::new();
    for &api in apis {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: api,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let adapters = pollster::block_on(instance.enumerate_adapters(api));
        let mut count = [0usize; 3];
        let mut next = |slot: usize| {
            count[slot] += 1;
            count[slot] - 1
        };
        let found: Vec<Gpu> = adapters
            .iter()
            .filter_map(|adapter| {
                let info = adapter.get_info();
                let kind = match info.device_type {
                    wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(next(0)),
                    wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(next(1)),
                    wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu(next(2)),
                    wgpu::DeviceType::Cpu => DeviceKind::Cpu,
                    // Burn has no number for these; the default device is the only way to them.
                    wgpu::DeviceType::Other => return None,
                };
                Some(Gpu { info, kind })
            })
            .collect();
        if found.iter().any(|gpu| gpu.info.device_type != wgpu::DeviceType::Cpu) {
            return given(found);
        }
        if software.is_empty() {
            software = found;
        }
    }
    software
}

/// The vendor number of NVIDIA on the PCI bus.
const NVIDIA: u32 = 0x10de;

/// The GPUs that a scheduler has given this process: those of NVIDIA as `CUDA_VISIBLE_DEVICES` says, and all others.
fn given(found: Vec<Gpu>) -> Vec<Gpu> {
    let Some(variable) = std::env::var_os("CUDA_VISIBLE_DEVICES") else { return found };
    let nvidia: Vec<(usize, String)> = found
        .iter()
        .enumerate()
        .filter(|(_, gpu)| gpu.info.vendor == NVIDIA)
        .map(|(at, gpu)| (at, gpu.info.device_pci_bus_id.clone()))
        .collect();
    let kept = visible(&variable.to_string_lossy(), &nvidia);
    let hidden = |at: usize| nvidia.iter().any(|(known, _)| *known == at) && !kept.contains(&at);
    found.into_iter().enumerate().filter(|(at, _)| !hidden(*at)).map(|(_, gpu)| gpu).collect()
}

/// Which of NVIDIA's GPUs `CUDA_VISIBLE_DEVICES` names; each has its place in a list and its place on the PCI bus, by
/// which CUDA numbers GPUs of one kind. Where the system shows no more than are named, the scheduler has hidden the
/// others already, and the numbers may be those of the whole machine.
fn visible(variable: &str, nvidia: &[(usize, String)]) -> Vec<usize> {
    let mut by_bus: Vec<&(usize, String)> = nvidia.iter().collect();
    by_bus.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(&b.0)));
    let all = || by_bus.iter().map(|(at, _)| *at).collect();
    // CUDA stops at the first that is no number of a device.
    let words: Vec<&str> = variable.split(',').map(str::trim).collect();
    // Graphics drivers do not tell the names that these begin.
    if words.iter().any(|word| word.starts_with("GPU-") || word.starts_with("MIG-")) {
        tracing::warn!(variable, "CUDA_VISIBLE_DEVICES names GPUs by UUID, which cannot be followed");
        return all();
    }
    let numbers: Vec<usize> = words.iter().map_while(|word| word.parse().ok()).collect();
    if !numbers.is_empty() && by_bus.len() <= numbers.len() {
        return all();
    }
    numbers.iter().filter_map(|&number| by_bus.get(number)).map(|(at, _)| *at).collect()
}

fn is_software(gpu: &Gpu) -> bool {
    gpu.info.device_type == wgpu::DeviceType::Cpu
}

fn kind_name(kind: wgpu::DeviceType) -> &'static str {
    match kind {
        wgpu::DeviceType::DiscreteGpu => "discrete GPU",
        wgpu::DeviceType::IntegratedGpu => "integrated GPU",
        wgpu::DeviceType::VirtualGpu => "virtual GPU",
        wgpu::DeviceType::Cpu => "software rasteriser",
        wgpu::DeviceType::Other => "other",
    }
}

fn cpu_name() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// All devices of this machine, the CPU first, then what wgpu finds.
pub fn list() -> Vec<DeviceInfo> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut devices = vec![DeviceInfo {
        id: CPU.to_owned(),
        name: format!("{} ({threads} threads)", cpu_name()),
        kind: "CPU",
        backend: "flex".to_owned(),
        driver: String::new(),
        eligible: true,
    }];
    for (number, gpu) in gpus().iter().enumerate() {
        devices.push(DeviceInfo {
            id: format!("{GPU}:{number}"),
            name: gpu.info.name.clone(),
            kind: kind_name(gpu.info.device_type),
            backend: gpu.info.backend.to_string(),
            driver: format!("{} {}", gpu.info.driver, gpu.info.driver_info).trim().to_owned(),
            eligible: !is_software(gpu),
        });
    }
    devices
}

/// Sets the number of threads, in place of the number of cores of the machine. It is called before
/// anything is computed.
///
/// # Errors
/// When something was computed already.
pub fn use_threads(threads: usize) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|e| Error::defect(format!("the number of threads could not be set: {e}")))
}

/// A training step frees what the next one allocates again. Left to itself the C library hands such
/// blocks back to the system each time, and fresh pages take a fifth of a step.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        // SAFETY: `mallopt` with documented parameters and values; it may be called at any time.
        ONCE.call_once(|| unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 30);
            libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        });
    }
}

/// A device that was opened for computing.
#[derive(Debug, Clone)]
pub struct ComputeDevice {
    /// Burn's handle, without automatic differentiation.
    pub inner: Device,
    /// What the run records: "cpu (flex): NAME" or "gpu:0 (Vulkan): NAME".
    pub description: String,
    /// Whether it is the CPU.
    pub is_cpu: bool,
}

impl fmt::Display for ComputeDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

impl ComputeDevice {
    /// Whether a run that recorded this [`ComputeDevice::description`] computed on a GPU.
    pub fn described_a_gpu(description: &str) -> bool {
        description.starts_with(GPU)
    }

    /// The CPU, always there.
    pub fn cpu() -> Self {
        keep_freed_memory();
        Self { inner: Device::flex(), description: format!("cpu (flex): {}", cpu_name()), is_cpu: true }
    }

    /// Opens the device asked for.
    ///
    /// # Errors
    /// When a GPU is asked for by number and there is none of that number.
    pub fn open(choice: DeviceChoice) -> Result<Self> {
        let open = |number: usize, gpu: &Gpu| Self {
            inner: Device::wgpu(gpu.kind.clone()),
            description: format!("{GPU}:{number} ({}): {}", gpu.info.backend, gpu.info.name),
            is_cpu: false,
        };
        match choice {
            DeviceChoice::Cpu => Ok(Self::cpu()),
            DeviceChoice::Auto => {
                let gpus = gpus();
                let real = gpus.iter().enumerate().find(|(_, gpu)| !is_software(gpu));
                Ok(real.map_or_else(Self::cpu, |(number, gpu)| open(number, gpu)))
            }
            DeviceChoice::Gpu(number) => {
                let gpus = gpus();
                gpus.get(number).map(|gpu| open(number, gpu)).ok_or_else(|| {
                    Error::request(
                        format!("there is no GPU number {number}: wgpu finds {} on this machine", gpus.len()),
                        Remedy::ChooseDevice,
                    )
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn the_gpus_that_a_scheduler_gave_are_chosen_by_their_place_on_the_bus() {
        // The graphics driver lists them in another order than the bus has them.
        let bus = ["0000:81:00.0", "0000:01:00.0", "0000:41:00.0"];
        let three: Vec<(usize, String)> = bus.iter().map(|bus| (*bus).to_owned()).enumerate().collect();
        assert_eq!(visible("0", &three), [1]);
        assert_eq!(visible("2,1", &three), [0, 2]);
        // Nothing is given.
        assert!(visible("", &three).is_empty() && visible("-1", &three).is_empty());
        assert!(visible("NoDevFiles", &three).is_empty());
        // The system hides the others already; the number is that of the whole machine.
        assert_eq!(visible("3", &three[..1]), [0]);
        assert_eq!(visible("0,1,2", &three), [1, 2, 0]);
        assert_eq!(visible("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", &three).len(), 3);
        assert!(visible("0", &[]).is_empty());
    }
}
