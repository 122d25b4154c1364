//! The line of standard error that says best why a process failed.

/// That line, without the space around it. Empty if there is none.
///
/// It is the last line that looks like an exception, as Python, C++ or Rust print it, or like `error: …`. Otherwise it is the last one.
/// What only helps, such as `hint: …`, is never it.
pub(super) fn headline(errors: &str) -> String {
    let lines: Vec<&str> = errors.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut best = None;
    let mut in_traceback = false;
    for (at, line) in lines.iter().enumerate() {
        let is_indented = line.starts_with(char::is_whitespace);
        if line.starts_with("Traceback (most recent call last)") {
            in_traceback = true;
        } else if in_traceback && !is_indented {
            // Whatever an exception is called: it comes first after its frames.
            in_traceback = false;
            best = Some(line.trim().to_owned());
        } else if is_exception(line) || is_error(line) {
            best = Some(line.trim().to_owned());
        } else if goes_on(line) {
            // What went wrong is in the next line.
            let next = lines.get(at + 1).filter(|next| !is_help(next)).map(|next| next.trim());
            best = Some([line.trim(), next.unwrap_or_default()].join(" ").trim().to_owned());
        }
    }
    let last = || lines.iter().rev().find(|line| !is_help(line)).or(lines.last());
    best.unwrap_or_else(|| last().map(|line| line.trim().to_owned()).unwrap_or_default())
}

/// `ValueError: too high`, `torch.cuda.OutOfMemoryError: …`, or `KeyboardInterrupt` alone, at the line's beginning.
fn is_exception(line: &str) -> bool {
    const ENDS: [&str; 4] = ["Error", "Exception", "Interrupt", "Exit"];
    let name = line.trim_end().split_once(": ").map_or(line.trim_end(), |(name, _)| name);
    let name = name.trim_end_matches(':');
    let parts_are_names = name.split('.').all(|part| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    });
    parts_are_names && ENDS.iter().any(|end| name.ends_with(end))
}

/// `error: …`, also after a program's or a file's name: `train.c:3:5: error: …`.
fn is_error(line: &str) -> bool {
    const WORDS: [&str; 3] = ["error", "fatal", "fatal error"];
    let begins = |part: &str| WORDS.iter().any(|word| part.trim().eq_ignore_ascii_case(word));
    let mut parts = line.split(": ").collect::<Vec<_>>();
    // Something has to follow it.
    let rest = parts.pop().is_some_and(|rest| !rest.trim().is_empty());
    rest && !line.starts_with(char::is_whitespace) && parts.iter().take(2).any(|part| begins(part))
}

/// The first of two lines: C++ and Rust tell below it what happened.
fn goes_on(line: &str) -> bool {
    line.starts_with("terminate called after throwing")
        || (line.starts_with("thread '") && line.contains("panicked at ") && line.ends_with(':'))
}

fn is_help(line: &str) -> bool {
    let line = line.trim().to_ascii_lowercase();
    ["hint:", "note:", "help:"].iter().any(|word| line.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_most_is_found() {
        const TRACE: &str =
            "Traceback (most recent call last):\n  File \"x.py\", line 3, in f\n    g()\n";
        let traced = |rest: &str| format!("{TRACE}{rest}");
        for (errors, expected) in [
            (traced("ValueError: too high"), "ValueError: too high"),
            (traced("ValueError: two lines:\nthe second one"), "ValueError: two lines:"),
            (traced("mine.Odd\nepoch: 3"), "mine.Odd"),
            (
                traced(&format!(
                    "KeyError: 'a'\n\nDuring handling of the above exception, another exception \
                     occurred:\n\n{TRACE}torch.cuda.OutOfMemoryError: CUDA out of memory\nmore"
                )),
                "torch.cuda.OutOfMemoryError: CUDA out of memory",
            ),
            (traced("KeyboardInterrupt"), "KeyboardInterrupt"),
            (
                "kindling: there is no `objectiv` in `mod`\nhint: did you mean `objective`?".to_owned(),
                "kindling: there is no `objectiv` in `mod`",
            ),
            (
                "error: no such option\nusage: train [--lr LR]".to_owned(),
                "error: no such option",
            ),
            (
                "usage: x.py [-h]\nx.py: error: the following arguments are required: --lr".to_owned(),
                "x.py: error: the following arguments are required: --lr",
            ),
            ("sh: 1: no-such-program: not found\n\n".to_owned(), "sh: 1: no-such-program: not found"),
            ("begin\nsh: 3: x: parameter not set\n".to_owned(), "sh: 3: x: parameter not set"),
            (
                "terminate called after throwing an instance of 'std::runtime_error'\n  what():  no data\nAborted"
                    .to_owned(),
                "terminate called after throwing an instance of 'std::runtime_error' what():  no data",
            ),
            (
                "thread 'main' panicked at src/main.rs:3:5:\nno data\nnote: run with `RUST_BACKTRACE=1`".to_owned(),
                "thread 'main' panicked at src/main.rs:3:5: no data",
            ),
            ("hint: only help".to_owned(), "hint: only help"),
            (" \n\n".to_owned(), ""),
            (String::new(), ""),
        ] {
            assert_eq!(headline(&errors), expected, "{errors}");
        }
    }
}
