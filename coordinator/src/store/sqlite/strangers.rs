//! Rows that another program wrote and that no row of ours needs.

use std::cell::RefCell;

use super::fault::Fault;

/// The rows of other programs, each with what is wrong with it.
#[derive(Default)]
pub(super) struct Strangers(RefCell<Vec<String>>);

/// At most this many are named in the log.
const NAMED: usize = 20;

impl Strangers {
    /// Skips a row. `fault` is what would be wrong with it if it were ours.
    pub(super) fn pass_over(&self, fault: Fault) -> Result<(), Fault> {
        match fault {
            Fault::Damaged(what) => self.0.borrow_mut().push(what),
            other => return Err(other),
        }
        Ok(())
    }

    /// Names the rows in the log.
    pub(super) fn tell(&self) {
        let strangers = self.0.borrow();
        for row in strangers.iter().take(NAMED) {
            tracing::warn!(row, "another program wrote to the store; its row is passed over");
        }
        if strangers.len() > NAMED {
            tracing::warn!(rows = strangers.len(), "so many rows were passed over in all");
        }
    }
}
