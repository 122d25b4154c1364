//! What the core decides, case by case: each fact is one that a change of a line would break.

mod budget;
mod confirming;
mod failing;
mod leases;
mod pruning;
mod records;
mod registry;
mod results;
mod world;
