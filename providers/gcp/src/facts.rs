//! What is looked up for a plan: who one is, in which project and where, and what there is of the cluster already.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use windlass_provider::{ClusterSpec, Ctx, Error, Facts, Fault, Result, Tags};

use crate::{
    apis,
    client::{Client, encode},
    cluster::channel,
    gke::{self, Place, minor},
    labels, nat, plan, project,
    service::Service,
};

/// What was looked up, as it travels in facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Seen {
    /// The project.
    pub(crate) project: String,
    /// Whether windlass is to make the project, or has made it for this cluster.
    pub(crate) makes_project: bool,
    /// Whether the project is there.
    pub(crate) has_project: bool,
    /// The region or the zone of the cluster.
    pub(crate) location: String,
    /// Who one is.
    pub(crate) principal: String,
    /// Whether somebody else made a cluster of that name.
    pub(crate) foreign: bool,
    /// The version of a cluster that is there.
    pub(crate) present: Option<String>,
    /// The APIs that the project lacks.
    pub(crate) lacking: Vec<String>,
    /// The router of somebody else's that lets nodes of the cluster's network out.
    pub(crate) nat: Option<Way>,
    /// The version that the channel begins with.
    pub(crate) default: Option<String>,
    /// The versions of the channel, the newest first; empty where nobody could tell.
    pub(crate) versions: Vec<String>,
}

/// A router of somebody else's, with a NAT.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Way {
    /// Its name.
    pub(crate) router: String,
    /// The cluster with which it goes, where it is one of windlass's.
    pub(crate) goes_with: Option<String>,
}

impl Seen {
    /// Reads what was looked up.
    pub(crate) fn read(facts: &Facts) -> Result<Self> {
        let seen = facts.values.get("google").cloned().unwrap_or_default();
        serde_json::from_value(seen).map_err(|error| {
            Error::new(Fault::Failed, "the facts about Google Cloud cannot be read")
                .cause(error.to_string())
        })
    }
}

/// Returns who one is: what the credentials say, or what Google says of their token.
pub(crate) async fn identity(client: &Client, cx: &Ctx) -> Result<String> {
    if let Some(principal) = client.session().principal() {
        return Ok(principal);
    }
    let call = (Service::Identity, "userinfo");
    let answer = client.get(cx, call, "/v1/userinfo").await?;
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    Ok(text("email")
        .or_else(|| text("sub"))
        .unwrap_or_else(|| "somebody whose name the token does not say".to_owned()))
}

/// Says that no project is meant.
pub(crate) fn no_project() -> Error {
    Error::new(Fault::NoAccess, "no project of Google Cloud is set")
        .hint("name one: --project ID, GOOGLE_CLOUD_PROJECT, or project in [clusters.NAME.google] of windlass.toml")
        .hint("or let one be made: --create-project")
}

/// Returns the id of a new project: unique in the world by its time.
///
/// Source: <https://cloud.google.com/resource-manager/reference/rest/v3/projects> (6 to 30 characters)
fn new_project(cx: &Ctx, cluster: &str) -> String {
    let time = cx.clock.now().to_string();
    let digits: String = time.chars().filter(char::is_ascii_digit).take(14).collect();
    let short: String = cluster.chars().take(15).collect();
    format!("{}-{digits}", short.trim_end_matches('-'))
}

/// Looks up what a plan needs to know.
pub(crate) async fn facts(client: &Client, cx: &Ctx, spec: &ClusterSpec) -> Result<Facts> {
    let options = &spec.google;
    let mut seen = Seen {
        principal: identity(client, cx).await?,
        ..Seen::default()
    };
    settle_project(client, cx, spec, &mut seen).await?;
    let located = options
        .location
        .clone()
        .or_else(|| client.session().location());
    let mut found = None;
    if seen.has_project {
        let wanted = apis::NEEDED.map(str::to_owned);
        seen.lacking = match apis::missing(client, cx, &seen.project, &wanted).await {
            Ok(lacking) => lacking,
            // Who may not look finds out by the calls themselves.
            Err(trouble) if trouble.is_denied() => Vec::new(),
            Err(trouble) => return Err(trouble.into()),
        };
        let clusters = match gke::clusters(client, cx, &seen.project).await {
            Ok(clusters) => clusters,
            Err(trouble) if trouble.is_disabled() => Vec::new(),
            Err(trouble) => return Err(trouble.into()),
        };
        found = choose(clusters, spec, located.as_deref())?;
    }
    // Where it is, the cluster itself tells.
    let text = |value: &Value| value.as_str().map(str::to_owned);
    seen.location = match found.as_ref().and_then(|it| text(&it["location"])) {
        Some(location) => location,
        None => located.ok_or_else(|| {
            Error::new(Fault::NoAccess, "no region or zone of Google Cloud is set").hint(
                "name one: --location us-east1, or us-east1-b; WINDLASS_LOCATION, or location in [clusters.NAME.google]",
            )
        })?,
    };
    if let Some(cluster) = &found {
        seen.foreign = !labels::is_ours(&labels::of(&cluster["resourceLabels"]));
        seen.present = text(&cluster["currentMasterVersion"]);
    }
    if seen.has_project && !seen.lacking.iter().any(|api| api.starts_with("container.")) {
        versions(client, cx, spec, &mut seen).await?;
    }
    if seen.has_project && !seen.lacking.iter().any(|api| api.starts_with("compute.")) {
        seen.nat = way(client, cx, spec, &seen).await?;
    }
    let identity = format!(
        "{} in project {} ({})",
        seen.principal, seen.project, seen.location
    );
    let values = BTreeMap::from([("google".to_owned(), json!(seen))]);
    Ok(Facts { identity, values })
}

/// Finds out which project is meant, and whether it is there.
async fn settle_project(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    seen: &mut Seen,
) -> Result<()> {
    let options = &spec.google;
    let cluster = spec.name.as_str();
    let named = options.project.clone();
    if !options.create_project {
        seen.project = match named.or_else(|| client.session().project()) {
            Some(project) => project,
            // One that windlass made for the cluster.
            None => {
                let made = made_for(client, cx, cluster).await?;
                made.as_ref().map(project::id).ok_or_else(no_project)?
            }
        };
        let found = project::get(client, cx, &seen.project).await?;
        let Some(found) = found.filter(|it| it["state"] == "ACTIVE") else {
            return Err(Error::new(
                Fault::Invalid,
                format!("there is no project \"{}\"", seen.project),
            )
            .hint(
                "see which there are: gcloud projects list; or let it be made: --create-project",
            ));
        };
        seen.has_project = true;
        seen.makes_project = labels::is_of(&labels::of(&found["labels"]), &spec.name);
        return Ok(());
    }
    seen.makes_project = true;
    let found = match &named {
        None => made_for(client, cx, cluster).await?,
        Some(named) => match project::get(client, cx, named).await {
            Ok(found) => found.filter(|it| it["state"] == "ACTIVE"),
            // What is not there nobody may see.
            Err(trouble) if trouble.is_denied() => None,
            Err(trouble) => return Err(trouble.into()),
        },
    };
    seen.has_project = found.is_some();
    seen.project = match (named, found) {
        (Some(named), _) => named,
        (None, Some(found)) => project::id(&found),
        (None, None) => new_project(cx, cluster),
    };
    Ok(())
}

async fn made_for(client: &Client, cx: &Ctx, cluster: &str) -> Result<Option<Value>> {
    let mut found = project::ours(client, cx).await?;
    found.retain(|it| it["labels"][Tags::CLUSTER] == cluster);
    Ok(found.into_iter().next())
}

/// Returns the cluster that is meant, of those of its name.
fn choose(
    clusters: Vec<Value>,
    spec: &ClusterSpec,
    located: Option<&str>,
) -> Result<Option<Value>> {
    let is_here = |it: &Value| located.is_some_and(|here| it["location"] == here);
    let ours = |it: &Value| labels::is_of(&labels::of(&it["resourceLabels"]), &spec.name);
    let (own, others): (Vec<Value>, Vec<Value>) = clusters
        .into_iter()
        .filter(|it| it["name"] == spec.name.as_str())
        .partition(ours);
    let Some(own) = own.into_iter().next() else {
        return Ok(others.into_iter().find(|it| is_here(it)));
    };
    let there = own["location"].as_str().unwrap_or_default();
    match &spec.google.location {
        Some(wanted) if wanted != there => Err(Error::new(
            Fault::Invalid,
            format!(
                "GKE cluster \"{}\" is in {there}, and {wanted} is asked for",
                spec.name
            ),
        )
        .cause("a cluster does not move")
        .hint(format!(
            "write location = \"{there}\", or choose another name with --cluster"
        ))),
        _ => Ok(Some(own)),
    }
}

/// Looks for the way out that nodes of the cluster's network have already.
async fn way(client: &Client, cx: &Ctx, spec: &ClusterSpec, seen: &Seen) -> Result<Option<Way>> {
    let Some(network) = plan::let_out(spec) else {
        return Ok(None);
    };
    let place = Place {
        project: &seen.project,
        location: &seen.location,
    };
    let routers = match nat::all(client, cx, place).await {
        Ok(routers) => routers,
        // Who may not look finds out by the calls themselves, and so does who names no region that there is.
        Err(trouble) if trouble.is_denied() || trouble.is_disabled() => return Ok(None),
        Err(trouble) if trouble.is_missing() || trouble.is_invalid() => return Ok(None),
        Err(trouble) => return Err(trouble.into()),
    };
    let others = routers
        .into_iter()
        .filter(|it| !labels::is_of(&nat::pairs(it), &spec.name));
    let others: Vec<Value> = others.collect();
    Ok(nat::serving(&others, network).map(|router| Way {
        router: router["name"].as_str().unwrap_or_default().to_owned(),
        goes_with: nat::pairs(router).remove(Tags::CLUSTER),
    }))
}

/// Looks up which versions the channel has.
async fn versions(client: &Client, cx: &Ctx, spec: &ClusterSpec, seen: &mut Seen) -> Result<()> {
    let place = Place {
        project: &seen.project,
        location: &seen.location,
    };
    let path = format!("/v1/{}/serverConfig", place.path());
    let call = (Service::Container, "getServerConfig");
    let answer = match client.get(cx, call, &path).await {
        Ok(answer) => answer,
        Err(trouble) if trouble.is_disabled() => return Ok(()),
        Err(trouble) if trouble.is_missing() || trouble.is_invalid() => {
            return Err(Error::new(
                Fault::Invalid,
                format!("Google Cloud has no region or zone \"{}\"", seen.location),
            )
            .hint("see which it has: https://cloud.google.com/compute/docs/regions-zones"));
        }
        Err(trouble) => return Err(trouble.into()),
    };
    let wanted = channel(spec.google.channel);
    let channels = answer["channels"].as_array().into_iter().flatten();
    for found in channels.filter(|it| it["channel"] == wanted) {
        seen.default = found["defaultVersion"].as_str().map(str::to_owned);
        let versions = found["validVersions"].as_array().into_iter().flatten();
        seen.versions = versions
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect();
    }
    Ok(())
}

impl Seen {
    /// Returns the minor versions of the channel, the newest first.
    pub(crate) fn minors(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for version in &self.versions {
            let minor = minor(version);
            if !all.contains(&minor) {
                all.push(minor);
            }
        }
        all
    }
}

/// Returns the path of a project in the compute API.
pub(crate) fn compute(project: &str) -> String {
    format!("/compute/v1/projects/{}", encode(project))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use windlass_provider::SystemClock;

    use super::*;

    #[test]
    fn a_new_project_has_a_name_that_google_takes() {
        let cx = Ctx::new(Arc::new(SystemClock));
        for cluster in ["d", &"a".repeat(40), &("x1-".repeat(13) + "y")] {
            let id = new_project(&cx, cluster);
            assert!((6..=30).contains(&id.len()), "{id}");
            assert!(!id.contains("--") && !id.ends_with('-'), "{id}");
        }
    }
}
