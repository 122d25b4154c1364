//! The history of a store, and how far the store has come in it.
//!
//! If an older copy of a store is restored, it continues as if the later commits had never
//! happened: that is another history. Leases are told apart by their marks, whatever the history.
//! The history's id is for those who keep something for a store: it belongs to that history and to
//! no other.

use std::fmt;

use kindling_study::Bug;

/// 128 random bits, drawn when a store is created, and again when an older copy of it is restored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct History(pub [u8; 16]);

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "History({self})")
    }
}

/// How far a store has come. It is written in the store and in a file beside it, which a restored
/// copy does not replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The store's history.
    pub history: History,
    /// How many commits it has had.
    pub commits: u64,
}

impl Reached {
    /// Whether this store cannot be the one that had come as far as `seen`: it is an older copy, or
    /// another store.
    ///
    /// The file beside a store is written after the commit that it counts. So whatever crashes, it
    /// is never ahead of the store, unless the store went back.
    pub fn is_not_what_was(&self, seen: &Self) -> bool {
        let differs = self.history != seen.history || self.commits < seen.commits;
        differs && !Bug::RestoredKeepsHistory.is_on()
    }

    /// One line of text, always of the same length.
    pub(super) fn line(&self) -> String {
        format!("history {} commits {:020}\n", self.history, self.commits)
    }

    pub(super) fn from_line(line: &str) -> Option<Self> {
        let (history, commits) =
            line.strip_prefix("history ")?.strip_suffix('\n')?.split_once(" commits ")?;
        let history = History(u128::from_str_radix(history, 16).ok()?.to_be_bytes());
        Some(Self { history, commits: commits.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_it_all() {
        for commits in [0, u64::MAX] {
            let reached = Reached { history: History([7; 16]), commits };
            assert_eq!(reached.line().len(), 70);
            assert_eq!(Reached::from_line(&reached.line()), Some(reached));
        }
        for other in ["", "history x commits 1\n", "history 0 commits 1", "1234\n"] {
            assert_eq!(Reached::from_line(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_store_goes_on_and_never_back() {
        let at = |history, commits| Reached { history: History([history; 16]), commits };
        assert!(!at(1, 5).is_not_what_was(&at(1, 5)));
        assert!(!at(1, 6).is_not_what_was(&at(1, 5)), "a crash before it was noted");
        assert!(at(1, 4).is_not_what_was(&at(1, 5)));
        assert!(at(2, 9).is_not_what_was(&at(1, 5)));
    }
}
