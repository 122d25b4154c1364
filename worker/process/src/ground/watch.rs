//! Looks after the groups, and their guard, while they run: one thread for all.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::family;
use super::guard::Guard;
use super::launch_error::LaunchError;
use super::lock;
use super::main_process::MainProcess;
use super::mark;
use super::memory;
use super::strays::{Look, Seen};
use super::table;

/// How often the memory of groups with a limit is looked at.
const MEMORY: Duration = Duration::from_millis(200);

/// How often orphans that have ended are waited for.
const ORPHANS: Duration = Duration::from_secs(1);

/// The thread that looks after the groups. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    guard: Weak<Guard>,
    groups: Mutex<Groups>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Groups {
    /// Those that are not over, by mark.
    running: BTreeMap<String, Weak<MainProcess>>,
    closed: bool,
}

impl Watch {
    pub(crate) fn start(guard: Option<&Arc<Guard>>) -> Result<Self, LaunchError> {
        let guard = guard.map(Arc::downgrade).unwrap_or_default();
        let shared = Arc::new(Shared { guard, ..Shared::default() });
        let thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("process-watch".to_owned())
            .spawn(move || thread.run())
            .map_err(|error| LaunchError::refused("a thread".as_ref(), None, &error))?;
        Ok(Self { shared })
    }

    /// Looks after a group until it is over.
    pub(crate) fn add(&self, main: &Arc<MainProcess>) {
        let mut groups = lock(&self.shared.groups);
        groups.running.insert(main.identity.mark.clone(), Arc::downgrade(main));
        let wake = groups.running.len() == 1 || main.limit.is_some();
        drop(groups);
        if wake {
            self.shared.changed.notify_one();
        }
    }

    /// How many groups are not over.
    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        let mut groups = lock(&self.shared.groups);
        groups.forget_over();
        groups.running.len()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.shared.groups).closed = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn run(&self) {
        let mut seen = BTreeMap::<String, Seen>::new();
        let mut looked = Instant::now();
        while let Some(limited) = self.wait(looked) {
            looked = Instant::now();
            measure(&limited, &mut seen);
            end_forgotten();
            if let Some(guard) = self.guard.upgrade() {
                guard.look();
            }
        }
    }

    /// Waits until it is time to look again, and returns the groups with a limit. `None` once this is to end.
    fn wait(&self, looked: Instant) -> Option<Vec<Arc<MainProcess>>> {
        let mut groups = lock(&self.groups);
        loop {
            if groups.closed {
                return None;
            }
            if groups.running.is_empty() {
                groups = self.changed.wait(groups).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let limited = groups.limited();
            let pause = if limited.is_empty() { ORPHANS } else { MEMORY };
            let Some(left) = pause.checked_sub(looked.elapsed()).filter(|left| !left.is_zero())
            else {
                groups.forget_over();
                return Some(limited);
            };
            let waited = self.changed.wait_timeout(groups, left);
            groups = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Groups {
    fn forget_over(&mut self) {
        self.running.retain(|_, main| main.upgrade().is_some_and(|main| !main.is_over()));
    }

    fn limited(&self) -> Vec<Arc<MainProcess>> {
        let running = self.running.values().filter_map(Weak::upgrade);
        running.filter(|main| main.limit.is_some() && main.over_memory().is_none()).collect()
    }
}

/// Measures the memory of groups with a limit. `seen` are the processes that they had before.
fn measure(limited: &[Arc<MainProcess>], seen: &mut BTreeMap<String, Seen>) {
    seen.retain(|mark, _| limited.iter().any(|main| main.identity.mark == *mark));
    if limited.is_empty() {
        return;
    }
    let look = Look::now();
    for main in limited {
        let seen = seen.entry(main.identity.mark.clone()).or_default();
        let members = look.members(&main.identity, seen, false);
        if let Some(used) = main.limit.and_then(|limit| memory::above(limit, &members)) {
            main.uses(used);
        }
        // What is gone needs no place.
        seen.retain(|seen| members.iter().any(|member| (member.pid, member.start) == *seen));
    }
}

/// Waits for orphans that have ended. Kills those whose group is over; the end of a group can miss one, if others end just then.
fn end_forgotten() {
    for orphan in family::adopted() {
        let marks = table::marks(orphan.pid).unwrap_or_default();
        let Some(mark) = mark::find(&marks, &mark::PREFIX) else { continue };
        let runs = family::list().groups.contains_key(mark);
        if !runs && orphan.is_there() {
            tracing::warn!(
                pid = orphan.pid,
                name = orphan.name,
                "killing what a trial left behind"
            );
            _ = kill(Pid::from_raw(orphan.pid), Signal::SIGKILL);
        }
    }
}
