//! The coordinator: the shell around the pure core of `kindling-study`.
//!
//! A request walks `service → ledger → study decides → study applies → store commits → reply`, and
//! nothing calls back up.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod accept;
mod actor;
mod admission;
mod artifacts;
mod bell;
mod budget;
mod changes;
mod clients;
mod clock;
pub mod config;
mod connection;
pub mod convert;
mod door;
mod embedded;
mod gauges;
mod hand_backs;
mod handles;
mod import;
mod kept;
mod ledger;
mod naive_time;
pub mod notify;
mod observe;
mod offline;
#[cfg(test)]
mod one_check;
mod options;
mod output;
mod page;
mod price;
#[cfg(test)]
mod proofs;
mod proposers;
mod rate;
mod seldom;
mod server;
mod service;
mod state;
mod store;
mod tls;
mod transaction;
mod upkeep;
mod view;
mod who;
mod workers;

pub use artifacts::ArtifactsError;
pub use clock::{Clock, SystemClock};
pub use connection::Connection;
pub use door::Tokens;
pub use embedded::Embedded;
pub use import::ImportError;
pub use ledger::{Ledger, LedgerError};
pub use offline::Offline;
pub use server::{Coordinator, LOG_HEALTH, OUTPUT_LIMIT, Options, ServeError};
pub use store::{
    Backup, ExportError, History, Location, Reached, SqliteStore, Store, StoreError, Upkeep,
    backup, conformance, write_for_optuna,
};
pub use tls::{Tls, TlsError};
