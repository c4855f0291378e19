//! What tests ask of a world, and do to it, under `/world/TOKEN/control/`:
//!
//! - `POST hold {"at": N, "when": "before"|"after"}`: the Nth mutating request from now on is held, before or after it is carried
//!   out, without an answer; the world stands still that long. `{"at": null}` waits for none any more.
//! - `GET held`: answers `{"held": {…}}` once a request is held, `{"held": null}` as soon as none is waited for.
//! - `POST release {"answer": true|false}`: the held request goes on, or its connection is dropped (one that was held before it was
//!   carried out is then never carried out).
//! - `GET mutations`: the mutating requests since the world was opened, numbered.
//! - `GET state`: everything alive. `GET objects`: each cluster's objects, whole. `GET history`: births and deaths of containers
//!   and clusters. `GET assets`: what controllers made outside of their clusters, that of clusters which are gone included: kind, id,
//!   name, cluster, maker. All that is in the simulated AWS account and in the
//!   simulated subscription of Azure is in it, too, with its region, tags and state.
//! - `POST machine {…}`: how the machine misbehaves ([`crate::site::Faults`]); what is left out behaves.
//! - `POST balancers true|false`: the clusters of the machine have load balancers, as with cloud-provider-kind.
//! - `POST faults`: puts a file of faults in force (TOML, [`crate::FaultFile`]), in place of the one before.
//! - `POST git {"url", "branch", "files"}`: makes or replaces a Git repository.
//! - `POST resolve NAME`: the addresses of a name that a load balancer of a cluster has, as name servers would tell them.
//! - `POST google/policy {"on", "policy"}`: a policy of an organisation is in force on a project, a folder or an organisation of
//!   Google Cloud.
//! - `POST git/assume URL`: where there is no such repository, there is one now of whose content nothing is known; answers whether so.

use super::{refuse, say};
use crate::{
    aws, azure,
    faults::FaultFile,
    gate::When,
    google,
    ground::Ground,
    site::{Entry, Faults, Repository},
};
use axum::body::Body;
use http::{Method, Response, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    at: Option<u64>,
    #[serde(default = "before")]
    when: When,
}

fn before() -> When {
    When::Before
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    answer: bool,
}

pub(super) async fn answer(
    ground: &Arc<Ground>,
    method: &Method,
    name: &str,
    body: &[u8],
) -> Response<Body> {
    match act(ground, method, name, body).await {
        Ok(value) => say(&value),
        Err((status, message)) => refuse(status, &message),
    }
}

type Refusal = (StatusCode, String);

async fn act(
    ground: &Arc<Ground>,
    method: &Method,
    name: &str,
    body: &[u8],
) -> Result<Value, Refusal> {
    match (method.as_str(), name) {
        ("POST", "hold") => {
            let hold: Hold = read(body)?;
            if hold.at == Some(0) {
                return Err((
                    StatusCode::BAD_REQUEST,
                    "requests are counted from 1".to_owned(),
                ));
            }
            ground.gate.arm(hold.at, hold.when);
            Ok(json!({}))
        }
        ("GET", "held") => Ok(json!({"held": ground.gate.held().await})),
        ("POST", "release") => {
            let release: Release = read(body)?;
            match ground.gate.release(release.answer) {
                true => Ok(json!({})),
                false => Err((StatusCode::CONFLICT, "no request is held".to_owned())),
            }
        }
        ("GET", "mutations") => Ok(json!(ground.gate.mutations())),
        ("GET", "state") => Ok(state(ground)),
        ("GET", "objects") => Ok(objects(ground)),
        ("GET", "history") => Ok(json!(ground.site().lives)),
        ("GET", "assets") => {
            let made: Vec<Value> = ground.site().assets.values().map(|it| json!(it)).collect();
            let clouds = [
                aws::inventory(ground),
                azure::inventory(ground),
                google::inventory(ground),
            ];
            Ok(made
                .into_iter()
                .chain(clouds.into_iter().flatten())
                .collect())
        }
        ("POST", "machine") => {
            let faults: Faults = read(body)?;
            ground.write(Entry::Machine(faults));
            Ok(json!({}))
        }
        ("POST", "balancers") => {
            ground.have_load_balancers(read(body)?);
            Ok(json!({}))
        }
        ("POST", "faults") => {
            let text = String::from_utf8_lossy(body);
            let file = FaultFile::parse(&text)
                .map_err(|mistakes| (StatusCode::BAD_REQUEST, mistakes.to_string()))?;
            ground.misbehave(&file);
            Ok(json!({}))
        }
        ("POST", "git") => {
            let repository: Repository = read(body)?;
            ground.write(Entry::Repository(repository));
            ground.stirred.notify_waiters();
            Ok(json!({}))
        }
        ("POST", "google/assume") => {
            let project: String = read(body)?;
            google::assume(ground, &project);
            Ok(json!({}))
        }
        ("POST", "google/policy") => {
            google::enforce(ground, &read(body)?);
            Ok(json!({}))
        }
        ("POST", "git/assume") => {
            let url: String = read(body)?;
            Ok(json!(ground.assume_repository(&url)))
        }
        ("POST", "resolve") => {
            let name: String = read(body)?;
            Ok(json!(ground.resolve(&name)))
        }
        _ => Err((
            StatusCode::NOT_FOUND,
            format!("there is no control {method} {name}"),
        )),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// Returns everything alive: containers, clusters, and the objects of each cluster by name.
fn state(ground: &Ground) -> Value {
    let (containers, clusters) = {
        let site = ground.site();
        let containers: Vec<Value> = site
            .containers
            .values()
            .map(|it| json!({"name": it.name, "id": it.id, "cluster": it.cluster, "role": it.role, "status": it.status}))
            .collect();
        (
            containers,
            site.clusters.values().cloned().collect::<Vec<_>>(),
        )
    };
    let clusters: Vec<Value> = clusters
        .iter()
        .map(|cluster| {
            let objects = ground.running(&cluster.name).map(|it| it.api.objects());
            let objects: Vec<Value> = objects.unwrap_or_default().iter().map(|it| brief(it)).collect();
            json!({"name": cluster.name, "id": cluster.id, "version": cluster.version, "objects": objects})
        })
        .collect();
    json!({"now": ground.clock.now(), "containers": containers, "clusters": clusters})
}

/// Returns the objects of each cluster by name, as they are stored.
fn objects(ground: &Ground) -> Value {
    let names: Vec<String> = ground.site().clusters.keys().cloned().collect();
    names
        .into_iter()
        .map(|name| {
            let objects = ground.running(&name).map(|it| it.api.objects());
            let objects: Vec<Value> = objects
                .unwrap_or_default()
                .iter()
                .map(|it| (**it).clone())
                .collect();
            (name, Value::Array(objects))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn brief(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    })
}
