//! What is looked at before the first change.

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_provider::{Check, ClusterSpec, Ctx, Error, Facts, Fault, Verdict};

use crate::{
    client::{Client, encode},
    facts::{Seen, Size, Version},
    permissions,
    plan::machine_of,
    refusal::Answer,
    vaults, version,
    want::at,
};

/// Checks permissions, quotas, versions, sizes and names.
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
    let place = &seen.place;
    let mut checks = vec![Check::new(
        "identity",
        Verdict::Passed,
        format!("{}, subscription {}", seen.who, place.subscription),
    )];
    if seen.foreign {
        let detail = format!(
            "an AKS cluster \"{}\" is there in resource group {}, and windlass did not make it: it is used as it is and never deleted",
            spec.name, place.group
        );
        let check = Check::new(
            format!("cluster name \"{}\"", spec.name),
            Verdict::Warning,
            detail,
        );
        checks.push(check.hint("choose another name with --cluster for one of your own"));
        return checks;
    }
    checks.push(check_name(spec, &seen));
    let within = seen.foreign_group.then_some(&place.group);
    checks.push(
        permissions::check(
            client,
            cx,
            place,
            within,
            !spec.azure.controllers.is_empty(),
        )
        .await,
    );
    checks.extend(check_vaults(client, cx, spec, place).await);
    checks.push(check_registrations(&seen));
    if seen.unregistered.is_empty() {
        checks.push(check_version(spec, &seen));
    }
    checks.extend(check_sizes(spec, &seen));
    // What is made already counts in what is used.
    if seen.present.is_none() {
        checks.extend(check_quotas(client, cx, spec, &seen).await);
    }
    checks
}

fn failed(name: &str, error: Error) -> Check {
    let verdict = match error.fault {
        // What may not be looked at stops nothing: the calls themselves will tell.
        Fault::Denied | Fault::Cancelled | Fault::Transient => Verdict::Skipped,
        _ => Verdict::Failed,
    };
    let check = Check::new(name, verdict, error.to_line());
    error.hints.into_iter().fold(check, Check::hint)
}

fn check_name(spec: &ClusterSpec, seen: &Seen) -> Check {
    let name = format!("cluster name \"{}\"", spec.name);
    if seen.clash {
        let detail = format!(
            "a resource group \"{}\" is there, and windlass did not make it",
            seen.place.group
        );
        return Check::new(name, Verdict::Failed, detail)
            .hint("choose another name with --cluster, or have the cluster in that group: resource-group in [clusters.NAME.azure] of windlass.toml");
    }
    match seen.present {
        Some(_) => Check::new(name, Verdict::Passed, "windlass made it already"),
        None => Check::new(
            name,
            Verdict::Passed,
            "no AKS cluster of that name is there",
        ),
    }
}

fn check_registrations(seen: &Seen) -> Check {
    let name = "resource providers";
    match seen.unregistered.is_empty() {
        true => Check::new(name, Verdict::Passed, "all are registered"),
        false => Check::new(
            name,
            Verdict::Warning,
            format!(
                "the subscription lacks {}: they are registered first, and stay so",
                seen.unregistered.join(", ")
            ),
        ),
    }
}

/// Names the key vaults that an earlier cluster of the name left: their names are taken.
async fn check_vaults(
    client: &Client,
    cx: &Ctx,
    spec: &ClusterSpec,
    place: &crate::want::Place,
) -> Option<Check> {
    let name = "deleted key vaults";
    let all = match vaults::deleted(client, cx, place).await {
        Ok(all) => all,
        Err(trouble) => return Some(failed(name, trouble.into())),
    };
    let of = all.iter().filter(|it| vaults::is_of(it, &spec.name));
    let told: Vec<String> = of
        .map(|it| {
            let called = it["name"].as_str().unwrap_or_default();
            format!("{called} (until {})", vaults::until(it))
        })
        .collect();
    if told.is_empty() {
        return None;
    }
    let detail = format!(
        "an earlier cluster left {}: they can be recovered, cost nothing, and keep their names",
        told.join(", ")
    );
    let check = Check::new(name, Verdict::Warning, detail);
    Some(check.hint(format!(
        "to have them gone for good: windlass destroy azure --cluster {} --purge",
        spec.name
    )))
}

fn check_version(spec: &ClusterSpec, seen: &Seen) -> Check {
    let name = "Kubernetes version";
    let wanted = &seen.version;
    if let Some(present) = &seen.present
        && version::compare(present, wanted) == version::Step::Same
    {
        return Check::new(name, Verdict::Passed, format!("the cluster has {present}"));
    }
    let sound = seen.versions.iter().filter(|it| !it.preview && !it.long);
    let sound: Vec<&str> = sound.map(|it| it.minor.as_str()).collect();
    let hint = format!("choose one of {}", sound.join(", "));
    let minor = version::minor(wanted);
    let exact = version::number(wanted).len() > 2;
    let offered = |it: &&Version| it.minor == minor && (!exact || it.patches.contains(wanted));
    match seen.versions.iter().find(offered) {
        Some(found) if found.preview => Check::new(
            name,
            Verdict::Warning,
            format!("Kubernetes {wanted} is a preview, without support"),
        )
        .hint(hint),
        Some(found) if found.long && spec.azure.tier != windlass_provider::AzureTier::Premium => {
            Check::new(
                name,
                Verdict::Failed,
                format!("Kubernetes {wanted} is only there with tier = \"premium\""),
            )
            .hint(hint)
        }
        Some(_) => Check::new(name, Verdict::Passed, wanted.clone()),
        None => {
            let patches = seen.versions.iter().filter(|it| exact && it.minor == minor);
            let patches: Vec<&str> = patches
                .flat_map(|it| it.patches.iter().map(String::as_str))
                .collect();
            let check = Check::new(
                name,
                Verdict::Failed,
                format!(
                    "AKS does not offer Kubernetes {wanted} in {}",
                    seen.place.location
                ),
            );
            match patches.is_empty() {
                true => check.hint(hint),
                false => check.hint(format!("choose one of {}", patches.join(", "))),
            }
        }
    }
}

/// Returns the sizes of the nodes that there are from the beginning: their zones and how many.
fn wanted(spec: &ClusterSpec) -> Vec<(String, Vec<String>, u32, bool)> {
    let own = spec.azure.machine.as_deref();
    let own = own.unwrap_or(machine_of(spec.nodes.size)).to_owned();
    let mut all = vec![(own.clone(), spec.azure.zones.clone(), spec.nodes.min, false)];
    all.extend(spec.node_pools.iter().map(|pool| {
        let machine = pool.machine.clone().unwrap_or_else(|| own.clone());
        let zones = pool.zone.clone().into_iter().collect();
        (machine, zones, pool.min, pool.spot)
    }));
    all
}

fn check_sizes(spec: &ClusterSpec, seen: &Seen) -> Vec<Check> {
    let location = &seen.place.location;
    let mut checks: BTreeMap<String, Check> = BTreeMap::new();
    for (machine, zones, ..) in wanted(spec) {
        let name = format!("size {machine}");
        let check = match seen.sizes.get(&machine) {
            // Nobody said what there is.
            None if seen.sizes.is_empty() && !seen.unregistered.is_empty() => Check::new(
                &name,
                Verdict::Skipped,
                "Microsoft.Compute is not registered yet",
            ),
            None => Check::new(
                &name,
                Verdict::Failed,
                format!("{location} has no {machine}"),
            )
            .hint("choose another size (--node-size, or machine in windlass.toml) or another location"),
            Some(Size {
                refused: Some(why), ..
            }) => Check::new(
                &name,
                Verdict::Failed,
                format!("this subscription cannot have {machine} in {location}: {why}"),
            )
            .hint("choose another size (--node-size, or machine in windlass.toml) or another location"),
            Some(size) => {
                let lacking = zones.iter().filter(|zone| !size.zones.contains(*zone));
                let lacking: Vec<&str> = lacking.map(String::as_str).collect();
                match lacking.is_empty() {
                    true => Check::new(&name, Verdict::Passed, format!("offered in {location}")),
                    false => {
                        let there: Vec<&str> = size.zones.iter().map(String::as_str).collect();
                        Check::new(
                            &name,
                            Verdict::Failed,
                            format!("{location} has no {machine} in zone {}", lacking.join(", ")),
                        )
                        .hint(match there.is_empty() {
                            true => format!("{location} has no zones for it: leave them out"),
                            false => format!("it is offered in the zones {}", there.join(", ")),
                        })
                    }
                }
            }
        };
        let worse = checks
            .get(&name)
            .is_none_or(|known| known.verdict == Verdict::Passed);
        if worse {
            checks.insert(name, check);
        }
    }
    checks.into_values().collect()
}

/// Tells whether there are vCPUs for the nodes that are wanted from the beginning.
async fn check_quotas(client: &Client, cx: &Ctx, spec: &ClusterSpec, seen: &Seen) -> Vec<Check> {
    let name = "quota of vCPUs";
    let usages = match usages(client, cx, seen).await {
        Ok(usages) => usages,
        Err(trouble) => return vec![failed(name, trouble.into())],
    };
    let mut wanted_by: BTreeMap<String, u64> = BTreeMap::new();
    for (machine, _, count, spot) in wanted(spec) {
        let Some(size) = seen.sizes.get(&machine) else {
            continue;
        };
        let cpus = u64::from(size.cpus) * u64::from(count);
        match spot {
            true => *wanted_by.entry("lowPriorityCores".to_owned()).or_default() += cpus,
            false => {
                *wanted_by.entry(size.family.clone()).or_default() += cpus;
                *wanted_by.entry("cores".to_owned()).or_default() += cpus;
            }
        }
    }
    let mut checks = Vec::new();
    for (quota, wanted) in wanted_by.into_iter().filter(|it| it.1 > 0) {
        let known = usages.iter().find(|it| it.0.eq_ignore_ascii_case(&quota));
        let Some((_, words, used, limit)) = known else {
            continue;
        };
        let name = format!("quota of {words}");
        let location = &seen.place.location;
        checks.push(match used + wanted > *limit {
            true => Check::new(
                name,
                Verdict::Failed,
                format!("{wanted} more vCPUs are wanted, {used} of {limit} are used of {words} in {location}"),
            )
            .hint(format!("ask for more of \"{words}\" in {location}: https://portal.azure.com/#view/Microsoft_Azure_Capacity/QuotaMenuBlade/~/myQuotas"))
            .hint("or use smaller or fewer nodes, or another location"),
            false => Check::new(
                name,
                Verdict::Passed,
                format!("{used} of {limit} are used, {wanted} more are wanted"),
            ),
        });
    }
    checks
}

/// Returns what is counted in a location: its key, its name, how much is used, and the limit.
async fn usages(client: &Client, cx: &Ctx, seen: &Seen) -> Answer<Vec<(String, String, u64, u64)>> {
    let place = &seen.place;
    let path = format!(
        "{}/providers/Microsoft.Compute/locations/{}/usages",
        place.root(),
        encode(&place.location)
    );
    let action = format!("look at the quotas in {}", place.location);
    let all = client.list(cx, &action, at(&path, "2024-07-01")).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(all
        .iter()
        .map(|it| {
            (
                text(&it["name"]["value"]),
                text(&it["name"]["localizedValue"]),
                it["currentValue"].as_u64().unwrap_or_default(),
                it["limit"].as_u64().unwrap_or(u64::MAX / 2),
            )
        })
        .collect())
}
