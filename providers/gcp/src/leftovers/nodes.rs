//! Whose nodes something names: by the tag that a cluster's nodes share, and by their own names.

use serde_json::Value;

/// How long the name of a cluster and of a pool together is at most where GKE shortens neither in the names of nodes.
const WHOLE: usize = 24;

/// How sure it is that something is of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    /// It may be another's just as well.
    Likely,
    /// Nothing else can have made it.
    Proven,
}

/// Returns the cluster of the tag that its nodes share, and its mark, with which its id begins: "gke-dot-0a1b2c3d-node" is of "dot".
pub(super) fn tag(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("gke-")?.strip_suffix("-node")?;
    rest.rsplit_once('-').filter(|(_, mark)| is_mark(mark))
}

fn is_mark(text: &str) -> bool {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 8 && text.bytes().all(hex)
}

/// Returns the cluster whose nodes a firewall rule leads to.
pub(super) fn cluster_of(firewall: &Value) -> Option<&str> {
    let mut tags = firewall["targetTags"].as_array()?.iter();
    tags.find_map(|it| Some(tag(it.as_str()?)?.0))
}

/// What is known of the nodes of the clusters of a project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nodes {
    /// What the names of the cluster's nodes begin with, where it is there.
    own: Vec<String>,
    /// The same of the nodes of all other clusters.
    others: Vec<String>,
}

impl Nodes {
    /// Reads what the names of the nodes of clusters begin with: "gke-dot-default-0a1b2c3d-" of the group
    /// "gke-dot-default-0a1b2c3d-grp".
    pub(crate) fn of<'a>(
        own: impl IntoIterator<Item = &'a Value>,
        others: impl IntoIterator<Item = &'a Value>,
    ) -> Self {
        Self {
            own: own.into_iter().flat_map(stems).collect(),
            others: others.into_iter().flat_map(stems).collect(),
        }
    }

    /// Returns how sure it is that a node is the cluster's; `None`: it is another's.
    ///
    /// A node is called after its cluster, its pool, a mark of the pool's and one of its own, and hyphens may be in all: of a cluster
    /// that is gone, the name of a node proves whose it was only where it can be read in one way.
    pub(super) fn judge(&self, cluster: &str, node: &str) -> Option<Proof> {
        let begins = |stems: &[String]| stems.iter().any(|stem| node.starts_with(stem.as_str()));
        if begins(&self.own) {
            return Some(Proof::Proven);
        }
        if begins(&self.others) {
            return None;
        }
        let (rest, _) = node.strip_prefix("gke-")?.rsplit_once('-')?;
        let (called, _) = rest.rsplit_once('-').filter(|(_, mark)| is_mark(mark))?;
        let pool = called.strip_prefix(cluster)?.strip_prefix('-')?;
        let once = !pool.contains('-') && !cluster.contains('-') && called.len() <= WHOLE;
        Some(match once {
            true => Proof::Proven,
            false => Proof::Likely,
        })
    }

    /// Returns how sure it is that what leads to these nodes is the cluster's: one of another's is enough that it is not.
    pub(super) fn judge_all<'a>(
        &self,
        cluster: &str,
        nodes: impl IntoIterator<Item = &'a str>,
    ) -> Option<Proof> {
        let mut best = None;
        for node in nodes {
            let name = node.rsplit('/').next().unwrap_or(node);
            best = best.max(Some(self.judge(cluster, name)?));
        }
        best
    }
}

fn stems(cluster: &Value) -> Vec<String> {
    let pools = cluster["nodePools"].as_array().into_iter().flatten();
    let groups = pools.flat_map(|pool| pool["instanceGroupUrls"].as_array().into_iter().flatten());
    let names = groups.filter_map(|it| it.as_str()?.rsplit('/').next()?.strip_suffix("-grp"));
    names.map(|it| format!("{it}-")).collect()
}
