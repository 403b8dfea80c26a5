//! The teacher: an exponential moving average of the student's weights.

use std::any::Any;
use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::learning::config::TeacherConfig;
use crate::learning::network::kernels;

/// The share of the old average that a step keeps (steps count from 1). With warm-up it is min(decay,
/// (1 + step)/(10 + step)), so that the average soon forgets the first steps.
pub fn decay_at(config: &TeacherConfig, step: u64) -> f64 {
    if config.decay_warm_up {
        config.decay.min((1.0 + step as f64) / (10.0 + step as f64))
    } else {
        config.decay
    }
}

/// Moves `teacher` towards `student`: t ← d·t + (1 − d)·s. Both are in validation form. The running statistics of
/// batch normalisation are averaged like the weights; the student's statistics of the last step would not fit the
/// averaged weights. They change where they lie, also for a clone
/// of `teacher`: give a copy of its own ([`Module::valid`]) where another one is still needed.
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
                // Cannot happen: one constructor makes both networks, so types and order agree.
                None => tensor,
            };
            Param::from_mapped_value(id, blended, mapper)
        }
    }
    let mut collect = Collect(VecDeque::new());
    student.visit(&mut collect);
    teacher.map(&mut Blend { student: collect.0, decay })
}
