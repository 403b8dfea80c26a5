//! Holds the pixels of a run: in memory, on the device, or read for every batch.

use std::fmt;
use std::sync::Arc;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use half::f16;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::normalise::Affine;

/// A source from which normalised patches are read when they are needed.
pub trait PatchSource: Send + Sync {
    /// Number of patches.
    fn count(&self) -> usize;

    /// Reads a normalised patch into `out` (S×S).
    ///
    /// # Errors
    /// When the patch can no longer be read.
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()>;
}

/// Patches of a source with 16 bits per pixel, not normalised. They are normalised when they are read, so that no
/// precision is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct HalfPatches {
    /// Pixels as imported (N×S×S).
    pub raw: Vec<f16>,
    /// The map that normalises each patch (N).
    pub maps: Vec<Affine>,
}

/// The patches of a run (N×S×S).
#[derive(Clone)]
pub enum PatchStore {
    /// Normalised, in memory.
    InMemory(Arc<Vec<f32>>),
    /// In memory with 16 bits per pixel, which takes half the space.
    Half(Arc<HalfPatches>),
    /// Read for every batch, because all patches together do not fit into memory.
    Streamed(Arc<dyn PatchSource>),
}

impl fmt::Debug for PatchStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InMemory(pixels) => write!(f, "{} values in memory", pixels.len()),
            Self::Half(patches) => write!(f, "{} patches in memory, in 16 bits", patches.maps.len()),
            Self::Streamed(source) => write!(f, "{} patches read batch by batch", source.count()),
        }
    }
}

impl From<HalfPatches> for PatchStore {
    fn from(patches: HalfPatches) -> Self {
        Self::Half(Arc::new(patches))
    }
}

impl From<Vec<f32>> for PatchStore {
    fn from(pixels: Vec<f32>) -> Self {
        Self::InMemory(Arc::new(pixels))
    }
}

impl PatchStore {
    /// Number of patches of `area` px; `None` when the values in memory are not a whole number of patches.
    pub fn count(&self, area: usize) -> Option<usize> {
        match self {
            Self::InMemory(pixels) => (area > 0 && pixels.len() % area == 0).then(|| pixels.len() / area),
            Self::Half(patches) => {
                (patches.raw.len() == patches.maps.len() * area).then_some(patches.maps.len())
            }
            Self::Streamed(source) => Some(source.count()),
        }
    }

    /// Reads a normalised patch into `out` (S×S).
    ///
    /// # Errors
    /// When the patch does not exist or cannot be read.
    pub fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        let missing = || Error::defect(format!("there is no patch {index} in this run"));
        let place = index * out.len()..(index + 1) * out.len();
        match self {
            Self::Streamed(source) => source.read(index, out),
            Self::InMemory(pixels) => {
                out.copy_from_slice(pixels.get(place).ok_or_else(missing)?);
                Ok(())
            }
            Self::Half(patches) => {
                let raw = patches.raw.get(place).ok_or_else(missing)?;
                let map = patches.maps.get(index).ok_or_else(missing)?;
                out.iter_mut().zip(raw).for_each(|(value, raw)| *value = map.apply(raw.to_f32()));
                Ok(())
            }
        }
    }

    /// Bytes of pixels in memory.
    fn bytes(&self) -> usize {
        match self {
            Self::InMemory(pixels) => size_of_val(pixels.as_slice()),
            Self::Half(patches) => size_of_val(patches.raw.as_slice()),
            Self::Streamed(_) => 0,
        }
    }
}

/// Largest pool that is uploaded to a GPU, bytes. GPUs bind buffers of at most 2 GiB, and the rest of a run needs
/// memory too.
const MAX_ON_DEVICE: usize = 1 << 30;

/// The patches of a run, ready for its device. A GPU holds pools of up to 1 GiB and gathers batches itself. For the
/// CPU, and for larger pools, each batch is read on the host.
pub struct DevicePool {
    pixels: Placement,
    size: usize,
    /// Where patches go.
    pub(in crate::learning) device: Device,
}

enum Placement {
    /// N×S².
    OnDevice(Box<Tensor<2>>),
    HalfOnDevice(Box<HalfOnDevice>),
    OnHost(PatchStore),
}

/// [`HalfPatches`] on a device.
struct HalfOnDevice {
    /// N×S², 16 bits.
    raw: Tensor<2>,
    /// Offset and 1/scale of each patch: N×1.
    maps: [Tensor<2>; 2],
}

impl fmt::Debug for DevicePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pixels {
            Placement::OnDevice(_) => write!(f, "all patches on the device"),
            Placement::HalfOnDevice(_) => write!(f, "all patches on the device, in 16 bits"),
            Placement::OnHost(store) => write!(f, "{store:?}, uploaded batch by batch"),
        }
    }
}

impl DevicePool {
    /// Makes patches of `size`×`size` px ready for a device.
    pub fn new(store: &PatchStore, size: usize, device: &ComputeDevice) -> Self {
        let max_bytes = if device.is_cpu { 0 } else { MAX_ON_DEVICE };
        Self::with_limit(store, size, &device.inner, max_bytes)
    }

    /// As [`Self::new`], with the limit up to which the pool is uploaded, bytes.
    fn with_limit(store: &PatchStore, size: usize, device: &Device, max_bytes: usize) -> Self {
        let area = size * size;
        let pixels = match store {
            store if store.bytes() > max_bytes => Placement::OnHost(store.clone()),
            PatchStore::InMemory(values) => {
                let data = TensorData::new(values.to_vec(), [values.len() / area, area]);
                Placement::OnDevice(Box::new(Tensor::from_data(data, device)))
            }
            PatchStore::Half(patches) if device.supports_dtype(DType::F16) => {
                let count = patches.maps.len();
                let data = TensorData::new(patches.raw.clone(), [count, area]);
                let map = |of: fn(&Affine) -> f64| {
                    let values: Vec<f32> = patches.maps.iter().map(|map| of(map) as f32).collect();
                    Tensor::from_data(TensorData::new(values, [count, 1]), device)
                };
                Placement::HalfOnDevice(Box::new(HalfOnDevice {
                    raw: Tensor::from_data(data, (device, DType::F16)),
                    maps: [map(|map| map.offset), map(|map| map.scale.recip())],
                }))
            }
            store => Placement::OnHost(store.clone()),
        };
        Self { pixels, size, device: device.clone() }
    }

    /// Patches by index as N×1×S×S.
    ///
    /// # Errors
    /// When a patch cannot be read.
    pub fn gather(&self, indices: &[usize]) -> Result<Tensor<4>> {
        let (count, size) = (indices.len(), self.size);
        let on_device = || {
            let indices: Vec<i64> = indices.iter().map(|&i| i as i64).collect();
            Tensor::<1, Int>::from_data(TensorData::new(indices, [count]), &self.device)
        };
        Ok(match &self.pixels {
            Placement::OnDevice(pixels) => {
                Tensor::clone(pixels).select(0, on_device()).reshape([count, 1, size, size])
            }
            Placement::HalfOnDevice(half) => {
                let indices = on_device();
                let raw = half.raw.clone().select(0, indices.clone()).cast(DType::F32);
                let [offset, factor] = half.maps.clone().map(|map| map.select(0, indices.clone()));
                ((raw - offset) * factor).reshape([count, 1, size, size])
            }
            Placement::OnHost(store) => {
                let mut values = vec![0.0; count * size * size];
                for (&index, patch) in indices.iter().zip(values.chunks_exact_mut(size * size)) {
                    store.read(index, patch)?;
                }
                Tensor::from_data(TensorData::new(values, [count, 1, size, size]), &self.device)
            }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learning::network::weights::to_vec;

    /// Two patches of 2×2 px; the third cannot be read.
    struct Torn;

    impl PatchSource for Torn {
        fn count(&self) -> usize {
            3
        }

        fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
            if index > 1 {
                return Err(Error::request("the disk is gone", "plug it in"));
            }
            out.iter_mut().enumerate().for_each(|(at, v)| *v = (4 * index + at) as f32);
            Ok(())
        }
    }

    #[test]
    fn a_batch_is_the_same_wherever_the_pixels_lie() {
        let device = ComputeDevice::cpu();
        let held = PatchStore::from((0..8).map(|v| v as f32).collect::<Vec<_>>());
        let streamed = PatchStore::Streamed(Arc::new(Torn));
        let batch = |pool: DevicePool| to_vec(pool.gather(&[1, 0, 1]).unwrap().reshape([12]));
        let expected = [4.0, 5.0, 6.0, 7.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        assert_eq!(batch(DevicePool::new(&held, 2, &device)), expected);
        assert_eq!(batch(DevicePool::with_limit(&held, 2, &device.inner, 32)), expected, "on the device");
        let too_large = DevicePool::with_limit(&held, 2, &device.inner, 31);
        assert!(matches!(too_large.pixels, Placement::OnHost(_)));
        assert_eq!(batch(too_large), expected);
        assert_eq!(batch(DevicePool::new(&streamed, 2, &device)), expected);
    }

    #[test]
    fn sixteen_bits_give_the_values_that_normalising_gives() {
        let raw: Vec<f16> = [100.5, 98.0, 101.25, 99.0, 7.0, 7.0, 7.0, 7.0].map(f16::from_f32).to_vec();
        let maps =
            vec![Affine { offset: 99.6875, scale: 1.25 }, Affine { offset: 7.0, scale: f64::INFINITY }];
        let store = PatchStore::from(HalfPatches { raw, maps });
        assert_eq!((store.count(4), store.count(5), store.bytes()), (Some(2), None, 16));
        let expected = [0.0, 0.0, 0.0, 0.0, 0.65, -1.35, 1.25, -0.55];
        let device = ComputeDevice::cpu();
        let most = if device.inner.supports_dtype(DType::F16) { [0, 16] } else { [0, 0] };
        for most in most {
            let pool = DevicePool::with_limit(&store, 2, &device.inner, most);
            assert_eq!(matches!(pool.pixels, Placement::HalfOnDevice(_)), most > 0);
            let batch = to_vec(pool.gather(&[1, 0]).unwrap().reshape([8]));
            assert!(batch.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{batch:?}");
        }
        assert!(DevicePool::new(&store, 2, &device).gather(&[2]).is_err());
    }

    #[test]
    fn a_patch_that_cannot_be_read_is_an_error() {
        let device = ComputeDevice::cpu();
        let pool = DevicePool::new(&PatchStore::Streamed(Arc::new(Torn)), 2, &device);
        assert!(pool.gather(&[2]).unwrap_err().to_string().contains("the disk is gone"));
        let held = PatchStore::from(vec![0.0; 8]);
        assert_eq!((held.count(4), held.count(3)), (Some(2), None));
        assert!(DevicePool::new(&held, 2, &device).gather(&[2]).is_err());
    }
}
