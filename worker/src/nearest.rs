//! Finds the known word that a misspelt one probably was.

/// The known word that was probably meant: it differs in at most a third of its letters.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // What is compared is bounded, because the word comes from outside.
    const LONGEST: usize = 64;
    let folded = |word: &str| word.to_lowercase().replace('-', "_");
    if word.len() > LONGEST {
        return None;
    }
    let word = folded(word);
    let distance = |known: &str| strsim::damerau_levenshtein(&word, &folded(known));
    // Whoever left out a letter has seldom left out the first.
    let begins_otherwise = |known: &str| word.chars().next() != folded(known).chars().next();
    let order = |known: &&str| (distance(known), begins_otherwise(known));
    let near = known.iter().copied().min_by_key(order)?;
    let allowed = (near.chars().count() / 3).max(1);
    // A word of one or two letters could turn into anything.
    (distance(near) <= allowed && word.chars().count() > allowed).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_where_one_is_near() {
        let known = ["timeout", "directory", "gpus"];
        assert_eq!(nearest("time_out", &known), Some("timeout"));
        assert_eq!(nearest("Direktory", &known), Some("directory"));
        assert_eq!(nearest("gpu", &known), Some("gpus"));
        assert_eq!(nearest("tp", &["gp", "tpe"]), Some("tpe"));
        assert_eq!(nearest("learning_rate", &known), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), &known), None);
    }
}
