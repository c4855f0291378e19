//! `windlass.toml` as a tree in which every value knows its line and its whole key.

use std::{collections::BTreeMap, path::Path};

use anyhow::anyhow;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::error::{Error, Kind, Result};

/// A value, with where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its key, with all its tables, as it stands in the file.
    pub(super) key: String,
    /// The line of the key, or of an element of a list; from 1.
    pub(super) line: usize,
    /// The value itself.
    pub(super) data: Data,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// A string.
    Text(String),
    /// A whole number, as it is written where it is too large.
    Integer(Result<i64, String>),
    /// A number with a point.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date or a time.
    Date(String),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(BTreeMap<String, Node>),
}

impl Data {
    /// Returns what it is, for people.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number with a point",
            Self::Boolean(_) => "true or false",
            Self::Date(_) => "a date or time",
            Self::List(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

/// Parses the text of the file that is shown as `path`.
///
/// # Errors
/// It is not TOML: with line and column.
pub(super) fn parse(path: &Path, text: &str) -> Result<Node> {
    let root = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        let message = error.message().trim().replace('\n', ", ");
        Error::new(
            Kind::Usage,
            anyhow!("line {line}, column {column}: {message}")
                .context(format!("cannot use {}: it is not TOML", path.display())),
        )
        .hint("correct the line, or use another file: --config FILE")
    })?;
    let starts = std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect();
    let entries = Lines { starts }.table("", root.get_ref());
    Ok(Node {
        key: String::new(),
        line: 1,
        data: Data::Table(entries),
    })
}

/// The offsets at which lines start.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    fn table(&self, path: &str, table: &DeTable<'_>) -> BTreeMap<String, Node> {
        table
            .iter()
            .map(|(key, value)| {
                let name = key.get_ref().to_string();
                let line = self.number(key.span().start);
                let node = self.node(join(path, &name), line, value.get_ref());
                (name, node)
            })
            .collect()
    }

    fn node(&self, key: String, line: usize, value: &DeValue<'_>) -> Node {
        let data = match value {
            DeValue::String(text) => Data::Text(text.to_string()),
            DeValue::Integer(number) => Data::Integer(
                i64::from_str_radix(number.as_str(), number.radix())
                    .map_err(|_| number.to_string()),
            ),
            DeValue::Float(number) => Data::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(yes) => Data::Boolean(*yes),
            DeValue::Datetime(date) => Data::Date(date.to_string()),
            DeValue::Array(values) => Data::List(
                values
                    .iter()
                    .enumerate()
                    .map(|(index, value)| self.element(&key, index, value))
                    .collect(),
            ),
            DeValue::Table(table) => Data::Table(self.table(&key, table)),
        };
        Node { key, line, data }
    }

    fn element(&self, path: &str, index: usize, value: &Spanned<DeValue<'_>>) -> Node {
        self.node(
            format!("{path}[{index}]"),
            self.number(value.span().start),
            value.get_ref(),
        )
    }
}

/// Returns the key of `name` in the table `path`, quoted where TOML wants it.
pub(super) fn join(path: &str, name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let name = if bare {
        name.to_owned()
    } else {
        format!("\"{}\"", name.escape_debug())
    };
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}

/// Lays `over` over `base`: tables are merged, everything else is replaced.
pub(super) fn merge(base: &mut BTreeMap<String, Node>, over: BTreeMap<String, Node>) {
    for (name, node) in over {
        match (base.get_mut(&name), node) {
            (
                Some(Node {
                    data: Data::Table(base),
                    ..
                }),
                Node {
                    data: Data::Table(over),
                    ..
                },
            ) => merge(base, over),
            (_, node) => {
                base.insert(name, node);
            }
        }
    }
}
