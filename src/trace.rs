//! `--trace FILE`: what went over the wire and which programs were run, one JSON object a line.
//!
//! Headers never reach it. The data of Secrets is taken out here, by the objects' kind; everything else passes the redactor.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use windlass_provider::{Exchange, Trace};

use crate::{
    error::{Error, Kind, Result},
    files::atomic,
    redact::{REDACTED, Redactor},
};

/// How much of a body is written, in bytes of its JSON.
const LIMIT: usize = 64 * 1024;
/// How the first line of each run begins, by which a file is known to be a trace.
const HEAD: &str = "{\"trace\":1,";

/// Opens a trace in `path`, behind what an earlier run traced there; `lost` is told once when it cannot be written any more.
///
/// # Errors
/// The file cannot be written, or holds something else.
pub fn open(
    path: &Path,
    redactor: std::sync::Arc<Redactor>,
    at: Timestamp,
    lost: impl Fn(String) + Send + Sync + 'static,
) -> Result<Trace> {
    let mut file = open_file(path)
        .map_err(|error| atomic::explain(error, "cannot write the trace to", path))?;
    let regular = file.metadata().is_ok_and(|it| it.is_file());
    if regular && !is_trace(path)? {
        return Err(Error::message(
            Kind::Refused,
            format!("{} is there and is no trace", path.display()),
        )
        .hint("name another file: --trace FILE"));
    }
    let words: Vec<Value> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned().into())
        .collect();
    let mut head = json!({
        "trace": 1,
        "at": at,
        "version": env!("CARGO_PKG_VERSION"),
        "argv": words,
    });
    redactor.value(&mut head);
    write(&mut file, &head)
        .map_err(|error| atomic::explain(error, "cannot write the trace to", path))?;
    let shown = path.display().to_string();
    let file = Mutex::new(Some(file));
    Ok(Trace::new(move |exchange| {
        let record = record(exchange, &redactor);
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = file.as_mut() else { return };
        if let Err(error) = write(open, &record) {
            *file = None;
            lost(format!("the trace in {shown} ends here: {error}"));
        }
    }))
}

fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    Ok(file)
}

/// Returns whether a file is empty, or begins as a trace does.
fn is_trace(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(HEAD.len() as u64).read_to_end(&mut start))
        .map_err(|error| atomic::explain(error, "cannot read the trace in", path))?;
    Ok(start.is_empty() || start == HEAD.as_bytes())
}

fn write(file: &mut File, record: &Value) -> io::Result<()> {
    // In one call, so that the lines of two processes do not mix.
    file.write_all(format!("{record}\n").as_bytes())
}

fn record(exchange: &Exchange<'_>, redactor: &Redactor) -> Value {
    let mut record = Map::new();
    let mut set = |key: &str, value: Value| {
        record.insert(key.to_owned(), value);
    };
    match exchange {
        Exchange::Request(request) => {
            set("at", json!(request.at));
            set("method", request.method.into());
            set("url", redactor.text(request.url).into());
            set("attempt", request.attempt.into());
            match &request.answer {
                Ok((status, body)) => {
                    set("status", (*status).into());
                    set("ms", milliseconds(request.took));
                    set("bytes", body.len().into());
                    set("sent", write_body(request.sent, redactor));
                    set("got", write_body(body, redactor));
                }
                Err(why) => {
                    set("ms", milliseconds(request.took));
                    set("sent", write_body(request.sent, redactor));
                    set("error", redactor.text(why).into());
                }
            }
        }
        Exchange::Message { url, at, body } => {
            set("at", json!(at));
            set("url", redactor.text(url).into());
            set("bytes", body.len().into());
            set("got", write_body(body, redactor));
        }
        Exchange::Program(program) => {
            let words = program.argv.iter().map(|word| redactor.text(word).into());
            set("at", json!(program.at));
            set("argv", Value::Array(words.collect()));
            set("exit", json!(program.exit));
            set("ms", milliseconds(program.took));
            set("bytes", program.printed.into());
            if !program.said.is_empty() {
                set("said", redactor.text(program.said).into());
            }
        }
    }
    Value::Object(record)
}

fn milliseconds(took: std::time::Duration) -> Value {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into()
}

/// Returns a body without its secrets: JSON as such, anything else as text; cut where it is long, and null where there is none.
fn write_body(body: &[u8], redactor: &Redactor) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            hide_secrets(&mut value, false);
            redactor.value(&mut value);
            let text = value.to_string();
            if text.len() <= LIMIT {
                return value;
            }
            text
        }
        Err(_) => {
            let text = String::from_utf8_lossy(body);
            if text.lines().any(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                matches!(words[..], ["kind:", kind] if kind.trim_matches(['"', '\'']) == "Secret")
            }) {
                return format!("{REDACTED}: a manifest with a Secret").into();
            }
            redactor.text(&text).into_owned()
        }
    };
    let end = (0..=LIMIT.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or_default();
    match end < text.len() {
        true => format!("{}…", &text[..end]).into(),
        false => text.into(),
    }
}

/// Takes the data out of every Secret, and the copy of itself that an object may carry as an annotation.
fn hide_secrets(value: &mut Value, listed: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| hide_secrets(item, listed)),
        Value::Object(fields) => {
            let kind = fields.get("kind").and_then(Value::as_str);
            // The items of a list of a built-in kind do not say their own.
            let list = kind == Some("SecretList");
            if kind == Some("Secret") || (listed && kind.is_none()) {
                for key in ["data", "stringData"] {
                    if let Some(Value::Object(data)) = fields.get_mut(key) {
                        data.values_mut().for_each(|value| *value = REDACTED.into());
                    }
                }
                let annotations = fields
                    .get_mut("metadata")
                    .and_then(|metadata| metadata["annotations"].as_object_mut());
                if let Some(copy) = annotations.and_then(|annotations| {
                    annotations.get_mut("kubectl.kubernetes.io/last-applied-configuration")
                }) {
                    *copy = REDACTED.into();
                }
                return;
            }
            for (key, item) in fields {
                hide_secrets(item, list && key == "items");
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_lose_their_secrets_and_their_length() {
        let redactor = Redactor::new();
        let written = |body: &str| write_body(body.as_bytes(), &redactor).to_string();
        for secret in [
            r#"{"kind":"Secret","data":{"a":"pl4nted"},"stringData":{"b":"pl4nted"}}"#,
            r#"{"kind":"SecretList","items":[{"metadata":{"name":"x"},"data":{"a":"pl4nted"}}]}"#,
            r#"{"type":"ADDED","object":{"kind":"Secret","metadata":{"annotations":
                {"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"a\":\"pl4nted\"}}"}},"data":{}}}"#,
            r#"{"kind":"List","items":[{"kind":"Secret","data":{"a":"pl4nted"}}]}"#,
            r#"{"kind":"TokenRequest","status":{"token":"pl4nted"}}"#,
            "apiVersion: v1\nkind: 'Secret'\ndata:\n  a: pl4nted\n",
            "users:\n- user:\n    token: pl4nted-in-a-kubeconfig\n",
        ] {
            let written = written(secret);
            assert!(
                !written.contains("pl4nted") && written.contains(REDACTED),
                "{written}"
            );
        }
        assert_eq!(
            written(r#"{"kind":"ConfigMap","data":{"a":"b"}}"#),
            r#"{"kind":"ConfigMap","data":{"a":"b"}}"#
        );
        assert_eq!(written(""), "null");
        let long = written(&"ä".repeat(LIMIT));
        assert!(
            long.len() < LIMIT + 10 && long.ends_with("…\""),
            "{}",
            long.len()
        );
    }
}
