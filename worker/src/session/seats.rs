//! Which device a trial trains on.

use std::sync::{Arc, Mutex, PoisonError};

use crate::device::DeviceName;

/// The places to train, a number of slots on each device.
#[derive(Clone)]
pub(super) struct Seats(Arc<Mutex<Vec<Device>>>);

struct Device {
    name: DeviceName,
    /// The slots that are taken.
    taken: Vec<usize>,
}

/// A slot on a device, free again once this is dropped.
pub(super) struct Seat {
    pub(super) device: DeviceName,
    pub(super) slot: usize,
    seats: Seats,
}

impl Seats {
    pub(super) fn new(devices: &[DeviceName]) -> Self {
        let free = |&name| Device { name, taken: Vec::new() };
        Self(Arc::new(Mutex::new(devices.iter().map(free).collect())))
    }

    /// A slot on the device with the fewest trials. Whoever takes one has seen to it that no more
    /// trials run than there are slots.
    pub(super) fn take(&self) -> Seat {
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let device = devices.iter_mut().min_by_key(|d| d.taken.len()).expect("at least one device");
        let slot = (0..=device.taken.len())
            .find(|slot| !device.taken.contains(slot))
            .expect("one more than taken");
        device.taken.push(slot);
        Seat { device: device.name, slot, seats: self.clone() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut devices = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        for device in devices.iter_mut().filter(|d| d.name == self.device) {
            device.taken.retain(|&slot| slot != self.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_spread_over_the_devices_and_a_freed_slot_is_taken_again() {
        let (a, b) = (DeviceName::Cuda(0), DeviceName::Cuda(1));
        let seats = Seats::new(&[a, b]);
        let place = |seat: &Seat| (seat.device, seat.slot);
        let mut taken: Vec<_> = (0..4).map(|_| seats.take()).collect();
        assert_eq!(taken.iter().map(place).collect::<Vec<_>>(), [(a, 0), (b, 0), (a, 1), (b, 1)]);
        drop(taken.remove(1));
        assert_eq!(place(&seats.take()), (b, 0));
    }
}
