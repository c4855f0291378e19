//! Jobs: pods that end, and the conditions Complete and Failed.

use super::{
    Cx, Next,
    object::{Conditions, deleting, is_true, mark, name, second, uid},
    workloads::{make_pod, pods},
};
use serde_json::{Value, json};

const MANAGER: &str = "kube-controller-manager";

pub(super) fn job(cx: &Cx<'_>, job: &Value) -> Next {
    if deleting(job)
        || is_true(job, "Complete")
        || is_true(job, "Failed")
        || job["spec"]["suspend"] == true
    {
        return Next::NEVER;
    }
    let spec = &job["spec"];
    let number = |field: &str, default: usize| {
        spec[field]
            .as_u64()
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(default)
    };
    let parallelism = number("parallelism", 1);
    let completions = number("completions", parallelism.max(1));
    let pods = pods(cx, job);
    let phase = |wanted: &str| {
        pods.iter()
            .filter(|pod| pod["status"]["phase"] == wanted)
            .count()
    };
    let (succeeded, failed) = (phase("Succeeded"), phase("Failed"));
    let ended =
        |pod: &Value| pod["status"]["phase"] == "Succeeded" || pod["status"]["phase"] == "Failed";
    let active = pods
        .iter()
        .filter(|pod| !deleting(pod) && !ended(pod))
        .count();
    let mut conditions = Conditions::of(job, cx.now);
    let mut status = json!({
        "startTime": job["status"]["startTime"].as_str().map_or_else(|| second(cx.now), |it| json!(it)),
        "active": active, "succeeded": succeeded, "failed": failed, "ready": 0,
    });
    if succeeded >= completions {
        let message = "Reached expected number of succeeded pods";
        conditions.set("SuccessCriteriaMet", "True", "CompletionsReached", message);
        conditions.set("Complete", "True", "CompletionsReached", message);
        status["completionTime"] = second(cx.now);
        status["active"] = Value::Null;
    } else if failed > number("backoffLimit", 6) {
        let message = "Job has reached the specified backoff limit";
        conditions.set("FailureTarget", "True", "BackoffLimitExceeded", message);
        conditions.set("Failed", "True", "BackoffLimitExceeded", message);
        cx.event(job, "Warning", "BackoffLimitExceeded", message);
        status["active"] = Value::Null;
    } else {
        let wanted = parallelism.min(completions - succeeded);
        let mut made = 0;
        for n in pods.len()..pods.len() + wanted.saturating_sub(active) {
            let pod = format!("{}-{}", name(job), mark(&format!("{} {n}", uid(job)), 5));
            made += usize::from(make_pod(cx, job, &pod, &json!({})).is_some());
        }
        status["active"] = json!(active + made);
    }
    for field in ["active", "succeeded", "failed"] {
        if status[field] == 0 {
            status[field] = Value::Null;
        }
    }
    status["conditions"] = conditions.into_value();
    cx.status(job, MANAGER, status);
    Next::NEVER
}
