//! Labelled images on a device, and a network's accuracy on them.

use burn::tensor::{Device, Int, Tensor, TensorData};
use kindling_data::Dataset;

use super::network::Network;
use kindling_burn::evaluation_batch;

/// Labelled images on a device.
#[derive(Debug, Clone)]
pub(super) struct Images {
    /// `[images, pixels]`, from −1 to 1.
    pixels: Tensor<2>,
    /// `[images]`, from 0 to 9.
    labels: Tensor<1, Int>,
}

impl Images {
    /// Copies a data set to a device.
    pub(super) fn upload(data: &Dataset, device: &Device) -> Self {
        let shape = [data.len(), data.rows() * data.columns()];
        let labels: Vec<i64> = data.labels().iter().copied().map(i64::from).collect();
        Self {
            pixels: Tensor::from_data(TensorData::new(data.normalised(), shape), device),
            labels: Tensor::from_data(TensorData::new(labels, [data.len()]), device),
        }
    }

    pub(super) fn device(&self) -> Device {
        self.labels.device()
    }

    pub(super) fn len(&self) -> usize {
        self.labels.dims()[0]
    }

    /// Copies image indices to the images' device.
    pub(super) fn indices(&self, indices: &[i64]) -> Tensor<1, Int> {
        let data = TensorData::new(indices.to_vec(), [indices.len()]);
        Tensor::from_data(data, &self.device())
    }

    /// The images at `indices`, `[indices, pixels]`, and their labels, `[indices]`.
    pub(super) fn batch(&self, indices: Tensor<1, Int>) -> (Tensor<2>, Tensor<1, Int>) {
        let pixels = self.pixels.clone().select(0, indices.clone());
        (pixels, self.labels.clone().select(0, indices))
    }
}

/// The share of images whose largest logit is that of their label.
///
/// `network` and `images` must be on the same device, without gradients.
pub(super) fn accuracy(network: &Network, images: &Images) -> f64 {
    let (n, device) = (images.len(), images.device());
    let step = evaluation_batch(&device);
    // Counted on the device and read back once, because reading waits for the device.
    let mut right = Tensor::<1, Int>::zeros([1], &device);
    for start in (0..n).step_by(step) {
        let batch = start..n.min(start + step);
        let logits = network.forward(images.pixels.clone().slice(batch.clone()));
        let guesses = logits.argmax(1).squeeze_dim(1);
        let labels = images.labels.clone().slice(batch);
        right = right + guesses.equal(labels).int().sum();
    }
    right.into_scalar::<i64>() as f64 / n as f64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    use super::super::init::Init;
    use super::super::network::COMMON;
    use super::super::testing::device;
    use super::*;

    #[test]
    fn a_batch_holds_the_images_asked_for() {
        let data = Dataset::new(vec![0, 255, 51, 0, 0, 255], vec![7, 8, 9], 1, 2).unwrap();
        let images = Images::upload(&data, &device());
        let (pixels, labels) = images.batch(images.indices(&[2, 0]));
        pixels.to_data().assert_eq(&TensorData::from([[-1.0_f32, 1.0], [-1.0, 1.0]]), true);
        assert_eq!(labels.to_data().iter::<i64>().collect::<Vec<_>>(), [9, 7]);
    }

    #[test]
    fn accuracy_is_the_share_of_labels_that_have_the_largest_logit() {
        let data = kindling_data::digits(evaluation_batch(&device()) * 2 + 3, 1);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let init = Init::HeNormal;
        let network = Network::new(&COMMON, init, init, &mut rng, data.len(), &device());
        let images = Images::upload(&data, &device());

        let logits = network.forward(images.pixels.clone()).to_data();
        let logits: Vec<f32> = logits.iter().collect();
        let right = logits.chunks(10).zip(data.labels()).filter(|(logits, label)| {
            let label = usize::from(**label);
            (0..10).all(|class| class == label || logits[class] < logits[label])
        });
        let expected = right.count() as f64 / data.len() as f64;
        assert!(expected > 0.0 && expected < 1.0, "{expected} would prove little");
        assert!((accuracy(&network, &images) - expected).abs() < 1e-12);
    }

    #[test]
    fn of_equal_logits_the_first_counts() {
        let data = kindling_data::digits(100, 1);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let init = Init::Zero;
        let network = Network::new(&COMMON, init, init, &mut rng, data.len(), &device());
        let images = Images::upload(&data, &device());
        assert!((accuracy(&network, &images) - 0.1).abs() < 1e-12);
    }
}
