//! Mirror images of patches.

use burn::backend::Flex;
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::ops::{made, on_cpu, primitive, values};

/// Images (N×C×H×W), each mirrored along its rows and its columns, as asked. Burn's CPU backend reads a mirrored tensor
/// value by value.
pub fn mirrored(images: &Tensor<4>, rows: bool, columns: bool) -> Tensor<4> {
    if !on_cpu(images) {
        return match (rows, columns) {
            (true, true) => images.clone().flip([2, 3]),
            (true, false) => images.clone().flip([2]),
            (false, true) => images.clone().flip([3]),
            (false, false) => images.clone(),
        };
    }
    let [n, channels, height, width] = images.dims();
    let source = primitive(images.clone());
    let mut out = vec![0.0; n * channels * height * width];
    let (to, from) = (out.par_chunks_mut(height * width), values(&source).par_chunks(height * width));
    to.zip(from).for_each(|(to, from)| {
        for (row, to) in to.chunks_exact_mut(width).enumerate() {
            let row = if rows { height - 1 - row } else { row };
            to.copy_from_slice(&from[row * width..][..width]);
            if columns {
                to.reverse();
            }
        }
    });
    Tensor::from_primitive::<Flex>(made(out, [n, channels, height, width]))
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::device::ComputeDevice;

    #[test]
    fn mirrors_what_burn_mirrors() {
        let values: Vec<f32> = (0..2 * 3 * 4 * 5).map(|i| i as f32).collect();
        let device = ComputeDevice::cpu().inner;
        let images = Tensor::<4>::from_data(TensorData::new(values, [2, 3, 4, 5]), &device);
        let burn = [
            (true, false, images.clone().flip([2])),
            (false, true, images.clone().flip([3])),
            (true, true, images.clone().flip([2, 3])),
            (false, false, images.clone()),
        ];
        for (rows, columns, wanted) in burn {
            mirrored(&images, rows, columns).into_data().assert_eq(&wanted.into_data(), true);
        }
    }
}
