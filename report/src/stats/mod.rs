//! Descriptive statistics and tests. The numbers agree with `SciPy` up to rounding.

mod holm;
mod paired;
mod sample;
mod wilcoxon;

#[cfg(test)]
mod tests;

pub use holm::holm;
pub use paired::paired_t;
pub use sample::{interval, mean, sd};
pub use wilcoxon::wilcoxon;
