//! How a process ended.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

/// How a process ended. Displays as `exit status 3` or `SIGSEGV (segmentation fault)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It ended by itself.
    Status(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        number: i32,
        /// Whether the system left a core dump.
        core_dumped: bool,
    },
}

impl Exit {
    /// Whether it ended with status 0.
    pub(crate) fn is_success(self) -> bool {
        self == Exit::Status(0)
    }

    /// What most often is behind such an end. Only for those that we did not bring about ourselves.
    pub(crate) fn hint(self) -> Option<&'static str> {
        const KILLED: i32 = 128 + Signal::SIGKILL as i32;
        match self {
            Exit::Status(126) => Some("126 is what a shell says of a file that it may not execute"),
            Exit::Status(127) => Some("127 is what a shell says of a command that it did not find"),
            Exit::Status(KILLED) => Some(
                "137 is what a shell says of a process that SIGKILL ended; mostly the kernel did, as memory ran out",
            ),
            Exit::Status(_) => None,
            Exit::Signal { number, .. } => match Signal::try_from(number) {
                Ok(Signal::SIGKILL) => Some(
                    "this worker did not send it; mostly the kernel did, as memory ran out (see `dmesg`)",
                ),
                Ok(Signal::SIGBUS) => Some(
                    "mostly shared memory ran out: look at `df /dev/shm`, or load data with fewer processes",
                ),
                Ok(Signal::SIGILL) => {
                    Some("mostly the program was built for a newer processor than this one")
                }
                Ok(Signal::SIGXCPU | Signal::SIGXFSZ) => {
                    Some("a limit of this machine was reached: see `ulimit -a`")
                }
                _ => None,
            },
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match status.signal() {
            Some(number) => Exit::Signal { number, core_dumped: status.core_dumped() },
            // A process that was waited for has the one or the other.
            None => Exit::Status(status.code().unwrap_or(-1)),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Exit::Status(status) => write!(f, "exit status {status}"),
            Exit::Signal { number, core_dumped } => {
                match Signal::try_from(number) {
                    Ok(signal) => f.write_str(signal.as_str())?,
                    Err(_) => write!(f, "signal {number}")?,
                }
                let meaning = meaning(number).unwrap_or_default();
                match (meaning, core_dumped) {
                    ("", false) => Ok(()),
                    ("", true) => f.write_str(" (core dumped)"),
                    (meaning, false) => write!(f, " ({meaning})"),
                    (meaning, true) => write!(f, " ({meaning}, core dumped)"),
                }
            }
        }
    }
}

fn meaning(number: i32) -> Option<&'static str> {
    Some(match Signal::try_from(number).ok()? {
        Signal::SIGHUP => "hangup",
        Signal::SIGINT => "interrupt",
        Signal::SIGQUIT => "quit",
        Signal::SIGILL => "illegal instruction",
        Signal::SIGTRAP => "trap",
        Signal::SIGABRT => "aborted",
        Signal::SIGBUS => "bus error",
        Signal::SIGFPE => "arithmetic error",
        Signal::SIGKILL => "killed",
        Signal::SIGSEGV => "segmentation fault",
        Signal::SIGPIPE => "broken pipe",
        Signal::SIGALRM => "alarm clock",
        Signal::SIGTERM => "terminated",
        Signal::SIGXCPU => "processor time limit exceeded",
        Signal::SIGXFSZ => "file size limit exceeded",
        Signal::SIGSYS => "bad system call",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_named_as_people_know_it() {
        let signal = |number| Exit::Signal { number, core_dumped: false };
        assert_eq!(Exit::Status(3).to_string(), "exit status 3");
        assert_eq!(signal(11).to_string(), "SIGSEGV (segmentation fault)");
        assert_eq!(signal(40).to_string(), "signal 40");
        assert_eq!(
            Exit::Signal { number: 6, core_dumped: true }.to_string(),
            "SIGABRT (aborted, core dumped)"
        );
    }

    #[test]
    fn a_sigkill_that_nobody_of_us_sent_is_mostly_the_kernels() {
        let hint = Exit::Signal { number: 9, core_dumped: false }.hint();
        assert!(hint.is_some_and(|hint| hint.contains("memory ran out")), "{hint:?}");
        assert_eq!(Exit::Status(1).hint(), None);
    }
}
