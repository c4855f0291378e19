//! The happy path against moto, which somebody else wrote: the calls that it has, and the template.
//!
//! It has no add-ons, no versions and no deletion of such a stack; it does everything at once, and checks no signature.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;
use windlass_aws::{Access, Aws, Keys};
use windlass_provider::{
    AwsOptions, Change, Clock, ClusterSpec, Ctx, Facts, Known, NodePool, NodeSize, Nodes, Provider,
    ProviderId, State,
};

/// Returns a program that .ci/tools installs; says loudly what is skipped where it is missing.
fn tool(name: &str) -> Option<std::path::PathBuf> {
    let folder = std::env::var_os("WINDLASS_TEST_AWS");
    let path = folder.map(|folder| Path::new(&folder).join("bin").join(name));
    if let Some(path) = path.filter(|path| path.exists()) {
        return Some(path);
    }
    let told = format!("SKIPPED: WINDLASS_TEST_AWS names no folder with {name}\n");
    // Written past the test harness, which would swallow it.
    std::io::stderr()
        .write_all(told.as_bytes())
        .expect("standard error");
    None
}

struct Moto {
    process: Child,
    url: String,
}

impl Moto {
    fn start() -> Option<Self> {
        let mut process = Command::new(tool("moto_server")?)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto");
        let mut lines = BufReader::new(process.stderr.take().expect("its messages")).lines();
        let url = loop {
            let line = lines.next().expect("an address").expect("text");
            if let Some((_, url)) = line.split_once("Running on ") {
                break url.trim().to_owned();
            }
        };
        // It would wait for somebody to read on.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, url })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A clock that jumps to the end of each wait.
#[derive(Debug, Default)]
struct Jumping(AtomicI64);

#[async_trait]
impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_763_920_000 + self.0.load(Ordering::Relaxed)).expect("a time")
    }

    async fn sleep(&self, duration: Duration) {
        let seconds = i64::try_from(duration.as_secs().max(1)).expect("a wait");
        self.0.fetch_add(seconds, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }

    async fn reached(&self, _at: Timestamp) {
        std::future::pending().await
    }
}

#[tokio::test]
async fn the_calls_that_moto_has_make_and_delete_a_cluster() {
    let Some(moto) = Moto::start() else { return };
    let aws = Aws::new(Access {
        region: Some("us-east-1".into()),
        profile: None,
        keys: Some(Keys {
            id: "AKIA".into(),
            secret: "secret".into(),
            token: None,
        }),
        endpoint: Some(moto.url.clone()),
    });
    let spec = ClusterSpec {
        name: "dot".parse().expect("a name"),
        provider: ProviderId::Aws,
        kubernetes_version: Some("1.30".into()),
        nodes: Nodes {
            min: 1,
            max: 2,
            size: NodeSize::Small,
        },
        node_pools: vec![NodePool {
            name: "batch".into(),
            min: 0,
            max: 3,
            labels: BTreeMap::from([("tier".into(), "fast".into())]),
            spot: true,
            ..NodePool::default()
        }],
        lifetime: Some(Duration::from_secs(3600)),
        kind: Default::default(),
        aws: AwsOptions::default(),
        azure: Default::default(),
        google: Default::default(),
    };
    let zones = ["us-east-1a", "us-east-1b", "us-east-1c"];
    let facts = Facts {
        identity: String::new(),
        values: BTreeMap::from([(
            "aws".into(),
            json!({
                "region": "us-east-1", "account": "123456789012", "arn": "", "foreign": false, "version": "1.30",
                "present": null, "versions": [], "zones": zones, "offered": zones, "machines": {}, "vpc-cidr": null,
                "subnets": {},
            }),
        )]),
    };
    let cx = Ctx::new(Arc::new(Jumping::default()));
    let mut all = aws.resources(&spec, &facts).expect("a plan");
    all.retain(|resource| resource.kind != "add-on");
    let mut known = Known::new();
    for resource in &all {
        let seen = aws.observe(&cx, resource, &known).await.expect("a look");
        assert_eq!(seen.state, State::Missing, "{}", resource.id);
        let (change, outputs) = aws.ensure(&cx, resource, &known).await.expect("it");
        assert_eq!(change, Change::Made, "{}", resource.id);
        known.insert(resource.id.clone(), outputs.clone());
        let seen = aws.observe(&cx, resource, &known).await.expect("a look");
        assert_eq!(seen.state, State::Ready, "{}: {seen:?}", resource.id);
        assert_eq!(seen.outputs, outputs);
    }
    let network = &known[&all[0].id];
    for key in [
        "vpc",
        "private-subnet-c",
        "public-subnet-a",
        "cluster-role",
        "disk-role",
    ] {
        assert!(network.contains_key(key), "{key}: {network:?}");
    }
    // What it gives as the cluster's authority is no certificate.
    let credential = aws.credential(&cx, &spec.name).await.expect("a token");
    assert!(credential.expires.is_some());
    for resource in all.iter().skip(1).rev() {
        let gone = aws.delete(&cx, resource, &known).await.expect("a deletion");
        assert_eq!(gone, Change::Removed, "{}", resource.id);
        let again = aws.delete(&cx, resource, &known).await.expect("a deletion");
        assert_eq!(again, Change::Absent, "{}", resource.id);
    }
}

#[test]
fn the_template_is_in_order() {
    let Some(lint) = tool("cfn-lint") else { return };
    let template = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../templates/aws/cluster.yaml"
    );
    let ran = Command::new(lint).arg(template).output().expect("cfn-lint");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.trim().is_empty(), "{said}");
}
