//! Weights by name: from a network on a device to plain arrays, and back.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

/// The two methods by which a visitor or mapper of modules keeps `self.path`: the names of the modules around a weight,
/// the weight's own included.
macro_rules! track_path {
    () => {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.pop();
        }
    };
}
pub(crate) use track_path;

/// One tensor on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
}

impl NamedTensor {
    /// Copies a tensor to the host.
    pub fn from_tensor<const D: usize>(tensor: Tensor<D>) -> Self {
        Self { shape: tensor.dims().to_vec(), values: to_vec(tensor) }
    }
}

/// Tensors by name, e.g. `block1.conv.weight`.
pub type NamedTensors = BTreeMap<String, NamedTensor>;

/// Copies a float tensor to the host as f32, whatever its element type on the device.
pub fn to_vec<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data_as::<f32>();
    data.as_slice::<f32>().map(<[f32]>::to_vec).unwrap_or_default()
}

/// All weights and running statistics of a network in validation form ([`Module::valid`]).
pub fn extract<M: Module>(module: &M) -> NamedTensors {
    struct Collect {
        path: Vec<String>,
        out: NamedTensors,
    }
    impl ModuleVisitor for Collect {
        track_path!();
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.out.insert(self.path.join("."), NamedTensor::from_tensor(param.val().inner()));
        }
    }
    let mut collect = Collect { path: Vec::new(), out: NamedTensors::new() };
    module.visit(&mut collect);
    collect.out
}

/// Puts weights into a network of the same structure, in validation form or not.
///
/// # Errors
/// A sentence that names the first weight that is missing or has another shape.
pub fn load<M: Module>(module: M, weights: &NamedTensors) -> Result<M, String> {
    struct Load<'a> {
        path: Vec<String>,
        weights: &'a NamedTensors,
        problem: Option<String>,
        used: usize,
    }
    impl ModuleMapper for Load<'_> {
        track_path!();
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = self.path.join(".");
            let (id, tensor, mapper) = param.consume();
            let dims = tensor.dims();
            let tensor = match self.weights.get(&name) {
                Some(found) if found.shape == dims => {
                    self.used += 1;
                    let loaded =
                        Tensor::<D>::from_data(TensorData::new(found.values.clone(), dims), &tensor.device());
                    loaded.set_require_grad(tensor.is_require_grad())
                }
                Some(found) => {
                    self.problem.get_or_insert_with(|| {
                        format!("weight {name} has shape {:?}, the network needs {dims:?}", found.shape)
                    });
                    tensor
                }
                None => {
                    self.problem.get_or_insert_with(|| format!("weight {name} is missing"));
                    tensor
                }
            };
            Param::from_mapped_value(id, tensor, mapper)
        }
    }
    let mut loader = Load { path: Vec::new(), weights, problem: None, used: 0 };
    let module = module.map(&mut loader);
    match loader.problem {
        Some(problem) => Err(problem),
        None if loader.used != weights.len() => {
            Err(format!("the network has no place for {} of the weights", weights.len() - loader.used))
        }
        None => Ok(module),
    }
}
