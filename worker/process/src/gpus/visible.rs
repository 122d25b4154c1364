//! Which GPUs the worker may use, and how a trial's processes are told theirs. Pure.

use super::nvml::Found;

/// The variable that says which GPUs a process sees.
pub(super) const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// The variable that says in which order CUDA numbers them.
pub(super) const ORDER: &str = "CUDA_DEVICE_ORDER";

/// Who numbered the worker's devices: what `cuda:1` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// [`ProcessDevices`](super::ProcessDevices): the place on the PCI bus.
    Driver,
    /// A framework of this process: CUDA's own order, in which the fastest comes first.
    Framework,
}

/// The GPUs that the worker may use: `cuda:0` is the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visible {
    gpus: Vec<Gpu>,
    /// Whether the entries count on the order of the PCI bus, which is not CUDA's default.
    in_pci_order: bool,
}

/// A GPU that the worker may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gpu {
    /// What `CUDA_VISIBLE_DEVICES` says for it: a number, or a UUID.
    pub(super) entry: String,
    /// What it is, if that is certain.
    pub(super) description: String,
}

impl Visible {
    /// What the worker sees: all GPUs in `found`, in the order of the PCI bus, or those that its own environment names.
    pub(super) fn new(variable: Option<&str>, order: Option<&str>, found: &[Found]) -> Self {
        let by_bus = order == Some("PCI_BUS_ID");
        let Some(variable) = variable else {
            let gpu = |(index, gpu): (usize, &Found)| Gpu {
                entry: index.to_string(),
                description: gpu.description.clone(),
            };
            return Self { gpus: found.iter().enumerate().map(gpu).collect(), in_pci_order: true };
        };
        let mut gpus: Vec<Gpu> = Vec::new();
        for entry in variable.split(',').map(str::trim) {
            // As CUDA reads it: an entry that names no GPU hides those after it, and one that comes twice hides all.
            let Some(description) = described(entry, by_bus, found) else { break };
            if gpus.iter().any(|gpu| gpu.entry == entry) {
                gpus.clear();
                break;
            }
            gpus.push(Gpu { entry: entry.to_owned(), description });
        }
        // What is handed on means to a trial what it meant to the worker: the order is inherited, too.
        Self { gpus, in_pci_order: false }
    }

    /// For devices that a framework has numbered.
    pub(super) fn named_by(mut self, named_by: NamedBy) -> Self {
        self.in_pci_order &= named_by == NamedBy::Driver;
        self
    }

    /// The GPUs: `cuda:0` is the first.
    pub(super) fn gpus(&self) -> &[Gpu] {
        &self.gpus
    }

    /// The variables that give a process these GPUs and no others.
    pub(super) fn env(&self, gpus: &[usize]) -> Vec<(&'static str, String)> {
        let entry = |&index: &usize| match self.gpus.get(index) {
            Some(gpu) => gpu.entry.clone(),
            // One that only the worker's framework knows.
            None => index.to_string(),
        };
        let entries: Vec<_> = gpus.iter().map(entry).collect();
        let mut env = vec![(VISIBLE, entries.join(","))];
        if self.in_pci_order && !gpus.is_empty() {
            env.push((ORDER, "PCI_BUS_ID".to_owned()));
        }
        env
    }
}

/// What a GPU is that an entry names, if it names one.
fn described(entry: &str, by_bus: bool, found: &[Found]) -> Option<String> {
    if let Ok(index) = entry.parse::<usize>() {
        let gpu = found.get(index)?;
        // CUDA's own order is not known here. It does not matter where all are alike.
        let alike = found.iter().all(|other| other.description == gpu.description);
        return Some(if by_bus || alike {
            gpu.description.clone()
        } else {
            format!("GPU {index} in CUDA's order")
        });
    }
    if entry.starts_with("MIG-") {
        // The driver names them, too, but only beneath the GPU that they are a part of.
        return (!found.is_empty()).then(|| format!("a part of a GPU: {entry}"));
    }
    // The beginning of a UUID is enough if it is the beginning of one only.
    let mut named =
        found.iter().filter(|gpu| entry.starts_with("GPU-") && gpu.uuid.starts_with(entry));
    let gpu = named.next()?;
    named.next().is_none().then(|| gpu.description.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GPUs of these models, in the order of the bus.
    fn found(models: &[&str]) -> Vec<Found> {
        let gpu = |(index, model): (usize, &&str)| Found {
            uuid: format!("GPU-{index}a-b"),
            description: (*model).to_owned(),
        };
        models.iter().enumerate().map(gpu).collect()
    }

    fn entries(variable: &str, found: &[Found]) -> Vec<String> {
        let visible = Visible::new(Some(variable), None, found);
        visible.gpus().iter().map(|gpu| gpu.entry.clone()).collect()
    }

    #[test]
    fn without_a_variable_the_worker_sees_all_in_the_order_of_the_bus() {
        let visible = Visible::new(None, None, &found(&["T4", "H200"]));
        assert_eq!(
            visible.gpus()[1],
            Gpu { entry: "1".to_owned(), description: "H200".to_owned() }
        );
        assert_eq!(
            visible.env(&[1]),
            [(VISIBLE, "1".to_owned()), (ORDER, "PCI_BUS_ID".to_owned())]
        );
        assert_eq!(visible.env(&[1, 0])[0].1, "1,0");
        assert_eq!(visible.env(&[]), [(VISIBLE, String::new())]);
    }

    #[test]
    fn cuda_0_is_the_first_of_those_that_the_worker_was_given() {
        let visible = Visible::new(Some("2,3"), None, &found(&["H200"; 4]));
        assert_eq!(visible.gpus().len(), 2);
        // The order stays as it was for the worker.
        assert_eq!(visible.env(&[1]), [(VISIBLE, "3".to_owned())]);
        assert_eq!(visible.env(&[0, 1]), [(VISIBLE, "2,3".to_owned())]);
    }

    #[test]
    fn uuids_and_parts_of_gpus_are_handed_on_as_they_are() {
        let visible = Visible::new(Some("GPU-1a,MIG-0f"), None, &found(&["T4", "H200"]));
        assert_eq!(visible.gpus()[0].description, "H200");
        assert_eq!(visible.env(&[1, 0]), [(VISIBLE, "MIG-0f,GPU-1a".to_owned())]);
    }

    #[test]
    fn the_variable_is_read_as_cuda_reads_it() {
        let four = found(&["H200"; 4]);
        assert_eq!(entries(" 3 , 1", &four), ["3", "1"]);
        assert_eq!(entries("0,-1,1", &four), ["0"]);
        assert_eq!(entries("0,4,1", &four), ["0"]);
        assert_eq!(entries("GPU-0,GPU-x,1", &four), ["GPU-0"]);
        for none in ["", "-1", "none", "NoDevFiles", "GPU-", "1,1"] {
            assert_eq!(entries(none, &four), [""; 0], "{none}");
        }
        for variable in ["0", "GPU-0a-b", "MIG-1"] {
            assert_eq!(entries(variable, &[]), [""; 0], "{variable}");
        }
    }

    #[test]
    fn a_gpu_is_described_only_where_it_is_certain_which_one_it_is() {
        let mixed = found(&["T4", "H200"]);
        assert_eq!(
            Visible::new(Some("0"), None, &mixed).gpus()[0].description,
            "GPU 0 in CUDA's order"
        );
        assert_eq!(Visible::new(Some("0"), Some("PCI_BUS_ID"), &mixed).gpus()[0].description, "T4");
    }

    #[test]
    fn what_a_framework_has_numbered_keeps_cudas_order() {
        let visible =
            Visible::new(None, None, &found(&["T4", "H200"])).named_by(NamedBy::Framework);
        assert_eq!(visible.env(&[1]), [(VISIBLE, "1".to_owned())]);
        let unseen = Visible::new(None, None, &[]).named_by(NamedBy::Framework);
        assert_eq!(unseen.env(&[3]), [(VISIBLE, "3".to_owned())]);
    }
}
