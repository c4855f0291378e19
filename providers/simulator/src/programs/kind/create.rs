//! `kind create cluster`, stage by stage. The durations are assumptions.

use super::{
    Failure, IMAGE, address,
    config::{self, Node, Wanted},
    kubeconfig, nodes, seed,
};
use crate::{
    programs::{Call, Console, Cut, Frame, docker, flags::Parsed},
    site::{Cluster, Container, Entry, Port, Role, Stage, Status},
};
use std::time::Duration;

/// What one stage prints, and how long it takes.
struct Step {
    stage: Stage,
    title: &'static str,
    seconds: u64,
}

const fn step(stage: Stage, title: &'static str, seconds: u64) -> Step {
    Step {
        stage,
        title,
        seconds,
    }
}

const NODES: Step = step(Stage::Nodes, "Preparing nodes 📦", 6);
const CONFIG: Step = step(Stage::Config, "Writing configuration 📜", 1);
const CONTROL_PLANE: Step = step(Stage::ControlPlane, "Starting control-plane 🕹️", 22);
const CNI: Step = step(Stage::Cni, "Installing CNI 🔌", 2);
const STORAGE: Step = step(Stage::StorageClass, "Installing StorageClass 💾", 1);
const WORKERS: Step = step(Stage::Workers, "Joining worker nodes 🚜", 14);
/// Seconds to pull an image that is not there yet.
const PULL: u64 = 12;

pub(super) async fn run(
    console: &Console,
    call: &Call,
    parsed: &Parsed,
    name: Option<&str>,
) -> Result<(), Failure> {
    let wait = parsed
        .get("wait")
        .map(crate::duration::seconds)
        .transpose()
        .map_err(|error| {
            format!(
                "invalid argument {:?} for \"--wait\" flag: {error}",
                parsed.get("wait").unwrap_or_default()
            )
        })?;
    let mut wanted = config::read(match &call.config {
        Some(Ok(text)) => text,
        Some(Err(error)) => return Err(Failure::Said(error.clone())),
        None => "",
    })?;
    if let Some(image) = parsed.get("image") {
        wanted
            .nodes
            .iter_mut()
            .for_each(|node| node.image = Some(image.to_owned()));
    }
    let name = name
        .map(str::to_owned)
        .or(wanted.name.clone())
        .unwrap_or_else(|| "kind".to_owned());
    docker::available(console).map_err(|error| {
        format!(
            "failed to get docker info: {}",
            error.wrap("docker info --format '{{json .}}'")
        )
    })?;
    if !nodes(console, &name)?.is_empty() {
        return Err(Failure::Said(format!(
            "node(s) already exist for a cluster with the name {name:?}"
        )));
    }
    config::check_name(&name)?;
    let mutation = console.begin(call).await?;
    console.err(&format!("Creating cluster {name:?} ..."));
    let creation = Creation {
        console,
        name: &name,
        wanted: &wanted,
    };
    if let Err(failure) = creation.go(wait.unwrap_or_default()).await {
        // kind removes what it made, unless it was killed itself.
        if matches!(failure, Failure::Said(_)) && !parsed.on("retain") {
            let made = nodes(console, &name)?;
            made.iter().for_each(|name| docker::remove(console, name));
            if !made.is_empty() {
                console.err(&format!("Deleted nodes: {}", super::listed(&made)));
            }
        }
        return Err(failure);
    }
    let cluster = console.ground.site().clusters.get(&name).cloned();
    let cluster = cluster.ok_or_else(|| format!("cluster {name:?} was deleted meanwhile"))?;
    console.send(Frame::Merge {
        path: parsed.get("kubeconfig").map(str::to_owned),
        config: kubeconfig(console, &cluster, &address(console, &name)),
    });
    console.end(&mutation).await?;
    console.err(&format!("Set kubectl context to \"kind-{name}\""));
    let file = parsed
        .get("kubeconfig")
        .map(|path| format!(" --kubeconfig {path}"));
    console.err(&format!(
        "You can now use your cluster with:\n\nkubectl cluster-info --context kind-{name}{}\n\nHave a nice day! 👋",
        file.unwrap_or_default()
    ));
    Ok(())
}

struct Creation<'a> {
    console: &'a Console,
    name: &'a str,
    wanted: &'a Wanted,
}

impl Creation<'_> {
    async fn go(&self, wait: f64) -> Result<(), Failure> {
        let images: std::collections::BTreeSet<&str> =
            self.wanted.nodes.iter().map(image).collect();
        for image in images {
            self.pull(image).await?;
        }
        let containers = self.plan();
        self.step(&NODES, async {
            for container in containers {
                let created = docker::create(self.console, &container).map_err(|error| {
                    let command =
                        format!("docker run --name {} … {}", container.name, container.image);
                    Failure::Said(error.wrap(&command))
                })?;
                self.console
                    .ground
                    .write(Entry::Container(Box::new(created)));
            }
            Ok(())
        })
        .await?;
        self.step(&CONFIG, async { Ok(()) }).await?;
        self.step(&CONTROL_PLANE, async { self.start() }).await?;
        if self.wanted.default_cni {
            self.step(&CNI, async { self.seed(seed::network) }).await?;
        }
        self.step(&STORAGE, async { self.seed(seed::storage) })
            .await?;
        let joining = self.wanted.nodes.len() > 1;
        if joining {
            self.step(&WORKERS, async {
                self.seed(seed::join)?;
                self.join(Role::Worker);
                Ok(())
            })
            .await?;
        }
        if wait > 0.0 {
            let title = format!("Waiting ≤ {wait}s for control-plane = Ready ⏳");
            self.console.err(&format!(" • {title}  ..."));
            let ready = self.ready(wait).await?;
            self.console
                .err(&format!(" {} {title}", if ready { '✓' } else { '✗' }));
            if !ready {
                self.console
                    .err(" • WARNING: Timed out waiting for Ready ⚠️");
            }
        }
        Ok(())
    }

    /// Does one step: it says so, takes its time, fails where the machine is told to, and then shows its effect. It passes the
    /// gate on its own, so that a test can stop kind at any step.
    async fn step(
        &self,
        step: &Step,
        effect: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        self.console.err(&format!(" • {}  ...", step.title));
        self.console.spend(step.seconds).await?;
        let faulty = self.console.ground.site().faults.fail_create == Some(step.stage);
        let done = match faulty {
            true => Err(failure(step.stage, self.name)),
            false => {
                let request = format!("kind: {} of {}", step.title, self.name);
                let mutation = self.console.enter(request).await?;
                let done = effect.await;
                self.console.end(&mutation).await?;
                done
            }
        };
        match &done {
            Ok(()) => self.console.err(&format!(" ✓ {}", step.title)),
            Err(Failure::Said(_)) => self.console.err(&format!(" ✗ {}", step.title)),
            Err(Failure::Cut) => {}
        }
        done
    }

    async fn pull(&self, image: &str) -> Result<(), Failure> {
        let shown = image.split('@').next().unwrap_or(image);
        self.console
            .err(&format!(" • Ensuring node image ({shown}) 🖼  ..."));
        let known = self.console.ground.site().images.contains(image);
        if !known {
            self.console.spend(PULL).await?;
            let pulled = self.try_pull(image, shown);
            if let Err(cause) = pulled {
                self.console
                    .err(&format!(" ✗ Ensuring node image ({shown}) 🖼"));
                return Err(Failure::Said(format!(
                    "failed to pull image {image:?}: command \"docker pull {image}\" failed with error: exit status 1\nCommand Output: {cause}"
                )));
            }
            self.console.ground.write(Entry::Image {
                image: image.to_owned(),
            });
        }
        self.console
            .err(&format!(" ✓ Ensuring node image ({shown}) 🖼"));
        Ok(())
    }

    fn try_pull(&self, image: &str, shown: &str) -> Result<(), String> {
        let faults = self.console.ground.site().faults.clone();
        if faults.offline || faults.fail_create == Some(Stage::Image) {
            return Err("Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host".to_owned());
        }
        if faults.no_space {
            return Err(
                "failed to register layer: write /usr/local/bin/kubelet: no space left on device"
                    .to_owned(),
            );
        }
        match version(image) {
            Some(_) => Ok(()),
            None => Err(format!(
                "Error response from daemon: manifest for {shown} not found: manifest unknown: manifest unknown"
            )),
        }
    }

    /// Returns the containers, named as kind names them.
    fn plan(&self) -> Vec<Container> {
        let planes = self
            .wanted
            .nodes
            .iter()
            .filter(|node| node.role == Role::ControlPlane)
            .count();
        let balanced = planes > 1;
        let mut containers = Vec::new();
        for node in &self.wanted.nodes {
            let same = self.count(&containers, node.role);
            let mut container = self.container(node.role, same, image(node));
            container.labels = node.labels.clone();
            container.taints = node.taints.clone();
            container.mounts = node.mounts.clone();
            container.ports = node.ports.clone();
            if node.role == Role::ControlPlane {
                container.ports.push(self.api_port(if balanced {
                    0
                } else {
                    self.wanted.api_port
                }));
            }
            containers.push(container);
        }
        if balanced {
            let image = "docker.io/envoyproxy/envoy:v1.36.2";
            let mut container = self.container(Role::ExternalLoadBalancer, 0, image);
            container.ports.push(self.api_port(self.wanted.api_port));
            containers.push(container);
        }
        containers
    }

    fn count(&self, containers: &[Container], role: Role) -> usize {
        containers.iter().filter(|it| it.role == role).count()
    }

    fn api_port(&self, host: u16) -> Port {
        Port {
            container: 6443,
            host,
            address: self.wanted.api_address.clone(),
            protocol: "tcp".to_owned(),
        }
    }

    fn container(&self, role: Role, same: usize, image: &str) -> Container {
        let ground = &self.console.ground;
        let suffix = if same == 0 {
            String::new()
        } else {
            (same + 1).to_string()
        };
        let name = format!("{}-{}{suffix}", self.name, role.as_str());
        let now = ground.clock.now();
        Container {
            id: ground.mint(&name),
            volume: ground.mint(&format!("{name} volume")),
            name,
            cluster: self.name.to_owned(),
            role,
            image: image.to_owned(),
            status: Status::Running,
            created: now,
            started: now,
            finished: None,
            ports: Vec::new(),
            mounts: Vec::new(),
            address: String::new(),
            labels: Default::default(),
            taints: Vec::new(),
            joined: false,
        }
    }

    /// Starts the API server, and with it what kubeadm puts there.
    fn start(&self) -> Result<(), Failure> {
        let ground = &self.console.ground;
        let first = self
            .wanted
            .nodes
            .iter()
            .find(|node| node.role == Role::ControlPlane);
        let version = first.and_then(|node| version(image(node)));
        let cluster = Cluster {
            name: self.name.to_owned(),
            id: ground.mint(self.name),
            token: ground.mint("token"),
            version: version.ok_or_else(|| "the image names no version".to_owned())?,
            created: ground.clock.now(),
            balancers: false,
            eks: None,
            aks: None,
            google: None,
        };
        ground.write(Entry::Cluster(cluster.clone()));
        ground.serve(&cluster, Vec::new());
        self.seed(seed::control_plane)?;
        self.join(Role::ControlPlane);
        Ok(())
    }

    /// Remembers that containers have become nodes.
    fn join(&self, role: Role) {
        let ground = &self.console.ground;
        let joined: Vec<Container> = {
            let site = ground.site();
            let ours = site
                .containers
                .values()
                .filter(|it| it.cluster == self.name);
            ours.filter(|it| it.role == role).cloned().collect()
        };
        for container in joined {
            let joined = true;
            ground.write(Entry::Container(Box::new(Container {
                joined,
                ..container
            })));
        }
    }

    fn seed(&self, objects: fn(&seed::Scene<'_>) -> Vec<serde_json::Value>) -> Result<(), Failure> {
        let ground = &self.console.ground;
        let gone = || Failure::Said(format!("cluster {:?} was deleted meanwhile", self.name));
        let running = ground.running(self.name).ok_or_else(gone)?;
        let (containers, version) = {
            let site = ground.site();
            let ours = site
                .containers
                .values()
                .filter(|it| it.cluster == self.name);
            let cluster = site.clusters.get(self.name).ok_or_else(gone)?;
            (ours.cloned().collect::<Vec<_>>(), cluster.version.clone())
        };
        let scene = seed::Scene {
            cluster: self.name,
            containers: &containers,
            version: &version,
        };
        for object in objects(&scene) {
            let shown = format!("{} {}", object["kind"], object["metadata"]["name"]);
            let status = object.get("status").cloned();
            let created = running.api.apply("kubeadm", object);
            let created = created.map_err(|error| format!("cannot create {shown}: {error}"))?;
            if let Some(status) = status {
                let key = crate::reactors::key(&created);
                let patch = serde_json::json!({"status": status});
                let patched = running
                    .api
                    .merge_patch(&key, "kubelet", Some("status"), patch);
                patched.map_err(|error| format!("cannot set the status of {shown}: {error}"))?;
            }
        }
        Ok(())
    }

    /// Waits until the control plane's nodes are Ready, at most for `seconds`.
    async fn ready(&self, seconds: f64) -> Result<bool, Cut> {
        let Some(running) = self.console.ground.running(self.name) else {
            return Ok(false);
        };
        let clock = &self.console.ground.clock;
        let limit = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let until = crate::clock::add(clock.now(), limit);
        let mut changes = running.api.subscribe();
        let all_ready = async {
            loop {
                let planes = running.api.list("", "Node", None);
                let plane = |node: &&std::sync::Arc<serde_json::Value>| {
                    !node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"].is_null()
                };
                if planes
                    .iter()
                    .filter(plane)
                    .all(|node| crate::reactors::is_true(node, "Ready"))
                {
                    return;
                }
                // Lagging behind only means to look again.
                if let Err(tokio::sync::broadcast::error::RecvError::Closed) = changes.recv().await
                {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = self.console.frames.closed() => Err(Cut),
            () = all_ready => Ok(true),
            () = clock.reached(until) => Ok(false),
        }
    }
}

fn image(node: &Node) -> &str {
    node.image.as_deref().unwrap_or(IMAGE)
}

/// Returns the Kubernetes version of a node image that the registry has: `kindest/node` with a full version from 1.30 on.
fn version(image: &str) -> Option<String> {
    let tag = image
        .split('@')
        .next()?
        .strip_prefix("docker.io/")
        .unwrap_or(image.split('@').next()?);
    let tag = tag.strip_prefix("kindest/node:v")?;
    let version = semver::Version::parse(tag).ok()?;
    let released =
        version.major == 1 && (30..=37).contains(&version.minor) && version.pre.is_empty();
    released.then(|| format!("v{version}"))
}

/// Returns what kind says when a stage fails.
fn failure(stage: Stage, name: &str) -> Failure {
    let node = format!("{name}-control-plane");
    Failure::Said(match stage {
        Stage::Image => format!("failed to pull image {IMAGE:?}"),
        Stage::Nodes => format!(
            "could not find a log line that matches \"Reached target .*Multi-User System.*|detected cgroup v1\" in {node}"
        ),
        Stage::Config => format!(
            "failed to copy kubeadm config to node: failed to create directory /kind in {node}"
        ),
        Stage::ControlPlane => format!(
            "failed to init node with kubeadm: command \"docker exec --privileged {node} kubeadm init --config=/kind/kubeadm.conf --skip-token-print --v=6\" failed with error: exit status 1\nCommand Output: [kubelet-check] The kubelet is not healthy after 4m0.00s"
        ),
        Stage::Cni => "failed to apply overlay network: exit status 1".to_owned(),
        Stage::StorageClass => "failed to add default storage class: exit status 1".to_owned(),
        Stage::Workers => "failed to join node with kubeadm: exit status 1".to_owned(),
    })
}
