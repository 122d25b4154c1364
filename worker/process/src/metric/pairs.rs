//! Pairs in a line of text: `accuracy=0.91`, `accuracy: 0.91`, `'accuracy': 0.91`.

use super::number::{number, whole};

/// The value of the first pair with exactly this name.
pub(super) fn value(line: &str, name: &str) -> Option<f64> {
    places(line, name).find_map(|at| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let (before, after, quoted) = without_quotes(before, after);
        if !quoted && (continues(before) || is_longer(before)) {
            return None;
        }
        number(after_sign(after)?).map(|(value, _)| value)
    })
}

/// The step that the line gives: of `step` or else of `epoch`, in any case, as a pair, or as `Epoch 3/10`, `[epoch 3]`.
///
/// A step out of a total, `step 100/600`, begins again with each epoch. So an epoch goes before it.
pub(super) fn step(line: &str) -> Option<u64> {
    let folded = line.to_ascii_lowercase();
    let (step, epoch) = (find_step(&folded, "step"), find_step(&folded, "epoch"));
    match (step, epoch) {
        (Some((_, true)), Some((epoch, _))) => Some(epoch),
        (Some((step, _)), _) => Some(step),
        (None, epoch) => epoch.map(|(epoch, _)| epoch),
    }
}

/// The step, and whether its total follows it.
fn find_step(line: &str, name: &str) -> Option<(u64, bool)> {
    places(line, name).find_map(|at| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let (before, after, quoted) = without_quotes(before, after);
        if !quoted && continues(before) {
            return None;
        }
        let spaced = after.trim_start();
        let after = after_sign(after).or_else(|| (spaced.len() < after.len()).then_some(spaced))?;
        let after = after.trim_start_matches(['[', '(', '#']);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        match after[digits..].trim_start().strip_prefix('/') {
            Some(_) => Some((after[..digits].parse().ok()?, true)),
            // `Epoch 3:` is not a number that ends as a value ends.
            None if after[digits..].starts_with(':') => {
                Some((after[..digits].parse().ok()?, false))
            }
            None => Some((whole(number(after)?.0)?, false)),
        }
    })
}

/// The names of all pairs in the line that give a number, with the word before if it belongs to the name.
pub(super) fn names(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices(['=', ':']).filter_map(|(at, _)| {
        number(after_sign(&line[at..])?)?;
        let before = line[..at].trim_end();
        let unquoted = before.trim_end_matches(['"', '\'']);
        let is_name =
            |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '%');
        let start = unquoted
            .rfind(|c| !is_name(c))
            .map_or(0, |last| last + unquoted[last..].chars().next().map_or(1, char::len_utf8));
        let name = &unquoted[start..];
        if !name.starts_with(char::is_alphabetic) {
            return None;
        }
        if unquoted.len() == before.len() && is_longer(&unquoted[..start]) {
            let words = unquoted[..start].trim_end();
            let word = words.rfind(char::is_whitespace).map_or(0, |space| space + 1);
            return unquoted.get(word..);
        }
        Some(name)
    })
}

fn places<'a>(line: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    line.match_indices(name).map(|(at, _)| at)
}

/// What is before and after the name and its quotes, and whether it has any.
fn without_quotes<'a>(before: &'a str, after: &'a str) -> (&'a str, &'a str, bool) {
    for quote in ['"', '\''] {
        if let (Some(before), Some(after)) = (before.strip_suffix(quote), after.strip_prefix(quote))
        {
            return (before, after, true);
        }
    }
    (before, after, false)
}

/// What follows `=` or `:` and the space around it.
fn after_sign(after: &str) -> Option<&str> {
    let value = after.trim_start().strip_prefix(['=', ':'])?.trim_start();
    Some(value.strip_prefix(['"', '\'']).unwrap_or(value))
}

/// Whether the name goes on to the left, as in `val_accuracy`, `val/accuracy` and `--accuracy`.
fn continues(before: &str) -> bool {
    before.ends_with(|c: char| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '%' | '$')
    })
}

/// Whether the word before belongs to the name, as in `best accuracy: 0.9`. A log's level does not.
fn is_longer(before: &str) -> bool {
    const LEVELS: [&str; 8] =
        ["DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "TRACE", "NOTICE"];
    let Some(word) = before.split_whitespace().next_back() else { return false };
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '(' | ')');
    word.starts_with(char::is_alphabetic) && word.chars().all(is_name) && !LEVELS.contains(&word)
}
