//! What a cluster is made of.

use std::collections::BTreeSet;

use windlass_provider::{
    ClusterSpec, Error, Facts, Fault, GoogleMode, NodePool, Resource, ResourceId, Result, Taint,
    TaintEffect,
};

use crate::{
    accounts::{self, ACTORS},
    apis,
    facts::Seen,
    gke::minor,
    machine, nat, pools,
    want::{
        APIS, CLUSTER, ClusterLayout, NAT, NODES, NODES_POOL, NatLayout, PROJECT, Piece,
        PoolLayout, ProjectLayout, Want, account_id, account_name, email, is_zone, pool_id,
        region_of,
    },
};

/// In how many zones GKE puts the nodes of a regional cluster, where nobody says in which.
const SPREAD: u32 = 3;

/// Lists what `spec` needs, each after what it needs.
///
/// # Errors
/// `Invalid`, naming the setting, and what is allowed.
pub(crate) fn resources(spec: &ClusterSpec, facts: &Facts) -> Result<Vec<Resource>> {
    let seen = Seen::read(facts)?;
    let plan = Plan { spec, seen: &seen };
    // Of a cluster that somebody else made nothing but itself is windlass's business.
    if seen.foreign {
        return Ok(vec![plan.cluster(Vec::new())?]);
    }
    check(spec, &seen)?;
    let mut all = Vec::new();
    let mut ground = Vec::new();
    if seen.makes_project {
        let layout = ProjectLayout {
            parent: spec.google.parent.clone(),
            billing: spec.google.billing_account.clone(),
            lifetime: plan.lifetime(),
        };
        let id = ResourceId::new(PROJECT);
        let piece = Piece::Project(Some(layout));
        all.push(plan.make(piece, id.clone(), seen.project.clone(), Vec::new())?);
        ground.push(id);
    }
    let lacking = match seen.has_project {
        true => seen.lacking.clone(),
        false => apis::NEEDED.map(str::to_owned).into(),
    };
    if !lacking.is_empty() {
        let id = ResourceId::new(APIS);
        let piece = Piece::Apis(lacking);
        all.push(plan.make(piece, id.clone(), seen.project.clone(), ground.clone())?);
        ground.push(id);
    }
    all.push(plan.account(NODES, ground)?);
    let cluster = ResourceId::new(CLUSTER);
    let mut needs = vec![account_id(NODES)];
    if let Some(nat) = plan.nat(needs.clone())? {
        needs.push(nat.id.clone());
        all.push(nat);
    }
    all.push(plan.cluster(needs)?);
    for pool in &spec.node_pools {
        let layout = plan.pool(pool, Some(pool.name.clone()));
        let name = format!("{}/{}", spec.name, pool.name);
        let piece = Piece::Pool(Some(layout));
        all.push(plan.make(piece, pool_id(&pool.name), name, vec![cluster.clone()])?);
    }
    // The pool of a project's identities is there once a cluster has it.
    for purpose in &spec.google.identities {
        all.push(plan.account(purpose, vec![cluster.clone()])?);
    }
    Ok(all)
}

/// Returns the network whose nodes have no addresses of the internet and are to be let out; `None`: there are none, nobody wants it, or
/// it is another project's network, and that project's business.
pub(crate) fn let_out(spec: &ClusterSpec) -> Option<&str> {
    let google = &spec.google;
    let network = google.network.as_deref().unwrap_or("default");
    let whole = google.private_nodes && google.nat && !is_shared(spec);
    whole.then_some(network)
}

/// Returns whether the network is another project's.
pub(crate) fn is_shared(spec: &ClusterSpec) -> bool {
    let network = spec.google.network.as_deref();
    network.is_some_and(|it| it.contains('/'))
}

struct Plan<'a> {
    spec: &'a ClusterSpec,
    seen: &'a Seen,
}

impl Plan<'_> {
    fn make(
        &self,
        piece: Piece,
        id: ResourceId,
        name: String,
        needs: Vec<ResourceId>,
    ) -> Result<Resource> {
        let want = Want {
            project: self.seen.project.clone(),
            location: self.seen.location.clone(),
            piece,
        };
        want.resource(&self.spec.name, id, name, needs)
    }

    fn lifetime(&self) -> Option<u64> {
        self.spec.lifetime.map(|lifetime| lifetime.as_secs())
    }

    fn account(&self, purpose: &str, needs: Vec<ResourceId>) -> Result<Resource> {
        let layout = accounts::layout(purpose, self.lifetime()).ok_or_else(|| {
            let known: Vec<&str> = ACTORS.iter().map(|it| it.0).collect();
            invalid(format!(
                "nothing is known of what \"{purpose}\" may do on Google Cloud"
            ))
            .hint(format!("it is known of {}", known.join(", ")))
        })?;
        let name = email(&self.seen.project, &account_name(&self.spec.name, purpose));
        let piece = Piece::Account(purpose.to_owned(), Some(layout));
        self.make(piece, account_id(purpose), name, needs)
    }

    /// Returns the way out of private nodes, unless their network has one.
    fn nat(&self, needs: Vec<ResourceId>) -> Result<Option<Resource>> {
        let network = let_out(self.spec).filter(|_| self.seen.nat.is_none());
        let Some(network) = network else {
            return Ok(None);
        };
        let layout = NatLayout {
            network: network.to_owned(),
            subnetwork: self.spec.google.subnetwork.clone(),
            lifetime: self.lifetime(),
        };
        let name = nat::name(&self.spec.name);
        let piece = Piece::Nat(Some(layout));
        Ok(Some(self.make(piece, ResourceId::new(NAT), name, needs)?))
    }

    fn cluster(&self, needs: Vec<ResourceId>) -> Result<Resource> {
        let google = &self.spec.google;
        let mut allowed = google.allowed_cidrs.clone();
        allowed.sort();
        let mut zones = google.zones.clone();
        zones.sort();
        let own = NodePool {
            min: self.spec.nodes.min,
            max: self.spec.nodes.max,
            spot: google.spot,
            ..NodePool::default()
        };
        let layout = ClusterLayout {
            version: self.spec.kubernetes_version.clone(),
            channel: google.channel,
            dataplane: google.dataplane,
            gateway_api: google.gateway_api,
            private_nodes: google.private_nodes,
            network: google.network.clone(),
            subnetwork: google.subnetwork.clone(),
            allowed,
            zones,
            nodes: (google.mode == GoogleMode::Standard).then(|| self.pool(&own, None)),
            lifetime: self.lifetime(),
        };
        let name = self.spec.name.to_string();
        let piece = Piece::Cluster(Some(Box::new(layout)));
        self.make(piece, ResourceId::new(CLUSTER), name, needs)
    }

    fn pool(&self, pool: &NodePool, name: Option<String>) -> PoolLayout {
        let google = &self.spec.google;
        let machine = machine_of(self.spec, pool);
        let zones = google.zones.len() as u32;
        let spread = match (&pool.zone, is_zone(&self.seen.location), zones) {
            (Some(_), ..) | (_, true, _) => 1,
            (_, _, 0) => SPREAD,
            (_, _, zones) => zones,
        };
        let accelerator = match &name {
            Some(_) => pools::accelerator_of(pool, &machine),
            None => machine::accelerator(&machine),
        };
        let mut taints = pool.taints.clone();
        if taints.is_empty() && name.is_some() && accelerator.is_some() {
            taints.push(gpu_taint());
        }
        PoolLayout {
            pool: name,
            version: self.spec.kubernetes_version.clone(),
            machine,
            spot: pool.spot,
            disk: google.disk,
            min: pool.min,
            max: pool.max,
            spread,
            labels: pool.labels.clone(),
            taints,
            zone: pool.zone.clone(),
            accelerator,
            lifetime: self.lifetime(),
        }
    }
}

/// Returns the machine type of a pool's nodes.
pub(crate) fn machine_of(spec: &ClusterSpec, pool: &NodePool) -> String {
    let own = pool.machine.as_deref().or(spec.google.machine.as_deref());
    own.unwrap_or(machine::of_size(spec.nodes.size)).to_owned()
}

/// What keeps pods away from costly nodes that they have no use for; GKE gives it to nodes with GPUs, and a toleration to pods that ask
/// for one.
///
/// Source: <https://cloud.google.com/kubernetes-engine/docs/how-to/gpus>
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

/// Checks what Google Cloud would find wrong only after minutes, or never.
fn check(spec: &ClusterSpec, seen: &Seen) -> Result<()> {
    let google = &spec.google;
    let region = region_of(&seen.location);
    if is_zone(&seen.location) && !google.zones.is_empty() {
        return Err(invalid(format!(
            "google.zones are given, and the cluster is in the one zone {}",
            seen.location
        ))
        .hint(format!("leave them out, or write location = \"{region}\"")));
    }
    let pools = spec.node_pools.iter().filter_map(|pool| {
        let zone = pool.zone.as_ref()?;
        Some((format!("node-pools.{}.zone", pool.name), zone))
    });
    let zones = google
        .zones
        .iter()
        .map(|zone| ("google.zones".to_owned(), zone));
    for (field, zone) in zones.chain(pools) {
        if !is_zone(zone) || region_of(zone) != region {
            return Err(invalid(format!("{field}: {zone} is no zone of {region}"))
                .hint(format!("write one such as {region}-b")));
        }
    }
    if google.subnetwork.is_some() && google.network.is_none() {
        return Err(
            invalid("google.subnetwork is given, and google.network is not")
                .hint("name the network that it is in"),
        );
    }
    if google.mode == GoogleMode::Autopilot {
        for (field, set) in [
            ("node-pools", !spec.node_pools.is_empty()),
            ("google.machine", google.machine.is_some()),
            ("google.spot", google.spot),
            ("google.disk", google.disk.is_some()),
            ("google.zones", !google.zones.is_empty()),
        ] {
            if set {
                return Err(invalid(format!(
                    "{field} is given, and Google cares for the nodes of an Autopilot cluster"
                ))
                .hint("leave it out, or write mode = \"standard\""));
            }
        }
        if is_zone(&seen.location) {
            return Err(invalid(format!(
                "google.location is the zone {}, and Autopilot clusters are regional",
                seen.location
            ))
            .hint(format!("write location = \"{region}\"")));
        }
    }
    if !google.create_project && (google.parent.is_some() || google.billing_account.is_some()) {
        return Err(invalid(
            "google.parent and google.billing-account are about a new project, and none is to be made",
        )
        .hint("leave them out, or let one be made: --create-project"));
    }
    if let Some(wanted) = &spec.kubernetes_version
        && !seen.versions.is_empty()
        && seen.present.is_none()
        && !seen.minors().contains(&minor(wanted))
    {
        return Err(invalid(format!("the channel has no Kubernetes {wanted}"))
            .hint(format!("it has {}", seen.minors().join(", "))));
    }
    let mut names = BTreeSet::from([NODES_POOL]);
    for pool in &spec.node_pools {
        // https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters.nodePools
        let name = &pool.name;
        let letter = name.starts_with(|c: char| c.is_ascii_lowercase());
        if name.len() > 40 || !letter {
            return Err(invalid(format!(
                "node pool \"{name}\" has a name that GKE does not take"
            ))
            .hint(
                "it takes 1 to 40 lower-case letters, digits and hyphens, beginning with a letter",
            ));
        }
        if !names.insert(name) {
            return Err(
                invalid(format!("node pool \"{name}\" is there twice")).hint(format!(
                    "\"{NODES_POOL}\" is the name of the nodes that every cluster has"
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
    use windlass_provider::{GoogleOptions, KindOptions, NodeSize, Nodes, ProviderId};

    use super::*;

    fn spec() -> ClusterSpec {
        ClusterSpec {
            name: "dot".parse().unwrap(),
            provider: ProviderId::Google,
            kubernetes_version: None,
            nodes: Nodes {
                min: 2,
                max: 4,
                size: NodeSize::Small,
            },
            node_pools: Vec::new(),
            lifetime: None,
            kind: KindOptions::default(),
            aws: Default::default(),
            azure: Default::default(),
            google: GoogleOptions::default(),
        }
    }

    fn facts(change: impl Fn(&mut Seen)) -> Facts {
        let mut seen = Seen {
            project: "acme".into(),
            has_project: true,
            location: "us-east1".into(),
            versions: vec!["1.36.1-gke.1".into(), "1.35.4-gke.1".into()],
            ..Seen::default()
        };
        change(&mut seen);
        Facts {
            identity: String::new(),
            values: BTreeMap::from([("google".into(), json!(seen))]),
        }
    }

    fn ids(spec: &ClusterSpec, facts: &Facts) -> Vec<String> {
        let all = resources(spec, facts).unwrap();
        all.iter().map(|it| it.id.to_string()).collect()
    }

    fn pool(name: &str) -> NodePool {
        NodePool {
            name: name.into(),
            max: 1,
            ..NodePool::default()
        }
    }

    #[test]
    fn a_cluster_is_what_it_stands_on_itself_and_what_needs_it() {
        let mut spec = spec();
        spec.node_pools = vec![NodePool {
            machine: Some("g2-standard-4".into()),
            ..pool("gpu")
        }];
        spec.google.identities = vec!["crossplane".into()];
        let facts = facts(|seen| {
            (seen.makes_project, seen.has_project) = (true, false);
        });
        assert_eq!(
            ids(&spec, &facts),
            [
                "project",
                "apis",
                "account-nodes",
                "cluster",
                "node-pool-gpu",
                "account-crossplane"
            ]
        );
        let all = resources(&spec, &facts).unwrap();
        let pool = &all[4].want["piece"]["pool"];
        // Nothing but what is meant for them comes to costly nodes.
        assert_eq!(pool["taints"][0]["key"], "nvidia.com/gpu");
        assert_eq!(
            (&pool["min"], &pool["accelerator"]["kind"]),
            (&json!(0), &json!("nvidia-l4"))
        );
        let cluster = &all[3].want["piece"]["cluster"];
        assert_eq!(
            (&cluster["nodes"]["spread"], &cluster["nodes"]["machine"]),
            (&json!(3), &json!("e2-standard-2"))
        );
    }

    #[test]
    fn of_somebody_else_s_cluster_nothing_else_is_made() {
        assert_eq!(
            ids(&spec(), &facts(|seen| seen.foreign = true)),
            ["cluster"]
        );
        let lacking = facts(|seen| seen.lacking = vec!["container.googleapis.com".into()]);
        assert_eq!(ids(&spec(), &lacking), ["apis", "account-nodes", "cluster"]);
    }

    #[test]
    fn what_gke_could_not_make_is_refused_by_its_setting() {
        let refused = |change: &dyn Fn(&mut ClusterSpec), location: &str, said: &str| {
            let mut spec = spec();
            change(&mut spec);
            let facts = facts(|seen| seen.location = location.into());
            let error = resources(&spec, &facts).unwrap_err();
            assert_eq!(error.fault, Fault::Invalid);
            assert!(
                error.to_line().contains(said) && !error.hints.is_empty(),
                "{error:?}"
            );
        };
        let region = "us-east1";
        refused(
            &|s| s.google.zones = vec!["us-east1-b".into()],
            "us-east1-b",
            "one zone",
        );
        refused(
            &|s| s.google.zones = vec!["us-west1-b".into()],
            region,
            "no zone of us-east1",
        );
        refused(
            &|s| s.google.subnetwork = Some("s".into()),
            region,
            "google.network is not",
        );
        refused(
            &|s| s.google.parent = Some("folders/1".into()),
            region,
            "new project",
        );
        refused(
            &|s| s.kubernetes_version = Some("1.30".into()),
            region,
            "no Kubernetes 1.30",
        );
        refused(
            &|s| s.node_pools = vec![pool("default")],
            region,
            "there twice",
        );
        refused(
            &|s| s.node_pools = vec![pool("1a")],
            region,
            "does not take",
        );
        let autopilot = |s: &mut ClusterSpec| s.google.mode = GoogleMode::Autopilot;
        refused(&autopilot, "us-east1-b", "regional");
        refused(
            &|s| {
                autopilot(s);
                s.node_pools = vec![pool("a")];
            },
            region,
            "Google cares",
        );
    }
}
