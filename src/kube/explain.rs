//! Why an object is not ready: object, condition, events, the pod's container, its last words, a hint. Few requests, few lines;
//! what cannot be read is left out, for an explanation must never hide the error that it explains.

mod hints;

use jiff::SignedDuration;
use serde_json::Value;
use windlass_provider::{Ctx, Error, Fault, Result};

use super::{
    Cluster, ObjectRef, Selector, Verdict,
    fault::shorten,
    judge,
    pods::{self, Log},
    ready,
    trouble::{self, Trouble},
};

/// How long explaining may take, on the clock.
pub(super) const LIMIT: SignedDuration = SignedDuration::from_secs(15);
/// How many events of an object are told.
const EVENTS: usize = 2;
/// How many of a log's last lines are told, and how many bytes are asked for.
const LINES: usize = 5;
const LOG_BYTES: usize = 4096;

/// What is known of why an object is not ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to type or to change.
    pub hints: Vec<String>,
}

impl Cluster {
    /// Explains why an object is not ready, as far as that can be read; never fails.
    pub async fn diagnose(&self, cx: &Ctx, name: &ObjectRef) -> Diagnosis {
        let object = self.get(cx, name).await.ok().flatten();
        let error = Error::new(Fault::Failed, format!("{name} is not ready"));
        let told = explain(self, cx, error, name, object.as_ref(), None).await;
        Diagnosis {
            causes: told.causes,
            hints: told.hints,
        }
    }
}

/// Adds to `error` why `name` is not ready, as causes and hints. `trouble` is the pod that ended the wait, where one did.
pub(super) async fn explain(
    cluster: &Cluster,
    cx: &Ctx,
    error: Error,
    name: &ObjectRef,
    object: Option<&Value>,
    trouble: Option<&(Value, Trouble)>,
) -> Error {
    // The deadline of the work may just have passed.
    let cx = &Ctx {
        deadline: None,
        ..cx.clone()
    }
    .within(LIMIT.unsigned_abs());
    let mut story = Story { cluster, cx, error };
    let Some(object) = object else {
        story.tell(format!("{name}: not there yet"));
        return story.end(name, None);
    };
    match judge(object) {
        Verdict::Ready => {}
        Verdict::Waiting(what) => story.tell(format!("{name}: {what}")),
        Verdict::Failed(reason) => story.tell(format!("{name}: {reason}")),
    }
    story.tell_source(name, object).await;
    story.tell_events(name).await;
    let pod = match trouble {
        Some((pod, trouble)) => Some((pod.clone(), Some(trouble.clone()))),
        None => story.find_pod(name, object).await,
    };
    if let Some((pod, trouble)) = &pod {
        story.tell_pod(pod, trouble.as_ref()).await;
    }
    story.end(name, pod.as_ref().map(|(pod, _)| pod))
}

impl Cluster {
    /// Returns the events of a namespace, the latest last.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn events(&self, cx: &Ctx, namespace: &str) -> Result<Vec<Value>> {
        let kind = self.kind(cx, "v1", "Event").await?;
        let mut events = self
            .list(cx, &kind, Some(namespace), &Selector::default())
            .await?;
        events.sort_by_key(seen_at);
        Ok(events)
    }
}

struct Story<'a> {
    cluster: &'a Cluster,
    cx: &'a Ctx,
    error: Error,
}

impl Story<'_> {
    fn tell(&mut self, cause: String) {
        if !self.error.causes.contains(&cause) {
            self.error.causes.push(cause);
        }
    }

    /// Tells of the chart or repository that a release is made from, where that is what is missing.
    async fn tell_source(&mut self, name: &ObjectRef, object: &Value) {
        let Some(source) = source_of(name, object) else {
            return;
        };
        let told = match self.cluster.get(self.cx, &source).await {
            Ok(Some(found)) => match judge(&found) {
                Verdict::Ready => return,
                Verdict::Waiting(what) => format!("{source}: {what}"),
                Verdict::Failed(reason) => format!("{source}: {reason}"),
            },
            Ok(None) => format!("{source}: not there"),
            Err(_) => return,
        };
        self.tell(told);
    }

    /// Tells the latest warnings about an object.
    async fn tell_events(&mut self, name: &ObjectRef) {
        let Ok(kind) = self.cluster.kind(self.cx, "v1", "Event").await else {
            return;
        };
        let selector = Selector {
            labels: None,
            fields: Some(format!(
                "involvedObject.kind={},involvedObject.name={},type=Warning",
                name.kind, name.name
            )),
        };
        // Events about what has no namespace are kept in the default one.
        let namespace = name.namespace.as_deref().unwrap_or("default");
        let listed = self
            .cluster
            .list(self.cx, &kind, Some(namespace), &selector);
        let Ok(mut events) = listed.await else { return };
        events.sort_by_key(seen_at);
        let mut told: Vec<String> = Vec::new();
        for event in events.iter().rev() {
            let text = |field: &str| event[field].as_str().unwrap_or_default();
            let line = shorten(&format!("event: {}: {}", text("reason"), text("message")));
            if told.len() < EVENTS && !told.contains(&line) {
                told.push(line);
            }
        }
        for line in told {
            self.tell(line);
        }
    }

    /// Returns the pod that most likely keeps an object from being ready; tells of the workload between them.
    async fn find_pod(
        &mut self,
        name: &ObjectRef,
        object: &Value,
    ) -> Option<(Value, Option<Trouble>)> {
        if name.kind == "Pod" && name.api_version == "v1" {
            return Some((object.clone(), trouble::of_containers(object)));
        }
        let workloads = pods::workloads(self.cluster, self.cx, name, object).await;
        let workload = workloads
            .ok()?
            .into_iter()
            .find(|workload| judge(workload) != Verdict::Ready)?;
        let workload_name = ObjectRef::of(&workload)?;
        if workload_name != *name {
            if let Verdict::Waiting(what) = judge(&workload) {
                self.tell(format!("{workload_name}: {what}"));
            }
            self.tell_events(&workload_name).await;
        }
        let kind = self.cluster.kind(self.cx, "v1", "Pod").await.ok()?;
        let namespace = workload_name.namespace.as_deref();
        let selector = pods::selector(&workload)?;
        let listed = self.cluster.list(self.cx, &kind, namespace, &selector);
        let mut found = listed.await.ok()?;
        // The newest first: an older revision's pods tell of the past.
        found.sort_by_key(|pod| {
            let made = pod["metadata"]["creationTimestamp"].as_str();
            std::cmp::Reverse(made.map(str::to_owned))
        });
        let troubled = found
            .iter()
            .find_map(|pod| Some((pod.clone(), Some(trouble_of(pod)?))));
        if troubled.is_none()
            && let Some(refusal) = self.cluster.last_refusal(self.cx, &workload).await
        {
            self.tell(refusal);
        }
        troubled.or_else(|| {
            let unready = found.into_iter().find(|pod| judge(pod) != Verdict::Ready);
            unready.map(|pod| (pod, None))
        })
    }

    /// Tells how a pod is, its warnings and its last words.
    async fn tell_pod(&mut self, pod: &Value, trouble: Option<&Trouble>) {
        let Some(name) = pod_name(pod) else {
            return;
        };
        match trouble {
            Some(Trouble {
                container: Some(container),
                reason,
                ..
            }) => self.tell(format!("{name}: container {container}: {reason}")),
            Some(Trouble { reason, .. }) => self.tell(format!("{name}: {reason}")),
            None => {
                if let Verdict::Waiting(what) = judge(pod) {
                    self.tell(format!("{name}: {what}"));
                }
            }
        }
        self.tell_events(&name).await;
        for line in self.last_words(&name, pod, trouble).await {
            self.tell(format!("log: {line}"));
        }
    }

    /// Returns the last lines of the container that matters: of its previous run, where it does not run now.
    async fn last_words(
        &self,
        name: &ObjectRef,
        pod: &Value,
        trouble: Option<&Trouble>,
    ) -> Vec<String> {
        let (container, previous) = match trouble {
            Some(trouble) if !trouble.has_run => return Vec::new(),
            Some(trouble) => (trouble.container.clone(), true),
            None => match unready_container(pod) {
                Some(container) => (Some(container), false),
                None => return Vec::new(),
            },
        };
        let (Some(container), Some(namespace)) = (container, &name.namespace) else {
            return Vec::new();
        };
        let log = Log {
            namespace,
            pod: &name.name,
            container: &container,
            previous,
            lines: LINES,
            bytes: LOG_BYTES,
        };
        let Ok(text) = self.cluster.log(self.cx, &log).await else {
            return Vec::new();
        };
        let lines: Vec<_> = text
            .lines()
            .map(shorten)
            .filter(|line| !line.is_empty())
            .collect();
        lines[lines.len().saturating_sub(LINES)..].to_vec()
    }

    fn end(self, name: &ObjectRef, pod: Option<&Value>) -> Error {
        let hints = hints::of(&self.error.causes, name, pod.and_then(pod_name).as_ref());
        hints.into_iter().fold(self.error, Error::hint)
    }
}

fn trouble_of(pod: &Value) -> Option<Trouble> {
    trouble::of_containers(pod)
        .or_else(|| trouble::unschedulable_since(pod).map(|(_, trouble)| trouble))
}

fn pod_name(pod: &Value) -> Option<ObjectRef> {
    let metadata = &pod["metadata"];
    Some(ObjectRef::namespaced(
        "v1",
        "Pod",
        metadata["namespace"].as_str()?,
        metadata["name"].as_str()?,
    ))
}

/// Returns the first container that has started and is not ready.
fn unready_container(pod: &Value) -> Option<String> {
    ["initContainerStatuses", "containerStatuses"]
        .iter()
        .flat_map(|field| pod["status"][*field].as_array().into_iter().flatten())
        .find(|status| {
            status["ready"] == false
                && (!status["state"]["running"].is_null()
                    || status["state"]["terminated"]["exitCode"]
                        .as_i64()
                        .is_some_and(|code| code != 0))
        })
        .and_then(|status| status["name"].as_str().map(str::to_owned))
}

/// Returns when an event was last seen, as text that sorts by time.
fn seen_at(event: &Value) -> String {
    ["lastTimestamp", "eventTime", "firstTimestamp"]
        .iter()
        .find_map(|field| event[*field].as_str())
        .unwrap_or_default()
        .to_owned()
}

/// Returns what a HelmRelease or Kustomization is made from, where its Ready condition blames that.
fn source_of(name: &ObjectRef, object: &Value) -> Option<ObjectRef> {
    let ready = ready::condition(object, "Ready").or_else(|| {
        // Before its first attempt it may have no condition at all.
        object["status"]["conditions"]
            .is_null()
            .then_some(&Value::Null)
    })?;
    let blames = matches!(
        ready["reason"].as_str(),
        None | Some("ArtifactFailed" | "SourceNotReady" | "DependencyNotReady" | "Progressing")
    );
    if !blames || !name.group().ends_with("toolkit.fluxcd.io") {
        return None;
    }
    let spec = &object["spec"];
    let reference = [&spec["chartRef"], &spec["sourceRef"]]
        .into_iter()
        .find(|reference| reference.is_object());
    let namespace = name.namespace.clone()?;
    if let Some(reference) = reference {
        return Some(ObjectRef::namespaced(
            "source.toolkit.fluxcd.io/v1",
            reference["kind"].as_str()?,
            reference["namespace"].as_str().unwrap_or(&namespace),
            reference["name"].as_str()?,
        ));
    }
    let (namespace, chart) = object["status"]["helmChart"].as_str()?.split_once('/')?;
    Some(ObjectRef::namespaced(
        "source.toolkit.fluxcd.io/v1",
        "HelmChart",
        namespace,
        chart,
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_release_that_waits_for_its_chart_names_it() {
        let name = ObjectRef::namespaced(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "flux-system",
            "traefik",
        );
        let release = |reason: &str, spec: Value| {
            json!({ "spec": spec, "status": {
                "helmChart": "flux-system/flux-system-traefik",
                "conditions": [{ "type": "Ready", "status": "False", "reason": reason }],
            } })
        };
        let by_ref = release(
            "SourceNotReady",
            json!({ "chartRef": { "kind": "OCIRepository", "name": "traefik" } }),
        );
        assert_eq!(
            source_of(&name, &by_ref).unwrap().to_string(),
            "OCIRepository flux-system/traefik"
        );
        let by_chart = release("ArtifactFailed", json!({ "chart": {} }));
        assert_eq!(
            source_of(&name, &by_chart).unwrap().to_string(),
            "HelmChart flux-system/flux-system-traefik"
        );
        assert_eq!(
            source_of(&name, &release("InstallFailed", json!({ "chart": {} }))),
            None
        );
    }

    #[test]
    fn the_container_that_runs_and_is_not_ready_has_the_word() {
        let pod = json!({ "status": {
            "initContainerStatuses": [{ "name": "init", "ready": true, "state": { "terminated": { "exitCode": 0 } } }],
            "containerStatuses": [
                { "name": "fine", "ready": true, "state": { "running": {} } },
                { "name": "web", "ready": false, "state": { "running": {} } },
            ],
        } });
        assert_eq!(unready_container(&pod).as_deref(), Some("web"));
        assert_eq!(unready_container(&json!({})), None);
    }
}
