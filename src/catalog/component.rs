//! What a component is, as `templates/components/<name>.yaml` says.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use windlass_provider::ProviderId;

use super::{TEMPLATES, template::merge};

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Source {
    /// A chart in an OCI registry.
    Oci {
        /// Its URL, with the chart's name: `oci://…/charts/cert-manager`.
        oci: String,
    },
    /// A chart in a Helm repository.
    Repository {
        /// The repository's URL.
        repository: String,
        /// The chart's name there.
        chart: String,
    },
    /// A manifest, fetched once and applied as it is.
    Manifest {
        /// Its URL; `${version}` stands for the version.
        manifest: String,
    },
}

/// A piece of the platform that windlass can install.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Component {
    /// Its name, as users type it, and as its release, source and default namespace are called.
    pub name: String,
    /// Its name, as its makers write it.
    pub title: String,
    /// What it is good for: a lower-case fragment.
    pub description: String,
    /// The version that windlass pins; the user may choose another.
    pub version: String,
    /// The namespace that it goes to.
    pub namespace: String,
    /// Where it comes from.
    pub source: Source,
    /// The components that must be Ready before it.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The values that it always gets.
    #[serde(default)]
    values: Value,
    #[serde(default)]
    providers: BTreeMap<ProviderId, PerProvider>,
    /// How many seconds it usually takes to become Ready; an assumption, for bars and estimates only.
    pub usual_seconds: u64,
    /// What stays or needs care when it goes.
    #[serde(default)]
    pub uninstall: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PerProvider {
    #[serde(default)]
    values: Value,
}

impl Component {
    /// Returns the values for a provider: the component's own, then what it says for the provider, then the user's; later
    /// ones win, maps are merged and `null` removes, as in Helm.
    #[must_use]
    pub fn values(&self, provider: ProviderId, users: &Value) -> Value {
        let mut values = Value::Object(serde_json::Map::new());
        merge(&mut values, &self.values);
        if let Some(special) = self.providers.get(&provider) {
            merge(&mut values, &special.values);
        }
        merge(&mut values, users);
        values
    }

    /// Returns the URL of its manifest at `version`; `None` where it is a chart.
    #[must_use]
    pub fn manifest(&self, version: &str) -> Option<String> {
        match &self.source {
            Source::Manifest { manifest } => Some(manifest.replace("${version}", version)),
            Source::Oci { .. } | Source::Repository { .. } => None,
        }
    }
}

/// All components that there are, by name.
#[derive(Clone, Debug)]
pub struct Catalog(BTreeMap<String, Component>);

impl Catalog {
    /// Reads the catalogue that is built into the binary.
    ///
    /// # Errors
    /// Where a file of it is wrong: our mistake, which a test finds first.
    pub fn load() -> Result<Self> {
        let mut components = BTreeMap::new();
        let files = TEMPLATES
            .get_dir("components")
            .context("templates/components is not built in")?
            .files();
        for file in files {
            let path = file.path().display();
            let text = file
                .contents_utf8()
                .with_context(|| format!("templates/{path} is not UTF-8"))?;
            let component: Component = serde_saphyr::from_str(text)
                .with_context(|| format!("templates/{path} is not a component"))?;
            if file.path().file_stem().and_then(|stem| stem.to_str()) != Some(&component.name) {
                bail!("templates/{path} describes {}", component.name);
            }
            components.insert(component.name.clone(), component);
        }
        Ok(Self(components))
    }

    /// Returns the component of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Component> {
        self.0.get(name)
    }

    /// Returns the names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_catalogue_loads_and_its_needs_are_in_it() {
        let catalog = Catalog::load().unwrap();
        for name in catalog.names() {
            for need in &catalog.get(name).unwrap().needs {
                assert!(catalog.get(need).is_some(), "{name} needs {need}");
            }
        }
        assert_eq!(
            catalog.get("flux").unwrap().manifest("2.9.4").unwrap(),
            "https://github.com/fluxcd/flux2/releases/download/v2.9.4/install.yaml"
        );
    }

    #[test]
    fn values_are_laid_over_each_other_as_helm_does() {
        let catalog = Catalog::load().unwrap();
        let users = json!({ "ports": { "web": { "hostPort": null } }, "extra": [1] });
        let values = catalog
            .get("traefik")
            .unwrap()
            .values(ProviderId::Kind, &users);
        assert_eq!(
            values["ports"],
            json!({ "web": {}, "websecure": { "hostPort": 443 } })
        );
        assert_eq!(values["extra"], json!([1]));
        assert_eq!(values["ingressClass"]["isDefaultClass"], json!(true));
    }
}
