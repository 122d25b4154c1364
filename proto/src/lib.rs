//! The wire types of Kindling, generated from `kindling/v1/*.proto`, and the limits on what is said with them.

pub mod limits;

/// Package `kindling.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("kindling.v1");

    /// The encoded descriptor set, for server reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}
