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
    let providers = named(&world, "Provider");
    assert!(
        !providers.iter().any(|it| it.contains("rds")),
        "{providers:?}"
    );
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
