//! What both objectives share.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kindling_worker::{Completion, TrialError};

use super::broken::Broken;
use super::fleet::Fleet;
use crate::gpus::{GpuPool, GpuShare};
use crate::ground::{Footing, Ground};
use crate::settings::Common;

/// What an objective keeps for the worker's life.
pub(crate) struct Shared {
    footing: Footing,
    pub(crate) gpus: GpuPool,
    pub(crate) fleet: Arc<Fleet>,
    broken: Mutex<Broken>,
}

impl Shared {
    pub(crate) fn new(footing: Footing, gpus: GpuPool) -> Self {
        Self { footing, gpus, fleet: Arc::default(), broken: Mutex::default() }
    }

    /// The ground that processes run on.
    pub(crate) fn ground(&self) -> Result<Ground, TrialError> {
        self.footing.ground().map_err(|error| TrialError::Unfit(error.to_string()))
    }

    /// How a trial of this study ended; if it was one of many that failed at once, this worker is not fit for more.
    pub(crate) fn unless_broken(
        &self,
        study: &str,
        began: Instant,
        ended: Result<Completion, TrialError>,
    ) -> Result<Completion, TrialError> {
        let is_broken = {
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            match &ended {
                Ok(_) => broken.ended(study, began.elapsed(), Ok(())),
                Err(TrialError::Failed(reason)) => {
                    broken.ended(study, began.elapsed(), Err(reason))
                }
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

/// Without a socket no trial can run now; later one may.
pub(crate) fn no_socket(error: &std::io::Error) -> TrialError {
    TrialError::HandBack(format!(
        "the folder of the trial's socket cannot be made: {error}; hint: look at the room and the rights of \
         the folder that XDG_RUNTIME_DIR or TMPDIR names"
    ))
}
