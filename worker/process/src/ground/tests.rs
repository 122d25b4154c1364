//! Groups of real processes.

mod ends;
mod guard;
mod launch;
mod limits;
mod output;

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::table::{self, Process};
use super::*;

/// Longer than anything takes, on a machine that is busy.
const LONG: Duration = Duration::from_mins(1);

/// A group, and what is told of it.
struct Run {
    group: Group,
    told: Receiver<Happened>,
    errors: Arc<Mutex<Tail>>,
}

impl Run {
    fn start(launch: Launch) -> Self {
        Self::on(&Ground::new(None).unwrap(), launch)
    }

    fn on(ground: &Ground, launch: Launch) -> Self {
        let (tell, told) = channel();
        let errors = Arc::<Mutex<Tail>>::default();
        let tail = Arc::clone(&errors);
        let hear = move |happened| {
            lock(&tail).hear(&happened);
            _ = tell.send(happened);
        };
        let group = launch.start(ground, hear).unwrap();
        Self { group, told, errors }
    }

    fn next(&self) -> Happened {
        self.told.recv_timeout(LONG).unwrap()
    }

    /// Waits for this line.
    fn says(&self, line: &str) {
        while self.next() != Happened::Line(Stream::Out, line.to_owned()) {}
    }

    /// All lines of both streams that are told until the main process ends.
    fn rest(&self) -> (Vec<String>, Exit) {
        let mut lines = Vec::new();
        loop {
            match self.next() {
                Happened::Line(_, line) | Happened::Redrawn(_, line) => lines.push(line),
                Happened::Exited(exit) => return (lines, exit),
                Happened::Stays(_) | Happened::Shows(_) | Happened::OverMemory { .. } => {}
            }
        }
    }

    fn exit(&self) -> Exit {
        self.rest().1
    }

    fn last_errors(&self) -> String {
        lock(&self.errors).text()
    }

    /// Its processes, by the marks that they carry, and the zombies of its process group.
    fn processes(&self) -> Vec<Process> {
        let mark = self.group.mark();
        let is_in = |process: &Process| {
            process.group == self.group.id()
                || table::marks(process.pid).is_some_and(|marks| marks.contains(mark))
        };
        table::all().into_iter().filter(is_in).collect()
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.processes(), []);
        assert!(self.group.is_gone());
    }
}

fn sh(script: &str) -> Launch {
    launch("sh", &["-c", script])
}

fn python(script: &str) -> Launch {
    launch("python3", &["-c", script])
}

fn launch(program: &str, args: &[&str]) -> Launch {
    let args = args.iter().map(OsString::from).collect();
    Launch { program: program.into(), args, ..Launch::default() }
}

#[track_caller]
fn wait_until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !what() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs an ignored test of this crate in a process of its own, in which it is alone. Returns what it wrote.
fn alone(test: &str, tag: &str) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]).env(ALONE, tag);
    command
}

/// Set for a test that runs alone, to a text that no other has.
const ALONE: &str = "KINDLING_TEST_ALONE";

/// The processes that carry this tag, except for this one and those that have ended.
fn tagged(tag: &str) -> Vec<Process> {
    let tag = format!("{ALONE}={tag}\0");
    let own = std::process::id() as i32;
    let carries = |process: &Process| {
        let environment = table::read(&format!("/proc/{}/environ", process.pid), 8 << 20);
        let environment = environment.unwrap_or_default();
        process.pid != own && environment.windows(tag.len()).any(|bytes| bytes == tag.as_bytes())
    };
    table::all().into_iter().filter(carries).collect()
}
