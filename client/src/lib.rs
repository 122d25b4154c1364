//! Connecting to a coordinator: its address, a token, and TLS. Used by workers and by commands.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod address;
mod connect;
mod error;
mod token;
mod user;

pub use address::listen_address;
pub use connect::{Bearer, ConnectArgs, Connection, NO_GRPC, innermost, speaks_no_grpc};
pub use error::ConnectError;
pub use token::{Token, warn_if_open};
pub use user::{USER, hostname, user};
