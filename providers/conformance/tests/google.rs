//! Google Cloud passes the suite: its services are the simulated ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use windlass_conformance::{Bed, Ground, Trouble};
use windlass_gcp::{Access, Google, Rehearsed};
use windlass_provider::{
    Accelerator, Change, ClusterSpec, Ctx, Fault, Known, NodePool, NodeSize, Nodes, Owner,
    Provider, ProviderId, Regions, Scope, State, Verdict,
};

mod project;

windlass_conformance::suite!(Cloud);

const PROJECT: &str = "windlass-rehearsal";
const PLACE: &str = "us-east1-b";
/// For what there are tokens.
const REFRESH: &str = "1//rehearsal";

/// A simulated project.
struct Cloud(Ground);

impl Cloud {
    fn host(&self) -> &str {
        self.0.endpoint().split('/').nth(2).expect("a host")
    }

    fn access(&self) -> Access {
        Access {
            project: Some(PROJECT.into()),
            location: Some(PLACE.into()),
            rehearsed: Some(Rehearsed {
                endpoint: format!("http://{}/google", self.host()),
                refresh_token: REFRESH.into(),
                principal: "rehearsal@example.com".into(),
            }),
            ..Access::default()
        }
    }

    /// Calls GKE as somebody else would.
    async fn container(&self, method: &str, rest: &str, body: &Value) -> Value {
        let path = format!("container/v1/projects/{PROJECT}/locations/{PLACE}/{rest}");
        self.call(method, &path, body).await
    }

    /// Makes something of the compute API as somebody else would, and waits until that is done.
    async fn compute(&self, place: &str, what: &str, body: &Value) {
        let root = format!("compute/compute/v1/projects/{PROJECT}/{place}");
        let mut begun = self.call("POST", &format!("{root}/{what}"), body).await;
        while begun["status"] != "DONE" {
            self.0.cx().clock.sleep(Duration::from_secs(2)).await;
            let name = begun["name"].as_str().expect("an operation");
            let path = format!("{root}/operations/{name}");
            begun = self.call("GET", &path, &Value::Null).await;
        }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let form = format!("grant_type=refresh_token&refresh_token={REFRESH}");
        let token = self.send("POST", "oauth2/token", "", &form).await;
        let token = token["access_token"].as_str().expect("a token");
        self.send(method, path, token, &body.to_string()).await
    }

    async fn send(&self, method: &str, path: &str, token: &str, body: &str) -> Value {
        let host = self.host();
        let mut stream = TcpStream::connect(host).await.expect("the world");
        let head = format!(
            "{method} /google/{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all((head + body).as_bytes())
            .await
            .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.contains(" 200 "), "{method} {path}: {answer}");
        serde_json::from_str(body).expect("JSON")
    }

    /// Waits until an operation is done.
    async fn done(&self, begun: &Value) {
        let name = begun["name"].as_str().expect("an operation");
        loop {
            let path = format!("operations/{name}");
            if self.container("GET", &path, &Value::Null).await["status"] == "DONE" {
                return;
            }
            self.0.cx().clock.sleep(Duration::from_secs(10)).await;
        }
    }
}

#[async_trait]
impl Bed for Cloud {
    const LONGEST_POOL: usize = 40;
    // Tokens hold for an hour; nobody says so who brings one, and three minutes are said.
    const SAID_TO_END_EARLY: Duration = Duration::from_secs(3599 - 180);

    async fn open() -> Self {
        let ground = Ground::open().await;
        ground.tell("google/assume", json!(PROJECT)).await;
        Self(ground)
    }

    fn ground(&self) -> &Ground {
        &self.0
    }

    fn provider(&self) -> Box<dyn Provider> {
        Box::new(Google::new(self.access()))
    }

    fn elsewhere(&self) -> Box<dyn Provider> {
        Box::new(Google::new(Access {
            location: Some("europe-west1".into()),
            ..self.access()
        }))
    }

    fn spec(&self, name: &str) -> ClusterSpec {
        ClusterSpec {
            name: name.parse().expect("a name"),
            provider: ProviderId::Google,
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
            azure: Default::default(),
            google: Default::default(),
        }
    }

    async fn list(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let assets = self.0.ask("assets").await;
        let text = |asset: &Value, key: &str| asset[key].as_str().unwrap_or_default().to_owned();
        let mut all = BTreeMap::new();
        for asset in assets.as_array().expect("a list") {
            let name = text(asset, "name");
            let told = match text(asset, "kind").as_str() {
                "google:cluster" => format!("GKE cluster {name}"),
                // The nodes that every cluster has are a part of it.
                "google:node-pool" if name.contains("/default") => continue,
                "google:node-pool" => format!("node pool {name}"),
                "google:service-account" => format!("service account {name}"),
                "google:project" => format!("project {name}"),
                "google:disks" => format!("disk {name}"),
                "google:routers" => format!("router {name}"),
                other => panic!("nobody asked for {other} {name}"),
            };
            let tags = asset["tags"].as_object().into_iter().flatten();
            let tags = tags
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
            all.insert(told, tags.collect());
        }
        all
    }

    async fn make_foreign(&self, name: &str) {
        let body = json!({ "cluster": { "name": name, "initialNodeCount": 1 } });
        let begun = self.container("POST", "clusters", &body).await;
        self.done(&begun).await;
    }

    async fn leave_behind(&self, cluster: &str) {
        // As the driver of volumes makes disks, but without the labels of the cluster itself.
        let name = format!("pvc-{cluster}");
        let about = json!({ "kubernetes.io/created-for/pv/name": name });
        let disk = json!({
            "name": name, "sizeGb": "10", "description": about.to_string(),
            "labels": {
                "goog-gke-volume": "", "goog-k8s-cluster-name": cluster, "goog-k8s-cluster-location": PLACE,
            },
        });
        self.compute(&format!("zones/{PLACE}"), "disks", &disk)
            .await;
    }

    async fn break_down(&self, name: &str) {
        // Whoever tried to delete it, it did not go.
        self.0
            .inject("[[cloud]]\nprovider = \"google\"\naction = \"clusters.delete\"\nfails = \"its network is gone\"\n")
            .await;
        let path = format!("clusters/{name}");
        let begun = self.container("DELETE", &path, &Value::Null).await;
        self.done(&begun).await;
        self.0.inject("").await;
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
        self.0
            .inject(&format!(
                "[[cloud]]\nprovider = \"google\"\nnth = {nth}\n{effect}\n"
            ))
            .await;
    }

    async fn calm(&self) {
        self.0.inject("").await;
    }
}

/// Makes all that a spec needs.
async fn make(cx: &Ctx, provider: &Google, spec: &ClusterSpec) -> Vec<(String, Change)> {
    let facts = provider.facts(cx, spec).await.expect("facts");
    for check in provider.preflight(cx, spec, &facts).await {
        assert_ne!(check.verdict, Verdict::Failed, "{check:?}");
    }
    let mut known = Known::new();
    let mut changes = Vec::new();
    for resource in provider.resources(spec, &facts).expect("a plan") {
        let made = provider.ensure(cx, &resource, &known).await;
        let (change, outputs) = made.unwrap_or_else(|error| panic!("{}: {error:?}", resource.id));
        changes.push((resource.id.to_string(), change));
        known.insert(resource.id, outputs);
    }
    changes
}

/// A project that windlass makes is billed, gets its APIs, and goes with all that is in it; it is found without being named.
#[tokio::test]
async fn a_project_of_its_own_comes_and_goes_with_the_cluster() {
    let bed = Cloud(Ground::open().await);
    let cx = bed.0.cx();
    let google = || {
        Google::new(Access {
            project: None,
            create_project: true,
            ..bed.access()
        })
    };
    let mut spec = bed.spec("dot");
    spec.google.create_project = true;
    spec.google.identities = vec!["crossplane".into()];
    let made = make(&cx, &google(), &spec).await;
    let ids: Vec<&str> = made.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(
        ids,
        [
            "project",
            "apis",
            "account-nodes",
            "cluster",
            "account-crossplane"
        ]
    );
    assert!(made.iter().all(|it| it.1 == Change::Made), "{made:?}");
    let again = make(&cx, &google(), &spec).await;
    assert!(
        again.iter().all(|it| it.1 == Change::Unchanged),
        "{again:?}"
    );

    // As from another machine, where nobody names the project.
    let elsewhere = Google::new(Access {
        project: None,
        location: None,
        ..bed.access()
    });
    let found = elsewhere.discover(&cx, Scope::of(&spec.name)).await;
    let found = found.expect("discovery");
    let kinds: BTreeSet<&str> = found.iter().map(|it| it.resource.kind.as_str()).collect();
    assert_eq!(
        kinds,
        BTreeSet::from(["project", "service account", "GKE cluster"])
    );
    assert!(
        found
            .iter()
            .all(|it| it.observed.owner == Owner::Ours && it.tags.is_some())
    );
    elsewhere
        .kubeconfig(&cx, &spec.name)
        .await
        .expect("access without a location");
    for item in found.iter().rev() {
        let gone = elsewhere.delete(&cx, &item.resource, &Known::new()).await;
        assert_eq!(gone.expect("a deletion"), Change::Removed, "{item:?}");
    }
    assert_eq!(bed.list().await, BTreeMap::new());
    let nothing = elsewhere.discover(&cx, Scope::all()).await;
    assert_eq!(nothing.expect_err("no project").fault, Fault::NoAccess);
}

/// Pools with accelerators come with their taint and from nothing; they are scaled, and the cluster goes to the next version with them.
#[tokio::test]
async fn what_is_there_is_changed_in_place() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    let google = Google::new(bed.access());
    let mut spec = bed.spec("dot");
    spec.kubernetes_version = Some("1.34".into());
    spec.node_pools = vec![NodePool {
        name: "gpu".into(),
        max: 2,
        machine: Some("n1-standard-4".into()),
        spot: true,
        accelerator: Some(Accelerator {
            kind: "nvidia-tesla-t4".into(),
            count: 1,
            driver: Default::default(),
        }),
        ..NodePool::default()
    }];
    spec.google.allowed_cidrs = vec!["203.0.113.0/24".into()];
    make(&cx, &google, &spec).await;
    let found = google.discover(&cx, Scope::of(&spec.name)).await;
    let found = found.expect("discovery");
    let pool = &found.last().expect("a pool").observed.outputs;
    assert_eq!(pool["taints"], "nvidia.com/gpu=present:NO_SCHEDULE");
    assert_eq!((&*pool["min"], &*pool["spot"]), ("0", "true"));

    // What is read off the cluster asks for no change.
    let mut same = google.as_found(&spec, &found);
    assert_eq!(same.kubernetes_version.as_deref(), Some("1.34"));
    assert!(
        make(&cx, &google, &same)
            .await
            .iter()
            .all(|it| it.1 == Change::Unchanged)
    );

    same.nodes.max = 5;
    same.node_pools[0].min = 1;
    same.node_pools[0]
        .labels
        .insert("tier".into(), "fast".into());
    same.google.allowed_cidrs.clear();
    same.google.gateway_api = false;
    same.kubernetes_version = Some("1.35".into());
    same.lifetime = Some(Duration::from_secs(3600));
    let changes = make(&cx, &google, &same).await;
    assert!(
        changes.iter().all(|it| it.1 == Change::Updated),
        "{changes:?}"
    );
    assert!(
        make(&cx, &google, &same)
            .await
            .iter()
            .all(|it| it.1 == Change::Unchanged)
    );

    let mut far = same.clone();
    far.kubernetes_version = Some("1.33".into());
    let facts = google.facts(&cx, &far).await.expect("facts");
    let cluster = google
        .resources(&far, &facts)
        .expect("a plan")
        .swap_remove(1);
    let refused = google.ensure(&cx, &cluster, &Known::new()).await;
    let refused = refused.expect_err("no way back");
    assert!(refused.to_line().contains("never goes back"), "{refused:?}");
}

/// What an operation says decides what is told: a quota is a quota, and what could not be made is made again.
#[tokio::test]
async fn what_fails_behind_a_call_is_explained() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    let google = Google::new(bed.access());
    let spec = bed.spec("dot");
    let facts = google.facts(&cx, &spec).await.expect("facts");
    let plan = google.resources(&spec, &facts).expect("a plan");
    let mut known = Known::new();
    let (_, outputs) = google
        .ensure(&cx, &plan[0], &known)
        .await
        .expect("an account");
    known.insert(plan[0].id.clone(), outputs);
    for (said, fault, hint) in [
        (
            "Insufficient quota 'CPUS': request requires '6.0'",
            Fault::Quota,
            "ask for more",
        ),
        (
            "[GCE_STOCKOUT]: Instance creation failed",
            Fault::Unavailable,
            "another zone",
        ),
    ] {
        bed.0
            .inject(&format!(
                "[[cloud]]\nprovider = \"google\"\naction = \"clusters.create\"\nfails = \"{said}\"\n"
            ))
            .await;
        let error = google
            .ensure(&cx, &plan[1], &known)
            .await
            .expect_err("a failure");
        assert_eq!(error.fault, fault, "{error:?}");
        assert!(error.hints.iter().any(|it| it.contains(hint)), "{error:?}");
        let seen = google.observe(&cx, &plan[1], &known).await.expect("a look");
        assert_eq!((seen.state, seen.unused), (State::Failed, true));
        bed.calm().await;
    }
    let (change, _) = google
        .ensure(&cx, &plan[1], &known)
        .await
        .expect("a cluster");
    assert_eq!(change, Change::Updated);
}

/// A cluster that somebody else made elsewhere in the project is listed, and not mistaken for one's own.
#[tokio::test]
async fn clusters_in_other_projects_are_found_by_who_looks_everywhere() {
    let bed = Cloud::open().await;
    let cx = bed.0.cx();
    bed.0.tell("google/assume", json!("other-project")).await;
    let there = Google::new(Access {
        project: Some("other-project".into()),
        ..bed.access()
    });
    make(&cx, &there, &bed.spec("dot")).await;
    let here = Google::new(bed.access());
    make(&cx, &here, &bed.spec("dot")).await;
    let near = here.discover(&cx, Scope::all()).await.expect("discovery");
    let far = here.discover(&cx, Scope::all().within(Regions::All)).await;
    let far = far.expect("discovery");
    assert_eq!(far.len(), 2 * near.len());
    let ids: BTreeSet<&str> = far.iter().map(|it| it.resource.id.as_str()).collect();
    assert_eq!(ids.len(), far.len(), "{ids:?}");
    for item in far.iter().rev() {
        let gone = here.delete(&cx, &item.resource, &Known::new()).await;
        assert_eq!(gone.expect("a deletion"), Change::Removed);
    }
    assert_eq!(bed.list().await, BTreeMap::new());
}
