//! The devices of a worker that trains nothing itself.

use std::env;

use kindling_worker::{DeviceError, DeviceName, Devices, Listed};

use super::nvml;
use super::visible::{ORDER, VISIBLE, Visible};

/// The devices of a worker whose trials are processes of their own: the GPUs that the driver lists, and the CPU.
///
/// Nothing is opened here, so the worker needs no framework and holds no memory of a GPU. `cpu` and `flex` both mean: no GPU.
#[derive(Debug, Clone)]
pub struct ProcessDevices {
    visible: Visible,
    /// Why there is no GPU.
    none: String,
}

impl ProcessDevices {
    /// Asks the driver. A machine without one has no GPUs.
    pub fn find() -> Self {
        let (visible, reason) = visible();
        let hidden =
            env::var_os(VISIBLE).map(|_| format!("{VISIBLE} hides every one that may be there"));
        let none = reason.or(hidden).unwrap_or_else(|| "the NVIDIA driver lists none".to_owned());
        Self { visible, none }
    }

    fn count(&self) -> usize {
        self.visible.gpus().len()
    }
}

/// What this process may use, and why nothing could be listed.
pub(super) fn visible() -> (Visible, Option<String>) {
    let read = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let (found, reason) = match nvml::gpus() {
        Ok(found) => (found, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    (Visible::new(read(VISIBLE).as_deref(), read(ORDER).as_deref(), &found), reason)
}

impl Devices for ProcessDevices {
    fn list(&self) -> Vec<Listed> {
        let gpu = |(index, gpu): (usize, &super::visible::Gpu)| Listed {
            name: DeviceName::Cuda(index).to_string(),
            description: gpu.description.clone(),
            available: true,
        };
        let mut list: Vec<_> = self.visible.gpus().iter().enumerate().map(gpu).collect();
        if list.is_empty() {
            list.push(Listed {
                name: DeviceName::Cuda(0).to_string(),
                description: self.none.clone(),
                available: false,
            });
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        list.push(Listed {
            name: DeviceName::Cpu.to_string(),
            description: format!("no GPU, {cores} cores"),
            available: true,
        });
        list
    }

    fn best(&self) -> Vec<DeviceName> {
        match self.count() {
            0 => vec![DeviceName::Cpu],
            count => (0..count).map(DeviceName::Cuda).collect(),
        }
    }

    fn check(&self, device: DeviceName) -> Result<(), DeviceError> {
        let count = self.count();
        match device {
            DeviceName::Cuda(index) if index >= count => Err(DeviceError::Missing {
                device,
                reason: match count {
                    0 => self.none.clone(),
                    1 => "there is 1 GPU, `cuda:0`".to_owned(),
                    count => format!("there are {count} GPUs, `cuda:0` to `cuda:{}`", count - 1),
                },
                hint: "with --list-devices a worker lists what there is; `--device cpu` needs no GPU",
            }),
            DeviceName::Cuda(_) | DeviceName::Cpu | DeviceName::Flex => Ok(()),
        }
    }

    /// Whoever trains opens it: the trial's own process.
    fn open(&self, device: DeviceName, _threads: usize) -> Result<(), DeviceError> {
        self.check(device)
    }
}

#[cfg(test)]
mod tests {
    use super::super::nvml::Found;
    use super::*;

    fn with(gpus: usize) -> ProcessDevices {
        let gpu = |index| Found {
            uuid: format!("GPU-{index}"),
            description: "H200, 139.8 GiB".to_owned(),
        };
        let found: Vec<_> = (0..gpus).map(gpu).collect();
        ProcessDevices { visible: Visible::new(None, None, &found), none: "no driver".to_owned() }
    }

    #[test]
    fn the_best_devices_are_all_gpus_or_else_the_cpu() {
        assert_eq!(with(2).best(), [DeviceName::Cuda(0), DeviceName::Cuda(1)]);
        assert_eq!(with(0).best(), [DeviceName::Cpu]);
    }

    #[test]
    fn every_gpu_and_the_cpu_are_listed_and_otherwise_why_there_is_none() {
        let lines = |devices: &ProcessDevices| {
            let line = |device: Listed| {
                format!("{} {} {}", device.name, device.available, device.description)
            };
            devices.list().into_iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(
            lines(&with(2))[..2],
            ["cuda:0 true H200, 139.8 GiB", "cuda:1 true H200, 139.8 GiB"]
        );
        let none = lines(&with(0));
        assert!(
            none[0] == "cuda:0 false no driver" && none[1].starts_with("cpu true no GPU, "),
            "{none:?}"
        );
    }

    #[test]
    fn a_gpu_that_is_not_there_is_missing_and_the_cpu_has_two_names() {
        for device in [DeviceName::Cuda(1), DeviceName::Cpu, DeviceName::Flex] {
            assert_eq!(with(2).open(device, 1), Ok(()));
        }
        let error = |devices: &ProcessDevices, index| {
            devices.check(DeviceName::Cuda(index)).expect_err("missing").to_string()
        };
        assert!(error(&with(2), 2).contains("there are 2 GPUs, `cuda:0` to `cuda:1`"));
        assert!(error(&with(0), 0).contains("no driver"));
    }

    #[test]
    fn this_machine_can_be_asked() {
        let devices = ProcessDevices::find();
        for device in devices.best() {
            assert_eq!(devices.check(device), Ok(()));
        }
    }
}
