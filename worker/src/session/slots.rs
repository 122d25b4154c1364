//! The threads that trials train on: one per slot on each device, for the worker's whole life.
//!
//! libtorch keeps handles and workspaces per thread. Up to release 2.9, the table of the cuBLAS handles is
//! not safe when one thread adds an entry while others look one up. So all threads add theirs one after
//! another, before the first trial.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::device::{DeviceError, DeviceName, Devices};

type Job = Box<dyn FnOnce() + Send>;

/// All slots of a worker.
#[derive(Clone)]
pub(super) struct Slots {
    free: Arc<Mutex<Vec<Thread>>>,
    count: Arc<Semaphore>,
}

/// A slot on a device, and the channel to its thread.
struct Thread {
    device: DeviceName,
    jobs: Sender<Job>,
}

/// A taken slot. Dropping it frees the slot.
pub(super) struct Slot {
    thread: Option<Thread>,
    slots: Slots,
    _counted: OwnedSemaphorePermit,
}

impl Slots {
    /// Starts the threads, `slots` for each device, and has each open its device.
    pub(super) fn open(
        devices: &Arc<dyn Devices>,
        names: &[DeviceName],
        slots: usize,
        threads: usize,
    ) -> Result<Self, DeviceError> {
        let mut free = Vec::new();
        for slot in 0..slots {
            for &device in names {
                free.push(Thread { device, jobs: start(devices, device, slot, threads)? });
            }
        }
        let count = Arc::new(Semaphore::new(free.len()));
        Ok(Self { free: Arc::new(Mutex::new(free)), count })
    }

    /// Takes a slot on the device with the fewest trials. Waits until a slot is free.
    pub(super) async fn take(&self) -> Slot {
        let counted = self.count.clone().acquire_owned().await.expect("never closed");
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        // All devices have the same number of slots, so the one with the most free slots has the fewest
        // trials.
        let rivals = |device| free.iter().filter(|thread| thread.device == device).count();
        let roomiest = (0..free.len()).rev().max_by_key(|&i| rivals(free[i].device));
        let thread = roomiest.map(|index| free.remove(index));
        Slot { thread, slots: self.clone(), _counted: counted }
    }
}

impl Slot {
    /// Runs a job on the slot's thread, and frees the slot before it sends the result to `done`.
    pub(super) fn run<R: Send + 'static>(
        self,
        done: oneshot::Sender<R>,
        job: impl FnOnce(DeviceName) -> R + Send + 'static,
    ) {
        let Some(Thread { device, jobs }) = &self.thread else { return };
        let (device, jobs) = (*device, jobs.clone());
        let job = move || {
            let result = job(device);
            drop(self);
            _ = done.send(result);
        };
        // If the thread is gone, the job is dropped, and `done` with it.
        _ = jobs.send(Box::new(job));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.thread.take());
    }
}

/// Starts a thread that opens its device.
fn start(
    devices: &Arc<dyn Devices>,
    device: DeviceName,
    slot: usize,
    threads: usize,
) -> Result<Sender<Job>, DeviceError> {
    let (jobs, waiting) = channel();
    let (opened, ready) = channel();
    let devices = Arc::clone(devices);
    let refused = |reason: String| DeviceError::Refused { device, reason };
    std::thread::Builder::new()
        .name(format!("{device}-{slot}"))
        .spawn(move || serve(devices.open(device, threads), &opened, &waiting))
        .map_err(|error| refused(error.to_string()))?;
    match ready.recv() {
        Ok(outcome) => outcome.map(|()| jobs),
        Err(_) => Err(refused("its thread panicked".to_owned())),
    }
}

fn serve(
    device: Result<(), DeviceError>,
    opened: &Sender<Result<(), DeviceError>>,
    waiting: &Receiver<Job>,
) {
    let is_open = device.is_ok();
    _ = opened.send(device);
    if is_open {
        for job in waiting {
            job();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Listed;

    /// Accepts every device.
    struct Anything;

    impl Devices for Anything {
        fn list(&self) -> Vec<Listed> {
            Vec::new()
        }

        fn best(&self) -> Vec<DeviceName> {
            vec![DeviceName::Flex]
        }

        fn check(&self, _: DeviceName) -> Result<(), DeviceError> {
            Ok(())
        }

        fn open(&self, _: DeviceName, _: usize) -> Result<(), DeviceError> {
            Ok(())
        }
    }

    fn anything() -> Arc<dyn Devices> {
        Arc::new(Anything)
    }

    /// Slots on two devices that are not opened.
    fn slots() -> Slots {
        let thread = |index| Thread { device: DeviceName::Cuda(index), jobs: channel().0 };
        let free = [0, 1, 0, 1].map(thread).into_iter().collect::<Vec<_>>();
        Slots { count: Arc::new(Semaphore::new(free.len())), free: Arc::new(Mutex::new(free)) }
    }

    fn device(slot: &Slot) -> DeviceName {
        slot.thread.as_ref().expect("taken").device
    }

    #[tokio::test]
    async fn trials_spread_over_the_devices_and_a_freed_slot_is_taken_again() {
        let (a, b) = (DeviceName::Cuda(0), DeviceName::Cuda(1));
        let slots = slots();
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(slots.take().await);
        }
        assert_eq!(taken.iter().map(device).collect::<Vec<_>>(), [a, b, a, b]);
        drop(taken.remove(1));
        assert_eq!(device(&slots.take().await), b);
    }

    #[tokio::test]
    async fn who_finds_no_seat_waits_for_one() {
        let slots = Slots::open(&anything(), &[DeviceName::Flex], 1, 1).expect("always there");
        let only = slots.take().await;
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let (done, result) = oneshot::channel();
        only.run(done, |_| std::thread::current().name().map(str::to_owned));
        assert_eq!(result.await.expect("ran").as_deref(), Some("flex-0"));
        waiting.await.expect("a slot at last");
    }
}
