//! Sizes on the command line, such as `4GiB`.

/// Reads a size in bytes: `512MB`, `4GiB`, or 0.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
    ];
    if text == "0" {
        return Ok(0);
    }
    let read = || {
        let at = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = (&text[..at], text[at..].trim());
        let (_, unit) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
        number.parse::<u64>().ok()?.checked_mul(*unit)
    };
    read().ok_or_else(|| "expected a size, such as 500MB or 4GiB, or 0".to_owned())
}

/// A size for people.
pub(crate) fn shown(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, bytes) in
            [("0", 0), ("500MB", 500_000_000), ("4GiB", 4 << 30), ("64 mib", 64 << 20)]
        {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "4", "GiB", "-4GiB", "4G", "1.5GiB", "99999999999TiB"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!([shown(7), shown(1536), shown(3 << 20)], ["7 B", "1.5 KiB", "3.0 MiB"]);
    }
}
