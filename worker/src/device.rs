//! Devices by name. Which there are and how to train on one is for a framework to say: see [`Devices`].

use std::fmt;
use std::str::FromStr;

/// A device that trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// The CPU, in pure Rust: Burn's backend of that name.
    Flex,
    /// The CPU.
    Cpu,
    /// A CUDA GPU, counted from 0.
    Cuda(usize),
}

/// The devices asked for on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The best that this build and machine offer: every GPU, else the CPU.
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
    /// There is none of this name.
    #[error("there is no device `{device}`: {reason}\nhint: {hint}")]
    Missing {
        /// The device asked for.
        device: DeviceName,
        /// Why it is not there.
        reason: String,
        /// What may help.
        hint: &'static str,
    },
    /// It is there and cannot be prepared.
    #[error("device `{device}` cannot be used: {reason}")]
    Refused {
        /// The device asked for.
        device: DeviceName,
        /// What its framework said.
        reason: String,
    },
}

/// A failure of a device rather than of an objective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The trial does not fit into its memory. The device can go on.
    OutOfMemory(String),
    /// The trial broke the device's state for the whole process: an index out of range in a GPU's
    /// kernel. It would do so anywhere.
    BrokenByTrial(String),
    /// The device is lost to this process, through no fault of the trial's.
    Lost(String),
}

/// What this process has of a GPU's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Taken by tensors.
    pub allocated: u64,
    /// These, and what the framework keeps for the next ones.
    pub reserved: u64,
}

/// A device as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What to type.
    pub name: String,
    /// What it is, or why it is not available.
    pub description: String,
    /// Whether it can be had.
    pub available: bool,
}

/// The devices that a framework can train on, on this machine and in this build.
pub trait Devices: Send + Sync + 'static {
    /// What there is, and what is not there and why.
    fn list(&self) -> Vec<Listed>;

    /// What `auto` stands for: one device at least.
    fn best(&self) -> Vec<DeviceName>;

    /// Whether the device can be had at all.
    fn check(&self, device: DeviceName) -> Result<(), DeviceError>;

    /// Prepares the calling thread to train on that device and on no other, with so many CPU threads.
    /// Called once in the life of each of a worker's threads, one after another.
    fn open(&self, device: DeviceName, threads: usize) -> Result<(), DeviceError>;

    /// The memory that this process has of it, if it is a GPU.
    fn memory(&self, device: DeviceName) -> Option<Memory> {
        let _ = device;
        None
    }

    /// What a panic's message says of the device, if it speaks of one.
    fn fault(&self, message: &str) -> Option<Fault> {
        let _ = message;
        None
    }

    /// Called when no more trials are begun, whether or not all have ended, and the process may end.
    fn before_exit(&self) {}
}

impl DeviceChoice {
    /// The devices themselves, or why one of them cannot be had here.
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
}
