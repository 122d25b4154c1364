//! Numbers as scripts print them.

/// The number that the text begins with, and what follows it.
///
/// `91%` is 91. What may be something else is none: `9901/10000`, `0,91`, `1_000`, `3ms`.
pub(super) fn number(text: &str) -> Option<(f64, &str)> {
    let inner = within_call(text);
    let end = inner
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(inner.len());
    // A sentence may end after it.
    let written = inner[..end].trim_end_matches('.');
    let number: f64 = written.parse().ok()?;
    let rest = &inner[end..];
    let mut next = rest.chars();
    let ends = match next.next() {
        None => true,
        Some(',') => !next.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => {
            c.is_whitespace() || matches!(c, ';' | ')' | ']' | '}' | '|' | '"' | '\'' | '%' | '<')
        }
    };
    ends.then_some((number, rest))
}

/// What is in the brackets of `tensor(0.91, device='cuda:0')` or `np.float64(0.91)`; otherwise the text itself.
fn within_call(text: &str) -> &str {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let name = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    text[name..].strip_prefix('(').filter(|_| begins).unwrap_or(text)
}

/// A number as a step: whole, from 0, and no larger than a step may be.
pub(super) fn whole(x: f64) -> Option<u64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    (x.fract() == 0.0 && (0.0..=LIMIT).contains(&x)).then_some(x as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_every_usual_form() {
        for (text, expected) in [
            ("0.91", 0.91),
            ("-3", -3.0),
            ("+1e-3 next", 1e-3),
            (".5,", 0.5),
            ("1.", 1.0),
            ("0.91.", 0.91),
            ("91%", 91.0),
            ("0.91, loss", 0.91),
            ("0.91]", 0.91),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("tensor(0.91, device='cuda:0')", 0.91),
            ("np.float64(0.91)}", 0.91),
        ] {
            assert_eq!(number(text).expect(text).0.to_bits(), f64::to_bits(expected), "{text}");
        }
        assert!(number("NaN").expect("NaN").0.is_nan());
    }

    #[test]
    fn what_may_be_something_else_is_no_number() {
        for text in [
            "",
            "x",
            "9901/10000",
            "0,91",
            "1,234.5",
            "1_000",
            "3ms",
            "0.9-0.1",
            "1.2.3",
            "0x10",
            "(0.9)",
            "0.9±0.1",
            "12:30",
            "--1",
            "2(1)",
        ] {
            assert!(number(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_step_is_a_whole_number_from_0() {
        assert_eq!((whole(0.0), whole(3.0), whole(1e9)), (Some(0), Some(3), Some(1_000_000_000)));
        for x in [-1.0, 0.5, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(whole(x), None, "{x}");
        }
    }
}
