//! Times of day without a zone, as Optuna's clients write them: their own local time. Here it is this machine's.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use kindling_study::Wall;
use kindling_study::external::NaiveTime;

/// The years that Python's `datetime` has.
const YEARS: std::ops::RangeInclusive<i16> = 1..=9999;

/// The time of day here.
pub(crate) fn here(at: Wall) -> NaiveTime {
    let local = Timestamp::from_microsecond(at.0).map(|at| TimeZone::system().to_datetime(at));
    local.ok().and_then(naive).unwrap_or(NaiveTime(at.0))
}

/// The moment at which it is this time of day here.
pub(crate) fn moment(NaiveTime(at): NaiveTime) -> Option<Wall> {
    let local = Offset::UTC.to_datetime(Timestamp::from_microsecond(at).ok()?);
    let at = TimeZone::system().to_timestamp(local).ok()?;
    Some(Wall(at.as_microsecond()))
}

/// What a clock and a calendar show, if Python can show it.
pub(crate) fn naive(local: DateTime) -> Option<NaiveTime> {
    let at = YEARS.contains(&local.year()).then(|| Offset::UTC.to_timestamp(local).ok())??;
    Some(NaiveTime(at.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_time_here_is_that_moment() {
        let at = Wall(1_700_000_000_123_456);
        assert_eq!(moment(here(at)), Some(at));
    }

    #[test]
    fn a_time_that_python_cannot_show_is_none() {
        let time = date(-1, 1, 1).at(0, 0, 0, 0);
        assert_eq!(naive(time), None);
        assert_eq!(naive(date(1970, 1, 1).at(0, 0, 1, 0)), Some(NaiveTime(1_000_000)));
    }
}
