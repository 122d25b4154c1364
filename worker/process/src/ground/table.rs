//! The process table, as `/proc` shows it. Where there is no `/proc`, it is empty.

use std::fs;
use std::io::Read;

use super::mark;

/// A process at the moment when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// Its process group.
    pub(crate) group: i32,
    /// When it started, in ticks since the machine did. With the pid it names a process for good: pids are used again.
    pub(crate) start: u64,
    /// It has ended, and its parent has not yet waited for it.
    pub(crate) zombie: bool,
    /// The first letters of its program's name.
    pub(crate) name: String,
}

/// All processes that can be seen.
pub(crate) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(one)
        .collect()
}

/// The process with this pid, if there is one.
pub(crate) fn one(pid: i32) -> Option<Process> {
    parse(&String::from_utf8_lossy(&read(&format!("/proc/{pid}/stat"), 4096)?))
}

/// The children of this process's first thread, which is also given those whose parents are gone. `None` if the system does
/// not tell. While children end, the list may miss some.
pub(crate) fn children() -> Option<Vec<i32>> {
    let own = std::process::id();
    let list = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).ok()?;
    Some(list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect())
}

/// The marks that a process carries.
pub(crate) fn marks(pid: i32) -> Option<String> {
    let environment = read(&format!("/proc/{pid}/environ"), 8 << 20)?;
    environment.split(|&byte| byte == 0).find_map(|variable| {
        let value = variable.strip_prefix(mark::VARIABLE.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

impl Process {
    /// Whether the same process is still there.
    pub(crate) fn is_there(&self) -> bool {
        one(self.pid).is_some_and(|now| now.start == self.start)
    }
}

pub(crate) fn read(path: &str, most: u64) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    fs::File::open(path).ok()?.take(most).read_to_end(&mut content).ok()?;
    Some(content)
}

/// Reads a line of `/proc/PID/stat`. The name in it may itself have blanks and parentheses.
fn parse(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Process {
        pid: pid.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_is_read() {
        let stat = "42 (a) b (c) S 7 41 41 0 -1 4194560 1 0 0 0 1 0 0 0 20 0 1 0 9876 1 1 184";
        let process = parse(stat).unwrap();
        assert_eq!((process.pid, process.parent, process.group), (42, 7, 41));
        assert_eq!((process.start, process.zombie, &*process.name), (9876, false, "a) b (c"));
        assert_eq!(parse("42 (cut"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_in_the_table() {
        let own = std::process::id() as i32;
        assert!(all().iter().any(|process| process.pid == own && process.is_there()));
        assert!(one(i32::MAX).is_none());
    }
}
