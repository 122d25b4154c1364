//! What a worker tells its guard: a line for each thing.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// What the guard says once it can no longer be ended by the signals that end a worker.
pub(super) const READY: &str = "guard is ready";

/// Something that a worker tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told<'a> {
    /// A group is about to start.
    Expect { mark: &'a str },
    /// It started: its number, and when its main process did.
    Started { pid: i32, start: u64, mark: &'a str },
    /// It is over, or did not start.
    Over { mark: &'a str },
    /// There is a folder that only the worker needs.
    Made(Cow<'a, Path>),
    /// The folder is gone.
    Removed(Cow<'a, Path>),
}

impl<'a> Told<'a> {
    /// Reads a line. `None` for one that a newer worker writes; that is for a binary that was replaced.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        Some(match *words {
            ["expect", mark] => Self::Expect { mark },
            ["start", pid, mark, start] => {
                Self::Started { pid: pid.parse().ok()?, start: start.parse().ok()?, mark }
            }
            ["end", mark] => Self::Over { mark },
            ["folder", path] => Self::Made(of_hex(path)?.into()),
            ["removed", path] => Self::Removed(of_hex(path)?.into()),
            _ => return None,
        })
    }

    /// Whether something is over.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Over { .. } | Self::Removed(_))
    }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expect { mark } => writeln!(f, "expect {mark}"),
            Self::Started { pid, start, mark } => writeln!(f, "start {pid} {mark} {start}"),
            Self::Over { mark } => writeln!(f, "end {mark}"),
            Self::Made(path) => writeln!(f, "folder {}", hex(path)),
            Self::Removed(path) => writeln!(f, "removed {}", hex(path)),
        }
    }
}

/// A path may hold blanks, newlines and bytes that are no text.
fn hex(path: &Path) -> String {
    let mut hex = String::new();
    for byte in path.as_os_str().as_bytes() {
        _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn of_hex(text: &str) -> Option<PathBuf> {
    let pair = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    bytes.map(|bytes| OsString::from_vec(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_back() {
        let path = || Cow::Owned(PathBuf::from(OsString::from_vec(b"/tmp/a b\n\xff".to_vec())));
        for told in [
            Told::Expect { mark: "a" },
            Told::Started { pid: 12, start: 34, mark: "a" },
            Told::Over { mark: "a" },
            Told::Made(path()),
            Told::Removed(path()),
        ] {
            let line = told.to_string();
            assert_eq!((line.lines().count(), Told::read(&line)), (1, Some(told)), "{line}");
        }
        for line in ["", "nonsense", "start x a 34", "folder 2", "folder zz"] {
            assert!(!matches!(Told::read(line), Some(Told::Started { .. })), "{line}");
        }
    }
}
