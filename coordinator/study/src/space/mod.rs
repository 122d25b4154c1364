//! The search space: distributions, and the conditions under which a parameter is active.

mod allowed;
#[cfg(test)]
pub(crate) mod arbitrary;
mod condition;
mod discrete;
mod distribution;
mod error;
pub(crate) mod freedom;
mod nested;
mod order;
mod param;
mod search_space;

pub(crate) use allowed::within;
pub use allowed::{Allowed, Numbers};
pub(crate) use discrete::{Configurations, Values};
pub(crate) use distribution::unsigned_zero;
pub use distribution::{Choice, Distribution, FloatScale, ParamValue};
pub use error::SpaceError;
pub(crate) use freedom::{Freedom, freedoms};
pub use nested::{Nested, NotNested};
pub use param::{Condition, Needs, Param, Params};
pub use search_space::SearchSpace;
