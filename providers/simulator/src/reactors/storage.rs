//! Volumes: a claim is bound as soon as a pod uses it, or at once where its class says so; its volume goes with it, unless it is to be
//! retained. Finalizers keep a claim as long as a pod uses it, and a volume as long as it is bound.
//!
//! A volume of a class that a CSI driver serves is a disk: an asset outside of the cluster. Those of `rancher.io/local-path` lie on the
//! node and go with it.

use super::{
    Cx, Next, external,
    object::{deleting, is_ended, name, namespace, text, uid},
};
use crate::{aws, azure, ground::digest, site::Eks};
use serde_json::{Value, json};
use std::sync::Arc;

const MANAGER: &str = "kube-controller-manager";
/// <https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection>
const CLAIM: &str = "kubernetes.io/pvc-protection";
const VOLUME: &str = "kubernetes.io/pv-protection";
/// The driver of AWS's disks, and what was in Kubernetes itself before it.
const EBS: [&str; 2] = ["ebs.csi.aws.com", "kubernetes.io/aws-ebs"];
const LOCAL: &str = "rancher.io/local-path";

pub(super) fn claim(cx: &Cx<'_>, claim: &Value) -> Next {
    if deleting(claim) {
        if users(cx, claim).next().is_none() {
            external::let_go(cx, claim, MANAGER, CLAIM);
        }
        return Next::NEVER;
    }
    if external::hold(cx, claim, MANAGER, CLAIM) || claim["status"]["phase"] == "Bound" {
        return Next::NEVER;
    }
    let Some(class) = class_of(cx, claim) else {
        let message = match claim["spec"]["storageClassName"].as_str() {
            Some(wanted) if !wanted.is_empty() => {
                let message = format!("storageclass.storage.k8s.io \"{wanted}\" not found");
                return pend(cx, claim, "Warning", "ProvisioningFailed", &message);
            }
            _ => "no persistent volumes available for this claim and no storage class is set",
        };
        return pend(cx, claim, "Normal", "FailedBinding", message);
    };
    let provisioner = text(&class, "provisioner");
    let late = class["volumeBindingMode"] == "WaitForFirstConsumer";
    let scheduled = |pod: &Arc<Value>| !text(&pod["spec"], "nodeName").is_empty();
    if late && !users(cx, claim).any(|pod| scheduled(&pod)) {
        let message = "waiting for first consumer to be created before binding";
        return pend(cx, claim, "Normal", "WaitForFirstConsumer", message);
    }
    if provisioner == "kubernetes.io/no-provisioner" {
        let message = "no volume plugin matched";
        return pend(cx, claim, "Normal", "ProvisioningFailed", message);
    }
    let eks = cx.eks();
    if let Some(eks) = eks.as_ref().filter(|_| EBS.contains(&provisioner)) {
        if external::find(cx, "ebs-csi-controller").is_none_or(|it| !external::is_served(&it)) {
            let message = "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator.";
            return pend(cx, claim, "Normal", "ExternalProvisioning", message);
        }
        if let Some(why) = aws::controllers::refuses_volumes(cx.ground, eks) {
            return pend(cx, claim, "Warning", "ProvisioningFailed", &why);
        }
    }
    let volume = format!("pvc-{}", uid(claim));
    let capacity = json!({"storage": claim["spec"]["resources"]["requests"]["storage"]});
    let mut spec = json!({
        "accessModes": claim["spec"]["accessModes"], "capacity": capacity, "storageClassName": name(&class),
        "persistentVolumeReclaimPolicy": class["reclaimPolicy"].as_str().unwrap_or("Delete"),
        "claimRef": {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name(claim), "namespace": namespace(claim), "uid": uid(claim),
        },
    });
    if provisioner == LOCAL {
        let path = format!("/var/local-path-provisioner/{volume}");
        spec["hostPath"] = json!({"path": path, "type": "DirectoryOrCreate"});
    } else {
        let id = match cx.aks() {
            Some(aks) => azure::disk_id(&cx.ground.site(), &aks, &volume),
            None => format!("vol-{}", &digest(&volume)[..17]),
        };
        let driver = match EBS.contains(&provisioner) {
            true => EBS[0],
            false => provisioner,
        };
        spec["csi"] = json!({"driver": driver, "volumeHandle": id});
    }
    // It may be there already, from before a crash.
    let _ = cx.create(json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {
            "name": volume, "annotations": {"pv.kubernetes.io/provisioned-by": provisioner}, "finalizers": [VOLUME],
        },
        "spec": spec, "status": {"phase": "Bound"},
    }));
    let bound = json!({
        "metadata": {"annotations": {
            "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
            "volume.kubernetes.io/storage-provisioner": provisioner,
        }},
        "spec": {"volumeName": volume, "storageClassName": name(&class)},
    });
    cx.patch(claim, MANAGER, None, bound);
    let status = json!({"phase": "Bound", "capacity": capacity, "accessModes": claim["spec"]["accessModes"]});
    cx.status(claim, MANAGER, status);
    let message = format!("Successfully provisioned volume {volume}");
    cx.event(claim, "Normal", "ProvisioningSucceeded", &message);
    Next::NEVER
}

/// The claim stays as it is, and an event says why.
fn pend(cx: &Cx<'_>, claim: &Value, kind: &str, reason: &str, message: &str) -> Next {
    cx.event(claim, kind, reason, message);
    cx.status(claim, MANAGER, json!({"phase": "Pending"}));
    Next::NEVER
}

/// Returns the class that a claim names, or the default one where it names none.
fn class_of(cx: &Cx<'_>, claim: &Value) -> Option<Arc<Value>> {
    let classes = cx.api.list("storage.k8s.io", "StorageClass", None);
    let default = |class: &Value| {
        class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    };
    let mut classes = classes.into_iter();
    match claim["spec"]["storageClassName"].as_str() {
        Some(wanted) => classes.find(|class| name(class) == wanted),
        None => classes.find(|class| default(class)),
    }
}

/// Returns the pods that use a claim: those that have ended do not.
fn users(cx: &Cx<'_>, claim: &Value) -> impl Iterator<Item = Arc<Value>> {
    let pods = cx.api.list("", "Pod", Some(namespace(claim)));
    pods.into_iter().filter(move |pod| {
        let mut volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        !is_ended(pod) && volumes.any(|it| it["persistentVolumeClaim"]["claimName"] == name(claim))
    })
}

/// A volume goes with its claim, unless it is to be retained.
pub(super) fn volume(cx: &Cx<'_>, volume: &Value) -> Next {
    if let Some(id) = volume["spec"]["csi"]["volumeHandle"].as_str()
        && !deleting(volume)
    {
        match ours(cx, volume) {
            Some(eks) => aws::controllers::ensure_volume(
                cx.ground,
                &eks,
                volume,
                id,
                node(cx, volume).as_deref(),
            ),
            None => drop(cx.acquire("volume", id, name(volume), volume)),
        }
    }
    let claim = &volume["spec"]["claimRef"];
    let known = match claim.is_null() {
        true => None,
        false => cx.get(
            "",
            "PersistentVolumeClaim",
            text(claim, "namespace"),
            text(claim, "name"),
        ),
    };
    let bound = known.is_some_and(|known| known["metadata"]["uid"] == claim["uid"]);
    let deletes = volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete";
    if deleting(volume) {
        // The driver deletes the disk, and must be there to do so.
        let driven = ours(cx, volume).is_none()
            || !deletes
            || external::find(cx, "ebs-csi-controller").is_some_and(|it| external::is_served(&it));
        if !bound && driven && external::may_let_go(cx, volume, VOLUME) {
            external::let_go(cx, volume, MANAGER, VOLUME);
            if deletes && let Some(disk) = volume["spec"]["csi"]["volumeHandle"].as_str() {
                match ours(cx, volume) {
                    Some(eks) => aws::controllers::release_volume(cx.ground, &eks, disk),
                    None => cx.release(disk),
                }
            }
        }
        return Next::NEVER;
    }
    if external::hold(cx, volume, MANAGER, VOLUME) {
        return Next::NEVER;
    }
    let phase = match (bound, claim.is_null()) {
        (true, _) => "Bound",
        (false, true) => "Available",
        (false, false) => "Released",
    };
    if phase == "Released" && deletes {
        cx.delete(volume);
    } else {
        cx.status(volume, MANAGER, json!({"phase": phase}));
    }
    Next::NEVER
}

/// Returns the cluster of EKS whose driver has a volume.
fn ours(cx: &Cx<'_>, volume: &Value) -> Option<Eks> {
    cx.eks()
        .filter(|_| volume["spec"]["csi"]["driver"] == EBS[0])
}

/// Returns the node of a pod that uses a volume.
fn node(cx: &Cx<'_>, volume: &Value) -> Option<String> {
    let claim = &volume["spec"]["claimRef"];
    let claim = cx.get(
        "",
        "PersistentVolumeClaim",
        text(claim, "namespace"),
        text(claim, "name"),
    )?;
    let pod = users(cx, &claim).find(|pod| !text(&pod["spec"], "nodeName").is_empty())?;
    Some(text(&pod["spec"], "nodeName").to_owned())
}
