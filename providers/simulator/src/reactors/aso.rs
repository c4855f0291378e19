//! Azure Service Operator: its CRDs, and its resources with the conditions and reasons of the real one (ASO 2.21). It acts only
//! while its Deployment is Available. Facts: <https://azure.github.io/azure-service-operator/guide/>.

use super::{
    Cx, Next, external,
    object::{
        Conditions, deleting, find, generation, is_true, key, name, namespace, path, text, time,
        uid,
    },
};
use crate::{
    blueprint::{self, Item},
    clock,
    kube::{ApiServer, Change, Key},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

const MANAGER: &str = "aso-controller";
const OPERATOR: &str = "azureserviceoperator-controller-manager";
const FINALIZER: &str = "serviceoperator.azure.com/finalizer";
const POLICY: &str = "serviceoperator.azure.com/reconcile-policy";
/// Where the operator writes what Azure calls the resource.
const ID: &str = "serviceoperator.azure.com/resource-id";
const CREDENTIAL: &str = "serviceoperator.azure.com/credential-from";
/// How long the operator waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(60);

/// A kind of Azure resources.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    group: String,
    kind: String,
    plural: String,
    version: String,
    /// What `spec.owner` names, as "group/kind"; "" for what is owned by a subscription.
    owner: String,
    seconds: u64,
}

static KINDS: LazyLock<Vec<Resource>> = LazyLock::new(|| {
    // A test reads it, so that this does not fail.
    serde_saphyr::from_str(include_str!("../../aso.yaml")).unwrap_or_default()
});

fn kind_of(key: &Key) -> Option<&'static Resource> {
    KINDS
        .iter()
        .find(|it| it.group == key.group && it.kind == key.kind)
}

/// Makes the CRDs that the operator's arguments ask for; it never removes one.
pub(super) fn begin(cx: &Cx<'_>, deployment: &Value) {
    if name(deployment) != OPERATOR || deleting(deployment) {
        return;
    }
    let args = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    let mut args = args
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let patterns = args
        .find_map(|arg| arg.strip_prefix("--crd-pattern="))
        .unwrap_or_default();
    let wanted = |it: &&Resource| {
        patterns.split(';').map(str::trim).any(|pattern| {
            let (group, kind) = pattern.split_once('/').unwrap_or((pattern, ""));
            (group == "*" || group == it.group) && (kind == "*" || kind == it.kind)
        })
    };
    for it in KINDS.iter().filter(wanted) {
        let item = json!({"crd": {
            "group": it.group, "kind": it.kind, "plural": it.plural, "versions": [it.version], "categories": ["azure"],
            "columns": [
                ["Ready", ".status.conditions[?(@.type==\"Ready\")].status"],
                ["Reason", ".status.conditions[?(@.type==\"Ready\")].reason"],
            ],
        }});
        let made = serde_json::from_value::<Item>(item)
            .ok()
            .and_then(|item| blueprint::make(&[item], &json!({}), "").ok());
        for made in made.into_iter().flatten() {
            if cx.api.get(&key(&made.object)).is_none() {
                // What is refused is tried again with the next change of the Deployment.
                let _ = cx.api.apply(MANAGER, made.object);
            }
        }
    }
}

/// Looks at an object; `None` where it is none of the operator's.
pub(super) fn react(cx: &Cx<'_>, key: &Key, it: &Value) -> Option<Next> {
    let of = kind_of(key)?;
    let Some(operator) = external::running(cx, OPERATOR) else {
        return Some(Next::NEVER);
    };
    Some(match deleting(it) {
        true if external::is_held(it, FINALIZER) => delete(cx, it, of, namespace(&operator)),
        true => Next::NEVER,
        false => reconcile(cx, it, of, namespace(&operator)),
    })
}

/// Returns what else is to be looked at when an object changed.
pub(super) fn concern(api: &Arc<ApiServer>, change: &Change) -> Vec<Key> {
    let changed = &change.key;
    let all = match (changed.group.as_str(), changed.kind.as_str()) {
        ("apps", "Deployment") => changed.name == OPERATOR,
        ("", "Secret") => true,
        _ => kind_of(changed).is_some(),
    };
    let kinds = KINDS.iter().filter(|_| all);
    let objects = kinds.flat_map(|it| api.list(&it.group, &it.kind, None));
    objects.map(|it| key(&it)).collect()
}

fn reconcile(cx: &Cx<'_>, it: &Value, of: &Resource, home: &str) -> Next {
    if external::hold(cx, it, MANAGER, FINALIZER) {
        // The change brings it here again.
        return Next::NEVER;
    }
    let ready = find(it, "Ready");
    let settled = ready.is_some_and(|ready| ready["status"] == "True");
    if settled
        && it["status"]["conditions"][0]["observedGeneration"].as_i64() == Some(generation(it))
    {
        return Next::NEVER;
    }
    if let Some((reason, message)) = obstacle(cx, it, of, home) {
        return say(cx, it, "False", "Warning", reason, &message);
    }
    let owner = owner(cx, it, of);
    if let Some(owner) = &owner {
        let reference = json!([{
            "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name(owner), "uid": uid(owner),
        }]);
        cx.patch(
            it,
            MANAGER,
            None,
            json!({"metadata": {"ownerReferences": reference}}),
        );
    }
    if it["metadata"]["annotations"][POLICY] == "skip" {
        return say(cx, it, "True", "", "Succeeded", "");
    }
    let (latency, failure) = strike(cx, it);
    if let Some(cause) = failure {
        say(cx, it, "False", "Error", "Failed", &cause);
        return Next::limit(clock::add(cx.now, RETRY));
    }
    let begun = ready.filter(|ready| ready["reason"] == "Reconciling");
    let Some(since) = begun.and_then(|it| time(&it["lastTransitionTime"])) else {
        external::make(cx, it, owner.as_deref());
        let id = resource_id(it, of, owner.as_deref());
        let patch = json!({"metadata": {"annotations": {ID: id}}});
        cx.patch(it, MANAGER, None, patch);
        let message = "The resource is in the process of being reconciled by the operator";
        return say(cx, it, "False", "Info", "Reconciling", message);
    };
    let done = clock::add(
        since,
        Duration::from_secs(of.seconds).saturating_add(latency),
    );
    if cx.now < done {
        return Next::at(done);
    }
    say(cx, it, "True", "", "Succeeded", "")
}

/// Returns why the operator cannot begin: the reason of the condition, and its message.
fn obstacle(cx: &Cx<'_>, it: &Value, of: &Resource, home: &str) -> Option<(&'static str, String)> {
    let own = it["metadata"]["annotations"][CREDENTIAL].as_str();
    let found = match own {
        Some(secret) => cx.get("", "Secret", namespace(it), secret).is_some(),
        None => {
            cx.get("", "Secret", namespace(it), "aso-credential")
                .is_some()
                || cx
                    .get("", "Secret", home, "aso-controller-settings")
                    .is_some_and(|it| it["data"]["AZURE_SUBSCRIPTION_ID"].is_string())
        }
    };
    if !found {
        let secret = own.unwrap_or("aso-credential");
        let message = format!(
            "\"{}/{secret}\" does not exist: no credential: {home}/aso-controller-settings does not exist either",
            namespace(it)
        );
        return Some(("SecretNotFound", message));
    }
    if of.owner.is_empty() || it["spec"]["owner"]["armId"].is_string() {
        return None;
    }
    let shown = format!(
        "{}/{}, Group/Kind: {}",
        namespace(it),
        text(&it["spec"]["owner"], "name"),
        of.owner
    );
    match owner(cx, it, of) {
        None => Some((
            "WaitingForOwner",
            format!(
                "Owner {shown:?} cannot be found. Progress is blocked until the owner is created."
            ),
        )),
        Some(owner) if !is_true(&owner, "Ready") => Some((
            "WaitingForOwner",
            format!("Owner {shown:?} is not ready. Progress is blocked until it is."),
        )),
        Some(_) => None,
    }
}

/// Returns what Azure calls a resource: what is in another one has its id before its own.
fn resource_id(it: &Value, of: &Resource, owner: Option<&Value>) -> String {
    let own = it["spec"]["azureName"].as_str().unwrap_or(name(it));
    let within = owner.and_then(|it| it["metadata"]["annotations"][ID].as_str());
    match within {
        None => format!("/subscriptions/rehearsal/resourceGroups/{own}"),
        Some(within) if within.contains("/providers/") => format!("{within}/{}/{own}", of.plural),
        Some(within) => {
            let group = of.group.strip_suffix(".azure.com").unwrap_or(&of.group);
            format!("{within}/providers/Microsoft.{group}/{}/{own}", of.plural)
        }
    }
}

fn owner(cx: &Cx<'_>, it: &Value, of: &Resource) -> Option<Arc<Value>> {
    let (group, kind) = of.owner.split_once('/')?;
    cx.get(
        group,
        kind,
        namespace(it),
        text(&it["spec"]["owner"], "name"),
    )
}

fn delete(cx: &Cx<'_>, it: &Value, of: &Resource, home: &str) -> Next {
    let policy = text(&it["metadata"]["annotations"], POLICY);
    if ["skip", "detach-on-delete"].contains(&policy) || !external::exists(cx, it) {
        external::let_go(cx, it, MANAGER, FINALIZER);
        return Next::NEVER;
    }
    if let Some((reason, message)) =
        obstacle(cx, it, of, home).filter(|(reason, _)| *reason == "SecretNotFound")
    {
        return say(cx, it, "False", "Warning", reason, &message);
    }
    let (latency, failure) = strike(cx, it);
    if let Some(cause) = failure {
        say(cx, it, "False", "Error", "Failed", &cause);
        return Next::limit(clock::add(cx.now, RETRY));
    }
    let since = time(&it["metadata"]["deletionTimestamp"]).unwrap_or(cx.now);
    let done = clock::add(
        since,
        Duration::from_secs(of.seconds / 2).saturating_add(latency),
    );
    if cx.now < done {
        say(
            cx,
            it,
            "False",
            "Info",
            "Deleting",
            "The resource is being deleted",
        );
        return Next::at(done);
    }
    if external::may_let_go(cx, it, FINALIZER) {
        external::delete(cx, it);
        external::let_go(cx, it, MANAGER, FINALIZER);
    }
    Next::NEVER
}

fn strike(cx: &Cx<'_>, it: &Value) -> (Duration, Option<String>) {
    let since = match deleting(it) {
        true => &it["metadata"]["deletionTimestamp"],
        false => &it["metadata"]["creationTimestamp"],
    };
    let age = cx.now.duration_since(time(since).unwrap_or(cx.now));
    let attempt = Duration::try_from(age).unwrap_or_default().as_secs() / RETRY.as_secs();
    let subject = format!("{} {} {attempt}", uid(it), deleting(it));
    let strike = cx
        .ground
        .faults
        .managed(text(it, "kind"), &path(it), &subject, cx.now);
    (strike.latency, strike.effect)
}

/// Sets the one condition that there is. A change of the reason is a transition here, as the operator has it.
fn say(cx: &Cx<'_>, it: &Value, status: &str, severity: &str, reason: &str, message: &str) -> Next {
    let same = find(it, "Ready")
        .is_some_and(|known| known["status"] == status && known["reason"] == reason);
    let mut all = Conditions::of(it, cx.now).observing(generation(it));
    if !same {
        all.remove("Ready");
    }
    all.set("Ready", status, reason, message);
    let mut list = all.into_value();
    if !severity.is_empty() {
        list[0]["severity"] = json!(severity);
    }
    cx.status(it, MANAGER, json!({"conditions": list}));
    Next::NEVER
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kinds_can_be_read() {
        let text = include_str!("../../aso.yaml");
        let kinds: Vec<super::Resource> = serde_saphyr::from_str(text).unwrap();
        for it in &kinds {
            let known =
                |other: &super::Resource| format!("{}/{}", other.group, other.kind) == it.owner;
            assert!(
                it.owner.is_empty() || kinds.iter().any(known),
                "{}",
                it.kind
            );
        }
        assert_eq!(super::KINDS.len(), kinds.len());
    }
}
