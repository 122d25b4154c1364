//! Proof that a caller was given a lease.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::bug::Bug;

/// 128 random bits for each lease. Only its holder is told them.
///
/// A trial and an attempt can be guessed, and come again when an older copy of a store is put back. A mark
/// cannot be guessed and does not come again: whoever has it was given this lease with these parameters.
#[derive(Clone, Copy)]
pub struct Mark([u8; Self::LEN]);

impl Mark {
    /// How many bytes a mark has.
    pub const LEN: usize = 16;

    /// A mark of these bytes, which the caller has drawn at random.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Whether the claim has the mark of the lease.
    pub(crate) fn is_shown(lease: Option<Self>, claim: Option<Self>) -> bool {
        lease.is_some() && lease == claim || Bug::MarkIsNotChecked.is_on()
    }

    /// The bytes, for the store and the holder.
    pub fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// Compares in constant time, so that timing does not help to guess a mark.
impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Mark {}

/// Hides the bytes, so that they stay out of logs.
impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark(…)")
    }
}
