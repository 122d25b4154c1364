//! Whom a study tells of its news, what is news, and what was told. Who sends is outside; here is only what there is to
//! say.

use url::{Host, Url};

use crate::event::{Event, StudyState};
use crate::spec::SpecError;
use crate::study::Study;
use crate::time::Wall;

/// The longest address, in bytes.
pub const MAX_NOTIFY_URL: usize = 2048;
/// How many trials that fail one after another are news.
pub const FAILING_IN_A_ROW: u32 = 3;

/// Whom to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// Nobody any more.
    Nobody,
    /// This address.
    Address(Recipient),
}

/// An address, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    kind: NotifyKind,
    url: SecretUrl,
    on: Vec<Topic>,
}

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyKind {
    /// JSON, for a program.
    Webhook,
    /// Text with a title, for a topic of an ntfy server.
    Ntfy,
    /// Text as Slack's incoming webhooks take it, and what imitates them.
    Slack,
}

/// What somebody may want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// The study is finished, or has paused itself.
    Finished,
    /// There is a new best trial, or the front has changed.
    Best,
    /// Trials fail one after another.
    Failing,
}

/// A piece of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The study is finished.
    Finished,
    /// It has paused itself.
    Paused,
    /// Trials fail one after another.
    Failing,
    /// There is a new best trial, or the front has changed.
    Best,
}

/// How far the recipient knows what happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The end that it knows of.
    pub end: Option<End>,
    /// The newest trial on the front that it knows of, as the count of trials that had finished by then; 0: none.
    pub best: u32,
    /// Of how many rows of failed trials it knows.
    pub failing: u32,
    /// The newest message.
    pub last: Option<Message>,
}

/// How a study ended, for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It finished when so many trials had.
    Finished(u32),
    /// It paused itself for this reason.
    Paused(Box<str>),
}

/// A message that was delivered or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it told.
    pub news: News,
    /// When.
    pub at: Wall,
    /// To which host.
    pub host: Box<str>,
    /// Why it was given up. `None`: it was delivered.
    pub error: Option<Box<str>>,
}

/// An address that may be a secret, as Slack's are. What is printed of it is the host.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Url);

impl NotifyKind {
    /// All words of study files for it, with their meaning.
    pub const ALL: [(&str, Self); 3] =
        [("webhook", Self::Webhook), ("ntfy", Self::Ntfy), ("slack", Self::Slack)];

    /// The word.
    pub fn word(self) -> &'static str {
        word(&Self::ALL, &self)
    }
}

impl Topic {
    /// All words of study files for it, with their meaning.
    pub const ALL: [(&str, Self); 3] =
        [("finished", Self::Finished), ("best", Self::Best), ("failing", Self::Failing)];
    /// What is told unless the author says otherwise.
    pub const DEFAULT: [Self; 2] = [Self::Finished, Self::Failing];

    /// The word.
    pub fn word(self) -> &'static str {
        word(&Self::ALL, &self)
    }
}

impl News {
    /// All words for it, with their meaning.
    pub const ALL: [(&str, Self); 4] = [
        ("finished", Self::Finished),
        ("paused", Self::Paused),
        ("failing", Self::Failing),
        ("best", Self::Best),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        word(&Self::ALL, &self)
    }
}

fn word<T: PartialEq>(all: &[(&'static str, T)], one: &T) -> &'static str {
    all.iter().find(|(_, other)| other == one).map_or("", |(word, _)| word)
}

impl Recipient {
    /// Checks the address. `on` says what is told; nothing means [`Topic::DEFAULT`].
    pub fn new(kind: NotifyKind, url: &str, on: &[Topic]) -> Result<Self, SpecError> {
        let mut on = if on.is_empty() { Topic::DEFAULT.to_vec() } else { on.to_vec() };
        on.sort_unstable();
        on.dedup();
        Ok(Self { kind, url: SecretUrl::parse(url)?, on })
    }

    /// The form of its messages.
    pub fn kind(&self) -> NotifyKind {
        self.kind
    }

    /// Where they go.
    pub fn url(&self) -> &SecretUrl {
        &self.url
    }

    /// What it is told, in the order of [`Topic`].
    pub fn on(&self) -> &[Topic] {
        &self.on
    }
}

impl SecretUrl {
    /// No error says what was found: it may be a secret with a mistake in it.
    fn parse(text: &str) -> Result<Self, SpecError> {
        let wrong = |message: String| Err(SpecError::at(["notify", "url"], message));
        let too_long = |found: usize| {
            (found > MAX_NOTIFY_URL)
                .then(|| format!("expected at most {MAX_NOTIFY_URL} bytes, found {found}"))
        };
        if let Some(message) = too_long(text.len()) {
            return wrong(message);
        }
        let expected = "expected an address such as https://ntfy.sh/my-topic";
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return wrong(format!("{expected}, found one with spaces in it"));
        }
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return wrong(format!("{expected}; {error}")),
        };
        if !matches!(url.scheme(), "http" | "https") {
            return wrong(format!("{expected}; it begins with http:// or https://"));
        }
        if url.host().is_none() {
            return wrong(format!("{expected}; it names a host"));
        }
        // Some characters take more room in an address than in a text.
        match too_long(url.as_str().len()) {
            Some(message) => wrong(message),
            None => Ok(Self(url)),
        }
    }

    /// All of it, for whoever sends there.
    pub fn secret(&self) -> &Url {
        &self.0
    }

    /// The host, which is no secret, with its port if that is given.
    pub fn host(&self) -> String {
        let host = self.0.host().map(|host: Host<&str>| host.to_string()).unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }
}

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}/…", self.0.scheme(), self.host())
    }
}

impl Study {
    /// What the recipient wants to be told and does not know yet, the most important first.
    pub fn news(&self) -> Vec<News> {
        let Some(Notify::Address(recipient)) = self.notify() else { return Vec::new() };
        let (wants, told) = (|topic| recipient.on.contains(&topic), self.told());
        let mut news = Vec::new();
        if let Some(end) = self.end().filter(|_| wants(Topic::Finished))
            && told.end.as_ref() != Some(&end)
        {
            news.push(if matches!(end, End::Paused(_)) { News::Paused } else { News::Finished });
        }
        let failures = self.failures();
        let is_failing = failures.in_a_row() >= FAILING_IN_A_ROW;
        if wants(Topic::Failing) && is_failing && failures.rows() > told.failing {
            news.push(News::Failing);
        }
        if wants(Topic::Best) && self.newest_best() > told.best {
            news.push(News::Best);
        }
        news
    }

    /// What the recipient knows once it has a message of this that is made now. A message of the end says all there is.
    pub fn told_of(&self, news: News, last: Message) -> Told {
        let mut told = Told { last: Some(last), ..self.told().clone() };
        match news {
            News::Finished | News::Paused => {
                told.end = self.end();
                told.best = self.newest_best();
                told.failing = self.failures().rows();
            }
            News::Failing => told.failing = self.failures().rows(),
            News::Best => told.best = self.newest_best(),
        }
        told
    }

    /// Takes note of what a recipient was told, unless it is not the study's any more.
    pub fn note_told(&self, recipient: &Recipient, told: Told) -> Vec<Event> {
        let is_ours = matches!(self.notify(), Some(Notify::Address(ours)) if ours == recipient);
        let is_new = is_ours && *self.told() != told;
        is_new.then(|| Event::Told { told: Box::new(told) }).into_iter().collect()
    }

    /// Changes whom to tell. A new recipient is told anew how things stand.
    pub fn change_notify(&self, notify: Notify) -> Vec<Event> {
        let is_new = self.notify() != Some(&notify);
        is_new.then_some(Event::NotifyChanged { notify }).into_iter().collect()
    }

    /// A study that goes on may pause itself for the very same reason again, which is news again.
    pub(crate) fn forget_pause(&self, state: StudyState) -> Option<Event> {
        let was_told = matches!(self.told().end, Some(End::Paused(_)));
        (was_told && state == StudyState::Active)
            .then(|| Event::Told { told: Box::new(Told { end: None, ..self.told().clone() }) })
    }

    fn end(&self) -> Option<End> {
        if self.is_finished() {
            return Some(End::Finished(self.finish_order().len() as u32));
        }
        self.pause_reason().map(|reason| End::Paused(reason.into()))
    }
}
