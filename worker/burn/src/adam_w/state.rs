//! What an optimiser has learned, as plain numbers.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

use super::OtherModule;

/// What an optimiser has learned.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamWState {
    /// How many steps it took.
    pub steps: u32,
    /// For each parameter of the module, in the module's order. Empty before the first step.
    pub moments: Vec<Moments>,
}

/// What it has learned of one parameter: a number for each of its weights, row by row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moments {
    /// The mean of the gradients.
    pub first: Vec<f32>,
    /// The mean of the squared gradients.
    pub second: Vec<f32>,
}

/// A module's parameters in its order, each with its number of weights.
pub(super) fn parameters<M: Module>(module: &M) -> Vec<(ParamId, usize)> {
    struct List(Vec<(ParamId, usize)>);
    impl ModuleVisitor for List {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push((param.id, param.val().shape().num_elements()));
        }
    }
    let mut list = List(Vec::new());
    module.visit(&mut list);
    list.0
}

/// The moments with the parameters that they belong to.
pub(super) fn by_parameter<M: Module>(
    module: &M,
    moments: Vec<Moments>,
) -> Result<Vec<(ParamId, Moments)>, OtherModule> {
    let parameters = parameters(module);
    let fits = |(moments, (_, count)): (&Moments, &(ParamId, usize))| {
        moments.first.len() == *count && moments.second.len() == *count
    };
    if moments.is_empty() {
        return Ok(Vec::new());
    }
    if moments.len() != parameters.len() || !moments.iter().zip(&parameters).all(fits) {
        return Err(OtherModule);
    }
    Ok(parameters.into_iter().map(|(id, _)| id).zip(moments).collect())
}

/// The first and second moments of each parameter, as a kernel holds them.
pub(crate) type Held<T> = HashMap<ParamId, (T, T)>;

/// Has a kernel hold these moments.
pub(crate) fn held<T>(moments: Vec<(ParamId, Moments)>, hold: impl Fn(Vec<f32>) -> T) -> Held<T> {
    let both = |Moments { first, second }| (hold(first), hold(second));
    moments.into_iter().map(|(id, moments)| (id, both(moments))).collect()
}

/// What a kernel holds of these parameters, as plain numbers.
pub(crate) fn told<T>(
    steps: u32,
    held: &Held<T>,
    parameters: impl Iterator<Item = ParamId>,
    numbers: impl Fn(&T) -> Vec<f32>,
) -> AdamWState {
    let known = parameters.filter_map(|id| held.get(&id));
    let moments = known
        .map(|(first, second)| Moments { first: numbers(first), second: numbers(second) })
        .collect();
    AdamWState { steps, moments }
}
