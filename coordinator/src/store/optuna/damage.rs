//! What can be wrong with rows, and with events.

use std::fmt::Display;

/// Content that makes no sense: where, and what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) String);

impl Damage {
    /// The damage of a row, which is named by its key.
    pub(crate) fn at(table: &str, row: impl Display, what: impl Display) -> Self {
        Self(format!("{table}: row {row}: {what}"))
    }
}

/// An event that does not fit into the store, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit(pub(crate) String);

/// Where a row stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) table: &'static str,
    pub(crate) id: i64,
}

impl Place {
    /// The row is damaged.
    pub(crate) fn damaged(self, what: impl Display) -> Damage {
        Damage::at(self.table, self.id, what)
    }

    /// One of its columns is.
    pub(crate) fn wrong(self, column: &str, what: impl Display) -> Damage {
        self.damaged(format!("{column}: {what}"))
    }
}
