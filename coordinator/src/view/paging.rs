//! Lists, a page at a time.

use kindling_proto::limits;
use prost::Message;

use crate::convert::Invalid;

/// Collects items up to a number and a size in bytes.
pub(crate) struct Page<T> {
    items: Vec<T>,
    size: usize,
    bytes: usize,
    room: usize,
}

impl<T: Message> Page<T> {
    pub(crate) fn new(size: usize, room: usize) -> Self {
        Self { items: Vec::new(), size, bytes: 0, room }
    }

    /// A page of a list, with as many items as the caller asked for.
    pub(crate) fn asked_for(size: u32) -> Self {
        let size = match size {
            0 => limits::PAGE,
            n => limits::LARGEST_PAGE.min(n as usize),
        };
        Self::new(size, limits::PAGE_BYTES)
    }

    /// Adds an item unless the page is full. Returns whether it did. The first item always fits:
    /// nothing that is listed is larger than a message.
    pub(crate) fn add(&mut self, item: T) -> bool {
        let bytes = self.bytes + item.encoded_len();
        let fits = self.items.len() < self.size && bytes <= self.room || self.items.is_empty();
        if fits {
            self.bytes = bytes;
            self.items.push(item);
        }
        fits
    }

    pub(crate) fn into_items(self) -> Vec<T> {
        self.items
    }
}

pub(crate) fn number_of(token: &str) -> Result<i64, Invalid> {
    token.parse().map_err(|_| unknown())
}

/// The error for a page token that this server did not issue.
pub(crate) fn unknown() -> Invalid {
    Invalid::new("page_token", "is not one of this server's")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_over_once_it_is_full() {
        let text = |bytes| "x".repeat(bytes);
        let mut page = Page::new(3, 20);
        let taken: Vec<_> = [50, 1].map(|bytes| page.add(text(bytes))).into();
        assert_eq!(taken, [true, false], "one that is too large by itself comes alone");
        let mut page = Page::new(3, 20);
        let taken: Vec<_> = [5, 5, 5, 0].map(|bytes| page.add(text(bytes))).into();
        assert_eq!(taken, [true, true, false, true], "so many bytes");
        let mut page = Page::new(2, 20);
        let taken: Vec<_> = [1, 1, 1].map(|bytes| page.add(text(bytes))).into();
        assert_eq!(taken, [true, true, false], "so many items");
    }
}
