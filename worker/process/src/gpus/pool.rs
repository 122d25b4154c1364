//! Which trial gets which GPUs.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use kindling_worker::{DeviceName, Stop, TrialError, Unfit};

use super::devices;
use super::visible::{NamedBy, Visible};

/// The worker's GPUs, for all its objectives that are processes. Clones share them.
///
/// A GPU has room for as many trials as the worker has slots for it. A trial gets all that it needs or waits; who came
/// first is served first.
#[derive(Debug, Clone)]
pub struct GpuPool(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    visible: Visible,
    /// The GPUs of the worker's slots.
    gpus: Vec<usize>,
    /// How many trials share one.
    slots: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// How many trials have each of the GPUs.
    taken: Vec<usize>,
    /// Who waits, and the number of the next one to come.
    waiting: VecDeque<u64>,
    next: u64,
}

/// The GPUs of one trial, until this is dropped.
#[derive(Debug)]
pub struct GpuShare {
    pool: Arc<Pool>,
    /// Their places in [`Pool::gpus`].
    places: Vec<usize>,
    /// Whether the environment must say so.
    told: bool,
}

impl GpuPool {
    /// For a worker with these devices, and so many slots for each of them.
    pub fn new(devices: &[DeviceName], slots: usize, named_by: NamedBy) -> Self {
        let (visible, _) = devices::visible();
        Self::of(visible.named_by(named_by), devices, slots)
    }

    /// For who runs no trial: nobody is asked which GPUs there are.
    pub fn none() -> Self {
        Self::of(Visible::new(None, None, &[]), &[], 1)
    }

    fn of(visible: Visible, devices: &[DeviceName], slots: usize) -> Self {
        let index = |device: &DeviceName| match device {
            DeviceName::Cuda(index) => Some(*index),
            DeviceName::Cpu | DeviceName::Flex => None,
        };
        let gpus: Vec<_> = devices.iter().filter_map(index).collect();
        let state = State { taken: vec![0; gpus.len()], waiting: VecDeque::new(), next: 0 };
        let state = Mutex::new(state);
        Self(Arc::new(Pool { visible, gpus, slots: slots.max(1), state, changed: Condvar::new() }))
    }

    /// Whether trials with so many GPUs can run here at all. `None`: those of their slot.
    pub fn suits(&self, gpus: Option<usize>) -> Result<(), Unfit> {
        let (wanted, there) = (gpus.unwrap_or(0), self.0.gpus.len());
        if wanted <= there {
            return Ok(());
        }
        Err(Unfit(format!(
            "each trial needs {wanted} {}, but this worker has {there}; start it with more, as in `--device {}`",
            if wanted == 1 { "GPU" } else { "GPUs" },
            (0..wanted)
                .map(|index| DeviceName::Cuda(index).to_string())
                .collect::<Vec<_>>()
                .join(",")
        )))
    }

    /// Waits until there is room on so many GPUs, the slot's own first; `None`: on the slot's own, if it has one.
    ///
    /// Ends with [`TrialError::Stopped`] if the trial should stop before that.
    pub fn take(
        &self,
        device: DeviceName,
        gpus: Option<usize>,
        stop: &Stop,
    ) -> Result<GpuShare, TrialError> {
        self.suits(gpus).map_err(|Unfit(reason)| TrialError::Unfit(reason))?;
        let pool = &self.0;
        let own = pool.gpus.iter().position(|&index| device == DeviceName::Cuda(index));
        let wanted = gpus.unwrap_or(usize::from(own.is_some()));
        // Where no GPU is known there is nothing to hide, perhaps one of another maker.
        let told = wanted > 0 || gpus.is_some() || !pool.visible.gpus().is_empty();
        let share = |places| GpuShare { pool: Arc::clone(pool), places, told };
        if wanted == 0 {
            return Ok(share(Vec::new()));
        }
        let waker = Arc::downgrade(pool);
        stop.watch(move || {
            if let Some(pool) = waker.upgrade() {
                pool.wake();
            }
        });
        pool.wait(own, wanted, stop).map(share)
    }
}

impl Pool {
    fn wait(
        &self,
        own: Option<usize>,
        wanted: usize,
        stop: &Stop,
    ) -> Result<Vec<usize>, TrialError> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.waiting.push_back(number);
        let taken = loop {
            if stop.is_wanted() {
                break Err(TrialError::Stopped);
            }
            // A trial that needs many would wait for ever if others could always pass it.
            let first = state.waiting.front() == Some(&number);
            if first && let Some(places) = self.room(&state.taken, own, wanted) {
                for &place in &places {
                    state.taken[place] += 1;
                }
                break Ok(places);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.waiting.retain(|&waiting| waiting != number);
        drop(state);
        // The next one may be served, too.
        self.changed.notify_all();
        taken
    }

    /// So many GPUs with room: the slot's own first, then those with the fewest trials.
    fn room(&self, taken: &[usize], own: Option<usize>, wanted: usize) -> Option<Vec<usize>> {
        let mut places: Vec<_> =
            (0..taken.len()).filter(|&place| taken[place] < self.slots).collect();
        places.sort_by_key(|&place| (Some(place) != own, taken[place], place));
        places.truncate(wanted);
        (places.len() == wanted).then_some(places)
    }

    fn give_back(&self, places: &[usize]) {
        let mut state = self.state();
        for &place in places {
            state.taken[place] -= 1;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Lets everybody look again. The lock is what makes it certain that nobody is just about to wait.
    fn wake(&self) {
        drop(self.state());
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GpuShare {
    /// The variables to set for the trial's processes. None: they inherit the worker's.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        if !self.told {
            return Vec::new();
        }
        let gpus: Vec<_> = self.places.iter().map(|&place| self.pool.gpus[place]).collect();
        self.pool.visible.env(&gpus)
    }

    /// The device as the trial's processes see it. They see only their own GPUs, and count them from 0.
    pub fn device(&self) -> &'static str {
        if self.places.is_empty() { "cpu" } else { "cuda:0" }
    }
}

impl Drop for GpuShare {
    fn drop(&mut self) {
        self.pool.give_back(&self.places);
    }
}

#[cfg(test)]
mod tests;
