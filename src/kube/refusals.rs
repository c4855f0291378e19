//! Pods that a controller may not make: a quota of the namespace is used up, or a rule of it forbids them. There is no pod that could
//! tell; events do, and a condition of Deployments.

use std::time::Duration;

use futures::stream::Stream;
use jiff::Timestamp;
use serde_json::Value;
use windlass_provider::{Ctx, Result};

use super::{
    Cluster, ObjectRef, Selector, Verdict, judge, ready,
    watch::{self, Seen},
};

/// How long a refusal is borne with: in an update, an old pod's going may make room.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Which events tell of refusals.
fn selector() -> Selector {
    Selector {
        labels: None,
        fields: Some("type=Warning,reason=FailedCreate".into()),
    }
}

impl Cluster {
    /// Watches the refusals in a namespace; `None` where events cannot be asked for.
    pub(super) async fn watch_refusals(
        &self,
        cx: &Ctx,
        namespace: &str,
    ) -> Option<impl Stream<Item = Result<Seen>> + use<>> {
        let kind = self.kind(cx, "v1", "Event").await.ok()?;
        let namespace = Some(namespace.to_owned());
        let (cluster, cx) = (self.clone(), cx.clone());
        Some(watch::watch(
            cluster,
            cx,
            (*kind).clone(),
            namespace,
            selector(),
        ))
    }

    /// Returns what the controller of a workload was last told when it wanted to make pods, as a cause, where that still holds.
    pub(super) async fn last_refusal(&self, cx: &Ctx, workload: &Value) -> Option<String> {
        let kind = self.kind(cx, "v1", "Event").await.ok()?;
        let namespace = workload["metadata"]["namespace"].as_str();
        let events = self.list(cx, &kind, namespace, &selector()).await.ok()?;
        let holding = events
            .into_iter()
            .filter(|it| since(it, workload).is_some());
        let event = holding.max_by_key(|event| time(event, "lastTimestamp"))?;
        let object = &event["involvedObject"];
        let text = |field: &str| object[field].as_str();
        let object = ObjectRef::namespaced(
            text("apiVersion").unwrap_or("v1"),
            text("kind")?,
            text("namespace")?,
            text("name")?,
        );
        let message = super::fault::shorten(event["message"].as_str()?);
        Some(format!("{object}: FailedCreate: {message}"))
    }
}

/// Returns since when an event's refusal has kept a workload from its pods; `None` where it does not, or does not any more. What is not
/// forbidden but failed, as where a webhook does not answer, is tried again with success.
pub(super) fn since(event: &Value, workload: &Value) -> Option<Timestamp> {
    let forbidden = event["message"].as_str()?.contains(" is forbidden: ");
    if !forbidden
        || !is_about(&event["involvedObject"], workload)
        || judge(workload) == Verdict::Ready
    {
        return None;
    }
    if workload["kind"] == "Deployment" {
        let failure = ready::condition(workload, "ReplicaFailure");
        let failure = failure.filter(|it| it["status"] == "True")?;
        return failure["lastTransitionTime"].as_str()?.parse().ok();
    }
    time(event, "firstTimestamp")
}

/// Returns whether an event is about a workload, or about a ReplicaSet of one.
fn is_about(object: &Value, workload: &Value) -> bool {
    let metadata = &workload["metadata"];
    let (Some(name), Some(own)) = (object["name"].as_str(), metadata["name"].as_str()) else {
        return false;
    };
    let same = match (object["kind"].as_str(), workload["kind"].as_str()) {
        (Some("ReplicaSet"), Some("Deployment")) => {
            name.rsplit_once('-').is_some_and(|(of, _)| of == own)
        }
        (kind, of) => kind == of && name == own,
    };
    same && object["namespace"] == metadata["namespace"]
}

/// Returns a time of an event; newer clients set `eventTime` alone.
fn time(event: &Value, field: &str) -> Option<Timestamp> {
    let text = event[field].as_str().or(event["eventTime"].as_str())?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_holds_while_its_deployment_says_so() {
        let event = |name: &str, message: &str| {
            json!({
                "involvedObject": { "kind": "ReplicaSet", "namespace": "a", "name": name }, "message": message,
                "firstTimestamp": "2026-01-02T03:00:00Z",
            })
        };
        let deployment = |status: &str| {
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "namespace": "a", "name": "web" },
                "status": { "observedGeneration": 1, "conditions": [
                    { "type": "ReplicaFailure", "status": status, "lastTransitionTime": "2026-01-02T03:04:00Z" },
                ] },
            })
        };
        let quota = "Error creating: pods \"web-1\" is forbidden: exceeded quota: team";
        let told = |event: Value, status: &str| {
            since(&event, &deployment(status)).map(|it| it.to_string())
        };
        assert_eq!(
            told(event("web-1", quota), "True").as_deref(),
            Some("2026-01-02T03:04:00Z")
        );
        assert_eq!(told(event("web-1", quota), "False"), None);
        assert_eq!(told(event("web-api-1", quota), "True"), None);
        let webhook = "Error creating: Internal error occurred: failed calling webhook";
        assert_eq!(told(event("web-1", webhook), "True"), None);
        let set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "namespace": "a", "name": "db" }, "spec": { "replicas": 1 },
        });
        let event = json!({
            "involvedObject": { "kind": "StatefulSet", "namespace": "a", "name": "db" }, "message": quota,
            "eventTime": "2026-01-02T03:00:00.123456Z",
        });
        assert!(since(&event, &set).is_some());
    }
}
