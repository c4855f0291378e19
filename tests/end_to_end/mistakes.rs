//! A machine that is not ready, a cluster of somebody else's, and words that windlass does not know.

use serde_json::json;

use crate::bed::Bed;

const SETUP: &[&str] = &["setup", "kind", "--rehearse"];
const DESTROY: &[&str] = &["destroy", "kind", "--rehearse"];
const LIST: &[&str] = &["cluster", "list", "--all", "--rehearse", "--output", "json"];

/// Returns the clusters that are listed.
fn clusters(bed: &Bed) -> serde_json::Value {
    serde_json::from_str(&bed.run(LIST).expect(0).out).expect("JSON")
}

#[test]
fn every_missing_program_is_named_at_once() {
    let bed = Bed::new();
    let ran = bed.run(&["setup", "kind"]).expect(1);
    insta::assert_snapshot!(ran.err, @"
    error: kind and docker are not installed
      hint: install kind: https://kind.sigs.k8s.io/docs/user/quick-start/#installation (Debian, Arch, Fedora and Nix have a package)
      hint: or type `devbox shell` in a folder with windlass's devbox.json, which brings kind and a docker client
      hint: install Docker Engine: https://docs.docker.com/engine/install/ (or podman, or nerdctl)
    ");
    assert_eq!(ran.out, "");
    for command in ["destroy", "status"] {
        let ran = bed.run(&[command]).expect(1);
        assert!(ran.err.contains("not installed"), "{}", ran.err);
    }
}

#[test]
fn a_docker_that_does_not_run_is_said_with_how_to_start_it() {
    let bed = Bed::new();
    for (said, kind) in [
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "stopped",
        ),
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.47/info\": dial unix /var/run/docker.sock: connect: permission denied",
            "denied",
        ),
    ] {
        let path = bed.programs(&[
            (
                "kind",
                "[ \"$1\" = version ] && echo 'kind v0.33.0 go1.26.2 linux/amd64'",
            ),
            ("docker", &format!("echo '{said}' >&2; exit 1")),
        ]);
        let ran = bed.finish(bed.command(&["setup", "kind"]).env("PATH", path));
        insta::assert_snapshot!(kind, format!("exit code {}\n{}", ran.code, ran.err));
        assert!(bed.text("kubeconfig-dot.yaml").is_none());
    }
}

#[test]
fn a_rehearsed_docker_can_be_down_or_absent_too() {
    for (docker, said) in [("stopped", "daemon"), ("absent", "docker")] {
        let bed = Bed::new();
        let world = bed.serve();
        world.tell("machine", &json!({"docker": docker}));
        let ran = bed.run(SETUP).expect(1);
        assert!(ran.err.contains(said), "{}", ran.err);
        assert!(ran.err.contains("hint:"), "{}", ran.err);
        assert!(world.containers().is_empty());
        // It works once docker does.
        world.tell("machine", &json!({}));
        bed.run(SETUP).expect(0);
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_the_way_out() {
    let bed = Bed::new();
    let world = bed.serve();
    world.tell("machine", &json!({"taken_ports": [80]}));
    // The port is the machine's own business until the container is started.
    let ran = bed.run(SETUP).expect(3);
    for part in ["80", "--http-port"] {
        assert!(ran.err.contains(part), "{part}:\n{}", ran.err);
    }
    bed.run(&[SETUP, &["--http-port", "8080", "--replan"]].concat())
        .expect(0);
    assert_eq!(world.containers(), ["dot-control-plane"]);
}

#[test]
fn a_full_disk_and_a_missing_network_of_the_machine_are_said() {
    for (fault, said) in [("no_space", "no space left"), ("offline", "image")] {
        let bed = Bed::new();
        let world = bed.serve();
        world.tell("machine", &json!({fault: true}));
        let ran = bed.run(SETUP).expect(3);
        assert!(ran.err.to_lowercase().contains(said), "{}", ran.err);
        assert!(ran.err.contains("hint: go on from step"), "{}", ran.err);
        world.tell("machine", &json!({}));
        bed.run(SETUP).expect(0);
        bed.run(DESTROY).expect(0);
        assert!(world.containers().is_empty());
    }
}

#[test]
fn a_cluster_of_somebody_else_is_used_and_never_deleted() {
    let bed = Bed::new();
    let world = bed.serve();
    world
        .program(&bed, "kind", &["create", "cluster", "--name", "dot"])
        .expect(0);
    // One that windlass would have made.
    world.make_namespace(&bed, "dot", "b-team");
    let before = world.objects("dot");
    let lives = world.ask("history");

    let up = bed.run(SETUP).expect(0);
    assert!(
        up.err.contains("windlass did not make it") && up.err.contains("never deleted"),
        "{}",
        up.err
    );
    assert!(
        !up.out.contains("  kind cluster dot\n  kubeconfig"),
        "{}",
        up.out
    );
    let status = bed.run(&["status", "--rehearse"]).expect(0);
    assert!(
        status
            .out
            .contains("made by others: windlass uses it and will not delete it"),
        "{}",
        status.out
    );
    assert_eq!(clusters(&bed)[0]["owner"], "foreign");

    let down = bed.run(DESTROY).expect(0);
    assert!(
        down.out.contains("windlass did not make it"),
        "{}",
        down.out
    );
    assert_eq!(world.ask("history"), lives, "the cluster is another");
    let after = world.objects("dot");
    let gone: Vec<_> = before.iter().filter(|it| !after.contains(it)).collect();
    assert!(gone.is_empty(), "{gone:?}");
    for left in &after {
        let windlass = ["flux", "cert-manager", "traefik", "windlass", "a-team"];
        // Helm keeps these, with what the user has made of them; the receipt says so.
        let kept = left.starts_with("CustomResourceDefinition ")
            && (left.ends_with(".cert-manager.io") || left.ends_with(".traefik.io"));
        assert!(
            kept || !windlass.iter().any(|ours| left.contains(ours)),
            "{left} is left"
        );
    }
    for said in [
        "kept on purpose\n",
        "  what traefik left behind\n    ",
        "the chart keeps them",
        "Helm never deletes a chart's CRDs",
        "nothing is left behind, but for what is kept on purpose\n",
    ] {
        assert!(down.out.contains(said), "{said}:\n{}", down.out);
    }
    assert_eq!(clusters(&bed)[0]["owner"], "foreign");
}

#[test]
fn what_somebody_else_installed_is_used_and_never_removed() {
    let bed = Bed::new();
    let world = bed.serve();
    world
        .program(&bed, "kind", &["create", "cluster", "--name", "dot"])
        .expect(0);
    bed.run(SETUP).expect(0);
    // Without the inventory, all of it is somebody else's.
    let inventory = "api/v1/namespaces/windlass-system";
    world.ask_cluster(&bed, "dot", "DELETE", inventory, &serde_json::json!({}));
    let before = world.objects("dot");

    let up = bed.run(SETUP).expect(0);
    for component in ["flux", "cert-manager", "traefik"] {
        let said = format!("{component} was installed by somebody else");
        assert!(up.out.contains(&said), "{said}:\n{}", up.out);
    }
    bed.run(DESTROY).expect(0);
    let after = world.objects("dot");
    let gone: Vec<_> = before.iter().filter(|it| !after.contains(it)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn two_clusters_live_side_by_side() {
    let bed = Bed::new();
    let world = bed.serve();
    let setup = |name: &'static str, http: &'static str, https: &'static str| {
        let ports = [
            "--cluster",
            name,
            "--http-port",
            http,
            "--https-port",
            https,
        ];
        bed.start(&mut bed.command(&[SETUP, &ports].concat()))
    };
    let (a, b) = (setup("a", "8080", "8443"), setup("b", "9080", "9443"));
    a.end().expect(0);
    b.end().expect(0);
    let list = clusters(&bed);
    assert_eq!(list[0]["cluster"], "a");
    assert_eq!(list[1]["cluster"], "b");
    let env = bed.run(&["env", "--cluster", "a", "--rehearse"]).expect(0);
    assert!(env.out.contains("KUBECONFIG_A="), "{}", env.out);
    bed.run(&[DESTROY, &["--cluster", "a"]].concat()).expect(0);
    assert_eq!(world.containers(), ["b-control-plane"]);
    let status = bed.run(&["status", "--cluster", "b", "--rehearse"]);
    status.expect(0);
    let text = bed.text("rehearsal/.env").expect("b's block");
    assert!(
        text.contains("KUBECONFIG_B") && !text.contains("KUBECONFIG_A"),
        "{text}"
    );
    bed.run(&[DESTROY, &["--cluster", "b"]].concat()).expect(0);
    assert!(world.containers().is_empty());
}

#[test]
fn two_setups_of_one_cluster_do_not_meet() {
    let bed = Bed::new();
    let world = bed.serve();
    world.hold(1, "before");
    let first = bed.start(&mut bed.command(SETUP));
    let held = world.held();
    assert!(held.contains("kind create cluster"), "{held}");
    for command in [SETUP, DESTROY, &["clean", "--yes", "--rehearse"]] {
        let second = bed.run(command).expect(1);
        let at_work = format!("at work on cluster dot: setup, process {}", first.id());
        assert!(second.err.contains(&at_work), "{}", second.err);
        let hint = format!("kill -INT {}", first.id());
        assert!(second.err.contains(&hint), "{}", second.err);
    }
    // Looking is allowed.
    bed.run(LIST).expect(0);
    world.release();
    first.end().expect(0);
    assert_eq!(world.ask("history").as_array().map(Vec::len), Some(2));
}

#[test]
fn words_that_are_not_known_are_refused_with_those_that_are() {
    let bed = Bed::new();
    let mut told = String::new();
    for args in [
        &["setup", "azur", "--rehearse"][..],
        &["setup", "--rehearse"],
        &["setup", "kind", "--provider", "kin", "--rehearse"],
        &["setup", "kind", "--rehearse", "--only", "traefk"],
        &[
            "setup",
            "kind",
            "--rehearse",
            "--without",
            "traefik,certmanager",
        ],
        &["setup", "kind", "--rehearse", "--cluster", "Big_One"],
        &["setup", "kind", "--rehearse", "--nodes", "many"],
        &["setup", "kind", "--rehearse", "--http-port", "80000"],
        &[
            "setup",
            "kind",
            "--rehearse",
            "--kubernetes-version",
            "latest",
        ],
        &["setup", "kind", "--rehearse", "--timeout", "soon"],
        &["setup", "kind", "--rehearse", "--resume", "--replan"],
        &["stetup", "kind"],
        &["clean"],
    ] {
        let mut command = bed.command(args);
        let ran = bed
            .finish(command.env_remove("WINDLASS_PROVIDER"))
            .expect(2);
        assert_eq!(ran.out, "");
        told.push_str(&format!("$ windlass {}\n{}\n", args.join(" "), ran.err));
    }
    insta::assert_snapshot!(told);
    assert!(bed.list().is_empty(), "{:?}", bed.list());
}
