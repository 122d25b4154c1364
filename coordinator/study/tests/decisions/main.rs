//! The core's decisions, case by case. Changing a line of the core should break one of these tests.

mod budget;
mod confirming;
#[path = "../described/mod.rs"]
mod described;
mod failing;
mod leases;
mod objectives;
mod proposing;
mod pruning;
mod records;
mod registry;
mod results;
mod saving;
mod telling;
mod world;
