//! Work that takes a while.

use super::failure::Failure;

/// Makes JSON on a blocking thread, because a large one takes a while.
pub(super) async fn in_background(
    work: impl FnOnce() -> serde_json::Result<Vec<u8>> + Send + 'static,
) -> Result<Vec<u8>, Failure> {
    let made = tokio::task::spawn_blocking(work).await;
    let internal = |e: &dyn std::error::Error| Failure::Internal(e.to_string());
    made.map_err(|e| internal(&e))?.map_err(|e| internal(&e))
}
