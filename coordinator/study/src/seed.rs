//! The source of randomness: the study's seed and the trial's number, through `ChaCha`, whose stream is the
//! same on every platform and in every version.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::TrialNumber;

/// What a stream of random numbers is for. No two purposes share a stream.
#[derive(Clone, Copy)]
enum Purpose {
    Proposal = 1,
    Objective = 2,
    Confirmation = 3,
}

/// The generator for a trial's proposal.
pub(crate) fn proposal_rng(study_seed: u64, number: TrialNumber) -> ChaCha8Rng {
    stream(study_seed, number.0, Purpose::Proposal)
}

/// The seed for a trial's objective. All attempts get the same one.
pub(crate) fn trial_seed(study_seed: u64, number: TrialNumber) -> u64 {
    stream(study_seed, number.0, Purpose::Objective).next_u64()
}

/// The seed of index `seed` for confirmations. All confirmations with this index share it.
pub(crate) fn confirmation_seed(study_seed: u64, seed: u32) -> u64 {
    stream(study_seed, seed, Purpose::Confirmation).next_u64()
}

fn stream(study_seed: u64, number: u32, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&study_seed.to_le_bytes());
    key[8] = purpose as u8;
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(u64::from(number));
    rng
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_by_study_and_trial_and_never_change() {
        let a = trial_seed(42, TrialNumber(0));
        assert_ne!(a, trial_seed(43, TrialNumber(0)));
        assert_ne!(a, trial_seed(42, TrialNumber(1)));
        assert_ne!(a, proposal_rng(42, TrialNumber(0)).next_u64());
        assert_eq!(a, trial_seed(42, TrialNumber(0)));
        let fresh = confirmation_seed(42, 0);
        assert_ne!(a, fresh);
        assert_ne!(fresh, confirmation_seed(42, 1));
        assert_ne!(fresh, confirmation_seed(43, 0));
    }
}
