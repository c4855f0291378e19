//! HelmReleases: their chart, their values, and the objects that the chart makes.

use super::{
    Conditions, Cx, HELM, Next, SOURCE, chart, conditions, inventory, release_finalizer, send,
    unmet, unready_source, values,
};
use crate::{
    blueprint::Made,
    charts::Chart,
    clock, duration,
    ground::digest,
    reactors::{
        health,
        object::{deleting, find, generation, key, name, namespace, path, second, text, time, uid},
    },
};
use serde_json::{Value, json};
use std::time::Duration;

const MANAGER: &str = "helm-controller";
/// Assumed time until Helm has sent a chart's objects.
const RENDER: Duration = Duration::from_secs(2);

/// What a release is made from.
pub(super) struct Plan<'a> {
    pub(super) release: &'a Value,
    pub(super) name: String,
    pub(super) namespace: &'a str,
    pub(super) chart: &'static Chart,
    config: String,
    pub(super) values: Value,
    /// "install" or "upgrade".
    pub(super) action: &'static str,
}

pub(super) fn release(cx: &Cx<'_>, it: &Value) -> Next {
    if let Some(message) = unmet(cx, it, HELM, "HelmRelease") {
        return wait(cx, it, "DependencyNotReady", &message);
    }
    let source = match chart::source(cx, it) {
        Ok(source) => source,
        Err(message) => {
            return wait(
                cx,
                it,
                "ArtifactFailed",
                &format!("could not get Source object: {message}"),
            );
        }
    };
    if let Some(message) = unready_source(&source) {
        return wait(cx, it, "SourceNotReady", &message);
    }
    let values = match values::compose(cx, it) {
        Ok(values) => values,
        Err(message) => return wait(cx, it, "ValuesError", &message),
    };
    let Some(chart) = chart::chart(cx, &source) else {
        return wait(
            cx,
            it,
            "ArtifactFailed",
            "Could not load chart: the artifact is no chart",
        );
    };
    let deployed = &it["status"]["history"][0];
    let target = it["spec"]["targetNamespace"].as_str();
    let plan = Plan {
        release: it,
        name: match (it["spec"]["releaseName"].as_str(), target) {
            (Some(name), _) => name.to_owned(),
            (None, Some(target)) => format!("{target}-{}", name(it)),
            (None, None) => name(it).to_owned(),
        },
        namespace: target.unwrap_or(namespace(it)),
        chart,
        config: format!("sha256:{}", digest(&values.to_string())),
        values,
        action: if deployed["status"] == "deployed" {
            "upgrade"
        } else {
            "install"
        },
    };
    let same = deployed["chartVersion"] == plan.chart.version.as_str()
        && deployed["configDigest"] == plan.config.as_str();
    if deployed["status"] == "deployed" && same && !is_forced(it) {
        return settled(cx, it);
    }
    attempt(cx, &plan)
}

/// Returns whether annotations ask for one release whatever there is, and that has not been tried yet.
/// <https://fluxcd.io/flux/components/helm/helmreleases/#forcing-a-release>
fn is_forced(it: &Value) -> bool {
    let asked = &it["metadata"]["annotations"];
    let force = &asked["reconcile.fluxcd.io/forceAt"];
    force.is_string()
        && *force == asked["reconcile.fluxcd.io/requestedAt"]
        && *force != it["status"]["lastHandledForceAt"]
}

/// Returns the force request that an attempt answers.
fn handled_force(it: &Value) -> Value {
    match &it["metadata"]["annotations"]["reconcile.fluxcd.io/forceAt"] {
        Value::Null => it["status"]["lastHandledForceAt"].clone(),
        force => force.clone(),
    }
}

/// A release that is as it is wanted.
fn settled(cx: &Cx<'_>, it: &Value) -> Next {
    let mut conditions = conditions(cx, it);
    conditions.remove("Reconciling");
    conditions.remove("Stalled");
    if let Some(released) = find(it, "Released") {
        conditions.set(
            "Ready",
            "True",
            text(released, "reason"),
            text(released, "message"),
        );
    }
    cx.status(
        it,
        MANAGER,
        json!({"observedGeneration": generation(it), "conditions": conditions.into_value()}),
    );
    Next::NEVER
}

/// The release cannot begin yet.
fn wait(cx: &Cx<'_>, it: &Value, reason: &str, message: &str) -> Next {
    let mut conditions = conditions(cx, it);
    conditions.set("Reconciling", "True", "ProgressingWithRetry", message);
    conditions.set("Ready", "False", reason, message);
    cx.status(it, MANAGER, json!({"conditions": conditions.into_value()}));
    Next::NEVER
}

/// Runs the action: begins it, sends the objects, waits for them, and says what came of it.
fn attempt(cx: &Cx<'_>, plan: &Plan<'_>) -> Next {
    let it = plan.release;
    let status = &it["status"];
    let known = status["lastAttemptedGeneration"].as_i64() == Some(generation(it))
        && status["lastAttemptedRevision"] == plan.chart.version.as_str()
        && status["lastAttemptedConfigDigest"] == plan.config.as_str();
    if known && !is_forced(it) && find(it, "Stalled").is_some_and(|it| it["status"] == "True") {
        return Next::NEVER;
    }
    let timeout = it["spec"]["timeout"]
        .as_str()
        .and_then(|text| duration::seconds(text).ok())
        .unwrap_or(300.0);
    let running = find(it, "Reconciling").filter(|it| known && it["reason"] == "Progressing");
    let Some(since) = running.and_then(|it| time(&it["lastTransitionTime"])) else {
        let message = format!(
            "Running '{}' action with timeout of {}m{}s",
            plan.action,
            timeout as u64 / 60,
            timeout as u64 % 60
        );
        let mut conditions = conditions(cx, it);
        conditions.remove("Stalled");
        conditions.remove("Reconciling");
        conditions.set("Reconciling", "True", "Progressing", &message);
        conditions.set("Ready", "Unknown", "Progressing", &message);
        let counted = |field: &str| {
            if known {
                status[field].clone()
            } else {
                Value::Null
            }
        };
        let status = json!({
            "conditions": conditions.into_value(), "storageNamespace": it["spec"]["storageNamespace"].as_str().unwrap_or(namespace(it)),
            "lastAttemptedGeneration": generation(it), "lastAttemptedRevision": plan.chart.version,
            "lastAttemptedConfigDigest": plan.config, "lastAttemptedReleaseAction": plan.action, "failures": counted("failures"),
            "installFailures": counted("installFailures"), "upgradeFailures": counted("upgradeFailures"),
        });
        cx.status(it, MANAGER, status);
        return Next::at(clock::add(cx.now, RENDER));
    };
    let attempt = format!("{} {} {}", uid(it), generation(it), status["failures"]);
    let strike = cx.ground.faults.chart(&path(it), &attempt, cx.now);
    let sent = clock::add(since, RENDER.saturating_add(strike.latency));
    if cx.now < sent {
        return Next::at(sent);
    }
    if let Some(cause) = strike.effect {
        return fail(cx, plan, &cause);
    }
    let made = match send::send(cx, plan) {
        Ok(made) => made,
        Err(cause) => return fail(cx, plan, &cause),
    };
    let options = &it["spec"][plan.action];
    let waits = options["disableWait"] != true;
    let state = made
        .iter()
        .map(|made| match cx.api.get(&key(&made.object)) {
            Some(object) => health::of(&object),
            None => health::Health::Progressing("it is missing".to_owned()),
        });
    let worst = made
        .iter()
        .zip(state)
        .find_map(|(made, health)| match health {
            health::Health::Ready => None,
            health::Health::Progressing(message) => Some((made, "InProgress", message)),
            health::Health::Failed(message) => Some((made, "Failed", message)),
        });
    match worst.filter(|_| waits) {
        None => succeed(cx, plan, &made),
        Some((made, state, message)) => {
            let limit = clock::add(
                since,
                Duration::try_from_secs_f64(timeout).unwrap_or(Duration::from_secs(300)),
            );
            if cx.now < limit && state != "Failed" {
                return Next::limit(limit);
            }
            let object = &made.object;
            let shown = format!(
                "{}/{}/{}",
                text(object, "kind"),
                namespace(object),
                name(object)
            );
            let late = if state == "Failed" {
                ""
            } else {
                "\ncontext deadline exceeded"
            };
            fail(
                cx,
                plan,
                &format!("resource {shown} not ready. status: {state}, message: {message}{late}"),
            )
        }
    }
}

fn succeed(cx: &Cx<'_>, plan: &Plan<'_>, made: &[Made]) -> Next {
    let it = plan.release;
    let history = it["status"]["history"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let last = history.iter().find(|it| it["status"] == "deployed");
    let version = history
        .iter()
        .filter_map(|it| it["version"].as_u64())
        .max()
        .unwrap_or(0)
        + 1;
    let first = last.map_or_else(|| second(cx.now), |it| it["firstDeployed"].clone());
    let snapshot = json!({
        "name": plan.name, "namespace": plan.namespace, "version": version, "status": "deployed",
        "chartName": plan.chart.name, "chartVersion": plan.chart.version, "appVersion": plan.chart.app_version,
        "configDigest": plan.config, "digest": format!("sha256:{}", digest(&format!("{}{}{version}", plan.name, plan.config))),
        "firstDeployed": first, "lastDeployed": second(cx.now),
    });
    let superseded = history.into_iter().map(|mut it| {
        if it["status"] == "deployed" {
            it["status"] = json!("superseded");
        }
        it
    });
    let history: Vec<Value> = std::iter::once(snapshot)
        .chain(superseded)
        .take(5)
        .collect();
    let verb = if plan.action == "install" {
        "Install"
    } else {
        "Upgrade"
    };
    let message = format!(
        "Helm {} succeeded for release {}/{}.v{version} with chart {}@{}",
        plan.action, plan.namespace, plan.name, plan.chart.name, plan.chart.version
    );
    let reason = format!("{verb}Succeeded");
    let mut conditions = conditions(cx, it);
    conditions.remove("Reconciling");
    conditions.remove("Stalled");
    conditions.set("Released", "True", &reason, &message);
    conditions.set("Ready", "True", &reason, &message);
    cx.event(it, "Normal", &reason, &message);
    let status = json!({
        "observedGeneration": generation(it), "conditions": conditions.into_value(), "history": history, "failures": null,
        "installFailures": null, "upgradeFailures": null, "lastHandledForceAt": handled_force(it),
        "inventory": inventory::write(ours(made)),
    });
    cx.status(it, MANAGER, status);
    Next::NEVER
}

fn fail(cx: &Cx<'_>, plan: &Plan<'_>, cause: &str) -> Next {
    let it = plan.release;
    let verb = if plan.action == "install" {
        "Install"
    } else {
        "Upgrade"
    };
    let message = format!(
        "Helm {} failed for release {}/{} with chart {}@{}: {cause}",
        plan.action, plan.namespace, plan.name, plan.chart.name, plan.chart.version
    );
    let reason = format!("{verb}Failed");
    let failures = it["status"]["failures"].as_i64().unwrap_or(0) + 1;
    let retries = it["spec"][plan.action]["remediation"]["retries"]
        .as_i64()
        .unwrap_or(0);
    let mut conditions: Conditions = conditions(cx, it);
    conditions.remove("Reconciling");
    conditions.set("Released", "False", &reason, &message);
    conditions.set("Ready", "False", &reason, &message);
    cx.event(it, "Warning", &reason, &message);
    let made = plan
        .chart
        .make(&plan.name, plan.namespace, &plan.values)
        .unwrap_or_default();
    let counter = format!("{}Failures", plan.action);
    let mut status = json!({
        "failures": failures, counter: failures, "inventory": inventory::write(ours(&made)),
        "lastHandledForceAt": handled_force(it),
    });
    let exhausted = retries >= 0 && failures > retries;
    if exhausted {
        conditions.set(
            "Stalled",
            "True",
            "RetriesExceeded",
            &format!("Failed to {} after {failures} attempt(s)", plan.action),
        );
        status["observedGeneration"] = json!(generation(it));
    } else {
        conditions.set("Reconciling", "True", "ProgressingWithRetry", &message);
        if plan.action == "install" {
            // An install that failed is uninstalled before it is tried again.
            for made in made.iter().filter(|made| !made.keep) {
                cx.delete(&made.object);
            }
        }
    }
    status["conditions"] = conditions.into_value();
    cx.status(it, MANAGER, status);
    Next::NEVER
}

/// Takes everything away that the release made, and then lets go of it.
pub(super) fn uninstall(cx: &Cx<'_>, it: &Value) -> Next {
    if it["spec"]["suspend"] != true {
        let inventory = inventory::read(it);
        let left = || {
            inventory
                .iter()
                .filter_map(|key| cx.api.get(key))
                .filter(|object| !kept(object))
        };
        left()
            .filter(|object| !deleting(object))
            .for_each(|object| cx.delete(&object));
        if left().next().is_some() {
            // The objects' going brings it here again.
            return Next::NEVER;
        }
        if let Some((space, chart)) = text(&it["status"], "helmChart").split_once('/')
            && let Some(chart) = cx.get(SOURCE, "HelmChart", space, chart)
        {
            cx.delete(&chart);
        }
    }
    release_finalizer(cx, it, MANAGER)
}

pub(super) fn kept(object: &Value) -> bool {
    object["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
}

/// Returns the objects that go with the release: those of a chart's `crds` folder do not.
fn ours(made: &[Made]) -> impl Iterator<Item = &Value> {
    made.iter()
        .filter(|made| !made.folder)
        .map(|made| &made.object)
}
