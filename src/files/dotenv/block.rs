//! A file as lines and blocks. Bytes, not text: the user's lines need not be UTF-8.

use windlass_provider::ClusterName;

use super::quote::quote;
use crate::error::{Error, Kind, Result};

const BEGIN: &str = "# >>> windlass";
const END: &str = "# <<< windlass";

/// A part of the file, with the line breaks that it has.
#[derive(Debug)]
pub(super) enum Part<'a> {
    /// A line of the user's.
    Line(&'a [u8]),
    /// A block of ours.
    Block {
        /// Whose.
        name: &'a str,
        /// Its lines, both markers among them.
        lines: Vec<&'a [u8]>,
    },
}

/// Markers that are torn, doubled or out of order.
#[derive(Debug)]
pub(super) struct BrokenMarkers {
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong there.
    pub(super) reason: String,
}

/// Returns the lines of the cluster's block whose variable `keep` says to keep, with their line breaks.
pub(super) fn kept_lines(
    parts: &[Part<'_>],
    cluster: &ClusterName,
    keep: impl Fn(&str) -> bool,
) -> Vec<String> {
    let lines = parts.iter().filter_map(|part| match part {
        Part::Block { name, lines } if *name == cluster.as_str() => Some(lines),
        _ => None,
    });
    let lines = lines
        .flatten()
        .filter_map(|line| std::str::from_utf8(line).ok());
    let key = |line: &str| {
        let (key, _) = line.strip_prefix("export ")?.split_once('=')?;
        is_variable(key).then(|| key.to_owned())
    };
    lines
        .filter(|line| key(line).is_some_and(|key| keep(&key)))
        .map(str::to_owned)
        .collect()
}

/// Returns the block of the cluster, as it is to stand in the file: the variables, then the lines that are kept.
pub(super) fn render(
    cluster: &ClusterName,
    variables: &[(String, String)],
    kept: &[String],
) -> Result<String> {
    let mut text =
        format!("{BEGIN} {cluster} >>> (written by windlass: what is changed here is lost)\n");
    for (key, value) in variables {
        if !is_variable(key) {
            return Err(Error::message(
                Kind::Bug,
                format!("\"{}\" is not the name of a variable", key.escape_debug()),
            ));
        }
        // The value could be a secret, so that only its key is named.
        let value = quote(value).ok_or_else(|| {
            Error::message(
                Kind::Refused,
                format!("cannot write {key} to .env: its value has a line break or another control character"),
            )
        })?;
        text.push_str(&format!("export {key}={value}\n"));
    }
    text.extend(kept.iter().map(String::as_str));
    text.push_str(&format!("{END} {cluster} <<<\n"));
    Ok(text)
}

/// Returns whether `name` names a variable in every shell.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the file with the cluster's block in it, where the old one was or at the end.
///
/// The last line of the user's may lack its line break. Then one is put between it and the block, and the block goes
/// without its own, by which [`take`] knows that the other is not the user's.
pub(super) fn put(parts: &[Part<'_>], cluster: &ClusterName, text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut placed = false;
    for part in parts {
        match part {
            Part::Line(line) => bytes.extend_from_slice(line),
            Part::Block { name, lines } if *name == cluster.as_str() => {
                let whole = lines.last().is_some_and(|line| line.ends_with(b"\n"));
                bytes.extend_from_slice(if whole { text } else { text.trim_ascii_end() });
                placed = true;
            }
            Part::Block { lines, .. } => bytes.extend(lines.concat()),
        }
    }
    if placed {
        return bytes;
    }
    if bytes.last().is_none_or(|byte| *byte == b'\n') {
        bytes.extend_from_slice(text);
    } else {
        bytes.push(b'\n');
        bytes.extend_from_slice(text.trim_ascii_end());
    }
    bytes
}

/// Returns the file without the cluster's block.
pub(super) fn take(parts: &[Part<'_>], cluster: &ClusterName) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for part in parts {
        match part {
            Part::Line(line) => bytes.extend_from_slice(line),
            Part::Block { name, lines } if *name == cluster.as_str() => {
                let whole = lines.last().is_some_and(|line| line.ends_with(b"\n"));
                if !whole && bytes.last() == Some(&b'\n') {
                    bytes.pop();
                }
            }
            Part::Block { lines, .. } => bytes.extend(lines.concat()),
        }
    }
    bytes
}

/// Splits a file into lines and blocks.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Part<'_>>, BrokenMarkers> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut open: Option<(usize, &str, Vec<&[u8]>)> = None;
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let fail = |reason: String| {
            Err(BrokenMarkers {
                line: number,
                reason,
            })
        };
        match (marker(line), &mut open) {
            (Marker::None, None) => parts.push(Part::Line(line)),
            (Marker::None, Some((_, _, lines))) => lines.push(line),
            (Marker::Torn, _) => return fail("the marker of a windlass block is torn".to_owned()),
            (Marker::Begin(name), None) => {
                let twice = parts
                    .iter()
                    .any(|part| matches!(part, Part::Block { name: other, .. } if *other == name));
                if twice {
                    return fail(format!("a second windlass block for cluster {name} begins"));
                }
                open = Some((number, name, vec![line]));
            }
            (Marker::Begin(_), Some((begun, name, _))) => {
                return fail(format!(
                    "a windlass block begins inside the one for cluster {name}, which began in line {begun}"
                ));
            }
            (Marker::End(name), None) => {
                return fail(format!(
                    "the windlass block for cluster {name} ends, but none began"
                ));
            }
            (Marker::End(ended), Some((begun, name, _))) if ended != *name => {
                return fail(format!(
                    "the windlass block for cluster {ended} ends inside the one for cluster {name}, which began in line {begun}"
                ));
            }
            (Marker::End(_), Some(_)) => {
                if let Some((_, name, mut lines)) = open.take() {
                    lines.push(line);
                    parts.push(Part::Block { name, lines });
                }
            }
        }
    }
    match open {
        None => Ok(parts),
        Some((line, name, _)) => Err(BrokenMarkers {
            line,
            reason: format!("the windlass block for cluster {name} does not end"),
        }),
    }
}

enum Marker<'a> {
    None,
    Begin(&'a str),
    End(&'a str),
    Torn,
}

fn marker(line: &[u8]) -> Marker<'_> {
    let line = line.trim_ascii();
    let (begins, rest) = if let Some(rest) = line.strip_prefix(BEGIN.as_bytes()) {
        (true, rest)
    } else if let Some(rest) = line.strip_prefix(END.as_bytes()) {
        (false, rest)
    } else {
        return Marker::None;
    };
    let mut words = std::str::from_utf8(rest).unwrap_or_default().split(' ');
    let (gap, name, arrows) = (words.next(), words.next(), words.next());
    match (gap, name, arrows) {
        (Some(""), Some(name), Some(">>>")) if begins && is_cluster(name) => Marker::Begin(name),
        (Some(""), Some(name), Some("<<<")) if !begins && is_cluster(name) => Marker::End(name),
        _ => Marker::Torn,
    }
}

fn is_cluster(name: &str) -> bool {
    name.parse::<ClusterName>().is_ok()
}
