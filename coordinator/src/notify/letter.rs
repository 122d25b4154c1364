//! What a message says: a study as it stands, in short.

use jiff::Timestamp;
use kindling_report::{study_path, trial_path};
use kindling_study::{Choice, News, Study, StudyId, TrialNumber, Wall};
use serde_json::{Value, json};

use super::page_url::PageUrl;

/// The longest text, in characters.
const TEXT: usize = 1000;
/// The most parameters in it.
const PARAMS: usize = 8;
/// The most bytes of a trial's parameters in JSON. More of them are left out, all.
const PARAMS_BYTES: usize = 32 * 1024;
/// How much of a text parameter is shown, in characters.
const SHOWN: usize = 40;

/// A message about a study.
#[derive(Debug, Clone, Default)]
pub(super) struct Letter {
    /// `None`: a test.
    news: Option<News>,
    /// The same if the message is repeated, and of no other message.
    id: String,
    study: String,
    at: i64,
    budget: u32,
    waiting: u32,
    running: u32,
    complete: u32,
    pruned: u32,
    fail: u32,
    in_a_row: u32,
    best: Option<Best>,
    front: usize,
    /// The trial that it is about, if it is about a single one.
    trial: Option<TrialNumber>,
    /// Why it paused itself, or why the newest trial failed.
    reason: Option<String>,
}

#[derive(Debug, Clone)]
struct Best {
    trial: TrialNumber,
    values: Vec<(String, f64)>,
    params: Vec<(String, Value)>,
}

impl Letter {
    /// A letter about this, as of now.
    pub(super) fn about(study: &Study, id: StudyId, news: News, Wall(at): Wall) -> Self {
        let finished = study.finished();
        let failures = study.failures();
        let newest = failures.reasons().into_iter().max_by_key(|reason| reason.newest);
        let (best, front) = (best(study), study.front().len());
        let number = study.finish_order().len();
        Self {
            news: Some(news),
            id: format!("{}-{}-{number}", id.0, news.word()),
            study: study.spec().name.to_string(),
            at,
            budget: study.budget(),
            waiting: study.waiting().len() as u32,
            running: study.running().len() as u32,
            complete: finished.complete,
            pruned: finished.pruned,
            fail: finished.fail,
            in_a_row: failures.in_a_row(),
            trial: match news {
                News::Failing => newest.map(|reason| reason.newest),
                News::Best if front == 1 => best.as_ref().map(|best| best.trial),
                News::Best | News::Finished | News::Paused => None,
            },
            best,
            front,
            reason: match news {
                News::Paused => study.pause_reason().map(str::to_owned),
                News::Failing => newest.map(|reason| reason.text.clone()),
                News::Finished | News::Best => None,
            },
        }
    }

    /// A test, for a study that need not exist yet.
    pub(super) fn test(study: &str) -> Self {
        let at = Timestamp::now().as_microsecond();
        Self { id: format!("test-{at}"), study: study.to_owned(), at, ..Self::default() }
    }

    /// Whether somebody should look after it.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self.news, Some(News::Paused | News::Failing))
    }

    /// The name of a picture, in ntfy's words.
    pub(super) fn tag(&self) -> &'static str {
        match self.news {
            None => "bell",
            Some(News::Finished) => "white_check_mark",
            Some(News::Best) => "trophy",
            Some(News::Paused | News::Failing) => "warning",
        }
    }

    pub(super) fn title(&self) -> String {
        let study = one_line(&self.study);
        match self.news {
            None => format!("{study}: a test"),
            Some(News::Finished) => format!("{study} is finished"),
            Some(News::Paused) => format!("{study} paused itself"),
            Some(News::Failing) => format!("{study}: {} trials failed in a row", self.in_a_row),
            Some(News::Best) if self.front > 1 => format!("{study}: the front has changed"),
            Some(News::Best) => format!("{study}: a new best"),
        }
    }

    /// Some lines of plain text.
    pub(super) fn text(&self) -> String {
        if self.news.is_none() {
            return "Messages about this study will come here.".to_owned();
        }
        let reason = self.reason.as_deref().map(one_line);
        let best = self.best.as_ref().map(|best| best.line(self.front));
        let lines = [reason, best, Some(self.counts())].into_iter().flatten();
        shortened(&lines.collect::<Vec<_>>().join("\n"), TEXT)
    }

    fn counts(&self) -> String {
        let counts = [
            (self.complete, "complete"),
            (self.pruned, "pruned"),
            (self.fail, "failed"),
            (self.running, "running"),
            (self.waiting, "waiting"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
        format!("{}; {} trials to finish", counts.join(", "), self.budget)
    }

    /// The address of what it is about.
    pub(super) fn link(&self, page: &PageUrl) -> String {
        page.at(&match self.trial {
            Some(TrialNumber(number)) => trial_path(&self.study, number),
            None => study_path(&self.study),
        })
    }

    /// For a program. What is here stays as it is; there may be more in a later version.
    pub(super) fn to_json(&self, link: Option<&str>) -> Value {
        let best = self.best.as_ref().map(|best| {
            let values = best.values.iter().map(|(name, value)| (name.clone(), json!(value)));
            let params: serde_json::Map<_, _> = best.params.iter().cloned().collect();
            let params = Some(params).filter(|p| json!(p).to_string().len() <= PARAMS_BYTES);
            json!({
                "trial": best.trial.0,
                "values": values.collect::<serde_json::Map<_, _>>(),
                "params": params,
            })
        });
        let mut told = json!({
            "version": 1,
            "id": self.id,
            "event": self.news.map_or("test", News::word),
            "study": self.study,
            "time": Timestamp::from_microsecond(self.at).unwrap_or_default().to_string(),
            "title": self.title(),
            "text": self.text(),
            "trials": {
                "budget": self.budget,
                "waiting": self.waiting,
                "running": self.running,
                "complete": self.complete,
                "pruned": self.pruned,
                "fail": self.fail,
            },
            "best": best,
            "front": self.front,
            "reason": self.reason,
        });
        if let Some(link) = link {
            told["url"] = link.into();
        }
        told
    }
}

impl Best {
    fn line(&self, front: usize) -> String {
        let values = self.values.iter().map(|(name, value)| format!("{name} {}", number(*value)));
        let values = values.collect::<Vec<_>>().join(", ");
        let mut params: Vec<_> =
            self.params.iter().take(PARAMS).map(|(name, value)| shown(name, value)).collect();
        if self.params.len() > PARAMS {
            params.push("…".to_owned());
        }
        let params = match params.join(", ") {
            none if none.is_empty() => none,
            some => format!(": {some}"),
        };
        let number = self.trial.0;
        if front > 1 {
            return format!(
                "{front} trials on the front, the first is {number} with {values}{params}"
            );
        }
        format!("Best: {values} in trial {number}{params}")
    }
}

fn best(study: &Study) -> Option<Best> {
    let trial = study.best()?;
    let found = study.get(trial)?;
    let values = found.values()?.as_slice().iter().copied();
    let names = &study.spec().metrics.names;
    let name =
        |place: usize| names.get(place).map_or_else(|| "value".to_owned(), ToString::to_string);
    let values = values.enumerate().map(|(place, value)| (name(place), value)).collect();
    let params = found.params().into_iter().flatten().zip(study.spec().space.params());
    let active = params.filter_map(|(value, param)| {
        Some((param.name.clone(), plain(param.distribution.show((*value)?))))
    });
    Some(Best { trial, values, params: active.collect() })
}

fn plain(choice: Choice) -> Value {
    match choice {
        Choice::None => Value::Null,
        Choice::Bool(b) => b.into(),
        Choice::Int(i) => i.into(),
        Choice::Float(x) => x.into(),
        Choice::Text(text) => text.into(),
        Choice::Nested(nested) => serde_json::from_str(nested.as_str()).unwrap_or_default(),
    }
}

fn shown(name: &str, value: &Value) -> String {
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Number(n) if n.is_f64() => number(n.as_f64().unwrap_or(f64::NAN)),
        other => other.to_string(),
    };
    format!("{} {}", one_line(name), shortened(&one_line(&value), SHOWN))
}

/// Five significant digits, or all if there are fewer.
fn number(x: f64) -> String {
    let all = x.to_string();
    let rounded = match x.abs() {
        1e-4..1e6 => {
            let decimals = 4 - x.abs().log10().floor() as i32;
            let text = format!("{x:.*}", decimals.max(0) as usize);
            if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        }
        _ => format!("{x:.4e}"),
    };
    if all.len() <= rounded.len() { all } else { rounded }
}

fn one_line(text: &str) -> String {
    let is_seen = |c: &char| !c.is_control() || c.is_whitespace();
    let text: String = text.chars().filter(is_seen).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
