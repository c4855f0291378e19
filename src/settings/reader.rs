//! Reads typed values out of the tree, and gathers what is wrong instead of stopping at it.

use std::{cell::RefCell, collections::BTreeMap, path::Path};

use serde_json::Value;

use super::{
    Origin, Problem, Setting,
    tree::{Data, Node, join},
    words::suggest,
};

/// Where problems go, and the file that they are in.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    /// The file, as it is shown.
    pub(super) file: &'a Path,
    /// What is wrong so far.
    pub(super) problems: &'a RefCell<Vec<Problem>>,
    /// Whether what is read is only laid over something else, so that what it lacks is no mistake.
    pub(super) partial: bool,
}

/// A scalar that a key wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A string.
    Text,
    /// A whole number.
    Number,
}

/// What reads a value from text, or says what is wrong with it.
pub(super) type Parse<T> = fn(&str) -> Result<T, String>;

impl<'a> Reader<'a> {
    /// Returns where a value stands.
    pub(super) fn origin(&self, node: &Node) -> Origin {
        Origin::File {
            path: self.file.to_owned(),
            line: node.line,
            key: node.key.clone(),
        }
    }

    /// Notes what is wrong with the value at `origin`.
    pub(super) fn refuse(&self, origin: Origin, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem {
            origin,
            message: message.into(),
        });
    }

    fn mistyped<T>(&self, node: &Node, wanted: &str) -> Option<T> {
        let found = node.data.describe();
        self.refuse(
            self.origin(node),
            format!("it is {found}, where {wanted} is wanted"),
        );
        None
    }

    /// Returns the table that `node` is.
    pub(super) fn table(self, node: Node) -> Option<Table<'a>> {
        let origin = self.origin(&node);
        match node.data {
            Data::Table(entries) => Some(Table {
                reader: self,
                origin,
                key: node.key,
                entries,
                known: Vec::new(),
            }),
            _ => self.mistyped(&node, "a table"),
        }
    }

    /// Returns the elements of the array that `node` is.
    pub(super) fn list(&self, node: Node) -> Option<Setting<Vec<Node>>> {
        let origin = self.origin(&node);
        match node.data {
            Data::List(value) => Some(Setting { value, origin }),
            _ => self.mistyped(&node, "an array"),
        }
    }

    /// Returns the scalar that `node` is.
    pub(super) fn scalar<T>(
        &self,
        node: &Node,
        wanted: Wanted,
        parse: Parse<T>,
    ) -> Option<Setting<T>> {
        let origin = self.origin(node);
        let text = match (&node.data, wanted) {
            (Data::Text(text), Wanted::Text) => text.clone(),
            (Data::Integer(Ok(number)), Wanted::Number) => number.to_string(),
            (Data::Integer(Err(text)), Wanted::Number) => text.clone(),
            (Data::Integer(_) | Data::Float(_), Wanted::Text) => {
                return self.mistyped(node, "a string, in quotes,");
            }
            (_, Wanted::Text) => return self.mistyped(node, "a string"),
            (Data::Text(_), Wanted::Number) => {
                return self.mistyped(node, "a whole number, without quotes,");
            }
            (_, Wanted::Number) => return self.mistyped(node, "a whole number"),
        };
        match parse(&text) {
            Ok(value) => Some(Setting { value, origin }),
            Err(message) => {
                self.refuse(origin, message);
                None
            }
        }
    }

    /// Returns the value as JSON.
    pub(super) fn json(&self, node: Node) -> Option<Value> {
        Some(match node.data {
            Data::Text(text) | Data::Date(text) => Value::String(text),
            Data::Integer(Ok(number)) => number.into(),
            Data::Integer(Err(_)) => {
                self.refuse(self.origin(&node), "the number is too large");
                return None;
            }
            Data::Float(number) => match serde_json::Number::from_f64(number) {
                Some(number) => Value::Number(number),
                None => {
                    self.refuse(
                        self.origin(&node),
                        "a chart's values know no inf and no nan",
                    );
                    return None;
                }
            },
            Data::Boolean(yes) => Value::Bool(yes),
            Data::List(nodes) => nodes
                .into_iter()
                .filter_map(|node| self.json(node))
                .collect(),
            Data::Table(entries) => Value::Object(
                entries
                    .into_iter()
                    .filter_map(|(name, node)| Some((name, self.json(node)?)))
                    .collect(),
            ),
        })
    }
}

/// A table whose keys are known.
pub(super) struct Table<'a> {
    /// Where problems go.
    pub(super) reader: Reader<'a>,
    /// Where it stands.
    pub(super) origin: Origin,
    key: String,
    entries: BTreeMap<String, Node>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// Returns the value of a key, which is known from now on.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.entries.remove(key)
    }

    /// Returns the scalar of a key.
    pub(super) fn scalar<T>(
        &mut self,
        key: &'static str,
        wanted: Wanted,
        parse: Parse<T>,
    ) -> Option<Setting<T>> {
        let node = self.take(key)?;
        self.reader.scalar(&node, wanted, parse)
    }

    /// Returns the string of a key.
    pub(super) fn text<T>(&mut self, key: &'static str, parse: Parse<T>) -> Option<Setting<T>> {
        self.scalar(key, Wanted::Text, parse)
    }

    /// Returns the whole number of a key.
    pub(super) fn number<T>(&mut self, key: &'static str, parse: Parse<T>) -> Option<Setting<T>> {
        self.scalar(key, Wanted::Number, parse)
    }

    /// Returns the true or false of a key.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<Setting<bool>> {
        let node = self.take(key)?;
        match node.data {
            Data::Boolean(value) => Some(Setting {
                value,
                origin: self.reader.origin(&node),
            }),
            _ => self.reader.mistyped(&node, "true or false"),
        }
    }

    /// Returns the table of a key.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        let node = self.take(key)?;
        self.reader.table(node)
    }

    /// Returns the elements of a key's array.
    pub(super) fn list(&mut self, key: &'static str) -> Option<Setting<Vec<Node>>> {
        let node = self.take(key)?;
        self.reader.list(node)
    }

    /// Returns what is in the table where its keys are names that the user chose. `parse` holds them to their rules.
    pub(super) fn named(self, parse: Parse<String>) -> Vec<(String, Node)> {
        let mut named = Vec::new();
        for (name, node) in self.entries {
            match parse(&name) {
                Ok(name) => named.push((name, node)),
                Err(message) => self.reader.refuse(self.reader.origin(&node), message),
            }
        }
        named
    }

    /// Refuses the keys that nobody took.
    pub(super) fn end(self) {
        for (name, node) in &self.entries {
            let origin = self.reader.origin(node);
            let hint = match suggest(name, self.known.iter().copied()) {
                Some(near) => format!("did you mean {}?", join(&self.key, near)),
                None => format!("known here: {}", self.known.join(", ")),
            };
            self.reader.refuse(origin, format!("unknown key; {hint}"));
        }
    }
}
