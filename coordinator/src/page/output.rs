//! A trial's output: JSON, an object to a line.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{Extensions, header};
use axum::response::{IntoResponse, Response};
use kindling_proto::v1;
use kindling_proto::v1::artifact_service_server::ArtifactService as _;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::failure::Failure;
use super::named::{Asked, NamedTrial};
use super::pages::{Pages, call};
use crate::budget::Caller;

/// Something is sent at least this often, so that dead connections show: an empty line.
const REFRESH: Duration = Duration::from_secs(5);
/// The last line, if the trial writes no more. Without it the answer was cut off.
const END: &[u8] = b"{\"end\":true}\n";

type Lines = mpsc::Sender<Result<Bytes, Status>>;

/// Which of the output.
#[derive(Deserialize)]
pub(super) struct Part {
    /// Of this attempt only.
    attempt: Option<u32>,
    /// Only so many of the last lines that there are.
    #[serde(default)]
    last: u32,
    /// Whether to go on as the trial writes more. Its mere name is enough.
    follow: Option<String>,
}

impl Part {
    fn follows(&self) -> bool {
        self.follow.as_deref().is_some_and(|follow| follow != "false")
    }
}

/// Sends what the trial wrote and, to those who follow it, what it goes on to write.
pub(super) async fn output(
    State(pages): State<Pages>,
    caller: Caller,
    extensions: Extensions,
    Asked(NamedTrial { name, trial }): Asked<NamedTrial>,
    Query(part): Query<Part>,
) -> Result<Response, Failure> {
    let place = pages.place(caller)?;
    let (follow, Part { attempt, last, .. }) = (part.follows(), part);
    let asked = v1::ReadOutputRequest { study: name, trial, attempt, follow, last };
    let pieces = pages.service.read_output(call(extensions, asked)).await?.into_inner();
    let (lines, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        tell(pieces, REFRESH, &pages.shutdown, &lines).await;
        drop(place);
    });
    let body = Body::from_stream(ReceiverStream::new(stream));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// Until all is told, the browser leaves or the coordinator stops.
async fn tell(
    mut pieces: impl Stream<Item = Result<v1::ReadOutputResponse, Status>> + Unpin,
    refresh: Duration,
    shutdown: &CancellationToken,
    lines: &Lines,
) {
    loop {
        let piece = tokio::select! {
            biased;
            () = lines.closed() => return,
            piece = timeout(refresh, pieces.next()) => piece,
        };
        let (said, is_last) = match piece {
            Err(_) => (Ok(Bytes::from_static(b"\n")), false),
            Ok(Some(piece)) => {
                let failed = piece.is_err();
                (piece.map(|piece| json_lines(&piece)), failed)
            }
            // It ends for all who follow.
            Ok(None) if shutdown.is_cancelled() => return,
            Ok(None) => (Ok(Bytes::from_static(END)), true),
        };
        if lines.send(said).await.is_err() || is_last {
            return;
        }
    }
}

/// A line, as it was written.
#[derive(Serialize)]
struct Line<'a> {
    attempt: u32,
    /// In milliseconds since 1970 UTC.
    time: i64,
    stream: &'static str,
    text: &'a str,
    /// What was left out before it.
    #[serde(skip_serializing_if = "is_none")]
    lines_left_out: u64,
    #[serde(skip_serializing_if = "is_none")]
    bytes_left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_none(left_out: &u64) -> bool {
    *left_out == 0
}

fn json_lines(piece: &v1::ReadOutputResponse) -> Bytes {
    let mut json = Vec::new();
    for line in &piece.lines {
        let time = line.time.unwrap_or_default();
        let told = Line {
            attempt: line.attempt,
            time: time
                .seconds
                .saturating_mul(1000)
                .saturating_add(i64::from(time.nanos / 1_000_000)),
            stream: match line.stream() {
                v1::OutputStream::Stderr => "stderr",
                v1::OutputStream::Log => "log",
                v1::OutputStream::Stdout | v1::OutputStream::Unspecified => "stdout",
            },
            text: &line.text,
            lines_left_out: line.lines_left_out,
            bytes_left_out: line.bytes_left_out,
        };
        serde_json::to_writer(&mut json, &told).expect("memory takes all, and texts are JSON");
        json.push(b'\n');
    }
    json.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn line(stream: v1::OutputStream, text: &str) -> v1::OutputLine {
        let time = Some(prost_types::Timestamp { seconds: 7, nanos: 8_900_000 });
        v1::OutputLine {
            attempt: 2,
            stream: stream.into(),
            time,
            text: text.to_owned(),
            ..Default::default()
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the stream has it")]
    fn piece(text: &str) -> Result<v1::ReadOutputResponse, Status> {
        Ok(v1::ReadOutputResponse { lines: vec![line(v1::OutputStream::Stderr, text)] })
    }

    /// What is told of these pieces, and whether it was cut off.
    async fn told(
        pieces: impl Stream<Item = Result<v1::ReadOutputResponse, Status>> + Unpin,
        shutdown: &CancellationToken,
    ) -> (String, bool) {
        let (lines, told) = mpsc::channel(100);
        tell(pieces, REFRESH, shutdown, &lines).await;
        drop(lines);
        let told: Vec<_> = ReceiverStream::new(told).collect().await;
        let is_cut_off = told.iter().any(Result::is_err);
        let bytes: Vec<_> = told.into_iter().flatten().flatten().collect();
        (String::from_utf8(bytes).expect("UTF-8"), is_cut_off)
    }

    #[tokio::test]
    async fn whatever_was_written_each_line_is_a_line_of_json() {
        let odd = "<script>\u{1b}[31m\n\r\0\u{2028}\u{202e}\"\\";
        let (text, _) = told(tokio_stream::iter([piece(odd)]), &CancellationToken::new()).await;
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let wanted =
            serde_json::json!({"attempt": 2, "time": 7008, "stream": "stderr", "text": odd});
        assert_eq!(lines, [wanted, serde_json::json!({"end": true})]);
        assert!(text.bytes().all(|byte| byte == b'\n' || !byte.is_ascii_control()), "{text}");
    }

    #[tokio::test]
    async fn what_was_left_out_is_told() {
        let lines = vec![v1::OutputLine {
            lines_left_out: 3,
            bytes_left_out: 40,
            ..line(v1::OutputStream::Log, "")
        }];
        let json = json_lines(&v1::ReadOutputResponse { lines });
        let told: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!((&told["lines_left_out"], &told["bytes_left_out"]), (&3.into(), &40.into()));
        assert_eq!((&told["stream"], &told["text"]), (&"log".into(), &"".into()));
    }

    #[tokio::test]
    async fn only_a_trial_that_writes_no_more_is_at_its_end() {
        let running = CancellationToken::new();
        let (text, is_cut_off) = told(tokio_stream::iter([piece("a")]), &running).await;
        assert!(text.ends_with("{\"end\":true}\n") && !is_cut_off, "{text}");
        let failed = [piece("a"), Err(Status::internal("broken"))];
        let (text, is_cut_off) = told(tokio_stream::iter(failed), &running).await;
        assert!(!text.contains("end") && is_cut_off, "{text}");
        running.cancel();
        let (text, is_cut_off) = told(tokio_stream::iter([piece("a")]), &running).await;
        assert!(text.contains("\"a\"") && !text.contains("end") && !is_cut_off, "{text}");
    }

    #[tokio::test]
    async fn a_silent_trial_keeps_the_connection_alive_and_a_browser_that_leaves_ends_it() {
        let (lines, mut told) = mpsc::channel(1);
        let told_to = tokio::spawn(async move {
            tell(tokio_stream::pending(), SOON, &CancellationToken::new(), &lines).await;
        });
        for _ in 0..3 {
            assert_eq!(told.recv().await.expect("a line").expect("no error"), "\n");
        }
        drop(told);
        told_to.await.expect("it ends");
    }

    #[test]
    fn who_follows_says_so() {
        for (query, follows) in
            [("", false), ("?follow", true), ("?follow=true", true), ("?follow=false", false)]
        {
            let asked = format!("/{query}").parse().expect("a path");
            let Query(part) = Query::<Part>::try_from_uri(&asked).expect("a query");
            assert_eq!(part.follows(), follows, "{query}");
        }
    }
}
