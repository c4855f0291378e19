//! What programs print, made fit to be shown: bounded, without colours, spinners and control characters.

use std::collections::VecDeque;

/// How much of a stream is kept, in bytes: enough for the end of any error message.
const TAIL: usize = 64 * 1024;
/// How long a line may be before the rest of it is dropped, in bytes.
const LINE: usize = 4 * 1024;

/// The end of a stream that may be of any length.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    kept: VecDeque<u8>,
    line: Vec<u8>,
}

impl Tail {
    /// Takes the next piece of the stream and calls `each` with every line that it completes, cleaned.
    pub(crate) fn push(&mut self, bytes: &[u8], each: impl Fn(&str)) {
        self.kept.extend(bytes);
        let surplus = self.kept.len().saturating_sub(TAIL);
        self.kept.drain(..surplus);
        for &byte in bytes {
            if byte == b'\n' || byte == b'\r' {
                let line = clean(&String::from_utf8_lossy(&self.line));
                self.line.clear();
                if !line.is_empty() {
                    each(&line);
                }
            } else if self.line.len() < LINE {
                self.line.push(byte);
            }
        }
    }

    /// Returns what is left of the stream.
    pub(crate) fn text(&self) -> String {
        let (front, back) = self.kept.as_slices();
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }
}

/// Returns `line` without escape sequences, control characters and surrounding blanks.
pub(crate) fn clean(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // A control sequence (ECMA-48, 5.4) ends with a character from @ to ~; other escapes have one character more.
            if chars.next_if_eq(&'[').is_some() {
                while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            } else {
                chars.next();
            }
        } else if c == '\t' {
            out.push(' ');
        } else if !c.is_control() {
            out.push(c);
        }
    }
    out.trim().to_owned()
}

/// Returns the lines with which a program explains its failure: from kind's "ERROR:" on where there is one, else the last.
pub(crate) fn explain(text: &str) -> Vec<String> {
    const SHOWN: usize = 12;
    let lines: Vec<String> = text
        .lines()
        .map(clean)
        .filter(|line| !line.is_empty())
        .map(|line| match line.char_indices().nth(400) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        })
        .collect();
    let begin = lines.iter().rposition(|line| line.starts_with("ERROR:"));
    match begin {
        Some(begin) if lines.len() - begin > SHOWN => {
            let mut shown = vec![lines[begin].clone()];
            shown.extend_from_slice(&lines[lines.len() - (SHOWN - 1)..]);
            shown
        }
        Some(begin) => lines[begin..].to_vec(),
        None => lines[lines.len().saturating_sub(SHOWN)..].to_vec(),
    }
}

/// Returns what a line of kind's says about its progress, in our words' form: without tick, spinner, picture or dots.
///
/// Source of the form: <https://github.com/kubernetes-sigs/kind/blob/main/pkg/internal/cli/status.go>
pub(crate) fn progress(line: &str) -> Option<String> {
    let marked = !line.starts_with(|c: char| c.is_ascii());
    let plain: String = line.chars().filter(char::is_ascii).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = plain.trim_end_matches("...").trim();
    if !marked && !plain.starts_with("WARNING") && !plain.starts_with("Creating cluster") {
        return None;
    }
    let mut chars = plain.chars();
    let first = chars.next()?;
    Some(first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_spinners_and_control_characters_are_dropped() {
        assert_eq!(
            clean("\u{1b}[?7l\r⠈⠁ Preparing nodes \u{1b}[32m✓\u{1b}[0m\u{7}\u{1b}[?7h "),
            "⠈⠁ Preparing nodes ✓"
        );
        assert_eq!(clean("\u{1b}[31"), "");
        assert_eq!(clean("\u{1b}"), "");
    }

    #[test]
    fn progress_is_what_kind_does_and_not_its_farewell() {
        for (line, said) in [
            ("• Preparing nodes 📦 📦   ...", Some("preparing nodes")),
            (
                "✓ Ensuring node image (kindest/node:v1.37.0) 🖼️",
                Some("ensuring node image (kindest/node:v1.37.0)"),
            ),
            (
                "⠈⠁ Starting control-plane 🕹️",
                Some("starting control-plane"),
            ),
            (
                "Creating cluster \"dot\" ...",
                Some("creating cluster \"dot\""),
            ),
            ("Have a nice day! 👋", None),
            ("kubectl cluster-info --context kind-dot", None),
            ("✓", None),
        ] {
            assert_eq!(progress(line).as_deref(), said, "{line}");
        }
    }

    #[test]
    fn the_tail_of_an_endless_stream_is_bounded_and_lines_survive_its_seams() {
        let mut tail = Tail::default();
        let lines = std::cell::RefCell::new(Vec::new());
        tail.push(b"be", |line| lines.borrow_mut().push(line.to_owned()));
        tail.push(b"gin\nbad \xff byte\n", |line| {
            lines.borrow_mut().push(line.to_owned());
        });
        assert_eq!(*lines.borrow(), ["begin", "bad \u{fffd} byte"]);
        for _ in 0..200 {
            tail.push(&[b'x'; 1024], |_| {});
        }
        tail.push(b"\nERROR: the end", |_| {});
        assert!(tail.kept.len() <= TAIL && tail.line.len() <= LINE);
        assert_eq!(explain(&tail.text()).last().unwrap(), "ERROR: the end");
    }

    #[test]
    fn an_explanation_keeps_the_error_and_the_end_of_a_long_output() {
        let mut text =
            String::from("noise\nERROR: failed to create cluster: x\n\nCommand Output:\n");
        for n in 0..50 {
            text.push_str(&format!("line {n}\n"));
        }
        let shown = explain(&text);
        assert_eq!(shown.len(), 12);
        assert_eq!(shown[0], "ERROR: failed to create cluster: x");
        assert_eq!(shown[11], "line 49");
    }
}
