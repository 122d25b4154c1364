//! Files named after a study.

use std::path::PathBuf;

use kindling_telemetry::is_unprintable;

/// File systems allow 255 bytes; the rest is for suffixes such as `.db.spool`.
const LONGEST: usize = 200;

/// A file in the current folder named after a study.
///
/// Whatever the study's name, the result is never a path to elsewhere, an option or a hidden file: such
/// characters are percent-encoded (`%2F`). Two studies may map to one file, because a store can hold several.
pub(crate) fn after_study(name: &str, extension: &str) -> PathBuf {
    format!("{}.{extension}", escaped(name)).into()
}

/// A file in the current folder named after the last part of an artifact's name. Neither is it ever elsewhere.
pub(crate) fn of_artifact(name: &str) -> PathBuf {
    let last = name.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next();
    match escaped(last.unwrap_or_default()) {
        file if file.is_empty() => "artifact".into(),
        file => file.into(),
    }
}

fn escaped(name: &str) -> String {
    let mut file = String::new();
    for (at, c) in name.char_indices() {
        let begins_badly = at == 0 && matches!(c, '-' | '.' | '~');
        let mut piece = c.to_string();
        if begins_badly || matches!(c, '/' | '\\') || is_unprintable(c) {
            let escaped = piece.bytes().map(|byte| format!("%{byte:02X}"));
            piece = escaped.collect::<Vec<_>>().concat();
        }
        if file.len() + piece.len() > LONGEST {
            break;
        }
        file.push_str(&piece);
    }
    file
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use super::*;

    #[test]
    fn a_file_stays_where_it_is_made_whatever_the_study_is_called() {
        for (name, file) in [
            ("weight-init", "weight-init.db"),
            ("my study", "my study.db"),
            ("50%25", "50%25.db"),
            ("run#1", "run#1.db"),
            ("研究", "研究.db"),
            ("$(touch x)", "$(touch x).db"),
            ("-x", "%2Dx.db"),
            ("--help", "%2D-help.db"),
            ("../up", "%2E.%2Fup.db"),
            ("/abs", "%2Fabs.db"),
            ("a/b", "a%2Fb.db"),
            (".", "%2E.db"),
            ("..", "%2E..db"),
            ("a\u{202e}b", "a%E2%80%AEb.db"),
        ] {
            assert_eq!(after_study(name, "db"), Path::new(file));
            let mut parts = Path::new(file).components();
            assert!(matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none());
        }
        for (name, file) in [
            ("model.pt", "model.pt"),
            ("plots/loss curve.png", "loss curve.png"),
            ("a/../../etc/passwd", "passwd"),
            ("..", "%2E."),
            ("a/..", "%2E."),
            ("/", "artifact"),
            ("a/", "a"),
            ("-rf", "%2Drf"),
            (".bashrc", "%2Ebashrc"),
            ("a\\b", "b"),
        ] {
            assert_eq!(of_artifact(name), Path::new(file), "{name}");
        }
        let long = after_study(&"/".repeat(512), "html");
        assert!(long.as_os_str().len() <= 255);
        assert!(matches!(long.components().next(), Some(Component::Normal(_))));
    }
}
