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
            "cpu" => Ok(Self::Cpu),
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

/// How the id and the description of a GPU begin.
const GPU: &str = "gpu";

/// One device as it is shown in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// What to pass to `--device`.
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
            return found;
        }
        if software.is_empty() {
            software = found;
        }
    }
    software
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
        id: "cpu".to_owned(),
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
    /// Whether it is a GPU.
    pub const fn is_gpu(&self) -> bool {
        !self.is_cpu
    }

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
