//! Rows of numbers that grow at the end and cost little to copy.

use std::sync::Arc;

/// Coordinates: one row per trial, in the order in which they finished. Copies share all blocks but the newest, so
/// that a copy costs little, however long the history is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    /// Blocks with [`BLOCK_ROWS`] rows each.
    full: Vec<Arc<Block>>,
    newest: Block,
}

/// Per parameter, its coordinates in some rows.
type Block = Vec<Vec<f64>>;

const BLOCK_ROWS: usize = 128;

impl Rows {
    /// No rows, of this many coordinates each; at least one.
    pub(super) fn new(width: usize) -> Self {
        Self { full: Vec::new(), newest: vec![Vec::new(); width] }
    }

    pub(super) fn push(&mut self, row: &[f64]) {
        for (column, coordinate) in self.newest.iter_mut().zip(row) {
            column.push(*coordinate);
        }
        if self.newest[0].len() == BLOCK_ROWS {
            let empty = vec![Vec::new(); self.newest.len()];
            self.full.push(Arc::new(std::mem::replace(&mut self.newest, empty)));
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.full.len() * BLOCK_ROWS + self.newest[0].len()
    }

    /// Per parameter, its coordinates in these rows.
    pub(super) fn columns(&self, rows: &[usize]) -> Vec<Vec<f64>> {
        let column = |place: usize| {
            rows.iter().map(|row| self.block(*row)[place][row % BLOCK_ROWS]).collect()
        };
        (0..self.newest.len()).map(column).collect()
    }

    /// One row, with a number per column.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = f64> {
        self.block(row).iter().map(move |column| column[row % BLOCK_ROWS])
    }

    /// The block that this row is in.
    fn block(&self, row: usize) -> &Block {
        self.full.get(row / BLOCK_ROWS).map_or(&self.newest, |block| block)
    }

    /// At most `most` rows: half of them the newest, the rest evenly spread over the older ones.
    pub(super) fn spread(&self, most: usize) -> impl Iterator<Item = usize> {
        let newest = if self.len() <= most { self.len() } else { most / 2 };
        let older = self.len() - newest;
        let kept = older.min(most - newest);
        (0..kept).map(move |i| i * older / kept).chain(older..self.len())
    }
}
