use super::{Call, Console, Frame, kind};
use crate::{
    ground::Ground,
    stage::{Stage, yaml},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc;

const CONFIG: &str = r#"
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: ignored
nodes:
  - role: control-plane
    labels: {ingress-ready: "true"}
    extraPortMappings:
      - {containerPort: 80, hostPort: 80, protocol: TCP}
      - {containerPort: 443, hostPort: 443, listenAddress: 127.0.0.1}
    extraMounts:
      - {hostPath: /dev/null, containerPath: /windlass/windlass-cluster=dot, readOnly: true}
  - role: worker
    kubeadmConfigPatches:
      - |
        kind: JoinConfiguration
        nodeRegistration:
          taints: [{key: pool, value: big, effect: NoSchedule}]
          kubeletExtraArgs: {node-labels: "pool=big"}
  - role: worker
"#;

async fn inspect(stage: &Stage, name: &str) -> Value {
    let text = stage.ok("docker", &["inspect", name]).await;
    serde_json::from_str::<Value>(&text).unwrap()[0].clone()
}

#[tokio::test]
async fn a_cluster_is_made_looked_at_and_deleted() {
    let stage = Stage::open().await;
    let config = stage.file("config.yaml", CONFIG);
    let output = stage
        .run(
            "kind",
            &["create", "cluster", "--name=dot", "--config", &config],
        )
        .await;
    assert_eq!(output.status, 0, "{}", output.err);
    for line in [
        "Creating cluster \"dot\" ...",
        " ✓ Ensuring node image (kindest/node:v1.36.1) 🖼",
        " ✓ Starting control-plane 🕹️",
        " ✓ Joining worker nodes 🚜",
        "Set kubectl context to \"kind-dot\"",
    ] {
        assert!(
            output.err.lines().any(|it| it == line),
            "{line} in {}",
            output.err
        );
    }
    assert_eq!(stage.ok("kind", &["get", "clusters"]).await, "dot\n");
    let nodes = stage.ok("kind", &["get", "nodes", "-n", "dot"]).await;
    assert_eq!(nodes, "dot-control-plane\ndot-worker\ndot-worker2\n");

    let label = "label=io.x-k8s.kind.cluster=dot";
    let format = "{{.Names}}\\t{{.Label \"io.x-k8s.kind.role\"}}\\t{{.State}}";
    let rows = stage
        .ok(
            "docker",
            &["ps", "-a", "--filter", label, "--format", format],
        )
        .await;
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [
            "dot-control-plane\tcontrol-plane\trunning",
            "dot-worker\tworker\trunning",
            "dot-worker2\tworker\trunning"
        ]
    );
    let plane = inspect(&stage, "dot-control-plane").await;
    assert_eq!(plane["Name"], "/dot-control-plane");
    assert_eq!(plane["State"]["Running"], true);
    assert_eq!(
        plane["Config"]["Labels"]["io.x-k8s.kind.role"],
        "control-plane"
    );
    assert_eq!(
        plane["NetworkSettings"]["Ports"]["80/tcp"],
        json!([{"HostIp": "0.0.0.0", "HostPort": "80"}])
    );
    assert_eq!(
        plane["NetworkSettings"]["Ports"]["443/tcp"][0]["HostIp"],
        "127.0.0.1"
    );
    let mounts = plane["Mounts"].as_array().unwrap();
    let mark = mounts
        .iter()
        .find(|it| it["Destination"] == "/windlass/windlass-cluster=dot");
    assert_eq!(
        (&mark.unwrap()["Source"], &mark.unwrap()["RW"]),
        (&json!("/dev/null"), &json!(false))
    );

    let kubeconfig = yaml(&stage.kubeconfig());
    assert_eq!(kubeconfig["current-context"], "kind-dot");
    let server = kubeconfig["clusters"][0]["cluster"]["server"]
        .as_str()
        .unwrap();
    assert!(
        server.starts_with("https://127.0.0.1:") && server.ends_with("/clusters/dot"),
        "{server}"
    );
    let printed = stage
        .ok("kind", &["get", "kubeconfig", "--name", "dot"])
        .await;
    assert_eq!(
        serde_saphyr::from_str::<Value>(&printed).unwrap()["users"],
        kubeconfig["users"]
    );

    let text = stage
        .ok(
            "docker",
            &[
                "exec",
                "dot-control-plane",
                "kubectl",
                "--kubeconfig=/etc/kubernetes/admin.conf",
                "get",
                "nodes",
                "-o",
                "json",
            ],
        )
        .await;
    let nodes: Value = serde_json::from_str(&text).unwrap();
    let node = |name: &str| {
        nodes["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["metadata"]["name"] == name)
            .unwrap()
    };
    assert_eq!(
        node("dot-control-plane")["metadata"]["labels"]["ingress-ready"],
        "true"
    );
    assert_eq!(node("dot-worker")["metadata"]["labels"]["pool"], "big");
    assert_eq!(
        node("dot-worker")["spec"]["taints"][0],
        json!({"key": "pool", "value": "big", "effect": "NoSchedule"})
    );

    let deleted = stage
        .run("kind", &["delete", "cluster", "--name", "dot"])
        .await;
    assert_eq!(deleted.status, 0);
    assert!(
        deleted
            .err
            .contains("Deleted nodes: [\"dot-control-plane\" \"dot-worker\" \"dot-worker2\"]"),
        "{}",
        deleted.err
    );
    assert_eq!(yaml(&stage.kubeconfig())["clusters"], json!([]));
    let state = stage.get("state").await;
    assert_eq!(
        (&state["containers"], &state["clusters"]),
        (&json!([]), &json!([]))
    );
    let none = stage.run("kind", &["get", "clusters"]).await;
    assert_eq!(
        (none.status, none.out.as_str(), none.err.as_str()),
        (0, "", "No kind clusters found.\n")
    );
    // Deleting what is gone is no error.
    stage
        .ok("kind", &["delete", "cluster", "--name", "dot"])
        .await;
}

#[tokio::test]
async fn calls_are_checked_as_cobra_does() {
    let stage = Stage::open().await;
    for (args, message) in [
        (
            &["create", "cluster", "--foo"][..],
            "ERROR: unknown flag: --foo\n",
        ),
        (
            &["create", "cluster", "--name"],
            "ERROR: flag needs an argument: --name\n",
        ),
        (
            &["get", "clusters", "--image", "x"],
            "ERROR: unknown flag: --image\n",
        ),
        (
            &["get", "clusters", "-x"],
            "ERROR: unknown shorthand flag: 'x' in -x\n",
        ),
        (&["make"], "ERROR: unknown command \"make\" for \"kind\"\n"),
        (
            &["get", "kubeconfig", "--name", "x"],
            "ERROR: could not locate any control plane nodes for cluster named 'x'. Use the --name option to select a different cluster\n",
        ),
        (
            &["create", "cluster", "--name", "No"],
            "ERROR: failed to create cluster: 'No' is not a valid cluster name, cluster names must match `^[a-z0-9.-]+$`\n",
        ),
        (
            &["create", "cluster", "--config", "/nowhere"],
            "ERROR: failed to create cluster: error reading file: open /nowhere: No such file or directory (os error 2)\n",
        ),
    ] {
        assert_eq!(stage.fails("kind", args).await, message, "{args:?}");
    }
    let unknown = stage.run("docker", &["ps", "--foo"]).await;
    assert_eq!(unknown.status, 125);
    assert!(
        unknown.err.starts_with("unknown flag: --foo\n"),
        "{}",
        unknown.err
    );
    let missing = stage.run("docker", &["exec", "x", "true"]).await;
    assert_eq!(
        (missing.status, missing.err.as_str()),
        (1, "Error response from daemon: No such container: x\n")
    );
    assert!(
        stage.get("mutations").await.as_array().unwrap().is_empty(),
        "nothing was begun"
    );
}

#[tokio::test]
async fn configurations_are_read_strictly() {
    let stage = Stage::open().await;
    let head = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";
    for (text, message) in [
        (
            "kind: Cluster\napiVersion: v2\n".to_owned(),
            "unknown apiVersion: v2",
        ),
        (format!("{head}nodez: []\n"), "unknown field `nodez`"),
        (
            format!("{head}nodes: [{{role: boss}}]\n"),
            "invalid configuration for node 0: \"boss\" is not a valid node role",
        ),
        (
            format!("{head}nodes: [{{role: worker}}]\n"),
            "must have at least one control-plane node",
        ),
        (
            format!(
                "{head}nodes: [{{extraPortMappings: [{{containerPort: 80, hostPort: 70000}}]}}]\n"
            ),
            "invalid port number: 70000",
        ),
        (
            format!("{head}nodes: [{{image: \"kindest/node:v9\"}}]\n"),
            "manifest for kindest/node:v9 not found",
        ),
    ] {
        let path = stage.file("bad.yaml", &text);
        let error = stage
            .fails("kind", &["create", "cluster", "--config", &path])
            .await;
        assert!(
            error.contains("ERROR: failed to create cluster: ") && error.contains(message),
            "{text}: {error}"
        );
    }
}

#[tokio::test]
async fn what_stands_in_the_way_is_said_as_kind_says_it() {
    let stage = Stage::open().await;
    stage.dot().await;
    let error = stage
        .fails("kind", &["create", "cluster", "--name", "dot"])
        .await;
    assert!(
        error.contains("node(s) already exist for a cluster with the name \"dot\""),
        "{error}"
    );

    let port = stage.file("port.yaml", "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{extraPortMappings: [{containerPort: 80, hostPort: 80}]}]\n");
    let create = [
        "create",
        "cluster",
        "--name",
        "two",
        "--config",
        port.as_str(),
    ];
    stage
        .ok(
            "kind",
            &["create", "cluster", "--name", "one", "--config", &port],
        )
        .await;
    let error = stage.fails("kind", &create).await;
    assert!(
        error.contains("Bind for 0.0.0.0:80 failed: port is already allocated"),
        "{error}"
    );
    stage.ok("docker", &["stop", "one-control-plane"]).await;
    stage.post("machine", json!({"taken_ports": [80]})).await;
    let error = stage.fails("kind", &create).await;
    assert!(
        error.contains("failed to bind host port 0.0.0.0:80/tcp: address already in use"),
        "{error}"
    );

    for (faults, message) in [
        (
            json!({"docker": "stopped"}),
            "Is the docker daemon running?",
        ),
        (
            json!({"docker": "absent"}),
            "exec: \"docker\": executable file not found in $PATH",
        ),
        (json!({"no_space": true}), "no space left on device"),
        (
            json!({"fail_create": "control-plane"}),
            "failed to init node with kubeadm",
        ),
        (json!({"fail_create": "workers"}), ""),
    ] {
        stage.post("machine", faults.clone()).await;
        let output = stage
            .run("kind", &["create", "cluster", "--name", "three"])
            .await;
        // A cluster of one node has no stage "workers".
        assert_eq!(
            output.status == 0,
            message.is_empty(),
            "{faults}: {}",
            output.err
        );
        assert!(output.err.contains(message), "{faults}: {}", output.err);
    }
    stage.post("machine", json!({})).await;
    assert_eq!(
        stage.ok("kind", &["get", "clusters"]).await,
        "dot\none\nthree\n",
        "nothing is left of the failed ones"
    );
}

#[tokio::test]
async fn a_killed_kind_leaves_a_half_made_cluster() {
    let stage = Stage::open().await;
    let ground: Arc<Ground> = stage.world.ground();
    let (frames, mut receiver) = mpsc::unbounded_channel();
    let console = Console { ground, frames };
    let call = Call {
        program: "kind".to_owned(),
        args: ["create", "cluster", "--name", "dot"]
            .map(str::to_owned)
            .to_vec(),
        env: Default::default(),
        config: None,
    };
    let running = tokio::spawn(async move { kind::run(&console, &call).await.is_err() });
    while let Some(frame) = receiver.recv().await {
        if matches!(&frame, Frame::Err(text) if text.contains("• Starting control-plane")) {
            break;
        }
    }
    drop(receiver);
    assert!(running.await.unwrap(), "it stops when its client is gone");
    assert_eq!(stage.ok("kind", &["get", "clusters"]).await, "dot\n");
    let state = stage.get("state").await;
    assert_eq!(state["containers"].as_array().unwrap().len(), 1);
    assert_eq!(state["clusters"], json!([]), "its API server never started");
    let exec = ["exec", "dot-control-plane", "kubectl", "get", "nodes"];
    assert!(
        stage
            .fails("docker", &exec)
            .await
            .contains("/etc/kubernetes/admin.conf")
    );
    assert!(
        stage
            .fails("kind", &["create", "cluster", "--name", "dot"])
            .await
            .contains("already exist")
    );
    stage
        .ok("kind", &["delete", "cluster", "--name", "dot"])
        .await;
    stage.dot().await;
}

#[tokio::test]
async fn containers_stop_and_start() {
    let stage = Stage::open().await;
    stage.dot().await;
    let kubectl = [
        "exec",
        "dot-control-plane",
        "kubectl",
        "get",
        "--raw=/readyz",
    ];
    assert_eq!(
        stage.ok("docker", &["stop", "dot-control-plane"]).await,
        "dot-control-plane\n"
    );
    assert!(
        stage
            .fails("docker", &kubectl)
            .await
            .contains("is not running")
    );
    assert_eq!(stage.ok("docker", &["ps", "-q"]).await, "");
    assert_eq!(
        inspect(&stage, "dot-control-plane").await["State"]["Status"],
        "exited"
    );
    let removed = stage.run("docker", &["rm", "nothing"]).await;
    assert_eq!(
        removed.err,
        "Error response from daemon: No such container: nothing\n"
    );
    stage.ok("docker", &["start", "dot-control-plane"]).await;
    assert!(
        stage
            .fails("docker", &["rm", "dot-control-plane"])
            .await
            .contains("container is running")
    );
    stage
        .ok("docker", &["rm", "-f", "-v", "dot-control-plane"])
        .await;
    assert_eq!(
        stage.get("state").await["clusters"],
        json!([]),
        "a cluster goes with its control plane"
    );
    let history = stage.get("history").await;
    let lives: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["what"].as_str().unwrap(), it["died"].is_null()))
        .collect();
    assert_eq!(lives, [("container", false), ("cluster", false)]);
}

#[tokio::test]
async fn several_control_planes_have_a_load_balancer() {
    let stage = Stage::open().await;
    let text =
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{}, {}, {role: worker}]\n";
    let path = stage.file("ha.yaml", text);
    stage
        .ok("kind", &["create", "cluster", "--config", &path])
        .await;
    let names = stage
        .ok(
            "docker",
            &["ps", "--format", "{{.Names}}", "--filter", "name=^kind-"],
        )
        .await;
    let mut names: Vec<&str> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "kind-control-plane",
            "kind-control-plane2",
            "kind-external-load-balancer",
            "kind-worker"
        ]
    );
    assert!(
        !stage
            .ok("kind", &["get", "nodes"])
            .await
            .contains("load-balancer")
    );
}
