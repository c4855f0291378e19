//! How a command of windlass is written so that it can be typed where it is read.
//!
//! Rooms write `windlass status` into hints, knowing neither how windlass was called nor with which flags; here, at the edge,
//! such a command gets the name by which this very binary can be called, and the flags without which it would be about something else.

use std::sync::OnceLock;

use serde_json::Value;

/// What a command is made of besides its own words.
#[derive(Clone, Debug)]
pub struct Words {
    /// How this binary is called: "windlass", "cargo run --".
    pub own: String,
    /// Its commands: only what one of them follows is a command, and not a sentence about windlass.
    pub verbs: Vec<String>,
    /// The flags that each command needs, as "--rehearse" or "--config other.toml"; one that has it already keeps its own.
    pub flags: Vec<String>,
}

/// Writes commands of windlass so that they can be typed.
pub struct Commands {
    find: Box<dyn Fn() -> Words + Send + Sync>,
    found: OnceLock<Words>,
}

/// Where a command ends in a sentence.
const ENDS: [&str; 6] = [", ", "; ", " (", ")", "\"", "\n"];
/// Commands to which no cluster and no world matter.
const BARE: [&str; 3] = ["completions", "man", "rehearse"];

impl Commands {
    /// Returns one that asks `find` when the first command is to be written.
    #[must_use]
    pub fn new(find: impl Fn() -> Words + Send + Sync + 'static) -> Self {
        Self {
            find: Box::new(find),
            found: OnceLock::new(),
        }
    }

    /// Returns the text with its commands as they can be typed.
    pub(super) fn text(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("windlass ") {
            let (before, command) = rest.split_at(at);
            let words = self.found.get_or_init(&self.find);
            let after = &command["windlass ".len()..];
            out.push_str(before);
            let verb: &str = after
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .next()
                .unwrap_or_default();
            let apart = !before.ends_with(|c: char| c.is_alphanumeric() || "-_./".contains(c));
            if !apart || !words.verbs.iter().any(|known| known == verb) {
                out.push_str("windlass ");
                rest = after;
                continue;
            }
            let end = ENDS
                .iter()
                .filter_map(|end| after.find(end))
                .min()
                .unwrap_or(after.len());
            let (typed, left) = after.split_at(end);
            out.push_str(&words.own);
            out.push(' ');
            out.push_str(typed);
            if !BARE.contains(&verb) {
                for flag in &words.flags {
                    let name = flag.split(' ').next().unwrap_or_default();
                    if !typed.split(' ').any(|word| word == name) {
                        out.push(' ');
                        out.push_str(flag);
                    }
                }
            }
            rest = left;
        }
        out.push_str(rest);
        out
    }

    /// Writes the commands in each list of `hints` and of what to type `next`, however deep.
    pub(super) fn value(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                for (key, item) in fields {
                    match item {
                        Value::Array(lines) if key == "hints" || key == "next" => {
                            for line in lines {
                                if let Value::String(text) = line {
                                    *text = self.text(text);
                                }
                            }
                        }
                        other => self.value(other),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Returns a word as a shell reads it back.
#[must_use]
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn commands(own: &str, flags: &[&str]) -> Commands {
        let words = Words {
            own: own.to_owned(),
            verbs: ["setup", "status", "cluster", "rehearse"]
                .map(str::to_owned)
                .into(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        Commands::new(move || words.clone())
    }

    #[test]
    fn commands_are_written_as_they_can_be_typed_and_sentences_stay() {
        let commands = commands("cargo run --", &["--rehearse", "--config 'my file'"]);
        for (text, typed) in [
            (
                "windlass status",
                "cargo run -- status --rehearse --config 'my file'",
            ),
            (
                "begin anew: windlass setup kind --rehearse, then the same again",
                "begin anew: cargo run -- setup kind --rehearse --config 'my file', then the same again",
            ),
            (
                "windlass cluster list (or windlass status)",
                "cargo run -- cluster list --rehearse --config 'my file' (or cargo run -- status --rehearse --config 'my file')",
            ),
            (
                "start one: windlass rehearse serve",
                "start one: cargo run -- rehearse serve",
            ),
        ] {
            assert_eq!(commands.text(text), typed);
        }
        for sentence in [
            "windlass keeps its runs in .windlass",
            "what windlass statuses are",
            "~/bin/windlass status",
            "run windlass in another folder",
            "",
        ] {
            assert_eq!(commands.text(sentence), sentence);
        }
    }

    #[test]
    fn only_what_is_to_be_typed_is_changed_in_data() {
        let commands = commands("./windlass", &[]);
        let mut value = json!({ "title": "windlass status", "failed": [{ "hints": ["windlass status", 1] }], "next": [] });
        commands.value(&mut value);
        assert_eq!(
            value,
            json!({ "title": "windlass status", "failed": [{ "hints": ["./windlass status", 1] }], "next": [] })
        );
    }

    #[test]
    fn words_survive_a_shell() {
        for (word, quoted) in [
            ("a/b", "a/b"),
            ("", "''"),
            ("my tools", "'my tools'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quote(word), quoted);
        }
    }
}
