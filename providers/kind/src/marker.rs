//! The marker that makes a kind cluster ours: the tags, as the path of a mount.
//!
//! Kind lets no labels of ours through to its containers, but it passes a node's extra mounts on to the engine, whose
//! `inspect` shows them for as long as the container exists, running or not. So every node gets one more mount, at
//! `/windlass/<key>=<value>/<key>=<value>…`. The path must not hold a colon (it travels as `--volume=FROM:TO:ro`); the
//! tags' keys and values hold letters, digits and hyphens.
//!
//! What is mounted is `/lib/modules`, read-only, because kind itself mounts just that, just so, into every node: wherever
//! kind works, with or without root's rights and in Docker Desktop's machine too, this mount is allowed. (`/dev/null`
//! would not be: Docker Desktop shares no `/dev`.)
//!
//! Source: <https://github.com/kubernetes-sigs/kind/blob/main/pkg/cluster/internal/providers/docker/provision.go>
//! (`generateMountBindings`, `runArgsForNode`).

use std::collections::BTreeMap;

use windlass_provider::Tags;

const ROOT: &str = "/windlass/";
/// What is mounted.
pub(crate) const SOURCE: &str = "/lib/modules";

/// Returns the path, within a node, that carries the tags.
pub(crate) fn path(tags: &Tags) -> String {
    let pairs = tags.to_pairs().into_iter();
    let segments: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    format!("{ROOT}{}", segments.join("/"))
}

/// What a node's mounts say about whose it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    /// There is none: somebody else made the node.
    None,
    /// Windlass made it.
    Tags(Tags),
    /// Windlass made it, but the tags cannot be read, for this reason.
    Unreadable(String),
}

/// Reads the marker among the paths at which a node has mounts.
pub(crate) fn read<'a>(mounts: impl IntoIterator<Item = &'a str>) -> Marker {
    for mount in mounts {
        let Some(rest) = mount.strip_prefix(ROOT) else {
            continue;
        };
        let pairs: BTreeMap<String, String> = rest
            .split('/')
            .filter_map(|segment| segment.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        match Tags::from_pairs(&pairs) {
            Ok(Some(tags)) => return Marker::Tags(tags),
            Ok(None) => {}
            Err(error) => return Marker::Unreadable(error.to_string()),
        }
    }
    Marker::None
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn tags_survive_the_way_through_a_mount() {
        let tags = Tags {
            cluster: "a-2".parse().unwrap(),
            created: Timestamp::from_second(1_763_920_000).unwrap(),
            expires: Some(Timestamp::from_second(1_763_930_000).unwrap()),
        };
        let path = path(&tags);
        assert_eq!(
            path,
            "/windlass/windlass-cluster=a-2/windlass-created=1763920000/windlass-expires=1763930000"
        );
        assert_eq!(read(["/var", &path]), Marker::Tags(tags));
    }

    #[test]
    fn what_is_not_a_marker_is_not_ours_and_what_is_torn_is() {
        assert_eq!(read(["/var", "/lib/modules"]), Marker::None);
        assert_eq!(
            read(["/windlass", "/windlass/", "/windlass/data"]),
            Marker::None
        );
        assert!(matches!(
            read(["/windlass/windlass-cluster=dot/windlass-created=soon"]),
            Marker::Unreadable(reason) if reason.contains("windlass-created")
        ));
    }
}
