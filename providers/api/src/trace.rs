//! What goes over the wire and which programs are run, told to whoever traces them.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;

/// Something that windlass exchanged with the world, as it was: secrets are the listener's to take out.
#[derive(Clone, Debug)]
pub enum Exchange<'a> {
    /// A request over HTTP, and what came back.
    Request(Request<'a>),
    /// One message of an answer that goes on, such as an event of a watch.
    Message {
        /// The URL of the request that it answers.
        url: &'a str,
        /// When it came.
        at: Timestamp,
        /// What it says.
        body: &'a [u8],
    },
    /// A program that was run.
    Program(Program<'a>),
}

/// A request over HTTP. Headers are left out: credentials travel in them.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// When it was sent.
    pub at: Timestamp,
    /// How long it took until the answer was whole, or until it was given up.
    pub took: Duration,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// The method: "GET".
    pub method: &'a str,
    /// The URL.
    pub url: &'a str,
    /// What was sent.
    pub sent: &'a [u8],
    /// The status of the answer, and what it brought; or why there was none.
    pub answer: Result<(u16, &'a [u8]), String>,
}

/// A program that was run.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    /// When it was started.
    pub at: Timestamp,
    /// How long it ran.
    pub took: Duration,
    /// Its name and its arguments.
    pub argv: &'a [String],
    /// Its exit code; `None` where a signal or windlass ended it.
    pub exit: Option<i32>,
    /// How many bytes it printed on standard output, which may be a credential and is not told.
    pub printed: usize,
    /// The end of what it said on standard error.
    pub said: &'a str,
}

type Listener = dyn Fn(&Exchange<'_>) + Send + Sync;

/// Tells whoever traces what is exchanged. The default tells nobody.
#[derive(Clone, Default)]
pub struct Trace(Option<Arc<Listener>>);

impl Trace {
    /// Returns a trace that calls `listener` with each exchange.
    #[must_use]
    pub fn new(listener: impl Fn(&Exchange<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Returns whether anybody listens: where nobody does, nothing need be gathered.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Tells of an exchange.
    pub fn tell(&self, exchange: &Exchange<'_>) {
        if let Some(listener) = &self.0 {
            listener(exchange);
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() {
            "Trace(listener)"
        } else {
            "Trace(nobody)"
        })
    }
}
