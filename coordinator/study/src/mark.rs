//! What shows that a caller was given a lease.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::bug::Bug;

/// 128 bits that are drawn for each lease and told to nobody but its holder.
///
/// A trial and an attempt can be guessed, and come again when an older copy of a store is put back. A
/// mark does neither: who has it was given this very lease, with these very parameters.
#[derive(Clone, Copy)]
pub struct Mark([u8; Self::LEN]);

impl Mark {
    /// How many bytes it has.
    pub const LEN: usize = 16;

    /// The mark of these bytes, which whoever leases has drawn.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Whether a claim shows the mark of its lease.
    pub(crate) fn is_shown(lease: Option<Self>, claim: Option<Self>) -> bool {
        lease.is_some() && lease == claim || Bug::MarkIsNotChecked.is_on()
    }

    /// Its bytes, for the store and for its holder.
    pub fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// Takes as long for a near guess as for any other.
impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Mark {}

/// It stays out of logs.
impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark(…)")
    }
}
