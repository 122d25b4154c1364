//! The GPUs of this machine, as its driver lists them.

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

/// A GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its name for good: `GPU-…`.
    pub(super) uuid: String,
    /// Its model, and how much memory it has.
    pub(super) description: String,
}

/// All GPUs in the order of their places on the PCI bus, or why none can be listed.
pub(super) fn gpus() -> Result<Vec<Found>, String> {
    // The driver's library is loaded now, and closed at the end. Where there is no driver there are no GPUs.
    let nvml = Nvml::init().map_err(|error| reason(&error))?;
    let count = nvml.device_count().map_err(|error| reason(&error))?;
    let mut gpus: Vec<_> = (0..count).filter_map(|index| gpu(&nvml, index)).collect();
    gpus.sort_by_key(|(place, _)| *place);
    Ok(gpus.into_iter().map(|(_, gpu)| gpu).collect())
}

/// One that this process may not see, or that has fallen off the bus, is none.
fn gpu(nvml: &Nvml, index: u32) -> Option<((u32, u32, u32), Found)> {
    let read = || {
        let device = nvml.device_by_index(index)?;
        let (pci, uuid) = (device.pci_info()?, device.uuid()?);
        let gib = device.memory_info().map(|memory| memory.total as f64 / f64::from(1 << 30));
        let gib = gib.map(|gib| format!(", {gib:.1} GiB")).unwrap_or_default();
        let description = format!("{}{gib}", device.name()?);
        Ok::<_, NvmlError>(((pci.domain, pci.bus, pci.device), Found { uuid, description }))
    };
    read()
        .inspect_err(|error| tracing::warn!(gpu = index, "a GPU is left out: {}", reason(error)))
        .ok()
}

fn reason(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(_) => {
            "the NVIDIA driver's library, libnvidia-ml.so.1, is not on this machine".to_owned()
        }
        other => format!("the NVIDIA driver says: {other}"),
    }
}
