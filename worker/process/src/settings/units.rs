//! Durations such as `1h30m`, and sizes such as `4GiB`.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The shortest time that a trial may be given.
pub(super) const SHORTEST: Duration = Duration::from_millis(1);

/// The longest time that a trial may be given. Who wants longer wants no limit.
pub(super) const LONGEST: Duration = Duration::from_hours(366 * 24);

/// The longest grace.
pub(super) const LONGEST_GRACE: Duration = Duration::from_hours(24);

/// What a memory limit may be. With less than 1 MiB no process starts.
pub(super) const SIZES: RangeInclusive<u64> = 1 << 20..=1 << 50;

/// Longer text than any duration or size.
const LONGEST_TEXT: usize = 64;

/// Reads a duration: `90s`, `2h`, `1h30m`.
///
/// Months and years are refused: they have no fixed length, and `M` beside `m` is a trap.
pub(super) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [&str; 6] = ["ms", "s", "min", "m", "h", "d"];
    let mut units = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|unit| !unit.is_empty());
    if text.len() > LONGEST_TEXT || !units.all(|unit| UNITS.contains(&unit)) {
        return None;
    }
    // It reads a bare `0`, too.
    humantime::parse_duration(text).ok()
}

/// A duration as it would be written in a file.
pub(super) fn told(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{}ms", duration.as_millis()),
        seconds if seconds.is_multiple_of(24 * 3600) => format!("{}d", seconds / (24 * 3600)),
        _ => humantime::format_duration(duration).to_string(),
    }
}

/// Reads a size: `512MB`, `4GiB`, `1.5 GiB`. The unit's case does not matter.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic() || c == ' ')?;
    let (number, unit) = (&text[..unit_at], text[unit_at..].trim_start());
    let unit = match unit.to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    if text.len() > LONGEST_TEXT || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let bytes = number.parse::<f64>().ok()? * unit;
    // A cast saturates, so one that is too large stays too large.
    Some(bytes.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("30m", 1800.0),
            ("2h", 7200.0),
            ("1h30m", 5400.0),
            ("500ms", 0.5),
            ("1d 1h", 90_000.0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "90", "2 hours", "1M", "1y", "-5s", "1e3s", "5s!", "99999999999999999999h"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, size) in [
            ("512MB", 512_000_000),
            ("4GiB", 4 << 30),
            ("1.5 GiB", 3 << 29),
            ("1mib", 1 << 20),
            ("100B", 100),
            ("999999999999TiB", u64::MAX),
        ] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        for text in ["", "4", "GiB", "-4GiB", "4GiBs", "1e3MB", "4 G", "NaNB", "1.2.3MB"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_are_told_as_they_would_be_written() {
        assert_eq!((told(SHORTEST), told(LONGEST)), ("1ms".to_owned(), "366d".to_owned()));
        assert_eq!(
            (told(Duration::ZERO), told(LONGEST_GRACE)),
            ("0ms".to_owned(), "1d".to_owned())
        );
    }
}
