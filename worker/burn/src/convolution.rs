//! A convolution that is one operation of its backend's own, where there is one: libtorch's today.

use burn::tensor::{Device, Tensor};

#[cfg(feature = "tch")]
use crate::libtorch;

/// A 3×3 convolution with stride 1, then max-pooling by 2×2 if there is any, then `ReLU`, as one
/// operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// The side of an input image in pixels.
    pub side: usize,
    /// Zeros around the image.
    pub padding: usize,
    /// Whether max-pooling follows.
    pub pool: bool,
}

impl Convolution {
    /// Whether the device's backend has this operation; if not, it is for the caller to compose.
    pub fn is_native_on(device: &Device) -> bool {
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
    pub fn forward(self, maps: Tensor<2>, weights: Tensor<2>, biases: Tensor<1>) -> Tensor<2> {
        #[cfg(feature = "tch")]
        return libtorch::convolve(self, maps, weights, biases);
        #[cfg(not(feature = "tch"))]
        {
            let _ = (maps, weights, biases);
            unreachable!("no backend of this build does {self:?} itself")
        }
    }
}
