//! Subresources that are no part of the object as such: scale, logs, tokens, evictions, and what needs a kubelet.

use super::{
    auth, decode,
    delete::{self, DeleteOptions},
    http::{self, Answer},
    kinds::Kind,
    patch,
    request::Request,
    respond::Reply,
    reviews,
    route::Target,
    selector::Selector,
    state::State,
    status::{Cause, Status},
    write::{self, Patch, WriteOptions},
};
use ::http::Method;
use serde_json::{Value, json};

/// The annotation of a pod that holds what its containers said.
const LOG: &str = "simulator.windlass.dev/log";

/// Answers a request for a subresource; `None` where it is a view of the object itself.
pub(super) fn answer(
    state: &mut State,
    target: &Target,
    part: &str,
    request: &Request,
) -> Option<Result<Answer, Status>> {
    match part {
        "scale" => Some(scale(state, target, request)),
        "log" => Some(log(state, target, request)),
        "token" => Some(token(state, target, request)),
        "eviction" => Some(evict(state, target, request)),
        "exec" | "attach" | "portforward" | "proxy" | "binding" => {
            Some(Err(decline(state, target, part, request)))
        }
        _ => None,
    }
}

/// Says why there is nothing to reach: what is wrong with the request, as the real server does, or that all is rehearsed.
fn decline(state: &State, target: &Target, part: &str, request: &Request) -> Status {
    let (kind, key) = (&target.kind, target.key());
    let Some(object) = state.store.get(&key) else {
        return Status::not_found(&kind.group, &kind.plural, &key.name);
    };
    let (named, name) = (kind.kind.to_lowercase(), &key.name);
    let bare = matches!(part, "exec" | "attach");
    if bare && let Err(refusal) = container_of(object, name, request) {
        return refusal;
    }
    if part != "binding" && kind.kind == "Pod" && object["spec"]["nodeName"].is_null() {
        return Status::bad_request(format!("pod {name} does not have a host assigned"));
    }
    let what = match part {
        "exec" => "a command could run in",
        "attach" => "could be attached to",
        "portforward" => "a port could be forwarded to",
        "proxy" => "a request could be passed on to",
        _ => "could be bound by hand",
    };
    Status::new(
        501,
        "NotImplemented",
        format!("this is a rehearsal: behind {named} {name} is nothing that {what}"),
    )
}

/// Where a kind keeps its replicas: paths of the wanted number, the actual one and the selector.
fn scale_paths(kind: &Kind) -> (String, String, Option<String>) {
    let path = |name: &str| {
        let custom = kind.custom().and_then(|custom| custom.scale.as_ref());
        custom
            .and_then(|scale| scale[name].as_str())
            .map(|path| path.replace('.', "/"))
    };
    match kind.custom() {
        Some(_) => (
            path("specReplicasPath").unwrap_or_default(),
            path("statusReplicasPath").unwrap_or_default(),
            path("labelSelectorPath"),
        ),
        None => (
            "/spec/replicas".to_owned(),
            "/status/replicas".to_owned(),
            Some("/spec/selector".to_owned()),
        ),
    }
}

fn scale_of(kind: &Kind, object: &Value) -> Value {
    let (wanted, actual, selector) = scale_paths(kind);
    let metadata = &object["metadata"];
    let mut scale = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": { "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"] },
        "spec": {}, "status": { "replicas": object.pointer(&actual).cloned().unwrap_or(json!(0)) },
    });
    // Go leaves a zero out here.
    if let Some(replicas) = object.pointer(&wanted).filter(|replicas| **replicas != 0) {
        scale["spec"]["replicas"] = replicas.clone();
    }
    match selector.and_then(|path| object.pointer(&path)) {
        Some(Value::String(text)) => scale["status"]["selector"] = json!(text),
        Some(selector @ Value::Object(_)) => {
            let labels = selector["matchLabels"].as_object().into_iter().flatten();
            let labels: Vec<String> = labels
                .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
                .collect();
            scale["status"]["selector"] = json!(labels.join(","));
        }
        _ => {}
    }
    scale
}

fn scale(state: &mut State, target: &Target, request: &Request) -> Result<Answer, Status> {
    let (kind, key) = (&target.kind, target.key());
    let object = state.store.get(&key).cloned();
    let object = object.ok_or_else(|| Status::not_found(&kind.group, &kind.plural, &key.name))?;
    let mut scale = scale_of(kind, &object);
    if request.method == Method::GET {
        return Ok(Reply::Value(200, scale).into());
    }
    let (manager, dry_run) = if request.method == Method::PUT {
        scale = decode::parse(&request.body, http::media_of(request)?)
            .map_err(Status::bad_request)?
            .0;
        (request.manager(), request.dry_run("UpdateOptions")?)
    } else {
        let asked = http::patch_of(request, kind)?;
        match asked.patch {
            Patch::Json(operations) => patch::operate(&mut scale, &operations)?,
            Patch::Merge(changes) | Patch::Strategic(changes) | Patch::Apply(changes) => {
                patch::merge(&mut scale, &changes)
            }
        }
        (asked.manager, asked.dry_run)
    };
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let cause = Cause::invalid(
            "spec.replicas",
            replicas,
            "must be greater than or equal to 0",
        );
        return Err(Status::invalid(
            "autoscaling",
            "Scale",
            &key.name,
            vec![cause],
        ));
    }
    let (wanted, ..) = scale_paths(kind);
    let mut changes = json!({ "metadata": {} });
    if let Some(version) = scale["metadata"]["resourceVersion"].as_str() {
        changes["metadata"]["resourceVersion"] = json!(version);
    }
    let mut inner = json!(replicas);
    for name in wanted.rsplit('/').filter(|name| !name.is_empty()) {
        inner = json!({ name: inner });
    }
    patch::merge(&mut changes, &inner);
    let options = WriteOptions {
        manager: &manager,
        dry_run,
        ..WriteOptions::default()
    };
    let written = write::patch(
        state,
        kind,
        &key,
        Some("scale"),
        &Patch::Merge(changes),
        &options,
    )?;
    Ok(Reply::Value(200, scale_of(kind, &written.object)).into())
}

fn log(state: &State, target: &Target, request: &Request) -> Result<Answer, Status> {
    let (kind, key) = (&target.kind, target.key());
    let object = state
        .store
        .get(&key)
        .ok_or_else(|| Status::not_found(&kind.group, &kind.plural, &key.name))?;
    check_container(object, &key.name, request)?;
    let Some(text) = object["metadata"]["annotations"][LOG].as_str() else {
        // A pod that runs nowhere has said nothing.
        return Ok(Reply::Text(
            if object["spec"]["nodeName"].is_null() {
                204
            } else {
                200
            },
            String::new(),
        )
        .into());
    };
    let lines: Vec<&str> = text.lines().collect();
    let tail = request
        .number("tailLines")?
        .and_then(|tail| usize::try_from(tail).ok())
        .unwrap_or(lines.len());
    let shown: String = lines[lines.len().saturating_sub(tail)..]
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    Ok(Reply::Text(200, shown).into())
}

/// Refuses to show what a container says that is not there, or has not begun, as the real server and its kubelet do.
fn check_container(pod: &Value, name: &str, request: &Request) -> Result<(), Status> {
    let container = container_of(pod, name, request)?;
    let states = pod["status"]["containerStatuses"].as_array();
    let state = states
        .into_iter()
        .flatten()
        .find(|it| it["name"] == *container);
    let Some(state) = state else {
        return Ok(());
    };
    if request.flag("previous") && state["lastState"]["terminated"].is_null() {
        return Err(Status::bad_request(format!(
            "previous terminated container \"{container}\" in pod \"{name}\" not found"
        )));
    }
    let why = match state["state"]["waiting"]["reason"].as_str() {
        None | Some("CrashLoopBackOff") => return Ok(()),
        Some("ErrImagePull" | "ImagePullBackOff") => "trying and failing to pull image",
        Some(reason) => reason,
    };
    Err(Status::bad_request(format!(
        "container \"{container}\" in pod \"{name}\" is waiting to start: {why}"
    )))
}

/// Returns the container that a request is about: the one that it names, or the only one.
fn container_of(pod: &Value, name: &str, request: &Request) -> Result<String, Status> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |field: &str| pod["spec"][field].as_array().cloned().unwrap_or_default();
    let names: Vec<String> = list("containers")
        .iter()
        .map(|it| text(&it["name"]))
        .collect();
    let container = match (request.parameter("container"), names.as_slice()) {
        (Some(given), _) => given.to_owned(),
        (None, [only]) => only.clone(),
        (None, _) => {
            let shown = names.join(" ");
            return Err(Status::bad_request(format!(
                "a container name must be specified for pod {name}, choose one of: [{shown}]"
            )));
        }
    };
    if !names.contains(&container)
        && !list("initContainers")
            .iter()
            .any(|it| it["name"] == *container)
    {
        return Err(Status::bad_request(format!(
            "container {container} is not valid for pod {name}"
        )));
    }
    Ok(container)
}

fn token(state: &State, target: &Target, request: &Request) -> Result<Answer, Status> {
    let (kind, key) = (&target.kind, target.key());
    let body = decode::parse(&request.body, http::media_of(request)?)
        .map_err(Status::bad_request)?
        .0;
    let account = state
        .store
        .get(&key)
        .ok_or_else(|| Status::not_found(&kind.group, &kind.plural, &key.name))?;
    let spec = if body["spec"].is_object() {
        body["spec"].clone()
    } else {
        json!({})
    };
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or(3600);
    if seconds < 600 {
        let why = "may not specify a duration less than 10 minutes";
        let cause = Cause::invalid("spec.expirationSeconds", seconds, why);
        return Err(Status::invalid(
            "authentication.k8s.io",
            "TokenRequest",
            "",
            vec![cause],
        ));
    }
    let expires = state.settings.now.now() + jiff::SignedDuration::from_secs(seconds);
    let metadata = &account["metadata"];
    let namespace = key.namespace.as_deref().unwrap_or_default();
    let uid = metadata["uid"].as_str().unwrap_or_default();
    let mut review = json!({ "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": spec });
    reviews::note(state, kind, &mut review, request, Some("token"));
    for (name, value) in [
        ("name", json!(key.name)),
        ("namespace", json!(namespace)),
        ("uid", json!(uid)),
    ] {
        review["metadata"][name] = value;
    }
    review["metadata"]["creationTimestamp"] = json!(state.now());
    review["spec"]["expirationSeconds"] = json!(seconds);
    super::defaults::lay_under(
        &mut review["spec"],
        &json!({ "audiences": ["https://kubernetes.default.svc"], "boundObjectRef": null }),
    );
    review["status"] = json!({
        "token": auth::issue(namespace, &key.name, uid, expires.as_second()),
        "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    Ok(Reply::Value(201, review).into())
}

fn evict(state: &mut State, target: &Target, request: &Request) -> Result<Answer, Status> {
    let (kind, key) = (&target.kind, target.key());
    let body = decode::parse(&request.body, http::media_of(request)?)
        .map_err(Status::bad_request)?
        .0;
    if body["metadata"]["name"]
        .as_str()
        .is_some_and(|name| name != key.name)
    {
        return Err(Status::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let pod = state.store.get(&key).cloned();
    let pod = pod.ok_or_else(|| Status::not_found(&kind.group, &kind.plural, &key.name))?;
    for budget in state
        .store
        .list("policy", "PodDisruptionBudget", key.namespace.as_deref())
    {
        let guards = Selector::of_object(&budget["spec"]["selector"]).matches(&pod);
        let status = &budget["status"];
        if guards && status["disruptionsAllowed"].as_i64().unwrap_or(0) < 1 {
            let cause = Cause {
                reason: "DisruptionBudget".to_owned(),
                message: format!(
                    "The disruption budget {} needs {} healthy pods and has {} currently",
                    budget["metadata"]["name"].as_str().unwrap_or_default(),
                    status["desiredHealthy"],
                    status["currentHealthy"]
                ),
                field: String::new(),
            };
            let message = "Cannot evict pod as it would violate the pod's disruption budget.";
            return Err(Status::new(429, "TooManyRequests", message).with_causes([cause]));
        }
    }
    let dry_run = request.dry_run("CreateOptions")?;
    delete::delete(
        state,
        kind,
        &key,
        &DeleteOptions {
            dry_run,
            ..DeleteOptions::default()
        },
    )?;
    Ok(Reply::Value(201, json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 })).into())
}
