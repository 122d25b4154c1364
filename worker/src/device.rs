//! Devices by name. A framework says which exist and how to train on them: see [`Devices`].

use std::fmt;
use std::str::FromStr;

/// A device to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// The CPU, in pure Rust, with Burn's backend of that name.
    Flex,
    /// The CPU, with libtorch.
    Cpu,
    /// A CUDA GPU, counted from 0.
    Cuda(usize),
}

/// The devices requested on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The best that this build and machine offer: all GPUs, or else the CPU.
    #[default]
    Auto,
    /// These devices.
    Named(Vec<DeviceName>),
}

/// An invalid choice of devices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownDevice {
    /// Not the name of a device.
    #[error("unknown device `{0}`: expected auto, flex, cpu or cuda:N, or several with commas")]
    Name(String),
    /// The same device twice. For several trials on one device there is `--slots`.
    #[error("device `{0}` is named twice; for more trials at a time on it, raise the slots")]
    Twice(DeviceName),
}

/// A device that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// This build or machine does not have it.
    #[error("there is no device `{device}`: {reason}\nhint: {hint}")]
    Missing {
        /// The requested device.
        device: DeviceName,
        /// Why it is missing.
        reason: String,
        /// What may help.
        hint: &'static str,
    },
    /// It exists but cannot be prepared.
    #[error("device `{device}` cannot be used: {reason}")]
    Refused {
        /// The device asked for.
        device: DeviceName,
        /// What the framework said.
        reason: String,
    },
}

/// A failure of the device, not of the objective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The trial does not fit into the device's memory. The device can go on.
    OutOfMemory(String),
    /// The trial broke the device for the whole process, for example with an index out of range in a GPU
    /// kernel. It would do so on any device.
    BrokenByTrial(String),
    /// This process lost the device, through no fault of the trial.
    Lost(String),
}

/// The GPU memory that this process holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Used by tensors.
    pub allocated: u64,
    /// Used by tensors or cached by the framework for later ones.
    pub reserved: u64,
}

/// An entry in the list of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name to type.
    pub name: String,
    /// What it is, or why it is not available.
    pub description: String,
    /// Whether it can be used.
    pub available: bool,
}

/// The devices that a framework can train on, in this build and on this machine.
pub trait Devices: Send + Sync + 'static {
    /// Lists all devices; an unavailable one says why.
    fn list(&self) -> Vec<Listed>;

    /// The devices that `auto` stands for: at least one.
    fn best(&self) -> Vec<DeviceName>;

    /// Checks whether the device can be used.
    fn check(&self, device: DeviceName) -> Result<(), DeviceError>;

    /// Prepares the calling thread to train on that device only, with `threads` CPU threads.
    ///
    /// Called once for each of a worker's threads, one thread after another.
    fn open(&self, device: DeviceName, threads: usize) -> Result<(), DeviceError>;

    /// The memory that this process holds on the device, if it is a GPU.
    fn memory(&self, device: DeviceName) -> Option<Memory> {
        let _ = device;
        None
    }

    /// Classifies a panic's message, if it is about the device.
    fn fault(&self, message: &str) -> Option<Fault> {
        let _ = message;
        None
    }

    /// Called when no more trials start and the process may end, even if some trials are still running.
    fn before_exit(&self) {}
}

impl DeviceChoice {
    /// The chosen devices, or why one of them cannot be used.
    pub fn resolve(&self, devices: &dyn Devices) -> Result<Vec<DeviceName>, DeviceError> {
        match self {
            Self::Auto => Ok(devices.best()),
            Self::Named(names) => {
                names.iter().try_for_each(|name| devices.check(*name))?;
                Ok(names.clone())
            }
        }
    }
}

impl DeviceName {
    /// Whether it is a GPU.
    #[must_use]
    pub fn is_gpu(self) -> bool {
        matches!(self, Self::Cuda(_))
    }
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

/// The names, separated by commas.
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
}
