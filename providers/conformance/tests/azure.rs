//! Azure passes the suite: the resource manager is the simulated subscription's.

mod subscription;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use subscription::Subscription;
use windlass_azure::{Access, Azure, Keys};
use windlass_conformance::{Bed, Ground, Trouble};
use windlass_provider::{
    AzureOptions, Change, ClusterSpec, Ctx, Fault, Known, NodePool, NodeSize, Nodes, Owner,
    Provider, ProviderId, Scope, State,
};

windlass_conformance::suite!(Cloud);

/// A simulated subscription.
struct Cloud {
    ground: Ground,
    others: Subscription,
}

#[async_trait]
impl Bed for Cloud {
    const LONGEST_POOL: usize = 12;

    async fn open() -> Self {
        let ground = Ground::open().await;
        let host = ground.endpoint().split('/').nth(2).expect("a host");
        let others = Subscription::new(format!("http://{host}/azure")).await;
        Self { ground, others }
    }

    fn ground(&self) -> &Ground {
        &self.ground
    }

    fn provider(&self) -> Box<dyn Provider> {
        Box::new(self.azure(subscription::LOCATION))
    }

    fn elsewhere(&self) -> Box<dyn Provider> {
        Box::new(self.azure("westeurope"))
    }

    fn spec(&self, name: &str) -> ClusterSpec {
        ClusterSpec {
            name: name.parse().expect("a name"),
            provider: ProviderId::Azure,
            kubernetes_version: None,
            nodes: Nodes {
                min: 1,
                max: 2,
                size: NodeSize::Small,
            },
            node_pools: Vec::new(),
            lifetime: None,
            kind: Default::default(),
            aws: Default::default(),
            google: Default::default(),
            azure: AzureOptions {
                // Who signs in with Entra has credentials that end; those of a cluster's own users last for years.
                entra_groups: vec![subscription::ADMINS.into()],
                ..AzureOptions::default()
            },
        }
    }

    async fn list(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let assets = self.ground.ask("assets").await;
        let assets = assets.as_array().expect("a list");
        let text = |asset: &Value, key: &str| asset[key].as_str().unwrap_or_default().to_owned();
        let mut all = BTreeMap::new();
        for asset in assets {
            let (id, name) = (text(asset, "id"), text(asset, "name"));
            let cluster = text(asset, "cluster");
            let told = match text(asset, "kind").as_str() {
                // What somebody else made a cluster in, and what AKS makes for nodes, is no resource of a cluster, as long as that is there.
                "azure:group" if name == subscription::GROUP => continue,
                "azure:group" if !asset["maker"].is_null() => {
                    let owner = text(asset, "maker");
                    if assets.iter().any(|it| text(it, "id") == owner) {
                        continue;
                    }
                    format!("resource group of nodes {name}")
                }
                // What controllers made lies in the group of a cluster's nodes, and is there for as long as that is.
                "azure:address" => {
                    let within = |it: &&Value| id.starts_with(&format!("{}/", text(it, "id")));
                    let mut groups = assets.iter().filter(|it| !it["maker"].is_null());
                    assert!(groups.any(|it| within(&it)), "{id} is in no group");
                    continue;
                }
                "azure:group" => format!("resource group {name}"),
                "azure:cluster" => format!("AKS cluster {name}"),
                "azure:pool" if name == "system" => continue,
                "azure:pool" => format!("node pool {cluster}/{name}"),
                "azure:identity" => format!("managed identity {name}"),
                "azure:role" | "azure:federation" => continue,
                other => panic!("nobody asked for {other} {id}"),
            };
            let tags = asset["tags"].as_object().cloned().unwrap_or_default();
            let tags = tags
                .into_iter()
                .map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned()));
            all.insert(told, tags.collect());
        }
        all
    }

    async fn make_foreign(&self, name: &str) {
        self.others.make_cluster(&self.ground.cx(), name).await;
    }

    async fn leave_behind(&self, cluster: &str) {
        let cx = self.ground.cx();
        self.others.leave_behind(&cx, cluster).await;
    }

    async fn break_down(&self, name: &str) {
        // Whoever stops a cluster at night means to start it again.
        let path = format!(
            "/resourceGroups/windlass-{name}/providers/Microsoft.ContainerService/managedClusters/{name}"
        );
        self.others
            .change(
                &self.ground.cx(),
                "POST",
                &format!("{path}/stop"),
                Value::Null,
            )
            .await;
    }

    async fn trouble(&self, trouble: Trouble, nth: u64) {
        let effect = match trouble {
            Trouble::LostBefore => "count = 1\nreset = \"before\"",
            Trouble::LostAfter => "count = 1\nreset = \"after\"",
            Trouble::Throttled => "count = 1\nstatus = 429",
            Trouble::Unwell => "count = 1\nstatus = 503",
            Trouble::Crowded => "every = 2\nstatus = 429",
            Trouble::Denied => "status = 403",
        };
        self.ground
            .inject(&format!(
                "[[cloud]]\nprovider = \"azure\"\nnth = {nth}\n{effect}\n"
            ))
            .await;
    }

    async fn calm(&self) {
        self.ground.inject("").await;
    }
}

impl Cloud {
    fn azure(&self, location: &str) -> Azure {
        Azure::new(Access {
            subscription: Some(subscription::ID.into()),
            location: Some(location.into()),
            keys: Some(Keys {
                tenant: subscription::TENANT.into(),
                client: subscription::CLIENT.into(),
                secret: subscription::SECRET.into(),
            }),
            endpoint: Some(self.others.url.clone()),
            ..Access::default()
        })
    }

    /// Makes all that a spec needs.
    async fn make(&self, cx: &Ctx, spec: &ClusterSpec) -> windlass_provider::Result<Vec<Change>> {
        let provider = self.provider();
        let facts = provider.facts(cx, spec).await?;
        let mut known = Known::new();
        let mut changes = Vec::new();
        for resource in provider.resources(spec, &facts)? {
            let (change, outputs) = provider.ensure(cx, &resource, &known).await?;
            changes.push(change);
            known.insert(resource.id, outputs);
        }
        Ok(changes)
    }

    async fn unmake(&self, cx: &Ctx) {
        let found = self.provider().discover(cx, Scope::all()).await;
        for item in found.expect("discovery").iter().rev() {
            let provider = self.provider();
            let gone = provider.delete(cx, &item.resource, &Known::new()).await;
            gone.expect("a deletion");
        }
    }

    async fn assets(&self, kind: &str) -> Vec<Value> {
        let mut all = self.ground.ask("assets").await;
        let mut all = std::mem::take(all.as_array_mut().expect("a list"));
        all.retain(|it| it["kind"] == kind);
        all
    }
}

fn pool(name: &str) -> NodePool {
    NodePool {
        name: name.into(),
        min: 1,
        max: 2,
        ..NodePool::default()
    }
}

/// The identity of a controller is whole with its federation and its role; what is cut off of it is put back, its roles go with it, and
/// those of an identity that somebody deleted are found.
#[tokio::test]
async fn identities_of_controllers_are_made_whole_and_leave_no_role_behind() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    let mut spec = bed.spec("dot");
    spec.azure.controllers = vec!["aso".into(), "external-dns".into()];
    bed.make(&cx, &spec).await.expect("a cluster");
    assert_eq!(bed.assets("azure:role").await.len(), 2);
    assert_eq!(bed.assets("azure:federation").await.len(), 2);
    let identity = "/resourceGroups/windlass-dot/providers/Microsoft.ManagedIdentity/userAssignedIdentities/windlass-dot-aso";
    let federation = format!(
        "{identity}/federatedIdentityCredentials/azureserviceoperator-system-azureserviceoperator-default"
    );
    bed.others
        .change(&cx, "DELETE", &federation, Value::Null)
        .await;
    let provider = bed.provider();
    let facts = provider.facts(&cx, &spec).await.expect("facts");
    let planned = provider.resources(&spec, &facts).expect("a plan");
    let aso = planned.iter().find(|it| it.id.as_str() == "identity-aso");
    let aso = aso.expect("it");
    let seen = provider.observe(&cx, aso, &Known::new()).await.expect("it");
    assert_eq!(seen.state, State::Making, "{seen:?}");
    let changes = bed.make(&cx, &spec).await.expect("a cluster");
    assert_eq!(
        changes.iter().filter(|it| **it == Change::Updated).count(),
        1
    );
    let seen = provider.observe(&cx, aso, &Known::new()).await.expect("it");
    assert_eq!(seen.state, State::Ready, "{seen:?}");

    // Somebody deletes one by hand: its role is of nobody.
    bed.others
        .change(&cx, "DELETE", identity, Value::Null)
        .await;
    let found = provider.discover(&cx, Scope::of(&spec.name)).await;
    let found = found.expect("discovery");
    let kinds = found.iter().map(|it| it.resource.kind.as_str());
    assert_eq!(kinds.filter(|kind| *kind == "role assignment").count(), 1);
    bed.unmake(&cx).await;
    assert_eq!(bed.assets("azure:role").await, [] as [Value; 0]);
    assert_eq!(bed.list().await, BTreeMap::new());
}

/// A group that somebody else made is used and stays, with all that is theirs in it.
#[tokio::test]
async fn a_group_of_somebody_else_s_is_used_and_stays() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    bed.others.make_group(&cx).await;
    let mut spec = bed.spec("dot");
    spec.azure.resource_group = Some(subscription::GROUP.into());
    bed.make(&cx, &spec).await.expect("a cluster");
    let found = bed.provider().discover(&cx, Scope::all()).await;
    let found = found.expect("discovery");
    let owners: Vec<Owner> = found.iter().map(|it| it.observed.owner).collect();
    assert_eq!(owners, [Owner::Foreign, Owner::Ours]);
    bed.provider()
        .kubeconfig(&cx, &spec.name)
        .await
        .expect("access");
    bed.unmake(&cx).await;
    let left: Vec<Value> = bed.assets("azure:group").await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["name"], subscription::GROUP);
}

/// Our own group stays while something is in it that windlass did not make; that is named.
#[tokio::test]
async fn a_group_that_holds_something_of_others_stays_and_says_so() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    bed.make(&cx, &bed.spec("dot")).await.expect("a cluster");
    let theirs = "/resourceGroups/windlass-dot/providers/Microsoft.ManagedIdentity/userAssignedIdentities/theirs";
    bed.others
        .change(&cx, "PUT", theirs, json!({ "location": "eastus" }))
        .await;
    let found = bed.provider().discover(&cx, Scope::all()).await;
    let mut told = None;
    for item in found.expect("discovery").iter().rev() {
        let provider = bed.provider();
        let gone = provider.delete(&cx, &item.resource, &Known::new()).await;
        if let Err(error) = gone {
            told = Some(error);
        }
    }
    let told = told.expect("a refusal");
    assert_eq!(told.fault, Fault::Conflict);
    assert!(
        told.to_line().contains("userAssignedIdentities theirs"),
        "{told:?}"
    );
    assert!(
        told.hints.iter().any(|hint| hint.contains("--keep group")),
        "{told:?}"
    );
    bed.others.change(&cx, "DELETE", theirs, Value::Null).await;
    bed.unmake(&cx).await;
    assert_eq!(bed.list().await, BTreeMap::new());
}

/// What fails behind a request is told with Azure's reason; the same again mends it.
#[tokio::test]
async fn a_making_that_fails_behind_its_request_is_explained_and_mended() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    let mut spec = bed.spec("dot");
    spec.node_pools = vec![pool("batch")];
    for (action, what) in [
        ("managedClusters/write", "AKS cluster \"dot\""),
        ("managedClusters/agentPools/write", "node pool \"batch\""),
    ] {
        bed.ground
            .inject(&format!(
                "[[cloud]]\naction = \"Microsoft.ContainerService/{action}\"\nfails = \"SubnetIsFull: there is no address left\"\ncount = 1\n"
            ))
            .await;
        let error = bed.make(&cx, &spec).await.expect_err("a failure");
        let line = error.to_line();
        assert_eq!(error.fault, Fault::Failed, "{error:?}");
        assert!(
            line.contains(what) && line.contains("no address left"),
            "{line}"
        );
        assert!(!error.hints.is_empty(), "{error:?}");
    }
    bed.make(&cx, &spec).await.expect("a cluster");
    bed.unmake(&cx).await;
    assert_eq!(bed.list().await, BTreeMap::new());
}

/// Where people sign in with Entra, tokens of Entra's lead in, and they end.
#[tokio::test]
async fn a_cluster_of_entra_s_takes_tokens_that_end() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    let mut spec = bed.spec("dot");
    spec.azure.entra_groups = vec![subscription::ADMINS.into()];
    spec.azure.no_local_accounts = true;
    bed.make(&cx, &spec).await.expect("a cluster");
    let provider = bed.provider();
    let access = provider.kubeconfig(&cx, &spec.name).await.expect("access");
    let credential = provider.credential(&cx, &spec.name).await;
    let credential = credential.expect("a credential");
    assert!(credential.expires.expect("an end") > bed.ground.now());
    assert_eq!(credential.auth, access.auth);
    let windlass_provider::Auth::Token(token) = credential.auth else {
        panic!("no token");
    };
    let path = format!(
        "{}/api/v1/namespaces",
        access.server.replace("https:", "http:")
    );
    assert_eq!(subscription::get(&path, &token).await, 200);
    assert_eq!(subscription::get(&path, "x").await, 401);
}

/// A cluster without Entra has users of its own, whose credentials have no end that is told.
#[tokio::test]
async fn a_cluster_of_its_own_users_takes_credentials_without_an_end() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    let mut spec = bed.spec("dot");
    spec.azure = AzureOptions::default();
    bed.make(&cx, &spec).await.expect("a cluster");
    let credential = bed.provider().credential(&cx, &spec.name).await;
    assert_eq!(credential.expect("a credential").expires, None);
}

/// What AKS made for the nodes of one cluster is told from the group of another that has such a name, and from nowhere but where it is
/// looked for.
#[tokio::test]
async fn a_cluster_may_be_called_as_the_nodes_of_another() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    let spec = bed.spec("dot-nodes");
    bed.make(&cx, &spec).await.expect("a cluster");
    let dot = "dot".parse().expect("a name");
    let of_dot = bed.provider().discover(&cx, Scope::of(&dot)).await;
    assert_eq!(of_dot.expect("discovery"), []);
    let found = bed.provider().discover(&cx, Scope::all()).await;
    assert_eq!(found.expect("discovery").len(), 2);
    bed.unmake(&cx).await;
    assert_eq!(bed.list().await, BTreeMap::new());
}

/// An upgrade goes one minor version at a time: the control plane, then its pools.
#[tokio::test]
async fn an_upgrade_takes_the_control_plane_and_then_the_pools_along() {
    let bed = Cloud::open().await;
    let cx = bed.ground.cx();
    let mut spec = bed.spec("dot");
    spec.kubernetes_version = Some("1.34".into());
    spec.node_pools = vec![pool("batch")];
    bed.make(&cx, &spec).await.expect("a cluster");
    spec.kubernetes_version = Some("1.36".into());
    let error = bed.make(&cx, &spec).await.expect_err("too far");
    assert!(
        error.hints.iter().any(|hint| hint.contains("1.35")),
        "{error:?}"
    );
    spec.kubernetes_version = Some("1.35".into());
    bed.make(&cx, &spec).await.expect("an upgrade");
    let found = bed.provider().discover(&cx, Scope::all()).await;
    for item in found.expect("discovery").iter().skip(1) {
        let version = &item.observed.outputs["kubernetes-version"];
        assert_eq!(version, "1.35.4", "{}", item.resource.name);
    }
    let changes = bed.make(&cx, &spec).await.expect("the same");
    assert!(
        changes.iter().all(|it| *it == Change::Unchanged),
        "{changes:?}"
    );
    spec.kubernetes_version = Some("1.34".into());
    let error = bed.make(&cx, &spec).await.expect_err("back");
    assert_eq!(error.fault, Fault::Invalid);
}
