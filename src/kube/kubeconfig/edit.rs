//! Changes the text of a kubeconfig as little as its style allows: items that stay keep their bytes, comments and all.
//! The caller checks which text says what was meant.

use serde_json::Value;

use super::document::SECTIONS;

/// Returns texts that should say `after` where `text` says `before`, those nearest to the old text first.
pub(super) fn edit(text: &str, before: &Value, after: &Value) -> impl Iterator<Item = String> {
    let says_nothing = text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line == "---" || line.starts_with('#')
    });
    let near = if says_nothing {
        Some(text.to_owned() + &render(after))
    } else {
        in_place(text, before, after)
    };
    near.into_iter().chain([render(after)])
}

/// Returns a document in the usual style.
pub(super) fn render(document: &Value) -> String {
    let options =
        serde_saphyr::ser_options! { compact_list_indent: true, prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(document, options).unwrap_or_else(|_| {
        // JSON is YAML; it cannot fail on a value that was JSON already.
        format!("{document:#}\n")
    })
}

/// Edits line by line; `None` where the text is not in block style.
fn in_place(text: &str, before: &Value, after: &Value) -> Option<String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if let Some(last) = lines.last_mut().filter(|line| !line.ends_with('\n')) {
        last.push('\n');
    }
    for section in SECTIONS {
        if before[section] == after[section] {
            continue;
        }
        lines = replace_section(lines, section, before, after)?;
    }
    if before["current-context"] != after["current-context"] {
        let line = render(&serde_json::json!({ "current-context": after["current-context"] }));
        match top_level(&lines, "current-context") {
            Some(at) => lines[at] = line,
            None => lines.push(line),
        }
    }
    Some(lines.concat())
}

fn replace_section(
    mut lines: Vec<String>,
    section: &str,
    before: &Value,
    after: &Value,
) -> Option<Vec<String>> {
    let none = Vec::new();
    let old = before[section].as_array().unwrap_or(&none);
    let new = after[section].as_array()?;
    let (range, texts, indent) = match top_level(&lines, section) {
        None => {
            let end = lines.len();
            (end..end, Vec::new(), 0)
        }
        Some(at) => {
            let mut end = (at + 1..lines.len())
                .find(|line| ends_section(&lines[*line]))
                .unwrap_or(lines.len());
            // What stands above the next key is said of that.
            while end > at + 1 && (lines[end - 1].starts_with('#') || is_blank(&lines[end - 1])) {
                end -= 1;
            }
            let (texts, indent) = items(&lines[at + 1..end]);
            (at..end, texts, indent)
        }
    };
    if texts.len() != old.len() {
        return None;
    }
    let mut replacement = if new.is_empty() {
        format!("{section}: []\n")
    } else {
        format!("{section}:\n")
    };
    for item in new {
        match old.iter().position(|old| old == item) {
            Some(kept) => replacement.push_str(&texts[kept]),
            None => {
                for line in render(&Value::Array(vec![item.clone()])).lines() {
                    replacement.push_str(&format!("{:indent$}{line}\n", ""));
                }
            }
        }
    }
    lines.splice(range, [replacement]);
    Some(lines)
}

/// Returns the line of a top-level key that has its value in block style, on the lines below or beside it.
fn top_level(lines: &[String], key: &str) -> Option<usize> {
    lines.iter().position(|line| {
        line.strip_prefix(key)
            .and_then(|rest| rest.strip_prefix(':'))
            .is_some_and(|rest| rest.starts_with([' ', '\n', '\r', '\t']) || rest.is_empty())
    })
}

/// Tells whether a line is no part of the section above it: another key, or a document's end.
fn ends_section(line: &str) -> bool {
    line.starts_with("---")
        || line.starts_with("...")
        || !(line.starts_with([' ', '-', '#', '\t']) || is_blank(line))
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// Takes a section's lines apart into the texts of its items; returns with them how far the items are indented.
fn items(lines: &[String]) -> (Vec<String>, usize) {
    let dash = |line: &str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        (line[indent..].starts_with("- ") || line[indent..].trim_end() == "-").then_some(indent)
    };
    let Some(indent) = lines.iter().find_map(|line| dash(line)) else {
        return (Vec::new(), 0);
    };
    let mut texts: Vec<String> = Vec::new();
    // Comments stand above what they are about.
    let mut above = String::new();
    for line in lines {
        if line.trim_start().starts_with('#') || is_blank(line) {
            above.push_str(line);
        } else if dash(line) == Some(indent) {
            texts.push(std::mem::take(&mut above) + line);
        } else if let Some(text) = texts.last_mut() {
            text.push_str(&std::mem::take(&mut above));
            text.push_str(line);
        }
    }
    if let Some(text) = texts.last_mut() {
        text.push_str(&above);
    }
    (texts, indent)
}
