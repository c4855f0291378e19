//! Why an object does not go: object → what it says → finalizer → whose that is → whether that controller runs, and what it
//! says. Few requests; what cannot be read is left out.

use serde_json::Value;
use windlass_provider::{Ctx, Error};

use super::kept;
use crate::kube::{
    Cluster, ObjectRef, Selector, Verdict, delete::finalizers, explain::hints::arguments,
    fault::shorten, judge,
};

/// Who takes a finalizer away.
#[derive(Clone, Copy)]
enum Keeper {
    /// The Deployments with this label.
    Labelled(&'static str),
    /// The Deployment of this name, in whichever namespace.
    Named(&'static str),
    /// The controller of Flux that tends the object's kind.
    Flux,
    /// The package of Crossplane that brought the object's kind.
    Package,
    /// The pods that mount the claim.
    Mounts,
    /// Nobody in the cluster; who, as a fragment.
    Elsewhere(&'static str),
}

const AWS: Keeper = Keeper::Labelled("app.kubernetes.io/name=aws-load-balancer-controller");

/// Who takes finalizers away that begin like this. Source: the constants of the projects that set them.
const KEEPERS: [(&str, Keeper); 16] = [
    ("finalizer.managedresource.crossplane.io", Keeper::Package),
    (
        "finalizer.apiextensions.crossplane.io",
        Keeper::Named("crossplane"),
    ),
    (
        "composite.apiextensions.crossplane.io",
        Keeper::Named("crossplane"),
    ),
    (
        "in-use.crossplane.io",
        Keeper::Elsewhere("the managed resources that still use it"),
    ),
    (
        "serviceoperator.azure.com/finalizer",
        Keeper::Named("azureserviceoperator-controller-manager"),
    ),
    ("finalizers.fluxcd.io", Keeper::Flux),
    (
        "service.kubernetes.io/load-balancer-cleanup",
        Keeper::Elsewhere(
            "the cloud's controller of load balancers, which runs outside of the cluster",
        ),
    ),
    ("service.k8s.aws/", AWS),
    ("ingress.k8s.aws/", AWS),
    ("elbv2.k8s.aws/", AWS),
    (
        "networking.gke.io/",
        Keeper::Elsewhere("Google's ingress controller, which runs outside of the cluster"),
    ),
    ("kubernetes.io/pvc-protection", Keeper::Mounts),
    (
        "kubernetes.io/pv-protection",
        Keeper::Elsewhere("the claim that is bound to it"),
    ),
    (
        "external-provisioner.volume.kubernetes.io/",
        Keeper::Elsewhere("the storage driver, when the disk is gone"),
    ),
    (
        "foregroundDeletion",
        Keeper::Elsewhere("the objects that it owns, which are still there"),
    ),
    (
        "orphan",
        Keeper::Elsewhere("the garbage collector of Kubernetes"),
    ),
];

/// Returns the controller of Flux that tends a kind.
fn flux(kind: &str) -> &'static str {
    match kind {
        "HelmRelease" => "helm-controller",
        "Kustomization" => "kustomize-controller",
        "Alert" | "Provider" | "Receiver" => "notification-controller",
        _ => "source-controller",
    }
}

/// Returns what an object that does not go says of it itself: a condition that is not true, or what is left in a namespace.
pub(in crate::kube) fn complaint(object: &Value) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array()?;
    let find = |name: &str, status: &str| {
        conditions.iter().find(|it| {
            it["type"] == name
                && it["status"] == status
                && it["message"].as_str().is_some_and(|said| !said.is_empty())
        })
    };
    let said = find("NamespaceContentRemaining", "True")
        .or_else(|| find("NamespaceFinalizersRemaining", "True"))
        .or_else(|| find("Synced", "False"))
        .or_else(|| find("LastAsyncOperation", "False"))
        .or_else(|| find("Ready", "False"))?;
    let text = |field: &str| said[field].as_str().unwrap_or_default();
    Some(shorten(&match text("reason") {
        "" => text("message").to_owned(),
        reason => format!("{reason}: {}", text("message")),
    }))
}

/// Adds to `error` who would have to let the object go, whether they run, and what they say.
pub(in crate::kube) async fn explain(
    cluster: &Cluster,
    cx: &Ctx,
    mut error: Error,
    name: &ObjectRef,
    object: &Value,
) -> Error {
    let mut hint = None;
    for finalizer in finalizers(object) {
        let keeper = KEEPERS
            .iter()
            .find(|(known, _)| finalizer.starts_with(known))
            .map(|(_, keeper)| match keeper {
                Keeper::Flux => Keeper::Named(flux(&name.kind)),
                keeper => *keeper,
            });
        let said = match keeper {
            // That of namespaces: what is in it has been told.
            None if finalizer == "kubernetes" => continue,
            None => {
                hint = Some("a finalizer is taken away by the controller that set it, when what it guards is gone: see whether that controller runs and what it says".to_owned());
                continue;
            }
            Some(Keeper::Elsewhere(who)) => format!("{finalizer} is taken away by {who}"),
            Some(Keeper::Mounts) => match mounts(cluster, cx, name).await {
                Some(pods) => format!("{finalizer} holds while pods mount it: {pods}"),
                None => continue,
            },
            Some(keeper) => {
                let found = find(cluster, cx, &keeper, name).await;
                let (said, repair) = tell(finalizer, &keeper, found);
                hint = repair.or(hint);
                said
            }
        };
        if !error.causes.contains(&said) {
            error = error.cause(said);
        }
    }
    if let Some(hint) = hint.filter(|hint| !error.hints.contains(hint)) {
        error = error.hint(hint);
    }
    error
}

/// Says how an object is let go of by hand, and what comes of that.
pub(in crate::kube) fn way_out(object: &Value) -> String {
    let stays = match kept::cloud_id(object) {
        Some(_) => format!(
            "{}, which then goes on existing and costing",
            kept::named(object)
        ),
        None => "what the finalizers guard, which then stays".to_owned(),
    };
    let named = ObjectRef::of(object).map_or_else(String::new, |name| arguments(&name));
    format!(
        "or give up {stays}: kubectl patch {named} --type merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'"
    )
}

/// Says who keeps a finalizer and how they are; and what to type about it.
fn tell(finalizer: &str, keeper: &Keeper, found: Option<Vec<Value>>) -> (String, Option<String>) {
    let back = |how: String| {
        Some(format!(
            "bring that controller back ({how}), and run the same command again: it alone deletes what the object stands for"
        ))
    };
    let whom = match keeper {
        Keeper::Named(name) => format!("Deployment {name}"),
        Keeper::Labelled(label) => format!("a Deployment with the label {label}"),
        _ => "the package that brought its kind".to_owned(),
    };
    let Some(found) = found else {
        return (
            format!("{finalizer} is taken away by {whom}, which cannot be looked at"),
            None,
        );
    };
    let Some(deployment) = found.first() else {
        return (
            format!("{finalizer} is taken away by {whom}: there is none, so nobody will"),
            back("windlass setup, or the way it was installed".to_owned()),
        );
    };
    let reference = ObjectRef::of(deployment);
    let named = reference.as_ref().map(arguments).unwrap_or_default();
    let name = reference.map_or(whom, |name| name.to_string());
    let restart = format!("kubectl rollout restart {named}, or windlass setup");
    match judge(deployment) {
        // One that is to have no pods has all that it is to have.
        Verdict::Ready if deployment["spec"]["replicas"] == 0 => (
            format!("{finalizer} is kept by {name}, which does not run: it is scaled to 0"),
            back(format!("kubectl scale {named} --replicas 1")),
        ),
        Verdict::Ready => (
            format!("{finalizer} is kept by {name}, which runs"),
            Some(format!(
                "see what that controller says: kubectl logs {named}"
            )),
        ),
        Verdict::Waiting(how) => (
            format!("{finalizer} is kept by {name}, which does not run: {how}"),
            back(restart),
        ),
        Verdict::Failed(reason) => (
            format!("{finalizer} is kept by {name}, which does not run: {reason}"),
            back(restart),
        ),
    }
}

/// Returns the Deployments that keep a finalizer; `None` where that cannot be told.
async fn find(
    cluster: &Cluster,
    cx: &Ctx,
    keeper: &Keeper,
    name: &ObjectRef,
) -> Option<Vec<Value>> {
    let selector = match keeper {
        Keeper::Named(name) => Selector::name(name),
        Keeper::Labelled(label) => Selector::labels(*label),
        Keeper::Package => {
            let kind = cluster
                .find_kind(cx, &name.api_version, &name.kind)
                .await
                .ok()??;
            let crd = ObjectRef::cluster(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                format!("{}.{}", kind.plural, kind.group()),
            );
            let crd = cluster.get(cx, &crd).await.ok()??;
            let owners = crd["metadata"]["ownerReferences"].as_array()?.iter();
            let revision = owners
                .filter(|owner| owner["kind"] == "ProviderRevision")
                .find_map(|owner| owner["name"].as_str());
            match revision {
                Some(revision) => {
                    Selector::labels(format!("pkg.crossplane.io/revision={revision}"))
                }
                None => return Some(Vec::new()),
            }
        }
        Keeper::Flux | Keeper::Mounts | Keeper::Elsewhere(_) => return None,
    };
    let kind = cluster.kind(cx, "apps/v1", "Deployment").await.ok()?;
    cluster.list(cx, &kind, None, &selector).await.ok()
}

/// Returns the pods that mount a claim.
async fn mounts(cluster: &Cluster, cx: &Ctx, claim: &ObjectRef) -> Option<String> {
    let kind = cluster.kind(cx, "v1", "Pod").await.ok()?;
    let namespace = claim.namespace.as_deref();
    let everything = Selector::default();
    let pods = cluster.list(cx, &kind, namespace, &everything).await.ok()?;
    let pods: Vec<String> = pods
        .iter()
        .filter(|pod| mounted(pod).any(|name| name == claim.name))
        .filter_map(ObjectRef::of)
        .map(|pod| pod.to_string())
        .collect();
    (!pods.is_empty()).then(|| pods.join(", "))
}

/// Returns the names of the claims that a pod mounts.
pub(super) fn mounted(pod: &Value) -> impl Iterator<Item = &str> {
    pod["spec"]["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
}
