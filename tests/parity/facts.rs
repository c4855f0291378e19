//! What the scripts had, from the table of `shared/nushell.md`.

use std::{collections::BTreeSet, path::Path};

use regex::Regex;

/// What the scripts had.
pub(crate) struct Facts {
    pub(crate) entries: Vec<Entry>,
    pub(crate) variables: BTreeSet<String>,
    pub(crate) files: BTreeSet<String>,
}

/// Commands of theirs that belong together, with the flags that one or the other has.
pub(crate) struct Entry {
    /// Without what stands behind them.
    pub(crate) commands: Vec<String>,
    pub(crate) flags: BTreeSet<String>,
}

impl Facts {
    /// Returns the entry whose command a command line is.
    pub(crate) fn find(&self, line: &str) -> Option<&Entry> {
        let length = |entry: &&Entry| {
            let commands = entry.commands.iter();
            let begun = commands.filter(|command| begins(line, command));
            begun.map(String::len).max()
        };
        let begun = self.entries.iter().filter(|entry| length(entry).is_some());
        begun.max_by_key(length)
    }
}

/// Returns whether a command line is one of this command.
pub(crate) fn begins(line: &str, command: &str) -> bool {
    line == command || line.starts_with(&format!("{command} "))
}

/// Reads them; `None`, loudly, in a clone that has no such file. In CI it must be there.
pub(crate) fn read() -> Option<Facts> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/nushell.md");
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is missing",
            path.display()
        );
        eprintln!("SKIPPED: {} is not there", path.display());
        return None;
    };
    Some(parse(&text))
}

fn parse(text: &str) -> Facts {
    let quoted = Regex::new("`([^`]+)`").expect("a pattern");
    let flag = Regex::new("--[a-z][a-z_-]*").expect("a pattern");
    let mut entries = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        // A bar within backquotes is escaped, and separates no cells.
        let line = line.replace("\\|", "/");
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let flags: BTreeSet<String> = flag
            .find_iter(cells[2])
            .map(|it| it.as_str().to_owned())
            .collect();
        let commands = quoted.captures_iter(cells[1]).map(|words| {
            let words = words[1]
                .split(' ')
                .filter(|word| !word.starts_with(['<', '[']));
            words.collect::<Vec<_>>().join(" ")
        });
        entries.push(Entry {
            commands: commands.collect(),
            flags,
        });
    }
    let section = |begin: &str| {
        let from = text
            .find(begin)
            .unwrap_or_else(|| panic!("there is no \"{begin}\""));
        let rest = &text[from..];
        &rest[..rest.find("\n\n").unwrap_or(rest.len())]
    };
    let paragraph = section("Variables written to .env:");
    let (variables, files) = paragraph
        .split_once("Files written:")
        .expect("a sentence about files");
    let name =
        Regex::new("[A-Z][A-Z]+(?:_[A-Z]+)+|PROVIDER|KUBECONFIG(?:_<NAME>)?|VERSION|GITHUB_\\*")
            .expect("a pattern");
    let file = Regex::new(r"[a-z-]*(?:<name>)?\.(?:env|yaml|conf|json)\b").expect("a pattern");
    let all = |pattern: &Regex, text: &str| {
        pattern
            .find_iter(text)
            .map(|it| it.as_str().to_owned())
            .collect()
    };
    Facts {
        entries,
        variables: all(&name, &variables.replace('`', "")),
        files: all(&file, files),
    }
}
