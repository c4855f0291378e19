//! Which pods belong to an object: those of its workloads. Found with few requests, when there is trouble to attribute.

use serde_json::Value;
use windlass_provider::{Ctx, Result};

use super::{Cluster, ObjectRef, Selector, Verdict, client, judge};

/// What runs pods, by apiVersion and kind.
const WORKLOADS: [(&str, &str); 4] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
];

/// Which part of which log is meant.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// The pod's namespace.
    pub namespace: &'a str,
    /// The pod.
    pub pod: &'a str,
    /// The container.
    pub container: &'a str,
    /// Whether that of the container's previous run is meant.
    pub previous: bool,
    /// How many of its last lines.
    pub lines: usize,
    /// How many bytes of those at most.
    pub bytes: usize,
}

impl Cluster {
    /// Returns the end of a container's log.
    ///
    /// # Errors
    /// Those of the API: where the container has not run, too.
    pub async fn log(&self, cx: &Ctx, log: &Log<'_>) -> Result<String> {
        let Log {
            namespace,
            pod,
            container,
            previous,
            lines,
            bytes,
        } = log;
        let request = client::get_request(&format!(
            "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&tailLines={lines}&limitBytes={bytes}&previous={previous}"
        ))?;
        let doing = format!("read the log of Pod {namespace}/{pod}");
        let answer = self.send(cx, &doing, request).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}

impl Cluster {
    /// Returns the first workload beneath an object that is not ready.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn unready_workload(
        &self,
        cx: &Ctx,
        name: &ObjectRef,
        object: &Value,
    ) -> Result<Option<Value>> {
        let mut workloads = workloads(self, cx, name, object).await?.into_iter();
        Ok(workloads.find(|workload| judge(workload) != Verdict::Ready))
    }
}

/// Tells whether an object of this kind runs pods itself.
pub(super) fn is_workload(name: &ObjectRef) -> bool {
    WORKLOADS.contains(&(name.api_version.as_str(), name.kind.as_str()))
}

/// Returns the namespace in which an object's pods are; `None` where it has none, or where that is not known.
pub(super) fn namespace_of(name: &ObjectRef, object: &Value) -> Option<String> {
    let target = object["spec"]["targetNamespace"].as_str();
    match (name.group(), name.kind.as_str()) {
        _ if is_workload(name) => name.namespace.clone(),
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            target.map(str::to_owned).or_else(|| name.namespace.clone())
        }
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => target.map(str::to_owned),
        _ => None,
    }
}

/// Returns the workloads that stand for an object: itself, or those that Flux's controllers labelled as its.
pub(super) async fn workloads(
    cluster: &Cluster,
    cx: &Ctx,
    name: &ObjectRef,
    object: &Value,
) -> Result<Vec<Value>> {
    if is_workload(name) {
        return Ok(vec![object.clone()]);
    }
    let Some(namespace) = namespace_of(name, object) else {
        return Ok(Vec::new());
    };
    let group = name.group();
    let owner = name.namespace.as_deref().unwrap_or_default();
    let labels = Selector::labels(format!(
        "{group}/name={},{group}/namespace={owner}",
        name.name
    ));
    let lists = WORKLOADS.map(|(api_version, kind)| {
        let (namespace, labels) = (&namespace, &labels);
        async move {
            let kind = cluster.kind(cx, api_version, kind).await?;
            cluster.list(cx, &kind, Some(namespace), labels).await
        }
    });
    let found = futures::future::try_join_all(lists).await?;
    Ok(found.into_iter().flatten().collect())
}

/// Tells whether a pod is one of a workload's, by the labels that the workload selects.
pub(super) fn is_selected(pod: &Value, workload: &Value) -> bool {
    let wanted = workload["spec"]["selector"]["matchLabels"].as_object();
    pod["metadata"]["namespace"] == workload["metadata"]["namespace"]
        && wanted.is_some_and(|wanted| {
            !wanted.is_empty()
                && wanted
                    .iter()
                    .all(|(label, value)| pod["metadata"]["labels"][label] == *value)
        })
}

/// Returns the label selector of a workload's pods.
pub(super) fn selector(workload: &Value) -> Option<Selector> {
    let labels = workload["spec"]["selector"]["matchLabels"].as_object()?;
    let labels: Vec<_> = labels
        .iter()
        .map(|(label, value)| format!("{label}={}", value.as_str().unwrap_or_default()))
        .collect();
    (!labels.is_empty()).then(|| Selector::labels(labels.join(",")))
}

/// Tells whether a pod is of its workload's newest revision: what an older one suffers is about to go.
pub(super) async fn is_current(
    cluster: &Cluster,
    cx: &Ctx,
    pod: &Value,
    workload: &Value,
) -> Result<bool> {
    let observed = workload["status"]["observedGeneration"].as_i64();
    if observed < workload["metadata"]["generation"].as_i64() && workload["kind"] != "Job" {
        return Ok(false);
    }
    let labels = &pod["metadata"]["labels"];
    match workload["kind"].as_str() {
        Some("StatefulSet") => {
            let newest = &workload["status"]["updateRevision"];
            Ok(newest.is_null() || labels["controller-revision-hash"] == *newest)
        }
        Some("DaemonSet") => {
            let newest =
                &workload["metadata"]["annotations"]["deprecated.daemonset.template.generation"];
            Ok(newest.is_null() || labels["pod-template-generation"] == *newest)
        }
        Some("Deployment") => {
            const REVISION: &str = "deployment.kubernetes.io/revision";
            let newest = &workload["metadata"]["annotations"][REVISION];
            let owner = pod["metadata"]["ownerReferences"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|owner| owner["kind"] == "ReplicaSet")
                .and_then(|owner| owner["name"].as_str());
            let (Some(owner), Some(namespace)) = (owner, pod["metadata"]["namespace"].as_str())
            else {
                return Ok(true);
            };
            let set = ObjectRef::namespaced("apps/v1", "ReplicaSet", namespace, owner);
            let set = cluster.get(cx, &set).await?;
            Ok(match set {
                Some(set) => {
                    let revision = &set["metadata"]["annotations"][REVISION];
                    newest.is_null() || revision.is_null() || revision == newest
                }
                None => false,
            })
        }
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_are_found_by_the_labels_that_their_workload_selects() {
        let workload = json!({
            "metadata": { "namespace": "a" }, "spec": { "selector": { "matchLabels": { "app": "web", "tier": "1" } } },
        });
        let pod = |namespace: &str, labels: Value| json!({ "metadata": { "namespace": namespace, "labels": labels } });
        assert!(is_selected(
            &pod("a", json!({ "app": "web", "tier": "1", "x": "y" })),
            &workload
        ));
        assert!(!is_selected(&pod("a", json!({ "app": "web" })), &workload));
        assert!(!is_selected(
            &pod("b", json!({ "app": "web", "tier": "1" })),
            &workload
        ));
        assert!(!is_selected(
            &pod("a", json!({})),
            &json!({ "metadata": { "namespace": "a" } })
        ));
        assert_eq!(
            selector(&workload),
            Some(Selector::labels("app=web,tier=1"))
        );
    }

    #[test]
    fn a_release_has_its_pods_where_it_installs() {
        let name = ObjectRef::namespaced(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "flux-system",
            "traefik",
        );
        let target = json!({ "spec": { "targetNamespace": "traefik" } });
        assert_eq!(namespace_of(&name, &target).as_deref(), Some("traefik"));
        assert_eq!(
            namespace_of(&name, &json!({})).as_deref(),
            Some("flux-system")
        );
        let config = ObjectRef::namespaced("v1", "ConfigMap", "a", "b");
        assert_eq!(namespace_of(&config, &json!({})), None);
    }
}
