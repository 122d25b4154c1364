//! The ground on which all groups of a worker stand.

use std::ffi::OsString;
use std::sync::Arc;

use crate::family;
use crate::guard::Guard;
use crate::launch_error::LaunchError;
use crate::main_process::MainProcess;
use crate::strays::Identity;
use crate::watch::Watch;

/// What all groups of a worker share. Clones share it, too.
///
/// It takes in the orphans of the groups, watches their memory, and has a guard that ends them all when this process is killed.
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
    pub(crate) fn guard_id(&self) -> Option<i32> {
        self.shared.guard.as_ref()?.id()
    }

    /// How many groups are not over.
    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.shared.watch.running()
    }

    /// A group with this mark is about to start.
    pub(crate) fn expect(&self, mark: &str) {
        self.tell(|guard| guard.expect(mark));
    }

    /// The group started.
    pub(crate) fn started(&self, identity: &Identity) {
        self.tell(|guard| guard.started(identity));
    }

    /// The group is over, or did not start.
    pub(crate) fn forget(&self, mark: &str) {
        self.tell(|guard| guard.forget(mark));
    }

    /// Looks after a group until it is over.
    pub(crate) fn watch(&self, main: &Arc<MainProcess>) {
        self.shared.watch.add(main);
    }

    fn tell(&self, tell: impl FnOnce(&Guard)) {
        if let Some(guard) = &self.shared.guard {
            tell(guard);
        }
    }
}
