//! Lists what a cluster is made of. Does no I/O.

use std::collections::BTreeSet;

use windlass_provider::{
    AzureIdentity, AzureNetwork, ClusterSpec, Error, Facts, Fault, NodePool, NodeSize, Resource,
    Result, Taint, TaintEffect,
};

use crate::{
    facts::Seen,
    identities::CONTROLLERS,
    want::{
        CLUSTER, CLUSTER_IDENTITY, ClusterLayout, ControllerLayout, FLUX_EXTENSION, GROUP,
        GroupLayout, IdentityLayout, PROVIDERS, Piece, PoolLayout, SYSTEM_POOL, Want,
        cluster_identity_name, controller_id, controller_identity_name, pool_id,
    },
};

/// Returns the size of machines that a word stands for: those of the scripts before windlass.
pub(crate) fn machine_of(size: NodeSize) -> &'static str {
    match size {
        NodeSize::Small => "Standard_B2s",
        NodeSize::Medium => "Standard_B4ms",
        NodeSize::Large => "Standard_B8ms",
    }
}

/// Lists what `spec` needs, each after what it needs.
///
/// # Errors
/// `Invalid`, naming the setting, and what is allowed.
pub(crate) fn resources(spec: &ClusterSpec, facts: &Facts) -> Result<Vec<Resource>> {
    let seen = Seen::read(facts)?;
    let plan = Plan { spec, seen: &seen };
    let name = spec.name.to_string();
    // Of a cluster that somebody else made nothing but itself is windlass's business.
    if seen.foreign {
        return Ok(vec![plan.cluster(name, &[])?]);
    }
    check(spec)?;
    let azure = &spec.azure;
    let lifetime = plan.lifetime();
    let mut all = Vec::new();
    let mut needs = Vec::new();
    if !seen.unregistered.is_empty() {
        let piece = Piece::Providers(seen.unregistered.clone());
        let names = seen.unregistered.join(", ");
        all.push(plan.make(piece, PROVIDERS, names, &[])?);
        needs.push(PROVIDERS);
    }
    let group = GroupLayout {
        foreign: seen.foreign_group,
        lifetime,
    };
    let group = Piece::Group(Some(group));
    all.push(plan.make(group, GROUP, seen.place.group.clone(), &needs)?);
    let mut needs = vec![GROUP];
    if azure.identity == AzureIdentity::User {
        let piece = Piece::ClusterIdentity(Some(IdentityLayout { lifetime }));
        let name = cluster_identity_name(&spec.name);
        all.push(plan.make(piece, CLUSTER_IDENTITY, name, &[GROUP])?);
        needs.push(CLUSTER_IDENTITY);
    }
    all.push(plan.cluster(name, &needs)?);
    for pool in &spec.node_pools {
        let layout = plan.pool(pool, Some(pool.name.clone()));
        let name = format!("{}/{}", spec.name, pool.name);
        let piece = Piece::Pool(Some(layout));
        all.push(plan.make(piece, &pool_id(&pool.name), name, &[CLUSTER])?);
    }
    if azure.flux_extension {
        // What has pods wants all nodes to be as they are to be.
        let mut needs = vec![CLUSTER.to_owned()];
        needs.extend(spec.node_pools.iter().map(|pool| pool_id(&pool.name)));
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        all.push(plan.make(Piece::Flux, FLUX_EXTENSION, name_of_flux(spec), &needs)?);
    }
    let asked = |name: &str| azure.controllers.iter().any(|it| it == name);
    for controller in CONTROLLERS.iter().filter(|it| asked(it.name)) {
        let subjects = controller.subjects.iter();
        let layout = ControllerLayout {
            subjects: subjects
                .map(|it| format!("system:serviceaccount:{it}"))
                .collect(),
            roles: controller.roles.iter().map(|it| (*it).to_owned()).collect(),
            lifetime,
        };
        let name = controller_identity_name(&spec.name, controller.name);
        let piece = Piece::Controller(controller.name.to_owned(), Some(layout));
        let id = controller_id(controller.name);
        all.push(plan.make(piece, &id, name, &[GROUP, CLUSTER])?);
    }
    Ok(all)
}

/// Returns the name of Flux's extension: the cluster's, and its own.
fn name_of_flux(spec: &ClusterSpec) -> String {
    format!("{}/flux", spec.name)
}

struct Plan<'a> {
    spec: &'a ClusterSpec,
    seen: &'a Seen,
}

impl Plan<'_> {
    fn make(&self, piece: Piece, id: &str, name: String, needs: &[&str]) -> Result<Resource> {
        let want = Want {
            place: self.seen.place.clone(),
            piece,
        };
        want.resource(&self.spec.name, id, name, needs)
    }

    fn lifetime(&self) -> Option<u64> {
        self.spec.lifetime.map(|lifetime| lifetime.as_secs())
    }

    fn cluster(&self, name: String, needs: &[&str]) -> Result<Resource> {
        let azure = &self.spec.azure;
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        let own = NodePool {
            min: self.spec.nodes.min,
            max: self.spec.nodes.max,
            ..NodePool::default()
        };
        let mut pool = self.pool(&own, None);
        pool.zones = sorted(&azure.zones);
        let layout = ClusterLayout {
            version: self.seen.version.clone(),
            tier: azure.tier,
            upgrades: azure.upgrades,
            own_identity: azure.identity == AzureIdentity::User,
            network: azure.network,
            allowed: sorted(&azure.allowed_cidrs),
            entra: azure.has_entra(),
            groups: sorted(&azure.entra_groups),
            azure_rbac: azure.azure_rbac,
            local_accounts: !azure.no_local_accounts,
            istio: azure.istio,
            node_provisioning: azure.node_provisioning,
            ssh_key: azure.ssh_key.clone(),
            pool,
            lifetime: self.lifetime(),
        };
        self.make(Piece::Cluster(Some(Box::new(layout))), CLUSTER, name, needs)
    }

    fn pool(&self, pool: &NodePool, name: Option<String>) -> PoolLayout {
        let azure = &self.spec.azure;
        let usual = azure.machine.as_deref();
        let usual = usual.unwrap_or(machine_of(self.spec.nodes.size));
        let machine = pool.machine.as_deref().unwrap_or(usual).to_owned();
        let mut taints = pool.taints.clone();
        if taints.is_empty() && name.is_some() && has_gpu(&machine) {
            taints.push(gpu_taint());
        }
        PoolLayout {
            pool: name,
            version: self.seen.version.clone(),
            machine,
            spot: pool.spot,
            disk: azure.disk,
            min: pool.min,
            max: pool.max,
            scales: !azure.node_provisioning,
            zones: pool.zone.clone().into_iter().collect(),
            labels: pool.labels.clone(),
            taints,
            lifetime: self.lifetime(),
        }
    }
}

/// Returns whether machines of a size have GPUs: those of the families N.
fn has_gpu(machine: &str) -> bool {
    machine.to_lowercase().starts_with("standard_n")
}

/// What keeps pods away from costly nodes that they have no use for; NVIDIA's device plugin and its users tolerate it.
fn gpu_taint() -> Taint {
    Taint {
        key: "nvidia.com/gpu".to_owned(),
        value: "present".to_owned(),
        effect: TaintEffect::NoSchedule,
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Fault::Invalid, message)
}

/// Checks what Azure would find wrong only after minutes, or never.
fn check(spec: &ClusterSpec) -> Result<()> {
    let azure = &spec.azure;
    if azure.no_local_accounts && !azure.has_entra() {
        return Err(invalid("azure.no-local-accounts leaves nobody who could sign in to the cluster")
            .hint("let people sign in with Entra: entra-groups, or azure-rbac = true, in [clusters.NAME.azure]"));
    }
    if azure.node_provisioning && azure.network != AzureNetwork::Cilium {
        return Err(
            invalid("azure.node-provisioning needs azure.network = \"cilium\"")
                .hint("leave out one of the two"),
        );
    }
    let mut names = BTreeSet::from([SYSTEM_POOL]);
    for pool in &spec.node_pools {
        let name = &pool.name;
        let letters = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !letters || !begins || name.len() > 12 {
            return Err(invalid(format!(
                "node pool \"{name}\" cannot have that name on Azure"
            ))
            .hint("take 1 to 12 lower-case letters and digits, beginning with a letter"));
        }
        if !names.insert(name) {
            return Err(
                invalid(format!("node pool \"{name}\" is there twice")).hint(format!(
                    "\"{SYSTEM_POOL}\" is the name of the nodes that every cluster has"
                )),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use windlass_provider::{AzureOptions, Nodes, ProviderId};

    use super::*;
    use crate::want::Place;

    fn spec() -> ClusterSpec {
        ClusterSpec {
            name: "dot".parse().unwrap(),
            provider: ProviderId::Azure,
            kubernetes_version: None,
            nodes: Nodes {
                min: 2,
                max: 4,
                size: NodeSize::Small,
            },
            node_pools: Vec::new(),
            lifetime: None,
            kind: Default::default(),
            aws: Default::default(),
            google: Default::default(),
            azure: AzureOptions::default(),
        }
    }

    fn facts(change: impl Fn(&mut Seen)) -> Facts {
        let mut seen = Seen {
            place: Place {
                subscription: "s".into(),
                group: "windlass-dot".into(),
                location: "eastus".into(),
            },
            version: "1.36".into(),
            ..Seen::default()
        };
        change(&mut seen);
        Facts {
            identity: String::new(),
            values: BTreeMap::from([("azure".into(), json!(seen))]),
        }
    }

    fn ids(spec: &ClusterSpec, facts: &Facts) -> Vec<String> {
        let all = resources(spec, facts).unwrap();
        all.iter().map(|it| it.id.to_string()).collect()
    }

    #[test]
    fn a_cluster_is_its_group_itself_its_pools_and_the_identities_of_controllers() {
        let mut spec = spec();
        assert_eq!(ids(&spec, &facts(|_| ())), ["group", "cluster"]);
        spec.azure.identity = AzureIdentity::User;
        spec.azure.controllers = vec!["cert-manager".into(), "aso".into()];
        spec.node_pools = vec![NodePool {
            name: "gpu".into(),
            max: 1,
            machine: Some("Standard_NC4as_T4_v3".into()),
            ..NodePool::default()
        }];
        let facts = facts(|seen| seen.unregistered = vec!["Microsoft.Compute".into()]);
        assert_eq!(
            ids(&spec, &facts),
            [
                "resource-providers",
                "group",
                "cluster-identity",
                "cluster",
                "node-pool-gpu",
                "identity-aso",
                "identity-cert-manager"
            ]
        );
        let all = resources(&spec, &facts).unwrap();
        // Nothing but what is meant for them comes to costly nodes.
        assert_eq!(
            all[4].want["piece"]["pool"]["taints"][0]["key"],
            "nvidia.com/gpu"
        );
        assert_eq!(
            all[3].want["piece"]["cluster"]["pool"]["machine"],
            "Standard_B2s"
        );
    }

    #[test]
    fn of_somebody_else_s_cluster_nothing_else_is_made() {
        assert_eq!(
            ids(&spec(), &facts(|seen| seen.foreign = true)),
            ["cluster"]
        );
    }

    #[test]
    fn what_aks_could_not_make_is_refused_by_its_setting() {
        let refused = |change: &dyn Fn(&mut ClusterSpec), said: &str| {
            let mut spec = spec();
            change(&mut spec);
            let error = resources(&spec, &facts(|_| ())).unwrap_err();
            assert_eq!(error.fault, Fault::Invalid);
            assert!(
                error.to_line().contains(said) && !error.hints.is_empty(),
                "{error:?}"
            );
        };
        refused(
            &|s| s.azure.no_local_accounts = true,
            "nobody who could sign in",
        );
        refused(
            &|s| {
                s.azure.node_provisioning = true;
                s.azure.network = AzureNetwork::Azure;
            },
            "azure.network",
        );
        let pool = |name: &str| NodePool {
            name: name.into(),
            max: 1,
            ..NodePool::default()
        };
        refused(&|s| s.node_pools = vec![pool("system")], "there twice");
        refused(&|s| s.node_pools = vec![pool("a-b")], "that name");
        refused(&|s| s.node_pools = vec![pool("abcdefghijklm")], "that name");
    }
}
