//! What the guard does: it waits for the worker's end, kills what that leaves, and removes its folders.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::unistd::Pid;

use super::told::{READY, Told};
use crate::ground::folder;
use crate::ground::mark;
use crate::ground::strays::with_descendants;
use crate::ground::table::{self, Process};

/// The longest line that a worker writes, and more.
const LONGEST_LINE: u64 = 4096;

/// How long it tries to kill what is left.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long nothing must be found until nothing is left. A process that was just being started may show late.
const QUIET: Duration = Duration::from_millis(300);

const PAUSE: Duration = Duration::from_millis(20);

/// Guards the processes of the worker that started this one, until that worker ends. Then kills those that are left, and
/// removes its folders.
///
/// The worker tells on standard input which there are. That it ended is known by the end of it, even if the worker was
/// killed. Signals that end a worker do not end this. For that it must be called in `main`, before other threads start.
pub fn guard_processes() {
    // Blocked, a signal is never delivered. SIGKILL and SIGSTOP cannot be blocked.
    _ = SigSet::all().thread_block();
    // Not to hold a directory that somebody wants to remove.
    _ = std::env::set_current_dir("/");
    let mut stdout = io::stdout();
    if writeln!(stdout, "{READY}").and_then(|()| stdout.flush()).is_err() {
        return;
    }
    let mut left = Left::default();
    let mut stdin = io::stdin().lock();
    let mut line = String::new();
    // A line that cannot be read ends it as the input's end does: then the worker is not what it should be.
    while matches!(stdin.by_ref().take(LONGEST_LINE).read_line(&mut line), Ok(1..)) {
        left.hear(&line);
        line.clear();
    }
    left.kill();
    left.remove();
}

/// What would be left if the worker ended now.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    /// The groups that are not over, by mark: the number and the start of those that have begun.
    groups: BTreeMap<String, Option<(i32, u64)>>,
    folders: BTreeSet<PathBuf>,
}

impl Left {
    fn hear(&mut self, line: &str) {
        match Told::read(line) {
            Some(Told::Expect { mark }) => _ = self.groups.insert(mark.to_owned(), None),
            Some(Told::Started { pid, start, mark }) => {
                self.groups.insert(mark.to_owned(), Some((pid, start)).filter(|_| pid > 1));
            }
            Some(Told::Over { mark }) => _ = self.groups.remove(mark),
            Some(Told::Made(folder)) => _ = self.folders.insert(folder.into_owned()),
            Some(Told::Removed(folder)) => _ = self.folders.remove(&*folder),
            None => {}
        }
    }

    /// Removes the folders. Nobody is left who could write into them.
    fn remove(&self) {
        for folder in self.folders.iter().filter(|folder| is_ours(folder)) {
            _ = std::fs::remove_dir_all(folder);
        }
    }

    /// Kills all processes of these groups, until there are none.
    fn kill(&self) {
        if self.groups.is_empty() {
            return;
        }
        let (began, mut busy) = (Instant::now(), Instant::now());
        while began.elapsed() < PATIENCE && busy.elapsed() < QUIET {
            if self.kill_once() {
                busy = Instant::now();
            }
            thread::sleep(PAUSE);
        }
    }

    /// Kills what is there now. Whether there was anything.
    fn kill_once(&self) -> bool {
        let all = table::all();
        if all.is_empty() {
            let mut groups = self.groups.values().flatten();
            // No process table to look into: the number is all that is known.
            return groups.any(|(pid, _)| killpg(Pid::from_raw(*pid), Signal::SIGKILL).is_ok());
        }
        let left = self.left(&all);
        let numbers: HashSet<i32> = self.groups.values().flatten().map(|(pid, _)| *pid).collect();
        let groups: HashSet<i32> =
            left.iter().map(|process| process.group).filter(|pid| numbers.contains(pid)).collect();
        for group in groups {
            _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        for process in left.iter().filter(|process| process.is_there()) {
            _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        !left.is_empty()
    }

    /// The processes of these groups.
    fn left(&self, all: &[Process]) -> Vec<Process> {
        let own = std::process::id() as i32;
        let belongs = |process: &Process| {
            self.groups
                .iter()
                .any(|(_, group)| group.is_some_and(|group| is_in(process, group, all)))
                || table::marks(process.pid).is_some_and(|marks| {
                    self.groups.keys().any(|it| mark::find(&marks, it).is_some())
                })
        };
        let candidates =
            all.iter().filter(|process| process.pid != own && !process.zombie).cloned();
        let (left, rest) = candidates.partition(belongs);
        with_descendants(left, rest)
    }
}

/// Whether it is named as such folders are.
fn is_ours(folder: &Path) -> bool {
    let name = folder.file_name().map(OsStr::as_encoded_bytes);
    folder.is_absolute() && name.is_some_and(|name| name.starts_with(folder::PREFIX.as_bytes()))
}

/// Whether a process is in the group that began so. Its number may have been used again since.
fn is_in(process: &Process, (pid, start): (i32, u64), all: &[Process]) -> bool {
    let another = || all.iter().any(|leader| leader.pid == pid && leader.start != start);
    process.group == pid && process.start >= start && !another()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_by_its_mark_then_by_its_number_and_forgotten_when_it_is_over() {
        let mut groups = Left::default();
        groups.hear("expect a\n");
        groups.hear("expect b\n");
        groups.hear("start 12 a 34\n");
        groups.hear("nonsense\n");
        assert_eq!(groups.groups, [("a".into(), Some((12, 34))), ("b".into(), None)].into());
        groups.hear("end a\n");
        assert_eq!(groups.groups.len(), 1);
    }

    #[test]
    fn nothing_but_folders_of_a_worker_is_removed() {
        assert!(is_ours(Path::new("/run/user/1000/kindling-a1b2c3")));
        for other in ["/", "/tmp", "kindling-a1b2c3", "/tmp/other", "/kindling-a/.."] {
            assert!(!is_ours(Path::new(other)), "{other}");
        }
    }

    #[test]
    fn a_number_that_was_used_again_is_not_killed() {
        let process = |pid, start| Process {
            pid,
            parent: 1,
            group: 10,
            start,
            zombie: false,
            name: String::new(),
        };
        let ours = [process(11, 7)];
        assert!(is_in(&ours[0], (10, 5), &ours));
        let theirs = [process(10, 9), process(11, 9)];
        assert!(!is_in(&theirs[1], (10, 5), &theirs));
    }
}
