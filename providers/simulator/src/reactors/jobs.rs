//! Jobs: pods that end, tried again after growing pauses, and the conditions Complete and Failed; indexed ones, too.

mod indexes;

use super::{
    Cx, Next,
    object::{Conditions, deleting, find, is_ended, is_true, mark, name, second, time, uid},
    workloads::{make_pod, pods},
};
use crate::clock;
use indexes::Indexes;
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
    let indexes = Indexes::of(job, &pods);
    let succeeded = indexes.as_ref().map_or(succeeded, |it| it.done.len());
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
    if let Some(indexes) = &indexes {
        indexes.tell(&mut status);
    }
    let given_up = indexes.as_ref().and_then(|it| it.failure(job));
    let mut next = deadline.map_or(Next::NEVER, Next::limit);
    if succeeded >= completions {
        let message = "Reached expected number of succeeded pods";
        conditions.set("SuccessCriteriaMet", "True", "CompletionsReached", message);
        conditions.set("Complete", "True", "CompletionsReached", message);
        cx.event(job, "Normal", "Completed", "Job completed");
        status["completionTime"] = second(cx.now);
        status["active"] = json!(0);
    } else if let Some((reason, message)) =
        given_up.or_else(|| failure(cx, job, failed, &active, deadline))
    {
        conditions.set("FailureTarget", "True", reason, message);
        conditions.set("Failed", "True", reason, message);
        cx.event(job, "Warning", reason, message);
        active.iter().for_each(|pod| cx.delete(pod));
        status["active"] = json!(0);
        status["failed"] = json!(failed + active.len());
        status["ready"] = json!(0);
    } else {
        let lost = indexes.as_ref().map_or(0, |it| it.failed.len());
        let wanted = parallelism.min(completions - succeeded - lost);
        let missing = wanted.saturating_sub(active.len());
        let made = match &indexes {
            Some(indexes) if missing > 0 => {
                let (due, later) = indexes.pending(&pods, cx.now);
                let due: Vec<usize> = due.into_iter().take(missing).collect();
                next.at = later.filter(|_| due.len() < missing);
                let make = |(n, index): (usize, &usize)| {
                    let changed = indexes.template(job, *index, &pods);
                    let pod = format!("{}-{index}", name(job));
                    start(cx, &changed, &pod, pods.len() + n)
                };
                due.iter().enumerate().filter(|it| make(*it)).count()
            }
            _ => match retry(pods.iter(), failed).filter(|at| missing > 0 && *at > cx.now) {
                Some(at) => {
                    next.at = Some(at);
                    0
                }
                None => {
                    let all = pods.len()..pods.len() + missing;
                    all.filter(|n| start(cx, job, name(job), *n)).count()
                }
            },
        };
        status["active"] = json!(active.len() + made);
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

/// Makes the `n`th pod, whose name begins so; returns whether it did.
fn start(cx: &Cx<'_>, job: &Value, begins: &str, n: usize) -> bool {
    let pod = format!("{begins}-{}", mark(&format!("{} {n}", uid(job)), 5));
    let made = make_pod(cx, job, &pod, &json!({})).is_ok();
    if made {
        let message = format!("Created pod: {pod}");
        cx.event(job, "Normal", "SuccessfulCreate", &message);
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
fn retry<'a>(pods: impl Iterator<Item = &'a Arc<Value>>, failed: usize) -> Option<Timestamp> {
    let doublings = u32::try_from(failed.checked_sub(1)?).unwrap_or(u32::MAX);
    let pause = PAUSE
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST);
    let ends = pods.filter(|pod| pod["status"]["phase"] == "Failed");
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
