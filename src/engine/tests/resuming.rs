//! Going on with a run that was killed anywhere.

use std::fs;

use super::*;

fn whole_plan() -> Plan<()> {
    plan(&[("a", "", 2), ("b", "a", 3), ("c", "a", 1), ("d", "b c", 1)])
}

fn only_journal(folder: &Path) -> std::path::PathBuf {
    let mut files = fs::read_dir(folder.join("runs")).unwrap();
    let path = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    path
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_was_cut_anywhere_leads_to_the_same_end() {
    let plan = whole_plan();
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
    let path = only_journal(folder.path());
    let whole = fs::read(&path).unwrap();
    let planned = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    // At every line and in its middle, and at every byte of the last.
    let ends = (planned..last).filter(|at| whole[at - 1] == b'\n');
    let cuts: BTreeSet<usize> = ends
        .flat_map(|at| [at, at + 20])
        .chain(last..=whole.len())
        .collect();
    assert!(cuts.len() > 80, "{cuts:?}");
    for length in cuts {
        fs::write(&path, &whole[..length]).unwrap();
        let past = read_latest::<()>(folder.path()).unwrap().unwrap();
        let stage = Stage::new();
        // The world is what the journal says, and a step more: it was killed before it could say so.
        *stage.world.lock().unwrap() = past.outcomes.keys().cloned().collect();
        stage
            .world
            .lock()
            .unwrap()
            .extend(past.starts.keys().cloned());
        if past.is_finished() {
            assert_eq!(length, whole.len());
            continue;
        }
        let finished = stage
            .run(folder.path(), &plan, Some(&past), |_| {})
            .await
            .unwrap();
        assert_eq!(finished.exit, None, "cut at {length}");
        assert_eq!(finished.skipped, past.outcomes.keys().cloned().collect());
        let after = read_latest::<()>(folder.path()).unwrap().unwrap();
        assert!(after.is_finished(), "cut at {length}");
        assert_eq!(after.attempt, 2);
        assert_eq!(names(after.outcomes.keys()), ["a", "b", "c", "d"]);
        for (step, nth) in &after.starts {
            let before = past.starts.get(step).copied().unwrap_or(0);
            let skipped = finished.skipped.contains(step);
            assert_eq!(*nth, before + u32::from(!skipped), "{step} cut at {length}");
        }
    }
    // Without its plan, there was no run.
    fs::write(&path, &whole[..planned - 1]).unwrap();
    assert!(read_latest::<()>(folder.path()).unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_holds_is_skipped_and_what_was_taken_away_runs_again_with_what_needs_it() {
    let plan = whole_plan();
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("d", [Act::Fault(Fault::Failed)]);
    stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
    stage.take_told();
    stage.world.lock().unwrap().remove(&StepId::new("c"));
    let past = read_latest::<()>(folder.path()).unwrap().unwrap();
    assert_eq!(past.digest, digest(&plan));
    let finished = stage
        .run(folder.path(), &plan, Some(&past), |_| {})
        .await
        .unwrap();
    assert_eq!(finished.exit, None);
    let told: Vec<String> = stage
        .take_told()
        .iter()
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect();
    assert_eq!(
        told,
        [
            "run 2/4",
            "skip a",
            "skip b",
            "begin c #2",
            "done c Made 1s",
            "begin d #2",
            "done d Made 1s",
            "end 0 4/4",
        ]
    );
    // Whatever was built on a thing that is gone runs again too.
    let past = read_latest::<()>(folder.path()).unwrap().unwrap();
    stage.world.lock().unwrap().remove(&StepId::new("a"));
    let finished = stage
        .run(folder.path(), &plan, Some(&past), |_| {})
        .await
        .unwrap();
    assert!(finished.skipped.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_of_another_plan_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", [Act::Fault(Fault::Failed)]);
    stage
        .run(folder.path(), &whole_plan(), None, |_| {})
        .await
        .unwrap();
    let past = read_latest::<()>(folder.path()).unwrap().unwrap();
    let before = fs::read(&past.path).unwrap();
    let other = plan(&[("a", "", 2)]);
    let error = stage
        .run(folder.path(), &other, Some(&past), |_| {})
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Refused);
    assert!(error.to_string().contains("--replan"), "{error}");
    assert_eq!(fs::read(&past.path).unwrap(), before);
    // The old plan as it was written down is the old plan: `--resume`.
    let finished = stage
        .run(folder.path(), &past.plan, Some(&past), |_| {})
        .await
        .unwrap();
    assert_eq!(finished.exit, None);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_while_looking_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("b", [Act::Fault(Fault::Failed)]);
    stage
        .run(folder.path(), &whole_plan(), None, |_| {})
        .await
        .unwrap();
    let past = read_latest::<()>(folder.path()).unwrap().unwrap();
    let before = fs::read(&past.path).unwrap();
    stage.interrupt.request();
    let error = stage
        .run(folder.path(), &whole_plan(), Some(&past), |_| {})
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Interrupted);
    assert_eq!(fs::read(&past.path).unwrap(), before);
}
