//! The file of faults: TOML, read whole; everything that is wrong with it is told at once, each with its line.
//!
//! `faults.schema.json` describes the same for editors; a test holds the two together.

mod sections;
mod table;

use super::{ProgramEffect, RequestEffect, occurrence::Occurrence, pattern::Pattern};
pub(super) use sections::{FATES, METHODS, PROGRAMS, SECTIONS, SIDES, TOP};
use std::{fmt, ops::Range, time::Duration};
use table::{Lines, Table};
use toml::de::{DeTable, DeValue};

/// How a simulated world is to misbehave: the text of a file, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultFile {
    pub(super) text: String,
    pub(super) script: Script,
}

/// One thing that is wrong with a file of faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it, and what is allowed.
    pub message: String,
}

/// All that is wrong with a file of faults, in the order of its lines; one a line in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.tell())]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    fn tell(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(Mistake::to_string).collect();
        lines.join("\n")
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// The rules of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Script {
    pub(super) seed: u64,
    pub(super) requests: Vec<Rule<Request>>,
    pub(super) programs: Vec<Rule<Program>>,
    pub(super) finalizers: Vec<Finalizer>,
    pub(super) missing: Vec<Missing>,
    pub(super) registries: Vec<Rule<Registry>>,
    pub(super) charts: Vec<Rule<Chart>>,
    pub(super) packages: Vec<Rule<Chart>>,
    pub(super) managed: Vec<Rule<Managed>>,
    pub(super) pods: Vec<Rule<Pod>>,
}

/// A rule: what it concerns and does, and when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule<T> {
    /// Its place among all rules of the file.
    pub(super) number: usize,
    pub(super) when: Occurrence,
    pub(super) what: T,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) method: Option<&'static str>,
    pub(super) path: Pattern,
    pub(super) latency: Duration,
    pub(super) effect: Option<RequestEffect>,
}

impl Request {
    pub(super) fn concerns(&self, method: &str, path: &str) -> bool {
        self.method.is_none_or(|wanted| wanted == method) && self.path.matches(path)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Program {
    pub(super) program: Option<&'static str>,
    /// The words that the arguments begin with.
    pub(super) verb: Vec<String>,
    pub(super) latency: Duration,
    pub(super) effect: Option<ProgramEffect>,
}

impl Program {
    pub(super) fn concerns(&self, program: &str, args: &[String]) -> bool {
        self.program.is_none_or(|wanted| wanted == program) && args.starts_with(&self.verb)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finalizer {
    pub(super) kind: Pattern,
    pub(super) name: Pattern,
    pub(super) finalizer: Pattern,
}

/// A chart, or some versions of it, that is not where it should be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Missing {
    pub(super) chart: Pattern,
    pub(super) version: Pattern,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Registry {
    pub(super) url: Pattern,
    pub(super) latency: Duration,
    pub(super) status: Option<u16>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chart {
    pub(super) name: Pattern,
    pub(super) latency: Duration,
    pub(super) fails: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Managed {
    pub(super) kind: Pattern,
    pub(super) name: Pattern,
    pub(super) latency: Duration,
    pub(super) fails: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pod {
    pub(super) name: Pattern,
    pub(super) image: Pattern,
    pub(super) latency: Duration,
    pub(super) fate: Option<&'static str>,
}

impl FaultFile {
    /// Reads the text of a file of faults, as `faults.schema.json` describes it.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let lines = Lines::of(text);
        let root = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span: Range<usize>| span.start);
            Mistakes(vec![Mistake {
                line: lines.number(at),
                message: format!(
                    "it is not TOML: {}",
                    error.message().trim().replace('\n', ", ")
                ),
            }])
        })?;
        let mut reader = Reader {
            lines: &lines,
            mistakes: Vec::new(),
            script: Script::default(),
        };
        reader.read(root.get_ref());
        let Reader {
            mut mistakes,
            script,
            ..
        } = reader;
        mistakes.sort_by_key(|mistake| mistake.line);
        if mistakes.is_empty() {
            let text = text.to_owned();
            Ok(Self { text, script })
        } else {
            Err(Mistakes(mistakes))
        }
    }

    /// Returns the text that was read.
    pub fn text(&self) -> &str {
        &self.text
    }
}

struct Reader<'a> {
    lines: &'a Lines,
    mistakes: Vec<Mistake>,
    script: Script,
}

impl Reader<'_> {
    fn read(&mut self, root: &DeTable<'_>) {
        let names: Vec<&str> = TOP
            .into_iter()
            .chain(SECTIONS.iter().map(|(name, _)| *name))
            .collect();
        let mut top = Table::new(root, "", 1, &names, self.lines, &mut self.mistakes);
        self.script.seed = top.whole("seed", 0).unwrap_or(0);
        let mut number = 0;
        for (section, keys) in SECTIONS {
            let Some((_, value)) = root.iter().find(|(key, _)| key.get_ref() == section) else {
                continue;
            };
            let DeValue::Array(entries) = value.get_ref() else {
                let line = self.lines.number(value.span().start);
                let message =
                    format!("{section} is no list of tables: begin each with [[{section}]]");
                self.mistakes.push(Mistake { line, message });
                continue;
            };
            for entry in entries.iter() {
                let line = self.lines.number(entry.span().start);
                let DeValue::Table(table) = entry.get_ref() else {
                    let message =
                        format!("{section} is no list of tables: begin each with [[{section}]]");
                    self.mistakes.push(Mistake { line, message });
                    continue;
                };
                let table = Table::new(table, section, line, keys, self.lines, &mut self.mistakes);
                self.script.take(section, number, table);
                number += 1;
            }
        }
    }
}

impl Script {
    fn take(&mut self, section: &str, number: usize, mut table: Table<'_>) {
        if section == "finalizer" {
            let kind = table.pattern("kind");
            let name = table.pattern("name");
            let finalizer = table.pattern("finalizer");
            self.finalizers.push(Finalizer {
                kind,
                name,
                finalizer,
            });
            return;
        }
        if section == "missing" {
            let (chart, version) = (table.pattern("chart"), table.pattern("version"));
            self.missing.push(Missing { chart, version });
            return;
        }
        let when = occurrence(&mut table);
        let latency = table.duration("latency");
        match section {
            "registry" => {
                let (url, status) = (table.pattern("url"), refusal(&mut table));
                table.needs(&["latency", "status"]);
                let what = Registry {
                    url,
                    latency: latency.unwrap_or_default(),
                    status,
                };
                self.registries.push(Rule { number, when, what });
            }
            "request" => {
                let what = request(&mut table, latency);
                self.requests.push(Rule { number, when, what });
            }
            "program" => {
                let what = program(&mut table, latency);
                self.programs.push(Rule { number, when, what });
            }
            "managed" => {
                let (kind, name) = (table.pattern("kind"), table.pattern("name"));
                let fails = table.text("fails");
                table.needs(&["latency", "fails"]);
                let what = Managed {
                    kind,
                    name,
                    latency: latency.unwrap_or_default(),
                    fails,
                };
                self.managed.push(Rule { number, when, what });
            }
            "chart" | "package" => {
                let (name, fails) = (table.pattern("name"), table.text("fails"));
                table.needs(&["latency", "fails"]);
                let latency = latency.unwrap_or_default();
                let what = Chart {
                    name,
                    latency,
                    fails,
                };
                let rules = match section {
                    "chart" => &mut self.charts,
                    _ => &mut self.packages,
                };
                rules.push(Rule { number, when, what });
            }
            _ => {
                let (name, image) = (table.pattern("name"), table.pattern("image"));
                let fate = table.choice("fate", &FATES);
                table.needs(&["latency", "fate"]);
                let what = Pod {
                    name,
                    image,
                    latency: latency.unwrap_or_default(),
                    fate,
                };
                self.pods.push(Rule { number, when, what });
            }
        }
    }
}

fn occurrence(table: &mut Table<'_>) -> Occurrence {
    let (from, until) = (
        table.duration("from").unwrap_or_default(),
        table.duration("until"),
    );
    if until.is_some_and(|until| until <= from) {
        table.refuse("until", "until is not after from");
    }
    Occurrence {
        nth: table.whole("nth", 1).unwrap_or(1),
        every: table.whole("every", 1).unwrap_or(1),
        count: table.whole("count", 1),
        probability: table.share("probability").unwrap_or(1.0),
        from,
        until,
    }
}

/// Returns the status that something is refused with.
fn refusal(table: &mut Table<'_>) -> Option<u16> {
    let code = table.whole("status", 0)?;
    let code = u16::try_from(code).ok();
    let code = code.filter(|code| (400..=599).contains(code));
    if code.is_none() {
        table.refuse("status", "status is not a refusal: allowed are 400 to 599");
    }
    code
}

fn request(table: &mut Table<'_>, latency: Option<Duration>) -> Request {
    let method = table.choice("method", &METHODS);
    let path = table.pattern("path");
    let code = refusal(table);
    let retry_after = table.duration("retry-after");
    let message = table.text("message");
    let reset = table.choice("reset", &SIDES);
    let silent = table.flag("silent");
    let down = table.duration("down");
    table.needs(&["latency", "status", "reset", "silent", "down"]);
    table.excludes(&["status", "reset", "silent", "down"]);
    table.goes_with("retry-after", "status");
    table.goes_with("message", "status");
    if silent && method != Some("WATCH") {
        table.refuse(
            "silent",
            "only a watch can fall silent: add method = \"WATCH\"",
        );
    }
    let effect = match (code, reset, down) {
        (Some(code), ..) => Some(RequestEffect::Status {
            code,
            retry_after: retry_after.map(|wait| wait.as_secs_f64().ceil() as u64),
            message,
        }),
        (_, Some(side), _) => Some(RequestEffect::Reset {
            after: side == "after",
        }),
        (.., Some(down)) => Some(RequestEffect::Down(down)),
        _ => silent.then_some(RequestEffect::Silent),
    };
    Request {
        method,
        path,
        latency: latency.unwrap_or_default(),
        effect,
    }
}

fn program(table: &mut Table<'_>, latency: Option<Duration>) -> Program {
    let program = table.choice("program", &PROGRAMS);
    let verb = table.text("verb").unwrap_or_default();
    let exit = table.whole("exit", 1);
    let message = table.text("message");
    let reset = table.choice("reset", &SIDES);
    table.needs(&["latency", "exit", "reset"]);
    table.excludes(&["exit", "reset"]);
    table.goes_with("message", "exit");
    let status = exit.and_then(|exit| {
        let status = i32::try_from(exit).ok().filter(|status| *status <= 255);
        if status.is_none() {
            table.refuse(
                "exit",
                "exit is no status of a failure: allowed are 1 to 255",
            );
        }
        status
    });
    let effect = match (status, reset) {
        (Some(status), _) => Some(ProgramEffect::Exit {
            status,
            message: message.unwrap_or_else(|| "ERROR: a rehearsed fault".to_owned()),
        }),
        (_, Some(side)) => Some(ProgramEffect::Reset {
            after: side == "after",
        }),
        _ => None,
    };
    Program {
        program,
        verb: verb.split_whitespace().map(str::to_owned).collect(),
        latency: latency.unwrap_or_default(),
        effect,
    }
}
