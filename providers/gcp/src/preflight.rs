//! What is looked at before the first change.

mod policies;
mod quotas;
#[cfg(test)]
mod tests;

use serde_json::Value;
use windlass_provider::{
    Check, ClusterSpec, Ctx, Error, Facts, Fault, GoogleMode, NodePool, Verdict,
};

use crate::{
    client::{Client, encode},
    facts::{Seen, compute},
    gke::{Place, minor},
    nat, permissions,
    plan::{is_shared, let_out, machine_of},
    refusal::Answer,
    service::Service,
    want::{is_zone, region_of},
};

/// Checks permissions, APIs, policies, quotas, versions, machine types, networks and names.
pub(crate) async fn check(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    facts: &Facts,
) -> Vec<Check> {
    let seen = match Seen::read(facts) {
        Ok(seen) => seen,
        Err(error) => return vec![failed("facts", error)],
    };
    let mut checks = vec![Check::new(
        "identity",
        Verdict::Passed,
        facts.identity.clone(),
    )];
    if seen.foreign {
        let detail = format!(
            "a GKE cluster \"{}\" is there in {}, and windlass did not make it: it is used as it is and never deleted",
            spec.name, seen.location
        );
        let name = format!("cluster name \"{}\"", spec.name);
        let check = Check::new(name, Verdict::Warning, detail);
        checks.push(check.hint("choose another name with --cluster for one of your own"));
        return checks;
    }
    if !seen.has_project {
        checks.push(check_billing(client, cx, spec, &seen).await);
        checks.extend(policies::check(client, cx, spec, &seen).await);
        return checks;
    }
    let who = (seen.principal.as_str(), seen.project.as_str());
    checks.push(permissions::check(client, cx, who).await);
    checks.push(check_apis(&seen));
    checks.push(check_version(spec, &seen));
    checks.push(check_name(spec, &seen));
    checks.extend(policies::check(client, cx, spec, &seen).await);
    // What has no API yet cannot be asked.
    if seen.lacking.iter().any(|api| api.starts_with("compute.")) {
        return checks;
    }
    checks.extend(check_machines(client, cx, spec, &seen).await);
    checks.extend(check_network(client, cx, spec, &seen).await);
    // What is made already counts in what is used.
    if seen.present.is_none() {
        checks.extend(quotas::check(client, cx, spec, &seen).await);
    }
    checks
}

pub(crate) fn failed(name: &str, error: Error) -> Check {
    let verdict = match error.fault {
        // What may not be looked at stops nothing: the calls themselves will tell.
        Fault::Denied | Fault::Cancelled | Fault::Transient => Verdict::Skipped,
        _ => Verdict::Failed,
    };
    let check = Check::new(name, verdict, error.to_line());
    error.hints.into_iter().fold(check, Check::hint)
}

async fn check_billing(client: &Client, cx: &Ctx, spec: &ClusterSpec, seen: &Seen) -> Check {
    let name = format!("project {}", seen.project);
    if let Some(account) = &spec.google.billing_account {
        let detail = format!("it will be made, and billed to {account}");
        return Check::new(name, Verdict::Passed, detail);
    }
    let call = (Service::Billing, "billingAccounts.list");
    match client
        .list(cx, call, "/v1/billingAccounts", "billingAccounts")
        .await
    {
        Err(trouble) => failed(&name, trouble.into()),
        Ok(all) => {
            let open: Vec<&str> = all
                .iter()
                .filter(|it| it["open"] == true)
                .filter_map(|it| it["name"].as_str())
                .collect();
            match open[..] {
                [only] => {
                    let detail = format!("it will be made, and billed to {only}");
                    Check::new(name, Verdict::Passed, detail)
                }
                [] => Check::new(
                    name,
                    Verdict::Failed,
                    "there is no open billing account that you may use",
                )
                .hint("make one: https://console.cloud.google.com/billing"),
                _ => Check::new(
                    name,
                    Verdict::Failed,
                    format!("there are {} open billing accounts: which one?", open.len()),
                )
                .hint(format!(
                    "name it: --billing-account; there are {}",
                    open.join(", ")
                )),
            }
        }
    }
}

fn check_apis(seen: &Seen) -> Check {
    let detail = match seen.lacking.is_empty() {
        true => "all are enabled".to_owned(),
        false => format!("these will be enabled: {}", seen.lacking.join(", ")),
    };
    Check::new("APIs", Verdict::Passed, detail)
}

fn check_version(spec: &ClusterSpec, seen: &Seen) -> Check {
    let name = "Kubernetes version";
    if let Some(present) = &seen.present {
        return Check::new(name, Verdict::Passed, format!("the cluster has {present}"));
    }
    match (&spec.kubernetes_version, &seen.default) {
        (Some(wanted), _) if seen.versions.is_empty() => Check::new(
            name,
            Verdict::Skipped,
            format!("nobody could tell whether there is a {wanted}"),
        ),
        // A minor version that the channel has not is refused by the plan.
        (Some(wanted), _) => {
            let fits = |it: &&String| crate::gke::is_version(it, wanted);
            match seen.versions.iter().find(fits) {
                Some(version) => Check::new(name, Verdict::Passed, version.clone()),
                None => Check::new(
                    name,
                    Verdict::Failed,
                    format!("the channel has no Kubernetes {wanted}"),
                )
                .hint(format!("write kubernetes-version = \"{}\"", minor(wanted)))
                .hint(format!("it has {}", seen.versions.join(", "))),
            }
        }
        (None, Some(default)) => Check::new(name, Verdict::Passed, default.clone()),
        (None, None) => Check::new(name, Verdict::Skipped, "GKE chooses it"),
    }
}

fn check_name(spec: &ClusterSpec, seen: &Seen) -> Check {
    let detail = match &seen.present {
        Some(_) => "windlass made it already",
        None => "no GKE cluster of that name is there",
    };
    Check::new(
        format!("cluster name \"{}\"", spec.name),
        Verdict::Passed,
        detail,
    )
}

/// Returns all pools, that of the nodes that every cluster has among them, each with its machine type.
fn all_pools(spec: &ClusterSpec) -> Vec<(NodePool, String)> {
    if spec.google.mode == GoogleMode::Autopilot {
        return Vec::new();
    }
    let own = NodePool {
        min: spec.nodes.min,
        max: spec.nodes.max,
        spot: spec.google.spot,
        ..NodePool::default()
    };
    let pools = std::iter::once(own).chain(spec.node_pools.iter().cloned());
    pools
        .map(|pool| {
            let machine = machine_of(spec, &pool);
            (pool, machine)
        })
        .collect()
}

/// Returns the zones of a region.
async fn zones(client: &Client, cx: &Ctx, seen: &Seen) -> Answer<Vec<String>> {
    let path = format!("{}/zones?maxResults=500", compute(&seen.project));
    let all = client
        .list(cx, (Service::Compute, "zones.list"), &path, "items")
        .await?;
    let region = region_of(&seen.location);
    let names = all.iter().filter_map(|it| it["name"].as_str());
    let here = names.filter(|zone| is_zone(zone) && region_of(zone) == region);
    Ok(here.map(str::to_owned).collect())
}

async fn machine_type(
    client: &Client,
    cx: &Ctx,
    project: &str,
    (zone, machine): (&str, &str),
) -> Answer<Option<Value>> {
    let path = format!(
        "{}/zones/{}/machineTypes/{}",
        compute(project),
        encode(zone),
        encode(machine)
    );
    client
        .find(cx, (Service::Compute, "machineTypes.get"), &path)
        .await
}

async fn check_machines(client: &Client, cx: &Ctx, spec: &ClusterSpec, seen: &Seen) -> Vec<Check> {
    let region = region_of(&seen.location);
    let offered = match zones(client, cx, seen).await {
        Ok(zones) => zones,
        Err(trouble) => return vec![failed("machine types", trouble.into())],
    };
    let mut checks = Vec::new();
    let mut done = Vec::new();
    for (pool, machine) in all_pools(spec) {
        let bound = pool
            .zone
            .clone()
            .or_else(|| is_zone(&seen.location).then(|| seen.location.clone()));
        if done.contains(&(machine.clone(), bound.clone())) {
            continue;
        }
        let wanted: Vec<String> = match (&bound, spec.google.zones.is_empty()) {
            (Some(zone), _) => vec![zone.clone()],
            (None, false) => spec.google.zones.clone(),
            (None, true) => offered.clone(),
        };
        let (mut has, mut lacks) = (Vec::new(), Vec::new());
        let mut trouble = None;
        for zone in &wanted {
            match machine_type(client, cx, &seen.project, (zone, &machine)).await {
                Ok(Some(_)) => has.push(zone.as_str()),
                Ok(None) => lacks.push(zone.as_str()),
                Err(other) => trouble = Some(other),
            }
        }
        let name = format!("machine type {machine}");
        let check = match trouble {
            Some(trouble) => failed(&name, trouble.into()),
            None if has.is_empty() => Check::new(
                &name,
                Verdict::Failed,
                format!("{} has no {machine}", wanted.join(", ")),
            )
            .hint(format!(
                "see what it has: gcloud compute machine-types list --zones {}",
                wanted.join(",")
            )),
            // GKE chooses three zones of those that have it.
            None if lacks.is_empty() || spec.google.zones.is_empty() => Check::new(
                &name,
                Verdict::Passed,
                format!("offered in {}", has.join(", ")),
            ),
            None => Check::new(
                &name,
                Verdict::Failed,
                format!("{} has no {machine}", lacks.join(", ")),
            )
            .hint(format!(
                "{machine} is offered in {}: write zones = [\"{}\"]",
                has.join(", "),
                has.join("\", \"")
            )),
        };
        checks.push(check);
        done.push((machine, bound));
    }
    if offered.is_empty() {
        let detail = format!("Google Cloud has no region {region}");
        checks.push(
            Check::new("region", Verdict::Failed, detail)
                .hint("see which it has: https://cloud.google.com/compute/docs/regions-zones"),
        );
    }
    checks
}

async fn check_network(client: &Client, cx: &Ctx, spec: &ClusterSpec, seen: &Seen) -> Vec<Check> {
    let google = &spec.google;
    let network = google.network.as_deref().unwrap_or("default");
    let network = network.rsplit('/').next().unwrap_or_default();
    let name = format!("network {network}");
    if is_shared(spec) {
        let detail = "it is another project's, and GKE looks whether it may be used";
        return vec![Check::new(name, Verdict::Skipped, detail)];
    }
    let path = format!(
        "{}/global/networks/{}",
        compute(&seen.project),
        encode(network)
    );
    let mut checks = Vec::new();
    match client
        .find(cx, (Service::Compute, "networks.get"), &path)
        .await
    {
        Ok(Some(_)) => {
            checks.push(Check::new(
                name,
                Verdict::Passed,
                "it is used, and never deleted",
            ));
        }
        Ok(None) => {
            let detail = format!("project {} has no network \"{network}\"", seen.project);
            return vec![Check::new(name, Verdict::Failed, detail).hint(
                "name one that is there: network in [clusters.NAME.google]; or make one: gcloud compute networks create",
            )];
        }
        Err(trouble) => return vec![failed(&name, trouble.into())],
    }
    if google.private_nodes {
        checks.push(match let_out(spec) {
            Some(_) => check_way(spec, seen),
            None => check_nat(client, cx, seen, network).await,
        });
    }
    checks
}

/// Tells by which router private nodes are let out.
fn check_way(spec: &ClusterSpec, seen: &Seen) -> Check {
    let name = "way out of private nodes";
    match &seen.nat {
        None => {
            let router = nat::name(&spec.name);
            let detail = format!("router {router}, with a NAT, is the cluster's own");
            Check::new(name, Verdict::Passed, detail)
        }
        Some(way) => match &way.goes_with {
            None => {
                let detail = format!("router {} has a NAT, which is used and never deleted", way.router);
                Check::new(name, Verdict::Passed, detail)
            }
            Some(cluster) => Check::new(
                name,
                Verdict::Warning,
                format!("router {} has a NAT, and goes with cluster {cluster}", way.router),
            )
            .hint(format!("destroy {cluster} after this one; or run the same command again then: windlass makes one of its own")),
        },
    }
}

/// Nodes without addresses of the internet reach it by a NAT, or not at all.
async fn check_nat(client: &Client, cx: &Ctx, seen: &Seen, network: &str) -> Check {
    let region = region_of(&seen.location);
    let name = "way out of private nodes";
    let place = Place {
        project: &seen.project,
        location: &seen.location,
    };
    match nat::all(client, cx, place).await {
        Err(trouble) => failed(name, trouble.into()),
        Ok(routers) => {
            match nat::serving(&routers, network) {
                Some(router) => {
                    let router = router["name"].as_str().unwrap_or_default();
                    Check::new(name, Verdict::Passed, format!("router {router} has a NAT"))
                }
                None => Check::new(
                    name,
                    Verdict::Warning,
                    format!("network {network} has no NAT in {region}: nodes could pull images from Google's registries only"),
                )
                .hint("let windlass make one: write nat = true in [clusters.NAME.google]")
                .hint(format!("or make one: gcloud compute routers create nat --network {network} --region {region}; gcloud compute routers nats create nat --router nat --region {region} --auto-allocate-nat-external-ips --nat-all-subnet-ip-ranges")),
            }
        }
    }
}
