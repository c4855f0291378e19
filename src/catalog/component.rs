//! What a component is, as `templates/components/<name>.yaml` says.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use windlass_provider::ProviderId;

use super::{
    TEMPLATES,
    template::substitute,
    values::{WrongType, check_types, merge},
};

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
    /// Other components: this is a set, which has no chart of its own.
    Set {
        /// Their names.
        parts: Vec<String>,
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
    /// What a set can be asked for besides, by the name of the value that asks for it.
    #[serde(default)]
    pub options: BTreeMap<String, Choice>,
    /// Whether `setup` installs it where nobody says otherwise.
    #[serde(default)]
    pub default: bool,
    /// What its user ought to know before choosing it.
    pub warning: Option<String>,
    /// How many seconds it usually takes to become Ready; an assumption, for bars and estimates only.
    pub usual_seconds: u64,
    /// An object that is in the cluster where the component is, whoever installed it; without one, a chart is found by its
    /// release.
    #[serde(default)]
    pub sign: Option<Sign>,
    /// The ports of its node that it can listen on.
    #[serde(default)]
    host_ports: Vec<HostPort>,
    /// The API groups of CRDs that it makes itself, without a label that tells so; those below them count too.
    #[serde(default)]
    pub crd_groups: Vec<String>,
    /// The API groups of the kinds that it brings; those below them count, too.
    #[serde(default)]
    api_groups: Vec<String>,
    /// The objects of those CRDs that it makes for itself, as "Kind name": nobody loses anything with them.
    #[serde(default)]
    pub own_objects: Vec<String>,
    /// What stays or needs care when it goes.
    #[serde(default)]
    pub uninstall: Vec<String>,
}

/// An object that tells that a component is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sign {
    /// Its group and version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; none for a kind without.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// A port of its node that a component listens on, by the paths of its values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostPort {
    /// Its number; without it there is none.
    port: String,
    /// Whether it listens there; without one it does.
    #[serde(rename = "if")]
    switch: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PerProvider {
    #[serde(default)]
    values: Value,
}

/// Something that a set can be asked for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What it is good for: a lower-case fragment.
    pub description: String,
    /// The parts that come with it.
    #[serde(default)]
    pub parts: Vec<String>,
    /// The values that parts get with it, by the part's name.
    #[serde(default)]
    values: BTreeMap<String, Value>,
}

/// A component of a set, as the set's values want it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// The values for it.
    pub values: Value,
    /// Whether the set has it with these values: an option that was not asked for leaves its parts out.
    pub included: bool,
}

/// Why the values of a set mean nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// A value that is neither an option nor a part.
    #[error("{set} has no value \"{value}\": allowed are {allowed}")]
    Unknown {
        /// The set.
        set: String,
        /// The value's name.
        value: String,
        /// The names that it knows.
        allowed: String,
    },
    /// An option that is neither true nor false.
    #[error("{set}: {option} must be true or false")]
    NotBoolean {
        /// The set.
        set: String,
        /// The option's name.
        option: String,
    },
    /// Values of a part that are no map.
    #[error("{set}: {part} must be a map of values")]
    NotMap {
        /// The set.
        set: String,
        /// The part's name.
        part: String,
    },
}

impl Component {
    /// Returns the values for a cluster: the component's own, then what it says for the provider, then `over`: what its options
    /// make of them, and the user's; later ones win and maps are merged, as in Helm. `${cluster}` in our own stands for the
    /// cluster's name.
    #[must_use]
    pub fn values(&self, provider: ProviderId, cluster: &str, over: &[&Value]) -> Value {
        let mut values = self.defaults(provider, cluster);
        over.iter().for_each(|over| merge(&mut values, over));
        values
    }

    /// Returns those of the user's values that have another type than windlass's own for a provider.
    #[must_use]
    pub fn check_values(&self, provider: ProviderId, users: &Value) -> Vec<WrongType> {
        check_types(&self.defaults(provider, "any"), users)
    }

    fn defaults(&self, provider: ProviderId, cluster: &str) -> Value {
        let mut values = Value::Object(serde_json::Map::new());
        merge(&mut values, &self.values);
        if let Some(special) = self.providers.get(&provider) {
            merge(&mut values, &special.values);
        }
        substitute(&mut values, &scope(cluster)).expect("holes were checked on loading");
        values
    }

    /// Returns the ports of its node that it listens on with these values.
    #[must_use]
    pub fn host_ports(&self, values: &Value) -> BTreeSet<u64> {
        let find = |path: &str| values.pointer(&format!("/{}", path.replace('.', "/")));
        let on = |it: &&HostPort| {
            let switch = it.switch.as_deref();
            switch.is_none_or(|path| find(path) == Some(&Value::Bool(true)))
        };
        let ports = self.host_ports.iter().filter(on);
        ports.filter_map(|it| find(&it.port)?.as_u64()).collect()
    }

    /// Returns what `--set` takes so that it listens on no port of its node: "a.b=null,c=false".
    #[must_use]
    pub fn without_host_ports(&self) -> String {
        let mut set: Vec<String> = Vec::new();
        for it in &self.host_ports {
            let value = match &it.switch {
                Some(switch) => format!("{switch}=false"),
                None => format!("{}=null", it.port),
            };
            if !set.contains(&value) {
                set.push(value);
            }
        }
        set.join(",")
    }

    /// Returns whether it is a set of other components.
    #[must_use]
    pub fn is_set(&self) -> bool {
        matches!(self.source, Source::Set { .. })
    }

    /// Returns the components of a set, each with its part of the set's values: as in a chart with subcharts, what stands
    /// under the name of a part is for that part, and `global` is for each. A component that is no set has none.
    ///
    /// # Errors
    /// Values that mean nothing to the set.
    pub fn parts(&self, users: &Value) -> Result<Vec<Part>, Misuse> {
        let Source::Set { parts } = &self.source else {
            return Ok(Vec::new());
        };
        let options = self.options.values().flat_map(|choice| &choice.parts);
        let names: Vec<&String> = parts.iter().chain(options).collect();
        let users = users.as_object();
        for (key, value) in users.into_iter().flatten() {
            self.check(&names, key, value)?;
        }
        let users = |key: &str| users.and_then(|users| users.get(key));
        let asked = |option: &str| users(option) == Some(&Value::Bool(true));
        let chosen: Vec<&Choice> = self
            .options
            .iter()
            .filter_map(|(option, choice)| asked(option).then_some(choice))
            .collect();
        Ok(names
            .into_iter()
            .map(|name| {
                let mut values = Value::Object(serde_json::Map::new());
                let ours = chosen.iter().filter_map(|choice| choice.values.get(name));
                ours.for_each(|ours| merge(&mut values, ours));
                if let Some(global) = users("global") {
                    merge(&mut values, &json!({ "global": global }));
                }
                users(name)
                    .into_iter()
                    .for_each(|users| merge(&mut values, users));
                let included =
                    parts.contains(name) || chosen.iter().any(|it| it.parts.contains(name));
                Part {
                    name: name.clone(),
                    values,
                    included,
                }
            })
            .collect())
    }

    fn check(&self, parts: &[&String], key: &str, value: &Value) -> Result<(), Misuse> {
        let set = self.name.clone();
        if self.options.contains_key(key) {
            let option = key.to_owned();
            let right = value.is_boolean() || value.is_null();
            return right
                .then_some(())
                .ok_or(Misuse::NotBoolean { set, option });
        }
        if key == "global" || parts.iter().any(|part| *part == key) {
            let part = key.to_owned();
            let right = value.is_object() || value.is_null();
            return right.then_some(()).ok_or(Misuse::NotMap { set, part });
        }
        let options = self.options.keys().map(String::as_str);
        let parts = parts.iter().map(|part| part.as_str());
        let allowed: Vec<&str> = options.chain(parts).chain(["global"]).collect();
        Err(Misuse::Unknown {
            set,
            value: key.to_owned(),
            allowed: allowed.join(", "),
        })
    }

    /// Returns the URL of its manifest at `version`; `None` where it is a chart.
    #[must_use]
    pub fn manifest(&self, version: &str) -> Option<String> {
        match &self.source {
            Source::Manifest { manifest } => Some(manifest.replace("${version}", version)),
            Source::Oci { .. } | Source::Repository { .. } | Source::Set { .. } => None,
        }
    }
}

/// Returns what our own values may refer to.
fn scope(cluster: &str) -> Value {
    json!({ "cluster": cluster })
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
            let mut values: Vec<Value> = vec![component.values.clone()];
            values.extend(component.providers.values().map(|it| it.values.clone()));
            for values in &mut values {
                substitute(values, &scope("any")).with_context(|| format!("templates/{path}"))?;
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

    /// Returns the component that brings the kinds of an API group.
    #[must_use]
    pub fn bringing(&self, group: &str) -> Option<&Component> {
        let is_of = |of: &String| group == of || group.ends_with(&format!(".{of}"));
        let brings = |it: &&Component| it.api_groups.iter().chain(&it.crd_groups).any(is_of);
        self.all().find(brings)
    }

    /// Returns all of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Component> {
        self.0.values()
    }

    /// Returns the names, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests;
