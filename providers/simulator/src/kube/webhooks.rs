//! Admission webhooks, as far as they matter where nothing answers them: one whose Service does not exist, or has no pod that is ready,
//! refuses. Any other is taken to have allowed the request, as is one whose Service selects no pods: what is behind it is not known.

use super::{
    kinds::Kind,
    selector::Selector,
    state::State,
    status::{Cause, Status},
    store::Key,
};
use serde_json::{Value, json};

const GROUP: &str = "admissionregistration.k8s.io";

/// Asks the webhooks about a new object.
pub(super) fn admit(state: &State, kind: &Kind, object: &Value) -> Result<(), Status> {
    if kind.group == GROUP {
        return Ok(());
    }
    for configuration in [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ] {
        for configuration in state.store.list(GROUP, configuration, None) {
            for webhook in configuration["webhooks"].as_array().into_iter().flatten() {
                if webhook["failurePolicy"] == "Fail" && concerns(state, webhook, kind, object) {
                    reach(state, webhook)?;
                }
            }
        }
    }
    Ok(())
}

fn concerns(state: &State, webhook: &Value, kind: &Kind, object: &Value) -> bool {
    let names = |list: &Value, wanted: &str| {
        list.as_array()
            .into_iter()
            .flatten()
            .any(|name| name == "*" || name == wanted)
    };
    // A resource may be written with its subresources: `pods/*`, `*/*`.
    let resources = |list: &Value| {
        let entries = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        entries
            .map(|entry| entry.strip_suffix("/*").unwrap_or(entry))
            .any(|entry| entry == "*" || entry == kind.plural)
    };
    let rules = webhook["rules"].as_array().into_iter().flatten();
    let ruled = rules.into_iter().any(|rule| {
        names(&rule["operations"], "CREATE")
            && names(&rule["apiGroups"], &kind.group)
            && names(&rule["apiVersions"], &kind.version)
            && resources(&rule["resources"])
            && match rule["scope"].as_str() {
                Some("Namespaced") => kind.namespaced,
                Some("Cluster") => !kind.namespaced,
                _ => true,
            }
    });
    if !ruled || !Selector::of_object(&webhook["objectSelector"]).matches(object) {
        return false;
    }
    let namespace = object["metadata"]["namespace"]
        .as_str()
        .and_then(|name| state.namespace(name));
    namespace.is_none_or(|namespace| {
        Selector::of_object(&webhook["namespaceSelector"]).matches(namespace)
    })
}

fn reach(state: &State, webhook: &Value) -> Result<(), Status> {
    let service = &webhook["clientConfig"]["service"];
    let text = |name: &str| service[name].as_str().unwrap_or_default();
    let (name, namespace) = (text("name"), text("namespace"));
    let kind = "Service".to_owned();
    let key = Key {
        group: String::new(),
        kind,
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    };
    if service.is_null() {
        return Ok(());
    }
    let why = match state.store.get(&key) {
        None => format!("service \"{name}\" not found"),
        Some(found) if answers(state, found) => return Ok(()),
        Some(found) => format!(
            "dial tcp {}:{}: connect: connection refused",
            found["spec"]["clusterIP"].as_str().unwrap_or_default(),
            service["port"]
        ),
    };
    let hook = webhook["name"].as_str().unwrap_or_default();
    let url = format!(
        "https://{name}.{namespace}.svc:{}{}?timeout={}s",
        service["port"],
        text("path"),
        webhook["timeoutSeconds"]
    );
    let why =
        format!("failed calling webhook \"{hook}\": failed to call webhook: Post \"{url}\": {why}");
    let cause = Cause {
        reason: String::new(),
        message: why.clone(),
        field: String::new(),
    };
    Err(Status::new(
        500,
        "InternalError",
        format!("Internal error occurred: {why}"),
    )
    .with_causes([cause]))
}

/// Returns whether a pod behind a Service is ready.
fn answers(state: &State, service: &Value) -> bool {
    let selector = &service["spec"]["selector"];
    if selector.as_object().is_none_or(|it| it.is_empty()) {
        return true;
    }
    let selector = Selector::of_object(&json!({ "matchLabels": selector }));
    let namespace = service["metadata"]["namespace"].as_str();
    let pods = state.store.list("", "Pod", namespace);
    pods.iter().any(|pod| {
        selector.matches(pod)
            && pod["metadata"]["deletionTimestamp"].is_null()
            && crate::reactors::is_true(pod, "Ready")
    })
}
