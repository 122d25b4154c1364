//! Where studies are stored.

pub mod conformance;
mod contract;
mod error;
mod history;
mod optuna;
mod sqlite;
pub(crate) mod stored_spec;

pub use contract::{Store, Upkeep};
pub use error::{Location, StoreError};
pub use history::{History, Reached};
pub(crate) use sqlite::StoreReader;
pub use sqlite::{Backup, SqliteStore, backup};
