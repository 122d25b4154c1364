//! The two networks, built from tables.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use super::conv::{Conv, ConvShape, KERNEL_AREA};
use super::init::Init;

/// The side of an image in pixels.
const SIDE: usize = 28;

/// The number of classes.
const CLASSES: usize = 10;

/// The layers of a network: convolutions with `ReLU`, then fully connected layers with sigmoid
/// between them.
#[derive(Debug, Clone, Copy)]
pub struct Architecture {
    /// The convolutions.
    pub convs: &'static [ConvShape],
    /// The widths, from the input of the first fully connected layer to the output of the last.
    pub widths: &'static [usize],
}

/// 121,994 parameters, 3.57 M multiply-adds per image.
pub const COMMON: Architecture = Architecture {
    convs: &[conv(1, 32, 1, true), conv(32, 64, 0, true), conv(64, 64, 0, false)],
    widths: &[1024, 64, CLASSES],
};

/// 2,710,186 parameters, 17.4 M multiply-adds per image.
pub const DEEP: Architecture = Architecture {
    convs: &[
        conv(1, 32, 1, true),
        conv(32, 64, 0, false),
        conv(64, 96, 1, true),
        conv(96, 128, 0, false),
        conv(128, 128, 1, false),
    ],
    widths: &[2048, 1024, 256, 64, CLASSES],
};

const fn conv(inputs: usize, outputs: usize, padding: usize, pool: bool) -> ConvShape {
    ConvShape { inputs, outputs, padding, pool }
}

/// What a layer's initialisation depends on, and what the layer costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerShape {
    /// Inputs of a neuron; for a convolution, channels × kernel area.
    pub fan_in: usize,
    /// Outputs of a neuron, counted likewise.
    pub fan_out: usize,
    /// Neurons that have their own weights and bias. The weights are `[fan_in, neurons]`.
    pub neurons: usize,
    /// Positions in an image at which the neurons are applied: 1 in a fully connected layer.
    pub places: usize,
}

impl LayerShape {
    /// The number of weights and biases.
    pub fn parameters(self) -> usize {
        (self.fan_in + 1) * self.neurons
    }

    /// Multiply-adds per image; adding a bias counts as one.
    pub fn multiply_adds(self) -> usize {
        self.parameters() * self.places
    }
}

impl Architecture {
    /// The convolutions' shapes, from the input on.
    pub fn conv_layers(&self) -> Vec<LayerShape> {
        let mut side = SIDE;
        let layer = |conv: &ConvShape| {
            let places = conv.side_convolved(side).pow(2);
            side = conv.side_out(side);
            LayerShape {
                fan_in: conv.inputs * KERNEL_AREA,
                fan_out: conv.outputs * KERNEL_AREA,
                neurons: conv.outputs,
                places,
            }
        };
        self.convs.iter().map(layer).collect()
    }

    /// The fully connected layers' shapes.
    pub fn fc_layers(&self) -> Vec<LayerShape> {
        let layer = |widths: &[usize]| LayerShape {
            fan_in: widths[0],
            fan_out: widths[1],
            neurons: widths[1],
            places: 1,
        };
        self.widths.windows(2).map(layer).collect()
    }
}

/// A network with its weights.
#[derive(Module, Debug)]
pub struct Network {
    convs: Vec<Conv>,
    fcs: Vec<Linear>,
}

impl Network {
    /// A network whose weights are drawn by one method for the convolutions and one for the fully connected
    /// layers.
    ///
    /// Biases start at 0. Batches may hold at most `capacity` images.
    pub fn new(
        architecture: &Architecture,
        conv: Init,
        fc: Init,
        rng: &mut ChaCha8Rng,
        capacity: usize,
        device: &Device,
    ) -> Self {
        Self::with_weights(architecture, capacity, device, |layer| {
            let init = if layer.places == 1 { fc } else { conv };
            let count = layer.fan_in * layer.neurons;
            (init.draw(layer.fan_in, layer.fan_out, count, rng), vec![0.0; layer.neurons])
        })
    }

    /// A network with given weights `[fan_in, neurons]` and biases `[neurons]`. The layers are requested from
    /// the input on.
    pub(super) fn with_weights(
        architecture: &Architecture,
        capacity: usize,
        device: &Device,
        mut numbers: impl FnMut(LayerShape) -> (Vec<f32>, Vec<f32>),
    ) -> Self {
        let mut linear = |layer: LayerShape| {
            let (weights, biases) = numbers(layer);
            let weights = TensorData::new(weights, [layer.fan_in, layer.neurons]);
            let biases = TensorData::new(biases, [layer.neurons]);
            Linear {
                weight: Param::from_data(weights, device),
                bias: Some(Param::from_data(biases, device)),
            }
        };
        let mut side = SIDE;
        let mut convs = Vec::new();
        for (&shape, layer) in architecture.convs.iter().zip(architecture.conv_layers()) {
            convs.push(Conv::new(shape, side, linear(layer), capacity, device));
            side = shape.side_out(side);
        }
        let fcs = architecture.fc_layers().into_iter().map(linear).collect();
        Self { convs, fcs }
    }

    /// The convolutions' weights and biases, from the input on.
    pub(super) fn convolutions(&self) -> impl Iterator<Item = &Linear> {
        self.convs.iter().map(Conv::kernel)
    }

    /// The fully connected layers, in order.
    pub(super) fn fully_connected(&self) -> &[Linear] {
        &self.fcs
    }

    /// All layers, from the input on.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Linear> {
        self.convolutions().chain(&self.fcs)
    }

    /// Logits `[images, 10]` of images `[images, 784]`, whose pixels run from −1 to 1.
    pub fn forward(&self, images: Tensor<2>) -> Tensor<2> {
        self.watched(images, |_| {})
    }

    /// Like [`Self::forward`], and calls `see` with the output of each layer but the last.
    ///
    /// A convolution's output is `[images × pixels, channels]`, a fully connected layer's
    /// `[images, neurons]`.
    pub(super) fn watched(&self, images: Tensor<2>, mut see: impl FnMut(&Tensor<2>)) -> Tensor<2> {
        let [n, pixels] = images.dims();
        let mut seen = |out| {
            see(&out);
            out
        };
        let maps = images.reshape([n * pixels, 1]);
        let maps = self.convs.iter().fold(maps, |maps, conv| seen(conv.forward(maps)));
        // The features are ordered pixel by pixel; in `PyTorch`, channel by channel. The network is the same,
        // with the rows of the first layer in another order.
        let [rows, channels] = maps.dims();
        let features = maps.reshape([n, rows / n * channels]);
        let (last, hidden) = self.fcs.split_last().expect("a fully connected layer");
        let hidden = hidden.iter().fold(features, |x, fc| seen(sigmoid(fc.forward(x))));
        last.forward(hidden)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::super::testing::{device, differ};
    use super::*;

    fn network(architecture: &Architecture) -> Network {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (conv, fc) = (Init::HeNormal, Init::XavierUniform);
        Network::new(architecture, conv, fc, &mut rng, 3, &device())
    }

    fn sum(architecture: &Architecture, of: impl Fn(LayerShape) -> usize) -> usize {
        let layers = [architecture.conv_layers(), architecture.fc_layers()].concat();
        layers.into_iter().map(of).sum()
    }

    #[test]
    fn the_networks_have_the_published_numbers_of_parameters() {
        for (architecture, parameters) in [(COMMON, 121_994), (DEEP, 2_710_186)] {
            assert_eq!(network(&architecture).num_params(), parameters);
            assert_eq!(sum(&architecture, LayerShape::parameters), parameters);
        }
    }

    #[test]
    fn the_networks_need_the_published_multiply_adds() {
        let millions = |architecture| sum(architecture, LayerShape::multiply_adds) as f64 / 1e6;
        assert!((millions(&COMMON) - 3.57).abs() < 0.005, "{}", millions(&COMMON));
        assert!((millions(&DEEP) - 17.4).abs() < 0.05, "{}", millions(&DEEP));
    }

    #[test]
    fn fans_count_channels_times_kernel_area() {
        let fans = |layers: Vec<LayerShape>| -> Vec<_> {
            layers.iter().map(|l| (l.fan_in, l.fan_out)).collect()
        };
        assert_eq!(fans(COMMON.conv_layers()), [(9, 288), (288, 576), (576, 576)]);
        assert_eq!(fans(COMMON.fc_layers()), [(1024, 64), (64, 10)]);
        assert_eq!(
            fans(DEEP.conv_layers()),
            [(9, 288), (288, 576), (576, 864), (864, 1152), (1152, 1152)]
        );
        assert_eq!(fans(DEEP.fc_layers()), [(2048, 1024), (1024, 256), (256, 64), (64, 10)]);
    }

    #[test]
    fn biases_start_at_exactly_zero_and_weights_do_not() {
        for architecture in [COMMON, DEEP] {
            let network = network(&architecture);
            for layer in network.layers() {
                let biases = layer.bias.as_ref().unwrap().to_data();
                assert!(biases.iter::<f32>().all(|b| b.to_bits() == 0));
                let weights = layer.weight.to_data();
                assert!(weights.iter::<f32>().all(|w| w.to_bits() != 0));
            }
        }
    }

    #[test]
    fn an_image_has_ten_logits_which_do_not_depend_on_its_batch() {
        let pixels = (0..3 * 784).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0);
        let data = TensorData::new(pixels.collect::<Vec<_>>(), [3, 784]);
        let images = Tensor::<2>::from_data(data, &device());
        for architecture in [COMMON, DEEP] {
            let network = network(&architecture);
            let together = network.forward(images.clone());
            assert_eq!(together.dims(), [3, CLASSES]);
            let alone = network.forward(images.clone().slice(2..3));
            assert!(differ(&together.slice(2..3), &alone) < 1e-5);
        }
    }
}
