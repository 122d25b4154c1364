//! A ground that is made when it is first needed.

use std::ffi::OsString;
use std::sync::{Arc, Mutex};

use super::launch_error::LaunchError;
use super::{Ground, lock};

/// The ground of a worker, once it is needed. Clones share it.
///
/// A ground starts a process and a thread, and this process takes in orphans from then on. Who only looks at settings wants none
/// of that.
#[derive(Debug, Clone)]
pub(crate) struct Footing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    guard: Option<Vec<OsString>>,
    ground: Mutex<Option<Ground>>,
}

impl Footing {
    /// `guard` is the command line of the ground's guard: see [`Ground::new`].
    pub(crate) fn new(guard: Option<Vec<OsString>>) -> Self {
        Self(Arc::new(Shared { guard, ground: Mutex::default() }))
    }

    /// The ground. If it cannot be made, this is tried anew each time.
    pub(crate) fn ground(&self) -> Result<Ground, LaunchError> {
        let mut ground = lock(&self.0.ground);
        if let Some(ground) = &*ground {
            return Ok(ground.clone());
        }
        let made = Ground::new(self.0.guard.clone())?;
        Ok(ground.insert(made).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_is_made_once_and_not_before_it_is_needed() {
        let nothing_starts = Footing::new(Some(vec!["/no/such/guard".into()]));
        let error = nothing_starts.ground().expect_err("no guard").to_string();
        assert!(error.contains("/no/such/guard"), "{error}");
        let footing = Footing::new(None);
        assert!(lock(&footing.0.ground).is_none());
        let (one, two) = (footing.ground().expect("made"), footing.clone().ground().expect("made"));
        assert!(Arc::ptr_eq(&one.shared, &two.shared));
    }
}
