//! The children of this process: those that it started, and those that it was given.
//!
//! A process has one set of children, whoever in it started them. So this is the one place with a `static` list.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpgrp};

use super::table::{self, Process};

/// What this process started.
static LIST: Mutex<List> = Mutex::new(List { children: BTreeSet::new(), groups: BTreeMap::new() });

/// Held shared while a child is started, until it is in the list.
static STARTING: RwLock<()> = RwLock::new(());

/// What this process started in process groups of their own.
#[derive(Debug)]
pub(crate) struct List {
    /// Children that somebody waits for, and has not yet.
    pub(crate) children: BTreeSet<i32>,
    /// Groups that are not over, by mark.
    pub(crate) groups: BTreeMap<String, Leader>,
}

/// The main process of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) pid: i32,
    /// When it started, as in the process table. 0 where there is none.
    pub(crate) start: u64,
}

/// Has orphans of this process's descendants become its children, so that none is out of sight.
pub(crate) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_child_subreaper(true) {
        tracing::warn!(%error, "processes that a trial leaves behind are looked for by their environment alone");
    }
}

/// Starts a child in a process group of its own. Unless it has no mark, its group runs until it is said to be over.
pub(crate) fn start(command: &mut Command, mark: Option<&str>) -> io::Result<(Child, Leader)> {
    let _starting = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn()?;
    let pid = child.id() as i32;
    let start = table::one(pid).map_or(0, |process| process.start);
    let leader = Leader { pid, start };
    let mut list = list();
    list.children.insert(pid);
    list.groups.extend(mark.map(|mark| (mark.to_owned(), leader)));
    Ok((child, leader))
}

/// A child was waited for: its pid means nothing any more.
pub(crate) fn waited_for(pid: i32) {
    list().children.remove(&pid);
}

/// Nothing is left of a group.
pub(crate) fn over(mark: &str) {
    list().groups.remove(mark);
}

/// What this process started.
pub(crate) fn list() -> MutexGuard<'static, List> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The children that this process was given: processes of groups that left their parents behind. Those that have ended are
/// waited for, and are not among them.
///
/// Children in this process's own group belong to others here, and are left alone.
pub(crate) fn adopted() -> Vec<Process> {
    let own = std::process::id() as i32;
    let mut children = table::children().unwrap_or_else(|| {
        table::all().iter().filter(|process| process.parent == own).map(|child| child.pid).collect()
    });
    children.retain(|pid| !list().children.contains(pid));
    if children.is_empty() {
        return Vec::new();
    }
    // Some may just be started: once this lock was ours, they are in the list.
    drop(STARTING.write().unwrap_or_else(PoisonError::into_inner));
    let group = getpgrp().as_raw();
    let mut adopted = Vec::new();
    for pid in children {
        if list().children.contains(&pid) {
            continue;
        }
        let Some(child) = table::one(pid) else { continue };
        if child.parent != own || child.group == group {
            continue;
        }
        if child.zombie {
            reap(pid);
        } else {
            adopted.push(child);
        }
    }
    adopted
}

/// Waits for a child that was given to us and has ended. Nobody else waits for it.
pub(crate) fn reap(pid: i32) {
    _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
}
