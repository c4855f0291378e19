//! What is served, as clients ask for it: legacy and aggregated discovery, version, health.

use super::{
    kinds::{Group, Kind, Subresource, api_version},
    openapi,
    request::{Accepted, Form, Request},
    respond::{Reply, plain},
    state::State,
    status::Status,
};
use axum::body::Body;
use http::{HeaderValue, Method, Response, header};
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers a request whose path names no object; `None` where the path is another's.
pub(super) fn answer(
    state: &State,
    request: &Request,
    accepted: Accepted,
) -> Option<Result<Response<Body>, Status>> {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let reply = match segments.as_slice() {
        [] => Reply::Value(200, json!({ "paths": paths(state, true) })),
        ["version"] => Reply::Value(200, version(&state.version)),
        ["healthz" | "readyz" | "livez", rest @ ..] if rest.len() < 2 => {
            Reply::Text(200, "ok".to_owned())
        }
        // Declared as plain text by the real server too.
        ["openapi", "v3"] => Reply::Text(200, openapi::index(paths(state, false)).to_string()),
        ["openapi", "v3", "api", version] => document(state, "", version),
        ["openapi", "v3", "apis", group, version] => document(state, group, version),
        ["openapi", "v2"] => {
            let version = state.version.clone();
            Reply::Value(
                200,
                json!({ "swagger": "2.0", "info": { "title": "Kubernetes", "version": version }, "paths": {} }),
            )
        }
        ["api" | "apis"] if accepted.form == Form::Discovery => {
            return Some(only_get(request).map(|()| aggregated(state, segments[0])));
        }
        ["api"] => Reply::Value(
            200,
            json!({
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": "192.0.2.2:6443" }],
            }),
        ),
        ["apis"] => {
            let groups = state
                .registry
                .groups()
                .iter()
                .filter(|group| !group.name.is_empty() && !group.versions.is_empty());
            let groups: Vec<Value> = groups.map(group_value).collect();
            Reply::Value(
                200,
                json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }),
            )
        }
        ["apis", name] => match state.registry.group(name) {
            Some(group) => {
                let mut value = json!({ "kind": "APIGroup", "apiVersion": "v1" });
                super::defaults::lay_under(&mut value, &group_value(group));
                Reply::Value(200, value)
            }
            None => Reply::Text(404, NOT_FOUND.to_owned()),
        },
        ["api", version] => resources(state, "", version),
        ["apis", group, version] => resources(state, group, version),
        ["api" | "apis", ..] => return None,
        _ => Reply::Text(404, NOT_FOUND.to_owned()),
    };
    Some(only_get(request).map(|()| reply.write(None, accepted.yaml)))
}

/// What the real server says where nothing is.
pub(super) const NOT_FOUND: &str = "404 page not found\n";

fn only_get(request: &Request) -> Result<(), Status> {
    if request.method == Method::GET || request.method == Method::HEAD {
        Ok(())
    } else {
        Err(Status::not_allowed())
    }
}

fn version(git_version: &str) -> Value {
    let mut parts = git_version.trim_start_matches('v').split('.');
    let (major, minor) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let before = minor
        .parse::<u32>()
        .map_or(String::new(), |minor| minor.saturating_sub(1).to_string());
    json!({
        "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major, "minCompatibilityMinor": before, "gitVersion": git_version,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "", "platform": "simulated/amd64",
    })
}

fn group_value(group: &Group) -> Value {
    let version = |version: &String| json!({ "groupVersion": api_version(&group.name, version), "version": version });
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|(name, _)| version(name))
        .collect();
    json!({ "name": group.name, "versions": versions, "preferredVersion": versions.first() })
}

/// Returns the paths that the server knows.
fn paths(state: &State, rooted: bool) -> Vec<String> {
    let mut paths = vec![
        ".well-known/openid-configuration".to_owned(),
        "api".to_owned(),
        "api/v1".to_owned(),
        "apis".to_owned(),
    ];
    if rooted {
        paths.push("apis/".to_owned());
    }
    for group in state
        .registry
        .groups()
        .iter()
        .filter(|group| !group.name.is_empty())
    {
        paths.push(format!("apis/{}", group.name));
        paths.extend(
            group
                .versions
                .iter()
                .map(|(version, _)| format!("apis/{}/{version}", group.name)),
        );
    }
    paths.extend(["openid/v1/jwks".to_owned(), "version".to_owned()]);
    if rooted {
        paths.extend(["healthz", "livez", "openapi/v2", "openapi/v3", "readyz"].map(str::to_owned));
        paths.iter_mut().for_each(|path| path.insert(0, '/'));
    }
    paths.sort();
    paths
}

fn document(state: &State, group: &str, version: &str) -> Reply {
    match openapi::document(state, group, version) {
        Some(document) => Reply::Value(200, document),
        None => Reply::Text(404, NOT_FOUND.to_owned()),
    }
}

fn resources(state: &State, group: &str, version: &str) -> Reply {
    let found = state.registry.group(group);
    let Some((_, kinds)) =
        found.and_then(|group| group.versions.iter().find(|(name, _)| name == version))
    else {
        return match found {
            Some(group) if group.builtin => Reply::Value(404, Status::no_resource().to_value()),
            _ => Reply::Text(404, NOT_FOUND.to_owned()),
        };
    };
    let resources: Vec<Value> = kinds.iter().flat_map(resource_values).collect();
    let mut list = json!({ "kind": "APIResourceList" });
    if !group.is_empty() {
        list["apiVersion"] = json!("v1");
    }
    list["groupVersion"] = json!(api_version(group, version));
    list["resources"] = json!(resources);
    Reply::Value(200, list)
}

fn resource_values(kind: &Arc<Kind>) -> Vec<Value> {
    let mut resource = json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind, "verbs": kind.verbs,
    });
    if !kind.short_names.is_empty() {
        resource["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        resource["categories"] = json!(kind.categories);
    }
    if kind.verbs.contains(&"watch") {
        resource["storageVersionHash"] = json!(kind.storage_hash());
    }
    let mut values = vec![resource];
    for part in &kind.subresources {
        let name = format!("{}/{}", kind.plural, part.name);
        let mut value = json!({ "name": name, "singularName": "", "namespaced": kind.namespaced });
        match part.body {
            Some((group, version, body)) => {
                if !version.is_empty() {
                    value["group"] = json!(group);
                    value["version"] = json!(version);
                }
                value["kind"] = json!(body);
            }
            None => value["kind"] = json!(kind.kind),
        }
        value["verbs"] = json!(part.verbs);
        values.push(value);
    }
    values
}

fn aggregated(state: &State, root: &str) -> Response<Body> {
    let groups = state
        .registry
        .groups()
        .iter()
        .filter(|group| group.name.is_empty() == (root == "api"));
    let items: Vec<Value> = groups
        .filter(|group| !group.versions.is_empty())
        .map(|group| {
            let versions: Vec<Value> = group
                .versions
                .iter()
                .map(|(version, kinds)| {
                    let resources: Vec<Value> =
                        kinds.iter().map(|kind| aggregated_resource(kind)).collect();
                    json!({ "version": version, "resources": resources, "freshness": "Current" })
                })
                .collect();
            let metadata = if group.name.is_empty() {
                json!({})
            } else {
                json!({ "name": group.name })
            };
            json!({ "metadata": metadata, "versions": versions })
        })
        .collect();
    let list = json!({ "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items });
    let mut response = plain(200, list.to_string());
    let media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

fn aggregated_resource(kind: &Kind) -> Value {
    // Built-in kinds leave out group and version: they are those of the list.
    let own = match kind.custom() {
        Some(_) => json!({ "group": kind.group, "version": kind.version, "kind": kind.kind }),
        None => json!({ "group": "", "version": "", "kind": kind.kind }),
    };
    let mut resource = json!({
        "resource": kind.plural, "responseKind": own,
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular, "verbs": kind.verbs,
    });
    if !kind.short_names.is_empty() {
        resource["shortNames"] = json!(kind.short_names);
    }
    if !kind.categories.is_empty() {
        resource["categories"] = json!(kind.categories);
    }
    let part = |part: &Subresource| {
        let body = match part.body {
            Some((group, version, body)) => {
                json!({ "group": group, "version": version, "kind": body })
            }
            None => own.clone(),
        };
        json!({ "subresource": part.name, "responseKind": body, "verbs": part.verbs })
    };
    if !kind.subresources.is_empty() {
        resource["subresources"] = kind.subresources.iter().map(part).collect();
    }
    resource
}
