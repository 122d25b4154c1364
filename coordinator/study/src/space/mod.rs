//! The search space: distributions, and the conditions under which a parameter is active.

#[cfg(test)]
pub(crate) mod arbitrary;
mod discrete;
mod distribution;
mod error;
pub(crate) mod freedom;
mod order;
mod param;
mod search_space;

pub(crate) use discrete::{Configurations, Values};
pub(crate) use distribution::unsigned_zero;
pub use distribution::{Choice, Distribution, FloatScale, ParamValue};
pub use error::SpaceError;
pub(crate) use freedom::{Freedom, freedoms};
pub use param::{Condition, Param, Params};
pub use search_space::SearchSpace;
