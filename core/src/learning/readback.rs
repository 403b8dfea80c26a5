//! Reads values back from the device for several steps at once.
//!
//! Reading a value back stalls the GPU queue: nothing new is submitted while the host waits. No step needs what
//! the host read of the step before. So steps keep their values on the device until several are read together.

use burn::tensor::Tensor;

use crate::learning::network::weights::to_vec;

/// Steps that a GPU makes between two readbacks.
const READBACK_INTERVAL: usize = 8;

/// A step whose values lie on the device.
pub(crate) trait DeviceValues {
    /// The values. [`PendingReadback::read`] returns them in this order.
    fn tensors(&self) -> Vec<Tensor<1>>;
}

/// Steps whose values have not been read yet.
pub(crate) struct PendingReadback<T> {
    steps: Vec<T>,
}

impl<T> Default for PendingReadback<T> {
    fn default() -> Self {
        Self { steps: Vec::new() }
    }
}

impl<T: DeviceValues> PendingReadback<T> {
    /// Adds a step.
    pub fn push(&mut self, step: T) {
        self.steps.push(step);
    }

    /// Whether enough steps are pending to read them.
    pub fn is_due(&self) -> bool {
        self.steps.len() >= READBACK_INTERVAL
    }

    /// Reads all pending steps in one transfer. Returns each step with its values, one `Vec` for each tensor.
    pub fn read(&mut self) -> Vec<(T, Vec<Vec<f32>>)> {
        let steps = std::mem::take(&mut self.steps);
        let tensors: Vec<Vec<Tensor<1>>> = steps.iter().map(DeviceValues::tensors).collect();
        let all: Vec<Tensor<1>> = tensors.iter().flatten().cloned().collect();
        if all.is_empty() {
            return Vec::new();
        }
        let mut values = to_vec(Tensor::cat(all, 0)).into_iter();
        let mut of = |tensor: &Tensor<1>| values.by_ref().take(tensor.dims()[0]).collect();
        let values: Vec<Vec<Vec<f32>>> =
            tensors.iter().map(|step| step.iter().map(&mut of).collect()).collect();
        steps.into_iter().zip(values).collect()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::device::ComputeDevice;

    struct Step(Vec<Vec<f32>>);

    impl DeviceValues for Step {
        fn tensors(&self) -> Vec<Tensor<1>> {
            let device = ComputeDevice::cpu().inner;
            let tensor = |v: &Vec<f32>| Tensor::from_data(TensorData::new(v.clone(), [v.len()]), &device);
            self.0.iter().map(tensor).collect()
        }
    }

    #[test]
    fn steps_are_read_together_and_once() {
        let steps = [vec![vec![1.0], vec![2.0, 3.0]], vec![vec![4.0, 5.0, 6.0]]];
        let mut pending = PendingReadback::default();
        assert!(pending.read().is_empty(), "nothing is pending");
        steps.iter().for_each(|values| pending.push(Step(values.clone())));
        assert!(!pending.is_due(), "two of {READBACK_INTERVAL}");
        let read: Vec<_> = pending.read().into_iter().map(|(_, values)| values).collect();
        assert_eq!(read, steps);
        assert!(pending.read().is_empty(), "a step is read once");
        (0..READBACK_INTERVAL).for_each(|_| pending.push(Step(vec![vec![0.0]])));
        assert!(pending.is_due());
    }
}
