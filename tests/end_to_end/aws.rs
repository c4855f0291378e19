//! Clusters on AWS, in the simulated account: their life, and what is said of what goes wrong.

use serde_json::Value;

use crate::{bed::Bed, process::Served};

const SETUP: &[&str] = &["setup", "aws", "--rehearse", "--only", "traefik"];
const CREATE: &[&str] = &["cluster", "create", "aws", "--rehearse"];
const DESTROY: &[&str] = &["destroy", "aws", "--rehearse"];

/// Returns what is in the account, as "kind id", but for the roles that AWS itself makes once and for all.
pub(crate) fn account(world: &Served) -> Vec<String> {
    let assets = world.ask("assets");
    let assets = assets.as_array().expect("a list").iter();
    let text = |asset: &Value, key: &str| asset[key].as_str().unwrap_or_default().to_owned();
    assets
        .map(|asset| format!("{} {}", text(asset, "kind"), text(asset, "id")))
        .filter(|told| !told.contains("AWSServiceRole"))
        .collect()
}

#[test]
fn a_platform_rises_on_eks_and_goes_from_a_machine_that_knows_nothing() {
    let bed = Bed::new();
    let world = bed.serve();
    let up = bed.run(SETUP).expect(0);
    assert!(up.out.contains("StorageClass gp3"), "{}", up.out);
    // The provider is that of the last run here.
    let status = bed
        .finish(
            bed.command(&["status", "--rehearse"])
                .env_remove("WINDLASS_PROVIDER"),
        )
        .expect(0);
    assert!(status.out.contains("traefik"), "{}", status.out);
    let again = bed.run(SETUP).expect(0);
    assert!(
        again.out.contains("already there") && !again.out.contains("made\n"),
        "{}",
        again.out
    );
    let list = bed
        .run(&["cluster", "list", "--rehearse", "--output", "json"])
        .expect(0);
    assert!(list.out.contains("\"provider\": \"aws\""), "{}", list.out);
    let there = account(&world);
    assert!(there.iter().any(|it| it.starts_with("elb:")), "{there:?}");

    let elsewhere = Bed::new();
    let mut destroy = elsewhere.command(DESTROY);
    let destroy = destroy.env("WINDLASS_REHEARSE_WORLD", bed.world());
    let down = elsewhere.finish(destroy).expect(0);
    assert!(down.out.contains("nothing is left behind"), "{}", down.out);
    assert_eq!(account(&world), [""; 0]);
}

#[test]
fn pools_and_versions_of_a_cluster_that_is_there_change_and_nothing_else_does() {
    let bed = Bed::new();
    let run = |args: &[&str]| {
        bed.run(&[&["cluster"], args, &["--provider", "aws", "--rehearse"]].concat())
    };
    bed.run(&[CREATE, &["--min-nodes", "1", "--lifetime", "8h"]].concat())
        .expect(0);
    let pool = [
        "node-pool",
        "add",
        "gpu",
        "--machine",
        "g6.xlarge",
        "--max",
        "2",
        "--label",
        "tier=fast",
    ];
    run(&pool).expect(0);
    run(&["node-pool", "scale", "default", "--max", "7"]).expect(0);
    let unknown = run(&["node-pool", "delete", "cpu"]).expect(1);
    assert!(
        unknown.err.contains("it has: default, gpu"),
        "{}",
        unknown.err
    );
    let up = run(&["upgrade"]).expect(0);
    assert!(
        up.out.contains("updated\n  EKS cluster dot\n"),
        "{}",
        up.out
    );
    let far = run(&["upgrade", "--kubernetes-version", "1.99"]).expect(1);
    assert!(
        far.err.contains("does not offer Kubernetes 1.99"),
        "{}",
        far.err
    );
    let list = run(&["node-pool", "list"]).expect(0);
    insta::assert_snapshot!(list.out, @r"
    POOL     STATE  MIN  MAX  MACHINE    ZONE  VERSION  TAINTS                              DETAIL
    default  ready  1    7    t3.medium  -     1.36     -
    gpu      ready  0    2    g6.xlarge  -     1.36     nvidia.com/gpu=present:NO_SCHEDULE
    ");
    // One that is deleted and made again is what it was.
    run(&["node-pool", "recreate", "gpu"]).expect(0);
    assert_eq!(run(&["node-pool", "list"]).expect(0).out, list.out);
    run(&["node-pool", "delete", "gpu"]).expect(0);
    // All of it expires as the cluster does.
    let listed = bed.run(&["cluster", "list", "--rehearse"]).expect(0);
    assert!(
        listed.out.contains("in 7h") || listed.out.contains("in 6h"),
        "{}",
        listed.out
    );
    bed.run(DESTROY).expect(0);
}

#[test]
fn a_stack_that_fails_is_explained_by_what_failed_in_it_and_made_again() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "faults.toml",
        "[[cloud]]\nprovider = \"aws\"\nservice = \"cloudformation\"\nname = \"windlass-dot/NatAddressA\"\n\
         fails = \"The maximum number of addresses has been reached.\"\n",
    );
    let faults = ["--rehearse-faults", "faults.toml"];
    let failed = bed.run(&[CREATE, &faults].concat()).expect(6);
    assert!(
        failed.err.contains("NatAddressA (AWS::EC2::EIP")
            && failed.err.contains("maximum number of addresses"),
        "{}",
        failed.err
    );
    bed.write("faults.toml", "");
    bed.run(&[CREATE, &faults].concat()).expect(0);
    bed.run(DESTROY).expect(0);
    assert_eq!(account(&world), [""; 0]);
}

#[test]
fn what_controllers_left_goes_with_a_cluster_whose_api_is_dead() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(SETUP).expect(0);
    bed.write(
        "faults.toml",
        "[[request]]\npath = \"/**\"\ndown = \"12h\"\n",
    );
    let down = bed
        .run(&[DESTROY, &["--rehearse-faults", "faults.toml"]].concat())
        .expect(5);
    assert!(down.out.contains("load balancer "), "{}", down.out);
    assert!(down.err.contains("nobody can tell"), "{}", down.err);
    assert_eq!(account(&world), [""; 0]);
}

#[test]
fn whoever_may_not_is_told_what_and_before_anything_is_made_where_that_can_be_known() {
    let bed = Bed::new();
    let world = bed.serve();
    let denied = |from: &str| {
        let faults = format!(
            "[[cloud]]\nprovider = \"aws\"\nservice = \"eks\"\naction = \"CreateCluster\"\n{from}status = 403\n\
             code = \"AccessDeniedException\"\nmessage = \"you are not authorized to perform: eks:CreateCluster\"\n"
        );
        bed.write("faults.toml", faults);
        bed.run(&[CREATE, &["--rehearse-faults", "faults.toml"]].concat())
    };
    let refused = denied("").expect(1);
    assert!(
        refused.err.contains("may not eks:CreateCluster"),
        "{}",
        refused.err
    );
    assert_eq!(account(&world), [""; 0]);
    let told = bed.run(&["credentials", "check", "aws", "--rehearse"]);
    assert!(told.expect(4).out.contains("may not eks:CreateCluster"));
    bed.write("faults.toml", "");
    let faults = ["--rehearse-faults", "faults.toml"];
    let check = ["credentials", "check", "aws", "--rehearse"];
    let told = bed.run(&[&check[..], &faults].concat()).expect(0);
    let who = "user/rehearsal in account 123456789012";
    assert!(told.out.contains(who), "{}", told.out);
}

#[test]
fn without_credentials_it_is_said_how_to_get_some_and_nobody_is_waited_for() {
    let bed = Bed::new();
    let mut command = bed.command(&["credentials", "check", "aws", "--region", "eu-west-1"]);
    let ran = bed
        .finish(command.env("AWS_EC2_METADATA_DISABLED", "true"))
        .expect(4);
    assert!(
        ran.out.contains("there are no credentials of AWS here"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("AWS_PROFILE"), "{}", ran.err);
    // To somebody who asks everywhere it is no failure.
    let mut command = bed.command(&["cluster", "list"]);
    let ran = bed.finish(command.env("AWS_EC2_METADATA_DISABLED", "true"));
    assert!(ran.err.contains("is not asked"), "{}", ran.err);
    assert!(ran.err.contains("no region of AWS is set"), "{}", ran.err);
}
