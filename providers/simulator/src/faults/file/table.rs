//! A table of the file: its values are taken by key, and what is wrong is noted with its line.

use super::{Mistake, Pattern};
use crate::duration;
use jiff::SignedDuration;
use std::time::Duration;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where lines start.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let starts = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(starts).collect())
    }

    /// Returns the line, from 1, of an offset.
    pub(super) fn number(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }
}

pub(super) struct Table<'a> {
    entries: &'a DeTable<'a>,
    /// "" = what is outside of all sections.
    section: &'static str,
    line: usize,
    lines: &'a Lines,
    mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Table<'a> {
    /// Returns a table that has no keys but `keys`; others are mistakes.
    pub(super) fn new(
        entries: &'a DeTable<'a>,
        section: &'static str,
        line: usize,
        keys: &[&str],
        lines: &'a Lines,
        mistakes: &'a mut Vec<Mistake>,
    ) -> Self {
        for key in entries.keys() {
            let name = key.get_ref();
            if !keys.contains(&name.as_ref()) {
                let place = match section {
                    "" => "the file".to_owned(),
                    section => format!("[[{section}]]"),
                };
                let message = format!(
                    "{place} has no key \"{}\"{}",
                    name.escape_debug(),
                    near(name, keys)
                );
                let line = lines.number(key.span().start);
                mistakes.push(Mistake { line, message });
            }
        }
        Self {
            entries,
            section,
            line,
            lines,
            mistakes,
        }
    }

    fn find(&self, key: &str) -> Option<(usize, &'a DeValue<'a>)> {
        let (name, value) = self
            .entries
            .iter()
            .find(|(name, _)| name.get_ref() == key)?;
        Some((
            self.lines.number(Spanned::span(name).start),
            value.get_ref(),
        ))
    }

    /// Notes a mistake on the line of a key.
    pub(super) fn refuse(&mut self, key: &str, message: impl Into<String>) {
        let line = self.find(key).map_or(self.line, |(line, _)| line);
        let message = message.into();
        self.mistakes.push(Mistake { line, message });
    }

    /// Returns a value that `read` can make something of; says what it must be otherwise.
    fn value<T>(
        &mut self,
        key: &str,
        wanted: &str,
        read: impl Fn(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let (_, value) = self.find(key)?;
        let read = read(value);
        if read.is_none() {
            self.refuse(key, format!("{key} must be {wanted}"));
        }
        read
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.value(key, "a string", |value| Some(value.as_str()?.to_owned()))
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        let only = |value: &DeValue<'_>| value.as_bool().filter(|yes| *yes);
        self.value(key, "true, or left out", only).unwrap_or(false)
    }

    pub(super) fn whole(&mut self, key: &str, least: u64) -> Option<u64> {
        self.value(key, &format!("a whole number from {least} on"), |value| {
            let number = value.as_integer()?;
            let number = u64::from_str_radix(number.as_str(), number.radix()).ok()?;
            (number >= least).then_some(number)
        })
    }

    pub(super) fn share(&mut self, key: &str) -> Option<f64> {
        self.value(key, "a number from 0 to 1", |value| {
            let text = match value {
                DeValue::Float(number) => number.as_str(),
                DeValue::Integer(number) => number.as_str(),
                _ => return None,
            };
            text.parse()
                .ok()
                .filter(|share| (0.0..=1.0).contains(share))
        })
    }

    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        let wanted = "a duration such as \"1m30s\" or \"500ms\"";
        self.value(key, wanted, |value| span(value.as_str()?))
    }

    /// Returns a duration that a minus may stand before.
    pub(super) fn skew(&mut self, key: &str) -> Option<SignedDuration> {
        let wanted = "a duration such as \"7m\", or \"-7m\"";
        self.value(key, wanted, |value| {
            let text = value.as_str()?;
            let behind = text.strip_prefix('-');
            let span = SignedDuration::try_from(span(behind.unwrap_or(text))?).ok()?;
            Some(if behind.is_some() { -span } else { span })
        })
    }

    /// Returns a pattern; the one that everything fits, where none is given.
    pub(super) fn pattern(&mut self, key: &str) -> Pattern {
        let read = |value: &DeValue<'_>| Pattern::read(value.as_str()?);
        self.value(key, "a pattern in a string", read)
            .unwrap_or_else(Pattern::any)
    }

    pub(super) fn choice(&mut self, key: &str, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text(key)?;
        let found = allowed.iter().find(|it| **it == text).copied();
        if found.is_none() {
            let choices = allowed.join(", ");
            let near = near(&text, allowed);
            self.refuse(
                key,
                format!(
                    "{key} is \"{}\": allowed are {choices}{near}",
                    text.escape_debug()
                ),
            );
        }
        found
    }

    /// Notes a mistake where none of `keys` is given: nothing would happen.
    pub(super) fn needs(&mut self, keys: &[&str]) {
        if keys.iter().all(|key| self.find(key).is_none()) {
            let message = format!(
                "[[{}]] does nothing: give one of {}",
                self.section,
                keys.join(", ")
            );
            self.refuse("", message);
        }
    }

    /// Notes a mistake where more than one of `keys` is given.
    pub(super) fn excludes(&mut self, keys: &[&str]) {
        let given: Vec<&str> = keys
            .iter()
            .filter(|key| self.find(key).is_some())
            .copied()
            .collect();
        if let [first, .., last] = given[..] {
            self.refuse(
                last,
                format!("{first} and {last} exclude each other: make two rules of them"),
            );
        }
    }

    /// Notes a mistake where `key` is given without `other`.
    pub(super) fn goes_with(&mut self, key: &str, other: &str) {
        if self.find(key).is_some() && self.find(other).is_none() {
            self.refuse(key, format!("{key} says nothing without {other}"));
        }
    }
}

fn span(text: &str) -> Option<Duration> {
    let seconds = duration::seconds(text).ok()?;
    // A year is longer than any rehearsal, and far from the calendar's end.
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|it| *it <= Duration::from_hours(24 * 365))
}

/// Returns a question after the nearest of what is allowed.
fn near(word: &str, allowed: &[&str]) -> String {
    let distance = |it: &str| strsim::damerau_levenshtein(&word.to_lowercase(), &it.to_lowercase());
    let nearest = allowed.iter().map(|it| (distance(it), it)).min();
    match nearest {
        Some((distance, it)) if distance <= 1 + it.len() / 4 => format!(": did you mean {it}?"),
        _ => String::new(),
    }
}
