//! The kernels as operations of Burn: which tensors they take, and their backward steps.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, DispatchTensorKind, Flex, TensorMetadata};
use burn::tensor::{DType, Shape, Tensor, TensorData};

use super::conv;
use super::conv_shape::ConvShape;
use super::norm;
use super::pool::{self, PoolShape};
use super::simd::Isa;

type Tracked = Autodiff<Flex>;

/// How a network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// With automatic differentiation and statistics of the batch.
    Training,
    /// Without automatic differentiation, and with running statistics.
    Scoring,
}

/// How these kernels run on `x`; `None` where it is not an f32 tensor of the CPU backend.
pub fn mode_of(x: &Tensor<4>) -> Option<Mode> {
    if x.dtype() != DType::F32 {
        return None;
    }
    match x.clone().into_dispatch().kind {
        DispatchTensorKind::Flex(_) => Some(Mode::Scoring),
        DispatchTensorKind::Autodiff(inner) if matches!(*inner, DispatchTensorKind::Flex(_)) => {
            Some(Mode::Training)
        }
        _ => None,
    }
}

/// Whether a tensor without automatic differentiation is an f32 tensor of the CPU backend.
pub fn on_cpu<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && matches!(tensor.clone().into_dispatch().kind, DispatchTensorKind::Flex(_))
}

/// The tensor with its values in one piece.
pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice::<f32>().unwrap_or_else(|| unreachable!("every input went through `contiguous`"))
}

pub(super) fn made(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// The values for writing; copied only if somebody else holds them too.
pub(super) fn owned(tensor: FlexTensor) -> FlexTensor {
    let tensor = contiguous(tensor);
    if tensor.layout().start_offset() == 0 && tensor.storage::<f32>().len() == tensor.layout().num_elements()
    {
        tensor
    } else {
        made(values(&tensor).to_vec(), tensor.layout().shape().clone())
    }
}

pub(super) fn primitive<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    match tensor.try_into_primitive::<Flex>() {
        Ok(tensor) => contiguous(tensor),
        Err(_) => unreachable!("`mode_of` was called first, and all tensors of a network are on one device"),
    }
}

fn tracked<const D: usize>(tensor: Tensor<D>) -> burn::backend::tensor::FloatTensor<Tracked> {
    match tensor.try_into_primitive::<Tracked>() {
        Ok(tensor) => tensor,
        Err(_) => unreachable!("`mode_of` was called first, and all tensors of a network are on one device"),
    }
}

fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.shape().dims()
}

/// What a block is made of.
pub struct ConvNorm {
    /// out×in×k×k.
    pub weights: Tensor<4>,
    /// Scale by channel.
    pub gamma: Tensor<1>,
    /// Offset by channel.
    pub beta: Tensor<1>,
    /// Stride of the convolution.
    pub stride: usize,
    /// Padding of the convolution at each side.
    pub padding: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// Mean and variance to use when scoring.
    pub running: [Tensor<1>; 2],
    /// Added before the ReLU.
    pub shortcut: Option<Tensor<4>>,
    /// Whether negative values become zero.
    pub relu: bool,
}

fn conv_shape(x: &FlexTensor, weights: &FlexTensor, stride: usize, padding: usize) -> ConvShape {
    let [images, h, w, channels_in] = dims(x);
    let [channels_out, _, kernel, _] = dims(weights);
    ConvShape { images, input: [h, w], channels_in, channels_out, kernel, stride, padding }
}

fn out_shape(shape: &ConvShape) -> [usize; 4] {
    let [h, w] = shape.output();
    [shape.images, h, w, shape.channels_out]
}

/// scale and offset that make γ·(y − mean)/√(variance + ε) + β of y, and 1/√(variance + ε).
fn folded(gamma: &[f32], beta: &[f32], mean: &[f32], variance: &[f32], epsilon: f64) -> [Vec<f32>; 3] {
    let inverse: Vec<f32> =
        variance.iter().map(|&v| (1.0 / (f64::from(v) + epsilon).sqrt()) as f32).collect();
    let scale: Vec<f32> = gamma.iter().zip(&inverse).map(|(g, s)| g * s).collect();
    let offset = beta.iter().zip(mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
    [scale, offset, inverse]
}

/// relu(norm(x ∗ weights) + shortcut) of channel-last images, and in training mean and variance
/// (biased) of the batch.
pub fn conv_norm(mode: Mode, x: Tensor<4>, block: ConvNorm) -> (Tensor<4>, Option<[Tensor<1>; 2]>) {
    match mode {
        Mode::Scoring => (score(x, block), None),
        Mode::Training => train(x, block),
    }
}

fn score(x: Tensor<4>, block: ConvNorm) -> Tensor<4> {
    let isa = Isa::best();
    let (x, weights) = (primitive(x), primitive(block.weights));
    let shape = conv_shape(&x, &weights, block.stride, block.padding);
    let [mean, variance] = block.running.map(primitive);
    let (gamma, beta) = (primitive(block.gamma), primitive(block.beta));
    let [scale, offset, _] =
        folded(values(&gamma), values(&beta), values(&mean), values(&variance), block.epsilon);
    let shortcut = block.shortcut.map(primitive);
    let out = match shortcut {
        None => {
            let after = norm::Affine { scale: &scale, offset: &offset, relu: block.relu };
            conv::forward_affine(isa, &shape, values(&x), values(&weights), &after)
        }
        Some(shortcut) => {
            let y = conv::forward(isa, &shape, values(&x), values(&weights));
            norm::apply(isa, &y, &scale, &offset, Some(values(&shortcut)), block.relu)
        }
    };
    Tensor::from_primitive::<Flex>(made(out, out_shape(&shape)))
}

fn train(x: Tensor<4>, block: ConvNorm) -> (Tensor<4>, Option<[Tensor<1>; 2]>) {
    let isa = Isa::best();
    let device = x.device();
    let (x, x_node) = tracked(x).into_parts();
    let (weights, weights_node) = tracked(block.weights).into_parts();
    let (gamma, gamma_node) = tracked(block.gamma).into_parts();
    let (beta, beta_node) = tracked(block.beta).into_parts();
    let (x, weights, gamma, beta) = (contiguous(x), contiguous(weights), contiguous(gamma), contiguous(beta));
    let shape = conv_shape(&x, &weights, block.stride, block.padding);
    let y = conv::forward(isa, &shape, values(&x), values(&weights));
    let (mean, variance) = norm::statistics(isa, &y, shape.channels_out);
    let [scale, offset, inverse] = folded(values(&gamma), values(&beta), &mean, &variance, block.epsilon);
    let (shortcut, shortcut_node) = match block.shortcut.map(|s| tracked(s).into_parts()) {
        Some((shortcut, node)) => (Some(contiguous(shortcut)), Some(node)),
        None => (None, None),
    };
    let out = norm::apply(isa, &y, &scale, &offset, shortcut.as_ref().map(values), block.relu);
    let out = made(out, out_shape(&shape));
    let state = Kept {
        shape,
        x,
        weights,
        gamma,
        y: made(y, out_shape(&shape)),
        out: block.relu.then(|| out.clone()),
        mean: mean.clone(),
        inverse,
    };
    let nodes = [x_node, weights_node, gamma_node, beta_node];
    let out = match shortcut_node {
        None => finish::<4>(nodes, state, out),
        Some(node) => {
            let [a, b, c, d] = nodes;
            finish::<5>([a, b, c, d, node], state, out)
        }
    };
    let channels = [shape.channels_out];
    let statistics =
        [mean, variance].map(|values| Tensor::from_data(TensorData::new(values, channels), &device));
    (Tensor::from_primitive::<Tracked>(out), Some(statistics))
}

fn finish<const N: usize>(
    nodes: [burn::backend::autodiff::ops::NodeGuard; N],
    state: Kept,
    out: FlexTensor,
) -> burn::backend::tensor::FloatTensor<Tracked> {
    match Backward::<Flex, N>::prepare::<NoCheckpointing>(ConvNormStep, nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(state, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    }
}

/// What the backward step of a block needs.
#[derive(Debug, Clone)]
struct Kept {
    shape: ConvShape,
    x: FlexTensor,
    weights: FlexTensor,
    gamma: FlexTensor,
    y: FlexTensor,
    /// Of the ReLU, where there is one.
    out: Option<FlexTensor>,
    mean: Vec<f32>,
    inverse: Vec<f32>,
}

#[derive(Debug)]
struct ConvNormStep;

impl<const N: usize> Backward<Flex, N> for ConvNormStep {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let isa = Isa::best();
        let Kept { shape, x, weights, gamma, y, out, mean, inverse } = ops.state;
        let mut gradient = owned(grads.consume::<Flex>(&ops.node));
        let mut parents = ops.parents.into_iter();
        let [x_node, weights_node, gamma_node, beta_node, shortcut_node] =
            std::array::from_fn(|_| parents.next().flatten());
        if let Some(out) = &out {
            norm::backward_relu(isa, gradient.storage_mut::<f32>(), values(out));
        }
        if let Some(node) = shortcut_node {
            grads.register::<Flex>(node.id, gradient.clone());
        }
        let norm::NormGradients { gamma: dgamma, beta: dbeta } =
            norm::backward(isa, gradient.storage_mut::<f32>(), values(&y), values(&gamma), &mean, &inverse);
        let channels = [shape.channels_out];
        if let Some(node) = gamma_node {
            grads.register::<Flex>(node.id, made(dgamma, channels));
        }
        if let Some(node) = beta_node {
            grads.register::<Flex>(node.id, made(dbeta, channels));
        }
        if let Some(node) = weights_node {
            let dw = conv::backward_weights(isa, &shape, values(&x), values(&gradient));
            grads.register::<Flex>(node.id, made(dw, weights.shape()));
        }
        if let Some(node) = x_node {
            let dx = conv::backward_input(isa, &shape, values(&gradient), values(&weights));
            grads.register::<Flex>(node.id, made(dx, x.shape()));
        }
    }
}

/// Maximum over 3×3 with stride 2 and padding 1 of channel-last images.
pub fn max_pool(mode: Mode, x: Tensor<4>) -> Tensor<4> {
    let [images, h, w, channels] = x.dims();
    let shape = PoolShape { images, input: [h, w], channels, padding: 1 };
    let [oh, ow] = shape.output();
    let out = [images, oh, ow, channels];
    match mode {
        Mode::Scoring => {
            let (values, _) = pool::max_forward(&shape, values(&primitive(x)));
            Tensor::from_primitive::<Flex>(made(values, out))
        }
        Mode::Training => {
            let (x, node) = tracked(x).into_parts();
            let (values, from) = pool::max_forward(&shape, values(&contiguous(x)));
            let step = Backward::<Flex, 1>::prepare::<NoCheckpointing>(MaxPoolStep, [node]);
            Tensor::from_primitive::<Tracked>(match step.compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish((shape, from), made(values, out)),
                OpsKind::UnTracked(prep) => prep.finish(made(values, out)),
            })
        }
    }
}

#[derive(Debug)]
struct MaxPoolStep;

impl Backward<Flex, 1> for MaxPoolStep {
    type State = (PoolShape, Vec<u8>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        let (shape, from) = ops.state;
        if let [Some(node)] = ops.parents {
            let dx = pool::max_backward(&shape, values(&gradient), &from);
            let [h, w] = shape.input;
            grads.register::<Flex>(node.id, made(dx, [shape.images, h, w, shape.channels]));
        }
    }
}

/// Mean over 3×3 pixels with stride 2 and this padding (0 or 1) of channel-last images (N×H×W×C).
pub fn smooth(mode: Mode, x: Tensor<4>, padding: usize) -> Tensor<4> {
    let [images, h, w, channels] = x.dims();
    let shape = PoolShape { images, input: [h, w], channels, padding };
    let [oh, ow] = shape.output();
    let smoothed = |x: &FlexTensor| {
        made(pool::smooth_forward(Isa::best(), &shape, values(x)), [images, oh, ow, channels])
    };
    match mode {
        Mode::Scoring => Tensor::from_primitive::<Flex>(smoothed(&primitive(x))),
        Mode::Training => {
            let (x, node) = tracked(x).into_parts();
            let out = smoothed(&contiguous(x));
            let step = Backward::<Flex, 1>::prepare::<NoCheckpointing>(SmoothStep, [node]);
            Tensor::from_primitive::<Tracked>(match step.compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish(shape, out),
                OpsKind::UnTracked(prep) => prep.finish(out),
            })
        }
    }
}

#[derive(Debug)]
struct SmoothStep;

impl Backward<Flex, 1> for SmoothStep {
    type State = PoolShape;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        let shape = ops.state;
        if let [Some(node)] = ops.parents {
            let dx = pool::smooth_backward(&shape, values(&gradient));
            let [h, w] = shape.input;
            grads.register::<Flex>(node.id, made(dx, [shape.images, h, w, shape.channels]));
        }
    }
}

/// Mean over rows and columns of channel-last images: N×H×W×C to N×C.
pub fn global_mean(mode: Mode, x: Tensor<4>) -> Tensor<2> {
    let [images, h, w, channels] = x.dims();
    let mean = |x: &FlexTensor| made(pool::mean_forward(values(x), h * w, channels), [images, channels]);
    match mode {
        Mode::Scoring => Tensor::from_primitive::<Flex>(mean(&primitive(x))),
        Mode::Training => {
            let (x, node) = tracked(x).into_parts();
            let out = mean(&contiguous(x));
            let step = Backward::<Flex, 1>::prepare::<NoCheckpointing>(GlobalMeanStep, [node]);
            Tensor::from_primitive::<Tracked>(match step.compute_bound().stateful() {
                OpsKind::Tracked(prep) => prep.finish([images, h, w, channels], out),
                OpsKind::UnTracked(prep) => prep.finish(out),
            })
        }
    }
}

#[derive(Debug)]
struct GlobalMeanStep;

impl Backward<Flex, 1> for GlobalMeanStep {
    type State = [usize; 4];

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        let [_, h, w, channels] = ops.state;
        if let [Some(node)] = ops.parents {
            let dx = pool::mean_backward(values(&gradient), h * w, channels);
            grads.register::<Flex>(node.id, made(dx, ops.state));
        }
    }
}
