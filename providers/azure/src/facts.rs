//! What is looked up for a plan: who one is, which versions and sizes are on offer, and what there is of the cluster already.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use windlass_provider::{ClusterSpec, Ctx, Error, Facts, Fault, Result};

use crate::{
    client::{Client, encode},
    cluster, group,
    plan::machine_of,
    refusal::Answer,
    registrations, tagged, version,
    want::{AKS_API, Place, at, group_name},
};

/// The location of the scripts before windlass.
pub(crate) const LOCATION: &str = "eastus";

/// What was looked up, as it travels in facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Seen {
    /// Where the cluster is, or is to be.
    pub(crate) place: Place,
    /// Who one is.
    pub(crate) who: String,
    /// Whether somebody else made the resource group.
    pub(crate) foreign_group: bool,
    /// Whether a resource group is there that has the name of the cluster's, and that somebody else made.
    pub(crate) clash: bool,
    /// Whether somebody else made a cluster of that name.
    pub(crate) foreign: bool,
    /// The version of Kubernetes that is wanted.
    pub(crate) version: String,
    /// The version of a cluster that is there.
    pub(crate) present: Option<String>,
    /// The minor versions on offer, the newest first.
    pub(crate) versions: Vec<Version>,
    /// What is not registered.
    pub(crate) unregistered: Vec<String>,
    /// The sizes that are wanted; one that is not on offer is not in it.
    pub(crate) sizes: BTreeMap<String, Size>,
}

/// A minor version of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Version {
    pub(crate) minor: String,
    pub(crate) patches: Vec<String>,
    pub(crate) default: bool,
    pub(crate) preview: bool,
    /// Whether it is only supported for those who pay for the tier premium.
    pub(crate) long: bool,
}

/// A size of virtual machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Size {
    /// What its quota counts: "standardBSFamily".
    pub(crate) family: String,
    pub(crate) cpus: u32,
    pub(crate) zones: BTreeSet<String>,
    /// Why the subscription cannot have it.
    pub(crate) refused: Option<String>,
}

impl Seen {
    /// Reads what was looked up.
    pub(crate) fn read(facts: &Facts) -> Result<Self> {
        let seen = facts.values.get("azure").cloned().unwrap_or_default();
        serde_json::from_value(seen).map_err(|error| {
            Error::new(Fault::Failed, "the facts about Azure cannot be read")
                .cause(error.to_string())
        })
    }
}

/// Returns the sizes that a cluster's nodes are of.
pub(crate) fn machines(spec: &ClusterSpec) -> BTreeSet<String> {
    let own = spec.azure.machine.as_deref();
    let own = own.unwrap_or(machine_of(spec.nodes.size));
    let pools = spec.node_pools.iter();
    pools
        .filter_map(|pool| pool.machine.as_deref())
        .chain([own])
        .map(str::to_owned)
        .collect()
}

/// Returns who one is, by what the token says of it.
pub(crate) async fn identity(client: &Client, cx: &Ctx) -> Answer<String> {
    let token = client.token(cx, &client.session().scope()).await?;
    Ok(who(&token.text))
}

fn who(token: &str) -> String {
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('='));
    let claims: Value = claims
        .ok()
        .and_then(|claims| serde_json::from_slice(&claims).ok())
        .unwrap_or_default();
    let text = |keys: &[&str]| {
        let texts = keys.iter().filter_map(|key| claims[*key].as_str());
        texts.map(str::to_owned).next()
    };
    let person = text(&["upn", "unique_name", "preferred_username"]);
    let application =
        text(&["app_displayname", "appid", "azp"]).map(|id| format!("application {id}"));
    let who = person.or(application).or_else(|| text(&["oid"]));
    let who = who.unwrap_or_else(|| "somebody whom the token does not name".to_owned());
    match text(&["tid"]) {
        Some(tenant) => format!("{who} of tenant {tenant}"),
        None => who,
    }
}

/// Looks up what a plan needs to know.
pub(crate) async fn facts(client: &Client, cx: &Ctx, spec: &ClusterSpec) -> Result<Facts> {
    let who = identity(client, cx).await?;
    let access = &client.session().access;
    let named = spec.azure.location.clone().or(access.location.clone());
    let asked = spec.azure.resource_group.clone();
    let mut place = Place {
        subscription: client.subscription(cx).await?,
        group: asked.clone().unwrap_or_else(|| group_name(&spec.name)),
        location: named.clone().unwrap_or_else(|| LOCATION.to_owned()),
    };
    let mut there = cluster::get(client, cx, &place, spec.name.as_str()).await?;
    if there.is_none() && asked.is_none() {
        there = elsewhere(client, cx, &place, spec.name.as_str()).await?;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(cluster) = &there {
        if let Some(group) = cluster["id"].as_str().and_then(cluster::group_of) {
            place.group = group.to_owned();
        }
        // What is there stays where it is, unless somebody says otherwise, and is then told that it cannot.
        if named.is_none() {
            place.location = text(&cluster["location"]);
        }
    }
    let mut seen = Seen {
        foreign: there.as_ref().is_some_and(|it| !tagged::is_ours(it)),
        present: there
            .as_ref()
            .map(|it| version::current(&it["properties"], "kubernetesVersion")),
        who: who.clone(),
        ..Seen::default()
    };
    let identity = format!("{who}, subscription {}", place.subscription);
    if !seen.foreign {
        let group = group::get(client, cx, &place, &place.group).await?;
        let theirs = group.as_ref().is_some_and(|it| !tagged::is_ours(it));
        seen.foreign_group = asked.is_some() && (theirs || group.is_none());
        seen.clash = asked.is_none() && theirs;
        // A cluster goes where its group is, unless somebody says where.
        if let (None, None, Some(group)) = (&named, &there, &group) {
            place.location = text(&group["location"]);
        }
        let needed = registrations::needed(spec.azure.flux_extension);
        seen.unregistered = registrations::missing(client, cx, &place, &needed).await?;
        if seen.unregistered.is_empty() {
            seen.versions = versions(client, cx, &place).await?;
        }
        seen.sizes = sizes(client, cx, &place, &machines(spec)).await?;
    }
    seen.version = match (&spec.kubernetes_version, &seen.present) {
        (Some(asked), _) => asked.trim_start_matches('v').to_owned(),
        (None, Some(present)) => version::minor(present),
        (None, None) => usual(&seen.versions).unwrap_or_default(),
    };
    seen.place = place;
    let values = BTreeMap::from([("azure".to_owned(), json!(seen))]);
    Ok(Facts { identity, values })
}

/// Returns the minor version that is taken where nobody asks for one.
fn usual(versions: &[Version]) -> Option<String> {
    let sound = || versions.iter().filter(|it| !it.preview && !it.long);
    let found = sound().find(|it| it.default).or_else(|| sound().next());
    found.map(|it| it.minor.clone())
}

/// Returns a cluster of that name in another group: ours, or else somebody's.
pub(crate) async fn elsewhere(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    name: &str,
) -> Answer<Option<Value>> {
    let mut named = cluster::all(client, cx, place).await?;
    named.retain(|it| it["name"] == name);
    let ours = named.iter().position(tagged::is_ours);
    Ok(match (ours, named.is_empty()) {
        (_, true) => None,
        (at, false) => Some(named.swap_remove(at.unwrap_or(0))),
    })
}

/// Returns the minor versions that a location offers, the newest first.
async fn versions(client: &Client, cx: &Ctx, place: &Place) -> Answer<Vec<Version>> {
    let path = format!(
        "{}/providers/Microsoft.ContainerService/locations/{}/kubernetesVersions",
        place.root(),
        encode(&place.location)
    );
    let what = format!("the versions of Kubernetes in {}", place.location);
    let found = client.get(cx, &what, at(&path, AKS_API)).await?;
    let found = found.unwrap_or_default();
    let mut all: Vec<Version> = found["values"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| {
            let plans = it["capabilities"]["supportPlan"].as_array();
            let mut patches: Vec<String> = it["patchVersions"]
                .as_object()
                .into_iter()
                .flat_map(|patches| patches.keys().cloned())
                .collect();
            patches.sort_by_key(|patch| version::number(patch));
            Version {
                minor: it["version"].as_str().unwrap_or_default().to_owned(),
                patches,
                default: it["isDefault"] == true,
                preview: it["isPreview"] == true,
                long: plans.is_some_and(|plans| {
                    !plans.is_empty() && !plans.iter().any(|it| it == "KubernetesOfficial")
                }),
            }
        })
        .collect();
    all.sort_by_key(|it| std::cmp::Reverse(version::number(&it.minor)));
    Ok(all)
}

/// Returns what a location says of these sizes; one that it does not have is left out.
async fn sizes(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    wanted: &BTreeSet<String>,
) -> Answer<BTreeMap<String, Size>> {
    let filter = encode(&format!("location eq '{}'", place.location));
    let path = format!(
        "{}/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter={filter}",
        place.root()
    );
    let action = format!("list the sizes of virtual machines in {}", place.location);
    let all = client.list(cx, &action, path).await?;
    let mut found = BTreeMap::new();
    for it in all {
        if it["resourceType"] != "virtualMachines" {
            continue;
        }
        let name = it["name"].as_str().unwrap_or_default();
        let Some(asked) = wanted.iter().find(|asked| asked.eq_ignore_ascii_case(name)) else {
            continue;
        };
        let capability = |name: &str| {
            let all = it["capabilities"].as_array().into_iter().flatten();
            let mut of_name = all.filter(|it| it["name"] == name);
            of_name.next().and_then(|it| it["value"].as_str())
        };
        let zones = it["locationInfo"].as_array().into_iter().flatten();
        let mut zones: BTreeSet<String> = zones
            .flat_map(|it| it["zones"].as_array().into_iter().flatten())
            .filter_map(|zone| zone.as_str().map(str::to_owned))
            .collect();
        let mut refused = None;
        for limit in it["restrictions"].as_array().into_iter().flatten() {
            if limit["type"] == "Zone" {
                let lost = limit["restrictionInfo"]["zones"]
                    .as_array()
                    .into_iter()
                    .flatten();
                for zone in lost.filter_map(Value::as_str) {
                    zones.remove(zone);
                }
            } else {
                refused = limit["reasonCode"].as_str().map(str::to_owned);
            }
        }
        let size = Size {
            family: it["family"].as_str().unwrap_or_default().to_owned(),
            cpus: capability("vCPUs")
                .and_then(|it| it.parse().ok())
                .unwrap_or_default(),
            zones,
            refused,
        };
        found.insert(asked.clone(), size);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_who_one_is() {
        let token = |claims: Value| format!("x.{}.y", URL_SAFE_NO_PAD.encode(claims.to_string()));
        assert_eq!(
            who(&token(json!({ "upn": "a@example.org", "tid": "t" }))),
            "a@example.org of tenant t"
        );
        assert_eq!(who(&token(json!({ "appid": "x" }))), "application x");
        assert_eq!(who("opaque"), "somebody whom the token does not name");
    }

    #[test]
    fn the_usual_version_is_azure_s_own_choice_and_never_a_preview() {
        let version = |minor: &str, default, preview| Version {
            minor: minor.into(),
            default,
            preview,
            ..Version::default()
        };
        let all = [version("1.38", false, true), version("1.37", false, false)];
        assert_eq!(usual(&all).as_deref(), Some("1.37"));
        let all = [all[1].clone(), version("1.36", true, false)];
        assert_eq!(usual(&all).as_deref(), Some("1.36"));
    }
}
