//! GKE's API: what is read from it, and how changes are sent.

use serde_json::Value;
use windlass_provider::{Ctx, Error, Fault, Result};

use crate::{
    client::{Backoff, Client, encode},
    operations,
    refusal::Answer,
    service::Service,
};

/// Where a cluster is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The project.
    pub(crate) project: &'a str,
    /// The region or the zone.
    pub(crate) location: &'a str,
}

impl Place<'_> {
    /// Returns the place as paths have it.
    pub(crate) fn path(self) -> String {
        format!(
            "projects/{}/locations/{}",
            encode(self.project),
            encode(self.location)
        )
    }

    /// Returns the path of a cluster there.
    pub(crate) fn cluster(self, name: &str) -> String {
        format!("/v1/{}/clusters/{}", self.path(), encode(name))
    }

    /// Returns the path of a node pool there.
    pub(crate) fn pool(self, cluster: &str, pool: &str) -> String {
        format!("{}/nodePools/{}", self.cluster(cluster), encode(pool))
    }
}

/// Returns the clusters of a project, in all places.
pub(crate) async fn clusters(client: &Client, cx: &Ctx, project: &str) -> Answer<Vec<Value>> {
    let path = format!("/v1/projects/{}/locations/-/clusters", encode(project));
    let call = (Service::Container, "clusters.list");
    let mut answer = client.get(cx, call, &path).await?;
    // An answer that leaves zones out would pass for one without clusters.
    if let Some(zones) = answer["missingZones"].as_array()
        && !zones.is_empty()
    {
        let zones: Vec<&str> = zones.iter().filter_map(Value::as_str).collect();
        let error = Error::new(
            Fault::Unavailable,
            format!(
                "GKE cannot tell which clusters project \"{project}\" has in {}",
                zones.join(", ")
            ),
        );
        return Err(error
            .hint("run the same command again when they answer")
            .into());
    }
    Ok(match answer["clusters"].take() {
        Value::Array(clusters) => clusters,
        _ => Vec::new(),
    })
}

/// Returns a cluster; `None` where there is none.
pub(crate) async fn cluster(
    client: &Client,
    cx: &Ctx,
    place: Place<'_>,
    name: &str,
) -> Answer<Option<Value>> {
    let call = (Service::Container, "clusters.get");
    match client.find(cx, call, &place.cluster(name)).await {
        // A project without the API has no clusters.
        Err(trouble) if trouble.is_disabled() => Ok(None),
        found => found,
    }
}

/// Returns a node pool; `None` where there is none, or no cluster.
pub(crate) async fn pool(
    client: &Client,
    cx: &Ctx,
    place: Place<'_>,
    (cluster, pool): (&str, &str),
) -> Answer<Option<Value>> {
    let call = (Service::Container, "nodePools.get");
    match client.find(cx, call, &place.pool(cluster, pool)).await {
        Err(trouble) if trouble.is_disabled() => Ok(None),
        found => found,
    }
}

/// Sends a change and waits until it is done, however long something else is going on in the cluster before.
pub(crate) async fn change(
    client: &Client,
    cx: &Ctx,
    place: Place<'_>,
    (action, what): (&'static str, &str),
    request: (&str, &str),
    body: Option<&Value>,
) -> Answer<()> {
    let mut backoff = Backoff::new();
    let begun = loop {
        let sent = client
            .call(cx, (Service::Container, action), request, body)
            .await;
        match sent {
            Err(trouble) if trouble.is_busy() => {
                let said = Error::from(trouble).causes.first().cloned();
                let said = said.unwrap_or_default();
                backoff
                    .wait(cx, &format!("{what}: waiting its turn: {said}"))
                    .await?;
            }
            sent => break sent?,
        }
    };
    let place = place.path();
    Ok(operations::container(client, cx, &place, &begun, what).await?)
}

/// Deletes something, and waits until it is gone; returns whether it was there.
pub(crate) async fn remove(
    client: &Client,
    cx: &Ctx,
    place: Place<'_>,
    (action, what): (&'static str, &str),
    path: &str,
) -> Result<bool> {
    let removed = change(client, cx, place, (action, what), ("DELETE", path), None).await;
    let there = match removed {
        Ok(()) => true,
        Err(trouble) if trouble.is_missing() || trouble.is_disabled() => return Ok(false),
        Err(trouble) => return Err(Error::from(trouble).context(format!("{what} failed"))),
    };
    // Its operation is done, or was forgotten: the thing itself tells.
    let mut backoff = Backoff::new();
    loop {
        let call = (Service::Container, "get");
        let found: Option<Value> = client.find(cx, call, path).await.map_err(Error::from)?;
        match found {
            None => return Ok(there),
            Some(it) if it["status"] == "ERROR" => {
                return Err(broken(what, &it));
            }
            Some(_) => backoff.wait(cx, what).await?,
        }
    }
}

/// Returns what GKE says is wrong with a cluster or a node pool.
pub(crate) fn trouble(it: &Value) -> String {
    let status = it["status"].as_str().unwrap_or_default();
    let said = it["conditions"].as_array().into_iter().flatten();
    let mut said: Vec<String> = said
        .map(|condition| {
            let code = condition["code"]
                .as_str()
                .or(condition["canonicalCode"].as_str());
            let message = condition["message"].as_str().unwrap_or_default();
            match code {
                Some(code) if message.is_empty() => code.to_owned(),
                Some(code) => format!("{code}: {message}"),
                None => message.to_owned(),
            }
        })
        .collect();
    if let Some(message) = it["statusMessage"].as_str().filter(|it| !it.is_empty())
        && !said.iter().any(|it| it.contains(message))
    {
        said.push(message.to_owned());
    }
    match said.is_empty() {
        true => status.to_owned(),
        false => format!("{status}: {}", said.join("; ")),
    }
}

/// Returns the error of something that GKE says does not work.
pub(crate) fn broken(what: &str, it: &Value) -> Error {
    let said = trouble(it);
    let (fault, hint) = crate::refusal::explain(&said);
    let error = Error::new(fault, what).cause(said);
    match hint {
        Some(hint) => error.hint(hint),
        None => error.hint("mend what it names, and run the same command again"),
    }
}

/// Returns the minor version that a version names: "1.36" of "1.36.1-gke.100".
pub(crate) fn minor(version: &str) -> String {
    let parts: Vec<&str> = version.split(['.', '-']).collect();
    parts[..parts.len().min(2)].join(".")
}

/// Returns whether a version that is there is what was asked for: "1.36.1-gke.100" is "1.36" and "1.36.1".
pub(crate) fn is_version(there: &str, wanted: &str) -> bool {
    there == wanted
        || there
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.starts_with('.') || rest.starts_with('-'))
}

/// Returns the numbers of a version.
pub(crate) fn number(version: &str) -> Vec<u32> {
    let plain = version.split('-').next().unwrap_or_default();
    plain
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_version_is_what_it_begins_with() {
        assert!(is_version("1.36.1-gke.100", "1.36"));
        assert!(is_version("1.36.1-gke.100", "1.36.1"));
        assert!(!is_version("1.36.10-gke.100", "1.36.1"));
        assert!(!is_version("1.3.1-gke.100", "1.36"));
        assert_eq!(minor("1.36.1-gke.100"), "1.36");
    }

    #[test]
    fn what_is_wrong_is_told_once() {
        let it = json!({
            "status": "ERROR", "statusMessage": "no room",
            "conditions": [{ "canonicalCode": "RESOURCE_EXHAUSTED", "code": "GCE_STOCKOUT", "message": "no room" }],
        });
        assert_eq!(trouble(&it), "ERROR: GCE_STOCKOUT: no room");
    }
}
