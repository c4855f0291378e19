//! The rooms of `src/` may only see the rooms below them, as `src/lib.rs` and the README say.

use std::{collections::BTreeMap, fs, path::Path};

/// Each room and what it may use of the crate besides itself. A room that is not here fails the test. `steps` sees the
/// engine only for the trait that it implements: the engine never sees `steps`.
fn rules() -> BTreeMap<&'static str, &'static [&'static str]> {
    [
        (
            "cli",
            &[
                "catalog",
                "engine",
                "error",
                "files",
                "output",
                "plan",
                "providers",
                "redact",
                "rehearsal",
                "settings",
                "spec",
                "steps",
                "trace",
            ][..],
        ),
        ("output", &["engine", "error", "plan", "redact"]),
        ("engine", &["error", "plan", "redact"]),
        ("plan", &["catalog", "spec"]),
        (
            "steps",
            &[
                "catalog", "engine", "error", "files", "kube", "plan", "redact", "spec",
            ],
        ),
        ("kube", &["files"]),
        ("catalog", &["spec"]),
        ("settings", &["error", "files"]),
        ("spec", &["error", "files", "settings"]),
        ("files", &["error"]),
        ("providers", &["error", "rehearsal"]),
        ("rehearsal", &["error", "files"]),
        ("trace", &["error", "files", "redact"]),
        ("error", &[]),
        ("redact", &[]),
        ("lib", &["cli", "error"]),
        ("main", &["cli", "error", "output", "redact"]),
    ]
    .into_iter()
    .collect()
}

/// Returns the rooms that a source file uses, and where: tests inside the file count too.
fn used(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (at, marker) in code.match_indices("crate::") {
            let rest = &code[at + marker.len()..];
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list.split(',').collect(),
                None => vec![rest],
            };
            for name in names {
                let name: String = name
                    .trim()
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                if name.starts_with(|c: char| c.is_ascii_lowercase()) {
                    found.push((number + 1, name));
                }
            }
        }
    }
    found
}

/// Joins the lines of `use crate::{ … };`, so that `used` sees them as one.
fn joined(text: &str) -> String {
    let mut out = String::new();
    let mut open = false;
    let mut depth = 0_i32;
    for line in text.lines() {
        open |= line.trim_start().starts_with("use crate::{")
            || line.trim_start().starts_with("pub use crate::{");
        if open {
            // Only the first level names rooms; what is deeper is dropped.
            for c in line.trim().chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth <= 1 && c != '}' {
                    out.push(c);
                }
            }
            open = depth > 0;
        } else {
            out.push_str(line);
        }
        if !open {
            out.push('\n');
        }
    }
    out
}

#[test]
fn rooms_see_only_what_is_below_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rules = rules();
    let mut faults = Vec::new();
    let mut folders = vec![src.clone()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&src).expect("a file of src");
            let first = inside.iter().next().expect("a name").to_string_lossy();
            let room = first.trim_end_matches(".rs");
            let Some(allowed) = rules.get(room) else {
                faults.push(format!("{}: the room {room} has no rule", inside.display()));
                continue;
            };
            files += 1;
            let text = fs::read_to_string(&path).expect("a source file");
            for (line, name) in used(&joined(&text)) {
                if name != room
                    && !allowed.contains(&name.as_str())
                    && rules.contains_key(&name.as_str())
                {
                    faults.push(format!(
                        "{} (about line {line}): {room} may not see {name}",
                        inside.display()
                    ));
                }
            }
            let lines = text.lines().count();
            if lines > 500 {
                faults.push(format!("{} has {lines} lines", inside.display()));
            }
        }
    }
    assert!(files > 10, "only {files} files were found");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn nested_imports_are_read() {
    let text =
        "use crate::{\n    engine::{Event, Reporter},\n    kube,\n};\nlet x = crate::plan::Plan;";
    let names: Vec<String> = used(&joined(text))
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(names, ["engine", "kube", "plan"]);
}
