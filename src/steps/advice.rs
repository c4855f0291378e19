//! What windlass knows of why a chart could not be installed, besides what the cluster says.

use windlass_provider::{Ctx, Error};

use super::{Steps, find_absent};
use crate::{catalog::Catalog, plan::Chart};

/// Words of causes by which a chart, or a version of it, is not where it should be.
const UNKNOWN: [&str; 2] = ["MANIFEST_UNKNOWN", "with version matching"];

impl Steps {
    /// Adds to the error of an install what to type.
    pub(super) async fn advise(&self, cx: &Ctx, mut error: Error, chart: &Chart) -> Error {
        let missing = error.causes.iter().find_map(|it| missing_kind(it));
        let brought = missing.and_then(|kind| bringing(&self.catalog, kind));
        let is_unknown = |cause: &String| UNKNOWN.iter().any(|word| cause.contains(word));
        let advice = match brought {
            None if error.causes.iter().any(is_unknown) => self.advise_version(cx, chart).await,
            brought => brought,
        };
        if let Some(advice) = advice {
            error.hints.insert(0, advice);
        }
        error
    }

    /// Returns which version to take in place of one that does not exist.
    async fn advise_version(&self, cx: &Ctx, chart: &Chart) -> Option<String> {
        let component = self.catalog.get(&chart.component)?;
        // The time of the step may just have passed.
        let cx = &Ctx {
            deadline: None,
            ..cx.clone()
        };
        match find_absent(cx, &self.web, component, &chart.version).await {
            Some(absent) => Some(absent.hint(&self.says, &chart.component, true)),
            None => (component.version != chart.version)
                .then(|| format!("windlass itself would take {}", component.version)),
        }
    }
}

/// Returns the kind and the version of its API that a cause says the cluster does not know.
fn missing_kind(cause: &str) -> Option<(&str, &str)> {
    let (_, rest) = cause.split_once("no matches for kind \"")?;
    let (kind, rest) = rest.split_once('"')?;
    let (_, rest) = rest.split_once("in version \"")?;
    Some((kind, rest.split_once('"')?.0))
}

/// Returns which component to install for a kind.
fn bringing(catalog: &Catalog, (kind, version): (&str, &str)) -> Option<String> {
    let component = catalog.bringing(version.split('/').next()?)?;
    Some(format!(
        "{kind} comes with {}: windlass install {}",
        component.title, component.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_is_missing_is_told_with_what_brings_it() {
        let catalog = Catalog::load().unwrap();
        let cause = |version: &str| {
            format!(
                "x: no matches for kind \"ServiceMonitor\" in version \"{version}\" ensure CRDs"
            )
        };
        let told = |cause: &str| bringing(&catalog, missing_kind(cause)?);
        assert_eq!(
            told(&cause("monitoring.coreos.com/v1")).unwrap(),
            "ServiceMonitor comes with kube-prometheus-stack: windlass install prometheus"
        );
        assert_eq!(told(&cause("example.com/v1")), None);
        assert_eq!(told("no matches for kind"), None);
    }
}
