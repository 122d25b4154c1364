//! A small disk for one test: a tmpfs in a mount namespace held open by a child process.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Process, kindling_by};

/// The mount point, visible only in the namespace.
const MOUNT: &str = "/mnt";
const SCRIPT: &str =
    r#"mount -t tmpfs -o size="$1" kindling /mnt && echo ready && exec sleep infinity"#;

pub(crate) struct SmallDisk {
    holder: Process,
    /// The command that enters the namespace.
    enter: Vec<String>,
}

impl SmallDisk {
    /// `None` if mounting is not allowed; the reason goes to standard error.
    pub(crate) fn new(size: &str) -> Option<Self> {
        // As root, or as any user in a user namespace.
        for (unshare, nsenter) in [
            (&["--mount"][..], &["--mount"][..]),
            (&["--mount", "--user", "--map-root-user"], &["--mount", "--user"]),
        ] {
            let mut command = Command::new("unshare");
            command.args(unshare).args(["sh", "-c", SCRIPT, "sh", size]);
            let mut holder = Process::start(command.stdin(Stdio::null()).stdout(Stdio::piped()));
            let mut said = [0; 6];
            let answer = holder.child().stdout.as_mut().expect("piped").read_exact(&mut said);
            if answer.is_ok() && &said == b"ready\n" {
                let target = holder.child().id().to_string();
                let enter = ["nsenter", "--preserve-credentials", "--target", &target];
                let enter = enter.iter().chain(nsenter).map(|&word| word.to_owned());
                return Some(Self { holder, enter: enter.collect() });
            }
        }
        eprintln!(
            "SKIPPED: a full disk needs a small one, and neither mount nor unshare -Urm works here"
        );
        None
    }

    /// The `kindling` command inside the namespace.
    pub(crate) fn kindling(&self, args: &[&str]) -> Command {
        self.kindling_by(&[], args)
    }

    /// The same, wrapped in another command.
    pub(crate) fn kindling_by(&self, wrapper: &[&str], args: &[&str]) -> Command {
        let enter = self.enter.iter().map(String::as_str);
        let all: Vec<_> = wrapper.iter().copied().chain(enter).collect();
        kindling_by(&all, args)
    }

    /// A file's path inside the namespace.
    pub(crate) fn path(name: &str) -> PathBuf {
        Path::new(MOUNT).join(name)
    }

    /// Fills the disk to the last byte.
    pub(crate) fn fill(&mut self) {
        let mut filler = File::create(self.filler()).expect("a file");
        let mut chunk: &[u8] = &[1; 1 << 14];
        while !chunk.is_empty() {
            match filler.write(chunk) {
                Ok(written) => assert!(written > 0, "neither full nor written"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
                    chunk = &chunk[chunk.len() / 2 + 1..];
                }
            }
        }
    }

    /// Frees the space again.
    pub(crate) fn make_room(&mut self) {
        std::fs::remove_file(self.filler()).expect("removed");
    }

    /// The path outside the namespace.
    fn filler(&mut self) -> PathBuf {
        let holder = self.holder.child().id();
        PathBuf::from(format!("/proc/{holder}/root{MOUNT}/filler"))
    }
}
