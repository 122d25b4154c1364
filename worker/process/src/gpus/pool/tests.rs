//! Trials that wait for GPUs, on threads of their own.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kindling_worker::StopReason;

use super::super::nvml::Found;
use super::*;

/// A pool of so many GPUs, with so many slots for each.
fn pool(gpus: usize, slots: usize) -> GpuPool {
    let found: Vec<_> = (0..gpus)
        .map(|index| Found { uuid: format!("GPU-{index}"), description: String::new() })
        .collect();
    let devices: Vec<_> = (0..gpus).map(DeviceName::Cuda).collect();
    GpuPool::of(Visible::new(None, None, &found), &devices, slots)
}

fn take(pool: &GpuPool, own: usize, gpus: usize) -> GpuShare {
    pool.take(DeviceName::Cuda(own), Some(gpus), &Stop::default()).expect("a share")
}

fn visible(share: &GpuShare) -> String {
    share.env().first().map(|(_, value)| value.clone()).expect("a variable")
}

/// Waits until so many trials wait.
fn until_waiting(pool: &GpuPool, count: usize) {
    until(|| pool.0.state().waiting.len() >= count);
}

/// Waits for something, but not for ever.
#[track_caller]
fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !what() {
        assert!(Instant::now() < deadline, "waited in vain");
        thread::yield_now();
    }
}

/// What a thread returns, which it must do soon.
#[track_caller]
fn join<T>(thread: JoinHandle<T>) -> T {
    until(|| thread.is_finished());
    thread.join().expect("no panic")
}

#[test]
fn a_trial_gets_the_gpu_of_its_slot_unless_told_otherwise() {
    let pool = pool(2, 1);
    let share = pool.take(DeviceName::Cuda(1), None, &Stop::default()).expect("a share");
    assert_eq!(
        share.env(),
        [("CUDA_VISIBLE_DEVICES", "1".to_owned()), ("CUDA_DEVICE_ORDER", "PCI_BUS_ID".to_owned())]
    );
    assert_eq!(share.device(), "cuda:0");
}

#[test]
fn several_gpus_are_the_slots_own_and_others() {
    let pool = pool(4, 1);
    let share = take(&pool, 2, 2);
    assert_eq!(visible(&share), "2,0");
    // Its own is taken: it gets others, rather than leave them idle.
    assert_eq!(visible(&take(&pool, 0, 2)), "1,3");
}

#[test]
fn no_gpu_hides_all_of_them() {
    let share = take(&pool(2, 1), 0, 0);
    assert_eq!(
        (share.env(), share.device()),
        (vec![("CUDA_VISIBLE_DEVICES", String::new())], "cpu")
    );
    let on_cpu = pool(2, 1).take(DeviceName::Cpu, None, &Stop::default()).expect("a share");
    assert_eq!(visible(&on_cpu), "");
}

#[test]
fn where_no_gpu_is_known_the_environment_stays_as_it_is() {
    let share = pool(0, 1).take(DeviceName::Cpu, None, &Stop::default()).expect("a share");
    assert_eq!((share.env(), share.device()), (vec![], "cpu"));
}

#[test]
fn a_slot_without_a_gpu_may_be_given_some() {
    let share = pool(2, 1).take(DeviceName::Cpu, Some(2), &Stop::default()).expect("a share");
    assert_eq!(visible(&share), "0,1");
}

#[test]
fn a_worker_with_fewer_gpus_is_unfit() {
    let Err(TrialError::Unfit(reason)) =
        pool(1, 4).take(DeviceName::Cuda(0), Some(2), &Stop::default())
    else {
        panic!("not unfit");
    };
    assert_eq!(
        reason,
        "each trial needs 2 GPUs, but this worker has 1; start it with more, as in `--device cuda:0,cuda:1`"
    );
}

#[test]
fn as_many_trials_share_a_gpu_as_it_has_slots() {
    let pool = pool(2, 2);
    let shares: Vec<_> = (0..4).map(|n| take(&pool, n % 2, 1)).collect();
    assert_eq!(shares.iter().map(visible).collect::<Vec<_>>(), ["0", "1", "0", "1"]);
    drop(shares);
    // Two trials with two GPUs each have room, too.
    let both = [take(&pool, 0, 2), take(&pool, 1, 2)];
    assert_eq!(both.each_ref().map(visible), ["0,1", "1,0"]);
}

#[test]
fn a_trial_waits_until_it_can_have_all() {
    let pool = pool(2, 1);
    let first = take(&pool, 0, 1);
    let waiting = thread::spawn({
        let pool = pool.clone();
        move || visible(&take(&pool, 1, 2))
    });
    until_waiting(&pool, 1);
    // It holds nothing meanwhile, but nobody passes it, either.
    assert_eq!(pool.0.state().taken, [1, 0]);
    let later = thread::spawn({
        let pool = pool.clone();
        move || visible(&take(&pool, 1, 1))
    });
    until_waiting(&pool, 2);
    assert_eq!(pool.0.state().taken, [1, 0]);
    drop(first);
    assert_eq!(join(waiting), "1,0");
    assert_eq!(join(later), "1");
    assert_eq!(pool.0.state().taken, [0, 0]);
}

#[test]
fn a_trial_that_should_stop_waits_no_longer_and_lets_others_pass() {
    let pool = pool(2, 1);
    let held = take(&pool, 0, 1);
    let stop = Stop::default();
    let waiting = thread::spawn({
        let (pool, stop) = (pool.clone(), stop.clone());
        move || pool.take(DeviceName::Cuda(1), Some(2), &stop).map(drop)
    });
    until_waiting(&pool, 1);
    let later = thread::spawn({
        let pool = pool.clone();
        move || visible(&take(&pool, 1, 1))
    });
    until_waiting(&pool, 2);
    stop.want(StopReason::Pruned);
    assert_eq!(join(waiting), Err(TrialError::Stopped));
    assert_eq!(join(later), "1");
    drop(held);
}

#[test]
fn trials_of_all_sizes_get_their_gpus_and_give_them_back() {
    let pool = pool(3, 2);
    let trial = |own: usize| {
        let pool = pool.clone();
        move || {
            for round in 0..50 {
                let gpus = 1 + (own + round) % 3;
                let share = take(&pool, own % 3, gpus);
                assert_eq!(visible(&share).split(',').count(), gpus);
                let taken = pool.0.state().taken.clone();
                assert!(taken.iter().all(|&trials| trials <= 2), "{taken:?}");
            }
        }
    };
    let trials: Vec<_> = (0..6).map(|own| thread::spawn(trial(own))).collect();
    for trial in trials {
        join(trial);
    }
    assert_eq!(pool.0.state().taken, [0, 0, 0]);
}
