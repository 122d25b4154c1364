//! Devices by name. The only place that names a backend.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

/// A device as typed on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceName {
    /// The best that this build and machine offer.
    #[default]
    Auto,
    /// Burn's pure-Rust backend on the CPU.
    Flex,
}

/// A device name that this build does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown device `{0}`: this build knows `auto` and `flex`")]
pub struct UnknownDevice(String);

impl DeviceName {
    /// The device that the name stands for on this machine.
    pub fn open(self) -> Device {
        match self {
            Self::Auto | Self::Flex => Device::flex(),
        }
    }

    /// The name with `auto` resolved.
    #[must_use]
    pub fn resolved(self) -> Self {
        Self::Flex
    }
}

impl FromStr for DeviceName {
    type Err = UnknownDevice;
    fn from_str(text: &str) -> Result<Self, UnknownDevice> {
        match text {
            "auto" => Ok(Self::Auto),
            "flex" => Ok(Self::Flex),
            other => Err(UnknownDevice(other.to_owned())),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Flex => "flex",
        })
    }
}
