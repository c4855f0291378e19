//! The commands of the Nushell scripts that windlass replaces: each still works, and says its new name.
//!
//! A command line of theirs is turned into one of windlass's before it is parsed; what has no successor is refused with the reason.
//! Nothing here runs anything.

mod table;

use std::ffi::OsString;

use crate::{
    error::{Error, Result},
    output::quote,
};

use self::table::{Flag, Now, Positional, Turn, VERBS, Verb};

/// Turns the command line of a script into windlass's own, the program's name included; any other is returned as it is. With it
/// comes what is to be told of its new name.
///
/// # Errors
/// The command has no successor, or one of its flags has none: with the reason, and with what to type instead.
pub fn modernise(typed: Vec<OsString>) -> Result<(Vec<OsString>, Option<String>)> {
    let words: Option<Vec<String>> = typed
        .iter()
        .map(|word| word.to_str().map(str::to_owned))
        .collect();
    let Some([program, rest @ ..]) = words.as_deref() else {
        return Ok((typed, None));
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.begins(rest)) else {
        return match VERBS.iter().find(|verb| verb.is_begun_by(rest)) {
            Some(verb) => Err(unfinished(&rest[0], verb)),
            None => Ok((typed, None)),
        };
    };
    let command = match verb.now {
        Now::Command(command) => command,
        Now::Gone { why, instead } => {
            return Err(Error::usage(format!("{} is gone: {why}", verb.words)).hint(instead));
        }
    };
    let rest = &rest[verb.length()..];
    let now = verb.turn(command, rest)?;
    let line: Vec<_> = now.iter().map(|word| quote(word)).collect();
    let mut told = format!(
        "\"{}\" is called \"{command}\" now: windlass {}",
        verb.words,
        line.join(" ")
    );
    for flag in verb.flags {
        if let (Turn::Gone(why), true) = (&flag.turn, value_of(rest, flag.name).is_some()) {
            told.push_str(&format!("; --{} means nothing any more: {why}", flag.name));
        }
    }
    let now = std::iter::once(program.into())
        .chain(now.into_iter().map(OsString::from))
        .collect();
    Ok((now, Some(told)))
}

/// A word of theirs that is none of windlass's, with nothing behind it that makes it a command.
fn unfinished(word: &str, nearest: &Verb) -> Error {
    let error = Error::usage(format!("\"{word}\" is not a command of windlass"));
    match nearest.now {
        Now::Command(command) => error.hint(format!(
            "what was called \"{}\" is windlass {command}",
            nearest.words
        )),
        Now::Gone { .. } => error.hint("windlass --help lists the commands"),
    }
}

impl Verb {
    fn length(&self) -> usize {
        self.words.split(' ').count()
    }

    /// Returns whether a command line is this verb's.
    fn begins(&self, typed: &[String]) -> bool {
        let begins =
            typed.len() >= self.length() && self.words.split(' ').zip(typed).all(|(a, b)| a == b);
        begins && self.with.is_none_or(|flag| value_of(typed, flag).is_some())
    }

    /// Returns whether a command line has this verb's first word, and that word is not one of windlass's own commands.
    fn is_begun_by(&self, typed: &[String]) -> bool {
        let is_own = |word: &str| super::command().find_subcommand(word).is_some();
        let first = self.words.split(' ').next();
        typed
            .first()
            .is_some_and(|word| first == Some(word) && !is_own(word))
    }

    /// Returns the arguments of windlass's command, its own words first.
    fn turn(&self, command: &str, typed: &[String]) -> Result<Vec<String>> {
        let mut now: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let mut values = Vec::new();
        let mut flags = Vec::new();
        let (all, mut typed) = (typed, typed.iter());
        while let Some(word) = typed.next() {
            let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) else {
                values.push(word.clone());
                continue;
            };
            let (name, mut value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, None),
            };
            let Some(flag) = self.flags.iter().find(|flag| flag.name == name) else {
                // One of windlass's own: its value, where it takes one, is not a value of the verb.
                flags.push(word.clone());
                if value.is_none() && takes_value(command, name) {
                    flags.extend(typed.next().cloned());
                }
                continue;
            };
            if value.is_none() {
                let next = typed.clone().next().filter(|next| flag.takes(next));
                value = next.cloned();
                if value.is_some() {
                    typed.next();
                }
            }
            flags.extend(flag.turn(self, value, all)?);
        }
        match self.positional {
            Positional::Same => now.extend(values),
            Positional::Or(default) if values.is_empty() => now.push(default.to_owned()),
            Positional::Or(_) => now.extend(values),
            Positional::Flag(name) => {
                for value in values {
                    now.extend([format!("--{name}"), value]);
                }
            }
        }
        now.extend(flags);
        Ok(now)
    }
}

impl Flag {
    /// Returns whether the next word is this flag's value: a switch of theirs may stand alone.
    fn takes(&self, next: &str) -> bool {
        match self.turn {
            Turn::Switch { .. } => ["true", "false"].contains(&next),
            _ => !next.starts_with("--"),
        }
    }

    /// Returns what the flag is now.
    fn turn(&self, verb: &Verb, value: Option<String>, all: &[String]) -> Result<Vec<String>> {
        let missing = || Error::usage(format!("{}: --{} needs a value", verb.words, self.name));
        Ok(match self.turn {
            Turn::Flag(name) => vec![format!("--{name}"), value.ok_or_else(missing)?],
            Turn::Switch { on, off } => {
                let words = match value.as_deref() {
                    None | Some("true") => on,
                    _ => off,
                };
                words.iter().map(|word| (*word).to_owned()).collect()
            }
            Turn::Gone(_) | Turn::Read => Vec::new(),
            Turn::By(other, choices) => {
                let chosen = value_of(all, other).or(choices.first().map(|(name, _)| *name));
                let Some((_, flag)) = choices.iter().find(|(name, _)| Some(*name) == chosen) else {
                    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
                    return Err(Error::usage(format!(
                        "{}: --{other} is one of {}",
                        verb.words,
                        names.join(", ")
                    )));
                };
                vec![format!("--{flag}"), value.ok_or_else(missing)?]
            }
        })
    }
}

/// Returns the value of a flag of theirs in a command line, where it is in it; an empty one where nothing stands behind it.
fn value_of<'a>(typed: &'a [String], flag: &str) -> Option<&'a str> {
    let mut words = typed.iter();
    while let Some(word) = words.next() {
        let Some(name) = word.strip_prefix("--") else {
            continue;
        };
        match name.split_once('=') {
            Some((name, value)) if name == flag => return Some(value),
            None if name == flag => return Some(words.next().map_or("", String::as_str)),
            _ => {}
        }
    }
    None
}

/// Returns whether a flag of windlass's own command is followed by a value.
fn takes_value(command: &str, flag: &str) -> bool {
    let mut found = super::command();
    found.build();
    let mut found = &found;
    for word in command.split(' ') {
        match found.find_subcommand(word) {
            Some(next) => found = next,
            None => break,
        }
    }
    found
        .get_arguments()
        .filter(|arg| {
            let long = arg.get_long().into_iter();
            let aliases = arg.get_all_aliases().unwrap_or_default();
            long.chain(aliases).any(|name| name == flag)
        })
        .any(|arg| arg.get_action().takes_values())
}
