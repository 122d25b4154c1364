//! Processes: how they are started, heard, watched and ended, so that none is ever left. Nothing in here knows of trials.
//!
//! A [`Launch`] becomes a [`Group`]: a process with all that it starts, wherever that goes. All groups of a worker stand on one
//! [`Ground`].

mod exit;
mod family;
mod folder;
mod footing;
mod group;
mod guard;
mod happened;
mod heard;
mod launch;
mod launch_error;
mod lines;
mod main_process;
mod mark;
mod memory;
mod output;
mod start;
mod strays;
mod table;
mod tail;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod watch;

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use self::exit::Exit;
pub(crate) use self::folder::Folder;
pub(crate) use self::footing::Footing;
pub(crate) use self::group::Group;
pub use self::guard::guard_processes;
pub(crate) use self::happened::{Happened, Stream};
pub(crate) use self::launch::Launch;
pub(crate) use self::launch_error::LaunchError;
pub(crate) use self::tail::Tail;

use self::guard::Guard;
use self::main_process::MainProcess;
use self::strays::Identity;
use self::watch::Watch;

/// What all groups of a worker share. Clones share it, too.
///
/// It takes in the orphans of the groups, watches their memory, and has a guard that ends them all when this process is killed,
/// and removes its folders.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    guard: Option<Arc<Guard>>,
    watch: Watch,
}

impl Ground {
    /// The ground, with its guard at work: `guard` is the command line of a process that calls
    /// [`guard_processes`](crate::guard_processes).
    pub(crate) fn new(guard: Option<Vec<OsString>>) -> Result<Self, LaunchError> {
        family::adopt_orphans();
        let guard = guard.map(Guard::start).transpose()?.map(Arc::new);
        let watch = Watch::start(guard.as_ref())?;
        Ok(Self { shared: Arc::new(Shared { guard, watch }) })
    }

    #[cfg(test)]
    fn guard_id(&self) -> Option<i32> {
        self.shared.guard.as_ref()?.id()
    }

    /// How many groups are not over.
    #[cfg(test)]
    fn running(&self) -> usize {
        self.shared.watch.running()
    }

    /// A group with this mark is about to start.
    fn expect(&self, mark: &str) {
        self.tell(|guard| guard.expect(mark));
    }

    /// The group started.
    fn started(&self, identity: &Identity) {
        self.tell(|guard| guard.started(identity));
    }

    /// The group is over, or did not start.
    fn forget(&self, mark: &str) {
        self.tell(|guard| guard.forget(mark));
    }

    /// There is a folder that only this process needs.
    fn made(&self, folder: &Path) {
        self.tell(|guard| guard.made(folder));
    }

    /// The folder is gone.
    fn removed(&self, folder: &Path) {
        self.tell(|guard| guard.removed(folder));
    }

    /// Looks after a group until it is over.
    fn watch(&self, main: &Arc<MainProcess>) {
        self.shared.watch.add(main);
    }

    fn tell(&self, tell: impl FnOnce(&Guard)) {
        if let Some(guard) = &self.shared.guard {
            tell(guard);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
