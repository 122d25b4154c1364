//! One trial from the start of its process to its outcome.
//!
//! The thread of a slot owns its trial and waits for events ([`attend`]): what the process says over the socket, what happens to it,
//! what its output gives. What the trial comes to is decided in one place ([`outcome`]).

mod attend;
mod ear;
mod event;
mod headline;
mod outcome;
mod process;
mod screen;

pub(crate) use self::attend::{Rules, attend};
pub(crate) use self::event::Event;
pub(crate) use self::outcome::{Whose, outcome};
pub(crate) use self::process::{Place, Process};
