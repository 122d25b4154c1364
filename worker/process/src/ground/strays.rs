//! Finds the processes of a group, also those that left it.

use std::collections::HashSet;

use super::family;
use super::mark;
use super::table::{self, Process};

/// What its processes are known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The pid of the main process, which is the number of the group, too.
    pub(crate) pid: i32,
    /// When the main process started.
    pub(crate) start: u64,
    /// The mark in the environment of all of them.
    pub(crate) mark: String,
}

/// Pids with the time when the process started.
pub(crate) type Seen = HashSet<(i32, u64)>;

/// All processes at one moment.
#[derive(Debug)]
pub(crate) struct Look {
    all: Vec<Process>,
    adopted: Vec<Process>,
}

impl Look {
    /// Takes in the whole process table, so this is for when something is there.
    pub(crate) fn now() -> Self {
        Self { all: table::all(), adopted: family::adopted() }
    }

    /// The processes of a group: those in it, those that it left to us, those `seen` before, and what descends from them. What is
    /// found is added to `seen`.
    ///
    /// `by_mark` looks into the environment of all others, too. That takes long, and finds more only if orphans are not ours.
    pub(crate) fn members(
        &self,
        identity: &Identity,
        seen: &mut Seen,
        by_mark: bool,
    ) -> Vec<Process> {
        let own = std::process::id() as i32;
        let others = family::list().children.clone();
        // A leader of that number that started later is another group's: the number was used again.
        let another = self.all.iter().any(|p| p.pid == identity.pid && p.start != identity.start);
        let orphans: HashSet<i32> =
            orphans_of(identity, &self.adopted).map(|orphan| orphan.pid).collect();
        let marked = |process: &Process| {
            table::marks(process.pid)
                .is_some_and(|marks| mark::find(&marks, &identity.mark).is_some())
        };
        let belongs = |process: &Process| {
            (process.group == identity.pid && !another)
                || orphans.contains(&process.pid)
                || seen.contains(&(process.pid, process.start))
                || (by_mark && marked(process))
        };
        // Nothing of a group is older than its main process.
        let eligible = |process: &&Process| {
            process.start >= identity.start
                && process.pid != own
                && (process.pid == identity.pid || !others.contains(&process.pid))
        };
        let candidates = self.all.iter().filter(eligible).cloned();
        let (members, rest): (Vec<_>, Vec<_>) = candidates.partition(belongs);
        let mut members = with_descendants(members, rest);
        // One that has ended is gone as soon as its parent, if that is a stranger, cares.
        let pids = pids(&members);
        members.retain(|p| !p.zombie || p.parent == own || pids.contains(&p.parent));
        seen.extend(members.iter().map(|member| (member.pid, member.start)));
        members
    }
}

/// Those of the adopted processes that are this group's.
///
/// One without a mark has cleared its environment or written over it. It is this group's if no other group that runs is as old
/// as it is. The first process of a container is given orphans of everybody, so it leaves such alone.
pub(crate) fn orphans_of<'a>(
    identity: &'a Identity,
    adopted: &'a [Process],
) -> impl Iterator<Item = &'a Process> {
    adopted.iter().filter(|orphan| {
        let marks = table::marks(orphan.pid);
        if let Some(found) = marks.as_deref().and_then(|marks| mark::find(marks, &mark::PREFIX)) {
            return found == identity.mark;
        }
        let list = family::list();
        let mut others = list.groups.iter().filter(|(mark, _)| **mark != identity.mark);
        orphan.group == identity.pid
            || (std::process::id() != 1
                && orphan.start >= identity.start
                && !others.any(|(_, it)| orphan.group == it.pid || it.start <= orphan.start))
    })
}

/// Adds to `members` those of `rest` that descend from them.
pub(crate) fn with_descendants(mut members: Vec<Process>, mut rest: Vec<Process>) -> Vec<Process> {
    loop {
        let pids = pids(&members);
        let children: Vec<Process> =
            rest.extract_if(.., |process| pids.contains(&process.parent)).collect();
        if children.is_empty() {
            return members;
        }
        members.extend(children);
    }
}

fn pids(processes: &[Process]) -> HashSet<i32> {
    processes.iter().map(|process| process.pid).collect()
}
