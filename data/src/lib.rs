//! Data sets for Kindling's objectives.
//!
//! - [`mnist`]: the four MNIST files, found in a directory or downloaded into a cache, and used only if their
//!   SHA-256 is right.
//! - [`digits`]: synthetic digits drawn by code, so that a study needs no files and no network.
//! - [`Split`]: a seeded draw of disjoint training and validation sets.
//! - [`idx`]: MNIST's file format.
//!
//! Nothing here falls back from one data set to another. A study that asks for MNIST gets MNIST, or an error
//! that says what to do.
//!
//! Everything seeded gives the same bytes on every platform and in every build, because studies are replayed.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod dataset;
mod digits;
mod hex;
pub mod idx;
pub mod mnist;
mod random;
mod split;

pub use dataset::{Dataset, DatasetError, MAX_LABEL};
pub use digits::digits;
pub use hex::hex;
pub use mnist::{Mnist, MnistError};
pub use split::{Split, SplitError};
