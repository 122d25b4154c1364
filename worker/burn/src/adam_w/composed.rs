//! `AdamW` composed of Burn's operations.

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

use super::state::{Held, held, told};
use super::{AdamWConstants, AdamWState, Moments};

/// `torch.optim.AdamW`, operation by operation.
///
/// Burn's own version computes the powers of β in single precision, which is off by up to 1e-4 in the first
/// steps, and it needs more temporaries.
pub(super) struct Composed {
    constants: AdamWConstants,
    steps: u32,
    /// The first and second moments `[weights]`, row by row.
    moments: Held<Tensor<1>>,
}

impl Composed {
    pub(super) fn new(constants: AdamWConstants) -> Self {
        Self { constants, steps: 0, moments: Held::new() }
    }

    pub(super) fn resume(
        constants: AdamWConstants,
        device: &Device,
        steps: u32,
        moments: Vec<(ParamId, Moments)>,
    ) -> Self {
        let there = |numbers: Vec<f32>| {
            let length = numbers.len();
            Tensor::from_data(TensorData::new(numbers, [length]), device)
        };
        Self { constants, steps, moments: held(moments, there) }
    }

    pub(super) fn state(&self, parameters: impl Iterator<Item = ParamId>) -> AdamWState {
        let numbers = |tensor: &Tensor<1>| tensor.to_data().iter::<f32>().collect();
        told(self.steps, &self.moments, parameters, numbers)
    }

    pub(super) fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        self.steps += 1;
        module.map(&mut Step { optimizer: self, learning_rate, gradients })
    }
}

/// One step, parameter by parameter.
struct Step<'a> {
    optimizer: &'a mut Composed,
    learning_rate: f64,
    gradients: GradientsParams,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let is_tracked = tensor.is_require_grad();
        let mut tensor = Tensor::from_inner(self.stepped(id, tensor.inner(), gradient));
        if is_tracked {
            tensor = tensor.require_grad();
        }
        Param::from_mapped_value(id, tensor, mapper)
    }
}

impl Step<'_> {
    fn stepped<const D: usize>(
        &mut self,
        id: ParamId,
        weights: Tensor<D>,
        gradient: Tensor<D>,
    ) -> Tensor<D> {
        let Composed { constants, steps, moments } = &mut *self.optimizer;
        let AdamWConstants { beta_1, beta_2, epsilon, weight_decay } = *constants;
        let shape = weights.shape();
        let first = gradient.clone() * (1.0 - beta_1);
        let second = gradient.square() * (1.0 - beta_2);
        let (first, second) = match moments.remove(&id) {
            None => (first, second),
            Some((past_1, past_2)) => {
                let past = |tensor: Tensor<1>| tensor.reshape(shape.clone());
                (past(past_1) * beta_1 + first, past(past_2) * beta_2 + second)
            }
        };
        let steps = i32::try_from(*steps).unwrap_or(i32::MAX);
        let step_size = self.learning_rate / (1.0 - beta_1.powi(steps));
        let scale = second.clone().sqrt() / (1.0 - beta_2.powi(steps)).sqrt() + epsilon;
        let weights =
            weights * (1.0 - self.learning_rate * weight_decay) - first.clone() / scale * step_size;
        let flat = |tensor: Tensor<D>| tensor.reshape([shape.num_elements()]);
        moments.insert(id, (flat(first), flat(second)));
        weights
    }
}
