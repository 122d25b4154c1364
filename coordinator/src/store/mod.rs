//! Where studies are stored.

pub mod conformance;
mod contract;
mod error;
mod foreign;
mod history;
mod journal;
mod optuna;
mod sqlite;
pub(crate) mod stored_spec;

pub use contract::{Store, Upkeep};
pub use error::{Location, StoreError};
pub(crate) use foreign::read as read_foreign;
pub use history::{History, Reached};
pub(crate) use optuna::{
    METRIC_NAMES, artifact, constraint_key, datetime, distribution, fixed, naive,
};
pub(crate) use sqlite::StoreReader;
pub use sqlite::{Backup, ExportError, SqliteStore, backup, write_for_optuna};
