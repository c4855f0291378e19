//! What kinds are served: the built-in ones and those of CustomResourceDefinitions.
//!
//! A [`Kind`] is one resource at one version. Several versions of it share one storage.

mod builtin;
pub(super) mod custom;

use super::schema::{Schema, builtin::Root};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// A part of an object with a path of its own ("status").
#[derive(Clone, Debug)]
pub(super) struct Subresource {
    pub(super) name: String,
    /// Group, version and kind of its body, where they are not those of the object.
    pub(super) body: Option<(&'static str, &'static str, &'static str)>,
    pub(super) verbs: &'static [&'static str],
}

/// Where the schema of a kind comes from.
pub(super) enum Origin {
    /// Kubernetes itself.
    Builtin(Root),
    /// A CustomResourceDefinition.
    Custom(custom::Custom),
}

/// One served resource at one version.
pub(super) struct Kind {
    pub(super) group: String,
    pub(super) version: String,
    /// The version that objects are stored in.
    pub(super) storage_version: String,
    pub(super) kind: String,
    pub(super) list_kind: String,
    pub(super) plural: String,
    pub(super) singular: String,
    pub(super) short_names: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) namespaced: bool,
    pub(super) verbs: &'static [&'static str],
    pub(super) subresources: Vec<Subresource>,
    pub(super) origin: Origin,
    /// The revision since which it is served: no watch can begin before.
    pub(super) since: u64,
    schema: OnceLock<Arc<Schema>>,
}

impl Kind {
    /// Returns the `apiVersion` of its objects.
    pub(super) fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// Returns `plural.group`, as messages name the resource.
    pub(super) fn qualified(&self) -> String {
        super::status::qualified(&self.plural, &self.group)
    }

    /// Returns `Kind.group`, as messages name the kind.
    pub(super) fn qualified_kind(&self) -> String {
        super::status::qualified(&self.kind, &self.group)
    }

    /// Returns a subresource by name.
    pub(super) fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources
            .iter()
            .find(|subresource| subresource.name == name)
    }

    /// Returns whether its status is written through a path of its own only.
    pub(super) fn has_status(&self) -> bool {
        self.subresource("status").is_some()
    }

    /// Returns the definition behind a custom kind.
    pub(super) fn custom(&self) -> Option<&custom::Custom> {
        match &self.origin {
            Origin::Custom(custom) => Some(custom),
            Origin::Builtin(_) => None,
        }
    }

    /// Returns the schema of its objects, built at first use.
    pub(super) fn schema(&self) -> &Arc<Schema> {
        self.schema.get_or_init(|| match &self.origin {
            Origin::Builtin(root) => super::schema::builtin::read(*root),
            Origin::Custom(custom) => super::schema::custom::read(&custom.schema),
        })
    }

    /// Returns the opaque hash that discovery tells of the storage version: the first eight bytes of the SHA-256 of
    /// `group/version/Kind` (`StorageVersionHash` in k8s.io/apiserver).
    pub(super) fn storage_hash(&self) -> String {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let digest = Sha256::digest(format!(
            "{}/{}/{}",
            self.group, self.storage_version, self.kind
        ));
        BASE64_STANDARD.encode(&digest[..8])
    }
}

/// Returns `group/version`, or `version` for the core group.
pub(super) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// Returns group and version of an `apiVersion`.
pub(super) fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// One API group with its versions, the preferred one first.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) versions: Vec<(String, Vec<Arc<Kind>>)>,
    pub(super) builtin: bool,
}

/// All served kinds.
pub(super) struct Registry {
    groups: Vec<Group>,
    resources: HashMap<(String, String, String), Arc<Kind>>,
}

impl Registry {
    /// Returns the built-in kinds.
    pub(super) fn new() -> Self {
        let mut registry = Self {
            groups: Vec::new(),
            resources: HashMap::new(),
        };
        for name in builtin::GROUPS {
            registry.groups.push(Group {
                name: (*name).to_owned(),
                versions: Vec::new(),
                builtin: true,
            });
        }
        for kind in builtin::kinds() {
            registry.add(Arc::new(kind));
        }
        registry
    }

    /// Returns the groups, in the order of discovery.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Returns one group.
    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Returns a resource by group, version and plural.
    pub(super) fn resource(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Kind>> {
        self.resources
            .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// Returns a kind at a version, or at its preferred one.
    pub(super) fn kind(
        &self,
        group: &str,
        version: Option<&str>,
        kind: &str,
    ) -> Option<&Arc<Kind>> {
        self.group(group)?
            .versions
            .iter()
            .filter(|(name, _)| version.is_none_or(|version| version == name))
            .find_map(|(_, kinds)| kinds.iter().find(|served| served.kind == kind))
    }

    /// Replaces the kinds of a CustomResourceDefinition; `None` takes them away.
    pub(super) fn set_custom(&mut self, name: &str, definition: Option<(&Value, u64)>) {
        let known = |kind: &Kind| {
            kind.custom()
                .is_some_and(|custom| custom.definition == name)
        };
        let since = self
            .resources
            .values()
            .filter(|kind| known(kind))
            .map(|kind| kind.since)
            .min();
        self.resources.retain(|_, kind| !known(kind));
        for group in &mut self.groups {
            for (_, kinds) in &mut group.versions {
                kinds.retain(|kind| !known(kind));
            }
            group
                .versions
                .retain(|(_, kinds)| group.builtin || !kinds.is_empty());
        }
        self.groups
            .retain(|group| group.builtin || !group.versions.is_empty());
        if let Some((definition, revision)) = definition {
            for kind in custom::kinds(definition, since.unwrap_or(revision)) {
                self.add(Arc::new(kind));
            }
        }
    }

    fn add(&mut self, kind: Arc<Kind>) {
        let place = (
            kind.group.clone(),
            kind.version.clone(),
            kind.plural.clone(),
        );
        self.resources.insert(place, kind.clone());
        let index = self
            .groups
            .iter()
            .position(|group| group.name == kind.group)
            .unwrap_or_else(|| {
                self.groups.push(Group {
                    name: kind.group.clone(),
                    versions: Vec::new(),
                    builtin: false,
                });
                self.groups.len() - 1
            });
        let versions = &mut self.groups[index].versions;
        match versions
            .iter_mut()
            .find(|(version, _)| *version == kind.version)
        {
            Some((_, kinds)) => {
                kinds.push(kind);
                kinds.sort_by(|a, b| a.plural.cmp(&b.plural));
            }
            None => {
                versions.push((kind.version.clone(), vec![kind]));
                versions.sort_by_key(|(version, _)| std::cmp::Reverse(rank(version)));
            }
        }
    }
}

/// Returns how preferred a version is: stable before beta before alpha, then the higher number
/// (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority>).
fn rank(version: &str) -> (u8, u64, u64) {
    let Some(rest) = version.strip_prefix('v') else {
        return (0, 0, 0);
    };
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (major, suffix) = rest.split_at(digits);
    let Ok(major) = major.parse() else {
        return (0, 0, 0);
    };
    for (stage, name) in [(2, "beta"), (1, "alpha")] {
        if let Some(minor) = suffix.strip_prefix(name) {
            return (stage, major, minor.parse().unwrap_or(0));
        }
    }
    if suffix.is_empty() {
        (3, major, 0)
    } else {
        (0, 0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_versions_as_kubernetes_does() {
        let mut versions = vec!["v1alpha1", "v2", "foo", "v1beta2", "v10", "v1", "v1beta10"];
        versions.sort_by_key(|version| std::cmp::Reverse(rank(version)));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "foo"]
        );
    }

    #[test]
    fn hashes_the_storage_version_as_kubernetes_does() {
        let registry = Registry::new();
        let kind = registry
            .resource("apps", "v1", "deployments")
            .expect("served");
        assert_eq!(kind.storage_hash(), "8aSe+NMegvE=");
    }
}
