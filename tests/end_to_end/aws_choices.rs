//! What only AWS knows of a cluster: a network of somebody else's, and choices that are not the usual ones.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{aws::account, bed::Bed};

const SETUP: &[&str] = &["setup", "aws", "--rehearse", "--only", "traefik"];
const DESTROY: &[&str] = &["destroy", "aws", "--rehearse"];

/// Returns the network that an account has from the beginning in eu-west-1, and its subnets.
fn first_network(bed: &Bed) -> (String, Vec<String>) {
    let check = ["credentials", "check", "aws", "--region", "eu-west-1"];
    bed.run(&[&check[..], &["--rehearse"]].concat()).expect(0);
    let log = std::fs::read_to_string(bed.world().join("log.jsonl")).expect("the world's log");
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let things: Vec<Value> = lines.map(|mut line| line["w"]["thing"].take()).collect();
    let of = |kind: &str| -> BTreeSet<String> {
        let those = things
            .iter()
            .filter(|it| it["kind"] == kind && it["region"] == "eu-west-1");
        those
            .filter_map(|it| it["id"].as_str().map(str::to_owned))
            .collect()
    };
    let vpc = of("ec2:vpc").pop_first().expect("a network");
    (vpc, of("ec2:subnet").into_iter().take(2).collect())
}

#[test]
fn a_network_of_somebody_elses_is_used_and_stays() {
    let bed = Bed::new();
    let (vpc, subnets) = first_network(&bed);
    let choose = |subnets: &str| {
        bed.write(
            "windlass.toml",
            format!(
                "[clusters.dot]\nprovider = \"aws\"\n[clusters.dot.aws]\nregion = \"eu-west-1\"\nvpc = \"{vpc}\"\n{subnets}\n"
            ),
        );
    };
    choose("");
    let refused = bed.run(SETUP).expect(2);
    assert!(
        refused.err.contains("must be in two zones at least"),
        "{}",
        refused.err
    );
    choose(&format!("subnets = {subnets:?}"));
    let up = bed.run(SETUP).expect(0);
    assert!(
        up.out
            .contains("it is used, and destroy will not delete it"),
        "{}",
        up.out
    );
    // Load balancers would find no place in subnets that do not say so.
    assert!(up.err.contains("kubernetes.io/role/elb"), "{}", up.err);
    let world = bed.serve();
    let there = account(&world);
    let made = |kind: &str| there.iter().any(|it| it.starts_with(kind));
    assert!(
        made("eks:cluster") && !made("ec2:vpc") && !made("ec2:nat-gateway"),
        "{there:?}"
    );
    let down = bed.run(DESTROY).expect(0);
    assert!(
        down.out.contains(&format!(
            "kept on purpose\n  VPC {vpc}\n    windlass did not make it"
        )),
        "{}",
        down.out
    );
    assert_eq!(account(&world), [""; 0]);
}

#[test]
fn controllers_get_roles_that_pods_have_without_a_key_and_lose_them_again() {
    let bed = Bed::new();
    let world = bed.serve();
    let choose = |controllers: &str| {
        bed.write(
            "windlass.toml",
            format!("[clusters.dot]\nprovider = \"aws\"\n[clusters.dot.aws]\nregion = \"eu-west-1\"\ncontrollers = [{controllers}]\n"),
        );
    };
    choose("\"aso\"");
    let refused = bed.run(SETUP).expect(2);
    assert!(
        refused.err.contains("clusters.dot.aws.controllers[0]")
            && refused
                .err
                .contains("external-dns, cert-manager, crossplane"),
        "{}",
        refused.err
    );
    let roles = || -> Vec<String> {
        let made = account(&world);
        let roles = made.iter().filter(|it| it.starts_with("iam:role "));
        let names = ["ExternalDnsRole", "CertManagerRole", "CrossplaneRole"];
        let named = |role: &String| names.iter().find(|it| role.contains(**it)).copied();
        roles.filter_map(named).map(str::to_owned).collect()
    };
    choose("\"external-dns\", \"crossplane\"");
    let up = bed.run(SETUP).expect(0);
    for made in ["dot/external-dns", "dot/crossplane"] {
        let told = format!("  Pod Identity association {made}\n");
        assert!(up.out.contains(&told), "{}", up.out);
    }
    assert_eq!(roles().len(), 2, "{:?}", roles());
    let again = bed.run(SETUP).expect(0);
    assert!(
        !again.out.contains("made\n") && !again.out.contains("updated\n"),
        "{}",
        again.out
    );
    // Who changes a pool changes nobody's role.
    let pool = ["cluster", "node-pool", "scale", "default", "--max", "7"];
    let elsewhere = ["--provider", "aws", "--region", "eu-west-1", "--rehearse"];
    std::fs::remove_file(bed.here().join("windlass.toml")).expect("a file");
    bed.run(&[&pool[..], &elsewhere].concat()).expect(0);
    assert_eq!(roles().len(), 2, "{:?}", roles());
    // One more is a change in place.
    choose("\"cert-manager\", \"external-dns\", \"crossplane\"");
    let more = bed.run(SETUP).expect(0);
    assert!(
        more.out
            .contains("  Pod Identity association dot/cert-manager\n"),
        "{}",
        more.out
    );
    assert_eq!(roles().len(), 3, "{:?}", roles());
    let down = bed.run(DESTROY).expect(0);
    assert!(
        down.out
            .contains("  Pod Identity association dot/crossplane\n"),
        "{}",
        down.out
    );
    assert_eq!(account(&world), [""; 0]);
}

#[test]
fn what_only_aws_knows_is_made_as_it_is_asked_for_and_found_so_again() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "windlass.toml",
        "[clusters.dot]\nprovider = \"aws\"\n[clusters.dot.aws]\nregion = \"eu-west-1\"\nzones = [\"eu-west-1a\", \"eu-west-1c\"]\n\
         nat = \"per-zone\"\nimage = \"bottlerocket\"\ndisk = 40\nspot = true\nendpoint = \"private\"\nlogs = [\"audit\", \"api\"]\n\
         log-days = 7\n",
    );
    bed.run(SETUP).expect(0);
    let there = account(&world);
    let count = |kind: &str| there.iter().filter(|it| it.starts_with(kind)).count();
    assert_eq!(count("ec2:nat-gateway "), 2, "{there:?}");
    assert_eq!(count("logs:log-group "), 1, "{there:?}");
    let again = bed.run(SETUP).expect(0);
    assert!(
        !again.out.contains("made\n") && !again.out.contains("updated\n"),
        "{}",
        again.out
    );
    let down = bed.run(&[DESTROY, &["--keep", "logs"]].concat()).expect(0);
    assert!(
        down.out.contains(
            "kept on purpose\n  log group /aws/eks/dot/cluster: you asked to keep the logs\n"
        ),
        "{}",
        down.out
    );
    assert_eq!(account(&world), ["logs:log-group /aws/eks/dot/cluster"]);
    bed.run(DESTROY).expect(0);
    assert_eq!(account(&world), [""; 0]);
}
