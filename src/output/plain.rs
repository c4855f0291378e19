//! One line an event, for logs and pipes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    stream::Streams,
    words::{write_count, write_line, write_time_taken},
};
use crate::{
    engine::{Event, EventKind, Reporter},
    plan::{StepId, name_run},
};

/// How long a step's progress is not shown after it was.
const QUIET: SignedDuration = SignedDuration::from_secs(10);

/// Shows events as lines on standard error.
pub(super) struct Plain {
    streams: Arc<Streams>,
    /// Whether every new message of a step is shown, and not one in ten seconds.
    verbose: bool,
    /// Whether only what failed is shown.
    quiet: bool,
    seen: Mutex<Seen>,
}

/// What the lines need of the events before.
#[derive(Default)]
struct Seen {
    rehearsal: bool,
    what: String,
    steps: usize,
    done: usize,
    said: HashMap<StepId, (String, Timestamp)>,
}

impl Plain {
    pub(super) fn new(streams: Arc<Streams>, verbose: bool, quiet: bool) -> Self {
        Self {
            streams,
            verbose,
            quiet,
            seen: Mutex::default(),
        }
    }

    fn show(&self, seen: &Seen, line: &str) {
        // Every line of a rehearsal says so, wherever it is copied to.
        let label = if seen.rehearsal { "rehearsal " } else { "" };
        self.streams.note(&format!("{label}{line}"));
    }

    fn show_step(&self, seen: &Seen, verb: &str, step: &StepId, text: &str) {
        let total = seen.steps.to_string();
        let line = format!(
            "[{:>width$}/{total}] {verb:<7} {:<24} {}",
            seen.done,
            step.as_str(),
            write_line(text),
            width = total.len(),
        );
        self.show(seen, &line);
    }
}

impl Reporter for Plain {
    fn report(&self, event: &Event) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut *seen;
        match &event.kind {
            EventKind::RunStarted {
                run,
                command,
                cluster,
                provider,
                rehearsal,
                steps,
                resumed,
            } => {
                *seen = Seen {
                    rehearsal: *rehearsal,
                    what: format!("{} on {provider}", name_run(command, cluster)),
                    steps: *steps,
                    ..Seen::default()
                };
                if self.quiet {
                    return;
                }
                if *rehearsal {
                    self.streams
                        .note("rehearsal: nothing here is real, and the times are assumed");
                }
                let resumed = match resumed {
                    0 => String::new(),
                    done => format!(", {done} of them done before"),
                };
                let line = format!("{}: {}{resumed}", seen.what, write_count(*steps, "step"));
                self.show(seen, &line);
                if self.verbose {
                    self.show(seen, &format!("run {run}"));
                }
            }
            EventKind::StepStarted {
                step,
                title,
                attempt,
            } if !self.quiet => {
                let again = match attempt {
                    1 => String::new(),
                    attempt => format!(" (attempt {attempt})"),
                };
                self.show_step(seen, "begin", step, &format!("{title}{again}"));
            }
            EventKind::StepProgress { step, message } if !self.quiet => {
                let is_news = seen.said.get(step).is_none_or(|(last, at)| {
                    last != message && (self.verbose || event.time.duration_since(*at) >= QUIET)
                });
                if is_news {
                    seen.said
                        .insert(step.clone(), (message.clone(), event.time));
                    self.show_step(seen, "wait", step, message);
                }
            }
            EventKind::StepRetried {
                step,
                error,
                in_seconds,
            } if !self.quiet => {
                let wait = write_time_taken(*in_seconds, seen.rehearsal);
                self.show_step(seen, "retry", step, &format!("{error} (again in {wait})"));
            }
            EventKind::StepSkipped { step, title } => {
                seen.done += 1;
                if !self.quiet {
                    self.show_step(seen, "skip", step, &format!("{title} (done before)"));
                }
            }
            EventKind::StepFinished {
                step,
                title,
                outcome,
                seconds,
            } => {
                seen.done += 1;
                seen.said.remove(step);
                if !self.quiet {
                    let change = super::write_change(outcome.change);
                    let took = write_time_taken(*seconds, seen.rehearsal);
                    self.show_step(seen, "done", step, &format!("{title} ({change}, {took})"));
                    for note in &outcome.notes {
                        self.show_step(seen, "note", step, note);
                    }
                }
            }
            EventKind::StepFailed {
                step,
                error,
                causes,
                ..
            } => {
                seen.said.remove(step);
                let story = [std::slice::from_ref(error), causes].concat().join(": ");
                self.show_step(seen, "failed", step, &story);
            }
            EventKind::Interrupted { running } => {
                let line = super::write_interruption(*running);
                self.show(seen, &line);
            }
            EventKind::RunEnded {
                exit,
                done,
                steps,
                seconds,
            } if !self.quiet => {
                let took = write_time_taken(*seconds, seen.rehearsal);
                let how = match exit {
                    0 => "done".to_owned(),
                    code => format!("stopped (exit code {code})"),
                };
                let line = format!(
                    "{}: {how}, {done} of {} in {took}",
                    seen.what,
                    write_count(*steps, "step")
                );
                self.show(seen, &line);
            }
            EventKind::StepStarted { .. }
            | EventKind::StepProgress { .. }
            | EventKind::StepRetried { .. }
            | EventKind::RunEnded { .. } => {}
        }
    }
}
