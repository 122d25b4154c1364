//! A running process with its socket.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use kindling_worker::Output;

use super::ear::Ear;
use super::event::Event;
use crate::ground::{Folder, Ground, Group, Launch, LaunchError};
use crate::metric::Sought;
use crate::socket::{Host, Socket};

/// What is there before the process: its socket, and who answers it.
pub(crate) struct Place {
    pub(crate) host: Arc<Host>,
    pub(crate) socket: Socket,
    ground: Ground,
    stays: bool,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

/// A running process with its socket. Dropping it kills whatever is left of it.
pub(crate) struct Process {
    // Goes first: the group's threads may wait for somebody to take an event.
    place: Place,
    group: Arc<Group>,
    ear: Arc<Ear>,
    memory: Option<u64>,
}

impl Place {
    /// Opens a socket for one trial.
    pub(crate) fn of_command(ground: &Ground) -> io::Result<Self> {
        Self::open(ground, false)
    }

    /// Opens a socket for a process that stays.
    pub(crate) fn of_python(ground: &Ground) -> io::Result<Self> {
        Self::open(ground, true)
    }

    fn open(ground: &Ground, stays: bool) -> io::Result<Self> {
        let (sender, events) = channel();
        let said = sender.clone();
        let host = Host::new(move |it| _ = said.send(Event::Said(it)), stays);
        let socket = Socket::open(&host, Folder::make(ground)?)?;
        Ok(Self { host, socket, ground: ground.clone(), stays, sender, events })
    }

    /// Starts the process. Its output is searched for these metrics, and kept.
    pub(crate) fn start(
        self,
        launch: Launch,
        sought: Option<Sought>,
        output: Output,
    ) -> Result<Process, LaunchError> {
        let memory = launch.memory;
        let ear = Arc::new(Ear::new(self.sender.clone(), sought, output));
        let hears = Arc::clone(&ear);
        let group = launch.start(&self.ground, move |happened| hears.hear(&happened))?;
        Ok(Process { group: Arc::new(group), ear, memory, place: self })
    }
}

impl Process {
    pub(crate) fn group(&self) -> &Arc<Group> {
        &self.group
    }

    pub(crate) fn host(&self) -> &Host {
        &self.place.host
    }

    /// Who hears its output.
    pub(crate) fn ear(&self) -> &Ear {
        &self.ear
    }

    /// How much memory it may use.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.memory
    }

    /// Whether it stays after its trial.
    pub(crate) fn stays(&self) -> bool {
        self.place.stays
    }

    /// For what happens to it from elsewhere.
    pub(crate) fn sender(&self) -> Sender<Event> {
        self.place.sender.clone()
    }

    /// The next event, until then; for ever without a time.
    pub(crate) fn wait(&self, until: Option<Instant>) -> Result<Event, RecvTimeoutError> {
        let events = &self.place.events;
        match until {
            Some(until) => events.recv_timeout(until.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Has all its processes ended, and [`Event::Gone`] told.
    pub(crate) fn end(&self, grace: Duration) {
        let (group, sender) = (Arc::clone(&self.group), self.sender());
        let end = move || {
            let left = group.end(grace);
            if let Err(left) = &left {
                tracing::error!("{left}");
            }
            _ = sender.send(Event::Gone { all: left.is_ok() });
        };
        let ending = std::thread::Builder::new().name("ending".to_owned());
        // Without a thread, the socket is not answered meanwhile.
        if let Err(error) = ending.spawn(end.clone()) {
            tracing::warn!(%error, "no thread to end a trial's processes with");
            end();
        }
    }

    /// Has [`Event::Quiet`] told once everything sent over the socket is dealt with.
    pub(crate) fn finish_socket(&self) {
        let sender = self.sender();
        self.place.socket.finish(move || _ = sender.send(Event::Quiet));
    }
}
