//! Whether quotas have room for what is wanted.

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_provider::{Check, ClusterSpec, Ctx, Result, Verdict};

use super::{all_pools, failed, machine_type, zones};
use crate::{
    client::{Client, encode},
    facts::{Seen, compute},
    machine,
    plan::let_out,
    pools,
    refusal::Answer,
    service::Service,
    want::{is_zone, region_of},
};

/// Tells whether the quotas of the region, and those of the project for all regions, have room for the nodes that are wanted from the
/// beginning.
pub(super) async fn check(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    seen: &Seen,
) -> Vec<Check> {
    let region = region_of(&seen.location);
    let name = "quotas";
    let own = compute(&seen.project);
    let path = format!("{own}/regions/{}", encode(region));
    let here = client.get(cx, (Service::Compute, "regions.get"), &path);
    let everywhere = client.get(cx, (Service::Compute, "projects.get"), &own);
    let found: (Answer<Value>, Answer<Value>) = futures::future::join(here, everywhere).await;
    let (here, everywhere) = match found {
        (Ok(here), Ok(everywhere)) => (here, everywhere),
        (Err(trouble), _) | (_, Err(trouble)) => return vec![failed(name, trouble.into())],
    };
    let wanted = match wanted(client, cx, spec, seen).await {
        Ok(wanted) => wanted,
        Err(error) => return vec![failed(name, error)],
    };
    let of = |told: &Value, metric: &str| {
        let mut quotas = told["quotas"].as_array()?.iter();
        quotas.find(|it| it["metric"] == metric).cloned()
    };
    let checks = wanted.into_iter().filter_map(|(metric, wanted)| {
        let (told, place) = match metric.ends_with("_ALL_REGIONS") {
            true => (&everywhere, "all regions"),
            false => (&here, region),
        };
        // Spot VMs share the quota of the others where they have none of their own.
        let has = |metric: &str| of(told, metric).is_some_and(|it| it["limit"] != 0.0);
        let shared = metric.strip_prefix("PREEMPTIBLE_");
        let metric = shared.filter(|_| !has(&metric)).unwrap_or(&metric);
        let name = format!("quota {metric}");
        let Some(quota) = of(told, metric) else {
            // Those of newer GPUs are told elsewhere alone.
            let detail = "Google does not tell it here";
            let check = Check::new(name, Verdict::Skipped, detail);
            let hint = format!("see whether there is room: {}", page(&seen.project));
            return metric.ends_with("_GPUS").then(|| check.hint(hint));
        };
        let (limit, usage) = (quota["limit"].as_f64()?, quota["usage"].as_f64()?);
        Some(match usage + wanted > limit {
            true => Check::new(
                name,
                Verdict::Failed,
                format!("{wanted} more are wanted, {usage} of {limit} are used in {place}"),
            )
            .hint(format!("ask for more: {}", page(&seen.project)))
            .hint("or use smaller or fewer nodes: --node-size small, --min-nodes 1"),
            false => Check::new(
                name,
                Verdict::Passed,
                format!("{usage} of {limit} are used, {wanted} more are wanted"),
            ),
        })
    });
    checks.collect()
}

/// Returns where the quotas of a project are told, and more is asked for.
fn page(project: &str) -> String {
    format!("https://console.cloud.google.com/iam-admin/quotas?project={project}")
}

/// Returns what is wanted of each quota from the beginning.
async fn wanted(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    seen: &Seen,
) -> Result<BTreeMap<String, f64>> {
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    let zones = zones(client, cx, seen).await?;
    for (pool, machine) in all_pools(spec) {
        let spread = match (&pool.zone, is_zone(&seen.location)) {
            (None, false) if spec.google.zones.is_empty() => 3,
            (None, false) => spec.google.zones.len() as u32,
            _ => 1,
        };
        let count = f64::from(pool.min.div_ceil(spread) * spread);
        let zone = pool
            .zone
            .clone()
            .or_else(|| spec.google.zones.first().cloned());
        let zone = zone.or_else(|| match is_zone(&seen.location) {
            true => Some(seen.location.clone()),
            false => zones.first().cloned(),
        });
        let Some(zone) = zone else { continue };
        let found = machine_type(client, cx, &seen.project, (&zone, &machine)).await?;
        let processors = found.and_then(|it| it["guestCpus"].as_f64()).unwrap_or(0.0);
        let metric = machine::cpu_quota(&machine, pool.spot);
        let whole = (!pool.spot).then(|| "CPUS_ALL_REGIONS".to_owned());
        for metric in std::iter::once(metric).chain(whole) {
            *all.entry(metric).or_default() += processors * count;
        }
        if !spec.google.private_nodes {
            *all.entry("IN_USE_ADDRESSES".to_owned()).or_default() += count;
        }
        if let Some(it) = pools::accelerator_of(&pool, &machine) {
            // One can be wanted later: that there is no room at all is worth telling now.
            let count = count.max(1.0);
            let metric = machine::accelerator_quota(&it.kind, pool.spot);
            let whole = (!pool.spot).then(|| "GPUS_ALL_REGIONS".to_owned());
            for metric in std::iter::once(metric).chain(whole) {
                *all.entry(metric).or_default() += f64::from(it.count) * count;
            }
        }
    }
    if let_out(spec).is_some() && seen.nat.is_none() {
        *all.entry("IN_USE_ADDRESSES".to_owned()).or_default() += 1.0;
    }
    Ok(all)
}
