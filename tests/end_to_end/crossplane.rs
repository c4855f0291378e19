//! Crossplane, with what only it can be told.

use serde_json::Value;

use crate::{
    bed::Bed,
    components::{row, says},
    everything::versions,
    process::Served,
};

/// Returns a bed with a cluster and nothing on it, and its world.
fn bare() -> (Bed, Served) {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    (bed, world)
}

/// Returns the names of the objects of a kind.
fn named(world: &Served, kind: &str) -> Vec<String> {
    let all = world.ask("objects");
    let objects = all["dot"].as_array().expect("objects").iter();
    let of_kind = objects.filter(|object| object["kind"] == kind);
    let mut names: Vec<String> = of_kind
        .map(|object| {
            object["metadata"]["name"]
                .as_str()
                .expect("a name")
                .to_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn its_options_converge_and_the_same_again_changes_nothing() {
    let (bed, world) = bare();
    let install = ["install", "crossplane", "--rehearse"];
    bed.run(&install).expect(0);
    assert!(named(&world, "Provider").is_empty());
    // Other options than those that are installed are no question of installing.
    let aws = [&install[..], &["--cloud", "aws"]].concat();
    let refused = bed.run(&aws).expect(1);
    says(&refused, "crossplane is installed, with other values");

    let upgrade = ["upgrade", "crossplane", "--rehearse", "--cloud", "aws"];
    let plan = bed.run(&[&upgrade[..], &["--dry-run"]].concat()).expect(0);
    says(&plan, "cloud: \"none\" → \"aws\"");
    bed.run(&upgrade).expect(0);
    let providers = named(&world, "Provider");
    for wanted in ["ec2", "rds"] {
        let name = format!("crossplane-contrib-provider-aws-{wanted}");
        assert!(providers.contains(&name), "{providers:?}");
    }
    let before = versions(&world);
    says(&bed.run(&upgrade).expect(0), "there is nothing to upgrade");
    bed.run(&aws).expect(0);
    assert_eq!(versions(&world), before);
    assert_eq!(row(&bed, "crossplane")["health"], "ready");

    // What is not wanted any more goes.
    let none = ["upgrade", "crossplane", "--rehearse", "--cloud=none"];
    bed.run(&none).expect(0);
    for kind in ["Provider", "Configuration", "DeploymentRuntimeConfig"] {
        let left = named(&world, kind);
        assert!(left.iter().all(|it| !it.contains("aws")), "{left:?}");
    }
}

const FULL: &[&str] = &[
    "install",
    "crossplane",
    "--rehearse",
    "--cloud=aws",
    "--db-config",
    "--policies",
    "--credentials=AWS_KEYS",
];

/// Returns the objects of a kind.
fn of_kind(world: &Served, kind: &str) -> Vec<Value> {
    let all = world.ask("objects");
    let objects = all["dot"].as_array().expect("objects").iter();
    objects.filter(|it| it["kind"] == kind).cloned().collect()
}

/// Returns an object by its kind and name.
fn object(world: &Served, kind: &str, name: &str) -> Value {
    let mut objects = of_kind(world, kind).into_iter();
    let found = objects.find(|it| it["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

#[test]
fn everything_of_it_is_installed_and_taken_out_again() {
    let (bed, world) = bare();
    let missing = bed.run(FULL).expect(2);
    says(&missing, "secret values are wanted and not set: AWS_KEYS");
    let mut install = bed.command(FULL);
    let ran = bed
        .finish(install.env("AWS_KEYS", "[default] pl4nted-key"))
        .expect(0);
    assert!(!ran.out.contains("pl4nted") && !ran.err.contains("pl4nted"));
    // The key is in the cluster, and in no file here.
    let secret = object(&world, "Secret", "windlass-aws-credentials");
    assert!(secret["data"]["credentials"].is_string(), "{secret}");
    assert!(crate::secrets::search(&bed.here()) > 0);
    let configs = of_kind(&world, "ClusterProviderConfig");
    assert_eq!(configs.len(), 3, "{configs:?}");
    let source = |it: &Value| it["spec"]["credentials"]["source"].clone();
    assert!(configs.iter().any(|it| source(it) == "Secret"));
    // Only what is used is served of what the packages have.
    let definitions = named(&world, "CustomResourceDefinition");
    for wanted in [
        "instances.rds.aws.m.upbound.io",
        "vpcs.ec2.aws.m.upbound.io",
    ] {
        assert!(definitions.iter().any(|it| it == wanted), "{definitions:?}");
    }
    let policy = object(&world, "ManagedResourceActivationPolicy", "windlass");
    let activated = policy["spec"]["activate"].as_array().expect("kinds");
    let wide = |kind: &Value| kind.as_str().expect("a kind").starts_with('*');
    assert!(!activated.iter().any(wide), "{policy}");
    // Nobody has a right to everything.
    for role in ["helm", "kubernetes", "compositions"] {
        let role = object(
            &world,
            "ClusterRole",
            &format!("windlass:crossplane-{role}"),
        );
        for rule in role["rules"].as_array().expect("rules") {
            assert!(!rule["apiGroups"].to_string().contains('*'), "{rule}");
            assert!(!rule["verbs"].to_string().contains('*'), "{rule}");
        }
    }
    for binding in of_kind(&world, "ClusterRoleBinding") {
        let ours = binding["metadata"]["name"].to_string();
        let is_wide = binding["roleRef"]["name"] == "cluster-admin";
        assert!(!(is_wide && ours.contains("windlass")), "{binding}");
    }
    bed.run(&["status", "--rehearse"]).expect(0);
    let gone = bed
        .run(&["uninstall", "crossplane", "--rehearse"])
        .expect(0);
    says(&gone, "namespace crossplane-system stays");
    for kind in [
        "Provider",
        "Configuration",
        "Function",
        "ClusterProviderConfig",
        "ValidatingAdmissionPolicy",
    ] {
        let left = named(&world, kind);
        assert!(left.is_empty(), "{kind}: {left:?}");
    }
    bed.run(&["destroy", "kind", "--rehearse"]).expect(0);
}

#[test]
fn the_wide_role_is_given_by_name_only_and_told() {
    let (bed, world) = bare();
    let install = ["install", "crossplane", "--rehearse", "--app-config"];
    let ran = bed.run(&[&install[..], &["--cluster-admin"]].concat());
    says(
        &ran.expect(0),
        "may do everything in the cluster, as --cluster-admin asked",
    );
    let name = "windlass:crossplane-kubernetes:cluster-admin";
    let binding = object(&world, "ClusterRoleBinding", name);
    assert_eq!(binding["roleRef"]["name"], "cluster-admin");
    // And taken back.
    let upgrade = ["upgrade", "crossplane", "--rehearse", "--app-config"];
    bed.run(&upgrade).expect(0);
    let mut bindings = named(&world, "ClusterRoleBinding");
    bindings.retain(|it| it.starts_with("windlass:crossplane-"));
    let narrow = ["windlass:crossplane-helm", "windlass:crossplane-kubernetes"];
    assert_eq!(bindings, narrow);
}

#[test]
fn a_provider_stays_while_something_in_the_cloud_lives_by_it() {
    let (bed, world) = bare();
    let mut install = bed.command(FULL);
    bed.finish(install.env("AWS_KEYS", "key")).expect(0);
    let group = serde_json::json!({
        "apiVersion": "rds.aws.m.upbound.io/v1beta1", "kind": "SubnetGroup",
        "metadata": { "name": "data", "namespace": "default" },
        "spec": { "forProvider": { "region": "us-east-1" } },
    });
    world.open_cluster(&bed, "dot");
    let path = "apis/rds.aws.m.upbound.io/v1beta1/namespaces/default/subnetgroups";
    world.ask_cluster(&bed, "dot", "POST", path, &group);
    let none = ["upgrade", "crossplane", "--rehearse", "--cloud=none"];
    let ran = bed.run(&none).expect(3);
    says(&ran, "SubnetGroup default/data live");
    says(&ran, "windlass crossplane drain");
    let providers = named(&world, "Provider");
    let name = "crossplane-contrib-provider-aws-rds";
    assert!(providers.iter().any(|it| it == name), "{providers:?}");
    let ran = bed
        .run(&["uninstall", "crossplane", "--rehearse"])
        .expect(1);
    says(&ran, "SubnetGroup default/data");
}

#[test]
fn a_package_that_fails_is_explained() {
    let (bed, _world) = bare();
    let faults = r#"
        [[package]]
        name = "devops-toolkit-dot-application"
        fails = "GET https://xpkg.upbound.io/v2/: DENIED: no pull"
    "#;
    bed.write("faults.toml", faults);
    let install = ["install", "crossplane", "--rehearse", "--app-config"];
    let faults = ["--rehearse-faults", "faults.toml"];
    let ran = bed.run(&[&install[..], &faults].concat()).expect(3);
    says(&ran, "Configuration devops-toolkit-dot-application failed");
    says(&ran, "cannot unpack package");
    says(&ran, "the registry wants a credential");
}

#[test]
fn a_setup_takes_them_from_the_file() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "windlass.toml",
        "[components.crossplane]\nenabled = true\ncloud = \"azure\"\n",
    );
    let setup = ["setup", "kind", "--rehearse", "--only", "crossplane"];
    let plan = bed
        .run(&[&setup[..], &["--dry-run", "-o", "json"]].concat())
        .expect(0);
    let plan: Value = serde_json::from_str(&plan.out).expect("JSON");
    let steps = plan["steps"].as_array().expect("steps");
    let crossplane = steps
        .iter()
        .find(|step| step["id"] == "component/crossplane");
    let makes = crossplane.expect("a step")["makes"].to_string();
    let provider = "Provider crossplane-contrib-provider-azure-dbforpostgresql";
    assert!(makes.contains(provider), "{makes}");
    bed.run(&setup).expect(0);
    let status = bed.run(&["status", "--rehearse"]).expect(0);
    says(&status, "crossplane");
    let before = versions(&world);
    bed.run(&setup).expect(0);
    assert_eq!(versions(&world), before);
    let shown = bed.run(&["config", "show", "--origin"]).expect(0);
    says(&shown, "components.crossplane.cloud");
    bed.run(&["destroy", "kind", "--rehearse"]).expect(0);
}

#[test]
fn mistakes_with_its_options_are_told_before_anything_is_asked() {
    let bed = Bed::new();
    for (args, message) in [
        (
            &["traefik", "--cloud", "aws"][..],
            "--cloud is about crossplane, which is not asked for",
        ),
        (
            &["--cloud", "aws"],
            "--cloud is about crossplane, which is not asked for",
        ),
        (
            &["crossplane", "--cloud", "upcloud"],
            "--cloud: \"upcloud\" is not a cloud of Crossplane's: allowed are aws, azure, google, none",
        ),
        (
            &["crossplane", "--github-config", "--export"],
            "dot-github is made for Crossplane 1",
        ),
        (
            &["crossplane", "--cloud=aws", "--identity=x", "--export"],
            "Kind has no workload identity",
        ),
        (
            &[
                "crossplane",
                "--cloud=google",
                "--credentials=KEY",
                "--export",
            ],
            "name it: --project-id",
        ),
        (
            &[
                "crossplane",
                "--cloud=aws",
                "--project-id=dot-123",
                "--export",
            ],
            "project-id is about another cloud",
        ),
        (
            &["crossplane", "--db-provider", "--export"],
            "say which: --cloud aws, azure or google",
        ),
    ] {
        let ran = bed
            .run(&[&["install", "--rehearse"], args].concat())
            .expect(2);
        says(&ran, message);
    }
    bed.write("windlass.toml", "[components.crossplane]\nclod = \"aws\"\n");
    let ran = bed.run(&["setup", "kind", "--rehearse"]).expect(2);
    says(&ran, "did you mean components.crossplane.cloud?");
}
