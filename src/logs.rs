//! `kindling trial logs`.

use kindling_proto::v1;
use kindling_telemetry::say;
use serde_json::{Value, json};

use crate::client::{Client, refused};
use crate::out::{self, outln};
use crate::{format, size};

#[derive(clap::Args)]
pub(crate) struct LogsArgs {
    /// The study's name
    pub(crate) study: String,
    /// The trial's number
    number: u32,
    /// Go on as the trial writes more, until it is finished
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only this attempt [default: all]
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Only the last lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    last: Option<u32>,
    /// Print JSON, one object for each line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn show(client: &mut Client, args: LogsArgs) -> anyhow::Result<()> {
    let LogsArgs { study, number, follow, attempt, last, json } = args;
    let request = v1::ReadOutputRequest {
        study: study.clone(),
        trial: number,
        attempt,
        follow,
        last: last.unwrap_or(0),
    };
    let pieces = client.artifacts.read_output(request).await.map_err(refused)?;
    let mut pieces = pieces.into_inner();
    // Whoever asks for an attempt knows which one it is, and most trials have one.
    let mut shown = Some(attempt.unwrap_or(1));
    let mut is_empty = true;
    while let Some(piece) = pieces.message().await.map_err(refused)? {
        is_empty &= piece.lines.is_empty();
        let mut lines = Vec::new();
        for line in piece.lines {
            if json {
                outln!("{}", as_json(&line));
                continue;
            }
            if shown.replace(line.attempt) != Some(line.attempt) {
                lines.push(format!("--- attempt {} ---", line.attempt));
            }
            if let Some(left_out) = left_out(&line) {
                lines.push(format!("--- {left_out} ---"));
            }
            lines.push(line.text);
        }
        out::output(&lines);
    }
    if is_empty && !json {
        say!("trial {number} of `{study}` has written nothing that is kept");
    }
    Ok(())
}

/// What was left out before the line.
fn left_out(line: &v1::OutputLine) -> Option<String> {
    let v1::OutputLine { lines_left_out: lines, bytes_left_out: bytes, .. } = *line;
    let noun = if lines == 1 { "line" } else { "lines" };
    (lines > 0).then(|| format!("{lines} {noun} left out, {}", size::shown(bytes)))
}

fn as_json(line: &v1::OutputLine) -> Value {
    let stream = match line.stream() {
        v1::OutputStream::Stdout => "stdout",
        v1::OutputStream::Stderr => "stderr",
        v1::OutputStream::Log | v1::OutputStream::Unspecified => "log",
    };
    json!({
        "attempt": line.attempt,
        "stream": stream,
        "time": format::time(line.time.as_ref()).map(|time| time.to_string()),
        "text": line.text,
        "lines_left_out": line.lines_left_out,
        "bytes_left_out": line.bytes_left_out,
    })
}
