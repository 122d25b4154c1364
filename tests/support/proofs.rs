//! Proofs have a short form for every test run, and a long one that `KINDLING_PROOFS=long` requests.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Whether the long form is requested.
pub(crate) fn long() -> bool {
    std::env::var_os("KINDLING_PROOFS").is_some_and(|form| form == "long")
}

/// Chooses the value for the requested form.
pub(crate) fn proofs<T>(short: T, in_long_form: T) -> T {
    if long() { in_long_form } else { short }
}

/// A proof's random seed. It is printed, and can be repeated with `KINDLING_SEED`.
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new() -> Self {
        let given = std::env::var("KINDLING_SEED").ok();
        let seed = given.map_or_else(rand::random, |text| text.parse().expect("a whole number"));
        eprintln!("KINDLING_SEED={seed}");
        Self(seed)
    }

    /// A fixed seed, for proofs without randomness.
    pub(crate) fn of(number: u64) -> Self {
        Self(number)
    }

    /// A separate generator for each user.
    pub(crate) fn rng(&self, of: u64) -> StdRng {
        StdRng::seed_from_u64(self.0.wrapping_add(of))
    }
}
