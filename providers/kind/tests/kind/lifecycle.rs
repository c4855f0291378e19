//! What the real kind makes of it, over a fake docker. What every provider must do is in the conformance suite.

use std::{collections::BTreeMap, time::Duration};

use crate::machine::{Machine, nothing, spec};
use windlass_provider::{
    Auth, Change, Fault, NodePool, Owner, Provider, Scope, State, Taint, TaintEffect, Verdict,
};

#[tokio::test]
async fn a_cluster_with_pools_ports_and_a_lifetime_is_made_found_and_deleted() {
    let Some(machine) = Machine::real() else {
        return;
    };
    let (kind, cx) = (machine.kind(), machine.cx());
    let mut spec = spec("dot");
    spec.nodes.min = 2;
    spec.lifetime = Some(Duration::from_secs(3600));
    spec.node_pools.push(NodePool {
        name: "gpu".into(),
        min: 2,
        max: 2,
        labels: BTreeMap::from([("tier".into(), "fast".into())]),
        taints: vec![Taint {
            key: "dedicated".into(),
            value: "gpu".into(),
            effect: TaintEffect::NoSchedule,
        }],
        ..NodePool::default()
    });
    let facts = kind.facts(&cx, &spec).await.unwrap();
    assert!(
        facts.identity.starts_with("docker 28.2.2, kind 0."),
        "{}",
        facts.identity
    );
    for check in kind.preflight(&cx, &spec, &facts).await {
        assert_eq!(check.verdict, Verdict::Passed, "{check:?}");
    }
    let cluster = machine.plan(&spec).await;
    let missing = kind.observe(&cx, &cluster, &nothing()).await.unwrap();
    assert_eq!(missing.state, State::Missing);

    machine.put("docker/polls", "2");
    let (change, outputs) = kind.ensure(&cx, &cluster, &nothing()).await.unwrap();
    assert_eq!(change, Change::Made);
    assert_eq!(outputs["nodes"], "4");
    assert_eq!(
        (
            outputs["http-port"].as_str(),
            outputs["https-port"].as_str()
        ),
        ("80", "443")
    );
    let said = machine.said();
    for expected in [
        "preparing nodes",
        "joining worker nodes",
        "0 of 4 nodes ready",
    ] {
        assert!(
            said.iter().any(|line| line == expected),
            "{expected}: {said:?}"
        );
    }

    let there = kind.observe(&cx, &cluster, &nothing()).await.unwrap();
    assert_eq!(
        (there.state, there.owner),
        (State::Ready, Owner::Ours),
        "{there:?}"
    );
    assert_eq!(there.differs, []);
    assert_eq!(there.outputs, outputs);
    let access = kind.kubeconfig(&cx, &spec.name).await.unwrap();
    assert!(
        access.server.starts_with("https://127.0.0.1:"),
        "{}",
        access.server
    );
    assert!(matches!(access.auth, Auth::Certificate { .. }));
    let found = kind.discover(&cx, Scope::all()).await.unwrap();
    let removed = kind
        .delete(&cx, &found[0].resource, &nothing())
        .await
        .unwrap();
    assert_eq!(removed, Change::Removed);
    assert_eq!(machine.type_in("docker", &["ps", "-a"]), "");
    assert_eq!(
        std::fs::read_dir(machine.path("home")).unwrap().count(),
        0,
        "the user's kubeconfig was touched"
    );
}

#[tokio::test]
async fn a_stopped_cluster_is_started_and_a_different_one_refused() {
    let Some(machine) = Machine::real() else {
        return;
    };
    let (kind, cx) = (machine.kind(), machine.cx());
    let mut spec = spec("dot");
    let cluster = machine.plan(&spec).await;
    kind.ensure(&cx, &cluster, &nothing()).await.unwrap();

    for verb in ["stop", "pause"] {
        machine.type_in("docker", &[verb, "dot-control-plane"]);
        let stopped = kind.observe(&cx, &cluster, &nothing()).await.unwrap();
        assert_eq!(stopped.state, State::Failed);
        assert!(stopped.detail.unwrap().contains("dot-control-plane"));
        assert_eq!(stopped.differs, []);
        let (change, _) = kind.ensure(&cx, &cluster, &nothing()).await.unwrap();
        assert_eq!(change, Change::Updated);
    }

    spec.nodes.min = 3;
    spec.kind.http_port = 8080;
    spec.kubernetes_version = Some("1.30.1".into());
    spec.lifetime = Some(Duration::from_secs(60));
    let other = machine.plan(&spec).await;
    let there = kind.observe(&cx, &other, &nothing()).await.unwrap();
    let fields: Vec<&str> = there
        .differs
        .iter()
        .map(|differs| differs.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "nodes.min",
            "kubernetes-version",
            "kind.http-port",
            "lifetime"
        ]
    );
    assert!(there.differs.iter().all(|differs| !differs.changeable));
    let error = kind.ensure(&cx, &other, &nothing()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Invalid);
    assert!(
        error
            .causes
            .contains(&"nodes.min: 3 is wanted, 1 is there".to_owned()),
        "{error:?}"
    );
    assert!(
        error
            .hints
            .iter()
            .any(|hint| hint.contains("windlass destroy kind --cluster dot"))
    );

    // A lifetime alone stops nothing.
    let mut longer = crate::machine::spec("dot");
    longer.lifetime = Some(Duration::from_secs(60));
    let longer = machine.plan(&longer).await;
    assert_eq!(
        kind.ensure(&cx, &longer, &nothing()).await.unwrap().0,
        Change::Unchanged
    );
}

#[tokio::test]
async fn a_cluster_of_somebody_else_is_known_by_its_missing_mark_and_not_mended() {
    let Some(machine) = Machine::real() else {
        return;
    };
    let (kind, cx, spec) = (machine.kind(), machine.cx(), spec("dot"));
    machine.type_in(
        "kind",
        &[
            "create",
            "cluster",
            "--name",
            "dot",
            "--kubeconfig",
            machine.path("kc").to_str().unwrap(),
        ],
    );
    machine.type_in(
        "kind",
        &[
            "create",
            "cluster",
            "--name",
            "0.other",
            "--kubeconfig",
            machine.path("kc").to_str().unwrap(),
        ],
    );
    let facts = kind.facts(&cx, &spec).await.unwrap();
    let checks = kind.preflight(&cx, &spec, &facts).await;
    let warning = checks
        .iter()
        .find(|check| check.verdict == Verdict::Warning)
        .unwrap();
    assert!(warning.detail.contains("never deleted"), "{warning:?}");

    let found = kind.discover(&cx, Scope::all()).await.unwrap();
    assert_eq!(
        found.len(),
        1,
        "the other name is none that windlass could have given"
    );
    assert_eq!(
        (found[0].observed.owner, &found[0].tags),
        (Owner::Foreign, &None)
    );
    let cluster = machine.plan(&spec).await;
    machine.type_in("docker", &["stop", "dot-control-plane"]);
    let error = kind.ensure(&cx, &cluster, &nothing()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Conflict);
    let left = machine.type_in("docker", &["ps", "-a"]);
    assert!(
        left.contains("dot-control-plane") && !machine.type_in("docker", &["ps"]).contains("dot-")
    );
}

#[tokio::test]
async fn a_cluster_left_half_made_is_made_again() {
    let Some(machine) = Machine::real() else {
        return;
    };
    let (kind, spec) = (machine.kind(), spec("dot"));
    let cluster = machine.plan(&spec).await;
    // Docker does not come back from starting the node, and the user interrupts.
    machine.put("docker/hang", "");
    let cx = machine.cx();
    let cancel = cx.cancel.clone();
    let hanging = machine.path("docker/hanging");
    let interrupt = async {
        while !hanging.exists() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let known = nothing();
    let (ended, ()) = futures::join!(kind.ensure(&cx, &cluster, &known), interrupt);
    let error = ended.unwrap_err();
    assert_eq!(error.fault, Fault::Cancelled);
    assert_eq!(error.to_string(), "cannot create kind cluster \"dot\"");
    std::fs::remove_file(machine.path("docker/hang")).unwrap();

    let cx = machine.cx();
    let half = kind.observe(&cx, &cluster, &nothing()).await.unwrap();
    assert_eq!((half.state, half.owner), (State::Making, Owner::Ours));
    assert!(half.detail.unwrap().contains("never started"));
    let facts = kind.facts(&cx, &spec).await.unwrap();
    let checks = kind.preflight(&cx, &spec, &facts).await;
    assert!(
        checks
            .iter()
            .any(|check| check.detail.contains("half made")),
        "{checks:?}"
    );

    assert_eq!(
        kind.ensure(&cx, &cluster, &nothing()).await.unwrap().0,
        Change::Made
    );
    assert!(
        machine
            .said()
            .iter()
            .any(|line| line.contains("was left half made"))
    );

    // Kind ended between two of its steps: Kubernetes not started, storage not installed.
    for (inner, reason) in [
        ("joined", "never started in it"),
        ("storage", "storage was never installed"),
    ] {
        std::fs::remove_file(
            machine
                .path("docker/containers/dot-control-plane")
                .join(inner),
        )
        .unwrap();
        let half = kind.observe(&cx, &cluster, &nothing()).await.unwrap();
        assert_eq!(half.state, State::Making);
        assert!(half.detail.as_ref().unwrap().contains(reason), "{half:?}");
        assert_eq!(
            kind.ensure(&cx, &cluster, &nothing()).await.unwrap().0,
            Change::Made
        );
    }
    // The same in a cluster that somebody uses is no reason to throw it away.
    std::fs::remove_file(machine.path("docker/containers/dot-control-plane/storage")).unwrap();
    machine.put(
        "docker/containers/dot-control-plane/namespaces",
        "namespace/shop\n",
    );
    assert_eq!(
        kind.ensure(&cx, &cluster, &nothing()).await.unwrap().0,
        Change::Unchanged
    );
}

#[tokio::test]
async fn a_cluster_that_never_comes_back_is_given_up_and_not_remade() {
    let Some(machine) = Machine::real() else {
        return;
    };
    let clock = std::sync::Arc::clone(&machine.clock);
    let cx = machine.listening(move |said| {
        if said.contains("was refused") {
            clock.advance(Duration::from_secs(180));
        }
    });
    let kind = machine.kind();
    let mut spec = spec("dot");
    spec.nodes.min = 2;
    let cluster = machine.plan(&spec).await;
    kind.ensure(&cx, &cluster, &nothing()).await.unwrap();

    machine.put("docker/silent", "");
    let seen = kind.observe(&cx, &cluster, &nothing()).await.unwrap();
    assert_eq!(seen.state, State::Making);
    assert!(seen.detail.unwrap().contains("was refused"));
    let error = kind.ensure(&cx, &cluster, &nothing()).await.unwrap_err();
    assert_eq!(error.to_string(), "kind cluster \"dot\" does not work");
    assert!(
        error
            .hints
            .iter()
            .any(|hint| hint.contains("does not remake")),
        "{error:?}"
    );
    std::fs::remove_file(machine.path("docker/silent")).unwrap();

    machine.put("docker/polls", "1000");
    let short = cx.within(Duration::from_secs(7));
    let error = kind.ensure(&short, &cluster, &nothing()).await.unwrap_err();
    assert_eq!(error.fault, Fault::TimedOut);
    assert_eq!(error.causes, ["0 of 2 nodes ready"]);
    machine.put("docker/polls", "0");
    assert_eq!(
        kind.ensure(&cx, &cluster, &nothing()).await.unwrap().0,
        Change::Unchanged
    );

    // A worker whose container somebody removed does not come back; one that never joined does, in a new cluster.
    machine.type_in("docker", &["rm", "-f", "dot-worker"]);
    let joined = machine.path("docker/containers/dot-control-plane");
    machine.type_in(
        "docker",
        &[
            "run",
            "--name",
            "dot-worker",
            "--label",
            "io.x-k8s.kind.cluster=dot",
            "--label",
            "io.x-k8s.kind.role=worker",
            "kindest/node:v1.37.0",
        ],
    );
    assert!(joined.join("storage").exists());
    let half = kind.observe(&cx, &cluster, &nothing()).await.unwrap();
    assert_eq!(
        half.detail.as_deref(),
        Some("half made: 1 of 2 nodes have joined")
    );
    assert_eq!(
        kind.ensure(&cx, &cluster, &nothing()).await.unwrap().0,
        Change::Made
    );
}

#[tokio::test]
async fn a_taken_port_is_found_before_and_explained_after() {
    let Some(machine) = Machine::real() else {
        return;
    };
    let (kind, cx, mut spec) = (machine.kind(), machine.cx(), spec("dot"));
    machine.type_in(
        "docker",
        &[
            "run",
            "--name",
            "web",
            "--detach",
            "--publish=127.0.0.1:80:8080/tcp",
            "nginx",
        ],
    );
    machine.type_in(
        "docker",
        &["run", "--name", "dot-worker2", "--detach", "nginx"],
    );
    let facts = kind.facts(&cx, &spec).await.unwrap();
    let checks = kind.preflight(&cx, &spec, &facts).await;
    let failed: Vec<_> = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .collect();
    assert_eq!(failed.len(), 2, "{checks:?}");
    assert!(
        failed[0].detail.contains("container dot-worker2"),
        "{failed:?}"
    );
    assert!(
        failed[1].detail.contains("container web has port 80"),
        "{failed:?}"
    );
    assert!(failed[1].hints[0].contains("--http-port"));

    let cluster = machine.plan(&spec).await;
    let error = kind.ensure(&cx, &cluster, &nothing()).await.unwrap_err();
    assert_eq!(error.fault, Fault::Conflict);
    assert_eq!(error.to_string(), "cannot create kind cluster \"dot\"");
    assert!(
        error.causes[0].starts_with("\"kind create cluster --name dot --config "),
        "{error:?}"
    );
    assert!(
        error
            .causes
            .iter()
            .any(|cause| cause.contains("Bind for 127.0.0.1:80 failed")),
        "{error:?}"
    );
    assert!(error.hints[0].contains("--http-port"));

    spec.kind.http_port = 0;
    let cluster = machine.plan(&spec).await;
    assert_eq!(
        kind.ensure(&cx, &cluster, &nothing()).await.unwrap().0,
        Change::Made
    );
    assert_eq!(
        kind.delete(&cx, &cluster, &nothing()).await.unwrap(),
        Change::Removed
    );
    let left = machine.type_in("docker", &["ps", "-a"]);
    assert!(
        left.contains("web") && left.contains("dot-worker2") && !left.contains("control-plane")
    );
}

#[tokio::test]
async fn without_kind_a_cluster_can_still_be_deleted() {
    let Some(machine) = Machine::real() else {
        return;
    };
    let (kind, cx, spec) = (machine.kind(), machine.cx(), spec("dot"));
    let cluster = machine.plan(&spec).await;
    kind.ensure(&cx, &cluster, &nothing()).await.unwrap();
    std::fs::remove_file(machine.path("bin/kind")).unwrap();
    assert_eq!(
        kind.delete(&cx, &cluster, &nothing()).await.unwrap(),
        Change::Removed
    );
    assert_eq!(machine.type_in("docker", &["ps", "-a"]), "");
    let error = kind.ensure(&cx, &cluster, &nothing()).await.unwrap_err();
    assert_eq!(
        (error.fault, error.to_string().as_str()),
        (Fault::Unavailable, "kind is not installed")
    );
}
