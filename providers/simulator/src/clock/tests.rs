use super::{Clock, Speed, add};
use jiff::Timestamp;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const HOUR: Duration = Duration::from_secs(3600);

fn start(speed: Speed) -> (Clock, Timestamp) {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    (Clock::start(now, speed, Box::new(|_| ())), now)
}

#[tokio::test]
async fn at_full_speed_the_clock_jumps_from_sleep_to_sleep_in_order() {
    let moves = Arc::new(Mutex::new(Vec::new()));
    let seen = moves.clone();
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let clock = Clock::start(
        now,
        Speed::Max,
        Box::new(move |at| seen.lock().unwrap().push(at)),
    );
    let (short, long) = (clock.clone(), clock.clone());
    let late = tokio::spawn(async move { long.sleep(HOUR).await });
    for _ in 0..3 {
        short.sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(clock.now(), add(now, Duration::from_secs(30)));
    late.await.unwrap();
    assert_eq!(clock.now(), add(now, HOUR));
    let offsets: Vec<i64> = moves
        .lock()
        .unwrap()
        .iter()
        .map(|at| at.duration_since(now).as_secs())
        .collect();
    assert_eq!(offsets, [10, 20, 30, 3600]);
}

#[tokio::test]
async fn a_deadline_is_not_hurried_to_while_a_sleep_is_pending() {
    let (clock, now) = start(Speed::Max);
    let deadline = clock.reached(add(now, Duration::from_secs(60)));
    let work = async {
        for _ in 0..5 {
            clock.sleep(Duration::from_secs(10)).await;
        }
    };
    tokio::select! {
        () = deadline => panic!("the deadline came first"),
        () = work => {}
    }
    assert_eq!(clock.now(), add(now, Duration::from_secs(50)));
}

#[tokio::test]
async fn a_deadline_before_a_sleep_passes_in_its_time() {
    let (clock, now) = start(Speed::Max);
    let minute = add(now, Duration::from_secs(60));
    let sleep = clock.sleep(HOUR);
    tokio::pin!(sleep);
    tokio::select! {
        biased;
        () = &mut sleep => panic!("the deadline was passed over"),
        () = clock.reached(minute) => {}
    }
    assert_eq!(clock.now(), minute);
    sleep.await;
    assert_eq!(clock.now(), add(now, HOUR));
}

#[tokio::test]
async fn what_is_stuck_times_out() {
    let (clock, now) = start(Speed::Max);
    clock.reached(add(now, HOUR)).await;
    assert_eq!(clock.now(), add(now, HOUR));
}

#[tokio::test]
async fn who_does_nothing_but_wait_on_is_not_kept_waiting() {
    let (clock, now) = start(Speed::Max);
    for minute in 1..=4_u32 {
        clock.watch("pods".to_owned());
        let at = add(now, minute * Duration::from_secs(60));
        clock.reached(at).await;
    }
    assert!(clock.lock().patience <= super::driver::STUCK / 8);
    clock.read("pods");
    assert!(clock.lock().patience <= super::driver::STUCK / 8);
    // Somebody who reads something else or works is given time again.
    clock.read("events");
    assert_eq!(clock.lock().patience, super::driver::STUCK);
    clock.reached(add(now, 5 * Duration::from_secs(60))).await;
    assert!(clock.lock().patience < super::driver::STUCK);
    clock.touch();
    assert_eq!(clock.lock().patience, super::driver::STUCK);
}

#[tokio::test]
async fn time_stands_still_while_somebody_works() {
    let (clock, now) = start(Speed::Max);
    let work = clock.work();
    let slept = tokio::time::timeout(Duration::from_millis(30), clock.sleep(HOUR)).await;
    assert!(slept.is_err());
    assert_eq!(clock.now(), now);
    assert!(clock.lock().sleeps.is_empty(), "a wait given up is removed");
    drop(work);
    clock.sleep(HOUR).await;
    assert_eq!(clock.now(), add(now, HOUR));
}

#[tokio::test]
async fn with_a_factor_time_flows() {
    let (clock, now) = start(Speed::Factor(100_000.0));
    let real = std::time::Instant::now();
    clock.sleep(Duration::from_secs(1000)).await;
    let after = clock.now();
    assert!(after >= add(now, Duration::from_secs(1000)));
    assert!(real.elapsed() < Duration::from_secs(5));
    assert!(clock.now() >= after);
    clock.reached(add(after, Duration::from_secs(1000))).await;
    assert!(clock.now() >= add(after, Duration::from_secs(1000)));
}

#[tokio::test]
async fn closing_ends_every_wait() {
    let (clock, _) = start(Speed::Factor(1.0));
    let waiter = clock.clone();
    let wait = tokio::spawn(async move { waiter.sleep(HOUR).await });
    tokio::task::yield_now().await;
    clock.close();
    wait.await.unwrap();
}

#[test]
fn speeds_are_read_from_text() {
    assert_eq!("max".parse::<Speed>().unwrap(), Speed::Max);
    assert_eq!("2.5".parse::<Speed>().unwrap(), Speed::Factor(2.5));
    for text in ["0", "-1", "inf", "nan", "fast", ""] {
        assert!(text.parse::<Speed>().is_err(), "{text}");
    }
}
