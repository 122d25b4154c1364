//! The guard alone, for the tests: what `kindling guard-processes` is for a worker.

fn main() {
    kindling_process::guard_processes();
}
