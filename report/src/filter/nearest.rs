//! Finds the known word that a misspelt one probably was.

/// Longer words are not compared: they come from outside.
const LONGEST: usize = 64;

/// The known word that was probably meant: one that differs in at most a third of its letters, or
/// the only one with the same beginning.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.chars().count() > LONGEST {
        return None;
    }
    let word = folded(word);
    let distance = |known: &str| {
        let known: String = folded(known).chars().take(LONGEST).collect();
        strsim::damerau_levenshtein(&word, &known)
    };
    // Whoever left out a letter has seldom left out the first.
    let begins_otherwise = |known: &str| word.chars().next() != folded(known).chars().next();
    let order = |known: &&str| (distance(known), begins_otherwise(known));
    let near = known.iter().copied().min_by_key(order)?;
    let allowed = (near.chars().count() / 3).max(1);
    // A word of one or two letters could turn into anything.
    if distance(near) <= allowed && word.chars().count() > allowed {
        return Some(near);
    }
    let begins_alike = |known: &&&str| {
        let shorter = word.chars().count().min(known.chars().count());
        shorter >= 3 && (word.starts_with(&folded(known)) || folded(known).starts_with(&word))
    };
    let mut alike = known.iter().filter(begins_alike);
    alike.next().copied().filter(|_| alike.next().is_none())
}

fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}
