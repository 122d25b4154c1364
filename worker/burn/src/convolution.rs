//! Convolution as a single native operation, where the backend has one. Today only libtorch does.

use burn::tensor::{Device, Tensor};

#[cfg(feature = "tch")]
use crate::libtorch;

/// A 3×3 convolution with stride 1, then optional 2×2 max-pooling, then `ReLU`, as one operation.
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
    /// Whether the device's backend has this operation. If not, the caller must compose it.
    pub fn is_native_on(device: &Device) -> bool {
        #[cfg(feature = "tch")]
        return libtorch::is_libtorch(device);
        #[cfg(not(feature = "tch"))]
        {
            let _ = device;
            false
        }
    }

    /// Maps features `[images × pixels, inputs]` to `[images × pixels out, outputs]`, one row per pixel.
    ///
    /// The weights are `[9 × inputs, outputs]`, with rows ordered by kernel row, kernel column and channel.
    /// The biases are `[outputs]`. Gradients flow to all three.
    ///
    /// # Panics
    ///
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
