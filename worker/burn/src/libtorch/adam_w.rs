//! `AdamW` with libtorch's fused kernel: one call updates all parameters in place.

use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use kindling_libtorch::{Parameter, tch};

use crate::adam_w::state::{Held, held, told};
use crate::adam_w::{AdamWConstants, AdamWState, Moments};

const OURS: &str = "a module on libtorch";

/// The optimiser and its state for each parameter.
pub(crate) struct AdamW {
    constants: kindling_libtorch::AdamW,
    steps: u32,
    /// The first and second moments.
    moments: Held<tch::Tensor>,
}

impl AdamW {
    pub(crate) fn new(constants: AdamWConstants) -> Self {
        let AdamWConstants { beta_1, beta_2, epsilon, weight_decay } = constants;
        Self {
            constants: kindling_libtorch::AdamW { beta_1, beta_2, weight_decay, epsilon },
            steps: 0,
            moments: Held::new(),
        }
    }

    /// One that goes on from these moments.
    pub(crate) fn resume(
        constants: AdamWConstants,
        device: &Device,
        steps: u32,
        moments: Vec<(ParamId, Moments)>,
    ) -> Self {
        let there = |numbers: Vec<f32>| {
            let length = numbers.len();
            let tensor = Tensor::<1>::from_data(TensorData::new(numbers, [length]), device);
            // Of its own memory, which the kernel may change.
            tensor.try_into_primitive::<LibTorch>().expect(OURS).tensor.copy()
        };
        Self { steps, moments: held(moments, there), ..Self::new(constants) }
    }

    pub(crate) fn state(&self, parameters: impl Iterator<Item = ParamId>) -> AdamWState {
        let numbers = |tensor: &tch::Tensor| {
            let tensor = TchTensor::new(tensor.flatten(0, -1));
            let tensor = Tensor::<1>::from_primitive::<LibTorch>(tensor);
            tensor.to_data().iter::<f32>().collect()
        };
        told(self.steps, &self.moments, parameters, numbers)
    }

    pub(crate) fn step<M: Module>(
        &mut self,
        learning_rate: f64,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        self.steps += 1;
        let mut collect = Collect { gradients, moments: &mut self.moments, parameters: Vec::new() };
        let module = module.map(&mut collect);
        let mut parameters = collect.parameters;
        let Some(first) = parameters.first() else { return module };
        // The kernel reads the step count on the device.
        let steps = tch::Tensor::full(
            [0_i64; 0],
            f64::from(self.steps),
            (tch::Kind::Float, first.weight.device()),
        );
        self.constants
            .step(&mut parameters, &steps, learning_rate)
            // Panic as the binding does on every error; the worker parses this format.
            .unwrap_or_else(|error| panic!("Torch({:?})", error.0));
        module
    }
}

/// Takes every parameter that has a gradient out of the module, and replaces it by a tensor that shares its
/// memory with no other and can be updated in place.
struct Collect<'a> {
    gradients: GradientsParams,
    moments: &'a mut Held<tch::Tensor>,
    parameters: Vec<Parameter>,
}

impl ModuleMapper for Collect<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let tracked = tensor.is_require_grad();
        let weight = tensor.inner().try_into_primitive::<LibTorch>().expect(OURS);
        // A snapshot of the module may share this memory and must not change with it.
        let weight = if weight.can_mut() { weight } else { TchTensor::new(weight.tensor.copy()) };
        let slope = gradient.try_into_primitive::<LibTorch>().expect(OURS).tensor.contiguous();
        let zeros = || (weight.tensor.zeros_like(), weight.tensor.zeros_like());
        let (first, second) = self.moments.entry(id).or_insert_with(zeros);
        // What was resumed is flat.
        let like_weight = |moment: &tch::Tensor| moment.view_as(&weight.tensor);
        self.parameters.push(Parameter {
            weight: weight.tensor.shallow_clone(),
            slope,
            first_moment: like_weight(first),
            second_moment: like_weight(second),
        });
        let mut tensor = Tensor::from_inner(Tensor::from_primitive::<LibTorch>(weight));
        if tracked {
            tensor = tensor.require_grad();
        }
        Param::from_mapped_value(id, tensor, mapper)
    }
}
