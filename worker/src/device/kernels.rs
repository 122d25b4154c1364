//! What a backend does best itself, rather than by Burn's operations: today libtorch's convolution
//! and its `AdamW`.

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

#[cfg(feature = "tch")]
use super::libtorch;

/// A 3×3 convolution with stride 1, then max-pooling by 2×2 if there is any, then `ReLU`, as one
/// operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Convolution {
    /// The side of an input image in pixels.
    pub(crate) side: usize,
    /// Zeros around the image.
    pub(crate) padding: usize,
    /// Whether max-pooling follows.
    pub(crate) pool: bool,
}

impl Convolution {
    /// Whether the device's backend has this operation; if not, it is for the caller to compose.
    pub(crate) fn is_native_on(device: &Device) -> bool {
        #[cfg(feature = "tch")]
        return libtorch::is_libtorch(device);
        #[cfg(not(feature = "tch"))]
        {
            let _ = device;
            false
        }
    }

    /// Feature maps `[images × pixels, inputs]` to `[images × pixels out, outputs]`, a row for each
    /// pixel, by weights `[9 × inputs, outputs]`, whose rows are ordered by kernel row, kernel
    /// column and channel, and biases `[outputs]`. Gradients flow to all three.
    ///
    /// # Panics
    /// If the operation is not native on the tensors' device.
    pub(crate) fn forward(
        self,
        maps: Tensor<2>,
        weights: Tensor<2>,
        biases: Tensor<1>,
    ) -> Tensor<2> {
        #[cfg(feature = "tch")]
        return libtorch::convolve(self, maps, weights, biases);
        #[cfg(not(feature = "tch"))]
        {
            let _ = (maps, weights, biases);
            unreachable!("no backend of this build has a convolution of its own")
        }
    }
}

/// The constants of `AdamW`: Loshchilov and Hutter, arXiv 1711.05101.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamWConstants {
    pub(crate) beta_1: f64,
    pub(crate) beta_2: f64,
    pub(crate) epsilon: f64,
    pub(crate) weight_decay: f64,
}

/// `AdamW`, by the backend's own kernel where it has one.
pub(crate) enum AdamW {
    /// Burn's, on any backend.
    Composed(Box<ModuleOptimizer>),
    /// libtorch's.
    #[cfg(feature = "tch")]
    LibTorch(libtorch::AdamW),
}

impl AdamW {
    /// An optimiser for a module on that device.
    pub(crate) fn new(constants: AdamWConstants, device: &Device) -> Self {
        #[cfg(feature = "tch")]
        if libtorch::is_libtorch(device) {
            return Self::LibTorch(libtorch::AdamW::new(constants));
        }
        let _ = device;
        let AdamWConstants { beta_1, beta_2, epsilon, weight_decay } = constants;
        let config = AdamWConfig::new()
            .with_beta_1(beta_1 as f32)
            .with_beta_2(beta_2 as f32)
            .with_epsilon(epsilon as f32)
            .with_weight_decay(weight_decay as f32);
        Self::Composed(Box::new(config.init()))
    }

    /// One step.
    pub(crate) fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        match self {
            Self::Composed(optimizer) => optimizer.step(learning_rate, module, gradients),
            #[cfg(feature = "tch")]
            Self::LibTorch(optimizer) => optimizer.step(learning_rate, module, gradients),
        }
    }
}
