//! What a destroy risks is asked for once, on a terminal, before anything happens; who is not asked is told.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::fd::AsFd,
    process::{Command, Stdio},
};

use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

use crate::{bed::Bed, components::says, drains::raise, real};

/// Each decision, and what it says that it risks.
const DECISIONS: &[(&str, &str)] = &[
    (
        "--skip-drain",
        "left behind, existing and costing: Service default/web (",
    ),
    (
        "--abandon",
        "what is stuck for two minutes is given up: it goes on existing and costing, and nothing in the cluster names it any more",
    ),
    ("--keep=volumes", "disks are kept, and go on costing"),
];

/// Runs a command on a terminal, on which "n" is typed when it asks; returns its exit code and what it showed there.
fn refuse(command: &mut Command) -> (Option<i32>, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).expect("a terminal");
    unlockpt(&master).expect("a terminal");
    let name = ptsname(&master, Vec::new()).expect("a name");
    let path = std::ffi::OsStr::new(name.to_str().expect("a path")).to_owned();
    let side = || {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NOCTTY.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(flags);
        options.open(&path).expect("a terminal")
    };
    command.env("TERM", "xterm");
    let mut child = command
        .stdin(side())
        .stdout(side())
        .stderr(side())
        .spawn()
        .expect("a program that starts");
    // Only the program holds the other side now.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut screen = File::from(master.as_fd().try_clone_to_owned().expect("a terminal"));
    let mut shown = Vec::new();
    let mut asked = false;
    let mut part = [0; 4096];
    // When nobody holds its other side any more, reading fails.
    while let Ok(count) = screen.read(&mut part)
        && count > 0
    {
        shown.extend_from_slice(&part[..count]);
        if !asked && String::from_utf8_lossy(&shown).contains("Go on?") {
            asked = true;
            screen.write_all(b"n").expect("a key");
        }
    }
    let code = child.wait().expect("its end").code();
    (code, String::from_utf8_lossy(&shown).into_owned())
}

#[test]
fn on_a_terminal_each_decision_is_asked_for_once_with_what_it_risks() {
    let bed = Bed::new();
    let world = raise(&bed);
    for (flag, risk) in DECISIONS {
        let (code, shown) = refuse(&mut real::command(&bed, &world, &["destroy", "kind", flag]));
        assert_eq!(code, Some(1), "{shown}");
        let shown = console::strip_ansi_codes(&shown).replace(['\r', '\n'], "");
        assert!(shown.contains("nothing was destroyed"), "{shown}");
        // A sentence of the question begins with a capital letter; the question is shown again with its answer.
        let question = shown.split("[y/N]").next().expect("a question");
        assert_eq!(question.matches(&risk[1..]).count(), 1, "{shown}");
    }
    assert_eq!(world.containers(), ["dot-control-plane"]);
    assert_eq!(world.ask("assets").as_array().map(Vec::len), Some(1));
}

#[test]
fn off_a_terminal_each_decision_needs_a_yes_and_is_told() {
    let bed = Bed::new();
    for (flag, risk) in DECISIONS {
        let world = raise(&bed);
        let typed = ["destroy", "kind", flag];
        let asked = bed
            .finish(&mut real::command(&bed, &world, &typed))
            .expect(2);
        says(&asked, "--yes");
        assert_eq!(world.containers(), ["dot-control-plane"]);
        let many = ["destroy", "--all", "--yes", flag];
        let told = bed.finish(&mut real::command(&bed, &world, &many));
        assert_eq!(
            told.err.matches(&format!("warning: {risk}")).count(),
            1,
            "{}",
            told.err
        );
        let at = told.err.find("warning: ");
        assert!(at < told.err.find("] begin "), "{}", told.err);
        assert_eq!(world.containers(), [""; 0]);
        bed.finish(&mut real::command(&bed, &world, &["clean", "--yes"]))
            .expect(0);
    }
}
