//! Quotes commands that users are meant to copy, so that a shell reads each word correctly.

/// A word, quoted where necessary.
pub(crate) fn word(text: &str) -> String {
    // Only NUL cannot be quoted, and process arguments never contain it.
    shlex::try_quote(text).map_or_else(|_| "''".to_owned(), std::borrow::Cow::into_owned)
}

/// An option with its value, which may begin with a dash.
pub(crate) fn option(name: &str, value: &str) -> String {
    if value.starts_with('-') {
        return format!("{name}={}", word(value));
    }
    format!("{name} {}", word(value))
}

/// A positional argument at the end of a command. If it begins with a dash, `--` precedes it.
pub(crate) fn last(argument: &str) -> String {
    if argument.starts_with('-') {
        return format!("-- {}", word(argument));
    }
    word(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        for text in
            ["-x", "--help", "$(touch x)", "my study", "a'b\"c", "50%25", "研究", "", "`id`", "!!"]
        {
            let command = format!("kindling {} {}", option("--store", text), last(text));
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("kindling() {{ printf '%s\\n' \"$@\"; }}; {command}")])
                .output()
                .expect("a shell");
            let words = String::from_utf8(output.stdout).expect("text");
            let expected = if text.starts_with('-') {
                format!("--store={text}\n--\n{text}\n")
            } else {
                format!("--store\n{text}\n{text}\n")
            };
            assert_eq!(words, expected);
        }
    }
}
