//! Resources: what a cluster is made of, as wanted, as seen and as found.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{ClusterName, Error, Fault, Result, Tags};

/// The id of a resource within its cluster, unique there and stable across runs: `cluster`, `node-pool-gpu`.
///
/// Lower-case letters, digits and hyphens. Its step in a plan is `resource/<id>`. What `destroy --keep` can leave has the id by which
/// that names it: `project`, `group`, `logs`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceId(String);

impl ResourceId {
    /// Returns the id with this text.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What came out of making or reading a resource, by name: ids, addresses, ARNs. Never a secret: it is journalled.
pub type Outputs = BTreeMap<String, String>;

/// The outputs of the resources that are there already.
pub type Known = BTreeMap<ResourceId, Outputs>;

/// Something that a provider makes and deletes as one piece.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Its id within the cluster.
    pub id: ResourceId,
    /// The cluster that it belongs to.
    pub cluster: ClusterName,
    /// What it is, in the provider's words and in lower case: "kind cluster", "node group".
    pub kind: String,
    /// Its name at the provider.
    pub name: String,
    /// What must be there before it.
    pub needs: Vec<ResourceId>,
    /// What is wanted of it: the provider's own business, opaque to everybody else; for one that was discovered, what
    /// its deletion needs. Never a secret: it is journalled.
    pub want: serde_json::Value,
    /// How long making it usually takes; for plans and bars, never for waiting.
    #[serde(with = "seconds")]
    pub usual: Duration,
    /// How long making it may take before windlass gives up.
    #[serde(with = "seconds")]
    pub limit: Duration,
}

impl Resource {
    /// Reads what is wanted of it.
    ///
    /// # Errors
    /// [`Fault::Invalid`]: another version of windlass wrote it.
    pub fn wanted<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.want.clone()).map_err(|error| {
            Error::new(
                Fault::Invalid,
                format!(
                    "cannot read what is wanted of {} \"{}\"",
                    self.kind, self.name
                ),
            )
            .cause(error.to_string())
        })
    }

    /// Returns it with this wanted of it.
    ///
    /// # Errors
    /// [`Fault::Failed`]: that cannot be written as JSON.
    pub fn wanting(self, want: &impl Serialize) -> Result<Self> {
        let want = serde_json::to_value(want).map_err(|error| {
            Error::new(
                Fault::Failed,
                format!("cannot write what is wanted of {}", self.id),
            )
            .cause(error.to_string())
        })?;
        Ok(Self { want, ..self })
    }
}

/// How far a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does not exist.
    Missing,
    /// It is being made, or was left half made.
    Making,
    /// It is there and works.
    Ready,
    /// It is on its way out.
    Deleting,
    /// It is there and will not come to work by itself.
    Failed,
}

/// Whose a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// Windlass made it, as its tags or marker prove: destroy deletes it.
    Ours,
    /// Somebody else made it: it is used and never deleted.
    Foreign,
    /// It may have come of what windlass made, and nothing proves it: it is told, with what is known of it as its detail, and never
    /// deleted.
    Unproven,
}

/// One way in which a resource is not as wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Which setting, in the words of `windlass.toml`: "kubernetes-version".
    pub field: String,
    /// What was asked for.
    pub wanted: String,
    /// What is there.
    pub found: String,
    /// Whether `ensure` can change it in place.
    pub changeable: bool,
}

/// What there is of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// How far it is.
    pub state: State,
    /// Whose it is. Of no meaning while it is missing.
    pub owner: Owner,
    /// How it differs from what is wanted.
    pub differs: Vec<Difference>,
    /// What can be read off it.
    pub outputs: Outputs,
    /// What stands in its way, where it is not ready: lower-case fragment.
    pub detail: Option<String>,
    /// Whether it is proven that nobody can have put anything into it: it was left half made. What is not there, or holds nothing
    /// by its nature, is so too. Destroy need not look inside, and owes no proof of what was there.
    #[serde(default)]
    pub unused: bool,
}

impl Observed {
    /// Returns the observation of something that is not there.
    #[must_use]
    pub fn missing() -> Self {
        Self {
            state: State::Missing,
            owner: Owner::Ours,
            differs: Vec::new(),
            outputs: Outputs::new(),
            detail: None,
            unused: true,
        }
    }
}

/// What a call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there and was made.
    Made,
    /// It was there and was changed or finished.
    Updated,
    /// It was there and right.
    Unchanged,
    /// It was there and was removed.
    Removed,
    /// There was nothing to remove.
    Absent,
    /// It was left on purpose: it is not ours, or the user said so.
    Kept,
}

/// The kind of what is deleted, costs nothing, and can be recovered until the cloud purges it. Its outputs tell until when
/// (`recoverable-until`), and whether nobody may do so earlier (`purge-protected`).
pub const SOFT_DELETED: &str = "soft-deleted key vault";

/// A resource that was found by its tags, with what they say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// What it is, good enough to give to `delete`.
    pub resource: Resource,
    /// How far it is, and whose.
    pub observed: Observed,
    /// What its tags say; `None` where it has none and is known by its name or by what it hangs on.
    pub tags: Option<Tags>,
}

/// What a provider looked up for a plan. Never a secret: it is shown and journalled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Who we are there, as a person would say it: "docker 28.2 at unix:///var/run/docker.sock".
    pub identity: String,
    /// What else the provider's `resources` needs, by name.
    pub values: BTreeMap<String, serde_json::Value>,
}

/// Durations as whole seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(value.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_secs)
    }
}

/// Optional durations as whole seconds.
pub(crate) mod optional_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(|duration| duration.as_secs()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_secs))
    }
}
