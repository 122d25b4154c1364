//! How much memory processes use.

use super::table::{self, Process};

/// Bytes that these processes use together, or `None` while they are surely within `limit`.
///
/// What each has resident is cheap to ask for, but counts what they share again for each of them, such as the data of forked
/// loaders. So only if that is above the limit are they asked for their shares, which takes the kernel longer. Files that are
/// mapped do not count: the kernel can drop them.
pub(crate) fn above(limit: u64, processes: &[Process]) -> Option<u64> {
    let resident: u64 = processes.iter().map(|process| resident(process.pid)).sum();
    if resident <= limit {
        return None;
    }
    let used = processes.iter().map(|process| share(process.pid)).sum();
    (used > limit).then_some(used)
}

fn resident(pid: i32) -> u64 {
    let status = table::read(&format!("/proc/{pid}/status"), 16 * 1024).unwrap_or_default();
    field(&String::from_utf8_lossy(&status), "VmRSS:").unwrap_or(0)
}

fn share(pid: i32) -> u64 {
    let rollup = table::read(&format!("/proc/{pid}/smaps_rollup"), 16 * 1024).unwrap_or_default();
    let rollup = String::from_utf8_lossy(&rollup);
    let swapped = field(&rollup, "SwapPss:").unwrap_or(0);
    match (field(&rollup, "Pss_Anon:"), field(&rollup, "Pss_Shmem:"), field(&rollup, "Pss:")) {
        (Some(own), Some(shared), _) => own + shared + swapped,
        (_, _, Some(all)) => all + swapped,
        _ => resident(pid),
    }
}

/// A field in bytes, of lines such as `VmRSS:   1234 kB`.
fn field(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_less_than_all_there_is() {
        let own = [table::one(std::process::id() as i32).unwrap()];
        assert!(above(1, &own).is_some_and(|used| used > 1 << 16));
        assert_eq!(above(u64::MAX, &own), None);
    }
}
