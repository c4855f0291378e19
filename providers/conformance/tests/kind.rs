//! Kind passes the suite: `kind` and `docker` are the simulated machine's.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    process::{Output, Stdio},
};

use async_trait::async_trait;
use serde_json::Value;
use tokio::process::Command;
use windlass_conformance::{Ability, Bed, Ground, Trouble};
use windlass_kind::{Kind, Programs};
use windlass_provider::{ClusterSpec, KindOptions, NodeSize, Nodes, Provider, ProviderId};

windlass_conformance::suite!(Machine);

const STAND_IN: &str = env!("CARGO_BIN_EXE_windlass-stand-in");

/// A machine with kind and docker.
struct Machine(Ground);

impl Machine {
    fn env(&self) -> Vec<(OsString, OsString)> {
        vec![
            (
                "WINDLASS_REHEARSE_ENDPOINT".into(),
                self.0.endpoint().into(),
            ),
            ("HOME".into(), self.0.folder().into()),
        ]
    }

    /// Runs a program as somebody at the machine would.
    async fn run(&self, program: &str, args: &[&str]) -> Output {
        let ran = Command::new(STAND_IN)
            .arg(program)
            .args(args)
            .envs(self.env())
            .stdin(Stdio::null())
            .output()
            .await
            .expect("a program that runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{program} {args:?}: {said}");
        ran
    }
}

#[async_trait]
impl Bed for Machine {
    const LONGEST_POOL: usize = 63;

    async fn open() -> Self {
        Self(Ground::open().await)
    }

    fn ground(&self) -> &Ground {
        &self.0
    }

    fn provider(&self) -> Box<dyn Provider> {
        let program = |name: &str| vec![STAND_IN.into(), name.into()];
        Box::new(Kind::new(Programs::rehearsed(
            program("kind"),
            program("docker"),
            self.env(),
        )))
    }

    fn spec(&self, name: &str) -> ClusterSpec {
        ClusterSpec {
            name: name.parse().expect("a name"),
            provider: ProviderId::Kind,
            kubernetes_version: None,
            nodes: Nodes {
                min: 1,
                max: 1,
                size: NodeSize::Small,
            },
            node_pools: Vec::new(),
            lifetime: None,
            // One machine has each port once.
            aws: Default::default(),
            azure: Default::default(),
            google: Default::default(),
            kind: KindOptions::default(),
        }
    }

    fn lacks(&self, ability: Ability) -> Option<&'static str> {
        match ability {
            Ability::Throttling => Some(
                "an engine on this machine does not throttle; a registry's limit of pulls is a quota",
            ),
            Ability::ChangeInPlace => Some("kind cannot change a cluster"),
            Ability::ExpiringCredentials => Some("kind gives a certificate of a year"),
            Ability::Leftovers => {
                Some("nothing on this machine is made by controllers in a cluster")
            }
            Ability::Regions => Some("this machine is in one place"),
        }
    }

    async fn list(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let state = self.0.ask("state").await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let containers = state["containers"].as_array().expect("containers");
        let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for container in containers {
            let name = text(&container["name"]);
            let ran = self.run("docker", &["inspect", &name]).await;
            let shown: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
            let mounts = shown[0]["Mounts"].as_array().expect("mounts").iter();
            let marks = mounts.filter_map(|mount| mount["Destination"].as_str());
            let tags = marks
                .filter_map(|path| path.strip_prefix("/windlass/"))
                .flat_map(|path| path.split('/'))
                .filter_map(|tag| tag.split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            let cluster = format!("kind cluster {}", text(&container["cluster"]));
            // Every container of a cluster carries the same.
            let known = all.insert(cluster.clone(), tags);
            assert!(
                known.is_none_or(|known| known == all[&cluster]),
                "{name} has other tags"
            );
        }
        all
    }

    async fn make_foreign(&self, name: &str) {
        self.run("kind", &["create", "cluster", "--name", name])
            .await;
    }

    async fn break_down(&self, name: &str) {
        let container = format!("{name}-control-plane");
        self.run("docker", &["stop", &container]).await;
    }

    async fn trouble(&self, trouble: Trouble, nth: u64) {
        let effect = match trouble {
            Trouble::LostBefore => "count = 1\nreset = \"before\"",
            Trouble::LostAfter => "count = 1\nreset = \"after\"",
            Trouble::Throttled | Trouble::Unwell | Trouble::Crowded => {
                unreachable!("it is lacking")
            }
            Trouble::Denied => {
                "exit = 1\nmessage = \"permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock\""
            }
        };
        self.0
            .inject(&format!("[[program]]\nnth = {nth}\n{effect}\n"))
            .await;
    }

    async fn calm(&self) {
        self.0.inject("").await;
    }
}
