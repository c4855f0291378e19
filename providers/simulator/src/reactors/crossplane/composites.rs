//! Composite resources: the definitions that make their kinds, claims for them, and what they are composed of.
//!
//! There are no functions that run: of a Composition's pipeline the resources count that function-patch-and-transform is given,
//! without patches, and a composite is Ready when all of them are.

use super::{EXTENSIONS, MANAGER, conditions, home, say};
use crate::{
    kube::{ApiServer, Key},
    reactors::{
        Cx, Next, external,
        health::{self, Health},
        object::{controller, deleting, is_true, key, mark, name, namespace, reference, text, uid},
    },
};
use serde_json::{Value, json};
use std::sync::Arc;

const COMPOSITE_FINALIZER: &str = "composite.apiextensions.crossplane.io";
const CLAIM_FINALIZER: &str = "finalizer.apiextensions.crossplane.io";
const COMPOSITE: &str = "crossplane.io/composite";

/// Returns the groups and kinds of all composites and claims.
pub(super) fn kinds(api: &Arc<ApiServer>) -> Vec<(String, String)> {
    let definitions = api.list(EXTENSIONS, "CompositeResourceDefinition", None);
    let kinds = definitions.iter().flat_map(|it| {
        let spec = &it["spec"];
        let names = [&spec["names"], &spec["claimNames"]];
        let group = text(spec, "group").to_owned();
        names.map(|names| (group.clone(), text(names, "kind").to_owned()))
    });
    kinds.filter(|(_, kind)| !kind.is_empty()).collect()
}

/// Returns the composite or revision that an object is a part of, the claim of a composite, and the composite of a claim.
pub(super) fn concern(object: &Value) -> Vec<Key> {
    let mut keys = Vec::new();
    if let Some(mut owner) = controller(object).filter(|it| it.namespace.is_some()) {
        // One without a namespace may own what has one.
        owner.namespace = None;
        keys.push(owner);
    }
    for reference in [&object["spec"]["claimRef"], &object["spec"]["resourceRef"]] {
        if reference["apiVersion"].is_string() {
            keys.push(key(&json!({
                "apiVersion": reference["apiVersion"], "kind": reference["kind"],
                "metadata": {"name": reference["name"], "namespace": reference["namespace"]},
            })));
        }
    }
    keys
}

/// A definition makes the kind of its composites, and that of their claims.
pub(super) fn definition(cx: &Cx<'_>, it: &Value) -> Next {
    if home(cx).is_none() || deleting(it) {
        return Next::NEVER;
    }
    let spec = &it["spec"];
    // Only definitions of Crossplane 1 have claims, and their composites no namespace.
    let legacy = spec["claimNames"].is_object();
    let scope = match spec["scope"].as_str() {
        Some("Namespaced") => "Namespaced",
        Some(_) => "Cluster",
        None if legacy => "Cluster",
        None => "Namespaced",
    };
    let mut said = vec![("Established", "True", "WatchingCompositeResource", "")];
    let mut failed = None;
    let mut make = |names: &Value, scope: &str, category: &str| {
        let kind = kind(it, names, scope, category);
        if cx.api.get(&key(&kind)).is_none() {
            failed = cx.api.apply(MANAGER, kind).err().map(|it| it.message);
        }
    };
    make(&spec["names"], scope, "composite");
    if spec["claimNames"].is_object() {
        make(&spec["claimNames"], "Namespaced", "claim");
        said.push(("Offered", "True", "WatchingCompositeResourceClaim", ""));
    }
    let message =
        failed.map(|cause| format!("cannot apply rendered CustomResourceDefinition: {cause}"));
    if let Some(message) = &message {
        cx.event(it, "Warning", "EstablishComposite", message);
        said = vec![("Established", "False", "ReconcileError", message)];
    }
    say(cx, it, &said);
    Next::NEVER
}

fn kind(it: &Value, names: &Value, scope: &str, category: &str) -> Value {
    let spec = &it["spec"];
    let plural = text(names, "plural");
    let kind = text(names, "kind");
    let versions = spec["versions"].as_array().into_iter().flatten().map(|version| {
        let mut schema = version["schema"]["openAPIV3Schema"].clone();
        // What Crossplane itself adds.
        let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        if !schema.is_object() {
            schema = open.clone();
        }
        schema["properties"]["status"] = open.clone();
        if schema["properties"]["spec"].is_null() {
            schema["properties"]["spec"] = open.clone();
        }
        for field in ["crossplane", "claimRef", "resourceRef", "compositionRef", "compositionSelector"] {
            schema["properties"]["spec"]["properties"][field] = open.clone();
        }
        json!({
            "name": version["name"], "served": version["served"], "storage": version["referenceable"] == true,
            "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema},
        })
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{}", text(spec, "group")), "ownerReferences": reference(it)},
        "spec": {
            "group": spec["group"], "scope": scope, "versions": versions.collect::<Vec<_>>(),
            "names": {
                "kind": kind, "plural": plural, "listKind": format!("{kind}List"),
                "singular": names["singular"].as_str().map_or_else(|| kind.to_lowercase(), str::to_owned), "categories": ["crossplane", category],
            },
        },
    })
}

/// Looks at a composite or a claim; `None` where the object is neither.
pub(super) fn composite(cx: &Cx<'_>, it: &Value) -> Option<Next> {
    let own = key(it);
    if own.group.is_empty() {
        return None;
    }
    let definitions = cx.api.list(EXTENSIONS, "CompositeResourceDefinition", None);
    let definition = definitions.iter().find(|known| {
        let names = [&known["spec"]["names"], &known["spec"]["claimNames"]];
        text(&known["spec"], "group") == own.group
            && names.iter().any(|it| text(it, "kind") == own.kind)
    })?;
    if home(cx).is_none() {
        return Some(Next::NEVER);
    }
    Some(
        match text(&definition["spec"]["claimNames"], "kind") == own.kind {
            true => claim(cx, it, definition),
            false => compose(cx, it),
        },
    )
}

/// A claim makes a composite, and says what that says.
fn claim(cx: &Cx<'_>, it: &Value, definition: &Value) -> Next {
    let kind = text(&definition["spec"]["names"], "kind");
    let made = it["spec"]["resourceRef"]["name"].as_str().map_or_else(
        || format!("{}-{}", name(it), mark(uid(it), 5)),
        str::to_owned,
    );
    let composite = cx.get(&key(it).group, kind, "", &made);
    if deleting(it) {
        match composite {
            Some(composite) => {
                if !deleting(&composite) {
                    cx.delete(&composite);
                }
                // In the background the claim goes at once.
                if it["spec"]["compositeDeletePolicy"] != "Foreground" {
                    external::let_go(cx, it, MANAGER, CLAIM_FINALIZER);
                }
            }
            None => external::let_go(cx, it, MANAGER, CLAIM_FINALIZER),
        }
        return Next::NEVER;
    }
    if external::hold(cx, it, MANAGER, CLAIM_FINALIZER) {
        return Next::NEVER;
    }
    let Some(composite) = composite else {
        let mut spec = it["spec"].clone();
        if let Some(spec) = spec.as_object_mut() {
            spec.shift_remove("resourceRef");
        }
        spec["claimRef"] = json!({"apiVersion": it["apiVersion"], "kind": it["kind"], "name": name(it), "namespace": namespace(it)});
        let created = cx.create(json!({
            "apiVersion": it["apiVersion"], "kind": kind,
            "metadata": {"name": made, "labels": {"crossplane.io/claim-name": name(it), "crossplane.io/claim-namespace": namespace(it)}},
            "spec": spec,
        }));
        match created {
            Ok(_) => {
                let reference = json!({"apiVersion": it["apiVersion"], "kind": kind, "name": made});
                cx.patch(
                    it,
                    MANAGER,
                    None,
                    json!({"spec": {"resourceRef": reference}}),
                );
            }
            Err(error) => say(
                cx,
                it,
                &[("Synced", "False", "ReconcileError", &error.message)],
            ),
        }
        return Next::NEVER;
    };
    let ready = match is_true(&composite, "Ready") {
        true => ("Ready", "True", "Available", ""),
        false => (
            "Ready",
            "False",
            "Waiting",
            "Composite resource claim is waiting for composite resource to become Ready",
        ),
    };
    say(cx, it, &[("Synced", "True", "ReconcileSuccess", ""), ready]);
    Next::NEVER
}

/// A composite makes what its Composition says.
fn compose(cx: &Cx<'_>, it: &Value) -> Next {
    if deleting(it) {
        // What it is composed of goes with it: that is the garbage collector's.
        external::let_go(cx, it, MANAGER, COMPOSITE_FINALIZER);
        return Next::NEVER;
    }
    if external::hold(cx, it, MANAGER, COMPOSITE_FINALIZER) {
        return Next::NEVER;
    }
    let composition = match select(cx, it) {
        Ok(composition) => composition,
        Err(message) => {
            say(cx, it, &[("Synced", "False", "ReconcileError", &message)]);
            return Next::NEVER;
        }
    };
    let steps = composition["spec"]["pipeline"]
        .as_array()
        .into_iter()
        .flatten();
    let resources =
        steps.flat_map(|step| step["input"]["resources"].as_array().into_iter().flatten());
    let mut waiting = Vec::new();
    for resource in resources {
        let object = composed(it, resource);
        let known = match cx.api.get(&key(&object)) {
            Some(known) => known,
            None => match cx.api.apply(MANAGER, object) {
                Ok(known) => known,
                Err(error) => {
                    let message = format!(
                        "cannot compose resources: cannot apply composed resource {:?}: {}",
                        text(resource, "name"),
                        error.message
                    );
                    say(cx, it, &[("Synced", "False", "ReconcileError", &message)]);
                    return Next::NEVER;
                }
            },
        };
        if !is_ready(&known) {
            waiting.push(text(resource, "name"));
        }
    }
    let mut all = conditions(cx, it);
    all.set("Synced", "True", "ReconcileSuccess", "");
    match waiting.is_empty() {
        true => all.set("Ready", "True", "Available", ""),
        false => all.set(
            "Ready",
            "False",
            "Creating",
            &format!("Unready resources: {}", waiting.join(", ")),
        ),
    }
    cx.status(it, MANAGER, json!({"conditions": all.into_value()}));
    Next::NEVER
}

/// Returns whether a composed resource is Ready, as function-auto-ready judges it.
fn is_ready(it: &Value) -> bool {
    let group = key(it).group;
    match group.contains("upbound.io") || group.contains("crossplane.io") {
        true => is_true(it, "Ready"),
        false => matches!(health::of(it), Health::Ready),
    }
}

fn composed(it: &Value, resource: &Value) -> Value {
    let mut object = resource["base"].clone();
    let claim = &it["spec"]["claimRef"];
    let root = claim["name"].as_str().unwrap_or(name(it));
    object["metadata"]["name"] = json!(format!("{root}-{}", text(resource, "name")));
    let space = it["metadata"]["namespace"]
        .as_str()
        .or(claim["namespace"].as_str());
    if let Some(space) = space {
        object["metadata"]["namespace"] = json!(space);
    }
    object["metadata"]["labels"][COMPOSITE] = json!(name(it));
    object["metadata"]["annotations"]["crossplane.io/composition-resource-name"] =
        resource["name"].clone();
    object["metadata"]["ownerReferences"] = reference(it);
    object
}

/// Returns the Composition that a composite asks for: by name, by labels, or the only one of its kind.
fn select(cx: &Cx<'_>, it: &Value) -> Result<Arc<Value>, String> {
    // Crossplane 2 has what is its own under one key.
    let spec = match &it["spec"]["crossplane"] {
        Value::Null => &it["spec"],
        own => own,
    };
    if let Some(wanted) = spec["compositionRef"]["name"].as_str() {
        let found = cx.get(EXTENSIONS, "Composition", "", wanted);
        return found.ok_or_else(|| {
            format!("cannot select Composition: cannot get Composition: Composition.{EXTENSIONS} {wanted:?} not found")
        });
    }
    let labels = spec["compositionSelector"]["matchLabels"].as_object();
    let fits = |candidate: &Value| {
        let of = &candidate["spec"]["compositeTypeRef"];
        let ours = of["kind"] == it["kind"] && of["apiVersion"] == it["apiVersion"];
        let mut labels = labels.into_iter().flatten();
        ours && labels.all(|(key, value)| candidate["metadata"]["labels"][key] == *value)
    };
    let all = cx.api.list(EXTENSIONS, "Composition", None);
    all.into_iter()
        .find(|candidate| fits(candidate))
        .ok_or_else(|| "cannot select Composition: no compatible Compositions found".to_owned())
}
