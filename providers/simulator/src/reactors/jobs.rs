//! Jobs: pods that end, tried again after growing pauses, and the conditions Complete and Failed.

use super::{
    Cx, Next,
    object::{Conditions, deleting, find, is_ended, is_true, mark, name, second, time, uid},
    workloads::{make_pod, pods},
};
use crate::clock;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const MANAGER: &str = "kube-controller-manager";
/// The first pause before a pod that failed is replaced, and the longest.
/// <https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy>
const PAUSE: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(360);

pub(super) fn job(cx: &Cx<'_>, job: &Value) -> Next {
    if deleting(job) {
        return Next::NEVER;
    }
    if let Some(ended) = finished(job) {
        return expire(cx, job, ended);
    }
    let pods = pods(cx, job);
    let active: Vec<&Arc<Value>> = pods
        .iter()
        .filter(|pod| !deleting(pod) && !is_ended(pod))
        .collect();
    let mut conditions = Conditions::of(job, cx.now);
    if job["spec"]["suspend"] == true {
        active.iter().for_each(|pod| cx.delete(pod));
        conditions.set("Suspended", "True", "JobSuspended", "Job suspended");
        let status =
            json!({"startTime": null, "active": null, "conditions": conditions.into_value()});
        cx.status(job, MANAGER, status);
        return Next::NEVER;
    }
    if is_true(job, "Suspended") {
        conditions.set("Suspended", "False", "JobResumed", "Job resumed");
    }
    let phase = |wanted: &str| {
        let all = pods.iter();
        all.filter(|pod| pod["status"]["phase"] == wanted).count()
    };
    let (succeeded, failed) = (phase("Succeeded"), phase("Failed"));
    let started = time(&job["status"]["startTime"]).unwrap_or(cx.now);
    let parallelism = number(job, "parallelism", 1);
    let completions = number(job, "completions", parallelism.max(1));
    let deadline = job["spec"]["activeDeadlineSeconds"]
        .as_u64()
        .map(|seconds| clock::add(started, Duration::from_secs(seconds)));
    let ready = active.iter().filter(|pod| is_true(pod, "Ready")).count();
    let mut status = json!({
        "startTime": second(started), "active": active.len(), "succeeded": succeeded, "failed": failed, "ready": ready,
    });
    let mut next = deadline.map_or(Next::NEVER, Next::limit);
    if succeeded >= completions {
        let message = "Reached expected number of succeeded pods";
        conditions.set("SuccessCriteriaMet", "True", "CompletionsReached", message);
        conditions.set("Complete", "True", "CompletionsReached", message);
        cx.event(job, "Normal", "Completed", "Job completed");
        status["completionTime"] = second(cx.now);
        status["active"] = json!(0);
    } else if let Some((reason, message)) = failure(cx, job, failed, &active, deadline) {
        conditions.set("FailureTarget", "True", reason, message);
        conditions.set("Failed", "True", reason, message);
        cx.event(job, "Warning", reason, message);
        active.iter().for_each(|pod| cx.delete(pod));
        status["active"] = json!(0);
        status["failed"] = json!(failed + active.len());
        status["ready"] = json!(0);
    } else {
        let wanted = parallelism.min(completions - succeeded);
        let missing = wanted.saturating_sub(active.len());
        let again = retry(&pods, failed).filter(|at| missing > 0 && *at > cx.now);
        match again {
            Some(at) => next.at = Some(at),
            None => {
                let made = start(cx, job, pods.len(), missing);
                status["active"] = json!(active.len() + made);
            }
        }
    }
    for field in ["active", "succeeded", "failed"] {
        if status[field] == 0 {
            status[field] = Value::Null;
        }
    }
    status["conditions"] = conditions.into_value();
    cx.status(job, MANAGER, status);
    next
}

/// Makes pods, and returns how many.
fn start(cx: &Cx<'_>, job: &Value, known: usize, missing: usize) -> usize {
    let mut made = 0;
    for n in known..known + missing {
        let pod = format!("{}-{}", name(job), mark(&format!("{} {n}", uid(job)), 5));
        if make_pod(cx, job, &pod, &json!({})).is_ok() {
            let message = format!("Created pod: {pod}");
            cx.event(job, "Normal", "SuccessfulCreate", &message);
            made += 1;
        }
    }
    made
}

/// Returns why a Job is over without success.
fn failure(
    cx: &Cx<'_>,
    job: &Value,
    failed: usize,
    active: &[&Arc<Value>],
    deadline: Option<Timestamp>,
) -> Option<(&'static str, &'static str)> {
    let limit = number(job, "backoffLimit", 6);
    // A pod that starts its containers anew itself counts by its restarts.
    let restarts: u64 = active
        .iter()
        .filter(|pod| pod["spec"]["restartPolicy"] == "OnFailure")
        .flat_map(|pod| {
            pod["status"]["containerStatuses"]
                .as_array()
                .into_iter()
                .flatten()
        })
        .filter_map(|it| it["restartCount"].as_u64())
        .sum();
    let restarts = usize::try_from(restarts).unwrap_or(usize::MAX);
    if failed > limit || restarts > 0 && restarts >= limit {
        return Some((
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        ));
    }
    deadline.filter(|deadline| cx.now >= *deadline).map(|_| {
        (
            "DeadlineExceeded",
            "Job was active longer than specified deadline",
        )
    })
}

/// Returns when a failed pod is to be replaced: after a pause that doubles with each failure.
fn retry(pods: &[Arc<Value>], failed: usize) -> Option<Timestamp> {
    let doublings = u32::try_from(failed.checked_sub(1)?).unwrap_or(u32::MAX);
    let pause = PAUSE
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST);
    let ends = pods.iter().filter(|pod| pod["status"]["phase"] == "Failed");
    let ends = ends.filter_map(|pod| {
        time(&pod["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"])
    });
    ends.max().map(|end| clock::add(end, pause))
}

/// Returns when a Job was over, where it is.
pub(super) fn finished(job: &Value) -> Option<Timestamp> {
    let over = ["Complete", "Failed"]
        .into_iter()
        .find(|it| is_true(job, it))?;
    find(job, over).and_then(|it| time(&it["lastTransitionTime"]))
}

/// A Job that is over goes after a while, where it says so.
fn expire(cx: &Cx<'_>, job: &Value, ended: Timestamp) -> Next {
    let Some(seconds) = job["spec"]["ttlSecondsAfterFinished"].as_u64() else {
        return Next::NEVER;
    };
    let end = clock::add(ended, Duration::from_secs(seconds));
    if cx.now < end {
        return Next::limit(end);
    }
    cx.delete(job);
    Next::NEVER
}

fn number(job: &Value, field: &str, default: usize) -> usize {
    job["spec"][field]
        .as_u64()
        .and_then(|it| usize::try_from(it).ok())
        .unwrap_or(default)
}
