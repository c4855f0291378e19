//! What windlass installed in a cluster, kept in the cluster: the ConfigMap `windlass` in the namespace `windlass-system`.
//!
//! Each entry is a key of its own, written by server-side apply under a field manager of its own: steps that run side by side
//! never meet, and no entry is lost to another's write. Never a secret: of values there is only a digest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use windlass_provider::{Ctx, Error, Fault, Result};

use super::{Cluster, MANAGER, ObjectRef};

/// The namespace in which windlass keeps its own objects.
pub const NAMESPACE: &str = "windlass-system";
const NAME: &str = "windlass";
const COMPONENT: &str = "component.";
const CREATED_NAMESPACE: &str = "namespace.";
const ACCOUNT: &str = "account.";

/// What windlass installed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// The components, by name.
    pub components: BTreeMap<String, Component>,
    /// The namespaces that windlass created, and so may delete; those that it found are not among them.
    pub namespaces: BTreeSet<String>,
    /// The service accounts to which windlass gave a role, by namespace and name.
    pub accounts: BTreeMap<(String, String), Account>,
}

/// What windlass made to give a service account access.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The account, where windlass made it, and the bindings of its roles.
    pub objects: Vec<ObjectRef>,
    /// Fields that a newer windlass wrote; they are kept.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// An installed component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// The version, as its source writes it: "v1.21.1".
    pub version: String,
    /// The digest of its values, as in "sha256:…".
    pub digest: String,
    /// The namespace into which it is installed.
    pub namespace: String,
    /// The objects that windlass created for it.
    pub objects: Vec<ObjectRef>,
    /// What windlass created for it after its release was Ready, in the rounds in which it was applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<Vec<ObjectRef>>,
    /// What only this component was told.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Fields that a newer windlass wrote; they are kept.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Inventory {
    /// Reads the inventory; a cluster without one has an empty one.
    ///
    /// # Errors
    /// [`Fault::Invalid`] where an entry cannot be read, naming it; those of the API.
    pub async fn read(cluster: &Cluster, cx: &Ctx) -> Result<Self> {
        let map = cluster.get(cx, &config_map()).await?;
        let data = map.as_ref().and_then(|map| map["data"].as_object());
        let mut inventory = Self::default();
        for (key, value) in data.into_iter().flatten() {
            if let Some(name) = key.strip_prefix(COMPONENT) {
                let component = entry(key, value)?;
                inventory.components.insert(name.to_owned(), component);
            } else if let Some(name) = key.strip_prefix(ACCOUNT) {
                // A namespace has no dot in its name; a service account may.
                let (home, name) = name.split_once('.').unwrap_or((NAMESPACE, name));
                let key_of = (home.to_owned(), name.to_owned());
                inventory.accounts.insert(key_of, entry(key, value)?);
            } else if let Some(name) = key.strip_prefix(CREATED_NAMESPACE) {
                inventory.namespaces.insert(name.to_owned());
            }
        }
        Ok(inventory)
    }
}

impl Component {
    /// Returns all objects that windlass created for it.
    pub fn all_objects(&self) -> impl Iterator<Item = &ObjectRef> {
        self.objects.iter().chain(self.extras.iter().flatten())
    }

    /// Writes the entry of component `name`, and makes the inventory where there is none; the namespace `windlass-system` must
    /// be there.
    ///
    /// # Errors
    /// [`Fault::Invalid`] where what is there cannot be read: it is not overwritten. Those of the API.
    pub async fn record(&self, cluster: &Cluster, cx: &Ctx, name: &str) -> Result<()> {
        let key = format!("{COMPONENT}{name}");
        if let Some(map) = cluster.get(cx, &config_map()).await?
            && let Some(there) = map["data"].get(&key)
        {
            entry::<Self>(&key, there)?;
        }
        let entry = serde_json::to_string(self).map_err(|error| {
            Error::new(Fault::Failed, format!("cannot record component {name}"))
                .cause(error.to_string())
        })?;
        write(cluster, cx, &key, Some(entry)).await
    }

    /// Takes component `name` out of the inventory. Absence is success.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn forget(cluster: &Cluster, cx: &Ctx, name: &str) -> Result<()> {
        erase(cluster, cx, &format!("{COMPONENT}{name}")).await
    }
}

impl Account {
    /// Writes the entry of the service account `home`/`name`; the namespace `windlass-system` must be there.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn record(&self, cluster: &Cluster, cx: &Ctx, home: &str, name: &str) -> Result<()> {
        let entry = serde_json::to_string(self).map_err(|error| {
            Error::new(
                Fault::Failed,
                format!("cannot record service account {name}"),
            )
            .cause(error.to_string())
        })?;
        write(cluster, cx, &account_key(home, name), Some(entry)).await
    }

    /// Takes the service account `home`/`name` out of the inventory. Absence is success.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn forget(cluster: &Cluster, cx: &Ctx, home: &str, name: &str) -> Result<()> {
        erase(cluster, cx, &account_key(home, name)).await
    }
}

fn account_key(home: &str, name: &str) -> String {
    format!("{ACCOUNT}{home}.{name}")
}

/// Records that windlass created a namespace, so that it may delete it.
///
/// # Errors
/// Those of the API.
pub async fn record_namespace(cluster: &Cluster, cx: &Ctx, name: &str) -> Result<()> {
    let key = format!("{CREATED_NAMESPACE}{name}");
    write(cluster, cx, &key, Some("created".into())).await
}

/// Takes a namespace out of the inventory. Absence is success.
///
/// # Errors
/// Those of the API.
pub async fn forget_namespace(cluster: &Cluster, cx: &Ctx, name: &str) -> Result<()> {
    erase(cluster, cx, &format!("{CREATED_NAMESPACE}{name}")).await
}

async fn erase(cluster: &Cluster, cx: &Ctx, key: &str) -> Result<()> {
    match cluster.get(cx, &config_map()).await? {
        Some(map) if map["data"].get(key).is_some() => write(cluster, cx, key, None).await,
        _ => Ok(()),
    }
}

/// Writes one key, or takes it away: its manager owns nothing else of the data.
async fn write(cluster: &Cluster, cx: &Ctx, key: &str, entry: Option<String>) -> Result<()> {
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": { "app.kubernetes.io/managed-by": MANAGER },
        },
    });
    if let Some(entry) = entry {
        object["data"] = json!({ key: entry });
    }
    cluster
        .apply_under(cx, &format!("{MANAGER}/{key}"), &object)
        .await
}

fn config_map() -> ObjectRef {
    ObjectRef::namespaced("v1", "ConfigMap", NAMESPACE, NAME)
}

fn entry<T: DeserializeOwned>(key: &str, value: &Value) -> Result<T> {
    serde_json::from_str(value.as_str().unwrap_or_default()).map_err(|error| {
        Error::new(
            Fault::Invalid,
            format!("cannot read the inventory: ConfigMap {NAMESPACE}/{NAME}, key {key}"),
        )
        .cause(error.to_string())
        .hint(format!(
            "correct it: kubectl edit -n {NAMESPACE} configmap/{NAME}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_what_a_newer_windlass_wrote() {
        let written = json!({
            "version": "1.0", "digest": "sha256:00", "namespace": "traefik",
            "objects": [{ "apiVersion": "v1", "kind": "Secret", "namespace": "traefik", "name": "values" }],
            "from-the-future": [1, 2],
        });
        let entry: Component =
            entry("component.traefik", &Value::String(written.to_string())).unwrap();
        assert_eq!(entry.objects[0].to_string(), "Secret traefik/values");
        assert_eq!(serde_json::to_value(&entry).unwrap(), written);
    }

    #[test]
    fn an_unreadable_entry_is_named() {
        for broken in [json!("{"), json!("{}"), json!(7)] {
            let error = entry::<Component>("component.flux", &broken).unwrap_err();
            assert_eq!(error.fault, Fault::Invalid);
            assert!(
                error.message.ends_with("key component.flux"),
                "{}",
                error.message
            );
        }
    }
}
