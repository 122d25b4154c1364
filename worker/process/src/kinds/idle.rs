//! Python processes that wait for their next trial.

use std::sync::{Mutex, MutexGuard, PoisonError};

use kindling_worker::JsonMap;

use super::warm::Warm;

/// What a process was started for. Trials with the same key can share it one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    settings: String,
    /// The GPUs that it sees.
    gpus: Vec<String>,
}

/// The processes that wait. The newest is taken first.
#[derive(Default)]
pub(crate) struct Idle {
    waiting: Mutex<Vec<(Key, Warm)>>,
}

impl Key {
    pub(crate) fn new(settings: &JsonMap, env: &[(&'static str, String)]) -> Self {
        let visible = env.iter().find(|(name, _)| *name == "CUDA_VISIBLE_DEVICES");
        let gpus = visible.map(|(_, gpus)| gpus.split(',').map(str::to_owned).collect());
        let settings = serde_json::to_string(settings).unwrap_or_default();
        Self { settings, gpus: gpus.unwrap_or_default() }
    }

    /// Whether a process of this key would be in the way of one of the other.
    fn is_in_the_way_of(&self, other: &Self) -> bool {
        // It was started to see whether it can be, without a GPU.
        let was_a_test = self.settings == other.settings && self.gpus.is_empty();
        self != other && (was_a_test || self.gpus.iter().any(|gpu| other.gpus.contains(gpu)))
    }
}

impl Idle {
    /// Takes a process that waits.
    pub(crate) fn take(&self, key: &Key) -> Option<Warm> {
        let mut waiting = self.waiting();
        let index = waiting.iter().rposition(|(other, _)| other == key)?;
        Some(waiting.remove(index).1)
    }

    /// Keeps a process for its next trial.
    pub(crate) fn put(&self, key: Key, warm: Warm) {
        self.waiting().push((key, warm));
    }

    /// Ends those in the way of a new process: on its GPUs, or more than there ever were trials at a time.
    pub(crate) fn make_room(&self, key: &Key, most: usize) {
        let mut waiting = self.waiting();
        let (mut ended, mut kept): (Vec<_>, Vec<_>) =
            waiting.drain(..).partition(|(other, _)| other.is_in_the_way_of(key));
        let too_many = kept.len().saturating_sub(most);
        ended.extend(kept.drain(..too_many));
        *waiting = kept;
        drop(waiting);
        leave_all(ended);
    }

    /// Ends all of them, and returns when they are gone.
    pub(crate) fn leave(&self) {
        let all = std::mem::take(&mut *self.waiting());
        leave_all(all);
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(Key, Warm)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn leave_all(processes: Vec<(Key, Warm)>) {
    std::thread::scope(|scope| {
        for (_, warm) in processes {
            scope.spawn(move || warm.leave());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(function: &str, gpus: &str) -> Key {
        let settings = serde_json::json!({"function": function});
        let env = [("CUDA_VISIBLE_DEVICES", gpus.to_owned())];
        Key::new(settings.as_object().expect("an object"), if gpus.is_empty() { &[] } else { &env })
    }

    #[test]
    fn only_processes_on_the_same_gpu_are_in_the_way() {
        assert!(key("a:b", "0,1").is_in_the_way_of(&key("c:d", "1")));
        assert!(!key("a:b", "0").is_in_the_way_of(&key("c:d", "1")));
        assert!(!key("a:b", "").is_in_the_way_of(&key("c:d", "1")));
        assert!(!key("a:b", "0").is_in_the_way_of(&key("a:b", "0")));
        assert!(key("a:b", "").is_in_the_way_of(&key("a:b", "0")));
    }
}
