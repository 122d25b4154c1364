//! The list of devices.

use kindling_worker::{DeviceName, Listed};

/// All devices, including those that are not available.
pub(crate) fn devices() -> Vec<Listed> {
    let mut list = libtorchs();
    list.push(Listed {
        name: DeviceName::Flex.to_string(),
        description: "Burn's pure-Rust backend, one thread for each slot".to_owned(),
        available: true,
    });
    list
}

#[cfg(feature = "tch")]
fn libtorchs() -> Vec<Listed> {
    use crate::libtorch;

    let gib = |bytes: usize| bytes as f64 / f64::from(1 << 30);
    let gpu = |index| match libtorch::gpu(index) {
        Ok(gpu) => Listed {
            name: DeviceName::Cuda(index).to_string(),
            description: format!("{}, {:.1} GiB", gpu.name, gib(gpu.memory)),
            available: true,
        },
        Err(reason) => Listed {
            name: DeviceName::Cuda(index).to_string(),
            description: reason,
            available: false,
        },
    };
    // Without any GPU, `cuda:0` is listed with the reason.
    let mut list: Vec<_> = (0..libtorch::gpu_count().max(1)).map(gpu).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    list.push(Listed {
        name: DeviceName::Cpu.to_string(),
        description: format!("libtorch {}, {cores} cores", libtorch::version()),
        available: true,
    });
    list
}

#[cfg(not(feature = "tch"))]
fn libtorchs() -> Vec<Listed> {
    let absent = |name: &str| Listed {
        name: name.to_owned(),
        description: "this build is without libtorch (build with `--features tch`)".to_owned(),
        available: false,
    };
    vec![absent("cuda:N"), absent("cpu")]
}
