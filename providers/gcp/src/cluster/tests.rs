use windlass_provider::GoogleChannel;

use super::{seen::can_reach, *};
use crate::want::PoolLayout;

fn layout() -> ClusterLayout {
    ClusterLayout {
        version: Some("1.35".into()),
        channel: GoogleChannel::Regular,
        dataplane: GoogleDataplane::V2,
        gateway_api: true,
        private_nodes: false,
        network: Some("projects/p/global/networks/net".into()),
        subnetwork: None,
        allowed: vec!["203.0.113.0/24".into()],
        zones: Vec::new(),
        nodes: Some(PoolLayout {
            pool: None,
            version: Some("1.35".into()),
            machine: "e2-standard-2".into(),
            spot: false,
            disk: None,
            min: 2,
            max: 4,
            spread: 3,
            labels: Default::default(),
            taints: Vec::new(),
            zone: None,
            accelerator: None,
            lifetime: None,
        }),
        lifetime: Some(60),
    }
}

fn made(layout: &ClusterLayout) -> Value {
    let place = Place {
        project: "p",
        location: "us-east1",
    };
    let created = jiff::Timestamp::from_second(1_764_300_000).unwrap();
    let tags = Tags {
        cluster: "dot".parse().unwrap(),
        created,
        expires: Some(created + Duration::from_secs(60)),
    };
    let mut made = creation("dot", place, layout, "a@b", &tags)["cluster"].take();
    made["status"] = json!("RUNNING");
    made["endpoint"] = json!("192.0.2.1");
    made["currentMasterVersion"] = json!("1.35.2-gke.100");
    if let Some(pool) = made["nodePools"].get_mut(0) {
        pool["version"] = json!("1.35.2-gke.100");
        pool["status"] = json!("RUNNING");
    }
    made
}

#[test]
fn what_is_made_is_as_wanted() {
    let (mut autopilot, mut calico) = (layout(), layout());
    (autopilot.nodes, autopilot.private_nodes) = (None, true);
    calico.dataplane = GoogleDataplane::Calico;
    for layout in [layout(), autopilot, calico] {
        assert_eq!(differences(&made(&layout), &layout), []);
    }
}

#[test]
fn each_difference_says_whether_it_can_be_changed() {
    let there = made(&layout());
    let mut other = layout();
    other.version = Some("1.36".into());
    other.dataplane = GoogleDataplane::Calico;
    other.allowed.clear();
    other.lifetime = None;
    if let Some(nodes) = &mut other.nodes {
        nodes.min = 1;
    }
    let differs = differences(&there, &other);
    let told: Vec<(&str, bool)> = differs
        .iter()
        .map(|it| (it.field.as_str(), it.changeable))
        .collect();
    assert_eq!(
        told,
        [
            ("google.dataplane", false),
            ("kubernetes-version", true),
            ("google.allowed-cidrs", true),
            ("lifetime", true),
            ("nodes.min", true),
        ]
    );
}

#[test]
fn a_control_plane_goes_on_one_minor_version_at_a_time_and_never_back() {
    assert!(can_reach("1.35.2-gke.1", "1.36") && can_reach("1.35.2-gke.1", "1.35.4"));
    assert!(!can_reach("1.35.2-gke.1", "1.37") && !can_reach("1.35.2-gke.1", "1.34"));
    assert!(!can_reach("1.35.2-gke.1", "1.35.1"));
}

#[test]
fn what_never_came_to_be_is_told_from_what_broke() {
    let mut it = made(&layout());
    it["status"] = json!("ERROR");
    assert!(!describe(&it, None).0.unused);
    it["endpoint"] = json!("");
    assert!(describe(&it, None).0.unused);
}
