//! The teacher: an exponential moving average of the student's weights.

use std::any::Any;
use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::learning::config::TeacherConfig;
use crate::learning::network::kernels;

/// The share of the old average kept at a step (counted from 1): with warm-up
/// min(decay, (1 + step)/(10 + step)), so that the first steps do not stick.
pub fn decay_at(config: &TeacherConfig, step: u64) -> f64 {
    if config.decay_warm_up {
        config.decay.min((1.0 + step as f64) / (10.0 + step as f64))
    } else {
        config.decay
    }
}

/// Moves `teacher` towards `student`: t ← d·t + (1 − d)·s. Both in validation form. Running
/// statistics of batch normalisation are averaged like weights, so that they belong to the averaged
/// weights and not to the student of the last step.
pub fn update<M: Module>(teacher: M, student: &M, decay: f64) -> M {
    struct Collect(VecDeque<Box<dyn Any>>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push_back(Box::new(param.val().inner()));
        }
    }
    struct Blend {
        student: VecDeque<Box<dyn Any>>,
        decay: f64,
    }
    impl ModuleMapper for Blend {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, tensor, mapper) = param.consume();
            let student = self.student.pop_front().and_then(|s| s.downcast::<Tensor<D>>().ok());
            let blended = match student {
                Some(student) if kernels::on_cpu(&tensor) && kernels::on_cpu(&student) => {
                    kernels::blend(tensor, *student, self.decay)
                }
                Some(student) => tensor * self.decay + *student * (1.0 - self.decay),
                // Same type, same order: both networks come from one constructor.
                None => tensor,
            };
            Param::from_mapped_value(id, blended, mapper)
        }
    }
    let mut collect = Collect(VecDeque::new());
    student.visit(&mut collect);
    teacher.map(&mut Blend { student: collect.0, decay })
}
