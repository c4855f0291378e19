//! Jobs and CronJobs: how they end.

use super::Cluster;
use serde_json::{Value, json};

fn job(name: &str, image: &str, policy: &str, spec: Value) -> Value {
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": {"spec": {"restartPolicy": policy, "containers": [{"name": "main", "image": image}]}}},
    });
    for (field, value) in spec.as_object().unwrap() {
        job["spec"][field] = value.clone();
    }
    job
}

fn condition(object: &Value, name: &str) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions
        .iter()
        .find(|it| it["type"] == name && it["status"] == "True")?;
    Some(found["reason"].as_str()?.to_owned())
}

#[tokio::test]
async fn jobs_end_well_or_give_up() {
    let cluster = Cluster::open().await;
    let over = |it: &Value| {
        condition(it, "Complete")
            .or(condition(it, "Failed"))
            .is_some()
    };
    cluster.apply(job(
        "well",
        "busybox:1",
        "Never",
        json!({"completions": 3, "parallelism": 2}),
    ));
    let well = cluster.until(("batch", "Job"), "well", over).await;
    assert_eq!(condition(&well, "Complete").unwrap(), "CompletionsReached");
    assert_eq!(well["status"]["succeeded"], 3);

    let spans = |it: &Value| {
        let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let conditions = it["status"]["conditions"].as_array().unwrap();
        let failed = conditions.iter().find(|it| it["type"] == "Failed").unwrap();
        time(&failed["lastTransitionTime"])
            .duration_since(time(&it["status"]["startTime"]))
            .as_secs()
    };
    cluster.apply(job(
        "never",
        "busybox:crash",
        "Never",
        json!({"backoffLimit": 2}),
    ));
    let never = cluster.until(("batch", "Job"), "never", over).await;
    assert_eq!(condition(&never, "Failed").unwrap(), "BackoffLimitExceeded");
    assert_eq!(never["status"]["failed"], 3);
    assert!(spans(&never) >= 30, "it pauses 10 and 20 s: {never}");

    // One pod, whose container starts anew.
    cluster.apply(job(
        "again",
        "busybox:crash",
        "OnFailure",
        json!({"backoffLimit": 4}),
    ));
    let again = cluster.until(("batch", "Job"), "again", over).await;
    assert_eq!(condition(&again, "Failed").unwrap(), "BackoffLimitExceeded");
    assert!(
        spans(&again) >= 150,
        "it pauses 10, 20, 40 and 80 s: {again}"
    );
    let left = cluster.api.list("", "Pod", Some("default"));
    let active = left
        .iter()
        .filter(|pod| pod["status"]["phase"] == "Running");
    assert_eq!(active.count(), 0);

    cluster.apply(job(
        "late",
        "busybox:missing",
        "Never",
        json!({"activeDeadlineSeconds": 60}),
    ));
    cluster
        .until(("batch", "Job"), "late", |it| it["status"]["active"] == 1)
        .await;
    let clock = cluster.stage.world.clock();
    clock.sleep(std::time::Duration::from_secs(61)).await;
    let late = cluster.until(("batch", "Job"), "late", over).await;
    assert_eq!(condition(&late, "Failed").unwrap(), "DeadlineExceeded");

    cluster.apply(job(
        "brief",
        "busybox:1",
        "Never",
        json!({"ttlSecondsAfterFinished": 30}),
    ));
    cluster.until(("batch", "Job"), "brief", over).await;
    clock.sleep(std::time::Duration::from_secs(31)).await;
    let mut changes = cluster.api.subscribe();
    while cluster
        .api
        .get(&super::key("batch", "Job", "brief"))
        .is_some()
    {
        changes.recv().await.unwrap();
    }

    cluster.apply(job("held", "busybox:1", "Never", json!({"suspend": true})));
    let held = |it: &Value| condition(it, "Suspended").is_some();
    cluster.until(("batch", "Job"), "held", held).await;
    cluster.apply(job("held", "busybox:1", "Never", json!({"suspend": false})));
    cluster.until(("batch", "Job"), "held", over).await;
}

#[tokio::test]
async fn cron_jobs_start_jobs_in_time() {
    let cluster = Cluster::open().await;
    let spec = job("", "busybox:1", "Never", json!({}))["spec"].clone();
    cluster.apply(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick", "namespace": "default"},
        "spec": {"schedule": "*/10 * * * *", "successfulJobsHistoryLimit": 2, "jobTemplate": {"spec": spec}},
    }));
    let clock = cluster.stage.world.clock();
    let mut last = Value::Null;
    for _ in 0..4 {
        clock.sleep(std::time::Duration::from_secs(600)).await;
        let next = |it: &Value| {
            let scheduled = &it["status"]["lastScheduleTime"];
            scheduled.is_string() && *scheduled != last && it["status"]["active"].is_null()
        };
        let tick = cluster.until(("batch", "CronJob"), "tick", next).await;
        last = tick["status"]["lastScheduleTime"].clone();
        assert!(last.as_str().unwrap().ends_with("0:00Z"), "{last}");
        assert!(tick["status"]["lastSuccessfulTime"].is_string(), "{tick}");
    }
    let jobs = cluster.api.list("batch", "Job", Some("default"));
    assert_eq!(jobs.len(), 2, "the history holds two");
    assert!(
        jobs.iter()
            .all(|job| job["metadata"]["ownerReferences"][0]["name"] == "tick")
    );
}

#[tokio::test]
async fn indexed_jobs_have_a_pod_for_each_index() {
    let cluster = Cluster::open().await;
    let indexed = |name: &str, image: &str, more: Value| {
        let mut spec = json!({"completionMode": "Indexed", "completions": 4, "parallelism": 2});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        job(name, image, "Never", spec)
    };
    let over = |it: &Value| {
        condition(it, "Complete")
            .or(condition(it, "Failed"))
            .is_some()
    };
    cluster.apply(indexed("well", "busybox:1", json!({})));
    let half = |it: &Value| it["status"]["completedIndexes"] == "0,1";
    cluster.until(("batch", "Job"), "well", half).await;
    let well = cluster.until(("batch", "Job"), "well", over).await;
    assert_eq!(condition(&well, "Complete").unwrap(), "CompletionsReached");
    assert_eq!(well["status"]["completedIndexes"], "0-3");
    assert_eq!(well["status"]["succeeded"], 4);
    assert_eq!(well["status"]["failedIndexes"], Value::Null);
    let mut pods = cluster.api.list("", "Pod", Some("default"));
    pods.sort_by_key(|pod| pod["spec"]["hostname"].to_string());
    assert_eq!(pods.len(), 4);
    for (index, pod) in pods.iter().enumerate() {
        let number = index.to_string();
        let metadata = &pod["metadata"];
        for list in ["labels", "annotations"] {
            let key = "batch.kubernetes.io/job-completion-index";
            assert_eq!(metadata[list][key], *number, "{pod}");
        }
        let begins = format!("well-{index}-");
        assert_eq!(metadata["generateName"], *begins);
        assert!(metadata["name"].as_str().unwrap().starts_with(&begins));
        assert_eq!(pod["spec"]["hostname"], format!("well-{index}"));
        let variable = &pod["spec"]["containers"][0]["env"][0];
        assert_eq!(variable["name"], "JOB_COMPLETION_INDEX");
        assert_eq!(
            variable["valueFrom"]["fieldRef"]["fieldPath"],
            "metadata.labels['batch.kubernetes.io/job-completion-index']"
        );
    }

    // Each index fails for itself.
    let limit = json!({"backoffLimitPerIndex": 1, "completions": 3});
    cluster.apply(indexed("bad", "busybox:crash", limit));
    let bad = cluster.until(("batch", "Job"), "bad", over).await;
    assert_eq!(condition(&bad, "Failed").unwrap(), "FailedIndexes");
    assert_eq!(bad["spec"]["backoffLimit"], i32::MAX);
    assert_eq!(bad["status"]["failedIndexes"], "0-2");
    assert_eq!(bad["status"]["failed"], 6);
    let limit = json!({"backoffLimitPerIndex": 0, "maxFailedIndexes": 0});
    cluster.apply(indexed("few", "busybox:crash", limit));
    let few = cluster.until(("batch", "Job"), "few", over).await;
    assert_eq!(
        condition(&few, "Failed").unwrap(),
        "MaxFailedIndexesExceeded"
    );

    let refused = |spec: Value| {
        let refused = cluster
            .api
            .apply("test", job("wrong", "busybox:1", "Never", spec));
        refused.unwrap_err().message
    };
    let missing = refused(json!({"completionMode": "Indexed", "parallelism": 1}));
    assert!(
        missing.contains("spec.completions: Required value: when completion mode is Indexed"),
        "{missing}"
    );
    let plain = refused(json!({"backoffLimitPerIndex": 1}));
    assert!(
        plain.contains(
            "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"
        ),
        "{plain}"
    );
    let other = refused(json!({"completionMode": "Sorted"}));
    assert!(
        other.contains("supported values: \"Indexed\", \"NonIndexed\""),
        "{other}"
    );
}
