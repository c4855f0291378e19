//! What is looked up for a plan: who one is, which versions and zones are on offer, and what there is of the cluster already.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;
use windlass_provider::{ClusterSpec, Ctx, Error, Facts, Fault, Result};

use crate::{
    client::Client,
    ec2,
    eks::{self, Support},
    plan::machine_of,
    service::Service,
    stacks, tagged,
    want::stack_name,
    xml::{self, Read},
};

/// Zones in which EKS places no control plane, by their ids, which are the same in all accounts.
///
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>
const UNFIT: [&str; 3] = ["use1-az3", "usw1-az2", "cac1-az3"];

/// What was looked up, as it travels in facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Seen {
    /// The region.
    pub(crate) region: String,
    /// The account.
    pub(crate) account: String,
    /// Who one is.
    pub(crate) arn: String,
    /// Whether somebody else made a cluster of that name.
    pub(crate) foreign: bool,
    /// The minor version of Kubernetes that is wanted.
    pub(crate) version: String,
    /// The minor version of a cluster that is there.
    pub(crate) present: Option<String>,
    /// The minor versions, the newest first: how each is supported, and until when in the standard way.
    pub(crate) versions: Vec<(String, Support, String)>,
    /// The zones that are wanted.
    pub(crate) zones: Vec<String>,
    /// The zones of the region in which a cluster can be.
    pub(crate) offered: Vec<String>,
    /// The instance types that are wanted, with the zones that have them.
    pub(crate) machines: BTreeMap<String, BTreeSet<String>>,
    /// The range of a VPC that somebody else made.
    pub(crate) vpc_cidr: Option<String>,
    /// The subnets of such a VPC that are named, with their zones.
    pub(crate) subnets: BTreeMap<String, String>,
}

impl Seen {
    /// Reads what was looked up.
    pub(crate) fn read(facts: &Facts) -> Result<Self> {
        let seen = facts.values.get("aws").cloned().unwrap_or_default();
        serde_json::from_value(seen).map_err(|error| {
            Error::new(Fault::Failed, "the facts about AWS cannot be read").cause(error.to_string())
        })
    }
}

/// Returns the minor version that a version names: "1.36" of "1.36.1".
pub(crate) fn minor(version: &str) -> String {
    let parts: Vec<&str> = version.trim_start_matches('v').split('.').collect();
    parts[..parts.len().min(2)].join(".")
}

/// Returns the instance types that a cluster's nodes are of.
pub(crate) fn machines(spec: &ClusterSpec) -> BTreeSet<String> {
    let own = spec.aws.machine.as_deref();
    let own = own.unwrap_or(machine_of(spec.nodes.size));
    let pools = spec.node_pools.iter();
    pools
        .filter_map(|pool| pool.machine.as_deref())
        .chain([own])
        .map(str::to_owned)
        .collect()
}

/// Returns who one is, and in which account.
pub(crate) async fn identity(client: &Client, cx: &Ctx) -> Result<(String, String)> {
    let text = client
        .query(cx, Service::Sts, "GetCallerIdentity", &[])
        .await?;
    let document = xml::parse(&text)?;
    let result = xml::result(&document, "GetCallerIdentity");
    Ok((result.text_of("Arn"), result.text_of("Account")))
}

/// Looks up what a plan needs to know.
pub(crate) async fn facts(client: &Client, cx: &Ctx, spec: &ClusterSpec) -> Result<Facts> {
    let (arn, account) = identity(client, cx).await?;
    let cluster = eks::describe(client, cx, spec.name.as_str()).await?;
    let foreign = cluster
        .as_ref()
        .is_some_and(|cluster| !tagged::is_ours(&tagged::of(&cluster["tags"])));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let present = cluster.as_ref().map(|cluster| text(&cluster["version"]));
    let versions = eks::versions(client, cx).await?;
    let asked = spec.kubernetes_version.as_deref().map(minor);
    let version = match asked.or_else(|| present.clone()) {
        Some(version) => version,
        None => versions
            .iter()
            .find(|version| version.default)
            .or(versions
                .iter()
                .find(|version| version.support == Support::Standard))
            .map(|version| version.minor.clone())
            .ok_or_else(|| Error::new(Fault::Unavailable, "EKS offers no version of Kubernetes"))?,
    };
    let mut seen = Seen {
        region: client.region().to_owned(),
        account,
        foreign,
        version,
        present,
        versions: versions
            .into_iter()
            .map(|version| (version.minor, version.support, version.until))
            .collect(),
        ..Seen::default()
    };
    if !foreign {
        places(client, cx, spec, &mut seen).await?;
    }
    let identity = format!("{arn} in {}", seen.region);
    seen.arn = arn;
    let values = BTreeMap::from([("aws".to_owned(), json!(seen))]);
    Ok(Facts { identity, values })
}

/// Looks up where the cluster can be.
async fn places(client: &Client, cx: &Ctx, spec: &ClusterSpec, seen: &mut Seen) -> Result<()> {
    let zones = ec2::zones(client, cx).await?;
    let fit = zones
        .into_iter()
        .filter(|zone| !UNFIT.contains(&zone.id.as_str()));
    seen.offered = fit.map(|zone| zone.name).collect();
    let machines = machines(spec);
    seen.machines = ec2::offerings(client, cx, &machines).await?;
    for machine in machines {
        seen.machines.entry(machine).or_default();
    }
    if let Some(vpc) = &spec.aws.vpc {
        seen.vpc_cidr = ec2::vpc(client, cx, vpc).await?.map(|vpc| vpc.cidr);
        let subnets = ec2::subnets(client, cx, vpc).await?;
        let named = subnets
            .into_iter()
            .filter(|subnet| spec.aws.subnets.contains(&subnet.id));
        seen.subnets = named.map(|subnet| (subnet.id, subnet.zone)).collect();
        return Ok(());
    }
    if !spec.aws.zones.is_empty() {
        seen.zones = spec.aws.zones.clone();
        seen.zones.sort();
        return Ok(());
    }
    // A network that is there stays in its zones.
    if let Some(stack) = stacks::describe(client, cx, &stack_name(&spec.name)).await?
        && let there = stacks::zones(&stack)
        && !there.is_empty()
    {
        seen.zones = there;
        return Ok(());
    }
    let everything = |zone: &&String| seen.machines.values().all(|zones| zones.contains(*zone));
    let able: Vec<String> = seen.offered.iter().filter(everything).cloned().collect();
    // Where too few have all, which type is missing where is preflight's to say.
    let able = match able.len() {
        0 | 1 => seen.offered.clone(),
        _ => able,
    };
    seen.zones = able.into_iter().take(3).collect();
    Ok(())
}
