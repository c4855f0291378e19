//! What the Nushell scripts could do, row by row: each command line, flag, variable and file of theirs has a successor, or a reason
//! why it is gone.
//!
//! `rows.toml` has the rows. A row of a command is tested by turning its `old` line into windlass's and parsing that; `shared/nushell.md`, where
//! it is, says which rows there must be. What the commands do is tested end to end.

#![expect(clippy::print_stderr, reason = "a test says aloud what it skipped")]

mod facts;
mod rows;
mod typed;

use std::{collections::BTreeSet, ffi::OsString};

use facts::begins;
use rows::Rows;

/// Turns a command line of theirs into windlass's, without its name.
fn modernise(old: &str) -> Result<(String, Option<String>), windlass::error::Error> {
    let typed = ["windlass"].into_iter().chain(old.split(' '));
    let (now, told) = windlass::cli::modernise(typed.map(OsString::from).collect())?;
    let now: Vec<_> = now[1..].iter().map(|word| word.to_string_lossy()).collect();
    Ok((now.join(" "), told))
}

#[test]
fn each_command_has_its_successor() {
    for row in &Rows::load().command {
        let (now, told) =
            modernise(&row.old).unwrap_or_else(|error| panic!("{}: {error}", row.old));
        assert_eq!(now, row.now, "{}", row.old);
        if row.old != row.now {
            let told = told.expect("what has another name says so");
            assert!(told.contains(&format!("windlass {now}")), "{told}");
        }
        let words = ["windlass"].into_iter().chain(now.split(' '));
        let parsed = windlass::cli::command().try_get_matches_from(words);
        parsed.unwrap_or_else(|error| panic!("{now}: {error}"));
    }
}

#[test]
fn what_is_gone_says_why_and_what_to_type() {
    for row in &Rows::load().gone {
        let error = modernise(&row.old).expect_err(&row.old);
        assert_eq!(error.kind.exit_code(), 2, "{}", row.old);
        let told = error.to_string();
        assert!(told.contains(&row.says), "{}: {told}", row.old);
        assert!(
            error.hints.iter().any(|hint| hint.contains("windlass ")),
            "{told}"
        );
    }
}

#[test]
fn flags_without_meaning_are_accepted_and_change_nothing() {
    for row in &Rows::load().ignored {
        let verb = row.old.split(" --").next().unwrap_or_default();
        let (with, told) =
            modernise(&row.old).unwrap_or_else(|error| panic!("{}: {error}", row.old));
        let (without, _) = modernise(verb).unwrap_or_else(|error| panic!("{verb}: {error}"));
        assert_eq!(with, without, "{}", row.old);
        let told = told.unwrap_or_default();
        let why = format!("means nothing any more: {}", row.why);
        assert!(told.contains(&why), "{told}");
    }
}

#[test]
fn every_command_and_flag_of_the_scripts_has_a_row() {
    let Some(facts) = facts::read() else { return };
    let rows = Rows::load();
    let lines = rows.lines();
    let mut missing = BTreeSet::new();
    for entry in &facts.entries {
        let mut words = BTreeSet::new();
        for command in &entry.commands {
            let mut own = lines.iter().filter(|line| begins(line, command)).peekable();
            if own.peek().is_none() {
                missing.insert(command.clone());
            }
            words.extend(own.flat_map(|line| line.split(' ')));
        }
        let gone = entry.commands.iter().all(|command| rows.is_gone(command));
        let flags = entry
            .flags
            .iter()
            .filter(|flag| !gone && !words.contains(&***flag));
        missing.extend(flags.map(|flag| format!("{} {flag}", entry.commands.join(", "))));
    }
    assert!(missing.is_empty(), "without a row: {missing:#?}");
}

#[test]
fn every_variable_and_file_of_the_scripts_has_a_row() {
    let Some(facts) = facts::read() else { return };
    let rows = Rows::load();
    let known: BTreeSet<&str> = rows.variable.iter().map(|row| row.name.as_str()).collect();
    let missing: Vec<_> = facts
        .variables
        .iter()
        .filter(|name| !known.contains(&***name))
        .collect();
    assert!(missing.is_empty(), "variables without a row: {missing:?}");
    let known: BTreeSet<&str> = rows.file.iter().map(|row| row.name.as_str()).collect();
    let missing: Vec<_> = facts
        .files
        .iter()
        .filter(|name| !known.contains(&***name))
        .collect();
    assert!(missing.is_empty(), "files without a row: {missing:?}");
}

#[test]
fn each_row_is_about_something_that_the_scripts_had() {
    let Some(facts) = facts::read() else { return };
    for line in Rows::load().lines() {
        let entry = facts
            .find(line)
            .unwrap_or_else(|| panic!("the scripts had no {line}"));
        let flags = line.split(' ').filter(|word| word.starts_with("--"));
        for flag in flags.map(|flag| flag.split('=').next().unwrap_or(flag)) {
            assert!(entry.flags.contains(flag), "{line}: they had no {flag}");
        }
    }
}
