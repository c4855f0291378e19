//! The programs `kind` and `docker` of the simulated machine.
//!
//! A thin client ([`main`]) runs in place of the program and passes on how it was called; the world does what the real one
//! would, and streams back what it prints. The world stops at the next stage when the client is gone, as the real programs do.

mod client;
mod docker;
mod flags;
mod kind;
mod kubectl;
#[cfg(test)]
mod tests;

pub use client::main;

use crate::{
    faults::ProgramEffect,
    gate::{Mutation, When},
    ground::Ground,
    server,
};
use axum::body::Body;
use futures::StreamExt;
use http::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// How a program was called.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    program: String,
    args: Vec<String>,
    /// The variables that these programs look at.
    env: BTreeMap<String, String>,
    /// The file that `--config` names, or standard input for "-": its text, or why it cannot be read.
    config: Option<Result<String, String>>,
}

/// What the client is told to do, one a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Frame {
    /// Prints to standard output.
    Out(String),
    /// Prints to standard error.
    Err(String),
    /// Merges a kubeconfig into the file named, or into the usual one.
    Merge { path: Option<String>, config: Value },
    /// Removes a cluster, context and user of this name from kubeconfigs.
    Prune { path: Option<String>, name: String },
    /// Ends with this status.
    Exit(i32),
}

/// The connection is to end without an exit status.
struct Cut;

type Outcome = Result<i32, Cut>;

/// Runs a call, and answers with the stream of its frames.
pub(crate) fn serve(ground: Arc<Ground>, call: Call) -> Response<Body> {
    let (frames, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let console = Console { ground, frames };
        let outcome = run(&console, &call).await;
        if let Ok(status) = outcome {
            console.send(Frame::Exit(status));
        }
    });
    let frames = futures::stream::unfold(
        receiver,
        |mut receiver: mpsc::UnboundedReceiver<Frame>| async {
            Some((receiver.recv().await?, receiver))
        },
    );
    server::stream(frames.filter_map(|frame| async move {
        let line = serde_json::to_string(&frame).ok()?;
        Some(line + "\n")
    }))
}

/// Runs a call, unless a fault strikes it.
async fn run(console: &Console, call: &Call) -> Outcome {
    let ground = &console.ground;
    let strike = ground
        .faults
        .program(&call.program, &call.args, ground.clock.now());
    if !strike.latency.is_zero() {
        tokio::select! {
            biased;
            () = console.frames.closed() => return Err(Cut),
            () = ground.clock.sleep(strike.latency) => {}
        }
    }
    match strike.effect {
        Some(ProgramEffect::Exit { status, message }) => {
            console.err(&message);
            return Ok(status);
        }
        Some(ProgramEffect::Reset { after: false }) => return Err(Cut),
        Some(ProgramEffect::Reset { after: true }) | None => {}
    }
    let status = match call.program.as_str() {
        "kind" => kind::run(console, call).await?,
        "docker" => docker::run(console, call).await?,
        other => {
            console.err(&format!("the simulated machine has no program \"{other}\""));
            127
        }
    };
    match strike.effect {
        Some(_) => Err(Cut),
        None => Ok(status),
    }
}

/// A running program: where it prints, and the world that it is in.
struct Console {
    ground: Arc<Ground>,
    frames: mpsc::UnboundedSender<Frame>,
}

impl Console {
    /// Prints a line to standard output.
    fn out(&self, line: &str) {
        self.send(Frame::Out(format!("{line}\n")));
    }

    /// Prints a line to standard error.
    fn err(&self, line: &str) {
        self.send(Frame::Err(format!("{line}\n")));
    }

    fn send(&self, frame: Frame) {
        // A client that went away is noticed at the next stage.
        let _ = self.frames.send(frame);
    }

    /// Lets simulated time pass.
    async fn spend(&self, seconds: u64) -> Result<(), Cut> {
        tokio::select! {
            biased;
            () = self.frames.closed() => Err(Cut),
            () = self.ground.clock.sleep(Duration::from_secs(seconds)) => Ok(()),
        }
    }

    /// Counts a mutating call, and holds it where a test asks for it.
    async fn begin(&self, call: &Call) -> Result<Mutation, Cut> {
        self.enter(format!("{} {}", call.program, call.args.join(" ")))
            .await
    }

    /// Counts a mutating part of a call, as [`Console::begin`] does the whole.
    async fn enter(&self, request: String) -> Result<Mutation, Cut> {
        let mutation = self.ground.gate.enter(request, self.ground.clock.now());
        self.pass(&mutation, When::Before).await?;
        Ok(mutation)
    }

    /// Ends a mutating call.
    async fn end(&self, mutation: &Mutation) -> Result<(), Cut> {
        self.pass(mutation, When::After).await
    }

    async fn pass(&self, mutation: &Mutation, when: When) -> Result<(), Cut> {
        let _work = self.ground.clock.work();
        let goes_on = tokio::select! {
            biased;
            () = self.frames.closed() => false,
            goes_on = self.ground.gate.pass(mutation, when) => goes_on,
        };
        if goes_on { Ok(()) } else { Err(Cut) }
    }
}

/// What a program printed, and how it ended.
#[cfg(test)]
pub(crate) struct Output {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the client as the stand-in for a program does, and keeps what it prints.
#[cfg(test)]
pub(crate) async fn call(
    endpoint: &str,
    program: &str,
    args: Vec<String>,
    env: BTreeMap<String, String>,
) -> Output {
    let endpoint = endpoint.to_owned();
    let call = Call {
        program: program.to_owned(),
        config: client::config(&args),
        args,
        env,
    };
    let run = tokio::task::spawn_blocking(move || {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = client::run(&endpoint, &call, &mut out, &mut err);
        let status = status.unwrap_or_else(|error| {
            err.extend(format!("{error:#}").into_bytes());
            -1
        });
        let text = |bytes| String::from_utf8(bytes).expect("programs print text");
        Output {
            status,
            out: text(out),
            err: text(err),
        }
    });
    run.await.expect("the client does not panic")
}
