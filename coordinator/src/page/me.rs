//! What whoever looks at the page may do.

use axum::http::Extensions;
use axum::response::Json;
use serde_json::{Value, json};

use crate::door::Holder;

pub(super) async fn me(extensions: Extensions) -> Json<Value> {
    let holder = extensions.get::<Holder>().copied();
    Json(json!({
        "may_change": holder != Some(Holder::Viewer),
        "holder": Holder::word(holder),
        "version": env!("CARGO_PKG_VERSION"),
    }))
}
