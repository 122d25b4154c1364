//! `AdamW`, using the backend's own kernel where it has one.

use burn::module::Module;
use burn::optim::{
    AdamWState, AdaptiveMomentumState, GradientsParams, LearningRate, ModuleOptimizer, Optimizer,
};
use burn::tensor::{Device, Tensor};

#[cfg(feature = "tch")]
use crate::libtorch;

/// The constants of `AdamW` (Loshchilov and Hutter, arXiv 1711.05101).
#[derive(Debug, Clone, Copy)]
pub struct AdamWConstants {
    /// Decay rate of the mean of the gradients.
    pub beta_1: f64,
    /// Decay rate of the mean of the squared gradients.
    pub beta_2: f64,
    /// Added to the square root of the mean of the squares.
    pub epsilon: f64,
    /// Each step multiplies a weight by 1 − learning rate × `weight_decay`.
    pub weight_decay: f64,
}

/// An optimiser and its state for each parameter of a module.
pub struct AdamW(Kernel);

enum Kernel {
    /// Composed of Burn's operations; runs on any backend.
    Composed(Box<ModuleOptimizer>),
    /// libtorch's fused kernel.
    #[cfg(feature = "tch")]
    LibTorch(libtorch::AdamW),
}

impl AdamW {
    /// An optimiser for a module on `device`.
    pub fn new(constants: AdamWConstants, device: &Device) -> Self {
        #[cfg(feature = "tch")]
        if libtorch::is_libtorch(device) {
            return Self(Kernel::LibTorch(libtorch::AdamW::new(constants)));
        }
        let _ = device;
        Self(Kernel::Composed(Box::new(Composed(constants).into())))
    }

    /// Takes one step.
    pub fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        match &mut self.0 {
            Kernel::Composed(optimizer) => optimizer.step(learning_rate, module, gradients),
            #[cfg(feature = "tch")]
            Kernel::LibTorch(optimizer) => optimizer.step(learning_rate, module, gradients),
        }
    }
}

/// `torch.optim.AdamW`, operation by operation.
///
/// Burn's own version computes the powers of β in single precision, which is off by up to 1e-4 in the first
/// steps, and it needs more temporaries.
#[derive(Clone)]
struct Composed(AdamWConstants);

impl Optimizer for Composed {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        let AdamWConstants { beta_1, beta_2, epsilon, weight_decay } = self.0;
        let first = gradient.clone() * (1.0 - beta_1);
        let second = gradient.square() * (1.0 - beta_2);
        let state = match state {
            None => AdaptiveMomentumState::new(1, first, second),
            Some(AdamWState { momentum: past }) => AdaptiveMomentumState::new(
                past.time + 1,
                past.moment_1 * beta_1 + first,
                past.moment_2 * beta_2 + second,
            ),
        };
        let steps = i32::try_from(state.time).unwrap_or(i32::MAX);
        let step_size = learning_rate / (1.0 - beta_1.powi(steps));
        let scale = state.moment_2.clone().sqrt() / (1.0 - beta_2.powi(steps)).sqrt() + epsilon;
        let weights = weights * (1.0 - learning_rate * weight_decay)
            - state.moment_1.clone() / scale * step_size;
        (weights, Some(AdamWState::new(state)))
    }

    fn to_device<const D: usize>(mut state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        state.momentum = state.momentum.to_device(device);
        state
    }
}
