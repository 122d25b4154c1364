//! Wire types, generated from `kindling/v1/*.proto` and `optuna/storage.proto`, and the limits on messages.

pub mod attributes;
pub mod limits;
pub mod refusals;

/// Package `kindling.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("kindling.v1");

    /// Leaves out the mark, which is a secret.
    impl std::fmt::Debug for Claim {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let Self { study_id, trial, attempt, worker_id, .. } = self;
            write!(f, "Claim({study_id}/{trial}, attempt {attempt} on {worker_id:?})")
        }
    }

    /// The encoded descriptor set, for server reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}

/// Package `optuna`: the service that Optuna's `GrpcStorageProxy` calls.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod optuna {
    tonic::include_proto!("optuna");
}
