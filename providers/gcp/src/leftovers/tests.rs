//! Whose things are, by their names and their nodes.

use serde_json::json;

use super::{nodes::tag, *};

fn cluster_of_tag(text: &str) -> Option<&str> {
    Some(tag(text)?.0)
}

#[test]
fn a_tag_says_whose_nodes_carry_it() {
    assert_eq!(cluster_of_tag("gke-dot-0a1b2c3d-node"), Some("dot"));
    assert_eq!(cluster_of_tag("gke-dot-2-0a1b2c3d-node"), Some("dot-2"));
    for other in [
        "gke-dot-node",
        "gke-dot-0a1b2c3d",
        "dot-0a1b2c3d-node",
        "gke-dot-xxxxxxxx-node",
    ] {
        assert_eq!(cluster_of_tag(other), None, "{other}");
    }
}

#[test]
fn what_belongs_to_a_load_balancer_has_its_mark() {
    let service = Balancer::of_firewall("k8s-fw-a0123").unwrap();
    assert!(service.has("a0123") && service.has("k8s-a0123-http-hc"));
    assert!(!service.has("a01234") && !service.has("k8s-fw-a9"));
    let ingress = Balancer::of_firewall("k8s-fw-l7--0123456789abcdef").unwrap();
    assert!(ingress.has("k8s2-fr-01234567-default-web-0a0b0c0d"));
    assert!(ingress.has("k8s1-01234567-default-web-80-0a0b0c0d"));
    assert!(ingress.has("k8s-be-30080--0123456789abcdef"));
    assert!(!ingress.has("k8s2-fr-76543210-default-web-0a0b0c0d") && !ingress.has("01234567"));
    assert_eq!(Balancer::of_firewall("default-allow-ssh"), None);
    // A namespace that looks like a mark is none.
    let other = Balancer::Marked("deadbeef".to_owned());
    assert!(!other.has("k8s1-01234567-deadbeef-web-80-0a0b0c0d"));
    assert!(other.has("k8s2-deadbeef-default-web-0a0b0c0d"));
    let shared = Balancer::of("k8s-0123456789abcdef-node-http-hc").unwrap();
    assert!(shared.has("k8s-0123456789abcdef-node") && !shared.has("k8s-76543210-node"));
}

#[test]
fn the_name_of_a_node_proves_whose_it_is_where_it_can_be_read_in_one_way() {
    let there = |name: &str, group: &str| {
        let url = format!("https://x/zones/z/instanceGroupManagers/{group}-grp");
        json!({ "name": name, "nodePools": [{ "instanceGroupUrls": [url] }] })
    };
    let gone = Nodes::default();
    assert_eq!(
        gone.judge("dot", "gke-dot-default-0a1b2c3d-x1y2"),
        Some(Proof::Proven)
    );
    // "dot" and its pool "a-default", or "dot-a" and its pool "default".
    for cluster in ["dot", "dot-a"] {
        let judged = gone.judge(cluster, "gke-dot-a-default-0a1b2c3d-x1y2");
        assert_eq!(judged, Some(Proof::Likely));
    }
    for other in [
        "gke-other-default-0a1b2c3d-x1y2",
        "gke-dotted-default-0a1b2c3d-x1y2",
        "gke-dot-default-x1y2",
        "dot-default-0a1b2c3d-x1y2",
        "web",
    ] {
        assert_eq!(gone.judge("dot", other), None, "{other}");
    }
    // What is there tells its own nodes from all others.
    let (own, other) = (
        there("dot-a", "gke-dot-a-default-0a1b2c3d"),
        there("dot", "gke-dot-a-default-ffffffff"),
    );
    let nodes = Nodes::of([&own], [&other]);
    let judge = |node: &str| nodes.judge("dot-a", node);
    assert_eq!(
        judge("gke-dot-a-default-0a1b2c3d-x1y2"),
        Some(Proof::Proven)
    );
    assert_eq!(judge("gke-dot-a-default-ffffffff-x1y2"), None);
    // One node of another's is enough.
    let both = [
        "gke-dot-a-default-0a1b2c3d-x1y2",
        "gke-dot-a-default-ffffffff-x1y2",
    ];
    assert_eq!(nodes.judge_all("dot-a", both), None);
    assert_eq!(nodes.judge_all("dot-a", [both[0]]), Some(Proof::Proven));
    assert_eq!(nodes.judge_all("dot-a", []), None);
    // A long name may have been shortened.
    let node = "gke-abcdefghijklmnopqr-default-0a1b2c3d-x1y2";
    assert_eq!(gone.judge("abcdefghijklmnopqr", node), Some(Proof::Likely));
}

/// The front of an Ingress carries another mark than its back, and somebody else's front may lead there, too.
#[test]
fn what_hangs_on_a_part_is_a_part_where_a_controller_named_it() {
    let link = |name: &str| format!("https://x/compute/v1/projects/p/global/x/{name}");
    let part =
        |name: &str, on: &str| json!({ "name": name, "selfLink": link(name), "target": link(on) });
    let parts = [
        (
            Left::ForwardingRule,
            vec![part(
                "k8s2-fr-aaaaaaaa-ns-web-1",
                "k8s2-tp-aaaaaaaa-ns-web-1",
            )],
        ),
        (
            Left::HttpProxy,
            vec![part(
                "k8s2-tp-aaaaaaaa-ns-web-1",
                "k8s2-um-aaaaaaaa-ns-web-1",
            )],
        ),
        (
            Left::UrlMap,
            vec![
                part("k8s2-um-aaaaaaaa-ns-web-1", "k8s1-bbbbbbbb-ns-web-80-1"),
                part("my-own", "k8s1-bbbbbbbb-ns-web-80-1"),
                part("k8s2-um-cccccccc-ns-web-1", "k8s1-dddddddd-ns-web-80-1"),
            ],
        ),
    ];
    for proof in [Proof::Likely, Proof::Proven] {
        let marked = |mark: &str| Balancer::Marked(mark.to_owned());
        let mut all = Balancers::from([(marked("bbbbbbbb"), proof)]);
        let back = part("k8s1-bbbbbbbb-ns-web-80-1", "");
        let all_parts = [&parts[..], &[(Left::BackendService, vec![back])]].concat();
        follow(&mut all, &all_parts);
        assert_eq!(
            all,
            Balancers::from([(marked("aaaaaaaa"), proof), (marked("bbbbbbbb"), proof)])
        );
    }
}

#[test]
fn only_disks_of_volumes_of_the_cluster_are_leftovers() {
    let disk = |labels: Value, about: &str| {
        json!({
            "name": "d", "selfLink": "https://x/compute/v1/projects/p/zones/z/disks/d",
            "labels": labels, "description": about,
        })
    };
    let cluster: ClusterName = "dot".parse().unwrap();
    let volume = r#"{"kubernetes.io/created-for/pv/name":"pvc-1"}"#;
    for (labels, about, wanted) in [
        (
            json!({ "goog-k8s-cluster-name": "dot", "goog-gke-volume": "" }),
            "",
            true,
        ),
        (json!({ "windlass-cluster": "dot" }), volume, true),
        (json!({ "goog-k8s-cluster-name": "dot" }), "", false),
        (
            json!({ "goog-k8s-cluster-name": "dot-2", "goog-gke-volume": "" }),
            volume,
            false,
        ),
        (json!({}), volume, false),
    ] {
        let survey = Survey {
            disks: vec![disk(labels.clone(), about)],
            ..Survey::default()
        };
        assert_eq!(disks(&survey, &cluster).count() == 1, wanted, "{labels}");
    }
}

#[test]
fn what_is_of_a_namesake_is_no_leftover() {
    let firewall =
        |mark: &str| json!({ "name": mark, "targetTags": [format!("gke-dot-{mark}-node")] });
    let disk = |labels: Value| json!({ "name": "d", "labels": labels, "zone": "https://x/zones/us-east1-b" });
    let at = |place: &str| {
        disk(json!({ "goog-k8s-cluster-name": "dot", "goog-k8s-cluster-location": place }))
    };
    let mut survey = Survey {
        firewalls: vec![firewall("0a1b2c3d"), firewall("ffffffff")],
        disks: vec![
            at("us-east1"),
            at("us-west1"),
            disk(json!({ "goog-k8s-cluster-name": "dot", "windlass-cluster": "dot" })),
            disk(json!({ "goog-k8s-cluster-name": "dot" })),
        ],
        ..Survey::default()
    };
    let theirs = json!({ "name": "dot", "location": "us-east1", "id": "0a1b2c3d4e5f" });
    let rest = survey.without(&[&theirs]);
    assert_eq!((rest.firewalls.len(), rest.disks.len()), (1, 2));
    assert_eq!(rest.firewalls[0]["name"], "ffffffff");
    assert_eq!(survey.without(&[]).disks.len(), 4);
    survey.look_within(|place| place == Some("us-west1-a"));
    assert_eq!((survey.firewalls.len(), survey.disks.len()), (2, 0));
}
