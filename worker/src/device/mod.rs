//! Devices by name, and what their backends do best themselves. Nothing outside this folder names a
//! backend.

mod adam_w;
mod convolution;
mod fault;
#[cfg(feature = "tch")]
mod libtorch;
mod list;

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

pub(crate) use self::adam_w::{AdamW, AdamWConstants};
pub(crate) use self::convolution::Convolution;
pub use self::fault::Fault;
pub(crate) use self::list::print_devices;

/// A device that trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// Burn's pure-Rust backend on the CPU.
    Flex,
    /// libtorch on the CPU.
    Cpu,
    /// libtorch on a CUDA GPU, counted from 0.
    Cuda(usize),
}

/// The devices asked for on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The best that this build and machine offer: every GPU, else libtorch on the CPU, else flex.
    #[default]
    Auto,
    /// These.
    Named(Vec<DeviceName>),
}

/// A choice of devices that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownDevice {
    /// Not the name of a device.
    #[error("unknown device `{0}`: expected auto, flex, cpu or cuda:N, or several with commas")]
    Name(String),
    /// Several slots on a device are asked for otherwise.
    #[error("device `{0}` is named twice; for more trials at a time on it, raise the slots")]
    Twice(DeviceName),
}

/// A device that this build or machine does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// It needs libtorch.
    #[error(
        "device `{0}` needs libtorch, which this build is without\n\
         hint: build with `--features tch`, or train with `--device flex`"
    )]
    NotBuilt(DeviceName),
    /// There is no such GPU.
    #[error(
        "there is no device `{device}`: {reason}\n\
         hint: `kindling worker --list-devices` shows what there is"
    )]
    Missing {
        /// The device asked for.
        device: DeviceName,
        /// Why it is not there.
        reason: String,
    },
    /// The backend refused to prepare it.
    #[error("device `{device}` cannot be used: {reason}")]
    Refused {
        /// The device asked for.
        device: DeviceName,
        /// What its backend said.
        reason: String,
    },
}

impl DeviceChoice {
    /// The devices themselves, or why one of them cannot be had here.
    pub fn resolve(&self) -> Result<Vec<DeviceName>, DeviceError> {
        match self {
            Self::Auto => Ok(best()),
            Self::Named(names) => {
                names.iter().try_for_each(|name| name.check())?;
                Ok(names.clone())
            }
        }
    }
}

fn best() -> Vec<DeviceName> {
    #[cfg(feature = "tch")]
    return match libtorch::gpu_count() {
        0 => vec![DeviceName::Cpu],
        count => (0..count).map(DeviceName::Cuda).collect(),
    };
    #[cfg(not(feature = "tch"))]
    vec![DeviceName::Flex]
}

impl DeviceName {
    /// Whether it is a GPU.
    #[must_use]
    pub fn is_gpu(self) -> bool {
        matches!(self, Self::Cuda(_))
    }

    fn check(self) -> Result<(), DeviceError> {
        match self {
            Self::Flex => Ok(()),
            #[cfg(feature = "tch")]
            Self::Cpu => Ok(()),
            #[cfg(feature = "tch")]
            Self::Cuda(index) => libtorch::gpu(index)
                .map(|_| ())
                .map_err(|reason| DeviceError::Missing { device: self, reason }),
            #[cfg(not(feature = "tch"))]
            Self::Cpu | Self::Cuda(_) => Err(DeviceError::NotBuilt(self)),
        }
    }

    /// The device for the calling thread, which is to train one trial on it: with so many threads,
    /// and on a GPU with a stream of its own. flex always trains on one thread.
    pub fn open(self, threads: usize) -> Result<Device, DeviceError> {
        #[cfg(not(feature = "tch"))]
        let _ = threads;
        match self {
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "tch")]
            Self::Cpu => Ok(libtorch::open_cpu(threads)),
            #[cfg(feature = "tch")]
            Self::Cuda(index) => libtorch::open_gpu(index, threads)
                .map_err(|reason| DeviceError::Refused { device: self, reason }),
            #[cfg(not(feature = "tch"))]
            Self::Cpu | Self::Cuda(_) => Err(DeviceError::NotBuilt(self)),
        }
    }
}

/// What this process has of a GPU's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Taken by tensors.
    pub(crate) allocated: u64,
    /// These, and what the backend keeps for the next ones.
    pub(crate) reserved: u64,
}

impl DeviceName {
    /// The memory that this process has of it, if it is a GPU.
    pub(crate) fn memory(self) -> Option<Memory> {
        match self {
            #[cfg(feature = "tch")]
            Self::Cuda(index) => libtorch::memory(index),
            _ => None,
        }
    }
}

/// To be called when no more trials are begun, whether or not all have ended, and the process may
/// end.
pub(crate) fn before_exit() {
    #[cfg(feature = "tch")]
    kindling_libtorch::end_without_destructors();
}

/// How many images of an evaluation a device likes to see at a time.
pub(crate) fn evaluation_batch(device: &Device) -> usize {
    #[cfg(feature = "tch")]
    if let Some(batch) = libtorch::evaluation_batch(device) {
        return batch;
    }
    let _ = device;
    // The pixels that a step gathers should fit into a core's cache.
    16
}

impl FromStr for DeviceName {
    type Err = UnknownDevice;
    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        match text {
            "flex" => Ok(Self::Flex),
            "cpu" => Ok(Self::Cpu),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| UnknownDevice::Name(text.to_owned())),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => f.write_str("flex"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = UnknownDevice;
    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let mut names = Vec::new();
        for name in text.split(',') {
            let name = name.trim().parse()?;
            if names.contains(&name) {
                return Err(UnknownDevice::Twice(name));
            }
            names.push(name);
        }
        Ok(Self::Named(names))
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Named(names) => f.write_str(&join(names)),
        }
    }
}

impl From<DeviceName> for DeviceChoice {
    fn from(name: DeviceName) -> Self {
        Self::Named(vec![name])
    }
}

/// The names with commas between them.
pub(crate) fn join(names: &[DeviceName]) -> String {
    names.iter().map(DeviceName::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_they_are_typed() {
        for text in ["auto", "flex", "cpu", "cuda:0", "cuda:0,cuda:3", "flex,cpu"] {
            assert_eq!(text.parse::<DeviceChoice>().expect("a name").to_string(), text);
        }
        assert_eq!("cuda:1, cpu".parse::<DeviceChoice>().expect("names").to_string(), "cuda:1,cpu");
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "gpu", "cuda", "cuda:", "cuda:-1", "cuda:x", "auto,cpu", "cpu,"] {
            assert!(matches!(text.parse::<DeviceChoice>(), Err(UnknownDevice::Name(_))), "{text}");
        }
        assert_eq!("cpu,cpu".parse::<DeviceChoice>(), Err(UnknownDevice::Twice(DeviceName::Cpu)));
    }

    #[test]
    fn a_device_that_cannot_be_had_is_refused_with_a_hint() {
        let absent = DeviceChoice::from(DeviceName::Cuda(4096));
        let message = absent.resolve().expect_err("4097 GPUs").to_string();
        assert!(message.contains("cuda:4096") && message.contains("hint: "), "{message}");
    }

    #[test]
    fn auto_is_something_that_can_be_opened() {
        let best = DeviceChoice::Auto.resolve().expect("never fails");
        assert!(!best.is_empty());
        assert_eq!(DeviceChoice::Named(best.clone()).resolve(), Ok(best.clone()));
        assert!(best[0].open(1).is_ok());
        assert_eq!(best[0] == DeviceName::Flex, cfg!(not(feature = "tch")));
    }
}
