//! Checks what kind would find wrong only after minutes, or never.

use std::collections::BTreeSet;

use windlass_provider::{ClusterSpec, Error, Fault, NodePool, Result};

/// How many nodes are allowed: all of them run on one machine.
const NODES: u64 = 100;

/// Checks a spec.
///
/// # Errors
/// `Invalid`, naming the setting, and what is allowed.
pub(crate) fn check(spec: &ClusterSpec) -> Result<()> {
    if spec.nodes.min == 0 {
        return Err(invalid(
            "nodes.min is 0: a kind cluster has at least one node, its control-plane",
        ));
    }
    let pools = spec.node_pools.iter();
    let total = u64::from(spec.nodes.min) + pools.map(|pool| u64::from(pool.min)).sum::<u64>();
    if total > NODES {
        return Err(invalid(format!(
            "{total} nodes are asked for: kind runs all of them on this machine, and more than {NODES} are not allowed"
        )));
    }
    let mut names = BTreeSet::new();
    for pool in &spec.node_pools {
        if !names.insert(&pool.name) {
            return Err(invalid(format!(
                "node pool \"{}\" is there twice",
                pool.name
            )));
        }
        check_pool(pool).map_err(|error| {
            error.context(format!("node pool \"{}\" cannot be made", pool.name))
        })?;
    }
    let (http, https) = (spec.kind.http_port, spec.kind.https_port);
    if http != 0 && http == https {
        return Err(invalid(format!("http-port and https-port are both {http}"))
            .hint("give [clusters.NAME.kind] two ports, or 0 for none"));
    }
    check_image(spec)
}

/// Kind has a node image for some patch versions only, and its tags name them whole.
fn check_image(spec: &ClusterSpec) -> Result<()> {
    let image = spec.kind.image.as_deref();
    if let Some(image) = image
        && (image.is_empty()
            || image.starts_with('-')
            || image.contains(|c: char| c.is_whitespace() || c.is_control()))
    {
        return Err(invalid(format!("\"{image}\" is not the name of an image")));
    }
    let Some(wanted) = spec.kubernetes_version.as_deref() else {
        return Ok(());
    };
    let version = wanted.trim_start_matches('v');
    let parts: Vec<&str> = version.split('.').collect();
    let numeric = parts.iter().all(|part| {
        !part.is_empty() && part.len() <= 5 && part.bytes().all(|b| b.is_ascii_digit())
    });
    if !numeric || !(2..=3).contains(&parts.len()) {
        return Err(
            invalid(format!("kubernetes-version \"{wanted}\" is not a version"))
                .hint("write it as 1.36.1"),
        );
    }
    match image {
        None if parts.len() == 2 => Err(invalid(format!(
            "kubernetes-version \"{wanted}\" does not name a node image: kind's are tagged with the whole version"
        ))
        .hint(format!("write it whole, as {version}.1: https://github.com/kubernetes-sigs/kind/releases lists what there is"))
        .hint("or leave it out for kind's own, or name an image: image in [clusters.NAME.kind] of windlass.toml")),
        Some(image) => match tag_version(image) {
            Some(tag) if !matches(version, tag) => Err(invalid(format!(
                "kubernetes-version \"{wanted}\" and image \"{image}\" do not go together"
            ))
            .hint("leave out one of the two")),
            _ => Ok(()),
        },
        None => Ok(()),
    }
}

/// Returns the version that an image's tag names, as in `kindest/node:v1.36.1@sha256:…`.
fn tag_version(image: &str) -> Option<&str> {
    let name = image.split('@').next()?;
    let tag = name.rsplit_once(':')?.1.strip_prefix('v')?;
    tag.starts_with(|c: char| c.is_ascii_digit()).then_some(tag)
}

/// Whether `found` is `wanted` or, where that names no patch version, one of its patch versions.
pub(crate) fn matches(wanted: &str, found: &str) -> bool {
    found == wanted
        || found
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.starts_with('.') || rest.starts_with('-'))
}

fn check_pool(pool: &NodePool) -> Result<()> {
    if !is_name(&pool.name, 63) {
        return Err(invalid(
            "its name must be a DNS label: lower-case letters, digits and hyphens",
        ));
    }
    for (setting, is_set) in [
        ("machine", pool.machine.is_some()),
        ("zone", pool.zone.is_some()),
        ("spot", pool.spot),
    ] {
        if is_set {
            return Err(invalid(format!(
                "{setting} is for clouds: kind's nodes are containers on this machine"
            ))
            .hint(format!("leave {setting} out, or choose a cloud")));
        }
    }
    for (key, value) in &pool.labels {
        check_key(key).map_err(|error| error.context(format!("label \"{key}\" is not valid")))?;
        check_owner(key)?;
        if !is_value(value) {
            return Err(invalid(format!(
                "label {key} has the value \"{value}\", which is not a label's"
            )));
        }
    }
    for taint in &pool.taints {
        check_key(&taint.key)
            .map_err(|error| error.context(format!("taint \"{}\" is not valid", taint.key)))?;
        if !is_value(&taint.value) {
            return Err(invalid(format!(
                "taint {} has the value \"{}\", which is not a taint's",
                taint.key, taint.value
            )));
        }
    }
    Ok(())
}

/// A kubelet refuses to start with a label of Kubernetes' own, but for a few; kind would wait for it for minutes.
///
/// Source: <https://kubernetes.io/docs/reference/labels-annotations-taints/> and
/// <https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/apis/well_known_labels.go>.
fn check_owner(key: &str) -> Result<()> {
    const ALLOWED: &[&str] = &[
        "kubernetes.io/hostname",
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
        "node.kubernetes.io/instance-type",
    ];
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let within = |parent: &str| {
        domain == parent
            || domain
                .strip_suffix(parent)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let kubernetes = within("kubernetes.io") || within("k8s.io");
    let open = within("node.kubernetes.io") || within("kubelet.kubernetes.io");
    if kubernetes && !open && !ALLOWED.contains(&key) {
        return Err(invalid(format!("label {key} is Kubernetes' own: a node may not give it to itself"))
            .hint("use a label without kubernetes.io or k8s.io, or label the node afterwards: kubectl label node"));
    }
    Ok(())
}

/// Checks the key of a label or taint: a name, or a DNS name, a slash and a name.
fn check_key(key: &str) -> Result<()> {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    if domain.is_some_and(|domain| {
        domain.len() > 253 || !domain.split('.').all(|part| is_name(part, 63))
    }) {
        return Err(invalid("what is before the slash must be a DNS name"));
    }
    if name.is_empty() || !is_value(name) {
        return Err(invalid(
            "a key has 1 to 63 letters, digits, hyphens, underscores and dots, and begins and ends with a letter or digit",
        ));
    }
    Ok(())
}

/// Whether this is a label's value: empty, or up to 63 letters, digits, `-`, `_` and `.`, with letter or digit at both ends.
fn is_value(value: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let end = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    bytes.len() <= 63 && bytes.iter().copied().all(inner) && end(bytes.first()) && end(bytes.last())
}

/// Whether this is a DNS label.
fn is_name(name: &str, longest: usize) -> bool {
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !name.is_empty()
        && name.len() <= longest
        && name.bytes().all(lower)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Fault::Invalid, message)
}

#[cfg(test)]
mod tests;
