//! The live view, on a terminal in memory.

use indicatif::InMemoryTerm;

use super::*;

/// A terminal on which a run was shown so far.
struct Screen {
    terminal: Terminal,
    memory: InMemoryTerm,
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
    fn new(columns: u16, verbose: bool) -> Self {
        let memory = InMemoryTerm::new(40, columns);
        let look = Look {
            colour: false,
            verbose,
            turn: None,
        };
        let target = ProgressDrawTarget::term_like(Box::new(memory.clone()));
        let terminal = Terminal::new(target, Arc::new(Standing(33)), Arc::default(), look);
        Self { terminal, memory }
    }

    fn report(&self, events: &[Event]) -> String {
        for event in events {
            self.terminal.report(event);
        }
        self.memory.contents()
    }
}

/// Returns what is on a terminal of this width after these events.
pub(super) fn show(columns: u16, verbose: bool, events: &[Event]) -> String {
    Screen::new(columns, verbose).report(events)
}

#[test]
fn what_runs_stays_below_what_is_done() {
    let run = whole_run(false);
    let screen = Screen::new(60, false);
    insta::assert_snapshot!(screen.report(&run[..8]), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done bef
    ore
    – write the kubeconfig (done before)
    ⠂ 33s create kind cluster dot: waiting for the nodes
    ━╸────────── 1/12 setup of cluster dot on kind
    ");
    insta::assert_snapshot!(screen.report(&run[8..9]), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done bef
    ore
    – write the kubeconfig (done before)
    ⠂ 33s create kind cluster dot: cannot reach the API: connect
    ━╸────────── 1/12 setup of cluster dot on kind
    ");
    insta::assert_snapshot!(screen.report(&run[9..11]), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done bef
    ore
    – write the kubeconfig (done before)
    ✓ create kind cluster dot (made, 1m05s)
      port 80 leads to it
    ⠁ 0s install traefik
    ━━╸───────── 2/12 setup of cluster dot on kind
    ");
    insta::assert_snapshot!(screen.report(&run[11..]), @"
    · setup of cluster dot on kind: 12 steps, 1 of them done bef
    ore
    – write the kubeconfig (done before)
    ✓ create kind cluster dot (made, 1m05s)
      port 80 leads to it
    ! interrupted: 1 step is let end; interrupt again to stop it
     at once
    ✗ traefik is not ready: ImagePullBackOff
    ");
}

#[test]
fn narrow_terminals_do_not_break_it() {
    for columns in [1, 5, 20] {
        let screen = Screen::new(columns, true);
        for event in whole_run(true) {
            screen.report(&[event]);
        }
    }
    let run = whole_run(true);
    let screen = Screen::new(20, false);
    insta::assert_snapshot!(screen.report(&run[..8]), @"
    rehearsal · nothing
    here is real, and th
    e times are assumed
    rehearsal · setup of
     cluster dot on kind
    : 12 steps, 1 of the
    m done before
    rehearsal – write th
    e kubeconfig (done b
    efore)
    ⠂ 33s create kind cl
    ━╸────────── 1/12 se
    ");
    insta::assert_snapshot!(screen.report(&run[8..]), @"
    rehearsal · nothing
    here is real, and th
    e times are assumed
    rehearsal · setup of
     cluster dot on kind
    : 12 steps, 1 of the
    m done before
    rehearsal – write th
    e kubeconfig (done b
    efore)
    rehearsal ✓ create k
    ind cluster dot (mad
    e, 1m05s assumed)
    rehearsal   port 80
    leads to it
    rehearsal ! interrup
    ted: 1 step is let e
    nd; interrupt again
    to stop it at once
    rehearsal ✗ traefik
    is not ready: ImageP
    ullBackOff
    ");
}
