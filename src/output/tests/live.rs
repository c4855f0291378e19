//! The live view, on a terminal in memory.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use super::*;

/// A terminal in memory, as wide as it was last made.
#[derive(Clone)]
struct Memory(Arc<Mutex<vt100::Parser>>);

impl Memory {
    fn with<T>(&self, ask: impl FnOnce(&mut vt100::Parser) -> T) -> T {
        ask(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|it| it.process(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A terminal on which a run was shown so far.
struct Screen {
    terminal: Terminal,
    memory: Memory,
}

/// A clock that stands still.
#[derive(Debug)]
struct Standing(i64);

#[async_trait::async_trait]
impl Clock for Standing {
    fn now(&self) -> Timestamp {
        at(self.0, begin_run(false)).time
    }

    async fn sleep(&self, _: Duration) {}

    async fn reached(&self, _: Timestamp) {}
}

impl Screen {
    fn new(rows: u16, columns: u16, verbose: bool) -> Self {
        let memory = Memory(Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0))));
        let look = Look {
            colour: false,
            verbose,
            turn: None,
        };
        let asked = memory.clone();
        let size = move || Some(asked.with(|it| it.screen().size()));
        let live = Live::new(Box::new(memory.clone()), size);
        let terminal = Terminal::new(live, Arc::new(Standing(33)), Arc::default(), look);
        Self { terminal, memory }
    }

    fn report(&self, events: &[Event]) -> String {
        for event in events {
            self.terminal.report(event);
        }
        let text = self.memory.with(|it| it.screen().contents());
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Returns what is on a terminal of this width after these events.
pub(super) fn show(columns: u16, verbose: bool, events: &[Event]) -> String {
    Screen::new(40, columns, verbose).report(events)
}

/// Returns a run in which two steps wait for objects.
fn waiting() -> Vec<Event> {
    let flux = "41 of 43 ready; Deployment flux-system/helm-controller: 0 of 1 available";
    vec![
        at(0, begin_run(false)),
        at(0, begin("component/flux", "install Flux 2.9.4", 1)),
        at(1, say("component/flux", flux)),
        at(
            30,
            begin("kube/namespaces", "make the namespaces a-team", 1),
        ),
        at(
            31,
            say("kube/namespaces", "Namespace a-team: held by kubernetes"),
        ),
    ]
}

#[test]
fn what_runs_stays_below_what_is_done() {
    let run = whole_run(false);
    let screen = Screen::new(40, 60, false);
    insta::assert_snapshot!(screen.report(&run[..8]), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done before
    – write the kubeconfig (done before)
    ⠋ 33s create kind cluster dot: waiting for the nodes
    ━╸────────── 1/12 setup of cluster dot on kind
    ");
    insta::assert_snapshot!(screen.report(&run[8..9]), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done before
    – write the kubeconfig (done before)
    ⠋ 33s create kind cluster dot: cannot reach the API: conne…
    ━╸────────── 1/12 setup of cluster dot on kind
    ");
    insta::assert_snapshot!(screen.report(&run[9..11]), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done before
    – write the kubeconfig (done before)
    ✓ create kind cluster dot (made, 1m05s)
      port 80 leads to it
    ⠋ 0s install traefik
    ━━╸───────── 2/12 setup of cluster dot on kind
    ");
    insta::assert_snapshot!(screen.report(&run[11..]), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done before
    – write the kubeconfig (done before)
    ✓ create kind cluster dot (made, 1m05s)
      port 80 leads to it
    ! interrupted: 1 step is let end; interrupt again to stop it at once
    ✗ traefik is not ready: ImagePullBackOff
    ");
}

#[test]
fn what_a_step_waits_for_has_lines_of_its_own_where_one_is_too_short() {
    insta::assert_snapshot!(show(100, false, &waiting()), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done before
    ⠋ 33s install Flux 2.9.4: 41 of 43 ready; Deployment flux-system/helm-controller: 0 of 1 available
    ⠋ 3s make the namespaces a-team: Namespace a-team: held by kubernetes
    ╸─────────── 0/12 setup of cluster dot on kind
    ");
    insta::assert_snapshot!(show(40, false, &waiting()), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done before
    ⠋ 33s install Flux 2.9.4
      41 of 43 ready; Deployment
      flux-system/helm-controller: 0 of 1
      available
    ⠋ 3s make the namespaces a-team
      Namespace a-team: held by kubernetes
    ╸─────────── 0/12 setup of cluster dot…
    ");
    insta::assert_snapshot!(show(20, false, &waiting()), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done before
    ⠋ 33s install Flux…
      41 of 43 ready;
      Deployment
      flux-system/helm…
      0 of 1 available
    ⠋ 3s make the name…
      Namespace a-team:
      held by
      kubernetes
    ╸─────────── 0/12
    ");
    // With few rows there is a line for each, and at last for some.
    let rows = |rows| Screen::new(rows, 40, false).report(&waiting());
    insta::assert_snapshot!(rows(5), @"
    , 1 of them done before
    ⠋ 33s install Flux 2.9.4: 41 of 43 rea…
    ⠋ 3s make the namespaces a-team: Names…
    ╸─────────── 0/12 setup of cluster dot…
    ");
    insta::assert_snapshot!(rows(3), @"
    , 1 of them done before
    ⠋ 33s install Flux 2.9.4: 41 of 43 rea…
    ╸─────────── 0/12 setup of cluster dot…
    ");
}

#[test]
fn a_terminal_that_changes_its_width_gets_what_fits() {
    let run = waiting();
    let screen = Screen::new(40, 100, false);
    screen.report(&run[..3]);
    screen.memory.with(|it| it.screen_mut().set_size(40, 20));
    let narrow = screen.report(&run[3..4]);
    assert!(narrow.contains("\n  41 of 43 ready;\n"), "{narrow}");
    assert!(narrow.lines().all(|line| line.chars().count() <= 20));
    screen.memory.with(|it| it.screen_mut().set_size(40, 100));
    let wide = screen.report(&run[4..]);
    let bars = wide.lines().filter(|line| line.contains("0/12"));
    assert_eq!(bars.count(), 1, "{wide}");
    assert!(wide.contains("0 of 1 available\n"), "{wide}");
}

#[test]
fn narrow_terminals_do_not_break_it() {
    for columns in [1, 5, 20] {
        let screen = Screen::new(40, columns, true);
        for event in whole_run(true) {
            screen.report(&[event]);
        }
    }
    let run = whole_run(true);
    let screen = Screen::new(40, 20, false);
    insta::assert_snapshot!(screen.report(&run[..8]), @"
    rehearsal · nothing here is real, and the times are assumed
    rehearsal · setup of cluster dot on kind: 12 steps, 1 of them done before
    rehearsal – write the kubeconfig (done before)
    ⠋ 33s create kind …
      waiting for the
      nodes
    ━╸────────── 1/12
    ");
    insta::assert_snapshot!(screen.report(&run[8..]), @"
    rehearsal · nothing here is real, and the times are assumed
    rehearsal · setup of cluster dot on kind: 12 steps, 1 of them done before
    rehearsal – write the kubeconfig (done before)
    rehearsal ✓ create kind cluster dot (made, 1m05s assumed)
    rehearsal   port 80 leads to it
    rehearsal ! interrupted: 1 step is let end; interrupt again to stop it at once
    rehearsal ✗ traefik is not ready: ImagePullBackOff
    ");
}
