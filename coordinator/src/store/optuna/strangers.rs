//! Rows that another program wrote and that no row of ours needs.

use super::damage::Damage;

/// The rows of other programs, each with what would be wrong with it if it were ours.
#[derive(Default)]
pub(super) struct Strangers(Vec<Damage>);

/// At most this many are named in the log.
const NAMED: usize = 20;

impl Strangers {
    /// Skips a row.
    pub(super) fn pass_over(&mut self, damage: Damage) {
        self.0.push(damage);
    }

    /// Names the rows in the log.
    pub(super) fn tell(&self) {
        for Damage(row) in self.0.iter().take(NAMED) {
            tracing::warn!(row, "another program wrote to the store; its row is passed over");
        }
        if self.0.len() > NAMED {
            tracing::warn!(rows = self.0.len(), "so many rows were passed over in all");
        }
    }
}
