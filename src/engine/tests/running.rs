//! Order, bounds, and what is shown when.

use super::*;

#[tokio::test(start_paused = true)]
async fn steps_begin_as_soon_as_what_they_need_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("b", [Act::Say("waiting", 5)]);
    let plan = plan(&[
        ("a", "", 10),
        ("b", "a", 5),
        ("c", "a", 20),
        ("d", "b c", 1),
    ]);
    let finished = stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
    assert_eq!(finished.exit, None);
    assert_eq!(finished.outcomes.len(), 4);
    assert!(
        (finished.seconds - 31.0).abs() < 0.1,
        "{}",
        finished.seconds
    );
    assert_eq!(
        stage.take_told(),
        [
            "0 run 0/4",
            "0 begin a #1",
            "10 done a Made 10s",
            "10 begin c #1",
            "10 begin b #1",
            "10 say b waiting",
            "15 done b Made 5s",
            "30 done c Made 20s",
            "30 begin d #1",
            "31 done d Made 1s",
            "31 end 0 4/4",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_steps_run_at_once_than_jobs_and_the_longest_way_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    let plan = plan(&[
        ("short", "", 3),
        ("middle", "", 4),
        ("first", "", 1),
        ("after", "first", 30),
        ("other", "", 3),
    ]);
    let finished = stage
        .run(folder.path(), &plan, None, |engine| engine.options.jobs = 2)
        .await
        .unwrap();
    assert_eq!(finished.exit, None);
    assert_eq!(stage.peak(), 2);
    assert!(
        (finished.seconds - 31.0).abs() < 0.1,
        "{}",
        finished.seconds
    );
    let told = stage.take_told();
    assert_eq!(told[1..3], ["0 begin first #1", "0 begin middle #1"]);
    // Zero jobs would never end.
    let stage = Stage::new();
    stage
        .run(folder.path(), &plan, None, |engine| engine.options.jobs = 0)
        .await
        .unwrap();
    assert_eq!(stage.peak(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_first_interruption_lets_running_steps_end() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", [Act::Interrupt(5)]);
    let plan = plan(&[("a", "", 5), ("b", "", 8), ("c", "a", 1)]);
    let finished = stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
    assert_eq!(finished.exit, Some(Kind::Interrupted));
    assert_eq!(names(finished.outcomes.keys()), ["a", "b"]);
    assert_eq!(names(&finished.not_begun), ["c"]);
    assert!(finished.failures.is_empty());
    let told = stage.take_told();
    assert_eq!(told[3..5], ["0 interrupted 2", "5 done a Made 5s"]);
    assert_eq!(told.last().unwrap(), "8 end 130 2/3");
}

#[tokio::test(start_paused = true)]
async fn steps_that_outlast_the_grace_period_are_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", [Act::Interrupt(90)]);
    stage.script("b", [Act::Heed]);
    stage.script("c", [Act::Hang]);
    let plan = plan(&[("a", "", 9), ("b", "", 1), ("c", "", 1), ("d", "a", 1)]);
    let finished = stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
    assert_eq!(finished.exit, Some(Kind::Interrupted));
    assert!(
        (finished.seconds - 10.0).abs() < 0.1,
        "{}",
        finished.seconds
    );
    let mut messages: Vec<_> = finished
        .failures
        .iter()
        .map(|(_, error)| error.message.as_str())
        .collect();
    messages.sort_unstable();
    assert_eq!(
        messages,
        [
            "do a: interrupted",
            "do c: interrupted",
            "heeding: interrupted"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_second_interruption_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", [Act::Interrupt(90)]);
    stage.script("b", [Act::Hang]);
    let interrupt = stage.interrupt.clone();
    let clock = stage.clock.clone();
    let second = tokio::spawn(async move {
        interrupt.gently().cancelled().await;
        clock.sleep(Duration::from_secs(3)).await;
        interrupt.request();
    });
    let plan = plan(&[("a", "", 9), ("b", "", 1)]);
    let finished = stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
    second.await.unwrap();
    assert_eq!(finished.exit, Some(Kind::Interrupted));
    assert!((finished.seconds - 3.0).abs() < 0.1, "{}", finished.seconds);
    assert_eq!(finished.failures.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_that_comes_too_late_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", [Act::Interrupt(2)]);
    let finished = stage
        .run(folder.path(), &plan(&[("a", "", 2)]), None, |_| {})
        .await
        .unwrap();
    assert_eq!(finished.exit, None);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_outweighs_what_failed_besides() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    stage.script("a", [Act::Interrupt(2)]);
    stage.script("b", [Act::Fault(Fault::Denied)]);
    let plan = plan(&[("a", "", 2), ("b", "", 1)]);
    let finished = stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
    assert_eq!(finished.exit, Some(Kind::Interrupted));
    let past = read_latest::<()>(folder.path()).unwrap().unwrap();
    assert_eq!(past.exit, Some(130));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_the_run_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&[("a", "", 5), ("b", "a", 50), ("c", "", 1), ("d", "b", 1)]);
    let stage = Stage::new();
    let finished = stage
        .run(folder.path(), &plan, None, |engine| {
            engine.cx = engine.cx.within(Duration::from_secs(20));
        })
        .await
        .unwrap();
    assert_eq!(finished.exit, Some(Kind::TimedOut));
    assert!(
        // Twenty seconds more for who would say what it waits for.
        (finished.seconds - 40.0).abs() < 0.1,
        "{}",
        finished.seconds
    );
    assert_eq!(names(&finished.not_begun), ["d"]);
    let (step, error) = &finished.failures[0];
    assert_eq!(step.as_str(), "b");
    assert_eq!(error.causes, ["the time for the whole run is used up"]);
    // One that is over before it began does nothing.
    let stage = Stage::new();
    let finished = stage
        .run(folder.path(), &plan, None, |engine| {
            engine.cx = engine.cx.within(Duration::ZERO);
        })
        .await
        .unwrap();
    assert_eq!(finished.exit, Some(Kind::TimedOut));
    assert_eq!(finished.not_begun.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_a_cluster_do_not_go_on_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    let second = Stage::new();
    let refused: Arc<Mutex<Option<Kind>>> = Arc::default();
    let (seen, other, path) = (refused.clone(), second.clone(), folder.path().to_owned());
    stage.script(
        "a",
        [Act::Do(Arc::new(move || {
            let error = RunLock::take(&path, "destroy", &*other.clock).unwrap_err();
            *seen.lock().unwrap() = Some(error.kind);
        }))],
    );
    let plan = plan(&[("a", "", 1)]);
    stage.run(folder.path(), &plan, None, |_| {}).await.unwrap();
    assert_eq!(*refused.lock().unwrap(), Some(Kind::Refused));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_none_is_our_bug() {
    let folder = tempfile::tempdir().unwrap();
    let error = Stage::new()
        .run(folder.path(), &plan(&[("b", "a", 1)]), None, |_| {})
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Bug);
    assert!(read_latest::<()>(folder.path()).unwrap().is_none());
}
