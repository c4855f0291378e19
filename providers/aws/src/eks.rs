//! Calls of EKS.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use windlass_provider::{Ctx, Error, Fault, Result, Tags};

use crate::{
    client::{Client, encode, pause},
    refusal::Answer,
    tagged,
};

/// How often a cluster or a node group is looked at: as often as the SDKs' own waiters do.
///
/// Source: botocore's `eks/2017-11-01/waiters-2.json`
pub(crate) const POLL: Duration = Duration::from_secs(30);
/// How often an add-on is.
pub(crate) const POLL_ADD_ON: Duration = Duration::from_secs(10);

/// A minor version of Kubernetes that EKS has.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) minor: String,
    pub(crate) default: bool,
    /// Whether it is in standard support; otherwise it costs more, or is on offer no longer.
    pub(crate) support: Support,
    /// Until when it is in standard support.
    pub(crate) until: String,
}

/// How far a version is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Support {
    Standard,
    Extended,
    None,
}

/// Returns the path of a cluster, or of something in it.
pub(crate) fn path(cluster: &str, rest: &[&str]) -> String {
    let mut path = format!("/clusters/{}", encode(cluster));
    for step in rest {
        path.push('/');
        path.push_str(&encode(step));
    }
    path
}

/// Returns what a path leads to, under its key; `None` where it is not there.
async fn get(
    client: &Client,
    cx: &Ctx,
    action: &'static str,
    path: String,
    key: &str,
) -> Answer<Option<Value>> {
    match client.eks(cx, action, ("GET", path), None).await {
        Ok(mut answer) => Ok(Some(answer[key].take())),
        Err(trouble) if trouble.is_missing() => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Returns all names that a list has.
async fn list(
    client: &Client,
    cx: &Ctx,
    action: &'static str,
    path: &str,
    key: &str,
) -> Answer<Option<Vec<String>>> {
    let mut names = Vec::new();
    let mut next = String::new();
    loop {
        let page = format!("{path}?maxResults=100{next}");
        let answer = match client.eks(cx, action, ("GET", page), None).await {
            Ok(answer) => answer,
            Err(trouble) if trouble.is_missing() => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let page = answer[key].as_array().into_iter().flatten();
        names.extend(page.filter_map(|name| name.as_str().map(str::to_owned)));
        match answer["nextToken"]
            .as_str()
            .filter(|token| !token.is_empty())
        {
            Some(token) => next = format!("&nextToken={}", encode(token)),
            None => return Ok(Some(names)),
        }
    }
}

/// Returns a cluster.
pub(crate) async fn describe(client: &Client, cx: &Ctx, cluster: &str) -> Answer<Option<Value>> {
    get(client, cx, "DescribeCluster", path(cluster, &[]), "cluster").await
}

/// Returns the names of all clusters.
pub(crate) async fn clusters(client: &Client, cx: &Ctx) -> Answer<Vec<String>> {
    let names = list(client, cx, "ListClusters", "/clusters", "clusters").await?;
    Ok(names.unwrap_or_default())
}

/// Returns an add-on.
pub(crate) async fn add_on(
    client: &Client,
    cx: &Ctx,
    cluster: &str,
    name: &str,
) -> Answer<Option<Value>> {
    let path = path(cluster, &["addons", name]);
    get(client, cx, "DescribeAddon", path, "addon").await
}

/// Returns the names of a cluster's add-ons.
pub(crate) async fn add_ons(client: &Client, cx: &Ctx, cluster: &str) -> Answer<Vec<String>> {
    let path = path(cluster, &["addons"]);
    let names = list(client, cx, "ListAddons", &path, "addons").await?;
    Ok(names.unwrap_or_default())
}

/// Returns a node group.
pub(crate) async fn nodes(
    client: &Client,
    cx: &Ctx,
    cluster: &str,
    name: &str,
) -> Answer<Option<Value>> {
    let path = path(cluster, &["node-groups", name]);
    get(client, cx, "DescribeNodegroup", path, "nodegroup").await
}

/// Returns the names of a cluster's node groups.
pub(crate) async fn groups(client: &Client, cx: &Ctx, cluster: &str) -> Answer<Vec<String>> {
    let path = path(cluster, &["node-groups"]);
    let names = list(client, cx, "ListNodegroups", &path, "nodegroups").await?;
    Ok(names.unwrap_or_default())
}

/// Returns the versions of Kubernetes that EKS has or had, the newest first.
pub(crate) async fn versions(client: &Client, cx: &Ctx) -> Answer<Vec<Version>> {
    let path = "/cluster-versions?includeAll=true".to_owned();
    let answer = client
        .eks(cx, "DescribeClusterVersions", ("GET", path), None)
        .await?;
    let listed = answer["clusterVersions"].as_array().into_iter().flatten();
    let mut versions: Vec<Version> = listed
        .filter_map(|version| {
            Some(Version {
                minor: version["clusterVersion"].as_str()?.to_owned(),
                default: version["defaultVersion"] == true,
                support: match version["versionStatus"].as_str().unwrap_or_default() {
                    "UNSUPPORTED" => Support::None,
                    "EXTENDED_SUPPORT" => Support::Extended,
                    _ => Support::Standard,
                },
                until: date(&version["endOfStandardSupportDate"]),
            })
        })
        .collect();
    let number = |minor: &str| -> Vec<u32> {
        minor
            .split('.')
            .filter_map(|part| part.parse().ok())
            .collect()
    };
    versions.sort_by_key(|version| std::cmp::Reverse(number(&version.minor)));
    Ok(versions)
}

/// Returns the day of a time in Unix seconds.
fn date(value: &Value) -> String {
    let seconds = value.as_f64().map(|seconds| seconds as i64);
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(
        || {
            value
                .as_str()
                .unwrap_or_default()
                .chars()
                .take(10)
                .collect()
        },
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

/// Returns what EKS says is wrong with something, a line each.
pub(crate) fn issues(thing: &Value) -> Vec<String> {
    let listed = thing["health"]["issues"].as_array().into_iter().flatten();
    listed
        .map(|issue| {
            let code = issue["code"].as_str().unwrap_or_default();
            let message = issue["message"].as_str().unwrap_or_default();
            format!("{code}: {message}")
        })
        .collect()
}

/// Returns the class of what is wrong with something that failed.
pub(crate) fn fault(thing: &Value) -> Fault {
    let issues = issues(thing).join(" ");
    if issues.contains("VcpuLimitExceeded") || issues.contains("LimitExceeded") {
        return Fault::Quota;
    }
    match issues.contains("AccessDenied") {
        true => Fault::Denied,
        false => Fault::Failed,
    }
}

/// Waits until an update of a cluster or of something in it is over.
pub(crate) async fn await_update(
    client: &Client,
    cx: &Ctx,
    (cluster, what, rest): (&str, &str, &str),
    update: &Value,
    poll: Duration,
) -> Result<()> {
    let id = update["update"]["id"].as_str().unwrap_or_default();
    let mut page = path(cluster, &["updates", id]);
    page.push_str(rest);
    let doing = format!("updating {what}");
    loop {
        let seen = get(client, cx, "DescribeUpdate", page.clone(), "update").await?;
        let Some(seen) = seen else {
            return Ok(());
        };
        match seen["status"].as_str().unwrap_or_default() {
            "InProgress" => {}
            "Successful" => return Ok(()),
            _ => {
                let error = Error::new(Fault::Failed, format!("cannot update {what}"));
                let errors = seen["errors"].as_array().into_iter().flatten();
                let causes = errors.map(|error| {
                    let code = error["errorCode"].as_str().unwrap_or_default();
                    let message = error["errorMessage"].as_str().unwrap_or_default();
                    format!("{code}: {message}")
                });
                return Err(causes
                    .fold(error, Error::cause)
                    .hint("mend what it names, and run the same command again"));
            }
        }
        cx.progress.say(&doing);
        pause(cx, &doing, poll).await?;
    }
}

/// Sends an update; `None` where there is nothing to update, or where one is under way already.
pub(crate) async fn update(
    client: &Client,
    cx: &Ctx,
    action: &'static str,
    path: String,
    body: &Value,
) -> Answer<Option<Value>> {
    match client.eks(cx, action, ("POST", path), Some(body)).await {
        Ok(answer) => Ok(Some(answer)),
        Err(trouble) if trouble.is(&["ResourceInUseException"]) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Brings the tags of something of EKS into line, and takes away an end that it is not to have any more.
pub(crate) async fn retag(client: &Client, cx: &Ctx, arn: &str, tags: &Tags) -> Result<()> {
    tag(client, cx, arn, &tagged::object(tags)).await?;
    if tags.expires.is_none() {
        let path = format!("/tags/{}?tagKeys={}", encode(arn), Tags::EXPIRES);
        client
            .eks(cx, "UntagResource", ("DELETE", path), None)
            .await?;
    }
    Ok(())
}

/// Puts tags on something of EKS.
pub(crate) async fn tag(client: &Client, cx: &Ctx, arn: &str, tags: &Value) -> Answer<()> {
    let path = format!("/tags/{}", encode(arn));
    let body = json!({ "tags": tags });
    let tagged = client.eks(cx, "TagResource", ("POST", path), Some(&body));
    tagged.await.map(drop)
}

/// Returns a token by which the same call, sent twice, makes one thing.
pub(crate) fn token(cx: &Ctx, name: &str) -> String {
    let name = name.replace(['/', '.'], "-");
    format!("windlass-{name}-{}", cx.clock.now().as_millisecond())
}

/// Deletes something in a cluster, and waits until it is gone. Absence is success.
pub(crate) async fn remove(
    client: &Client,
    cx: &Ctx,
    action: &'static str,
    (cluster, steps): (&str, &[&str]),
    what: &str,
    poll: Duration,
) -> Result<bool> {
    let cannot = || format!("cannot delete {what}");
    let (describe, key) = match action {
        "DeleteAddon" => ("DescribeAddon", "addon"),
        _ => ("DescribeNodegroup", "nodegroup"),
    };
    let mut failed = 0;
    let mut any = false;
    loop {
        let seen = get(client, cx, describe, path(cluster, steps), key).await?;
        let Some(seen) = seen else {
            return Ok(any);
        };
        any = true;
        let status = seen["status"].as_str().unwrap_or_default();
        if status == "DELETE_FAILED" {
            failed += 1;
            if failed > 2 {
                let error = Error::new(fault(&seen), cannot());
                return Err(issues(&seen)
                    .into_iter()
                    .fold(error, Error::cause)
                    .hint("mend what it names, and run the same command again"));
            }
        }
        if status != "DELETING" {
            let request = ("DELETE", path(cluster, steps));
            match client.eks(cx, action, request, None).await {
                Ok(_) => {}
                Err(trouble) if trouble.is_missing() => return Ok(true),
                // An update of it or of the cluster ends first, or an answer was lost.
                Err(trouble) if trouble.is(&["ResourceInUseException"]) => {}
                Err(trouble) => return Err(Error::from(trouble).context(cannot())),
            }
        }
        let doing = format!("deleting {what}");
        cx.progress.say(&doing);
        pause(cx, &doing, poll).await?;
    }
}
