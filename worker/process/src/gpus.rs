//! GPUs for trials that are processes of their own: which there are, which trial gets which, and how it is told.
//!
//! This process never opens one, so no CUDA context of ours takes memory beside a trial's.

pub use self::devices::ProcessDevices;
pub use self::pool::{GpuPool, GpuShare};
pub use self::visible::NamedBy;

mod devices;
mod nvml;
mod pool;
mod visible;
