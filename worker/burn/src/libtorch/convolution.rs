//! Convolution, max-pooling and `ReLU` with libtorch's own kernels, forward and backward.
//!
//! Feature maps have one row per pixel. That is libtorch's "channels last" layout: its CPU kernels are
//! fastest in it, and its GPU kernels need no transposition. So only the weights are copied on the way in and
//! out.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::libtorch::TchTensor;
use burn::backend::{Autodiff, LibTorch};
use burn::tensor::Tensor;
use kindling_libtorch::tch;

use crate::convolution::Convolution;

const KERNEL_SIDE: i64 = 3;

/// See [`Convolution::forward`].
pub(crate) fn convolve(
    convolution: Convolution,
    maps: Tensor<2>,
    weights: Tensor<2>,
    biases: Tensor<1>,
) -> Tensor<2> {
    const SAME: &str = "all three are libtorch's, on one device, all with autodiff or all without";
    if !weights.device().is_autodiff() {
        let maps = maps.try_into_primitive::<LibTorch>().expect(SAME);
        let weights = weights.try_into_primitive::<LibTorch>().expect(SAME);
        let biases = biases.try_into_primitive::<LibTorch>().expect(SAME);
        let (out, _) = forward(convolution, maps, &weights, &biases);
        return Tensor::from_primitive::<LibTorch>(out);
    }
    let (maps, maps_node) =
        maps.try_into_primitive::<Autodiff<LibTorch>>().expect(SAME).into_parts();
    let (weights, weights_node) =
        weights.try_into_primitive::<Autodiff<LibTorch>>().expect(SAME).into_parts();
    let (biases, biases_node) =
        biases.try_into_primitive::<Autodiff<LibTorch>>().expect(SAME).into_parts();
    let (out, saved) = forward(convolution, maps, &weights, &biases);
    let step = Step.prepare::<NoCheckpointing>([maps_node, weights_node, biases_node]);
    let out = match step.compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(saved, out),
        OpsKind::UnTracked(prepared) => prepared.finish(out),
    };
    Tensor::from_primitive::<Autodiff<LibTorch>>(out)
}

/// What the backward pass needs.
///
/// Tensors that share memory with Burn's are kept as Burn's, so that Burn sees they are in use and does not
/// write into them.
#[derive(Debug, Clone)]
struct Saved {
    convolution: Convolution,
    maps: TchTensor,
    /// `[outputs, inputs, 3, 3]`.
    weights: TchTensor,
    /// The maps before pooling and the positions of the maxima; `None` without pooling.
    pooled: Option<(TchTensor, TchTensor)>,
    out: TchTensor,
}

fn forward(
    convolution: Convolution,
    maps: TchTensor,
    weights: &TchTensor,
    biases: &TchTensor,
) -> (TchTensor, Saved) {
    let Convolution { side, padding, pool } = convolution;
    let weights = kernels(&weights.tensor);
    let padding = padding as i64;
    let images = images(&maps.tensor, side as i64);
    let convolved =
        images.conv2d(&weights, Some(&biases.tensor), [1, 1], [padding, padding], [1, 1], 1);
    // `ReLU` after pooling gives the same outputs and gradients as before it, on a quarter of the pixels.
    let (mut largest, pooled) = if pool {
        let (largest, places) =
            convolved.max_pool2d_with_indices([2, 2], [2, 2], [0, 0], [1, 1], false);
        (largest, Some((TchTensor::new(convolved), TchTensor::new(places))))
    } else {
        (convolved, None)
    };
    let out = TchTensor::new(rows(&largest.relu_()));
    let weights = TchTensor::new(weights);
    let saved = Saved { convolution, maps, weights, pooled, out: out.clone() };
    (out, saved)
}

#[derive(Debug)]
struct Step;

impl Backward<LibTorch, 3> for Step {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let Saved { convolution, maps, weights, pooled, out } = ops.state;
        let side = convolution.side as i64;
        let slope = gradients.consume::<LibTorch>(&ops.node);
        // `ReLU` passes its gradient back wherever its output is above 0.
        let slope = out.tensor.threshold_backward(&slope.tensor, 0);
        let mut slope = images(&slope, side_out(convolution));
        if let Some((convolved, places)) = pooled {
            slope = convolved.tensor.max_pool2d_with_indices_backward(
                &slope,
                [2, 2],
                [2, 2],
                [0, 0],
                [1, 1],
                false,
                &places.tensor,
            );
        }
        let [maps_node, weights_node, biases_node] = ops.parents;
        let images = images(&maps.tensor, side);
        let found = kindling_libtorch::convolution_backward(
            &slope,
            &images,
            &weights.tensor,
            convolution.padding,
            maps_node.is_some(),
        );
        // Panic as the binding does on every error; the worker parses this format.
        let found = found.unwrap_or_else(|error| panic!("Torch({:?})", error.0));
        if let (Some(node), Some(input)) = (maps_node, found.input) {
            gradients.register::<LibTorch>(node.id, TchTensor::new(rows(&input)));
        }
        if let Some(node) = weights_node {
            gradients.register::<LibTorch>(node.id, TchTensor::new(columns(&found.weight)));
        }
        if let Some(node) = biases_node {
            gradients.register::<LibTorch>(node.id, TchTensor::new(found.bias));
        }
    }
}

fn side_out(Convolution { side, padding, pool }: Convolution) -> i64 {
    let convolved = side as i64 + 2 * padding as i64 + 1 - KERNEL_SIDE;
    convolved / if pool { 2 } else { 1 }
}

/// Rows `[images × side², channels]` as images `[images, channels, side, side]`, channels last.
fn images(rows: &tch::Tensor, side: i64) -> tch::Tensor {
    let channels = rows.size()[1];
    rows.reshape([-1, side, side, channels]).permute([0, 3, 1, 2])
}

/// The inverse of [`images`].
fn rows(images: &tch::Tensor) -> tch::Tensor {
    let channels = images.size()[1];
    images.permute([0, 2, 3, 1]).reshape([-1, channels])
}

/// Weights `[9 × inputs, outputs]` as kernels `[outputs, inputs, 3, 3]`, channels last.
fn kernels(weights: &tch::Tensor) -> tch::Tensor {
    let outputs = weights.size()[1];
    let copy = weights.tr().contiguous();
    copy.view([outputs, KERNEL_SIDE, KERNEL_SIDE, -1]).permute([0, 3, 1, 2])
}

/// The inverse of [`kernels`].
fn columns(kernels: &tch::Tensor) -> tch::Tensor {
    let outputs = kernels.size()[0];
    kernels.permute([0, 2, 3, 1]).reshape([outputs, -1]).tr().contiguous()
}
