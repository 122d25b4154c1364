//! Burn for Kindling's workers: devices by name, and operations that a backend does best natively.
//!
//! No other crate names a backend. An objective that trains with Burn passes its trial's device name to
//! [`device`]; its worker gets [`BurnDevices`].

mod adam_w;
mod convolution;
mod fault;
#[cfg(feature = "tch")]
mod libtorch;
mod list;

use burn::tensor::Device;
use kindling_worker::{DeviceError, DeviceName, Devices, Fault, Listed, Memory};

pub use self::adam_w::{AdamW, AdamWConstants, AdamWState, Moments, OtherModule};
pub use self::convolution::Convolution;

/// Burn's devices: flex, and with the feature `tch` also libtorch on the CPU and on CUDA GPUs.
#[derive(Debug, Clone, Copy, Default)]
pub struct BurnDevices;

impl Devices for BurnDevices {
    fn list(&self) -> Vec<Listed> {
        list::devices()
    }

    fn best(&self) -> Vec<DeviceName> {
        #[cfg(feature = "tch")]
        return match libtorch::gpu_count() {
            0 => vec![DeviceName::Cpu],
            count => (0..count).map(DeviceName::Cuda).collect(),
        };
        #[cfg(not(feature = "tch"))]
        vec![DeviceName::Flex]
    }

    fn check(&self, device: DeviceName) -> Result<(), DeviceError> {
        match device {
            DeviceName::Flex => Ok(()),
            #[cfg(feature = "tch")]
            DeviceName::Cpu => Ok(()),
            #[cfg(feature = "tch")]
            DeviceName::Cuda(index) => libtorch::gpu(index).map(|_| ()).map_err(|reason| {
                let hint = "`kindling worker --list-devices` shows what there is";
                DeviceError::Missing { device, reason, hint }
            }),
            #[cfg(not(feature = "tch"))]
            DeviceName::Cpu | DeviceName::Cuda(_) => Err(not_built(device)),
        }
    }

    fn open(&self, device: DeviceName, threads: usize) -> Result<(), DeviceError> {
        open(device, threads).map(|_| ())
    }

    fn memory(&self, device: DeviceName) -> Option<Memory> {
        match device {
            #[cfg(feature = "tch")]
            DeviceName::Cuda(index) => libtorch::memory(index),
            _ => None,
        }
    }

    fn fault(&self, message: &str) -> Option<Fault> {
        fault::of(message)
    }

    fn before_exit(&self) {
        #[cfg(feature = "tch")]
        kindling_libtorch::end_without_destructors();
    }
}

/// Returns the device of this name. The calling thread must have opened it; a worker's threads have.
pub fn device(name: DeviceName) -> Result<Device, DeviceError> {
    match name {
        DeviceName::Flex => Ok(Device::flex()),
        #[cfg(feature = "tch")]
        DeviceName::Cpu => Ok(libtorch::cpu()),
        #[cfg(feature = "tch")]
        DeviceName::Cuda(index) => Ok(libtorch::cuda(index)),
        #[cfg(not(feature = "tch"))]
        DeviceName::Cpu | DeviceName::Cuda(_) => Err(not_built(name)),
    }
}

/// Prepares the calling thread to train on this device with `threads` CPU threads.
///
/// On a GPU the thread also gets a stream of its own. flex always trains on one thread.
pub fn open(name: DeviceName, threads: usize) -> Result<Device, DeviceError> {
    #[cfg(not(feature = "tch"))]
    let _ = threads;
    #[cfg(feature = "tch")]
    match name {
        DeviceName::Flex => {}
        DeviceName::Cpu => libtorch::open_cpu(threads),
        DeviceName::Cuda(index) => libtorch::open_gpu(index, threads)
            .map_err(|reason| DeviceError::Refused { device: name, reason })?,
    }
    device(name)
}

#[cfg(not(feature = "tch"))]
fn not_built(device: DeviceName) -> DeviceError {
    DeviceError::Missing {
        device,
        reason: "it needs libtorch, which this build is without".to_owned(),
        hint: "build with `--features tch`, or train with `--device flex`",
    }
}

/// The number of images per batch at which the device evaluates fastest.
pub fn evaluation_batch(device: &Device) -> usize {
    #[cfg(feature = "tch")]
    if let Some(batch) = libtorch::evaluation_batch(device) {
        return batch;
    }
    let _ = device;
    // The pixels that a step gathers should fit into a core's cache.
    16
}

#[cfg(test)]
mod tests {
    use kindling_worker::DeviceChoice;

    use super::*;

    #[test]
    fn a_device_that_cannot_be_had_is_refused_with_a_hint() {
        let absent = DeviceChoice::from(DeviceName::Cuda(4096));
        let message = absent.resolve(&BurnDevices).expect_err("4097 GPUs").to_string();
        assert!(message.contains("cuda:4096") && message.contains("hint: "), "{message}");
    }

    #[test]
    fn auto_is_something_that_can_be_opened() {
        let best = DeviceChoice::Auto.resolve(&BurnDevices).expect("never fails");
        assert!(!best.is_empty());
        assert_eq!(DeviceChoice::Named(best.clone()).resolve(&BurnDevices), Ok(best.clone()));
        assert!(open(best[0], 1).is_ok());
        assert_eq!(best[0] == DeviceName::Flex, cfg!(not(feature = "tch")));
    }
}
