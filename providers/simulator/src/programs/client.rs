//! The client: it runs in place of the program, and is started often, so it is a plain socket and nothing more.

mod kubeconfig;

use super::{Call, Frame};
use anyhow::{Context, Result, bail};
use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
};

/// The variable that names the world's endpoint.
const ENDPOINT: &str = "WINDLASS_REHEARSE_ENDPOINT";
/// The variables that kind and docker look at.
const PASSED: [&str; 4] = [
    "HOME",
    "KUBECONFIG",
    "KIND_CLUSTER_NAME",
    "KIND_EXPERIMENTAL_PROVIDER",
];

/// Does what `program` does when called with `args` (without the program's own name), in the world that the variable
/// `WINDLASS_REHEARSE_ENDPOINT` names, and returns its exit status. It prints as the program does, reads the file that
/// `--config` names and writes kubeconfigs.
pub fn main(program: &str, args: Vec<String>) -> i32 {
    let env = PASSED
        .iter()
        .filter_map(|name| Some((name.to_string(), env::var(name).ok()?)));
    let outcome = env::var(ENDPOINT)
        .with_context(|| format!("{ENDPOINT} is not set"))
        .and_then(|endpoint| {
            let call = Call {
                program: program.to_owned(),
                config: config(&args),
                args,
                env: env.collect(),
            };
            run(&endpoint, &call, &mut io::stdout(), &mut io::stderr())
        });
    outcome.unwrap_or_else(|error| {
        // Nothing is left to do where standard error is closed.
        let _ = writeln!(io::stderr(), "ERROR: rehearsal: {error:#}");
        1
    })
}

/// Passes a call on, and does what the world says until it says how the program ends.
pub(super) fn run(
    endpoint: &str,
    call: &Call,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<i32> {
    let answer = post(endpoint, &serde_json::to_string(call)?)
        .with_context(|| format!("cannot reach the simulated world at {endpoint}"))?;
    for line in answer.lines() {
        let line = line.context("the connection to the simulated world broke")?;
        let frame: Frame = serde_json::from_str(&line)
            .with_context(|| format!("the simulated world says {line}"))?;
        match frame {
            Frame::Out(text) => print(out, &text)?,
            Frame::Err(text) => print(err, &text)?,
            Frame::Merge { path, config } => {
                let merged = kubeconfig::merge(path.as_deref(), &call.env, &config);
                if let Err(error) = merged {
                    print(
                        err,
                        &format!("ERROR: failed to create cluster: {error:#}\n"),
                    )?;
                    return Ok(1);
                }
            }
            Frame::Prune { path, name } => {
                // As kind does: it says so and goes on.
                if let Err(error) = kubeconfig::prune(path.as_deref(), &call.env, &name) {
                    print(
                        err,
                        &format!("ERROR: failed to update kubeconfig: {error:#}\n"),
                    )?;
                }
            }
            Frame::Exit(status) => return Ok(status),
        }
    }
    bail!("the connection to the simulated world ended")
}

fn print(to: &mut dyn Write, text: &str) -> Result<()> {
    to.write_all(text.as_bytes()).context("cannot print")?;
    to.flush().context("cannot print")
}

/// Posts to `programs` by HTTP/1.0, so that the answer's body goes on to the end of the connection. Returns the body.
fn post(endpoint: &str, body: &str) -> Result<BufReader<TcpStream>> {
    let rest = endpoint
        .strip_prefix("http://")
        .context("the URL does not begin with http://")?;
    let (host, path) = rest.split_once('/').context("the URL has no path")?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    let head = format!(
        "POST /{}/programs HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        path.trim_end_matches('/'),
        body.len()
    );
    stream.write_all((head + body).as_bytes())?;
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status)?;
    let mut header = String::new();
    while answer.read_line(&mut header)? > 0 && !header.trim().is_empty() {
        header.clear();
    }
    if status.split_whitespace().nth(1) != Some("200") {
        let mut text = String::new();
        answer.read_to_string(&mut text)?;
        bail!("it answers {}: {}", status.trim(), text.trim());
    }
    Ok(answer)
}

/// Returns the text of the file that `--config` names, or why it cannot be read; `None` without the flag.
pub(super) fn config(args: &[String]) -> Option<Result<String, String>> {
    let path =
        args.iter()
            .enumerate()
            .find_map(|(at, arg)| match arg.strip_prefix("--config") {
                Some("") => args.get(at + 1).map(String::as_str),
                Some(value) => value.strip_prefix('='),
                None => None,
            })?;
    if path == "-" {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        return Some(
            read.map(|_| text)
                .map_err(|error| format!("error reading config from stdin: {error}")),
        );
    }
    let read = std::fs::read_to_string(path);
    Some(read.map_err(|error| format!("error reading file: open {path}: {error}")))
}
