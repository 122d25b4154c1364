//! `AdamW`, using the backend's own kernel where it has one.

mod composed;
pub(crate) mod state;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;

#[cfg(feature = "tch")]
use crate::libtorch;
use composed::Composed;

pub use state::{AdamWState, Moments};

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

/// An optimiser and its state for each parameter of a module. Each step has gradients for all parameters.
pub struct AdamW(Kernel);

enum Kernel {
    /// Composed of Burn's operations; runs on any backend.
    Composed(Composed),
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
        Self(Kernel::Composed(Composed::new(constants)))
    }

    /// An optimiser that goes on from a state of [`Self::state`], for a module of the same shape. The next step is the
    /// same to the last bit as it would have been there.
    ///
    /// # Errors
    ///
    /// If the state is of a module of another shape.
    pub fn resume<M: Module>(
        constants: AdamWConstants,
        device: &Device,
        module: &M,
        state: AdamWState,
    ) -> Result<Self, OtherModule> {
        let moments = state::by_parameter(module, state.moments)?;
        // What the optimiser knows has no gradients.
        let device = &device.clone().without_autodiff();
        #[cfg(feature = "tch")]
        if libtorch::is_libtorch(device) {
            let resumed = libtorch::AdamW::resume(constants, device, state.steps, moments);
            return Ok(Self(Kernel::LibTorch(resumed)));
        }
        Ok(Self(Kernel::Composed(Composed::resume(constants, device, state.steps, moments))))
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

    /// What it has learned of a module's parameters so far, read from the device.
    pub fn state<M: Module>(&self, module: &M) -> AdamWState {
        let ids = state::parameters(module).into_iter().map(|(id, _)| id);
        match &self.0 {
            Kernel::Composed(optimizer) => optimizer.state(ids),
            #[cfg(feature = "tch")]
            Kernel::LibTorch(optimizer) => optimizer.state(ids),
        }
    }
}

/// A state belongs to a module of another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherModule;

impl std::fmt::Display for OtherModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the optimiser's state is of a module of another shape")
    }
}

impl std::error::Error for OtherModule {}
