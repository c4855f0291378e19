//! What fails, and what is tried again.

use super::*;
use crate::engine::journal::Disk;

#[tokio::test(start_paused = true)]
async fn what_is_transient_is_tried_again_with_growing_waits() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", vec![Act::Fault(Fault::Transient); 7]);
    let plan = plan(&[("a", "", 0)]);
    let finished = stage
        .run(folder.path(), &plan, None, |engine| engine.options.seed = 7)
        .await
        .unwrap();
    assert_eq!(finished.exit, None);
    let times: Vec<i64> = stage
        .take_told()
        .iter()
        .filter(|line| line.contains("retry a cannot do a: the reason"))
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(times.len(), 7);
    // Waits of 1, 2, 4, 8, 16, 30, 30 seconds, each shortened by up to a half.
    assert!(
        (45.0..=91.0).contains(&finished.seconds),
        "{}",
        finished.seconds
    );
    // One seed gives one course, another another.
    let mut courses = Vec::new();
    for seed in [7, 7, 8] {
        let stage = Stage::new();
        stage.script("a", vec![Act::Fault(Fault::Transient); 7]);
        let again = stage
            .run(folder.path(), &plan, None, |engine| {
                engine.options.seed = seed
            })
            .await
            .unwrap();
        courses.push((again.seconds * 10.0).round());
    }
    assert_eq!(courses[0], (finished.seconds * 10.0).round());
    assert_eq!(courses[0], courses[1]);
    assert_ne!(courses[0], courses[2]);
}

#[tokio::test(start_paused = true)]
async fn retries_end_with_the_limit_of_the_step_and_tell_the_last_fault() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", vec![Act::Fault(Fault::Transient); 50]);
    stage.script("b", [Act::Hang]);
    let plan = plan(&[("a", "", 0), ("b", "", 0)]);
    let finished = stage
        .run(folder.path(), &plan, None, |engine| {
            engine.options.keep_going = true
        })
        .await
        .unwrap();
    assert_eq!(finished.exit, Some(Kind::TimedOut));
    assert!(
        // Who hangs has twenty seconds more to say what for.
        (finished.seconds - 120.0).abs() < 0.1,
        "{}",
        finished.seconds
    );
    let causes: BTreeMap<_, _> = finished
        .failures
        .iter()
        .map(|(step, error)| {
            assert_eq!(error.fault, Fault::TimedOut);
            (step.as_str(), error.causes.clone())
        })
        .collect();
    assert_eq!(
        causes["a"],
        ["cannot do a: the reason", "this step may take 100 seconds"]
    );
    assert_eq!(causes["b"], ["this step may take 100 seconds"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_terminal_stops_the_run_and_lets_running_steps_end() {
    for (fault, kind) in [
        (Fault::Denied, Kind::Denied),
        (Fault::Quota, Kind::Denied),
        (Fault::Invalid, Kind::Stopped),
        (Fault::Failed, Kind::Stopped),
        (Fault::Cancelled, Kind::Stopped),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::new();
        stage.script("a", [Act::Fault(fault)]);
        let plan = plan(&[("a", "", 9), ("b", "", 5), ("c", "b", 5), ("d", "a", 5)]);
        let finished = stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
        assert_eq!(finished.exit, Some(kind), "{fault:?}");
        assert_eq!(names(finished.outcomes.keys()), ["b"]);
        assert_eq!(names(&finished.not_begun), ["c", "d"]);
        let told = stage.take_told();
        assert!(told.contains(&format!("0 fail a {fault:?}")), "{told:?}");
        let past = read_latest::<()>(folder.path()).unwrap().unwrap();
        assert_eq!(past.exit, Some(kind.exit_code()));
        assert_eq!(past.failures[&StepId::new("a")], "cannot do a");
    }
}

#[tokio::test(start_paused = true)]
async fn keeping_going_stops_only_what_needs_the_failed_step() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", [Act::Fault(Fault::Failed)]);
    stage.script("e", [Act::Fault(Fault::Denied)]);
    let plan = plan(&[
        ("a", "", 1),
        ("b", "", 5),
        ("c", "b", 5),
        ("d", "a c", 5),
        ("e", "c", 1),
        ("f", "c", 1),
    ]);
    let finished = stage
        .run(folder.path(), &plan, None, |engine| {
            engine.options.keep_going = true
        })
        .await
        .unwrap();
    assert_eq!(finished.exit, Some(Kind::Denied));
    assert_eq!(names(finished.outcomes.keys()), ["b", "c", "f"]);
    assert_eq!(names(&finished.not_begun), ["d"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_our_bug_and_ends_only_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", [Act::Panic]);
    let plan = plan(&[("a", "", 1), ("b", "", 5)]);
    let finished = stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
    assert_eq!(finished.exit, Some(Kind::Bug));
    assert_eq!(names(finished.outcomes.keys()), ["b"]);
    assert_eq!(finished.failures[0].1.causes, ["a fell over"]);
    // The cluster is not stuck with it.
    let past = read_latest::<()>(folder.path()).unwrap().unwrap();
    let finished = stage
        .run(folder.path(), &plan, Some(&past), |_| {})
        .await
        .unwrap();
    assert_eq!(finished.exit, None);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_written_refuses_before_the_first_change() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("runs"), "not a folder").unwrap();
    let stage = Stage::new();
    let error = stage
        .run(folder.path(), &plan(&[("a", "", 1)]), None, |_| {})
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Refused);
    assert!(stage.world.lock().unwrap().is_empty());
    assert!(stage.take_told().is_empty());
}

/// A disk with space for so many records.
struct SmallDisk(u32);

impl Disk for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(1)
            .ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, _: u64) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_stops_the_run_part_way() {
    let plan = plan(&[("a", "", 1), ("b", "", 2), ("c", "a", 1)]);
    // Space for both beginnings, and for the end of a; then for the beginning of a alone.
    for (space, done, not_begun) in [
        (3, vec!["a", "b"], vec!["c"]),
        (1, vec!["a"], vec!["b", "c"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::new();
        let lock = RunLock::take(folder.path(), "setup", &*stage.clock).unwrap();
        let engine = stage.engine();
        let mut run = engine.open(&lock, &plan, None, &*stage).await.unwrap();
        run.journal.disk = Box::new(SmallDisk(space));
        run.announce();
        run.drive().await.unwrap();
        let finished = run.end();
        assert_eq!(finished.exit, Some(Kind::Stopped));
        assert_eq!(names(finished.outcomes.keys()), done);
        assert_eq!(names(&finished.not_begun), not_begun);
        let fault = finished.journal_fault.unwrap();
        assert_eq!(fault.kind, Kind::Stopped);
        assert!(fault.to_string().contains("no storage space"), "{fault}");
        // What could not be written down was not shown as done.
        let told = stage.take_told();
        assert!(!told.iter().any(|line| line.contains("done b")), "{told:?}");
        assert!(told.last().unwrap().contains("end 3"), "{told:?}");
    }
    // With no space for a single beginning, nothing begins.
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    let lock = RunLock::take(folder.path(), "setup", &*stage.clock).unwrap();
    let engine = stage.engine();
    let mut run = engine.open(&lock, &plan, None, &*stage).await.unwrap();
    run.journal.disk = Box::new(SmallDisk(0));
    assert_eq!(run.drive().await.unwrap_err().kind, Kind::Refused);
    assert!(stage.world.lock().unwrap().is_empty());
}
