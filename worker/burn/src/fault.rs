//! Recognises device faults by the text of the backend's error message.

use kindling_worker::Fault;

/// libtorch's messages; it reports every error as text. A GPU's errors begin with `CUDA`.
const OUT_OF_MEMORY: [&str; 5] = [
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "DefaultCPUAllocator: can't allocate memory",
];
const BROKEN_BY_TRIAL: [&str; 2] = ["device-side assert triggered", "an illegal memory access"];
const LOST: [&str; 5] = [
    "CUDA error",
    "CUDA driver error",
    "CUDA kernel errors might be",
    "cuDNN error",
    "CUBLAS_STATUS_",
];

/// Classifies a panic's message; `None` if it is not about the device.
pub(crate) fn of(message: &str) -> Option<Fault> {
    let speaks_of = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    let said = || said(message);
    if speaks_of(&OUT_OF_MEMORY) {
        Some(Fault::OutOfMemory(said()))
    } else if speaks_of(&BROKEN_BY_TRIAL) {
        Some(Fault::BrokenByTrial(said()))
    } else if speaks_of(&LOST) {
        Some(Fault::Lost(said()))
    } else {
        None
    }
}

/// The first line of libtorch's message, without the C++ stack below it and the Rust error around it.
pub(crate) fn said(message: &str) -> String {
    let inner = message.split_once("Torch(\"").map_or(message, |(_, inner)| inner);
    let line = inner.split("\\n").next().unwrap_or(inner);
    let line = line.lines().next().unwrap_or(line);
    line.trim_end_matches("\")").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    // As worded by libtorch 2.9.0 and its Rust binding.
    const GPU_MEMORY: &str = "called `Result::unwrap()` on an `Err` value: Torch(\"CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.19 GiB of which 1.06 GiB is free.\\nException raised from malloc at CUDACachingAllocator.cpp:1 (most recent call first):\\nframe #0\")";
    const ASSERT: &str = "Torch(\"CUDA error: device-side assert triggered\\nCUDA kernel errors might be asynchronously reported\")";
    const LAUNCH: &str =
        "Torch(\"CUDA error: unspecified launch failure\\nSearch for `cudaErrorLaunchFailure'\")";

    #[test]
    fn memory_a_trials_own_doing_and_a_lost_device_are_told_apart() {
        let memory = of(GPU_MEMORY).expect("a fault");
        assert_eq!(
            memory,
            Fault::OutOfMemory(
                "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.19 GiB of which 1.06 GiB is free.".into()
            )
        );
        assert_eq!(
            of(ASSERT),
            Some(Fault::BrokenByTrial("CUDA error: device-side assert triggered".into()))
        );
        assert_eq!(of(LAUNCH), Some(Fault::Lost("CUDA error: unspecified launch failure".into())));
    }

    #[test]
    fn an_objectives_own_panic_is_no_fault_of_the_device() {
        assert_eq!(of("index out of bounds: the len is 3 but the index is 3"), None);
        assert_eq!(of("Torch(\"mat1 and mat2 shapes cannot be multiplied\")"), None);
    }
}
