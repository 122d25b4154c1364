//! Convolution, `ReLU` and max-pooling.
//!
//! A batch of feature maps is a matrix: one row per pixel, image by image and row by row, and one column per
//! channel. If the backend has the whole as a native operation, that is used. Otherwise a convolution gathers
//! the nine pixels around each output into one long row and multiplies it by the weights. Burn's own
//! convolution is much slower on its pure-Rust backend: it convolves image by image, computes the weights'
//! gradient as a convolution with a huge kernel, and pools one number at a time.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};

use kindling_burn::Convolution;

/// A kernel covers 3×3 pixels.
const KERNEL_SIDE: usize = 3;

/// Pixels under a kernel.
pub(super) const KERNEL_AREA: usize = KERNEL_SIDE * KERNEL_SIDE;

/// The shape of a convolution: 3×3, stride 1, then `ReLU`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Zeros around the image: 1 keeps its size, 0 shrinks it by 2.
    pub padding: usize,
    /// Whether max-pooling by 2×2 follows.
    pub pool: bool,
}

impl ConvShape {
    /// The side of the convolved image, before pooling.
    pub(super) fn side_convolved(self, side: usize) -> usize {
        side + 2 * self.padding + 1 - KERNEL_SIDE
    }

    /// The side of the output image.
    pub(super) fn side_out(self, side: usize) -> usize {
        self.side_convolved(side) / if self.pool { 2 } else { 1 }
    }
}

/// A convolution with its weights and, for speed, precomputed gather indices.
#[derive(Module, Debug)]
pub(super) struct Conv {
    /// Weights `[9 × inputs, outputs]`, with rows ordered by kernel row, kernel column and channel, and
    /// biases `[outputs]`.
    kernel: Linear,
    /// The rows to gather, nine per output, for as many images as a batch may hold. One table without
    /// pooling; with pooling, one for each corner of the pooling windows; none where the backend has the
    /// operation.
    tables: Vec<Tensor<1, Int>>,
    /// Rows that one table gathers for one image.
    gathered: usize,
    /// The side of an input image.
    side: usize,
    padding: usize,
    pool: bool,
}

impl Conv {
    /// A convolution of images of `side` × `side` pixels, at most `capacity` of them in a batch.
    ///
    /// `kernel` has weights `[9 × inputs, outputs]`.
    pub(super) fn new(
        shape: ConvShape,
        side: usize,
        kernel: Linear,
        capacity: usize,
        device: &Device,
    ) -> Self {
        let on_device = |table: Vec<i64>| {
            let length = table.len();
            Tensor::from_data(TensorData::new(table, [length]), device)
        };
        let tables = if Convolution::is_native_on(device) {
            Vec::new()
        } else {
            tables(shape, side, capacity).map(on_device).collect()
        };
        let gathered = shape.side_out(side).pow(2) * KERNEL_AREA;
        Self { kernel, tables, gathered, side, padding: shape.padding, pool: shape.pool }
    }

    /// The weights and biases.
    pub(super) fn kernel(&self) -> &Linear {
        &self.kernel
    }

    /// Maps features `[images × pixels, inputs]` to `[images × pixels out, outputs]`.
    pub(super) fn forward(&self, maps: Tensor<2>) -> Tensor<2> {
        match self.tables.split_first() {
            Some((first, rest)) => self.gather(maps, first, rest),
            None => self.native(maps),
        }
    }

    fn native(&self, maps: Tensor<2>) -> Tensor<2> {
        let Self { side, padding, pool, .. } = *self;
        let biases = self.kernel.bias.as_ref().expect("every layer has biases");
        Convolution { side, padding, pool }.forward(maps, self.kernel.weight.val(), biases.val())
    }

    fn gather(
        &self,
        maps: Tensor<2>,
        first: &Tensor<1, Int>,
        rest: &[Tensor<1, Int>],
    ) -> Tensor<2> {
        let [rows, channels] = maps.dims();
        let gathered = rows / self.side.pow(2) * self.gathered;
        let maps = if self.padding > 0 {
            // Padding gathers row 0.
            let zeros = Tensor::zeros([1, channels], &maps.device());
            Tensor::cat(vec![zeros, maps], 0)
        } else {
            maps
        };
        let convolve = |table: &Tensor<1, Int>| {
            let neighbours = maps.clone().select(0, table.clone().slice(0..gathered));
            let shape = [gathered / KERNEL_AREA, KERNEL_AREA * channels];
            self.kernel.forward(neighbours.reshape(shape))
        };
        // `ReLU` and pooling in one: the maximum so far, at least 0, rises by the excess of the next corner.
        // Each corner is a matrix of its own, so nothing is reordered. As in pooling, only the largest of the
        // four passes its gradient back, the first among equals. The output may differ from pooling in its
        // last bit.
        rest.iter().fold(relu(convolve(first)), |largest, table| {
            largest.clone() + relu(convolve(table) - largest)
        })
    }
}

/// The tables of [`Conv`]. With padding, row 0 holds zeros and the first pixel is in row 1.
fn tables(shape: ConvShape, side: usize, capacity: usize) -> impl Iterator<Item = Vec<i64>> {
    let (corners, stride): (&[_], _) =
        if shape.pool { (&[(0, 0), (0, 1), (1, 0), (1, 1)], 2) } else { (&[(0, 0)], 1) };
    let first = usize::from(shape.padding > 0);
    let row = move |image: usize, y: usize, x: usize| -> i64 {
        let inside = |at: usize| at.checked_sub(shape.padding).filter(|&at| at < side);
        match (inside(y), inside(x)) {
            (Some(y), Some(x)) => index(first + (image * side + y) * side + x),
            _ => 0,
        }
    };
    let out = shape.side_out(side);
    corners.iter().map(move |&(dy, dx)| {
        let mut table = Vec::with_capacity(capacity * out * out * KERNEL_AREA);
        for image in 0..capacity {
            for (y, x) in square(out) {
                for (ky, kx) in square(KERNEL_SIDE) {
                    table.push(row(image, y * stride + dy + ky, x * stride + dx + kx));
                }
            }
        }
        table
    })
}

/// A row number as an element of an index tensor.
fn index(row: usize) -> i64 {
    i64::try_from(row).expect("images fit into memory")
}

/// The positions in a square, row by row.
fn square(side: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..side).flat_map(move |y| (0..side).map(move |x| (y, x)))
}

#[cfg(test)]
mod tests {
    use burn::module::Param;
    use burn::nn::LinearConfig;
    use burn::nn::pool::MaxPool2dConfig;
    use burn::tensor::Distribution;
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::ConvOptions;

    use super::super::testing::{device, differ};
    use super::*;

    /// Images `[images, channels, side, side]` as feature maps.
    fn rows(images: Tensor<4>) -> Tensor<2> {
        let [n, channels, side, _] = images.dims();
        let images = images.permute([0, 2, 3, 1]);
        images.reshape([n * side * side, channels])
    }

    /// The same with Burn's own layers.
    fn reference(shape: ConvShape, kernel: &Linear, images: Tensor<4>) -> Tensor<2> {
        let weight = kernel.weight.val();
        let weight = weight.reshape([3, 3, shape.inputs, shape.outputs]);
        let bias = kernel.bias.as_ref().map(Param::val);
        let options = ConvOptions::new([1, 1], [shape.padding, shape.padding], [1, 1], 1);
        let maps = relu(conv2d(images, weight.permute([3, 2, 0, 1]), bias, options));
        rows(if shape.pool { MaxPool2dConfig::new([2, 2]).init().forward(maps) } else { maps })
    }

    #[test]
    fn it_is_burns_convolution_relu_and_pooling_forwards_and_backwards() {
        let device = device().autodiff();
        device.seed(1);
        for (padding, pool) in [(0, false), (0, true), (1, false), (1, true)] {
            let shape = ConvShape { inputs: 3, outputs: 5, padding, pool };
            let kernel = LinearConfig::new(27, 5).init(&device);
            let conv = Conv::new(shape, 8, kernel.clone(), 4, &device);
            let normal = Distribution::Normal(0.0, 1.0);
            let images = Tensor::<4>::random([2, 3, 8, 8], normal, &device).require_grad();

            let ours = conv.forward(rows(images.clone()));
            let theirs = reference(shape, &kernel, images.clone());
            assert!(differ(&ours, &theirs) < 1e-5, "{shape:?}");

            // Any gradient will do, as long as no two outputs share it.
            let slope = Tensor::random(ours.dims(), normal, &device);
            let ours = (ours * slope.clone()).sum().backward();
            let theirs = (theirs * slope).sum().backward();
            let bias = kernel.bias.as_ref().unwrap();
            for (ours, theirs) in [
                (images.grad(&ours).map(rows), images.grad(&theirs).map(rows)),
                (kernel.weight.grad(&ours), kernel.weight.grad(&theirs)),
                (
                    bias.grad(&ours).map(Tensor::unsqueeze),
                    bias.grad(&theirs).map(Tensor::unsqueeze),
                ),
            ] {
                assert!(differ(&ours.unwrap(), &theirs.unwrap()) < 1e-4, "{shape:?}");
            }
        }
    }

    #[test]
    fn of_equal_corners_the_first_gets_the_gradient_and_a_zero_gets_none() {
        let device = device().autodiff();
        let shape = ConvShape { inputs: 1, outputs: 1, padding: 1, pool: true };
        // A kernel that copies its centre.
        let mut kernel = LinearConfig::new(9, 1).init(&device);
        let middle = TensorData::from([[0.], [0.], [0.], [0.], [1.], [0.], [0.], [0.], [0.0_f32]]);
        kernel.weight = kernel.weight.map(|_| Tensor::from_data(middle, &device));
        kernel.bias = kernel.bias.map(|bias| bias.map(|bias| bias.zeros_like()));
        let conv = Conv::new(shape, 4, kernel, 1, &device);
        let image = [
            [1.0, 2.0, 0.0, 0.0],
            [2.0, 2.0, 0.0, 0.0],
            [-1.0, -1.0, 3.0, 4.0],
            [-1.0, -1.0, 4.0, 3.0_f32],
        ];
        let image = Tensor::<2>::from_data(image, &device).require_grad();
        let pooled = conv.forward(image.clone().reshape([16, 1]));
        pooled.to_data().assert_eq(&TensorData::from([[2.0_f32], [0.0], [0.0], [4.0]]), true);
        let gradient = image.grad(&pooled.sum().backward()).unwrap();
        let expected = [
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],
            [0.0, 0.0, 0.0, 0.0_f32],
        ];
        gradient.to_data().assert_eq(&TensorData::from(expected), true);
    }
}
