//! The tags that make a resource ours. They are the truth: destroy, audit and `cluster list` read nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ClusterName;

/// What every taggable resource carries from its create call on.
///
/// Keys are lower case without a slash and times are Unix seconds: valid as AWS tags, Azure tags and Google labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// The cluster.
    pub cluster: ClusterName,
    /// When its making began, in whole seconds.
    pub created: Timestamp,
    /// When the reaper (`destroy --expired`) may take it, in whole seconds; `None`: never.
    pub expires: Option<Timestamp>,
}

/// Why a set of tags cannot be read as ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tag {key} has the value \"{value}\", which is not {expected}")]
pub struct InvalidTag {
    key: &'static str,
    value: String,
    expected: &'static str,
}

impl Tags {
    /// The key of the cluster's name.
    pub const CLUSTER: &str = "windlass-cluster";
    /// The key of the time of creation.
    pub const CREATED: &str = "windlass-created";
    /// The key of the time of expiry.
    pub const EXPIRES: &str = "windlass-expires";

    /// Returns the tags as keys and values.
    #[must_use]
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            (Self::CLUSTER, self.cluster.to_string()),
            (Self::CREATED, self.created.as_second().to_string()),
        ];
        if let Some(expires) = self.expires {
            pairs.push((Self::EXPIRES, expires.as_second().to_string()));
        }
        pairs
    }

    /// Reads tags; `None` where the cluster's is not among them, so that the resource is not ours.
    ///
    /// # Errors
    /// Where ours are there and cannot be read. Such a resource must be treated as ours and named, never overlooked.
    pub fn from_pairs(pairs: &BTreeMap<String, String>) -> Result<Option<Self>, InvalidTag> {
        let Some(cluster) = pairs.get(Self::CLUSTER) else {
            return Ok(None);
        };
        let cluster = cluster.parse().map_err(|_| InvalidTag {
            key: Self::CLUSTER,
            value: cluster.clone(),
            expected: "the name of a cluster",
        })?;
        let time = |key| {
            pairs
                .get(key)
                .map(|value| {
                    value
                        .parse()
                        .ok()
                        .and_then(|seconds| Timestamp::from_second(seconds).ok())
                        .ok_or_else(|| InvalidTag {
                            key,
                            value: value.clone(),
                            expected: "a time in Unix seconds",
                        })
                })
                .transpose()
        };
        Ok(Some(Self {
            cluster,
            created: time(Self::CREATED)?.unwrap_or(Timestamp::UNIX_EPOCH),
            expires: time(Self::EXPIRES)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_survive_the_way_there_and_back() {
        let tags = Tags {
            cluster: "dot".parse().unwrap(),
            created: Timestamp::from_second(1_763_920_000).unwrap(),
            expires: Some(Timestamp::from_second(1_763_930_000).unwrap()),
        };
        let pairs = tags
            .to_pairs()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        assert_eq!(Tags::from_pairs(&pairs), Ok(Some(tags)));
        assert_eq!(Tags::from_pairs(&BTreeMap::new()), Ok(None));
    }

    #[test]
    fn an_unreadable_tag_of_ours_is_an_error_and_not_absence() {
        let pairs = [
            (Tags::CLUSTER.to_owned(), "dot".to_owned()),
            (Tags::EXPIRES.to_owned(), "tomorrow".to_owned()),
        ];
        let error = Tags::from_pairs(&pairs.into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tag windlass-expires has the value \"tomorrow\", which is not a time in Unix seconds"
        );
    }
}
