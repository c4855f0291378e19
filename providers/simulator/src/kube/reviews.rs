//! Reviews: questions in the form of objects that are never stored.

use super::{
    auth::{self, Access, User},
    http::Answer,
    kinds::Kind,
    managed::{Managers, Updater},
    request::Request,
    respond::Reply,
    route::Target,
    state::State,
    status::Status,
};
use serde_json::{Value, json};

/// Answers a review; `None` where the kind is none.
pub(super) fn answer(
    state: &State,
    user: &User,
    kind: &Kind,
    target: &Target,
    request: &Request,
) -> Option<Result<Answer, Status>> {
    match kind.group.as_str() {
        "authentication.k8s.io" | "authorization.k8s.io" => {
            Some(review(state, user, kind, target, request))
        }
        _ => None,
    }
}

fn review(
    state: &State,
    user: &User,
    kind: &Kind,
    target: &Target,
    request: &Request,
) -> Result<Answer, Status> {
    let decoded = super::decode::decode(&request.body, super::http::media_of(request)?, kind)?;
    let mut object = decoded.object;
    let spec = object["spec"].clone();
    if kind.kind == "SelfSubjectReview" {
        object["metadata"] = json!({ "creationTimestamp": state.now() });
        object["status"] = json!({ "userInfo": user.to_value() });
        return Ok(Reply::Value(201, object).into());
    }
    super::defaults::set(&mut object, "metadata", json!({}));
    note(state, kind, &mut object, request, None);
    object["status"] = match kind.kind.as_str() {
        "TokenReview" => {
            match auth::user_of_token(state, spec["token"].as_str().unwrap_or_default()) {
                Some(user) => json!({
                    "authenticated": true, "user": user.to_value(), "audiences": ["https://kubernetes.default.svc"],
                }),
                None => json!({ "user": {}, "error": "invalid bearer token" }),
            }
        }
        "SelfSubjectRulesReview" => json!({
            "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
            "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
            "incomplete": false,
        }),
        name => {
            let asked = if name == "SelfSubjectAccessReview" {
                user.clone()
            } else {
                subject(&spec)
            };
            verdict(state, &asked, &spec, target.namespace.as_deref())
        }
    };
    Ok(Reply::Value(201, object).into())
}

/// Notes who wrote a body that is not stored.
pub(super) fn note(
    state: &State,
    kind: &Kind,
    object: &mut Value,
    request: &Request,
    subresource: Option<&str>,
) {
    let mut managers = Managers::default();
    let (manager, api_version) = (
        request.manager(),
        object["apiVersion"].as_str().unwrap_or_default().to_owned(),
    );
    let updater = Updater {
        manager: &manager,
        api_version: &api_version,
        subresource,
    };
    let schema = kind.schema();
    // Its spec is always there in Go, so that no one owns it as such.
    managers.update(
        &json!({ "spec": {}, "status": {} }),
        object,
        schema,
        &updater,
        Some(&state.now()),
    );
    managers.write(object);
}

fn subject(spec: &Value) -> User {
    let groups = spec["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    User {
        name: spec["user"].as_str().unwrap_or_default().to_owned(),
        groups: groups.map(str::to_owned).collect(),
        ..User::default()
    }
}

fn verdict(state: &State, user: &User, spec: &Value, namespace: Option<&str>) -> Value {
    let text = |object: &'_ Value, name: &str| object[name].as_str().unwrap_or_default().to_owned();
    let asked = &spec["resourceAttributes"];
    let (verb, path) = (
        text(&spec["nonResourceAttributes"], "verb"),
        text(&spec["nonResourceAttributes"], "path"),
    );
    let (group, mut resource) = (text(asked, "group"), text(asked, "resource"));
    let part = text(asked, "subresource");
    if !part.is_empty() {
        resource = format!("{resource}/{part}");
    }
    let (wanted, name, within) = (
        text(asked, "verb"),
        text(asked, "name"),
        text(asked, "namespace"),
    );
    let access = if asked.is_object() {
        let namespace = namespace.or(Some(within.as_str()).filter(|within| !within.is_empty()));
        Access {
            verb: &wanted,
            group: &group,
            resource: &resource,
            namespace,
            name: &name,
            path: None,
        }
    } else {
        Access {
            verb: &verb,
            path: Some(&path),
            ..Access::default()
        }
    };
    match auth::decide(state, user, &access) {
        Some(reason) if reason.is_empty() => json!({ "allowed": true }),
        Some(reason) => json!({ "allowed": true, "reason": reason }),
        None => json!({ "allowed": false }),
    }
}
