//! What the reader takes, what it refuses, and what is on the disk.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use windlass_provider::{Change, Outputs, SystemClock};

use super::*;
use crate::{
    engine::{Outcome, tests::plan},
    plan::StepId,
    redact::planted,
};

fn begin(folder: &Path) -> Journal {
    let plan = plan(&[("a", "", 1), ("b", "a", 1)]);
    Journal::begin(folder, &plan, &SystemClock, Arc::default()).unwrap()
}

fn started(step: &str) -> RecordKind {
    RecordKind::Started {
        step: StepId::new(step),
        nth: 1,
    }
}

fn finished(step: &str, outcome: Outcome) -> RecordKind {
    RecordKind::Finished {
        step: StepId::new(step),
        outcome,
        seconds: 1.5,
    }
}

#[test]
fn files_are_private_and_only_the_last_runs_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("dot");
    let mut runs = Vec::new();
    for _ in 0..KEPT + 3 {
        runs.push(begin(&folder).run());
    }
    assert!(runs.is_sorted(), "a later run sorts later");
    assert_eq!(list_runs(&folder).unwrap(), runs[3..]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("runs")), 0o700);
    assert_eq!(mode(&file_of(&folder, runs[5])), 0o600);
}

#[test]
fn an_id_sorts_after_the_last_even_where_the_clock_went_back() {
    let now = Timestamp::now();
    let last = next_id(now + Duration::from_secs(3600), None);
    assert!(next_id(now, Some(last)) > last);
}

#[test]
fn a_journal_holds_no_secret() {
    for (text, secret) in planted::TEXTS {
        let folder = tempfile::tempdir().unwrap();
        let mut bad = plan(&[("a", "", 1)]);
        bad.asked.insert("note".into(), (*text).to_owned());
        let redactor = Arc::new(Redactor::new());
        redactor.learn("a-known-secret");
        let mut journal = Journal::begin(folder.path(), &bad, &SystemClock, redactor).unwrap();
        journal.append(Timestamp::now(), started("a")).unwrap();
        let outcome = Outcome {
            notes: vec![(*text).to_owned(), "a-known-secret".into()],
            outputs: Outputs::from([("token".into(), "x".into())]),
            ..Outcome::of(Change::Made)
        };
        journal
            .append(Timestamp::now(), finished("a", outcome))
            .unwrap();
        let written = fs::read_to_string(&journal.path).unwrap();
        assert!(!written.contains(secret), "{written}");
        assert!(!written.contains("a-known-secret"), "{written}");
        assert!(!written.contains("\"x\""), "{written}");
        let past = read_latest::<()>(folder.path()).unwrap().unwrap();
        assert!(past.redacted);
        // What was taken out cannot be run from the journal, only from the command line again.
        assert_eq!(past.digest, digest(&bad));
        assert_ne!(past.digest, digest(&past.plan));
    }
}

#[test]
fn a_plan_without_secrets_survives_the_way_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    begin(folder.path());
    let past = read_latest::<()>(folder.path()).unwrap().unwrap();
    assert!(!past.redacted);
    assert_eq!(past.plan, plan(&[("a", "", 1), ("b", "a", 1)]));
    assert_eq!(past.digest, digest(&past.plan));
    assert_eq!((past.attempt, past.exit), (1, None));
}

#[test]
fn broken_journals_are_named_with_file_line_and_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = begin(folder.path());
    journal.append(Timestamp::now(), started("a")).unwrap();
    let good = fs::read_to_string(&journal.path).unwrap();
    let (planned, line) = good.split_once('\n').unwrap();
    let now = "\"time\":\"2026-01-01T00:00:00Z\",\"attempt\":1";
    let done = "\"outcome\":{\"change\":\"made\"},\"seconds\":1.0";
    let cases = [
        (
            format!("nonsense\n{good}"),
            "line 1: it is not JSON: expected ident, column 2\n",
        ),
        (
            format!("{planned}\n{{\"time\n{line}"),
            "line 2: it is not JSON: control character (\\u0000-\\u001F) found while parsing a string\n",
        ),
        (line.to_owned(), "line 1: a journal begins with its plan"),
        (
            format!("{planned}\n{planned}\n"),
            "line 2: a run has one plan",
        ),
        (format!("{good}{line}"), "line 3: step a begins twice"),
        (
            format!("{planned}\n{{{now},\"record\":\"finished\",\"step\":\"b\",{done}}}\n"),
            "line 2: step b ends without having begun",
        ),
        (
            format!("{planned}\n{{{now},\"record\":\"started\",\"step\":\"x\",\"nth\":1}}\n"),
            "line 2: the plan has no step x",
        ),
        (
            format!("{planned}\n{{{now},\"record\":\"ended\",\"exit\":0}}\n{line}"),
            "line 3: it comes after the end of the run",
        ),
        (
            format!("{planned}\n{{{now},\"record\":\"danced\"}}\n"),
            "line 2: it is not a record",
        ),
        (
            planned.replace("\"format\":1", "\"format\":2") + "\n",
            "has format 2, and this windlass reads format 1: a newer windlass wrote it",
        ),
        (
            planned.replace("\"needs\":[\"a\"]", "\"needs\":[\"z\"]") + "\n",
            "line 1: step b needs z",
        ),
    ];
    for (text, expected) in cases {
        fs::write(&journal.path, &text).unwrap();
        let error = read_latest::<()>(folder.path()).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        let told = error.to_string();
        assert!(told.contains(expected), "{expected}: {told}");
        assert!(told.contains(&journal.path.display().to_string()), "{told}");
        assert!(told.contains("hint: move it away with: mv "), "{told}");
    }
}

#[test]
fn an_unreadable_journal_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    // A folder in the journal's place cannot be read by anyone, root included.
    let path = file_of(folder.path(), Ulid::generate());
    fs::create_dir_all(&path).unwrap();
    let told = read_latest::<()>(folder.path()).unwrap_err().to_string();
    assert!(told.contains("cannot read the journal"), "{told}");
    assert!(told.contains("mv "), "{told}");
}

#[test]
fn a_run_without_its_first_record_leaves_the_one_before_it_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let first = begin(folder.path()).run();
    let torn = next_id(Timestamp::now(), Some(first));
    fs::write(file_of(folder.path(), torn), "{\"time\":\"2026").unwrap();
    fs::write(folder.path().join("runs/notes.txt"), "not ours").unwrap();
    let past = read_latest::<()>(folder.path()).unwrap().unwrap();
    assert_eq!(past.run, first);
}

/// A disk on which only so many bytes are left.
struct SmallDisk {
    file: File,
    left: usize,
}

impl Disk for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        let some = &bytes[..bytes.len().min(self.left)];
        self.left -= some.len();
        Disk::write(&mut self.file, some)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.file.cut(length)
    }
}

#[test]
fn what_a_full_disk_cut_short_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = begin(folder.path());
    let whole = fs::read(&journal.path).unwrap();
    let file = OpenOptions::new().append(true).open(&journal.path);
    journal.disk = Box::new(SmallDisk {
        file: file.unwrap(),
        left: 9,
    });
    for _ in 0..2 {
        let told = journal
            .append(Timestamp::now(), started("a"))
            .unwrap_err()
            .to_string();
        assert!(told.contains("cannot write the journal"), "{told}");
        assert!(told.contains("caused by: no storage space"), "{told}");
        assert!(told.contains("hint: free some space"), "{told}");
        assert_eq!(fs::read(&journal.path).unwrap(), whole);
    }
    // Once there is space again, so is the journal.
    let file = OpenOptions::new().append(true).open(&journal.path);
    journal.disk = Box::new(file.unwrap());
    journal.append(Timestamp::now(), started("a")).unwrap();
    assert!(read_latest::<()>(folder.path()).unwrap().is_some());
}
