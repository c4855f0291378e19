//! Ports of a node, on which only one component can listen. On Kind they are how the platform is reached from this machine.

use std::collections::{BTreeMap, BTreeSet};

use windlass_provider::{ClusterName, ProviderId};

use super::components::Asked;
use crate::{
    catalog::{Catalog, Component},
    error::{Error, Kind, Result},
    plan,
    steps::Present,
};

/// A component with the ports of the node that it wants or has.
type Listener<'a> = (&'a Component, BTreeSet<u64>);

/// Checks that no two components want the same ports of a Kind cluster's node.
///
/// # Errors
/// Two do: both with what to leave out.
pub(super) fn check_wanted(
    components: &[Asked<'_>],
    cluster: (ProviderId, &ClusterName),
) -> Result<()> {
    let listeners = listeners(components, cluster);
    for (at, one) in listeners.iter().enumerate() {
        for other in &listeners[at + 1..] {
            let Some(ports) = shared(one, other) else {
                continue;
            };
            let name = &one.0.name;
            return Err(Error::usage(format!(
                "{name} and {} both want {ports} of the node",
                other.0.name
            ))
            .hint(format!(
                "leave one of them out: enabled = false under [components.{name}] in windlass.toml, or setup's --without {name}"
            ))
            .hint(format!(
                "or let one of them listen elsewhere, as this does: {}",
                beside(other.0)
            )));
        }
    }
    Ok(())
}

/// Checks that what is in a Kind cluster already does not have the ports of the node that a component wants.
///
/// # Errors
/// It has: refused, with what to type.
pub(super) fn check_present(
    catalog: &Catalog,
    components: &[Asked<'_>],
    present: &BTreeMap<String, Present>,
    cluster: (ProviderId, &ClusterName),
) -> Result<()> {
    let wanted = listeners(components, cluster);
    let stays = |name: &&String| components.iter().all(|(other, _)| other.name != **name);
    for name in present.keys().filter(stays) {
        let (Some(component), Some(values)) = (catalog.get(name), &present[name].values) else {
            continue;
        };
        let holder = (component, component.host_ports(values));
        for one in &wanted {
            let Some(ports) = shared(one, &holder) else {
                continue;
            };
            return Err(Error::message(
                Kind::Refused,
                format!(
                    "{} wants {ports} of the node, and {name} has them",
                    one.0.name
                ),
            )
            .hint(format!(
                "windlass uninstall {name}, and then the same again"
            ))
            .hint(format!("or let it listen elsewhere: {}", beside(one.0))));
        }
    }
    Ok(())
}

/// Returns the command that installs a component beside another that has the ports.
fn beside(component: &Component) -> String {
    format!(
        "windlass install {} --set {}",
        component.name,
        component.without_host_ports()
    )
}

/// Returns the components that want ports of the node; none but on Kind, where the load balancer of a cloud is missing.
fn listeners<'a>(
    components: &[Asked<'a>],
    cluster: (ProviderId, &ClusterName),
) -> Vec<Listener<'a>> {
    if cluster.0 != ProviderId::Kind {
        return Vec::new();
    }
    components
        .iter()
        .filter_map(|(component, wanted)| {
            // What means nothing is told by the plan.
            let chart = plan::chart(component, *wanted, cluster).ok()?;
            Some((*component, component.host_ports(&chart.values)))
        })
        .collect()
}

/// Returns the ports that two components share, as a fragment.
fn shared(one: &Listener<'_>, other: &Listener<'_>) -> Option<String> {
    let ports: Vec<String> = one.1.intersection(&other.1).map(u64::to_string).collect();
    match &ports[..] {
        [] => None,
        [port] => Some(format!("port {port}")),
        _ => Some(format!("ports {}", ports.join(" and "))),
    }
}
