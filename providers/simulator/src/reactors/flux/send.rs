//! What Helm does with the objects of a chart: sends them in order, and takes away what the last version made and this one does not.

use super::{
    Cx, inventory, labels,
    releases::{Plan, kept},
};
use crate::{
    blueprint::Made,
    reactors::object::{deleting, key, name, namespace, text},
};
use serde_json::{Value, json};

/// Sends the chart's objects, and takes away those that the last version made and this one does not.
pub(super) fn send(cx: &Cx<'_>, plan: &Plan<'_>) -> Result<Vec<Made>, String> {
    let it = plan.release;
    let options = &it["spec"][plan.action];
    if cx.get("", "Namespace", "", plan.namespace).is_none() {
        if it["spec"]["install"]["createNamespace"] != true {
            return Err(format!(
                "failed to create release: namespaces \"{}\" not found",
                plan.namespace
            ));
        }
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": plan.namespace}});
        cx.create(namespace).map_err(|error| error.message)?;
    }
    let mut made = plan
        .chart
        .make(&plan.name, plan.namespace, &plan.values)
        .map_err(|error| format!("{error:#}"))?;
    let policy = options["crds"]
        .as_str()
        .unwrap_or(if plan.action == "install" {
            "Create"
        } else {
            "Skip"
        });
    made.retain(|made| !made.folder || policy != "Skip");
    // As Helm orders kinds: definitions first, workloads after what they refer to.
    made.sort_by_key(|made| (!made.folder, rank(text(&made.object, "kind"))));
    let sent = made.partition_point(|made| made.folder);
    for at in 0..made.len() {
        if at == sent {
            check_kinds(cx, &made[sent..])?;
        }
        let made = &mut made[at];
        let object = &mut made.object;
        let known = cx.api.get(&key(object));
        for (key, value) in labels(it).as_object().into_iter().flatten() {
            object["metadata"]["labels"][key] = value.clone();
        }
        if made.folder {
            if known.is_some() && policy == "Create" {
                continue;
            }
        } else {
            object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
            object["metadata"]["annotations"]["meta.helm.sh/release-name"] = json!(plan.name);
            object["metadata"]["annotations"]["meta.helm.sh/release-namespace"] =
                json!(plan.namespace);
            if let Some(known) = &known {
                check_owner(plan, known)?;
                if deleting(known) {
                    return Err(format!(
                        "{} \"{}\" is being deleted",
                        text(known, "kind"),
                        name(known)
                    ));
                }
            }
        }
        let shown = format!("{} \"{}\"", text(object, "kind"), name(object));
        cx.api
            .apply("helm", object.clone())
            .map_err(|error| format!("failed to create resource {shown}: {}", error.message))?;
    }
    for old in inventory::read(it) {
        if !made.iter().any(|made| key(&made.object) == old)
            && let Some(object) = cx.api.get(&old)
            && !kept(&object)
        {
            cx.delete(&object);
        }
    }
    Ok(made)
}

/// Before it sends anything but the chart's `crds` folder, Helm asks the cluster for the kind of each object: those that definitions
/// among them would make are not there yet, either.
fn check_kinds(cx: &Cx<'_>, made: &[Made]) -> Result<(), String> {
    let unknown = made.iter().map(|made| &made.object).find(|object| {
        let (version, kind) = (text(object, "apiVersion"), text(object, "kind"));
        !cx.api.serves(version, kind)
    });
    match unknown {
        None => Ok(()),
        Some(object) => Err(format!(
            "unable to build kubernetes objects from release manifest: resource mapping not found for name: \"{}\" namespace: \"{}\" \
             from \"\": no matches for kind \"{}\" in version \"{}\"\nensure CRDs are installed first",
            name(object),
            namespace(object),
            text(object, "kind"),
            text(object, "apiVersion"),
        )),
    }
}

/// Helm takes nothing over that another made.
fn check_owner(plan: &Plan<'_>, known: &Value) -> Result<(), String> {
    let annotations = &known["metadata"]["annotations"];
    let (name_of, space_of) = (
        text(annotations, "meta.helm.sh/release-name"),
        text(annotations, "meta.helm.sh/release-namespace"),
    );
    if (name_of, space_of) == (plan.name.as_str(), plan.namespace) {
        return Ok(());
    }
    let place = match namespace(known) {
        "" => String::new(),
        space => format!(" in namespace \"{space}\""),
    };
    Err(format!(
        "Unable to continue with {}: {} \"{}\"{place} exists and cannot be imported into the current release: invalid ownership metadata; annotation validation error: key \"meta.helm.sh/release-name\" must equal \"{}\": current value is \"{name_of}\"",
        plan.action,
        text(known, "kind"),
        name(known),
        plan.name
    ))
}

fn rank(kind: &str) -> u8 {
    match kind {
        "Namespace" => 0,
        "CustomResourceDefinition" => 1,
        "ServiceAccount" | "Secret" | "ConfigMap" => 2,
        "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding" => 3,
        "Service" => 4,
        _ => 5,
    }
}
