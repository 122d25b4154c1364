//! `[notify]`: whom to tell of a study's news.

use kindling_study::{Notify, NotifyKind, Recipient, Topic};
use toml::{Table, Value};

use super::fault::Fault;
use super::keys::Keys;
use super::value::shown;
use super::words::not_one_of;

/// The word for nobody.
const OFF: &str = "off";

pub(super) fn notify(table: Table) -> Result<Notify, Fault> {
    let mut keys = Keys::open(&["notify"], table, &["kind", "url", "on"])?;
    let kind = keys.text("kind")?;
    let kind = kind.as_deref().unwrap_or(NotifyKind::Webhook.word());
    // What was found is not shown: it may be a secret.
    let url = match keys.value("url") {
        Some(Value::String(url)) => Some(url),
        None => None,
        Some(_) => return Err(keys.fault("url", "expected text in quotes")),
    };
    let on = keys.value("on");
    if kind == OFF {
        let key = if url.is_some() { "url" } else { "on" };
        let is_alone = url.is_none() && on.is_none();
        return is_alone
            .then_some(Notify::Nobody)
            .ok_or_else(|| keys.fault(key, "stands beside kind = \"off\", which tells nobody"));
    }
    let words = || NotifyKind::ALL.iter().map(|(word, _)| *word).chain([OFF]).collect::<Vec<_>>();
    let meaning = NotifyKind::ALL.iter().find(|(word, _)| *word == kind);
    let (_, kind) = meaning.ok_or_else(|| keys.fault("kind", not_one_of(kind, &words())))?;
    let url = url.ok_or_else(|| {
        let message = "missing key `url`: where messages go, such as \"https://ntfy.sh/my-topic\"";
        Fault::at(["notify"], message)
    })?;
    let on = on.map(topics).transpose().map_err(|message| keys.fault("on", message))?;
    Ok(Notify::Address(Recipient::new(*kind, &url, &on.unwrap_or_default())?))
}

fn topics(value: Value) -> Result<Vec<Topic>, String> {
    let words: Vec<_> = Topic::ALL.iter().map(|(word, _)| *word).collect();
    let expected = "expected a list such as [\"finished\", \"best\"]";
    let Value::Array(items) = value else {
        return Err(format!("{expected}, found {}", shown(&value)));
    };
    if items.is_empty() {
        return Err("expected one at least, found none; kind = \"off\" tells nobody".to_owned());
    }
    let topic = |item: &Value| {
        let Some(word) = item.as_str() else {
            return Err(format!("{expected}, found {} in it", shown(item)));
        };
        let meaning = Topic::ALL.iter().find(|(known, _)| *known == word);
        meaning.map(|(_, topic)| *topic).ok_or_else(|| not_one_of(word, &words))
    };
    items.iter().map(topic).collect()
}
