//! Each proof has a short form, which every test run takes, and a long one, for which `KINDLING_PROOFS=long` asks.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Whether the long forms are asked for.
pub(crate) fn long() -> bool {
    std::env::var_os("KINDLING_PROOFS").is_some_and(|form| form == "long")
}

/// What the form that is asked for takes.
pub(crate) fn proofs<T>(short: T, in_long_form: T) -> T {
    if long() { in_long_form } else { short }
}

/// Where a proof's chance comes from. Printed, and repeated with `KINDLING_SEED`.
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new() -> Self {
        let given = std::env::var("KINDLING_SEED").ok();
        let seed = given.map_or_else(rand::random, |text| text.parse().expect("a whole number"));
        eprintln!("KINDLING_SEED={seed}");
        Self(seed)
    }

    /// A fixed one, for what needs no chance.
    pub(crate) fn of(number: u64) -> Self {
        Self(number)
    }

    /// A generator of its own for each of those that need one.
    pub(crate) fn rng(&self, of: u64) -> StdRng {
        StdRng::seed_from_u64(self.0.wrapping_add(of))
    }
}
