//! AWS passes the suite: its services are the simulated account's.

mod account;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use account::Account;
use async_trait::async_trait;
use serde_json::Value;
use windlass_aws::{Access, Aws, Keys};
use windlass_conformance::{Bed, Ground, Trouble};
use windlass_provider::{
    AwsOptions, ClusterSpec, Ctx, Exchange, Known, NodeSize, Nodes, Provider, ProviderId, Scope,
    Trace, Verdict,
};

windlass_conformance::suite!(Cloud);

/// A simulated account.
struct Cloud {
    ground: Ground,
    account: Account,
}

impl Cloud {
    fn provider_in(&self, region: &str) -> Box<dyn Provider> {
        Box::new(Aws::new(Access {
            region: Some(region.into()),
            profile: None,
            keys: Some(Keys {
                id: account::KEY.into(),
                secret: account::SECRET.into(),
                token: None,
            }),
            endpoint: Some(self.account.url.clone()),
        }))
    }
}

#[async_trait]
impl Bed for Cloud {
    const LONGEST_POOL: usize = 63;
    const SAID_TO_END_EARLY: Duration = Duration::from_secs(60);
    // EKS calls a cluster that it has made failed no more, whatever befalls it.
    const BREAKS: &str = "add-on-aws-ebs-csi-driver";

    async fn open() -> Self {
        let ground = Ground::open().await;
        let host = ground.endpoint().split('/').nth(2).expect("a host");
        let account = Account::new(format!("http://{host}/aws"));
        Self { ground, account }
    }

    fn ground(&self) -> &Ground {
        &self.ground
    }

    fn provider(&self) -> Box<dyn Provider> {
        self.provider_in(account::REGION)
    }

    fn elsewhere(&self) -> Box<dyn Provider> {
        self.provider_in("eu-west-1")
    }

    fn spec(&self, name: &str) -> ClusterSpec {
        ClusterSpec {
            name: name.parse().expect("a name"),
            provider: ProviderId::Aws,
            kubernetes_version: None,
            nodes: Nodes {
                min: 1,
                max: 2,
                size: NodeSize::Small,
            },
            node_pools: Vec::new(),
            lifetime: None,
            kind: Default::default(),
            aws: AwsOptions::default(),
            azure: Default::default(),
            google: Default::default(),
        }
    }

    async fn list(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let assets = self.ground.ask("assets").await;
        let assets = assets.as_array().expect("a list");
        let text = |asset: &Value, key: &str| asset[key].as_str().unwrap_or_default().to_owned();
        let is_ours = |asset: &Value| !text(asset, "maker").contains(account::OTHERS);
        let clusters: BTreeSet<String> = assets
            .iter()
            .filter(|asset| text(asset, "kind") == "eks:cluster")
            .map(|asset| text(asset, "id"))
            .collect();
        let is_orphan = |asset: &Value| {
            let of = asset["tags"]["aws:eks:cluster-name"].as_str();
            of.is_some_and(|of| !clusters.contains(of))
        };
        let is_controllers = |asset: &Value| {
            let tags = asset["tags"].as_object().into_iter().flatten();
            let mut keys = tags.map(|(key, _)| key.as_str());
            keys.any(|key| key.starts_with("kubernetes.io/cluster/"))
                && asset["tags"]["aws:eks:cluster-name"].is_null()
        };
        let mut all = BTreeMap::new();
        let mut rest = Vec::new();
        for asset in assets.iter().filter(|asset| is_ours(asset)) {
            let (kind, id) = (text(asset, "kind"), text(asset, "id"));
            // Its id is an ARN: arn:…:stack/NAME/….
            let stack = id.split('/').nth(1).unwrap_or_default();
            let told = match kind.as_str() {
                "cloudformation:stack" if stack == account::OTHERS => continue,
                "cloudformation:stack" => format!("stack {stack}"),
                "eks:cluster" => format!("EKS cluster {id}"),
                "eks:nodegroup" => format!("node group {id}"),
                "eks:addon" => format!("add-on {id}"),
                // What is left of a cluster that is gone; as long as one is there, it is its own.
                "ec2:network-interface"
                    if text(asset, "state") == "available" && clusters.is_empty() =>
                {
                    format!("network interface {id}")
                }
                "ec2:security-group" if is_orphan(asset) || is_controllers(asset) => {
                    format!("security group {id}")
                }
                _ => {
                    rest.push((kind, id));
                    continue;
                }
            };
            let tags = asset["tags"].as_object().into_iter().flatten();
            let tags = tags
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
            all.insert(told, tags.collect());
        }
        // What they are made of goes with them, and nothing of it is there without them.
        if all.is_empty() {
            rest.retain(|(kind, id)| kind != "iam:role" || !id.contains("AWSServiceRole"));
            assert_eq!(rest, [], "something is left");
        }
        all
    }

    async fn make_foreign(&self, name: &str) {
        self.account.make_cluster(&self.ground.cx(), name).await;
    }

    async fn leave_behind(&self, cluster: &str) {
        self.account.leave_behind(&self.ground.cx(), cluster).await;
    }

    async fn break_down(&self, name: &str) {
        // Whoever takes its nodes away, its add-ons have nowhere to run.
        let body = serde_json::json!({ "scalingConfig": { "minSize": 0, "desiredSize": 0, "maxSize": 2 } });
        let path = format!("/clusters/{name}/node-groups/default/update-config");
        self.account
            .eks(&self.ground.cx(), "POST", &path, &body)
            .await;
        let path = format!("/clusters/{name}/node-groups/default");
        let cx = self.ground.cx();
        self.account
            .wait(&cx, &path, |it| it["nodegroup"]["status"] == "ACTIVE")
            .await;
        let path = format!("/clusters/{name}/addons/aws-ebs-csi-driver");
        let body =
            serde_json::json!({ "configurationValues": "{\"controller\":{\"replicaCount\":3}}" });
        self.account
            .eks(&cx, "POST", &format!("{path}/update"), &body)
            .await;
        self.account
            .wait(&self.ground.cx(), &path, |it| {
                it["addon"]["status"] == "DEGRADED"
            })
            .await;
    }

    async fn trouble(&self, trouble: Trouble, nth: u64) {
        let effect = match trouble {
            Trouble::LostBefore => "count = 1\nreset = \"before\"",
            Trouble::LostAfter => "count = 1\nreset = \"after\"",
            Trouble::Throttled => "count = 1\nstatus = 400\ncode = \"ThrottlingException\"",
            Trouble::Unwell => "count = 1\nstatus = 503\ncode = \"ServiceUnavailable\"",
            Trouble::Crowded => "every = 2\nstatus = 400\ncode = \"ThrottlingException\"",
            Trouble::Denied => "status = 403\ncode = \"AccessDeniedException\"",
        };
        self.ground
            .inject(&format!(
                "[[cloud]]\nprovider = \"aws\"\nnth = {nth}\n{effect}\n"
            ))
            .await;
    }

    async fn calm(&self) {
        self.ground.inject("").await;
    }
}

/// Each call of a life, checks included, is allowed by the policy that windlass hands out.
#[tokio::test]
async fn the_policy_allows_each_call_that_is_made() {
    let bed = Cloud::open().await;
    let calls: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let heard = Arc::clone(&calls);
    let cx = Ctx {
        trace: Trace::new(move |exchange| {
            if let Exchange::Request(request) = exchange
                && let Some((_, call)) = request.url.split_once('#')
            {
                heard.lock().expect("the list").insert(call.to_owned());
            }
        }),
        ..bed.ground.cx()
    };
    let mut spec = bed.spec("dot");
    spec.aws.logs = vec!["audit".into()];
    spec.aws.controllers = ["cert-manager", "crossplane", "external-dns"]
        .map(str::to_owned)
        .into();
    let provider = bed.provider();
    let facts = provider.facts(&cx, &spec).await.expect("facts");
    for check in provider.preflight(&cx, &spec, &facts).await {
        assert_ne!(check.verdict, Verdict::Failed, "{check:?}");
    }
    let mut known = Known::new();
    for resource in provider.resources(&spec, &facts).expect("a plan") {
        let (_, outputs) = provider.ensure(&cx, &resource, &known).await.expect("it");
        known.insert(resource.id, outputs);
    }
    let found = provider
        .discover(&cx, Scope::all())
        .await
        .expect("discovery");
    for item in found.iter().rev() {
        provider
            .delete(&cx, &item.resource, &known)
            .await
            .expect("a deletion");
    }
    let policy = include_str!("../../../templates/aws/policy.json");
    let policy: Value = serde_json::from_str(policy).expect("JSON");
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let allowed: BTreeSet<&str> = statements
        .flat_map(|it| it["Action"].as_array().expect("actions"))
        .filter_map(Value::as_str)
        .collect();
    let calls = calls.lock().expect("the list");
    assert!(calls.len() > 25, "{calls:?}");
    let denied: Vec<&String> = calls
        .iter()
        .filter(|it| !allowed.contains(it.as_str()))
        .collect();
    assert!(denied.is_empty(), "{denied:?}");
}
