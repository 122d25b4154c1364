//! What another program wrote where nothing of ours needs it.

use std::cell::RefCell;

use super::fault::Fault;

/// Rows of other programs, by what is strange about them.
#[derive(Default)]
pub(super) struct Strangers(RefCell<Vec<String>>);

/// So many are named.
const NAMED: usize = 20;

impl Strangers {
    /// Passes over the row that this would be wrong with, if it were ours.
    pub(super) fn pass_over(&self, fault: Fault) -> Result<(), Fault> {
        match fault {
            Fault::Damaged(what) => self.0.borrow_mut().push(what),
            other => return Err(other),
        }
        Ok(())
    }

    /// Names them in the log.
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
