//! Finds the field that a name means, and the shortest name that means a field.

use super::fields::{Field, Fields, Group};
use super::lexer::is_word;
use super::nearest::nearest;
use super::parser::{Name, is_keyword};
use super::problem::{FilterError, one_of, some};

impl Fields {
    /// What the name means; an error if that is nothing, or more than one thing.
    pub(super) fn find(&self, name: &Name) -> Result<&Field, FilterError> {
        let found = self.distinct(self.meant(&name.text, name.group.as_deref(), name.is_quoted));
        match &found[..] {
            [place] => Ok(&self.all[*place]),
            [] => Err(self.unknown(name)),
            several => {
                let what: Vec<_> =
                    several.iter().map(|place| self.all[*place].group.is_what()).collect();
                let (last, first) = what.split_last().unwrap_or((&"", &[]));
                let ways: Vec<_> = several.iter().map(|p| self.with_group(&self.all[*p])).collect();
                Err(name.span.with_hint(
                    format!("`{}` is {} and {last}", name.text, first.join(", ")),
                    format!("write {}", one_of(&ways)),
                ))
            }
        }
    }

    fn meant(&self, text: &str, group: Option<&str>, is_quoted: bool) -> Vec<usize> {
        if let Some(group) = group {
            return self.grouped.get(&format!("{group}.{text}")).copied().into_iter().collect();
        }
        let bare = self.bare_places.get(text).map_or(&[][..], |at| &self.bare[*at].1);
        if is_quoted {
            let is_given = |place: &usize| self.all[*place].group != Group::Trial;
            return bare.iter().copied().filter(is_given).collect();
        }
        bare.iter().chain(self.grouped.get(text)).copied().collect()
    }

    /// Fields under two names count once.
    fn distinct(&self, found: Vec<usize>) -> Vec<usize> {
        let mut distinct: Vec<usize> = Vec::new();
        for place in found {
            if !distinct.iter().any(|known| self.are_same(*known, place)) {
                distinct.push(place);
            }
        }
        distinct
    }

    fn unknown(&self, name: &Name) -> FilterError {
        let point = if name.is_quoted { None } else { name.text.split_once('.') };
        let (group, wanted) = match (&name.group, point) {
            (Some(group), _) => (group.as_str(), name.text.as_str()),
            (None, Some((group, wanted))) => (group, wanted),
            (None, None) => ("", name.text.as_str()),
        };
        if let Some(group) = Group::ALL.into_iter().find(|known| known.word() == group) {
            let known: Vec<_> = self.all.iter().filter(|field| field.group == group).collect();
            let names: Vec<_> = known.iter().map(|field| field.name.as_str()).collect();
            let message = format!("`{wanted}` is not {} of this study", group.is_what());
            let near = nearest(wanted, &names);
            let near = near.and_then(|near| known.iter().find(|field| field.name == near));
            return match near {
                Some(field) => {
                    name.span.with_hint(message, format!("did you mean `{}`?", self.spell(field)))
                }
                None => name.span.problem(message),
            };
        }
        let is_ours = name.is_quoted && self.grouped.contains_key(&format!("trial.{}", name.text));
        let hint =
            if is_ours { "leave out the quotes".to_owned() } else { self.instead(&name.text) };
        name.span.with_hint(format!("nothing is called `{}` here", name.text), hint)
    }

    /// What may have been meant.
    fn instead(&self, text: &str) -> String {
        let did_you_mean =
            |place: usize| format!("did you mean `{}`?", self.spell(&self.all[place]));
        if let Some(attribute) = self.grouped.get(&format!("attr.{text}")) {
            return did_you_mean(*attribute);
        }
        if text == "value" {
            let metrics = self.all.iter().filter(|field| field.group == Group::Metric);
            let metrics: Vec<_> = metrics.map(|field| self.spell(field)).collect();
            return format!("there are several objectives: write {}", one_of(&metrics));
        }
        let names: Vec<_> = self.bare.iter().map(|(name, _)| name.as_str()).collect();
        if let Some(near) = nearest(text, &names) {
            return did_you_mean(self.bare[self.bare_places[near]].1[0]);
        }
        let (own, given): (Vec<_>, Vec<_>) =
            self.all.iter().partition(|field| field.group == Group::Trial);
        let all: Vec<_> = given.into_iter().chain(own).map(|field| self.spell(field)).collect();
        format!("there are {}", some(&all))
    }

    /// The shortest way to write a field's name.
    fn spell(&self, field: &Field) -> String {
        let is_quoted = !is_word(&field.name) || is_keyword(&field.name);
        let meant = self.distinct(self.meant(&field.name, None, is_quoted));
        match &meant[..] {
            [place] if std::ptr::eq(&raw const self.all[*place], field) => {
                if is_quoted {
                    quote(&field.name)
                } else {
                    field.name.clone()
                }
            }
            _ => self.with_group(field),
        }
    }

    /// With quotes also where the whole is somebody else's name.
    fn with_group(&self, field: &Field) -> String {
        let (group, name) = (field.group.word(), &field.name);
        let is_plain = is_word(name) && !self.bare_places.contains_key(&format!("{group}.{name}"));
        let name = if is_plain { name.clone() } else { quote(name) };
        format!("{group}.{name}")
    }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
