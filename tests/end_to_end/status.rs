//! `status --watch`: shows what changes, and ends when it is told to.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::bed::Bed;

#[test]
fn a_watch_ends_when_all_is_ready() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    let args = ["status", "--rehearse", "--watch", "--until-ready"];
    let ran = bed.run(&args).expect(0);
    // Nothing changes meanwhile: it is shown once.
    assert_eq!(ran.out.matches("cluster dot").count(), 1, "{}", ran.out);
    bed.run(&["status", "--rehearse", "--until-ready"])
        .expect(2);
    bed.run(&["status", "--watch", "--output", "yaml"])
        .expect(2);
}

#[test]
fn a_watch_ends_on_an_interruption() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    let mut child = bed
        .command(&["status", "--rehearse", "--watch"])
        .env("WINDLASS_REHEARSE_SPEED", "20")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a program that starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("a line");
    assert!(first.starts_with("WHAT"), "{first}");
    kill_process(Pid::from_child(&child), Signal::INT).expect("a process that is there");
    lines.read_to_string(&mut first).expect("the rest");
    assert_eq!(child.wait().expect("an end").code(), Some(130));
}
