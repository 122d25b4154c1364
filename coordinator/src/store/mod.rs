//! Where studies are kept.

mod error;
mod history;
mod sqlite;
mod store;

pub use error::{Location, StoreError};
pub use history::{History, Reached};
pub(crate) use sqlite::StoreReader;
pub use sqlite::{Backup, SqliteStore, backup};
pub use store::{Store, Upkeep};
