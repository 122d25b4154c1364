//! Lines of output.

use kindling_proto::{limits, v1};
use kindling_study::Wall;

use super::invalid::Invalid;
use super::to_wire::timestamp;
use crate::output::{Line, Piece};

/// The seconds of the years that a time on the wire may have.
const YEARS_1_TO_9999: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

/// The lines, the first of which has this number.
pub(crate) fn lines(first: u64, wire: Vec<v1::OutputLine>) -> Result<Vec<Line>, Invalid> {
    // So numbers never overflow, and lines that are left out can be counted.
    if first.saturating_add(wire.len() as u64) > i64::MAX as u64 {
        return Err(Invalid::new("first", "lines are counted up to 2^63 - 1"));
    }
    wire.into_iter().map(line).collect()
}

fn line(wire: v1::OutputLine) -> Result<Line, Invalid> {
    let stream = wire.stream();
    if stream == v1::OutputStream::Unspecified {
        return Err(Invalid::new("lines.stream", "is standard output, standard error or the log"));
    }
    if wire.text.len() > limits::OUTPUT_LINE {
        let message = format!("at most {} bytes; cut longer lines", limits::OUTPUT_LINE);
        return Err(Invalid::new("lines.text", message));
    }
    let time = wire.time.ok_or_else(|| Invalid::new("lines.time", "is missing"))?;
    if !YEARS_1_TO_9999.contains(&time.seconds) || !(0..1_000_000_000).contains(&time.nanos) {
        return Err(Invalid::new("lines.time", "is no time of the years 1 to 9999"));
    }
    Ok(Line {
        number: 0,
        stream: stream.into(),
        time: time.seconds * 1_000_000 + i64::from(time.nanos / 1000),
        text: wire.text,
        lines_left_out: wire.lines_left_out,
        bytes_left_out: wire.bytes_left_out,
    })
}

pub(crate) fn piece(Piece { attempt, lines }: Piece) -> v1::ReadOutputResponse {
    let line = |line: Line| v1::OutputLine {
        attempt,
        stream: line.stream,
        time: Some(timestamp(Wall(line.time))),
        text: line.text,
        lines_left_out: line.lines_left_out,
        bytes_left_out: line.bytes_left_out,
    };
    v1::ReadOutputResponse { lines: lines.into_iter().map(line).collect() }
}
