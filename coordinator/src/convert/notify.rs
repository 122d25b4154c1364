//! Whom to tell of a study's news, and what was told. An address comes in and never goes out: it may be a secret.

use kindling_proto::v1;
use kindling_study::{Message, Notify, NotifyKind, Recipient, SpecError, Topic};

use super::to_wire::timestamp;

const KINDS: [(v1::NotifyKind, NotifyKind); 3] = [
    (v1::NotifyKind::Webhook, NotifyKind::Webhook),
    (v1::NotifyKind::Ntfy, NotifyKind::Ntfy),
    (v1::NotifyKind::Slack, NotifyKind::Slack),
];

const TOPICS: [(v1::NotifyTopic, Topic); 3] = [
    (v1::NotifyTopic::Finished, Topic::Finished),
    (v1::NotifyTopic::Best, Topic::Best),
    (v1::NotifyTopic::Failing, Topic::Failing),
];

pub(super) fn from_wire(wire: &v1::Notify) -> Result<Notify, SpecError> {
    if wire.kind() == v1::NotifyKind::Off {
        return Ok(Notify::Nobody);
    }
    let kind = KINDS.iter().find(|(known, _)| *known == wire.kind()).map(|(_, kind)| *kind);
    let kind = kind.ok_or_else(|| SpecError::at(["notify", "kind"], "is missing or unknown"))?;
    if wire.url.is_empty() && !wire.host.is_empty() {
        let message = "an answer of a coordinator does not contain it; it is in the study file";
        return Err(SpecError::at(["notify", "url"], message));
    }
    if wire.on.len() > TOPICS.len() {
        let message = format!("expected at most {}", TOPICS.len());
        return Err(SpecError::at(["notify", "on"], message));
    }
    let topic = |word: v1::NotifyTopic| {
        let known = TOPICS.iter().find(|(known, _)| *known == word);
        known
            .map(|(_, topic)| *topic)
            .ok_or_else(|| SpecError::at(["notify", "on"], "expected FINISHED, BEST or FAILING"))
    };
    let on = wire.on().map(topic).collect::<Result<Vec<_>, _>>()?;
    Ok(Notify::Address(Recipient::new(kind, &wire.url, &on)?))
}

/// As a coordinator is told: with the address.
pub(super) fn whole(notify: &Notify) -> v1::Notify {
    let Notify::Address(recipient) = notify else {
        return v1::Notify { kind: v1::NotifyKind::Off.into(), ..v1::Notify::default() };
    };
    let kind = KINDS.iter().find(|(_, known)| *known == recipient.kind());
    let on = TOPICS.iter().filter(|(_, topic)| recipient.on().contains(topic));
    v1::Notify {
        kind: kind.map_or(v1::NotifyKind::Unspecified, |(kind, _)| *kind).into(),
        url: recipient.url().secret().to_string(),
        on: on.map(|(topic, _)| (*topic).into()).collect(),
        host: String::new(),
    }
}

/// As everybody may see it: the host instead of the address.
pub(super) fn shown(notify: &Notify) -> v1::Notify {
    let host = match notify {
        Notify::Address(recipient) => recipient.url().host(),
        Notify::Nobody => String::new(),
    };
    v1::Notify { url: String::new(), host, ..whole(notify) }
}

pub(super) fn message(message: &Message) -> v1::Notification {
    let Message { news, at, host, error } = message;
    v1::Notification {
        time: Some(timestamp(*at)),
        news: news.word().to_owned(),
        host: host.to_string(),
        error: error.as_deref().unwrap_or_default().to_owned(),
    }
}
