//! Whom to tell of a study's news, and what was told.

use kindling_study::{
    End, Message, News, Notify, NotifyKind, Recipient, SpecError, Told, Topic, Wall,
};
use serde::{Deserialize, Serialize};

use super::Unreadable;

/// The text of whom to tell. It may change later, so it also has a place of its own.
pub(crate) fn notify_to_text(notify: &Notify) -> serde_json::Result<String> {
    serde_json::to_string(&Stored::from(notify))
}

/// Reads what [`notify_to_text`] wrote.
pub(crate) fn notify_from_text(text: &str) -> Result<Notify, Unreadable> {
    Ok(Notify::try_from(serde_json::from_str::<Stored>(text)?)?)
}

/// The text of what was told.
pub(crate) fn told_to_text(told: &Told) -> serde_json::Result<String> {
    let Told { end, best, failing, last } = told;
    let end = end.as_ref().map(|end| match end {
        End::Finished(trials) => StoredEnd::Finished(*trials),
        End::Paused(reason) => StoredEnd::Paused(reason.clone()),
    });
    let last = last.as_ref().map(|Message { news, at, host, error }| StoredMessage {
        news: StoredNews::of(*news),
        at: at.0,
        host: host.clone(),
        error: error.clone(),
    });
    serde_json::to_string(&StoredTold { end, best: *best, failing: *failing, last })
}

/// Reads what [`told_to_text`] wrote.
pub(crate) fn told_from_text(text: &str) -> serde_json::Result<Told> {
    let StoredTold { end, best, failing, last } = serde_json::from_str(text)?;
    let end = end.map(|end| match end {
        StoredEnd::Finished(trials) => End::Finished(trials),
        StoredEnd::Paused(reason) => End::Paused(reason),
    });
    let last = last.map(|StoredMessage { news, at, host, error }| Message {
        news: news.into(),
        at: Wall(at),
        host,
        error,
    });
    Ok(Told { end, best, failing, last })
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Stored {
    Off {},
    Webhook { url: String, on: Vec<Word> },
    Ntfy { url: String, on: Vec<Word> },
    Slack { url: String, on: Vec<Word> },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Finished,
    Best,
    Failing,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTold {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<StoredEnd>,
    best: u32,
    failing: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<StoredMessage>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredEnd {
    Finished(u32),
    Paused(Box<str>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredMessage {
    news: StoredNews,
    at: i64,
    host: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Box<str>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredNews {
    Finished,
    Paused,
    Failing,
    Best,
}

impl StoredNews {
    fn of(news: News) -> Self {
        match news {
            News::Finished => Self::Finished,
            News::Paused => Self::Paused,
            News::Failing => Self::Failing,
            News::Best => Self::Best,
        }
    }
}

impl From<StoredNews> for News {
    fn from(news: StoredNews) -> Self {
        match news {
            StoredNews::Finished => Self::Finished,
            StoredNews::Paused => Self::Paused,
            StoredNews::Failing => Self::Failing,
            StoredNews::Best => Self::Best,
        }
    }
}

impl From<&Notify> for Stored {
    fn from(notify: &Notify) -> Self {
        let Notify::Address(recipient) = notify else { return Self::Off {} };
        let url = recipient.url().secret().to_string();
        let word = |topic: &Topic| match topic {
            Topic::Finished => Word::Finished,
            Topic::Best => Word::Best,
            Topic::Failing => Word::Failing,
        };
        let on = recipient.on().iter().map(word).collect();
        match recipient.kind() {
            NotifyKind::Webhook => Self::Webhook { url, on },
            NotifyKind::Ntfy => Self::Ntfy { url, on },
            NotifyKind::Slack => Self::Slack { url, on },
        }
    }
}

impl TryFrom<Stored> for Notify {
    type Error = SpecError;
    fn try_from(stored: Stored) -> Result<Self, SpecError> {
        let (kind, url, on) = match stored {
            Stored::Off {} => return Ok(Self::Nobody),
            Stored::Webhook { url, on } => (NotifyKind::Webhook, url, on),
            Stored::Ntfy { url, on } => (NotifyKind::Ntfy, url, on),
            Stored::Slack { url, on } => (NotifyKind::Slack, url, on),
        };
        let topic = |word: Word| match word {
            Word::Finished => Topic::Finished,
            Word::Best => Topic::Best,
            Word::Failing => Topic::Failing,
        };
        let on: Vec<_> = on.into_iter().map(topic).collect();
        Ok(Self::Address(Recipient::new(kind, &url, &on)?))
    }
}
