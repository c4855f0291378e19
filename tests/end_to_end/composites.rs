//! `crossplane wait` and `crossplane drain`.

use serde_json::{Value, json};

use crate::{bed::Bed, components::says, process::Served};

/// Returns a bed whose cluster has Crossplane with the databases of AWS, and its world.
fn with_databases() -> (Bed, Served) {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    let install = [
        "install",
        "crossplane",
        "--rehearse",
        "--cloud=aws",
        "--app-config=false",
        "--db-config",
        "--credentials=AWS_KEYS",
    ];
    bed.finish(bed.command(&install).env("AWS_KEYS", "key"))
        .expect(0);
    world.open_cluster(&bed, "dot");
    (bed, world)
}

fn make(bed: &Bed, world: &Served, path: &str, object: &Value) {
    world.ask_cluster(bed, "dot", "POST", path, object);
}

fn database(name: &str) -> Value {
    json!({
        "apiVersion": "devopstoolkit.live/v1beta1", "kind": "SQL",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "crossplane": { "compositionSelector": { "matchLabels": { "provider": "aws", "db": "postgresql" } } } },
    })
}

fn subnet_group(name: &str, policies: &[&str]) -> Value {
    json!({
        "apiVersion": "rds.aws.m.upbound.io/v1beta1", "kind": "SubnetGroup",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "forProvider": { "region": "us-east-1" }, "managementPolicies": policies },
    })
}

const SQLS: &str = "apis/devopstoolkit.live/v1beta1/namespaces/default/sqls";
const GROUPS: &str = "apis/rds.aws.m.upbound.io/v1beta1/namespaces/default/subnetgroups";

/// Returns what there is of these kinds, as "SQL db".
fn left(world: &Served) -> Vec<String> {
    let all = world.ask("objects");
    let objects = all["dot"].as_array().expect("objects").iter();
    let mut left: Vec<String> = objects
        .filter(|it| it["metadata"]["namespace"] == "default")
        .filter(|it| {
            let version = it["apiVersion"].as_str().expect("a version");
            version.contains("aws.m.upbound.io") || version.contains("devopstoolkit.live")
        })
        .map(|it| {
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            format!("{} {}", text(&it["kind"]), text(&it["metadata"]["name"]))
        })
        .collect();
    left.sort();
    left
}

#[test]
fn composites_are_awaited_and_drained_with_what_they_are_made_of() {
    let (bed, world) = with_databases();
    let nothing = bed.run(&["crossplane", "wait", "--rehearse"]).expect(0);
    says(&nothing, "Crossplane manages nothing");
    let missing = [
        "crossplane",
        "drain",
        "--rehearse",
        "--kind",
        "SQL",
        "--object",
        "db",
    ];
    says(
        &bed.run(&missing).expect(1),
        "there is no SQL called db in the cluster",
    );
    make(&bed, &world, SQLS, &database("db"));
    make(&bed, &world, GROUPS, &subnet_group("own", &["*"]));
    make(
        &bed,
        &world,
        GROUPS,
        &subnet_group("kept", &["Observe", "Create"]),
    );

    let wait = bed
        .run(&["crossplane", "wait", "--rehearse", "-o", "json"])
        .expect(0);
    let ready: Value = serde_json::from_str(&wait.out).expect("JSON");
    assert_eq!(
        ready["ready"].as_array().expect("names").len(),
        6,
        "{ready}"
    );

    // One, with what it is made of; the others stay.
    let one = [
        "crossplane",
        "drain",
        "--rehearse",
        "--kind",
        "sql",
        "--object",
        "db",
        "--namespace",
        "default",
    ];
    let plan = bed.run(&[&one[..], &["--dry-run"]].concat()).expect(0);
    says(&plan, "SQL default/db");
    assert_eq!(left(&world).len(), 6);
    bed.run(&one).expect(0);
    assert_eq!(left(&world), ["SubnetGroup kept", "SubnetGroup own"]);

    // All: what says that it is not to be deleted stays in the cloud, and is told.
    let all = bed.run(&["crossplane", "drain", "--rehearse"]).expect(0);
    assert_eq!(left(&world), [""; 0]);
    says(&all, "its managementPolicies do not say Delete");
    let again = bed.run(&["crossplane", "drain", "--rehearse"]).expect(0);
    says(&again, "Crossplane manages nothing");
    bed.run(&["uninstall", "crossplane", "--rehearse"])
        .expect(0);
}

#[test]
fn what_a_cloud_refuses_is_told_and_what_takes_long_is_awaited() {
    let (bed, world) = with_databases();
    let faults = |text: &str| {
        bed.write("faults.toml", text);
        ["--rehearse", "--rehearse-faults", "faults.toml"]
    };
    let refuses = faults(
        "[[managed]]\nkind = \"SubnetGroup\"\nfails = \"AccessDenied: not authorized to perform rds:CreateDBSubnetGroup\"\n",
    );
    // Faults are put in force by the next command.
    bed.run(&[&["status"][..], &refuses].concat()).expect(0);
    make(&bed, &world, GROUPS, &subnet_group("own", &["*"]));
    let wait = ["crossplane", "wait", "--timeout", "5m"];
    let ran = bed.run(&[&wait[..], &refuses].concat()).expect(7);
    says(
        &ran,
        "SubnetGroup default/own is not ready: the time ran out",
    );
    says(&ran, "AccessDenied: not authorized to perform");
    says(
        &ran,
        "kubectl describe -n default subnetgroup.rds.aws.m.upbound.io/own",
    );
    assert_eq!(world.ask("assets"), json!([]));
    assert_eq!(left(&world), ["SubnetGroup own"]);

    let slow = faults("[[managed]]\nkind = \"SubnetGroup\"\nlatency = \"4m\"\n");
    bed.run(&[&wait[..], &slow].concat()).expect(0);
    let made = world.ask("assets");
    assert_eq!(made[0]["maker"], "SubnetGroup default/own", "{made}");
    bed.run(&[&["crossplane", "drain"][..], &slow].concat())
        .expect(0);
    assert_eq!(world.ask("assets"), json!([]));
    assert_eq!(left(&world), [""; 0]);
}

#[test]
fn what_is_not_ready_in_time_is_explained() {
    let (bed, world) = with_databases();
    let mut broken = subnet_group("broken", &["*"]);
    broken["spec"]["providerConfigRef"] =
        json!({ "kind": "ClusterProviderConfig", "name": "nowhere" });
    make(&bed, &world, GROUPS, &broken);
    let wait = ["crossplane", "wait", "--rehearse", "--timeout", "5m"];
    let ran = bed.run(&wait).expect(7);
    says(
        &ran,
        "SubnetGroup default/broken is not ready: the time ran out",
    );
    says(&ran, "cannot get referenced ProviderConfig");
}
