//! A live view on a terminal: what runs and what it waits for, a bar of the whole, and finished steps that scroll up.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use console::Style;
use jiff::Timestamp;
use windlass_provider::Clock;

use super::{
    echo::Echo,
    live::{Live, wrap},
    words::{write_count, write_duration, write_line, write_time_taken},
};
use crate::{
    engine::{Event, EventKind, Reporter},
    plan::{StepId, name_run},
    redact::Redactor,
};

const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// How many columns the bar of the whole has at most.
const BAR: usize = 12;
/// On how many columns it is worth saying what is done.
const LEAST: usize = 6;
/// On how many columns a step has one line; on fewer, what it waits for has lines of its own.
const WIDE: usize = 59;
/// How many of those at most.
const MOST: usize = 4;

/// Shows events on a terminal.
pub(super) struct Terminal {
    shown: Arc<Mutex<Shown>>,
    redactor: Arc<Redactor>,
    look: Look,
    /// What lasts for as long as the run: the silence of the terminal's echo, and the spinner's turning.
    during: Mutex<Option<(Echo, Sender<()>)>>,
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

/// What is known of the run.
struct Shown {
    live: Live,
    clock: Arc<dyn Clock>,
    look: Look,
    rehearsal: bool,
    what: String,
    /// How many steps are done, and of how many; `None` outside of a run.
    whole: Option<(usize, usize)>,
    running: Vec<Running>,
    turns: usize,
}

/// A step that runs.
struct Running {
    step: StepId,
    title: String,
    /// What it waits for.
    message: String,
    began: Timestamp,
}

impl Terminal {
    pub(super) fn new(
        live: Live,
        clock: Arc<dyn Clock>,
        redactor: Arc<Redactor>,
        look: Look,
    ) -> Self {
        let shown = Shown {
            live,
            clock,
            look,
            rehearsal: false,
            what: String::new(),
            whole: None,
            running: Vec::new(),
            turns: 0,
        };
        Self {
            shown: Arc::new(Mutex::new(shown)),
            redactor,
            look,
            during: Mutex::default(),
        }
    }

    fn style(&self) -> Style {
        Style::new().force_styling(self.look.colour)
    }

    /// Returns a line that is to scroll up above what is live.
    fn line(&self, shown: &Shown, mark: &str, text: &str) -> String {
        let label = if shown.rehearsal { "rehearsal " } else { "" };
        format!("{label}{mark} {}", self.clean(text))
    }

    fn clean(&self, text: &str) -> String {
        write_line(&self.redactor.text(text))
    }

    /// Begins what lasts for as long as the run.
    fn begin(&self) {
        let Some(turn) = self.look.turn else { return };
        let (end, ended) = mpsc::channel();
        let shown = Arc::downgrade(&self.shown);
        thread::spawn(move || {
            while ended.recv_timeout(turn) == Err(RecvTimeoutError::Timeout) {
                let Some(shown) = shown.upgrade() else { return };
                let mut shown = lock(&shown);
                shown.turns += 1;
                shown.draw(&[]);
            }
        });
        *lock(&self.during) = Some((Echo::off(), end));
    }

    /// Takes an event in, and returns the lines that stay of it.
    fn take(&self, shown: &mut Shown, event: &Event) -> Vec<String> {
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
                shown.rehearsal = *rehearsal;
                shown.what = self.clean(&format!("{} on {provider}", name_run(command, cluster)));
                shown.whole = Some((0, *steps));
                self.begin();
                let resumed = match resumed {
                    0 => String::new(),
                    done => format!(", {done} of them done before"),
                };
                let what = format!("{}: {}{resumed}", shown.what, write_count(*steps, "step"));
                let mut lines = vec![self.line(shown, "·", &what)];
                if *rehearsal {
                    let label = "nothing here is real, and the times are assumed";
                    lines.insert(0, self.line(shown, "·", label));
                }
                lines
            }
            EventKind::StepStarted { step, title, .. } => {
                shown.running.push(Running {
                    step: step.clone(),
                    title: self.clean(title),
                    message: String::new(),
                    began: event.time,
                });
                Vec::new()
            }
            EventKind::StepProgress { step, message } => self.wait(shown, step, message),
            EventKind::StepRetried {
                step,
                error,
                in_seconds,
            } => {
                let wait = write_time_taken(*in_seconds, shown.rehearsal);
                self.wait(shown, step, &format!("{error} (again in {wait})"))
            }
            EventKind::StepSkipped { title, .. } => {
                shown.advance();
                let mark = self.style().dim().apply_to("–").to_string();
                vec![self.line(shown, &mark, &format!("{title} (done before)"))]
            }
            EventKind::StepFinished {
                step,
                title,
                outcome,
                seconds,
            } => {
                shown.end(step);
                shown.advance();
                let change = super::write_change(outcome.change);
                let took = write_time_taken(*seconds, shown.rehearsal);
                let mark = self.style().green().apply_to("✓").to_string();
                let done = self.line(shown, &mark, &format!("{title} ({change}, {took})"));
                let notes = outcome.notes.iter();
                let notes = notes.map(|note| self.line(shown, " ", note));
                std::iter::once(done).chain(notes).collect()
            }
            EventKind::StepFailed {
                step,
                error,
                causes,
                ..
            } => {
                shown.end(step);
                let mark = self.style().red().bold().apply_to("✗").to_string();
                let story = [std::slice::from_ref(error), causes].concat().join(": ");
                vec![self.line(shown, &mark, &story)]
            }
            EventKind::Interrupted { running } => {
                let mark = self.style().yellow().apply_to("!").to_string();
                vec![self.line(shown, &mark, &super::write_interruption(*running))]
            }
            EventKind::RunEnded { .. } => {
                shown.running.clear();
                shown.whole = None;
                Vec::new()
            }
        }
    }

    /// Notes what a step waits for.
    fn wait(&self, shown: &mut Shown, step: &StepId, message: &str) -> Vec<String> {
        let message = self.clean(message);
        let running = shown.running.iter_mut().find(|it| it.step == *step);
        let Some(running) = running.filter(|it| it.message != message) else {
            return Vec::new();
        };
        running.message = message;
        match self.look.verbose {
            true => {
                let text = running.on_one_line();
                vec![self.line(shown, "·", &text)]
            }
            false => Vec::new(),
        }
    }
}

impl Reporter for Terminal {
    fn report(&self, event: &Event) {
        {
            let mut shown = lock(&self.shown);
            let above = self.take(&mut shown, event);
            shown.draw(&above);
        }
        if matches!(event.kind, EventKind::RunEnded { .. }) {
            drop(lock(&self.during).take());
        }
    }
}

impl Shown {
    fn advance(&mut self) {
        if let Some((done, _)) = &mut self.whole {
            *done += 1;
        }
    }

    fn end(&mut self, step: &StepId) {
        self.running.retain(|it| it.step != *step);
    }

    /// Lets lines scroll up, and draws what is live below them.
    fn draw(&mut self, above: &[String]) {
        let lines = self.lines();
        self.live.draw(above, &lines);
    }

    /// Returns what is live: the steps that run, and the bar of the whole.
    fn lines(&self) -> Vec<String> {
        let Some(whole) = self.whole else {
            return Vec::new();
        };
        let (rows, columns) = self.live.room();
        let for_steps = rows.saturating_sub(1);
        let mut lines: Vec<String> = match columns >= WIDE {
            true => {
                let steps = self.running.iter();
                steps.map(|it| self.head(it, &it.on_one_line())).collect()
            }
            false => {
                let each = for_steps / self.running.len().max(1);
                let steps = self.running.iter();
                steps.flat_map(|it| self.block(it, each, columns)).collect()
            }
        };
        if lines.len() > for_steps && for_steps > 1 {
            lines.truncate(for_steps - 1);
            lines.push(format!("  and {} more", self.running.len() - lines.len()));
        }
        lines.truncate(for_steps);
        lines.push(self.bar(whole, columns));
        lines
    }

    /// Returns the line that a step has, or begins with.
    fn head(&self, step: &Running, text: &str) -> String {
        let seconds = self.clock.now().duration_since(step.began).as_secs_f64();
        let spinner = self.cyan(&SPINNER[self.turns % SPINNER.len()].to_string());
        format!("{spinner} {} {text}", write_duration(seconds))
    }

    /// Returns the lines of a step on a narrow terminal, `most` of them: its title, and below it what it waits for.
    fn block(&self, step: &Running, most: usize, columns: usize) -> Vec<String> {
        if most < 2 || step.message.is_empty() {
            return vec![self.head(step, &step.on_one_line())];
        }
        let width = columns.saturating_sub(2);
        let message = wrap(&step.message, width, (most - 1).min(MOST));
        let head = std::iter::once(self.head(step, &step.title));
        head.chain(message.into_iter().map(|line| format!("  {line}")))
            .collect()
    }

    fn bar(&self, (done, all): (usize, usize), columns: usize) -> String {
        let count = format!("{done}/{all}");
        let width = columns.saturating_sub(count.len() + 1).min(BAR);
        let full = (width * done) / all.max(1);
        let mut bar = "━".repeat(full);
        if full < width {
            bar.push('╸');
        }
        bar.extend(std::iter::repeat_n('─', width.saturating_sub(full + 1)));
        let left = columns.saturating_sub(width + count.len() + 2);
        let what = match left < LEAST {
            true => String::new(),
            false => format!(" {}", self.what),
        };
        format!("{} {count}{what}", self.cyan(&bar))
    }

    fn cyan(&self, text: &str) -> String {
        let style = Style::new().force_styling(self.look.colour);
        style.cyan().apply_to(text).to_string()
    }
}

impl Running {
    fn on_one_line(&self) -> String {
        match self.message.is_empty() {
            true => self.title.clone(),
            false => format!("{}: {}", self.title, self.message),
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
