//! What both objectives share.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kindling_worker::{Completion, TrialError};

use crate::broken::Broken;
use crate::fleet::Fleet;
use crate::gpus::{GpuPool, GpuShare};
use crate::ground::Ground;
use crate::settings::Common;

/// What an objective keeps for the worker's life.
pub(crate) struct Shared {
    pub(crate) ground: Ground,
    pub(crate) gpus: GpuPool,
    pub(crate) fleet: Arc<Fleet>,
    broken: Mutex<Broken>,
}

impl Shared {
    pub(crate) fn new(ground: Ground, gpus: GpuPool) -> Self {
        Self { ground, gpus, fleet: Arc::default(), broken: Mutex::default() }
    }

    /// How a trial ended; if it was one of many that failed at once, this worker is not fit for more.
    pub(crate) fn unless_broken(
        &self,
        began: Instant,
        ended: Result<Completion, TrialError>,
    ) -> Result<Completion, TrialError> {
        let is_broken = {
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            match &ended {
                Ok(_) => broken.ended(began.elapsed(), Ok(())),
                Err(TrialError::Failed(reason)) => broken.ended(began.elapsed(), Err(reason)),
                Err(_) => None,
            }
        };
        match is_broken {
            Some(why) => Err(TrialError::Unfit(why)),
            None => ended,
        }
    }
}

/// The variables that every process is given, beside the worker's own.
pub(crate) fn environment(common: &Common, share: Option<&GpuShare>) -> Vec<(OsString, OsString)> {
    let mut env = Vec::new();
    if std::env::var_os("PYTHONUNBUFFERED").is_none() {
        // Or else a metric is heard only when Python's buffer is full.
        env.push(("PYTHONUNBUFFERED".into(), "1".into()));
    }
    let share = share.map(GpuShare::env).unwrap_or_default();
    env.extend(share.into_iter().map(|(name, value)| (name.into(), value.into())));
    env.extend(common.env.iter().map(|(name, value)| (name.into(), value.into())));
    env
}
