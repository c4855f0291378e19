//! What windlass shows: events, reports, plans, tables and errors, in the form that was asked for.
//!
//! Data goes to standard output, everything else to standard error. No other room writes to either, and nothing here
//! decides what is done: it is given events and data, and shows them.

mod commands;
mod echo;
mod live;
mod ndjson;
mod plain;
mod plan;
mod report;
mod stream;
mod table;
mod terminal;
mod words;

use std::{
    env,
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};

use console::{Style, Term, measure_text_width};
use serde::Serialize;
use windlass_provider::{Change, Clock};

pub use commands::{Commands, Words, quote};
pub use report::{Failure, Item, Report};
pub use stream::Streams;
pub use table::Table;

use self::{
    echo::Echo,
    live::{Live, erase},
    ndjson::{Ndjson, write_record},
    plain::Plain,
    plan::ShownPlan,
    terminal::{Look, Terminal},
    words::write_lines,
};
use crate::{
    engine::Reporter,
    error::{Error, Result},
    plan::Plan,
    redact::Redactor,
};

/// The form of data: `--output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// JSON; a run is one object a line, its report the last.
    Json,
    /// YAML.
    Yaml,
}

/// What decides how things are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// The form of data.
    pub format: Format,
    /// Whether only data and errors are shown: `--quiet`.
    pub quiet: bool,
    /// How often `-v` was given.
    pub verbosity: u8,
    /// Whether standard output is a terminal that lines may be fitted to, and how wide it is.
    pub out_width: Option<u16>,
    /// Whether standard error is a terminal that can be drawn on.
    pub live: bool,
    /// Whether standard error may be coloured.
    pub colour: bool,
}

impl Manner {
    /// Returns the manner that flags, environment and terminal ask for: `NO_COLOR`, `CI` and `TERM=dumb` are heeded.
    #[must_use]
    pub fn detect(format: Format, quiet: bool, verbosity: u8) -> Self {
        let variable = |name: &str| env::var(name).ok();
        let width = || Term::stdout().size_checked().map(|(_, columns)| columns);
        Self {
            format,
            quiet,
            verbosity,
            out_width: io::stdout().is_terminal().then(width).flatten(),
            ..Self::of_terminal(io::stderr().is_terminal(), variable)
        }
    }

    /// Returns what the environment allows of a standard error that is a terminal or not.
    fn of_terminal(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        // CI systems set CI to true; some let it be turned off.
        let ci = is_set("CI") && variable("CI").as_deref() != Some("false");
        let dumb = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let live = is_terminal && !ci && !dumb;
        Self {
            live,
            // https://no-color.org
            colour: live && !is_set("NO_COLOR"),
            ..Self::default()
        }
    }
}

/// Shows what there is to show.
#[derive(Clone)]
pub struct Output {
    manner: Manner,
    streams: Arc<Streams>,
    commands: Arc<Commands>,
}

impl Output {
    /// Returns the output of this process.
    #[must_use]
    pub fn new(manner: Manner, redactor: Arc<Redactor>, commands: Commands) -> Self {
        Self {
            manner,
            streams: Arc::new(Streams::standard(redactor)),
            commands: Arc::new(commands),
        }
    }

    /// Returns who shows the events of a run.
    #[must_use]
    pub fn reporter(&self, clock: Arc<dyn Clock>) -> Arc<dyn Reporter> {
        let Manner {
            format,
            quiet,
            verbosity,
            live,
            colour,
            ..
        } = self.manner;
        if format == Format::Json {
            Arc::new(Ndjson::new(self.streams.clone(), self.commands.clone()))
        } else if live && !quiet {
            let look = Look {
                colour,
                verbose: verbosity > 0,
                turn: Some(Duration::from_millis(100)),
            };
            let redactor = self.streams.redactor.clone();
            let live = Live::new(Box::new(io::stderr()), || Term::stderr().size_checked());
            Arc::new(Terminal::new(live, clock, redactor, look))
        } else {
            Arc::new(Plain::new(self.streams.clone(), verbosity > 0, quiet))
        }
    }

    /// Shows the report of a run.
    ///
    /// # Errors
    /// As [`Streams::data`].
    pub fn show_report(&self, report: &Report) -> Result<()> {
        /// The last line of a run's events.
        #[derive(Serialize)]
        struct Last<'r> {
            event: &'static str,
            #[serde(flatten)]
            report: &'r Report,
        }
        match self.manner.format {
            Format::Json => write_record(
                &self.streams,
                &self.commands,
                &Last {
                    event: "report",
                    report,
                },
            ),
            Format::Table if self.manner.quiet => Ok(()),
            Format::Table | Format::Yaml => self.show(report, || report.to_text(&self.commands)),
        }
    }

    /// Shows a plan that is not run.
    ///
    /// # Errors
    /// As [`Streams::data`].
    pub fn show_plan<A>(&self, plan: &Plan<A>) -> Result<()> {
        let shown = ShownPlan::of(plan);
        self.show(&shown, || shown.to_text())
    }

    /// Shows rows as a table, or `value`, which says the same and may say more, as JSON or YAML.
    ///
    /// # Errors
    /// As [`Streams::data`].
    pub fn show_table(&self, value: &impl Serialize, table: &Table) -> Result<()> {
        self.show(value, || table.to_text(self.manner.out_width))
    }

    /// Returns who shows a table again and again.
    #[must_use]
    pub fn watch(&self) -> Watch<'_> {
        let echo = match self.manner.live {
            true => Echo::off(),
            false => Echo::none(),
        };
        Watch {
            output: self,
            drawn: Vec::new(),
            _echo: echo,
        }
    }

    /// Shows `value` as JSON or YAML, or the text that says the same to people.
    ///
    /// # Errors
    /// As [`Streams::data`].
    pub fn show(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        if self.manner.format == Format::Table {
            return self.streams.data(&text());
        }
        let value = self.clean_value(value)?;
        let text = match self.manner.format {
            Format::Yaml => serde_saphyr::to_string(&value).map_err(anyhow::Error::from)?,
            _ => format!("{value:#}\n"),
        };
        // Once more as text could break the form.
        self.streams.write_clean(&text)
    }

    /// Returns a value as it may be shown: without secrets, and with commands as they can be typed here.
    ///
    /// # Errors
    /// A value that is none in JSON.
    pub fn clean_value(&self, value: &impl Serialize) -> Result<serde_json::Value> {
        let mut value = serde_json::to_value(value).map_err(anyhow::Error::from)?;
        self.commands.value(&mut value);
        self.streams.redactor.value(&mut value);
        Ok(value)
    }

    /// Returns the streams, for what has a form of its own: completions, a credential.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Says something to people, unless they want it quiet.
    pub fn note(&self, text: &str) {
        if !self.manner.quiet {
            self.streams.note(&write_lines(&self.commands.text(text)));
        }
    }

    /// Says what went wrong.
    pub fn show_error(&self, error: &Error) {
        let style = |style: Style| style.force_styling(self.manner.colour);
        // Line by line, so that only windlass's own words are coloured.
        let text = write_lines(&error.to_string());
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                let line = match line.starts_with("  hint:") {
                    true => &self.commands.text(line),
                    false => line,
                };
                for (word, look) in [
                    ("error:", Style::new().red().bold()),
                    ("  caused by:", Style::new().bold()),
                    ("  hint:", Style::new().cyan()),
                ] {
                    if let Some(rest) = line.strip_prefix(word) {
                        return format!("{}{rest}", style(look).apply_to(word));
                    }
                }
                line.to_owned()
            })
            .collect();
        self.streams.note(&lines.join("\n"));
    }
}

/// A table that is shown again and again: on a terminal, over what was shown before.
pub struct Watch<'o> {
    output: &'o Output,
    /// The widths of the lines that are drawn. The cursor stays behind the last, which terminals find again when they become narrower.
    drawn: Vec<usize>,
    /// Ctrl-C would be written into it.
    _echo: Echo,
}

impl Watch<'_> {
    /// Shows a table as [`Output::show_table`] does.
    ///
    /// # Errors
    /// As [`Streams::data`].
    pub fn show(&mut self, value: &impl Serialize, table: &Table) -> Result<()> {
        let Output {
            manner, streams, ..
        } = self.output;
        if manner.format != Format::Table || manner.out_width.is_none() {
            return self.output.show_table(value, table);
        }
        // As wide as the terminal is now.
        let (rows, columns) = Term::stdout().size();
        let text = table.to_text(Some(columns));
        let text = streams.redactor.text(text.trim_end());
        let up = erase(&self.drawn, rows, columns);
        self.drawn = text.lines().map(measure_text_width).collect();
        streams.write_clean(&format!("{up}{text}"))
    }

    /// Leaves what is drawn as it is, and goes to the next line.
    pub fn end(&mut self) {
        if !std::mem::take(&mut self.drawn).is_empty() {
            // A terminal that went away needs nothing any more.
            drop(self.output.streams.write_clean("\n"));
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Returns the word for what a step did.
fn write_change(change: Change) -> &'static str {
    match change {
        Change::Made => "made",
        Change::Updated => "updated",
        Change::Unchanged => "already there",
        Change::Removed => "removed",
        Change::Absent => "nothing there",
        Change::Kept => "kept",
    }
}

fn write_interruption(running: usize) -> String {
    match running {
        0 => "interrupted: no step is running".to_owned(),
        1 => "interrupted: 1 step is let end; interrupt again to stop it at once".to_owned(),
        many => {
            format!("interrupted: {many} steps are let end; interrupt again to stop them at once")
        }
    }
}

#[cfg(test)]
mod tests;
