//! Kustomizations: the manifests under a path of a Git repository, applied and pruned. There is no kustomize: every YAML file under the
//! path counts, save `kustomization.yaml` itself.

use super::{Cx, KUSTOMIZE, Next, SOURCE, conditions, inventory, release_finalizer, unmet};
use crate::{
    clock, duration,
    reactors::{
        health::{self, Health},
        object::{deleting, find, generation, key, name, namespace, text, time},
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

const MANAGER: &str = "kustomize-controller";
/// Assumed time to fetch, build and apply.
const APPLY: Duration = Duration::from_secs(2);

pub(super) fn kustomization(cx: &Cx<'_>, it: &Value) -> Next {
    let spec = &it["spec"];
    let reference = &spec["sourceRef"];
    let space = reference["namespace"].as_str().unwrap_or(namespace(it));
    let shown = format!("{space}/{}", text(reference, "name"));
    if text(reference, "kind") != "GitRepository" {
        let message = format!(
            "source `{}` kind '{}' not supported",
            text(reference, "name"),
            text(reference, "kind")
        );
        return refuse(cx, it, "ArtifactFailed", &message);
    }
    let Some(source) = cx.get(SOURCE, "GitRepository", space, text(reference, "name")) else {
        let message = format!(
            "unable to get source '{shown}': gitrepositories.{SOURCE} \"{}\" not found",
            text(reference, "name")
        );
        return refuse(cx, it, "ArtifactFailed", &message);
    };
    let Some(revision) = source["status"]["artifact"]["revision"].as_str() else {
        return refuse(
            cx,
            it,
            "ArtifactFailed",
            "Source artifact not found, retrying in 30s",
        );
    };
    if let Some(message) = unmet(cx, it, KUSTOMIZE, "Kustomization") {
        return refuse(cx, it, "DependencyNotReady", &message);
    }
    let applied = it["status"]["lastAppliedRevision"] == revision;
    if applied && super::ready(it) {
        return Next::NEVER;
    }
    let timeout = spec["timeout"].as_str().or(spec["interval"].as_str());
    let timeout = timeout
        .and_then(|text| duration::seconds(text).ok())
        .unwrap_or(300.0);
    if let Some(retry) = retry(it, revision).filter(|retry| cx.now < *retry) {
        return Next::limit(retry);
    }
    let running = find(it, "Reconciling").filter(|known| {
        known["reason"] == "Progressing"
            && known["observedGeneration"].as_i64() == Some(generation(it))
    });
    let running = running.filter(|_| it["status"]["lastAttemptedRevision"] == revision);
    let Some(since) = running.and_then(|it| time(&it["lastTransitionTime"])) else {
        let mut conditions = conditions(cx, it);
        conditions.remove("Reconciling");
        let message = format!(
            "Building manifests for revision {revision} with a timeout of {}m{}s",
            timeout as u64 / 60,
            timeout as u64 % 60
        );
        conditions.set("Reconciling", "True", "Progressing", &message);
        conditions.set(
            "Ready",
            "Unknown",
            "Progressing",
            "Reconciliation in progress",
        );
        cx.status(
            it,
            MANAGER,
            json!({"conditions": conditions.into_value(), "lastAttemptedRevision": revision}),
        );
        return Next::at(clock::add(cx.now, APPLY));
    };
    let done = clock::add(since, APPLY);
    if cx.now < done {
        return Next::at(done);
    }
    let objects = match build(cx, it, text(&source["spec"], "url")) {
        Ok(objects) => objects,
        Err((reason, message)) => return refuse(cx, it, reason, &message),
    };
    for object in &objects {
        if let Err(error) = cx.api.apply(MANAGER, object.clone()) {
            let shown = format!(
                "{}/{}/{}",
                text(object, "kind"),
                namespace(object),
                name(object)
            );
            return refuse(
                cx,
                it,
                "ReconciliationFailed",
                &format!("{shown} dry-run failed: {}", error.message),
            );
        }
    }
    if spec["prune"] == true {
        for old in inventory::read(it) {
            if !objects.iter().any(|object| key(object) == old)
                && let Some(object) = cx.api.get(&old)
            {
                cx.delete(&object);
            }
        }
    }
    cx.status(
        it,
        MANAGER,
        json!({"inventory": inventory::write(&objects)}),
    );
    if spec["wait"] == true {
        let limit = clock::add(
            since,
            Duration::try_from_secs_f64(timeout).unwrap_or(Duration::from_secs(300)),
        );
        for object in &objects {
            let state = cx
                .api
                .get(&key(object))
                .map_or(Health::Ready, |object| health::of(&object));
            let (cause, failed) = match state {
                Health::Ready => continue,
                Health::Progressing(_) => ("InProgress", false),
                Health::Failed(_) => ("Failed", true),
            };
            if cx.now < limit && !failed {
                return Next::limit(limit);
            }
            let shown = format!(
                "{}/{}/{}",
                text(object, "kind"),
                namespace(object),
                name(object)
            );
            let message = match failed {
                true => {
                    format!("failed early due to stalled resources: [{shown} status: '{cause}']")
                }
                false => format!("timeout waiting for: [{shown} status: '{cause}']"),
            };
            return refuse(cx, it, "HealthCheckFailed", &message);
        }
    }
    let mut conditions = conditions(cx, it);
    conditions.remove("Reconciling");
    conditions.set(
        "Ready",
        "True",
        "ReconciliationSucceeded",
        &format!("Applied revision: {revision}"),
    );
    let status = json!({
        "observedGeneration": generation(it), "conditions": conditions.into_value(), "lastAppliedRevision": revision,
        "lastAttemptedRevision": revision,
    });
    cx.status(it, MANAGER, status);
    Next::NEVER
}

/// Returns the objects under the path, labelled; or the reason and message of what is wrong.
fn build(cx: &Cx<'_>, it: &Value, url: &str) -> Result<Vec<Value>, (&'static str, String)> {
    let path = text(&it["spec"], "path")
        .trim_start_matches("./")
        .trim_matches('/')
        .to_owned();
    let repository = cx.ground.site().repositories.get(url).cloned();
    let (files, assumed) = repository.map_or_else(Default::default, |it| (it.files, it.assumed));
    let within = |file: &str| {
        path.is_empty()
            || file
                .strip_prefix(path.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
    };
    if !assumed && !files.keys().any(|file| within(file)) {
        let shown = crate::ground::digest(&path);
        let message = format!(
            "kustomization path not found: stat /tmp/kustomization-{}/{path}: no such file or directory",
            &shown[..10]
        );
        return Err(("ArtifactFailed", message));
    }
    let yaml = |file: &str| file.ends_with(".yaml") || file.ends_with(".yml");
    let mut objects = Vec::new();
    for (file, content) in files
        .iter()
        .filter(|(file, _)| within(file) && yaml(file) && !file.ends_with("kustomization.yaml"))
    {
        let documents: Vec<Value> = serde_saphyr::from_multiple(content).map_err(|error| {
            (
                "BuildFailed",
                format!("kustomize build failed: {file}: {error}"),
            )
        })?;
        for mut object in documents.into_iter().filter(|object| !object.is_null()) {
            if text(&object, "kind").is_empty() || name(&object).is_empty() {
                return Err((
                    "BuildFailed",
                    format!("failed to decode Kubernetes apiVersion, kind and name from: {file}"),
                ));
            }
            object["metadata"]["labels"][format!("{KUSTOMIZE}/name")] = json!(name(it));
            object["metadata"]["labels"][format!("{KUSTOMIZE}/namespace")] = json!(namespace(it));
            if let Some(target) = it["spec"]["targetNamespace"]
                .as_str()
                .filter(|_| !namespace(&object).is_empty())
            {
                object["metadata"]["namespace"] = json!(target);
            }
            objects.push(object);
        }
    }
    // What others need goes first.
    let rank = |object: &Value| match text(object, "kind") {
        "Namespace" | "CustomResourceDefinition" => 0,
        _ => 1,
    };
    objects.sort_by_key(rank);
    Ok(objects)
}

/// Returns when what failed at this generation and revision is tried again.
fn retry(it: &Value, revision: &str) -> Option<Timestamp> {
    let tried = it["status"]["observedGeneration"].as_i64() == Some(generation(it))
        && it["status"]["lastAttemptedRevision"] == revision;
    let failed =
        find(it, "Reconciling").filter(|it| tried && it["reason"] == "ProgressingWithRetry")?;
    find(it, "Ready").filter(|it| it["reason"] != "DependencyNotReady")?;
    let spec = &it["spec"];
    let interval = spec["retryInterval"].as_str().or(spec["interval"].as_str());
    let seconds = interval.and_then(|text| duration::seconds(text).ok());
    let interval = Duration::try_from_secs_f64(seconds.unwrap_or(300.0)).ok()?;
    Some(clock::add(time(&failed["lastTransitionTime"])?, interval))
}

fn refuse(cx: &Cx<'_>, it: &Value, reason: &str, message: &str) -> Next {
    let mut conditions = conditions(cx, it);
    let said = |kind: &str, reason: &str| {
        find(it, kind).is_some_and(|it| it["reason"] == reason && it["message"] == message)
    };
    if !(said("Ready", reason) && said("Reconciling", "ProgressingWithRetry")) {
        // The time of the last failure is what a retry counts from.
        conditions.remove("Reconciling");
    }
    conditions.set("Reconciling", "True", "ProgressingWithRetry", message);
    conditions.set("Ready", "False", reason, message);
    cx.event(it, "Warning", reason, message);
    let status = json!({
        "conditions": conditions.into_value(), "observedGeneration": generation(it),
    });
    // Where it is to be tried again, the change brings it here, and sets when.
    cx.status(it, MANAGER, status);
    Next::NEVER
}

/// Takes away what was applied, where the Kustomization prunes, and then lets go of it.
pub(super) fn prune(cx: &Cx<'_>, it: &Value) -> Next {
    if it["spec"]["prune"] == true && it["spec"]["suspend"] != true {
        let left = || {
            inventory::read(it)
                .into_iter()
                .filter_map(|key| cx.api.get(&key))
        };
        left()
            .filter(|object| !deleting(object))
            .for_each(|object| cx.delete(&object));
    }
    release_finalizer(cx, it, MANAGER)
}
