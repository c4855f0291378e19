//! `cluster create` and `cluster delete`: the cluster alone.

use crate::bed::Bed;

#[test]
fn a_cluster_comes_and_goes_without_a_platform() {
    let bed = Bed::new();
    let create = ["cluster", "create", "kind", "--rehearse"];
    let plan = bed
        .run(&[&create[..], &["--dry-run", "--output", "json"]].concat())
        .expect(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).expect("JSON");
    let steps: Vec<&str> = plan["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["id"].as_str())
        .collect();
    assert_eq!(steps, ["resource/cluster", "kube/access", "kube/inventory"]);

    let up = bed.run(&create).expect(0);
    assert!(
        up.out.contains("windlass setup kind --rehearse"),
        "{}",
        up.out
    );
    assert_eq!(up.err.matches("rehearsal: ").count(), 1, "{}", up.err);
    assert!(bed.text("rehearsal/kubeconfig-dot.yaml").is_some());
    let status = bed
        .run(&["status", "--rehearse", "--output", "json"])
        .expect(0);
    let status: serde_json::Value = serde_json::from_str(&status.out).expect("JSON");
    assert_eq!(status["components"], serde_json::json!([]));
    assert_eq!(status["namespaces"], serde_json::json!([]));

    // The platform is raised on it later, and it is not made again.
    let on = bed
        .run(&["setup", "kind", "--rehearse", "--output", "json"])
        .expect(0);
    let report: serde_json::Value = on
        .out
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .expect("a report");
    let made = report["made"].to_string();
    assert!(
        made.contains("component/traefik") && !made.contains("resource/cluster"),
        "{made}"
    );

    let down = bed
        .run(&["cluster", "delete", "kind", "--rehearse"])
        .expect(0);
    assert!(down.out.contains("nothing is left"), "{}", down.out);
    let head = "receipt: cluster delete of cluster dot on kind: done";
    assert!(down.out.contains(head), "{}", down.out);
    let list = bed
        .run(&["cluster", "list", "--all", "--rehearse", "--output", "json"])
        .expect(0);
    assert_eq!(list.out.trim(), "[]");
    // Once more: absence is success.
    bed.run(&["cluster", "delete", "kind", "--rehearse"])
        .expect(0);
}

#[test]
fn a_deletion_that_stopped_says_how_it_goes_on() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    bed.write(
        "faults.toml",
        "[[program]]\nprogram = \"kind\"\nverb = \"delete cluster\"\nexit = 1\nmessage = \"ERROR: boom\"\n\n\
         [[program]]\nprogram = \"docker\"\nverb = \"rm\"\nexit = 1\nmessage = \"no rights\"\n",
    );
    let delete = ["cluster", "delete", "kind", "--rehearse"];
    let stopped = bed
        .run(&[&delete[..], &["--rehearse-faults", "faults.toml"]].concat())
        .expect(5);
    for said in [
        "error: the cluster delete of cluster dot left something behind",
        ": windlass cluster delete kind --rehearse\n",
    ] {
        assert!(stopped.err.contains(said), "{said}:\n{}", stopped.err);
    }
    assert!(
        stopped.out.contains("left behind\n  kind cluster dot\n"),
        "{}",
        stopped.out
    );
    bed.run(&delete).expect(0);
}

#[test]
fn what_the_file_says_of_the_platform_is_left_for_setup() {
    let bed = Bed::new();
    bed.write(
        "windlass.toml",
        "[components.traefik]\nsecrets = { \"a.b\" = \"NOT_SET\" }\n[gitops]\nurl = \"https://example.org/x\"\n",
    );
    let args = ["cluster", "create", "kind", "--rehearse", "--dry-run"];
    let plan = bed.run(&args).expect(0);
    assert!(
        !plan.out.contains("traefik") && !plan.out.contains("flux"),
        "{}",
        plan.out
    );
}
