//! The threads that trials train on: one for each slot on each device, for as long as the worker
//! lives.
//!
//! libtorch keeps handles and workspaces for each thread, and up to release 2.9 the table of
//! cuBLAS's is not safe against threads that enter it while others look something up. So all enter
//! it one after another, before the first trial.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::device::{DeviceError, DeviceName, Devices};

type Job = Box<dyn FnOnce() + Send>;

/// All seats of a worker.
#[derive(Clone)]
pub(super) struct Seats {
    free: Arc<Mutex<Vec<Place>>>,
    count: Arc<Semaphore>,
}

/// A slot on a device, and the way to its thread.
struct Place {
    device: DeviceName,
    jobs: Sender<Job>,
}

/// A slot that is taken, free again once this is dropped.
pub(super) struct Seat {
    place: Option<Place>,
    seats: Seats,
    _counted: OwnedSemaphorePermit,
}

impl Seats {
    /// Starts the threads, `slots` for each device, and lets each open its device.
    pub(super) fn open(
        devices: &Arc<dyn Devices>,
        names: &[DeviceName],
        slots: usize,
        threads: usize,
    ) -> Result<Self, DeviceError> {
        let mut free = Vec::new();
        for slot in 0..slots {
            for &device in names {
                free.push(Place { device, jobs: start(devices, device, slot, threads)? });
            }
        }
        let count = Arc::new(Semaphore::new(free.len()));
        Ok(Self { free: Arc::new(Mutex::new(free)), count })
    }

    /// A slot on the device with the fewest trials, as soon as there is one.
    pub(super) async fn take(&self) -> Seat {
        let counted = self.count.clone().acquire_owned().await.expect("never closed");
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        // Every device has as many slots: the fewest trials are where most are free.
        let rivals = |device| free.iter().filter(|place| place.device == device).count();
        let roomiest = (0..free.len()).rev().max_by_key(|&i| rivals(free[i].device));
        let place = roomiest.map(|index| free.remove(index));
        Seat { place, seats: self.clone(), _counted: counted }
    }
}

impl Seat {
    /// Runs a job on the seat's thread. Whoever waits for it hears of its end when the seat is free.
    pub(super) fn run<R: Send + 'static>(
        self,
        done: oneshot::Sender<R>,
        job: impl FnOnce(DeviceName) -> R + Send + 'static,
    ) {
        let Some(Place { device, jobs }) = &self.place else { return };
        let (device, jobs) = (*device, jobs.clone());
        let job = move || {
            let result = job(device);
            drop(self);
            _ = done.send(result);
        };
        // If the thread is gone, so is the job, and with it `done`.
        _ = jobs.send(Box::new(job));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.place.take());
    }
}

/// A thread that has opened its device.
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

    /// Has every device.
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

    /// Two devices that are not opened.
    fn seats() -> Seats {
        let place = |index| Place { device: DeviceName::Cuda(index), jobs: channel().0 };
        let free = [0, 1, 0, 1].map(place).into_iter().collect::<Vec<_>>();
        Seats { count: Arc::new(Semaphore::new(free.len())), free: Arc::new(Mutex::new(free)) }
    }

    fn device(seat: &Seat) -> DeviceName {
        seat.place.as_ref().expect("taken").device
    }

    #[tokio::test]
    async fn trials_spread_over_the_devices_and_a_freed_slot_is_taken_again() {
        let (a, b) = (DeviceName::Cuda(0), DeviceName::Cuda(1));
        let seats = seats();
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(seats.take().await);
        }
        assert_eq!(taken.iter().map(device).collect::<Vec<_>>(), [a, b, a, b]);
        drop(taken.remove(1));
        assert_eq!(device(&seats.take().await), b);
    }

    #[tokio::test]
    async fn who_finds_no_seat_waits_for_one() {
        let seats = Seats::open(&anything(), &[DeviceName::Flex], 1, 1).expect("always there");
        let only = seats.take().await;
        let waiting = tokio::spawn({
            let seats = seats.clone();
            async move { seats.take().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        let (done, result) = oneshot::channel();
        only.run(done, |_| std::thread::current().name().map(str::to_owned));
        assert_eq!(result.await.expect("ran").as_deref(), Some("flex-0"));
        waiting.await.expect("a seat at last");
    }
}
