//! How the messages of refusals begin that the other side must tell from others with the same status.

/// Of a save whose bytes lie there already, with INVALID_ARGUMENT: the coordinator's artifact store does not have them.
pub const NOT_THERE: &str = "blob.key: ";

/// Of a save, with RESOURCE_EXHAUSTED: there is no room for it, so nothing of it was recorded.
pub const NO_ROOM: &str = "the artifacts have ";

/// Of a save or a load, with UNAVAILABLE: the coordinator's artifact store fails.
pub const STORE_FAILS: &str = "artifacts: ";
