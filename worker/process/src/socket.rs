//! The trial's socket: `docs/trial-socket.md` is the contract.
//!
//! Each connection has a thread ([`listener`]), which reads a line ([`call`]), finds the trial that it speaks of ([`host`]), and
//! answers what can be answered there. What needs the trial itself goes to the thread that owns it ([`Said`]), whose [`desk`]
//! answers it. Nothing in here knows of processes, and of the ground only the folder that the socket is in.

mod answer;
mod call;
mod card;
mod desk;
mod host;
mod listener;
mod report;
mod said;
mod verdict;

pub(crate) use self::call::Given;
pub(crate) use self::card::card;
pub(crate) use self::desk::{Desk, Ends, Request};
pub(crate) use self::host::{Host, Seat};
pub(crate) use self::listener::Socket;
pub(crate) use self::said::Said;
