//! Versions of Kubernetes, and the places where clusters can be.

use super::{Fault, Outcome};
use serde_json::json;

/// The versions that can be made, the newest first (<https://cloud.google.com/kubernetes-engine/docs/release-schedule>); the numbers
/// behind are assumed.
const VERSIONS: [&str; 5] = [
    "1.36.1-gke.1286000",
    "1.35.4-gke.1120000",
    "1.35.2-gke.1269000",
    "1.34.8-gke.1034000",
    "1.33.12-gke.1055000",
];
/// Channels, with the version that each begins with and how many of the newest it does not have yet.
const CHANNELS: [(&str, usize, usize); 4] = [
    ("RAPID", 0, 0),
    ("REGULAR", 1, 0),
    ("STABLE", 3, 1),
    ("EXTENDED", 1, 0),
];

/// Regions, each with the letters of its zones (<https://cloud.google.com/compute/docs/regions-zones>).
const REGIONS: [(&str, &str); 12] = [
    ("us-east1", "bcd"),
    ("us-east4", "abc"),
    ("us-central1", "abcf"),
    ("us-west1", "abc"),
    ("europe-west1", "bcd"),
    ("europe-west3", "abc"),
    ("europe-west4", "abc"),
    ("europe-north1", "abc"),
    ("northamerica-northeast1", "abc"),
    ("asia-east1", "abc"),
    ("asia-northeast1", "abc"),
    ("australia-southeast1", "abc"),
];

/// Returns all regions with their zones.
pub(super) fn regions() -> impl Iterator<Item = (&'static str, Vec<String>)> {
    REGIONS.iter().map(|(region, letters)| {
        let zones = letters.chars().map(|letter| format!("{region}-{letter}"));
        (*region, zones.collect())
    })
}

/// Returns the zones of a location: those of a region, or the zone itself.
pub(super) fn zones(location: &str) -> Option<Vec<String>> {
    regions().find_map(|(region, zones)| match location == region {
        true => Some(zones),
        false => zones
            .contains(&location.to_owned())
            .then(|| vec![location.to_owned()]),
    })
}

/// Returns the region that a location is in.
pub(super) fn region(location: &str) -> String {
    let found = regions()
        .find(|(region, zones)| location == *region || zones.iter().any(|it| it == location));
    found.map_or_else(String::new, |it| it.0.to_owned())
}

fn of_channel(channel: &str) -> Option<(&'static str, &'static [&'static str])> {
    let (_, default, newest) = CHANNELS.iter().find(|it| it.0 == channel)?;
    Some((VERSIONS[*default], &VERSIONS[*newest..]))
}

/// Returns the version that a request means: "", "-", "1.35", "1.35.2" or a whole one.
pub(super) fn resolve(wanted: &str, channel: &str) -> Result<&'static str, Fault> {
    let channel = match channel {
        "" | "UNSPECIFIED" => "REGULAR",
        channel => channel,
    };
    let (default, valid) = of_channel(channel)
        .ok_or_else(|| Fault::invalid(format!("Release channel \"{channel}\" is unknown.")))?;
    if ["", "-"].contains(&wanted) {
        return Ok(default);
    }
    if wanted == "latest" {
        return Ok(valid[0]);
    }
    let fits = |it: &&&str| {
        let rest = it.strip_prefix(wanted);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    };
    valid.iter().find(fits).copied().ok_or_else(|| {
        Fault::invalid(format!(
            "Version \"{wanted}\" is invalid: Master version \"{wanted}\" is unsupported in channel {channel}."
        ))
    })
}

/// Returns the numbers of a version.
pub(super) fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split('-').next().unwrap_or_default();
    plain.split('.').filter_map(|it| it.parse().ok()).collect()
}

pub(super) fn config(at: &[&str]) -> Outcome {
    let location = at[1];
    if zones(location).is_none() {
        return Err(Fault::invalid(format!(
            "Location \"{location}\" does not exist."
        )));
    }
    let channels = CHANNELS.iter().filter_map(|(channel, ..)| {
        let (default, valid) = of_channel(channel)?;
        Some(json!({"channel": channel, "defaultVersion": default, "validVersions": valid}))
    });
    Ok(json!({
        "defaultClusterVersion": VERSIONS[1], "validMasterVersions": VERSIONS, "validNodeVersions": VERSIONS,
        "defaultImageType": "COS_CONTAINERD", "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD"],
        "channels": channels.collect::<Vec<_>>(),
    }))
}
