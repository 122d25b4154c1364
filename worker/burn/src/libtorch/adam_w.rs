//! `AdamW` with libtorch's fused kernel: one call updates all parameters in place.

use std::collections::HashMap;

use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use kindling_libtorch::{Parameter, tch};

use crate::adam_w::AdamWConstants;

/// The optimiser and its state for each parameter.
pub(crate) struct AdamW {
    constants: kindling_libtorch::AdamW,
    steps: u32,
    /// The first and second moments.
    moments: HashMap<ParamId, (tch::Tensor, tch::Tensor)>,
}

impl AdamW {
    pub(crate) fn new(constants: AdamWConstants) -> Self {
        let AdamWConstants { beta_1, beta_2, epsilon, weight_decay } = constants;
        Self {
            constants: kindling_libtorch::AdamW { beta_1, beta_2, weight_decay, epsilon },
            steps: 0,
            moments: HashMap::new(),
        }
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
    moments: &'a mut HashMap<ParamId, (tch::Tensor, tch::Tensor)>,
    parameters: Vec<Parameter>,
}

impl ModuleMapper for Collect<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        const OURS: &str = "a module on libtorch";
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let (id, tensor, mapper) = param.consume();
        let tracked = tensor.is_require_grad();
        let weight = tensor.inner().try_into_primitive::<LibTorch>().expect(OURS);
        // A snapshot of the module may share this memory and must not change with it.
        let weight = if weight.can_mut() { weight } else { TchTensor::new(weight.tensor.copy()) };
        let slope = gradient.try_into_primitive::<LibTorch>().expect(OURS).tensor.contiguous();
        let zeros = || (weight.tensor.zeros_like(), weight.tensor.zeros_like());
        let (first, second) = self.moments.entry(id).or_insert_with(zeros);
        self.parameters.push(Parameter {
            weight: weight.tensor.shallow_clone(),
            slope,
            first_moment: first.shallow_clone(),
            second_moment: second.shallow_clone(),
        });
        let mut tensor = Tensor::from_inner(Tensor::from_primitive::<LibTorch>(weight));
        if tracked {
            tensor = tensor.require_grad();
        }
        Param::from_mapped_value(id, tensor, mapper)
    }
}
