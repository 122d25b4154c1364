//! libtorch, on the CPU and on CUDA GPUs.
//!
//! burn-tch is deprecated upstream, where native CUDA is to follow it. All there is to replace is
//! in this folder.
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

/// How many GPUs there are.
pub(super) fn gpu_count() -> usize {
    usize::try_from(tch::Cuda::device_count()).unwrap_or(0)
}

/// What `cuda:<index>` is, or why there is none.
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

/// The release that this build was made with.
pub(super) fn version() -> String {
    kindling_libtorch::version()
}

pub(super) fn open_cpu(threads: usize) {
    prepare(threads);
}

pub(super) fn open_gpu(index: usize, threads: usize) -> Result<(), String> {
    prepare(threads);
    kindling_libtorch::use_own_stream(index).map_err(|error| error.to_string())?;
    // Makes the thread's handles and workspaces, and shows whether the GPU works at all.
    let some = tch::Tensor::f_ones([8, 8], (tch::Kind::Float, tch::Device::Cuda(index)));
    let product = some.and_then(|some| some.f_matmul(&some));
    drop(product.map_err(|error| said(&error.to_string()))?);
    tch::Cuda::synchronize(index as i64);
    Ok(())
}

/// Gives operations that the calling thread starts so many threads.
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

/// See the parent's function; `None` for other backends.
pub(super) fn evaluation_batch(device: &Device) -> Option<usize> {
    Some(match libtorch_device(device)? {
        // Small enough for a core's cache, large enough for its kernels.
        LibTorchDevice::Cpu => 128,
        // A GPU wants as few launches as possible.
        _ => 2048,
    })
}
