//! Files that are half-written, unreadable, in the way or too much for the disk, and streams that nobody reads.

use std::{fs, path::PathBuf};

use rustix::process::Signal;

use crate::{bed::Bed, process::Served};

const SETUP: &[&str] = &["setup", "kind", "--rehearse"];
const DESTROY: &[&str] = &["destroy", "kind", "--rehearse"];
const STATUS: &[&str] = &["status", "--rehearse"];

/// Limits the size of every file to so many blocks of 512 bytes, which fails as a full disk does: in the middle of a write.
fn limited(blocks: u32) -> String {
    format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")
}

#[test]
fn settings_that_cannot_be_read_are_named_with_file_and_line() {
    let bed = Bed::new();
    let mut told = String::new();
    for (name, text) in [
        ("windlass.toml", &b"[clusters.dot]\nprovider = \"ki"[..]),
        ("windlass.toml", b"[clusters.dot\n"),
        ("windlass.toml", b"\xff\xfe\n"),
        ("windlass.toml", b"[clusters.dot]\nprovidr = \"kind\"\n"),
        ("windlass.toml", b"[clusters.dot]\nprovider = \"azur\"\n"),
        ("windlass.toml", b"[clusters.dot.nodes]\nmin = 3\nmax = 2\n"),
        ("windlass.toml", b"[components.traefk]\nenabled = true\n"),
        (".env", b"A=1\nWINDLASS_PROVIDER='kind\n"),
        (".env", b"A=1\nnot a variable\n"),
        (".env", b"# >>> windlass dot >>>\nexport A=1\n"),
    ] {
        bed.write(name, text);
        let ran = bed.run(SETUP).expect(2);
        assert_eq!(ran.out, "");
        assert!(ran.err.contains(name), "{}", ran.err);
        told.push_str(&format!("{}\n", ran.err));
        assert_eq!(bed.list(), [name], "something was written");
        fs::remove_file(bed.here().join(name)).expect("a file");
    }
    insta::assert_snapshot!(told);
    for name in ["windlass.toml", ".env"] {
        let path = bed.here().join(name);
        fs::create_dir(&path).expect("a folder");
        let ran = bed.run(SETUP).expect(2);
        assert!(ran.err.contains("it is a directory"), "{}", ran.err);
        fs::remove_dir(path).expect("a folder");
    }
    let ran = bed.run(&[SETUP, &["--config", "gone.toml"]].concat());
    assert!(
        ran.code == 2 && ran.err.contains("gone.toml"),
        "{}",
        ran.err
    );
}

/// Interrupts a setup when it has made the cluster, and returns the path of its journal.
fn interrupt(bed: &Bed, world: &Served) -> PathBuf {
    world.hold(1, "after");
    let mut going = bed.start(&mut bed.command(SETUP));
    world.held();
    going.signal(Signal::INT);
    going.says("interrupted: ");
    world.release();
    going.end().expect(130);
    latest(bed)
}

/// Returns the path of the newest journal.
fn latest(bed: &Bed) -> PathBuf {
    let runs = fs::read_dir(bed.here().join("rehearsal/.windlass/dot/runs")).expect("the runs");
    let paths = runs.map(|entry| entry.expect("an entry").path());
    let journals = paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    journals.max().expect("a run")
}

#[test]
fn a_torn_journal_is_gone_on_with_and_a_broken_one_is_named() {
    let bed = Bed::new();
    let world = bed.serve();
    let journal = interrupt(&bed, &world);
    let whole = fs::read_to_string(&journal).expect("a journal");
    // A kill tears the last line.
    fs::write(&journal, &whole[..whole.len() - 20]).expect("a journal");
    let again = bed.run(SETUP).expect(0);
    assert!(again.out.contains("done in"), "{}", again.out);

    // What is no journal is not guessed at, and nothing is lost by moving it away.
    let mut lines: Vec<&str> = whole.lines().collect();
    lines[2] = "{\"time\":";
    let broken = lines.join("\n") + "\n";
    fs::write(&journal, &broken).expect("a journal");
    let before = world.ask("mutations");
    let refused = bed.run(SETUP).expect(1);
    for part in [
        "cannot read the journal",
        "line 3",
        "hint: move it away with: mv HERE",
    ] {
        assert!(refused.err.contains(part), "{part}:\n{}", refused.err);
    }
    assert_eq!(world.ask("mutations"), before);
    assert_eq!(fs::read_to_string(&journal).expect("a journal"), broken);
    bed.run(STATUS).expect(0);
    fs::rename(&journal, journal.with_extension("jsonl.broken")).expect("a journal");
    bed.run(SETUP).expect(0);

    // Destroy supersedes everything.
    fs::write(latest(&bed), &broken).expect("a journal");
    let down = bed.run(DESTROY).expect(0);
    assert!(
        down.err.contains("warning: cannot read the journal"),
        "{}",
        down.err
    );
    assert!(down.out.contains("nothing is left"), "{}", down.out);
    assert!(world.containers().is_empty());
}

#[test]
fn a_lock_that_a_dead_run_left_does_not_hold() {
    let bed = Bed::new();
    let folder = bed.here().join("rehearsal/.windlass/dot");
    fs::create_dir_all(&folder).expect("a folder");
    let left = r#"{"command":"setup","pid":1,"since":"2026-01-01T00:00:00Z"}"#;
    fs::write(folder.join("lock"), left).expect("a lock");
    fs::write(folder.join("programs.lock"), "torn").expect("a lock");
    bed.run(SETUP).expect(0);
}

#[test]
fn a_lock_file_that_cannot_be_read_or_does_not_agree_stops_a_real_setup_before_anything() {
    let bed = Bed::new();
    // Programs that know only how to say that there is nothing yet.
    let path = bed.programs(&[
        ("kind", "[ \"$1\" = version ] && echo 'kind v0.33.0 go1.26.2 linux/amd64'; exit 0"),
        (
            "docker",
            "case $1 in info) echo '{\"ServerVersion\":\"28.2.2\",\"SecurityOptions\":[]}' ;; ps) ;; image | inspect) echo '[]' ;; *) echo \"$1\" >> ../changed ;; esac",
        ),
    ]);
    let manifest = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: flux-system\n";
    bed.write("flux.yaml", manifest);
    let setup = || {
        let mut command = bed.command(&[
            "setup",
            "kind",
            "--http-port",
            "0",
            "--https-port",
            "0",
            "--flux-manifest",
            "flux.yaml",
        ]);
        command.env("PATH", &path);
        bed.finish(&mut command)
    };
    let digest = "0".repeat(64);
    let other = format!(
        "format = 1\n\n[locked.flux]\nversion = \"2.9.4\"\nurl = \"flux.yaml\"\nsha256 = \"{digest}\"\n"
    );
    for (lock, code, said) in [
        (
            "format = 1\n[locked.flux]\nversion = \"2.9",
            2,
            "cannot use HERE/windlass.lock",
        ),
        (other.as_str(), 1, "is not what it was"),
    ] {
        bed.write("windlass.lock", lock);
        let ran = setup().expect(code);
        assert!(
            ran.err.contains(said) && ran.err.contains("hint:"),
            "{}",
            ran.err
        );
        assert_eq!(
            bed.text("windlass.lock").as_deref(),
            Some(lock),
            "it was changed"
        );
        assert!(
            !bed.here().join("../changed").exists(),
            "something was done"
        );
    }
}

#[test]
fn a_kubeconfig_of_the_users_is_never_lost() {
    let bed = Bed::new();
    bed.run(SETUP).expect(0);
    // In a rehearsal, one's own kubeconfig is not touched at all.
    bed.write("own.yaml", "clusters: [torn");
    let merge = ["kubeconfig", "--merge", "--rehearse"];
    let own = bed.here().join("own.yaml");
    let ran = bed
        .finish(bed.command(&merge).env("KUBECONFIG", &own))
        .expect(0);
    assert!(ran.out.contains("HERE/rehearsal/kubeconfig"), "{}", ran.out);
    assert_eq!(bed.text("own.yaml").as_deref(), Some("clusters: [torn"));
    // What stands in for it there is looked at as carefully.
    bed.write("rehearsal/kubeconfig", "clusters: [torn");
    let ran = bed.run(&merge).expect(2);
    assert!(ran.err.contains("HERE/rehearsal/kubeconfig"), "{}", ran.err);
    assert_eq!(
        bed.text("rehearsal/kubeconfig").as_deref(),
        Some("clusters: [torn")
    );
    // Windlass's own is made anew.
    bed.write("rehearsal/kubeconfig-dot.yaml", "torn: [");
    bed.run(&["kubeconfig", "--rehearse"]).expect(0);
    let text = bed
        .text("rehearsal/kubeconfig-dot.yaml")
        .expect("a kubeconfig");
    assert!(text.contains("current-context"), "{text}");
    // The user's lines of .env stay, and torn markers are not guessed at.
    bed.write("rehearsal/.env", "MINE=1\n# >>> windlass dot >>>\n");
    let ran = bed.run(&["kubeconfig", "--rehearse"]).expect(2);
    assert!(ran.err.contains("hint: remove the lines"), "{}", ran.err);
    let text = bed.text("rehearsal/.env");
    assert_eq!(text.as_deref(), Some("MINE=1\n# >>> windlass dot >>>\n"));
}

#[test]
fn torn_marks_in_dot_env_are_wrong_settings_to_every_command() {
    let bed = Bed::new();
    bed.run(SETUP).expect(0);
    let env = bed.text("rehearsal/.env").expect("a file");
    let torn: String = env
        .lines()
        .filter(|line| !line.starts_with("# <<< windlass"))
        .map(|line| format!("{line}\n"))
        .collect();
    bed.write("rehearsal/.env", &torn);
    for command in [
        &["env", "--rehearse"][..],
        &["kubeconfig", "--rehearse"],
        &["clean", "--rehearse", "--yes"],
    ] {
        let ran = bed.run(command).expect(2);
        assert!(
            ran.err
                .contains("/.env: line 1: the windlass block for cluster dot does not end\n  hint: remove the lines"),
            "{}",
            ran.err
        );
        assert_eq!(bed.text("rehearsal/.env").as_ref(), Some(&torn));
    }
}

#[test]
fn a_torn_world_is_opened_and_a_broken_one_is_left_alone() {
    let bed = Bed::new();
    bed.run(SETUP).expect(0);
    let log = bed.world().join("log.jsonl");
    let whole = fs::read_to_string(&log).expect("a log");
    fs::write(&log, format!("{whole}{{\"t\":\"20")).expect("a log");
    bed.run(STATUS).expect(0);

    let mut lines: Vec<&str> = whole.lines().collect();
    lines[4] = "broken";
    let broken = lines.join("\n") + "\n";
    fs::write(&log, &broken).expect("a log");
    for command in [STATUS, SETUP, DESTROY] {
        let ran = bed.run(command).expect(1);
        for part in [
            "WORLD/log.jsonl:5",
            "delete the folder WORLD to begin anew",
            "--rehearse-world DIR",
        ] {
            assert!(ran.err.contains(part), "{part}:\n{}", ran.err);
        }
    }
    assert_eq!(fs::read_to_string(&log).expect("a log"), broken);
}

#[test]
fn a_disk_that_runs_full_stops_the_run_and_loses_nothing() {
    let bed = Bed::new();
    let world = bed.serve();
    let full = |blocks: u32| bed.finish(&mut bed.shell(&limited(blocks), SETUP));
    // Not even the lock's holder can be written, or only not the copy of Flux's manifest: nothing is begun.
    for blocks in [0, 1] {
        let ran = full(blocks).expect(1);
        assert!(
            ran.err.contains("error: cannot write HERE/rehearsal/"),
            "{}",
            ran.err
        );
        for said in ["File too large", "(ulimit -f)"] {
            assert!(ran.err.contains(said), "{said}:\n{}", ran.err);
        }
        assert!(world.containers().is_empty());
    }
    // The journal is full in the middle of a run.
    let journal = interrupt(&bed, &world);
    let text = fs::read_to_string(&journal).expect("a journal");
    let (plan, rest) = text.split_once('\n').expect("a plan");
    let blanks = " ".repeat(4 << 20);
    fs::write(&journal, format!("{plan}{blanks}\n{rest}")).expect("a journal");
    let before = world.ask("mutations");
    let ran = full(8 << 10).expect(1);
    assert!(
        ran.err
            .contains(&*bed.normalise(&journal.to_string_lossy())),
        "{}",
        ran.err
    );
    assert_eq!(
        world.ask("mutations"),
        before,
        "a step was begun that is not written down"
    );
    // With room again, it goes on.
    bed.run(SETUP).expect(0);
    bed.run(DESTROY).expect(0);
    assert!(world.containers().is_empty());
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_with_a_way_out() {
    let bed = Bed::new();
    let world = bed.serve();
    // Where nobody may write, not even root.
    for folder in ["/proc", "/sys"] {
        let ran = bed.finish(bed.command(SETUP).current_dir(folder)).expect(1);
        assert!(
            ran.err.contains(&format!("{folder}/rehearsal")),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("hint:"), "{}", ran.err);
    }
    // What is in the way, each in its place.
    for name in [
        "rehearsal",
        "rehearsal/.windlass",
        "rehearsal/.windlass/dot/runs",
    ] {
        let path = bed.here().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, "in the way").expect("a file");
        let ran = bed.run(SETUP).expect(1);
        assert!(
            ran.err.contains("HERE/rehearsal") && ran.err.contains("hint:"),
            "{}",
            ran.err
        );
        assert_eq!(fs::read_to_string(&path).expect("a file"), "in the way");
        fs::remove_file(&path).expect("a file");
    }
    assert!(world.containers().is_empty());
    // In the middle of a run.
    let path = bed.here().join("rehearsal/kubeconfig-dot.yaml");
    fs::create_dir_all(&path).expect("a folder");
    let ran = bed.run(SETUP).expect(3);
    assert!(ran.out.contains("it is a directory"), "{}", ran.out);
    assert!(ran.err.contains("hint: move it away"), "{}", ran.err);
    fs::remove_dir(&path).expect("a folder");
    bed.run(SETUP).expect(0);
}

#[test]
fn no_home_and_no_current_directory_are_said() {
    let bed = Bed::new();
    let ran = bed
        .finish(bed.command(SETUP).env_remove("WINDLASS_REHEARSE_WORLD"))
        .expect(1);
    insta::assert_snapshot!(ran.err, @r"
    error: there is no state directory: neither XDG_STATE_HOME nor HOME is an absolute path
      hint: set HOME, or say where the rehearsed world lives: --rehearse-world DIR
    ");
    let gone = bed.here().join("gone");
    fs::create_dir(&gone).expect("a folder");
    let line = "/bin/rmdir ../gone; exec \"$0\" \"$@\"";
    let ran = bed
        .finish(bed.shell(line, STATUS).current_dir(gone))
        .expect(1);
    assert!(
        ran.err.contains("cannot find the current directory"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("hint:"), "{}", ran.err);
}

#[test]
fn readers_that_go_away_are_no_error_and_a_full_disk_behind_a_stream_is() {
    let bed = Bed::new();
    // Closed from the beginning: all is done, and nothing is said.
    let quiet = bed
        .finish(&mut bed.shell("exec \"$0\" \"$@\" >&- 2>&-", SETUP))
        .expect(0);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    // A reader that has seen enough, on either stream.
    for (line, args) in [
        (
            "\"$0\" \"$@\" 2>/dev/null | (read -r line; echo \"$line\")",
            &[SETUP, &["--output", "json"]].concat()[..],
        ),
        (
            "\"$0\" \"$@\" 2>&1 >/dev/null | (read -r line; echo \"$line\")",
            DESTROY,
        ),
        ("{ \"$0\" \"$@\"; echo \"code $?\" >&2; } | :", STATUS),
        ("{ \"$0\" \"$@\"; echo \"code $?\" >&2; } | :", &["--help"]),
        (
            "{ \"$0\" \"$@\"; echo \"code $?\" >&2; } | :",
            &["completions", "bash"],
        ),
    ] {
        let ran = bed.finish(&mut bed.shell(line, args)).expect(0);
        assert!(!ran.err.to_lowercase().contains("pipe"), "{}", ran.err);
        assert!(
            !ran.err.contains("panic") && !ran.err.contains("bug"),
            "{}",
            ran.err
        );
    }
    let ran = bed.run(STATUS).expect(4);
    assert!(ran.err.contains("there is no cluster"), "{}", ran.err);
    let plan = [SETUP, &["--dry-run"]].concat();
    let ran = bed
        .finish(&mut bed.shell("exec \"$0\" \"$@\" >/dev/full", &plan))
        .expect(1);
    assert!(
        ran.err.contains("cannot write to standard output"),
        "{}",
        ran.err
    );
}
