//! Waits for what Google Cloud does in the background, and says why it failed.

use serde_json::Value;
use windlass_provider::{Ctx, Error, Result};

use crate::{
    client::{Backoff, Client},
    refusal::explain,
    service::Service,
};

fn failed(what: &str, said: &str) -> Error {
    let (fault, hint) = explain(said);
    let error = Error::new(fault, format!("{what} failed")).cause(said);
    match hint {
        Some(hint) => error.hint(hint),
        None => error.hint("mend what it names, and run the same command again"),
    }
}

/// Waits until an operation of GKE's is done; `place` is "projects/P/locations/L".
///
/// # Errors
/// What the operation says, in the class that it has.
pub(crate) async fn container(
    client: &Client,
    cx: &Ctx,
    place: &str,
    begun: &Value,
    what: &str,
) -> Result<()> {
    let Some(name) = begun["name"].as_str() else {
        return Ok(());
    };
    let path = format!("/v1/{place}/operations/{name}");
    let mut backoff = Backoff::new();
    let mut operation = begun.clone();
    loop {
        if operation["status"] == "DONE" {
            let said = operation["error"]["message"].as_str();
            // Older answers say it only here.
            let said = said.or_else(|| operation["statusMessage"].as_str());
            return match said.filter(|it| !it.is_empty()) {
                Some(said) => Err(failed(what, said)),
                None => Ok(()),
            };
        }
        let told = match operation["detail"].as_str().filter(|it| !it.is_empty()) {
            Some(detail) => format!("{what}: {detail}"),
            None => what.to_owned(),
        };
        backoff.wait(cx, &told).await?;
        let call = (Service::Container, "operations.get");
        match client.find(cx, call, &path).await? {
            Some(next) => operation = next,
            // Forgotten: the thing itself tells how it went.
            None => return Ok(()),
        }
    }
}

/// Waits until a long-running operation of another service is done: `name` and `done`, with an error or a response.
///
/// Source: <https://google.aip.dev/151>
pub(crate) async fn general(
    client: &Client,
    cx: &Ctx,
    (service, version): (Service, &str),
    begun: &Value,
    what: &str,
) -> Result<Value> {
    let mut backoff = Backoff::new();
    let mut operation = begun.clone();
    loop {
        let name = operation["name"].as_str().unwrap_or_default().to_owned();
        if operation["done"] == true || name.is_empty() || name.ends_with("DONE_OPERATION") {
            return match operation["error"]["message"].as_str() {
                Some(said) => Err(failed(what, said)),
                None => Ok(operation["response"].take()),
            };
        }
        backoff.wait(cx, what).await?;
        let path = format!("/{version}/{name}");
        operation = client.get(cx, (service, "operations.get"), &path).await?;
    }
}

/// Waits until an operation of the compute API is done.
pub(crate) async fn compute(client: &Client, cx: &Ctx, begun: &Value, what: &str) -> Result<()> {
    let link = begun["selfLink"].as_str().unwrap_or_default();
    let Some(at) = link.find("/compute/v1/") else {
        return Ok(());
    };
    let path = link[at..].to_owned();
    let mut backoff = Backoff::new();
    let mut operation = begun.clone();
    loop {
        if operation["status"] == "DONE" {
            let said = &operation["error"]["errors"][0];
            return match said["message"].as_str() {
                Some(message) => {
                    let code = said["code"].as_str().unwrap_or_default();
                    Err(failed(what, &format!("{code}: {message}")))
                }
                None => Ok(()),
            };
        }
        backoff.wait(cx, what).await?;
        let call = (Service::Compute, "operations.get");
        match client.find(cx, call, &path).await? {
            Some(next) => operation = next,
            None => return Ok(()),
        }
    }
}
