//! The indexes of an indexed Job: which are done, which are given up, and which come next.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode>

use super::super::object::{deleting, is_ended};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// The annotation and the label of a pod that hold its index.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// The annotation that holds how often its index has failed.
const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";

/// What has become of the indexes of a Job.
pub(super) struct Indexes {
    all: usize,
    /// How often each may fail, where that counts for each.
    limit: Option<usize>,
    pub(super) done: BTreeSet<usize>,
    /// Those that failed too often.
    pub(super) failed: BTreeSet<usize>,
}

impl Indexes {
    /// Returns those of a Job, from what it says and from its pods; `None` where its completions are not indexed.
    pub(super) fn of(job: &Value, pods: &[Arc<Value>]) -> Option<Self> {
        if job["spec"]["completionMode"] != "Indexed" {
            return None;
        }
        let mut indexes = Self {
            all: super::number(job, "completions", 0),
            limit: job["spec"]["backoffLimitPerIndex"]
                .as_u64()
                .map(|it| usize::try_from(it).unwrap_or(usize::MAX)),
            done: read(&job["status"]["completedIndexes"]),
            failed: read(&job["status"]["failedIndexes"]),
        };
        let with = |phase: &'static str| {
            let ended = pods
                .iter()
                .filter(move |pod| pod["status"]["phase"] == phase);
            ended.filter_map(|pod| index_of(pod))
        };
        indexes.done.extend(with("Succeeded"));
        let all = indexes.all;
        indexes.done.retain(|index| *index < all);
        let tired = (0..all).filter(|index| {
            let failures = with("Failed").filter(|it| it == index).count();
            indexes.limit.is_some_and(|limit| failures > limit)
        });
        let tired: Vec<usize> = tired.collect();
        indexes.failed.extend(tired);
        indexes.failed.retain(|it| !indexes.done.contains(it));
        Some(indexes)
    }

    /// Writes them into a status.
    pub(super) fn tell(&self, status: &mut Value) {
        status["completedIndexes"] = match self.done.is_empty() {
            true => Value::Null,
            false => json!(write(&self.done)),
        };
        if self.limit.is_some() {
            status["failedIndexes"] = json!(write(&self.failed));
        }
    }

    /// Returns why the Job is over without success, by its indexes.
    pub(super) fn failure(&self, job: &Value) -> Option<(&'static str, &'static str)> {
        let most = job["spec"]["maxFailedIndexes"].as_u64();
        let failed = self.failed.len();
        if most.is_some_and(|most| failed as u64 > most) {
            return Some((
                "MaxFailedIndexesExceeded",
                "Job has exceeded the specified maximal number of failed indexes",
            ));
        }
        let over = failed > 0 && self.done.len() + failed >= self.all;
        over.then_some(("FailedIndexes", "Job has failed indexes"))
    }

    /// Returns the indexes that want a pod, and when others do.
    pub(super) fn pending(
        &self,
        pods: &[Arc<Value>],
        now: Timestamp,
    ) -> (Vec<usize>, Option<Timestamp>) {
        let alive = pods.iter().filter(|pod| !deleting(pod) && !is_ended(pod));
        let alive: BTreeSet<usize> = alive.filter_map(|pod| index_of(pod)).collect();
        let failed = |pod: &&Arc<Value>| pod["status"]["phase"] == "Failed";
        // Where failures count for each index, so do the pauses after them.
        let all = super::retry(pods.iter(), pods.iter().filter(failed).count());
        let mut due = Vec::new();
        let mut later: Option<Timestamp> = None;
        let wanted = |it: &usize| {
            ![&self.done, &self.failed, &alive]
                .iter()
                .any(|set| set.contains(it))
        };
        for index in (0..self.all).filter(wanted) {
            let own = || pods.iter().filter(move |pod| index_of(pod) == Some(index));
            let at = match self.limit {
                Some(_) => super::retry(own(), own().filter(failed).count()),
                None => all,
            };
            match at.filter(|at| *at > now) {
                None => due.push(index),
                Some(at) => later = Some(later.map_or(at, |known| known.min(at))),
            }
        }
        (due, later)
    }

    /// Returns the Job with what its template has more for the pods of an index.
    pub(super) fn template(&self, job: &Value, index: usize, pods: &[Arc<Value>]) -> Value {
        let mut job = job.clone();
        let name = job["metadata"]["name"].as_str().unwrap_or_default();
        let host = format!("{name}-{index}");
        let template = &mut job["spec"]["template"];
        let metadata = &mut template["metadata"];
        metadata["annotations"][INDEX] = json!(index.to_string());
        metadata["labels"][INDEX] = json!(index.to_string());
        if self.limit.is_some() {
            let own = pods.iter().filter(|pod| index_of(pod) == Some(index));
            let failures = own.filter(|pod| pod["status"]["phase"] == "Failed").count();
            metadata["annotations"][FAILURES] = json!(failures.to_string());
        }
        template["spec"]["hostname"] = json!(host);
        for list in ["initContainers", "containers"] {
            for container in template["spec"][list].as_array_mut().into_iter().flatten() {
                let known = container["env"].as_array().cloned().unwrap_or_default();
                let mut variables = known;
                if !variables
                    .iter()
                    .any(|it| it["name"] == "JOB_COMPLETION_INDEX")
                {
                    variables.push(json!({
                        "name": "JOB_COMPLETION_INDEX",
                        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": format!("metadata.labels['{INDEX}']")}},
                    }));
                }
                container["env"] = json!(variables);
            }
        }
        job
    }
}

fn index_of(pod: &Value) -> Option<usize> {
    pod["metadata"]["annotations"][INDEX].as_str()?.parse().ok()
}

/// Reads "0-2,4".
fn read(text: &Value) -> BTreeSet<usize> {
    let parts = text.as_str().unwrap_or_default().split(',');
    parts
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.parse().ok()?..=last.parse().ok()?)
        })
        .flatten()
        .collect()
}

/// Writes "0-2,4": what follows without a gap as its ends, but for two alone.
fn write(indexes: &BTreeSet<usize>) -> String {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for index in indexes {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => spans.push((*index, *index)),
        }
    }
    let tell = |(first, last): &(usize, usize)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    let told: Vec<String> = spans.iter().map(tell).collect();
    told.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_as_spans_and_read_again() {
        for (indexes, text) in [
            (vec![], ""),
            (vec![3], "3"),
            (vec![0, 1], "0,1"),
            (vec![1, 3, 4, 5, 7], "1,3-5,7"),
        ] {
            let indexes: BTreeSet<usize> = indexes.into_iter().collect();
            assert_eq!(write(&indexes), text);
            assert_eq!(read(&json!(text)), indexes);
        }
    }
}
