//! A live view on a terminal: what runs and what it waits for, a bar of the whole, and finished steps that scroll up.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use console::Style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use windlass_provider::Clock;

use super::{
    echo::Echo,
    words::{write_count, write_duration, write_line, write_time_taken},
};
use crate::{
    engine::{Event, EventKind, Reporter},
    plan::{StepId, name_run},
    redact::Redactor,
};

/// Shows events on a terminal.
pub(super) struct Terminal {
    view: MultiProgress,
    clock: Arc<dyn Clock>,
    redactor: Arc<Redactor>,
    look: Look,
    seen: Mutex<Seen>,
    echo: Mutex<Option<Echo>>,
}

/// How it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Whether there are colours.
    pub(super) colour: bool,
    /// Whether every new message of a step stays as a line.
    pub(super) verbose: bool,
    /// How often the spinners turn, in the terminal's own time; `None`: only when something happens.
    pub(super) turn: Option<Duration>,
}

#[derive(Default)]
struct Seen {
    rehearsal: bool,
    what: String,
    whole: Option<ProgressBar>,
    running: HashMap<StepId, (String, ProgressBar)>,
}

impl Terminal {
    pub(super) fn new(
        target: ProgressDrawTarget,
        clock: Arc<dyn Clock>,
        redactor: Arc<Redactor>,
        look: Look,
    ) -> Self {
        Self {
            view: MultiProgress::with_draw_target(target),
            clock,
            redactor,
            look,
            seen: Mutex::default(),
            echo: Mutex::default(),
        }
    }

    fn style(&self) -> Style {
        Style::new().force_styling(self.look.colour)
    }

    /// Lets a line scroll up above what is live.
    fn print(&self, seen: &Seen, mark: &str, text: &str) {
        let label = if seen.rehearsal { "rehearsal " } else { "" };
        let text = self.redactor.text(text);
        // A terminal that went away is no reason to stop.
        drop(
            self.view
                .println(format!("{label}{mark} {}", write_line(&text))),
        );
    }

    fn say(&self, bar: &ProgressBar, text: &str) {
        bar.set_message(write_line(&self.redactor.text(text)));
        bar.tick();
    }

    /// Adds a line that lives as long as its step, above the bar of the whole.
    fn add_step(&self, seen: &Seen, event: &Event, title: &str) -> ProgressBar {
        let clock = self.clock.clone();
        let began = event.time;
        let took = move |_: &ProgressState, to: &mut dyn Write| {
            let seconds = clock.now().duration_since(began).as_secs_f64();
            // Written for the eye alone: it stays where it is on the next tick.
            let _ = to.write_str(&write_duration(seconds));
        };
        let template = if self.look.colour {
            "{spinner:.cyan} {took} {wide_msg}"
        } else {
            "{spinner} {took} {wide_msg}"
        };
        let style = ProgressStyle::with_template(template)
            .expect("the template is a constant, and a test shows it")
            .with_key("took", took);
        let bar = ProgressBar::new_spinner().with_style(style);
        let bar = match &seen.whole {
            Some(whole) => self.view.insert_before(whole, bar),
            None => self.view.add(bar),
        };
        self.say(&bar, title);
        if let Some(turn) = self.look.turn {
            bar.enable_steady_tick(turn);
        }
        bar
    }

    fn end_step(&self, seen: &mut Seen, step: &StepId) {
        if let Some((_, bar)) = seen.running.remove(step) {
            bar.finish_and_clear();
            self.view.remove(&bar);
        }
    }

    fn advance(seen: &Seen) {
        if let Some(whole) = &seen.whole {
            whole.inc(1);
        }
    }
}

impl Reporter for Terminal {
    fn report(&self, event: &Event) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = &mut *seen;
        match &event.kind {
            EventKind::RunStarted {
                command,
                cluster,
                provider,
                rehearsal,
                steps,
                resumed,
                ..
            } => {
                seen.rehearsal = *rehearsal;
                if self.look.turn.is_some() {
                    *self.echo.lock().unwrap_or_else(PoisonError::into_inner) = Some(Echo::off());
                }
                seen.what = format!("{} on {provider}", name_run(command, cluster));
                if *rehearsal {
                    self.print(seen, "·", "nothing here is real, and the times are assumed");
                }
                let resumed = match resumed {
                    0 => String::new(),
                    done => format!(", {done} of them done before"),
                };
                let line = format!("{}: {}{resumed}", seen.what, write_count(*steps, "step"));
                self.print(seen, "·", &line);
                let template = if self.look.colour {
                    "{bar:12.cyan} {pos}/{len} {wide_msg}"
                } else {
                    "{bar:12} {pos}/{len} {wide_msg}"
                };
                let style = ProgressStyle::with_template(template)
                    .expect("the template is a constant, and a test shows it")
                    .progress_chars("━╸─");
                let whole = ProgressBar::new(*steps as u64).with_style(style);
                let whole = self.view.add(whole);
                self.say(&whole, &seen.what);
                seen.whole = Some(whole);
            }
            EventKind::StepStarted { step, title, .. } => {
                let bar = self.add_step(seen, event, title);
                seen.running.insert(step.clone(), (title.clone(), bar));
            }
            EventKind::StepProgress { step, message } => {
                if let Some((title, bar)) = seen.running.get(step) {
                    let text = format!("{title}: {message}");
                    if self.look.verbose && bar.message() != write_line(&text) {
                        self.print(seen, "·", &text);
                    }
                    self.say(bar, &text);
                }
            }
            EventKind::StepRetried {
                step,
                error,
                in_seconds,
            } => {
                if let Some((title, bar)) = seen.running.get(step) {
                    let wait = write_time_taken(*in_seconds, seen.rehearsal);
                    let text = format!("{title}: {error} (again in {wait})");
                    if self.look.verbose {
                        self.print(seen, "·", &text);
                    }
                    self.say(bar, &text);
                }
            }
            EventKind::StepSkipped { title, .. } => {
                let mark = self.style().dim().apply_to("–").to_string();
                self.print(seen, &mark, &format!("{title} (done before)"));
                Self::advance(seen);
            }
            EventKind::StepFinished {
                step,
                title,
                outcome,
                seconds,
            } => {
                self.end_step(seen, step);
                let change = super::write_change(outcome.change);
                let took = write_time_taken(*seconds, seen.rehearsal);
                let mark = self.style().green().apply_to("✓").to_string();
                self.print(seen, &mark, &format!("{title} ({change}, {took})"));
                for note in &outcome.notes {
                    self.print(seen, " ", note);
                }
                Self::advance(seen);
            }
            EventKind::StepFailed {
                step,
                error,
                causes,
                ..
            } => {
                self.end_step(seen, step);
                let mark = self.style().red().bold().apply_to("✗").to_string();
                let story = [std::slice::from_ref(error), causes].concat().join(": ");
                self.print(seen, &mark, &story);
            }
            EventKind::Interrupted { running } => {
                let mark = self.style().yellow().apply_to("!").to_string();
                self.print(seen, &mark, &super::write_interruption(*running));
            }
            EventKind::RunEnded { .. } => {
                for (_, (_, bar)) in seen.running.drain() {
                    bar.finish_and_clear();
                }
                if let Some(whole) = seen.whole.take() {
                    whole.finish_and_clear();
                }
                drop(
                    self.echo
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .take(),
                );
            }
        }
    }
}
