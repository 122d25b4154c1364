//! The client of the trial's socket: see `docs/trial-socket.md`.

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::hint::hinted;

/// The version of the protocol.
pub(super) const VERSION: u64 = 1;

/// The variable with the socket's path.
const SOCKET: &str = "KINDLING_SOCKET";
/// The longest line.
const LONGEST: u64 = 1024 * 1024;
/// How long a worker may take to answer. It needs milliseconds, if it is there at all.
const PATIENCE: Duration = Duration::from_mins(1);
/// Calls whose files take their time.
const WITH_FILES: [&str; 3] = ["load_checkpoint", "save_checkpoint", "save_artifact"];

/// Makes one call and returns its answer; `None` if this process runs by itself.
pub(super) async fn ask(call: &Value) -> anyhow::Result<Option<Map<String, Value>>> {
    let Some(path) = std::env::var_os(SOCKET).filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let line = format!("{call}\n");
    if line.len() as u64 > LONGEST {
        return Err(hinted("that is longer than 1 MiB", "put it into a file, and tell its path"));
    }
    let shown = path.to_string_lossy();
    let hint = "it belongs to one trial, and is gone after its end; unset KINDLING_SOCKET to run by yourself";
    let has_file = call["call"].as_str().is_some_and(|name| WITH_FILES.contains(&name));
    // If the worker ends, its socket is closed.
    let patience = if has_file { Duration::MAX } else { PATIENCE };
    let answer = match tokio::time::timeout(patience, exchange(&path, &line)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(hinted(format!("the trial's socket {shown}: {error}"), hint)),
        Err(_) => {
            let message = format!("the worker does not answer at the trial's socket {shown}");
            return Err(hinted(message, "see whether it still runs"));
        }
    };
    let Ok(Value::Object(answer)) = serde_json::from_slice(&answer) else {
        return Err(odd("it is no JSON object"));
    };
    if answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(Some(answer));
    }
    let text = |key| answer.get(key).and_then(Value::as_str);
    let error = text("error").unwrap_or("the worker refused that, and gave no reason").to_owned();
    Err(match text("hint") {
        Some(hint) => hinted(error, hint),
        None => anyhow::anyhow!(error),
    })
}

/// The error for an answer that this version does not understand.
pub(super) fn odd(what: &str) -> anyhow::Error {
    hinted(format!("the worker's answer makes no sense: {what}"), "are both of the same version?")
}

async fn exchange(path: &OsStr, line: &str) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(line.as_bytes()).await?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(LONGEST)).read_until(b'\n', &mut answer).await?;
    if answer.last() != Some(&b'\n') {
        let message = "the connection ended before the answer did";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    }
    Ok(answer)
}
