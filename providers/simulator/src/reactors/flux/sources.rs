//! Sources: where charts and manifests come from.

use super::{Cx, Next, conditions, unready_source};
use crate::{
    charts::{self, Chart, Missing},
    clock,
    ground::digest,
    reactors::object::{Conditions, find, generation, name, namespace, second, text, time},
    site::Repository,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Assumed time to fetch something.
const FETCH: Duration = Duration::from_secs(2);
const MANAGER: &str = "source-controller";

/// What came of fetching.
enum Fetched {
    Artifact {
        reason: &'static str,
        message: String,
        revision: String,
        digest: String,
        extra: Value,
    },
    Failure {
        reason: &'static str,
        message: String,
        /// Flux does not try again until the object changes.
        stalled: bool,
    },
}

fn failure(reason: &'static str, message: String) -> Fetched {
    Fetched::Failure {
        reason,
        message,
        stalled: false,
    }
}

pub(super) fn helm_repository(cx: &Cx<'_>, it: &Value) -> Next {
    let url = text(&it["spec"], "url");
    if it["spec"]["type"] == "oci" {
        // Flux does nothing with these but use them: they have no status.
        return Next::NEVER;
    }
    fetch(cx, it, || {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let message = format!("invalid Helm repository URL: scheme not supported: {url}");
            return Fetched::Failure {
                reason: "URLInvalid",
                message,
                stalled: true,
            };
        }
        if charts::index(url, &|_| false).is_none() {
            let index = format!("{}/index.yaml", url.trim_end_matches('/'));
            let message = format!(
                "failed to fetch Helm repository index: failed to cache index to temporary file: failed to fetch {index} : 404 Not Found"
            );
            return failure("Failed", message);
        }
        let digest = format!("sha256:{}", digest(url));
        Fetched::Artifact {
            reason: "Succeeded",
            message: format!("stored artifact: revision '{digest}'"),
            revision: digest.clone(),
            digest,
            extra: json!({}),
        }
    })
}

pub(super) fn oci_repository(cx: &Cx<'_>, it: &Value) -> Next {
    let url = text(&it["spec"], "url");
    let reference = &it["spec"]["ref"];
    let wanted = match (reference["semver"].as_str(), reference["tag"].as_str()) {
        (Some(range), _) => range,
        (None, Some(tag)) => tag,
        (None, None) => "latest",
    };
    fetch(cx, it, || {
        if !url.starts_with("oci://") {
            let message = format!(
                "URL validation failed for '{url}': URL must be in format 'oci://<domain>/<org>/<repo>'"
            );
            return Fetched::Failure {
                reason: "URLInvalid",
                message,
                stalled: true,
            };
        }
        let path = url.trim_start_matches("oci://");
        let (registry, repository) = path.split_once('/').unwrap_or((path, ""));
        let lacks = |chart: &Chart| cx.ground.lacks(chart);
        let found = match reference["semver"].is_string() {
            true => charts::at(url, wanted, &lacks),
            false => charts::tagged(url, wanted, &lacks),
        };
        match found {
            Ok(chart) => {
                let digest = format!("sha256:{}", digest(&format!("{url}:{}", chart.version)));
                let revision = format!("{}@{digest}", chart.version);
                Fetched::Artifact {
                    reason: "Succeeded",
                    message: format!("stored artifact for digest '{revision}'"),
                    revision,
                    digest,
                    extra: json!({"metadata": {
                        "org.opencontainers.image.title": chart.name, "org.opencontainers.image.version": chart.version,
                    }}),
                }
            }
            Err(Missing::Version) if reference["semver"].is_string() => failure(
                "OCIArtifactPullFailed",
                format!(
                    "failed to determine the artifact tag for '{url}': no match found for semver: {wanted}"
                ),
            ),
            Err(Missing::Version) => failure(
                "OCIArtifactPullFailed",
                format!(
                    "failed to determine artifact digest: GET https://{registry}/v2/{repository}/manifests/{wanted}: MANIFEST_UNKNOWN: manifest unknown"
                ),
            ),
            Err(Missing::Place) => failure(
                "OCIArtifactPullFailed",
                format!(
                    "failed to determine artifact digest: GET https://{registry}/v2/{repository}/manifests/{wanted}: NAME_UNKNOWN: repository name not known to registry"
                ),
            ),
        }
    })
}

pub(super) fn helm_chart(cx: &Cx<'_>, it: &Value) -> Next {
    let spec = &it["spec"];
    let source = &spec["sourceRef"];
    let found = cx.get(
        super::SOURCE,
        text(source, "kind"),
        namespace(it),
        text(source, "name"),
    );
    let Some(found) = found else {
        let message = format!(
            "failed to get source: {}s.{} \"{}\" not found",
            text(source, "kind").to_lowercase(),
            super::SOURCE,
            text(source, "name")
        );
        return settle(cx, it, failure("SourceUnavailable", message));
    };
    let oci = found["spec"]["type"] == "oci";
    if !oci && unready_source(&found).is_some() {
        let message = format!(
            "no artifact available for {} source '{}'",
            text(source, "kind"),
            text(source, "name")
        );
        return settle(cx, it, failure("NoSourceArtifact", message));
    }
    let (chart, wanted) = (text(spec, "chart"), spec["version"].as_str().unwrap_or("*"));
    fetch(cx, it, || {
        let lacks = |chart: &Chart| cx.ground.lacks(chart);
        match charts::of(text(&found["spec"], "url"), chart, wanted, &lacks) {
            Ok(chart) => Fetched::Artifact {
                reason: "ChartPullSucceeded",
                message: format!(
                    "pulled '{}' chart with version '{}'",
                    chart.name, chart.version
                ),
                revision: chart.version.clone(),
                digest: format!(
                    "sha256:{}",
                    digest(&format!("{} {}", chart.name, chart.version))
                ),
                extra: json!({"observedChartName": chart.name}),
            },
            Err(missing) => {
                let cause = match missing {
                    Missing::Place => "no chart name found".to_owned(),
                    Missing::Version => {
                        format!("no '{chart}' chart with version matching '{wanted}' found")
                    }
                };
                let message = format!(
                    "invalid chart reference: failed to get chart version for remote reference: {cause}"
                );
                Fetched::Failure {
                    reason: "InvalidChartReference",
                    message,
                    stalled: true,
                }
            }
        }
    })
}

pub(super) fn git_repository(cx: &Cx<'_>, it: &Value) -> Next {
    let spec = &it["spec"];
    let (url, reference) = (text(spec, "url"), &spec["ref"]);
    let known = cx.ground.site().repositories.get(url).cloned();
    let found = known.as_ref().map(|known| revision(known, reference));
    let current = found.as_ref().and_then(|found| found.as_ref().ok());
    // A repository whose content changed is fetched again.
    let stored = it["status"]["artifact"]["revision"].as_str();
    if super::ready(it) && stored == current.map(String::as_str) {
        return Next::NEVER;
    }
    let anew = stored != current.map(String::as_str);
    fetch_anew(cx, it, anew, || match &found {
        Some(Ok(revision)) => Fetched::Artifact {
            reason: "Succeeded",
            message: format!("stored artifact for revision '{revision}'"),
            digest: format!("sha256:{}", digest(revision)),
            revision: revision.clone(),
            extra: json!({}),
        },
        Some(Err(missing)) => failure(
            "GitOperationFailed",
            format!(
                "failed to checkout and determine revision: unable to clone '{url}': couldn't find remote ref \"{missing}\""
            ),
        ),
        None => failure(
            "GitOperationFailed",
            format!(
                "failed to checkout and determine revision: unable to clone '{url}': repository not found"
            ),
        ),
    })
}

/// Returns the revision of a repository that a `spec.ref` means: the branch or tag, and a hash of its files in place of a commit's; or the
/// name of what it does not have. A commit beats a tag, which beats a branch.
fn revision(repository: &Repository, reference: &Value) -> Result<String, String> {
    let files = digest(&json!(repository.files).to_string());
    let head = &files[..40];
    let branch = reference["branch"].as_str();
    if let Some(commit) = reference["commit"].as_str() {
        return match repository.assumed || commit == head {
            true => Ok(match branch {
                Some(branch) => format!("{branch}@sha1:{commit}"),
                None => format!("sha1:{commit}"),
            }),
            false => Err(commit.to_owned()),
        };
    }
    let (kind, name, there) = match reference["tag"].as_str() {
        Some(tag) => ("tags", tag, repository.tags.contains(tag)),
        None => {
            let branch = branch.unwrap_or("master");
            ("heads", branch, repository.branch == branch)
        }
    };
    match repository.assumed || there {
        true => Ok(format!("{name}@sha1:{head}")),
        false => Err(format!("refs/{kind}/{name}")),
    }
}

/// Fetches once for each generation, which takes its time.
fn fetch(cx: &Cx<'_>, it: &Value, go: impl FnOnce() -> Fetched) -> Next {
    fetch_anew(cx, it, false, go)
}

fn fetch_anew(cx: &Cx<'_>, it: &Value, anew: bool, go: impl FnOnce() -> Fetched) -> Next {
    let observed = it["status"]["observedGeneration"].as_i64() == Some(generation(it));
    // These pass when the source comes; nothing else does without a change.
    let waits = ["SourceUnavailable", "NoSourceArtifact"];
    let failed = find(it, "FetchFailed").is_some_and(|it| !waits.contains(&text(it, "reason")));
    if observed && (super::ready(it) || failed) && !anew {
        return Next::NEVER;
    }
    let begun = find(it, "Reconciling").filter(|it| it["reason"] == "Progressing");
    let since = begun.filter(|known| known["observedGeneration"].as_i64() == Some(generation(it)));
    let Some(since) = since.and_then(|it| time(&it["lastTransitionTime"])) else {
        let mut conditions = conditions(cx, it);
        let message = "reconciliation in progress";
        conditions.remove("Stalled");
        conditions.remove("FetchFailed");
        conditions.remove("Reconciling");
        conditions.set("Reconciling", "True", "Progressing", message);
        conditions.set("Ready", "Unknown", "Progressing", message);
        cx.status(it, MANAGER, json!({"conditions": conditions.into_value()}));
        return Next::at(clock::add(cx.now, FETCH));
    };
    let done = clock::add(since, FETCH);
    if cx.now < done {
        return Next::at(done);
    }
    settle(cx, it, go())
}

/// Writes down what came of it.
fn settle(cx: &Cx<'_>, it: &Value, fetched: Fetched) -> Next {
    let mut conditions: Conditions = conditions(cx, it);
    let mut status = json!({"observedGeneration": generation(it)});
    match fetched {
        Fetched::Artifact {
            reason,
            message,
            revision,
            digest,
            extra,
        } => {
            for kind in ["Reconciling", "FetchFailed", "Stalled"] {
                conditions.remove(kind);
            }
            conditions.set("Ready", "True", reason, &message);
            conditions.set("ArtifactInStorage", "True", reason, &message);
            let path = format!(
                "{}/{}/{}",
                text(it, "kind").to_lowercase(),
                namespace(it),
                name(it)
            );
            let mut artifact = json!({
                "digest": digest, "lastUpdateTime": second(cx.now), "path": format!("{path}/{}.tar.gz", &digest[7..19]),
                "revision": revision, "size": 4096, "url": format!("http://source-controller.flux-system.svc.cluster.local./{path}/{}.tar.gz", &digest[7..19]),
            });
            for (key, value) in extra.as_object().into_iter().flatten() {
                match key.as_str() {
                    "metadata" => artifact["metadata"] = value.clone(),
                    key => status[key] = value.clone(),
                }
            }
            status["url"] = artifact["url"].clone();
            status["artifact"] = artifact;
        }
        Fetched::Failure {
            reason,
            message,
            stalled,
        } => {
            conditions.set("FetchFailed", "True", reason, &message);
            conditions.set("Ready", "False", reason, &message);
            match stalled {
                true => {
                    conditions.set("Stalled", "True", reason, &message);
                    conditions.remove("Reconciling");
                }
                false => conditions.set("Reconciling", "True", "ProgressingWithRetry", &message),
            }
            cx.event(it, "Warning", reason, &message);
        }
    }
    status["conditions"] = conditions.into_value();
    cx.status(it, MANAGER, status);
    Next::NEVER
}
