//! Others that judge what is sent: it is written down as it goes over the wire, and handed to a program that knows the models of whoever
//! is asked.

use std::{
    collections::BTreeSet,
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use windlass_provider::{Exchange, Trace};

/// Requests that were sent, in their order.
#[derive(Clone, Debug, Default)]
pub struct Sent(Arc<Mutex<Vec<Value>>>);

impl Sent {
    /// Returns where they are told.
    pub(crate) fn trace(&self) -> Trace {
        let heard = Arc::clone(&self.0);
        Trace::new(move |exchange| {
            let Exchange::Request(request) = exchange else {
                return;
            };
            let body = match request.sent {
                [] => Value::Null,
                // What is no JSON, such as a form, is told as text.
                sent => serde_json::from_slice(sent)
                    .unwrap_or_else(|_| String::from_utf8_lossy(sent).into()),
            };
            let told = json!({ "method": request.method, "path": request.url, "body": body });
            heard.lock().expect("no listener panics").push(told);
        })
    }

    /// Returns each call once: its method and its URL, without the query.
    #[must_use]
    pub fn calls(&self) -> BTreeSet<String> {
        let sent = self.0.lock().expect("no listener panics");
        let calls = sent.iter().map(|it| {
            let url = it["path"].as_str().unwrap_or_default();
            let url = url.split('?').next().unwrap_or_default();
            format!("{} {url}", it["method"].as_str().unwrap_or_default())
        });
        calls.collect()
    }

    /// Returns those that were sent by one of these methods as lines of JSON, each with its method, its path and its body.
    #[must_use]
    pub fn lines(&self, methods: &[&str]) -> String {
        let sent = self.0.lock().expect("no listener panics");
        let lines = sent.iter().filter(|it| {
            let method = it["method"].as_str().unwrap_or_default();
            methods.contains(&method)
        });
        let lines: Vec<String> = lines.map(Value::to_string).collect();
        lines.join("\n")
    }
}

/// Returns the Python of the environment that a variable names; where it names none, that is said loudly.
#[must_use]
pub fn python(variable: &str, what: &str) -> Option<PathBuf> {
    let Some(folder) = env::var_os(variable) else {
        let note = format!("SKIPPED: {what}, {variable} names no environment\n");
        // Written past the test harness, which would swallow it.
        std::io::stderr()
            .write_all(note.as_bytes())
            .expect("standard error");
        return None;
    };
    Some(Path::new(&folder).join("bin/python"))
}

/// Lets a script judge lines, and returns what it says of them.
///
/// # Errors
/// What the script finds wrong.
pub fn judge(python: &Path, script: &Path, lines: &str) -> Result<String, String> {
    let mut judge = Command::new(python)
        .arg(script)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", python.display()))?;
    let mut into = judge.stdin.take().ok_or("no standard input")?;
    // A judge that ends early says why.
    let written = into.write_all(lines.as_bytes());
    drop(into);
    let told = judge.wait_with_output().map_err(|it| it.to_string())?;
    let (out, err) = (
        String::from_utf8_lossy(&told.stdout),
        String::from_utf8_lossy(&told.stderr),
    );
    match (told.status.success(), written) {
        (false, _) => Err(format!("{out}{err}")),
        (true, Err(error)) => Err(format!("not all was read: {error}")),
        (true, Ok(())) => Ok(out.into_owned()),
    }
}
