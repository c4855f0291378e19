//! Runs programs: no shell, bounded output, and an end that comes whatever the program does.

use std::{
    process::{ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt, future::FusedFuture};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};
use windlass_provider::{Ctx, Error, Exchange, Fault, Result};

use crate::{
    lines::{Tail, explain},
    programs::Program,
};

/// How much of standard output is kept, in bytes. `inspect` of many containers is the longest; a tenth of this is usual.
const STDOUT: usize = 16 * 1024 * 1024;
/// How long a program that was told to stop may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A program that has ended by itself.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What a user would have typed.
    pub(crate) line: String,
    status: ExitStatus,
    stdout: Vec<u8>,
    /// The end of standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// Whether it ended with exit code 0.
    pub(crate) fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// Returns standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Returns the lines of standard output that are not blank.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    }

    /// Reads standard output as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.stdout).map_err(|error| {
            let size = self.stdout.len();
            let error = Error::new(
                Fault::Failed,
                format!("cannot read what \"{}\" printed", self.line),
            )
            .cause(error.to_string());
            if size >= STDOUT {
                error.cause(format!("it printed more than {} MiB", STDOUT >> 20))
            } else {
                error
            }
        })
    }

    /// Returns the story of its failure: the command as one would type it, how it ended, and its own last words.
    pub(crate) fn error(&self, fault: Fault, message: impl Into<String>) -> Error {
        let error = Error::new(fault, message)
            .cause(format!("\"{}\" ended with {}", self.line, self.status));
        let said = if self.stderr.trim().is_empty() {
            self.text()
        } else {
            self.stderr.clone()
        };
        explain(&said).into_iter().fold(error, Error::cause)
    }
}

/// Runs `program` with `args` until it ends, the deadline passes or the run is cancelled; `watch` is called with each
/// line of standard error as it comes.
///
/// The program runs in a process group of its own, so that a Ctrl-C on the terminal reaches windlass alone, which then
/// stops the program, and what it has started, in order: SIGTERM to the group, and SIGKILL after five seconds. Where the
/// returned future is dropped, the group is killed at once.
///
/// # Errors
/// `Unavailable` where the program cannot be started, `TimedOut`, `Cancelled`. That it failed is no error here.
pub(crate) async fn run(
    cx: &Ctx,
    program: &Program,
    args: &[String],
    watch: &(dyn Fn(&str) + Send + Sync),
) -> Result<Ran> {
    let line = program.line(args);
    if cx.cancel.is_cancelled() {
        return Err(Error::cancelled(&line));
    }
    let unstartable = |error: std::io::Error| {
        Error::new(Fault::Unavailable, format!("cannot run \"{line}\"")).cause(error.to_string())
    };
    let stdin = match &cx.program_lock {
        Some(lock) => Stdio::from(lock.try_clone().map_err(unstartable)?),
        None => Stdio::null(),
    };
    let began = cx.clock.now();
    let argv: Vec<String> = std::iter::once(&program.name)
        .chain(args)
        .cloned()
        .collect();
    let trace = |exit: Option<i32>, printed: usize, said: &str| {
        let took = cx.clock.now().duration_since(began);
        cx.trace
            .tell(&Exchange::Program(windlass_provider::Program {
                at: began,
                took: took.try_into().unwrap_or_default(),
                argv: &argv,
                exit,
                printed,
                said,
            }));
    };
    let mut child = Command::new(&program.argv[0])
        .args(&program.argv[1..])
        .args(args)
        .envs(program.env.iter().map(|(key, value)| (key, value)))
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(unstartable)?;
    let mut group = Group::of(&child);
    let heard = Heard::default();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut reading = std::pin::pin!(heard.read(stdout, stderr, watch).fuse());

    let work = async {
        let status = tokio::select! {
            biased;
            () = &mut reading => child.wait().await,
            status = child.wait() => {
                // What it leaves behind must not hold its output open.
                group.signal(Signal::KILL);
                (&mut reading).await;
                status
            }
        };
        status
    };
    let deadline = async {
        match cx.deadline {
            Some(at) => cx.clock.reached(at).await,
            None => std::future::pending().await,
        }
    };
    let stopped = tokio::select! {
        biased;
        () = cx.cancel.cancelled() => Error::cancelled(&line),
        status = work => {
            group.forget();
            let status = status.map_err(unstartable)?;
            let (stdout, stderr) = heard.take();
            trace(status.code(), stdout.len(), &stderr);
            return Ok(Ran { line, status, stdout, stderr });
        }
        () = deadline => Error::timed_out(&line),
    };

    group.signal(Signal::TERM);
    let mut grace = std::pin::pin!(cx.clock.reached(cx.clock.now() + GRACE).fuse());
    loop {
        tokio::select! {
            biased;
            _ = child.wait() => break,
            () = &mut reading, if !reading.is_terminated() => {}
            () = &mut grace, if !grace.is_terminated() => group.signal(Signal::KILL),
        }
    }
    // And whatever of the group did not listen.
    group.signal(Signal::KILL);
    group.forget();
    let (stdout, stderr) = heard.take();
    trace(None, stdout.len(), &stderr);
    Err(explain(&stderr).into_iter().fold(stopped, Error::cause))
}

/// What a program has printed so far.
#[derive(Default)]
struct Heard {
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Tail>,
}

impl Heard {
    async fn read(
        &self,
        stdout: Option<impl AsyncRead + Unpin>,
        stderr: Option<impl AsyncRead + Unpin>,
        watch: &(dyn Fn(&str) + Send + Sync),
    ) {
        let out = chunks(stdout, |bytes| {
            let mut kept = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
            let room = STDOUT - kept.len();
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        });
        let err = chunks(stderr, |bytes| {
            let mut kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(bytes, watch);
        });
        futures::join!(out, err);
    }

    fn take(&self) -> (Vec<u8>, String) {
        let mut out = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        let err = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut *out), err.text())
    }
}

/// Calls `each` with what comes from `stream` until it ends or breaks.
async fn chunks(stream: Option<impl AsyncRead + Unpin>, each: impl Fn(&[u8])) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; 8 * 1024];
    while let Ok(read) = stream.read(&mut buffer).await
        && read > 0
    {
        each(&buffer[..read]);
    }
}

/// The process group of a started program: killed when this is dropped, unless it was forgotten.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        Self(pid.and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // It fails only where the whole group has ended already.
            let _ = kill_process_group(pid, signal);
        }
    }

    fn forget(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
