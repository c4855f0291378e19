//! Volumes: a claim of the class `standard` is bound as soon as a pod uses it.

use super::{
    Cx, Next,
    object::{deleting, name, namespace, text, uid},
};
use serde_json::{Value, json};

pub(super) fn claim(cx: &Cx<'_>, claim: &Value) -> Next {
    if deleting(claim) || claim["status"]["phase"] == "Bound" {
        return Next::NEVER;
    }
    let classes = cx.api.list("storage.k8s.io", "StorageClass", None);
    let default = |class: &Value| {
        class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    };
    let class = match claim["spec"]["storageClassName"].as_str() {
        Some(wanted) => classes.iter().find(|class| name(class) == wanted),
        None => classes.iter().find(|class| default(class)),
    };
    let Some(class) = class else {
        cx.event(
            claim,
            "Normal",
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
        );
        cx.status(
            claim,
            "kube-controller-manager",
            json!({"phase": "Pending"}),
        );
        return Next::NEVER;
    };
    let used = cx
        .api
        .list("", "Pod", Some(namespace(claim)))
        .iter()
        .any(|pod| {
            let volumes = pod["spec"]["volumes"].as_array();
            let scheduled = !text(&pod["spec"], "nodeName").is_empty();
            scheduled
                && volumes
                    .into_iter()
                    .flatten()
                    .any(|it| it["persistentVolumeClaim"]["claimName"] == name(claim))
        });
    if class["volumeBindingMode"] == "WaitForFirstConsumer" && !used {
        cx.event(
            claim,
            "Normal",
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
        );
        cx.status(
            claim,
            "kube-controller-manager",
            json!({"phase": "Pending"}),
        );
        return Next::NEVER;
    }
    let volume = format!("pvc-{}", uid(claim));
    let capacity = json!({"storage": claim["spec"]["resources"]["requests"]["storage"]});
    // It may be there already, from before a crash.
    let _ = cx.create(json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": volume, "annotations": {"pv.kubernetes.io/provisioned-by": class["provisioner"]}},
        "spec": {
            "accessModes": claim["spec"]["accessModes"], "capacity": capacity, "storageClassName": name(class),
            "persistentVolumeReclaimPolicy": class["reclaimPolicy"].as_str().unwrap_or("Delete"),
            "hostPath": {"path": format!("/var/local-path-provisioner/{volume}"), "type": "DirectoryOrCreate"},
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name(claim), "namespace": namespace(claim), "uid": uid(claim),
            },
        },
        "status": {"phase": "Bound"},
    }));
    let bound = json!({"spec": {"volumeName": volume, "storageClassName": name(class)}});
    cx.patch(claim, "kube-controller-manager", None, bound);
    let status = json!({"phase": "Bound", "capacity": capacity, "accessModes": claim["spec"]["accessModes"]});
    cx.status(claim, "kube-controller-manager", status);
    Next::NEVER
}

/// A volume goes with its claim, unless it is to be retained.
pub(super) fn volume(cx: &Cx<'_>, volume: &Value) -> Next {
    let claim = &volume["spec"]["claimRef"];
    if deleting(volume) || claim.is_null() {
        return Next::NEVER;
    }
    let known = cx.get(
        "",
        "PersistentVolumeClaim",
        text(claim, "namespace"),
        text(claim, "name"),
    );
    let bound = known.is_some_and(|known| known["metadata"]["uid"] == claim["uid"]);
    match (
        bound,
        text(&volume["spec"], "persistentVolumeReclaimPolicy"),
    ) {
        (true, _) => {
            cx.status(volume, "kube-controller-manager", json!({"phase": "Bound"}));
        }
        (false, "Delete") => cx.delete(volume),
        (false, _) => {
            cx.status(
                volume,
                "kube-controller-manager",
                json!({"phase": "Released"}),
            );
        }
    }
    Next::NEVER
}
