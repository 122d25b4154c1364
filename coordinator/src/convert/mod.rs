//! Wire types stay in here. `from_wire` parses what peers send, and `to_wire` converts the other
//! way.

mod activity;
mod external;
mod from_wire;
mod invalid;
mod json;
pub(crate) mod kept;
mod notify;
mod output;
#[cfg(test)]
mod round_trip;
pub(crate) mod saving;
pub(crate) mod to_wire;
pub mod typed;

pub(crate) use activity::activity;
pub(crate) use external::{
    external_state, external_study, external_trial, external_trial_in_short,
};
pub(crate) use from_wire::{
    check_constraints, claim, confirm as confirm_from_wire, finish, lease_info, named_values,
    others, spec, trial_states, wait, wanted,
};
pub use invalid::Invalid;
#[cfg(test)]
pub(crate) use json::to_struct;
pub(crate) use output::{lines, piece};
pub(crate) use to_wire::{
    assignment, claim as claim_to_wire, duration, params, state, study, trial, trial_in_short,
    verdict, worker,
};
pub use to_wire::{confirm as confirm_to_wire, spec as spec_to_wire};
