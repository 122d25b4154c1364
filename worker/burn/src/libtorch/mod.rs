//! libtorch, on the CPU and on CUDA GPUs.
//!
//! burn-tch is deprecated upstream, to be followed by native CUDA. Everything that would have to be replaced
//! is in this folder.
#![allow(deprecated)]

mod adam_w;
mod convolution;

use burn::backend::{DispatchDevice, LibTorchDevice};
use burn::tensor::Device;
use kindling_libtorch::{Gpu, tch};

use kindling_worker::Memory;

use crate::fault::said;

pub(super) use self::adam_w::AdamW;
pub(super) use self::convolution::convolve;

/// The number of GPUs.
pub(super) fn gpu_count() -> usize {
    usize::try_from(tch::Cuda::device_count()).unwrap_or(0)
}

/// Describes `cuda:<index>`, or says why it is not there.
pub(super) fn gpu(index: usize) -> Result<Gpu, String> {
    let gpu = kindling_libtorch::gpu(index).map_err(|error| error.to_string())?;
    let usable = gpu_count();
    if index < usable {
        return Ok(gpu);
    }
    Err(format!("libtorch {} can use {usable} GPUs here", version()))
}

/// See [`kindling_worker::Devices::memory`].
pub(super) fn memory(index: usize) -> Option<Memory> {
    let kindling_libtorch::Memory { allocated, reserved } =
        kindling_libtorch::gpu_memory(index).ok()?;
    Some(Memory { allocated, reserved })
}

/// The libtorch release that this build uses.
pub(super) fn version() -> String {
    kindling_libtorch::version()
}

pub(super) fn cpu() -> Device {
    Device::libtorch()
}

pub(super) fn cuda(index: usize) -> Device {
    Device::libtorch_cuda(index)
}

pub(super) fn open_cpu(threads: usize) {
    prepare(threads);
}

pub(super) fn open_gpu(index: usize, threads: usize) -> Result<(), String> {
    prepare(threads);
    kindling_libtorch::use_own_stream(index).map_err(|error| error.to_string())?;
    // Creates the thread's handles and workspaces, and shows whether the GPU works at all.
    let some = tch::Tensor::f_ones([8, 8], (tch::Kind::Float, tch::Device::Cuda(index)));
    let product = some.and_then(|some| some.f_matmul(&some));
    drop(product.map_err(|error| said(&error.to_string()))?);
    tch::Cuda::synchronize(index as i64);
    Ok(())
}

/// Sets the number of threads for operations started by the calling thread.
fn prepare(threads: usize) {
    kindling_libtorch::end_without_destructors();
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
}

pub(super) fn is_libtorch(device: &Device) -> bool {
    libtorch_device(device).is_some()
}

fn libtorch_device(device: &Device) -> Option<LibTorchDevice> {
    match device.clone().inner().as_dispatch() {
        DispatchDevice::LibTorch(device) => Some(*device),
        _ => None,
    }
}

/// See [`super::evaluation_batch`]; `None` for other backends.
pub(super) fn evaluation_batch(device: &Device) -> Option<usize> {
    Some(match libtorch_device(device)? {
        // Small enough for a core's cache, large enough for libtorch's kernels.
        LibTorchDevice::Cpu => 128,
        // A GPU is fastest with as few launches as possible.
        _ => 2048,
    })
}
