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
fn a_look_that_hangs_ends_on_an_interruption() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    bed.write("faults.toml", "[[request]]\nlatency = \"2h\"\n");
    let args = ["status", "--rehearse", "--rehearse-faults", "faults.toml"];
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = bed
            .command(&args)
            .env("WINDLASS_REHEARSE_SPEED", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a program that starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = String::new();
        lines.read_line(&mut said).expect("a line");
        kill_process(Pid::from_child(&child), signal).expect("a process that is there");
        lines.read_to_string(&mut said).expect("the rest");
        assert_eq!(child.wait().expect("an end").code(), Some(130), "{said}");
        assert_eq!(
            said,
            "rehearsal: nothing here is real\nerror: interrupted\n"
        );
    }
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
