//! Which Python function to call.

use std::fmt;
use std::path::{Path, PathBuf};

use super::keys::shown;

/// A Python function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Function {
    /// `pkg.train:objective`: of a module that Python finds.
    Module {
        /// The module's dotted name.
        module: String,
        /// The function's name, with dots if it is in a class or an object.
        name: String,
    },
    /// `code/train.py:objective`: of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The function's name.
        name: String,
    },
    /// `pickle:objective.pkl`: a function that the Python package wrote into a file, from a notebook for example.
    Pickle(PathBuf),
}

const LONGEST: usize = 4096;

impl Function {
    /// Reads `module:function`, `path.py:function` or `pickle:path`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("expected at most {LONGEST} bytes, found {}", text.len()));
        }
        match text.strip_prefix("pickle:") {
            Some("") => return Err("expected the path of a file after `pickle:`".to_owned()),
            Some(path) => return Ok(Self::Pickle(path.into())),
            None => {}
        }
        // The last one: a path may hold others.
        let Some((source, name)) = text.rsplit_once(':') else {
            return Err(format!(
                "expected \"module:function\", found {}{}",
                shown(text),
                hint(text)
            ));
        };
        if !is_dotted(name) {
            return Err(format!(
                "expected the name of a function after `:`, found {}",
                shown(name)
            ));
        }
        let name = name.to_owned();
        if is_python_file(source) {
            return Ok(Self::File { path: source.into(), name });
        }
        if is_dotted(source) {
            return Ok(Self::Module { module: source.to_owned(), name });
        }
        Err(format!(
            "expected a module such as `train`, or a path that ends in `.py`, before `:`, found {}",
            shown(source)
        ))
    }
}

/// What may be missing from text without a `:`.
fn hint(text: &str) -> String {
    match text.rsplit_once('.') {
        _ if is_python_file(text) => format!("; a function of it is `{text}:objective`"),
        Some((module, name)) if is_dotted(module) && is_dotted(name) => {
            format!("; did you mean `{module}:{name}`?")
        }
        _ => String::new(),
    }
}

fn is_python_file(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|ending| ending == "py")
}

/// Whether the text is Python names with dots between them.
fn is_dotted(text: &str) -> bool {
    let is_name = |name: &str| {
        let mut letters = name.chars();
        letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && letters.all(|c| c.is_alphanumeric() || c == '_')
    };
    text.split('.').all(is_name)
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module { module, name } => write!(f, "{module}:{name}"),
            Self::File { path, name } => write!(f, "{}:{name}", path.display()),
            Self::Pickle(path) => write!(f, "pickle:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_of_a_module_a_file_or_a_pickle() {
        let (module, name) = ("pkg.train".to_owned(), "make.objective".to_owned());
        assert_eq!(
            Function::parse("pkg.train:make.objective"),
            Ok(Function::Module { module, name })
        );
        let (path, name) = ("my code/a:b/train.py".into(), "objective".to_owned());
        assert_eq!(
            Function::parse("my code/a:b/train.py:objective"),
            Ok(Function::File { path, name })
        );
        assert_eq!(
            Function::parse("pickle:/tmp/a:b.pkl"),
            Ok(Function::Pickle("/tmp/a:b.pkl".into()))
        );
        for text in ["train:objective", "a/b.py:f", "pickle:x", "größe:fläche"] {
            assert_eq!(Function::parse(text).expect("a function").to_string(), text);
        }
    }

    #[test]
    fn an_error_says_what_is_missing() {
        for (text, expected) in [
            (
                "train.objective",
                "expected \"module:function\", found \"train.objective\"; did you mean `train:objective`?",
            ),
            (
                "train.py",
                "expected \"module:function\", found \"train.py\"; a function of it is `train.py:objective`",
            ),
            ("train", "expected \"module:function\", found \"train\""),
            ("train:", "expected the name of a function after `:`, found \"\""),
            ("train:f()", "expected the name of a function after `:`, found \"f()\""),
            (
                "a/b:f",
                "expected a module such as `train`, or a path that ends in `.py`, before `:`, found \"a/b\"",
            ),
            ("pickle:", "expected the path of a file after `pickle:`"),
        ] {
            assert_eq!(Function::parse(text).expect_err(text), expected);
        }
    }
}
