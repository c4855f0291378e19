use windlass_provider::{Taint, TaintEffect};

use super::{seen::bounds, *};

fn layout() -> PoolLayout {
    PoolLayout {
        pool: Some("gpu".into()),
        version: None,
        machine: "n1-standard-4".into(),
        spot: true,
        disk: Some(50),
        min: 0,
        max: 4,
        spread: 3,
        labels: [("tier".to_owned(), "fast".to_owned())].into(),
        taints: vec![Taint {
            key: "a".into(),
            value: String::new(),
            effect: TaintEffect::NoExecute,
        }],
        zone: Some("us-east1-b".into()),
        accelerator: Some(Accelerator {
            kind: "nvidia-tesla-t4".into(),
            count: 1,
            driver: Driver::Latest,
        }),
        lifetime: None,
    }
}

fn tags() -> Tags {
    Tags {
        cluster: "dot".parse().unwrap(),
        created: jiff::Timestamp::from_second(1_764_300_000).unwrap(),
        expires: None,
    }
}

#[test]
fn what_is_made_is_as_wanted() {
    let layout = layout();
    let mut made = body(&layout, "a@b", &tags());
    made["status"] = json!("RUNNING");
    assert_eq!(differences(&made, &layout), []);
    assert_eq!(made["initialNodeCount"], 0);
    assert_eq!(
        made["config"]["accelerators"][0]["gpuDriverInstallationConfig"]["gpuDriverVersion"],
        "LATEST"
    );
}

#[test]
fn each_difference_says_whether_it_can_be_changed() {
    let mut made = body(&layout(), "a@b", &tags());
    made["version"] = json!("1.35.2-gke.1");
    let mut other = layout();
    other.max = 5;
    other.machine = "n1-standard-8".into();
    other.labels.clear();
    other.version = Some("1.36".into());
    let differs = differences(&made, &other);
    let told: Vec<(&str, bool)> = differs
        .iter()
        .map(|it| (it.field.as_str(), it.changeable))
        .collect();
    assert_eq!(
        told,
        [
            ("node-pools.gpu.machine", false),
            ("node-pools.gpu.max", true),
            ("node-pools.gpu.labels.tier", true),
            ("kubernetes-version of gpu", true),
        ]
    );
}

#[test]
fn bounds_of_each_zone_add_up() {
    let pool = json!({
        "locations": ["a", "b", "c"],
        "autoscaling": { "enabled": true, "minNodeCount": 1, "maxNodeCount": 3 },
    });
    assert_eq!(bounds(&pool), (3, 9));
}
