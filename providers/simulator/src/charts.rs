//! The charts that the simulated registries have, and the objects that they make. The data is in `charts/NAME/VERSION.yaml`.

#[cfg(test)]
mod tests;

use crate::blueprint::{self, Item, Made};
use anyhow::{Context, Result};
use include_dir::{Dir, include_dir};
use semver::{Version, VersionReq};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A chart at one version.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Chart {
    #[serde(rename = "chart")]
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) app_version: String,
    /// Where it is: `oci://registry/path/name`, or the URL of a repository.
    url: String,
    /// The chart's own values.
    values: Value,
    objects: Vec<Item>,
}

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/charts");

static CHARTS: LazyLock<Vec<Chart>> = LazyLock::new(|| {
    let files = FILES.dirs().flat_map(Dir::files);
    let charts = files.map(|file| serde_saphyr::from_str(file.contents_utf8().unwrap_or_default()));
    // A test reads each file, so that none is left out here.
    charts.filter_map(Result::ok).collect()
});

/// Why a chart cannot be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing is at this URL.
    Place,
    /// The chart has no such version.
    Version,
}

/// Which charts the registries do not have at the moment.
pub(crate) type Lacks<'a> = &'a dyn Fn(&Chart) -> bool;

/// Returns the chart at an OCI URL whose version is `wanted` or fits the range `wanted`.
pub(crate) fn at(url: &str, wanted: &str, lacks: Lacks<'_>) -> Result<&'static Chart, Missing> {
    pick(at_url(url, lacks), wanted)
}

/// Returns the chart at an OCI URL that has this tag.
pub(crate) fn tagged(url: &str, tag: &str, lacks: Lacks<'_>) -> Result<&'static Chart, Missing> {
    let mut charts = at_url(url, lacks).peekable();
    if charts.peek().is_none() {
        return Err(Missing::Place);
    }
    charts
        .find(|chart| chart.version == tag)
        .ok_or(Missing::Version)
}

/// Returns all versions of the chart at an OCI URL.
pub(crate) fn at_url<'a>(
    url: &'a str,
    lacks: Lacks<'a>,
) -> impl Iterator<Item = &'static Chart> + use<'a> {
    let url = url.trim_end_matches('/');
    let there = move |chart: &&Chart| chart.url == url && !lacks(chart);
    CHARTS.iter().filter(there)
}

/// Returns a chart of a repository.
pub(crate) fn of(
    repository: &str,
    name: &str,
    wanted: &str,
    lacks: Lacks<'_>,
) -> Result<&'static Chart, Missing> {
    let repository = repository.trim_end_matches('/');
    let within = |chart: &&Chart| match chart.url.starts_with("oci://") {
        true => chart.url == format!("{repository}/{name}"),
        false => chart.url.trim_end_matches('/') == repository && chart.name == name,
    };
    let there = |chart: &&Chart| within(chart) && !lacks(chart);
    pick(CHARTS.iter().filter(there), wanted)
}

/// Returns all that is in the index of the repository at this URL; `None` where no repository is.
pub(crate) fn index(url: &str, lacks: Lacks<'_>) -> Option<Vec<&'static Chart>> {
    let url = url.trim_end_matches('/');
    let within =
        |chart: &&Chart| !chart.url.starts_with("oci://") && chart.url.trim_end_matches('/') == url;
    let all: Vec<_> = CHARTS.iter().filter(within).collect();
    let there = |chart: &&Chart| !lacks(chart);
    (!all.is_empty()).then(|| all.into_iter().filter(there).collect())
}

fn pick(
    charts: impl Iterator<Item = &'static Chart>,
    wanted: &str,
) -> Result<&'static Chart, Missing> {
    let mut charts: Vec<_> = charts.collect();
    if charts.is_empty() {
        return Err(Missing::Place);
    }
    charts.sort_by_key(|chart| std::cmp::Reverse(version(&chart.version)));
    let exact = charts.iter().find(|chart| chart.version == wanted);
    let range = range(wanted);
    let fits = |chart: &&&Chart| match (&range, version(&chart.version)) {
        (Some(range), Some(version)) => range.matches(&version),
        _ => false,
    };
    exact
        .or_else(|| charts.iter().find(fits))
        .copied()
        .ok_or(Missing::Version)
}

fn version(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}

/// Reads a range as Helm does, as far as it is used: `*`, `41.x`, `>=1.2.0 <2.0.0`, `^1.2`.
fn range(text: &str) -> Option<VersionReq> {
    let text = text.trim();
    if text.is_empty() {
        return Some(VersionReq::STAR);
    }
    let parts: Vec<String> = text
        .split([' ', ','])
        .filter(|part| !part.is_empty())
        .map(
            |part| match part.starts_with(|first: char| first.is_ascii_digit() || first == 'v') {
                // A bare version means just that one.
                true if !part.contains(['x', 'X', '*']) => {
                    format!("={}", part.trim_start_matches('v'))
                }
                _ => part.replacen('v', "", 1),
            },
        )
        .collect();
    VersionReq::parse(&parts.join(", ")).ok()
}

impl Chart {
    /// Returns where it is, with its name and without a scheme: "ghcr.io/traefik/helm/traefik", "charts.crossplane.io/stable/crossplane".
    pub(crate) fn place(&self) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        match scheme {
            "oci" => rest.to_owned(),
            _ => format!("{}/{}", rest.trim_end_matches('/'), self.name),
        }
    }

    /// Makes the objects of a release with `values` over the chart's own.
    pub(crate) fn make(&self, release: &str, namespace: &str, values: &Value) -> Result<Vec<Made>> {
        let mut all = self.values.clone();
        merge(&mut all, values);
        let fullname = match release.contains(&self.name) {
            true => release.to_owned(),
            false => format!("{release}-{}", self.name),
        };
        all["release"] = json!({"name": release, "namespace": namespace});
        all["fullname"] = json!(fullname);
        blueprint::make(&self.objects, &all, namespace)
            .with_context(|| format!("execution error in chart {}", self.name))
    }
}

/// Merges values as Helm does: mappings by key, null removes, anything else replaces.
pub(crate) fn merge(into: &mut Value, from: &Value) {
    match (into.as_object_mut(), from.as_object()) {
        (Some(into), Some(from)) => {
            for (key, value) in from {
                match value {
                    Value::Null => {
                        into.shift_remove(key);
                    }
                    value => merge(into.entry(key.clone()).or_insert(Value::Null), value),
                }
            }
        }
        _ => *into = from.clone(),
    }
}
