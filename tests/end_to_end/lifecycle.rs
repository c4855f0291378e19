//! One lifecycle on Kind, rehearsed: up, looked at from every side, and down again.

use std::os::unix::fs::PermissionsExt;

use crate::bed::Bed;

const SETUP: &[&str] = &["setup", "kind", "--rehearse"];
const DESTROY: &[&str] = &["destroy", "kind", "--rehearse"];

#[test]
fn a_platform_rises_and_goes_without_leaving_anything() {
    let bed = Bed::new();
    let up = bed.run(SETUP).expect(0);
    for step in [
        "resource/cluster",
        "kube/access",
        "kube/inventory",
        "component/flux",
        "component/cert-manager",
        "component/traefik",
        "kube/namespaces",
    ] {
        assert!(up.err.contains(step), "{step} is not shown:\n{}", up.err);
    }
    assert!(up.err.starts_with("rehearsal:"), "{}", up.err);
    assert!(up.out.contains("rehearsal"), "{}", up.out);
    assert!(up.out.contains("windlass status --rehearse"), "{}", up.out);
    assert!(
        up.out
            .contains("windlass ingress address --wait --rehearse"),
        "{}",
        up.out
    );
    assert!(
        up.out.contains("windlass destroy kind --rehearse"),
        "{}",
        up.out
    );

    // Nothing outside of rehearsal/ was written, and nothing is open to others or holds a credential.
    let here: Vec<String> = std::fs::read_dir(bed.here())
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(here, ["rehearsal"]);
    let kubeconfig = bed
        .text("rehearsal/kubeconfig-dot.yaml")
        .expect("a kubeconfig");
    assert!(
        kubeconfig.contains("client.authentication.k8s.io/v1"),
        "{kubeconfig}"
    );
    for secret in ["token:", "client-key", "password"] {
        assert!(!kubeconfig.contains(secret), "{kubeconfig}");
    }
    for file in ["rehearsal/kubeconfig-dot.yaml", "rehearsal/.env"] {
        let mode = std::fs::metadata(bed.here().join(file))
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }

    // Again: nothing changes.
    let again = bed.run(SETUP).expect(0);
    assert!(!again.out.contains("made:"), "{}", again.out);

    let status = bed.run(&["status", "--rehearse"]).expect(0);
    for line in ["cluster dot", "flux", "cert-manager", "traefik"] {
        let row = status.out.lines().find(|row| row.contains(line));
        assert!(
            row.is_some_and(|row| row.contains("ready")),
            "{line}:\n{}",
            status.out
        );
    }
    let list = bed
        .run(&["cluster", "list", "--rehearse", "--output", "json"])
        .expect(0);
    let list: serde_json::Value = serde_json::from_str(&list.out).expect("JSON");
    assert_eq!(list[0]["cluster"], "dot");
    assert_eq!(list[0]["owner"], "ours");
    let show = bed.run(&["cluster", "show", "--rehearse"]).expect(0);
    assert!(show.out.contains("kind cluster"), "{}", show.out);
    let env = bed.run(&["env", "--rehearse"]).expect(0);
    assert_eq!(
        env.out,
        "export PROVIDER=kind\n\
         export KUBECONFIG=HERE/rehearsal/kubeconfig-dot.yaml\n\
         export KUBECONFIG_DOT=HERE/rehearsal/kubeconfig-dot.yaml\n"
    );
    let token = bed.run(&["token", "--rehearse"]).expect(0);
    let token: serde_json::Value = serde_json::from_str(&token.out).expect("JSON");
    assert_eq!(token["kind"], "ExecCredential");

    let down = bed.run(DESTROY).expect(0);
    assert!(down.out.contains("nothing is left"), "{}", down.out);
    assert!(bed.text("rehearsal/.env").is_none());
    assert!(bed.text("rehearsal/kubeconfig-dot.yaml").is_none());
    let list = bed
        .run(&["cluster", "list", "--all", "--rehearse", "--output", "json"])
        .expect(0);
    assert_eq!(list.out.trim(), "[]");
    bed.run(&["status", "--rehearse"]).expect(4);

    // Once more: absence is success.
    bed.run(DESTROY).expect(0);
}

#[test]
fn destroy_needs_nothing_that_setup_wrote() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(SETUP).expect(0);
    // From another empty folder, as on another machine.
    let elsewhere = bed.here().with_file_name("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let receipt = [DESTROY, &["--receipt", "receipt.json"]].concat();
    let down = bed
        .finish(bed.command(&receipt).current_dir(&elsewhere))
        .expect(0);
    assert!(down.out.contains("kind cluster dot"), "{}", down.out);
    assert!(
        down.out.contains("\nnothing is left behind\n"),
        "{}",
        down.out
    );
    assert_eq!(world.containers(), [""; 0]);
    assert_eq!(world.ask("assets"), serde_json::json!([]));
    let names = std::fs::read_dir(&elsewhere).expect("the folder");
    let names: Vec<_> = names
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["receipt.json"]);
    let receipt = std::fs::read(elsewhere.join("receipt.json")).expect("a receipt");
    let receipt: serde_json::Value = serde_json::from_slice(&receipt).expect("JSON");
    for none in ["left", "unproven", "failed", "not_begun"] {
        assert_eq!(receipt[none], serde_json::json!([]), "{none}");
    }
    let list = bed
        .run(&["cluster", "list", "--all", "--rehearse", "--output", "json"])
        .expect(0);
    assert_eq!(list.out.trim(), "[]");
}

#[test]
fn a_dry_run_says_all_and_does_nothing() {
    let bed = Bed::new();
    let plan = bed.run(&[SETUP, &["--dry-run"]].concat()).expect(0);
    for part in [
        "kind cluster dot",
        "HelmRelease flux-system/cert-manager",
        "Namespace a-team",
    ] {
        assert!(plan.out.contains(part), "{part}:\n{}", plan.out);
    }
    let json = bed
        .run(&[SETUP, &["--dry-run", "--output", "json"]].concat())
        .expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    let steps = json["steps"].as_array().expect("steps");
    let traefik = steps
        .iter()
        .find(|step| step["id"] == "component/traefik")
        .expect("a step");
    assert_eq!(traefik["needs"], serde_json::json!(["component/flux"]));
    assert!(!bed.here().join("rehearsal").exists());
    let list = bed
        .run(&["cluster", "list", "--all", "--rehearse", "--output", "json"])
        .expect(0);
    assert_eq!(list.out.trim(), "[]");
}

#[test]
fn output_json_is_one_object_a_line() {
    let bed = Bed::new();
    let up = bed.run(&[SETUP, &["--output", "json"]].concat()).expect(0);
    let events: Vec<serde_json::Value> = up
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    assert_eq!(events[0]["event"], "run-started");
    assert_eq!(events[0]["rehearsal"], true);
    let report = events.last().expect("a report");
    assert_eq!(report["event"], "report");
    assert_eq!(report["exit"], 0);
    assert_eq!(up.err, "");
}

#[test]
fn components_and_namespaces_follow_the_file() {
    let bed = Bed::new();
    bed.write(
        "windlass.toml",
        r#"
[clusters.dev]
provider = "kind"
nodes = { min = 2, max = 2 }

[components.traefik]
enabled = false

[components.cert-manager]
values = { replicaCount = 2 }

[platform]
namespaces = ["payments"]
"#,
    );
    let up = bed.run(&["setup", "--rehearse"]).expect(0);
    assert!(!up.err.contains("component/traefik"), "{}", up.err);
    // Without an identity it runs, and the report says so.
    assert!(up.out.contains("it has no identity in Azure"), "{}", up.out);
    let status = bed
        .run(&["status", "--rehearse", "--output", "json"])
        .expect(0);
    let status: serde_json::Value = serde_json::from_str(&status.out).expect("JSON");
    assert_eq!(
        status["namespaces"],
        serde_json::json!([
            "atlas-operator",
            "azureserviceoperator-system",
            "cert-manager",
            "crossplane-system",
            "flux-system",
            "payments"
        ])
    );
    let show = bed.run(&["cluster", "show", "--rehearse"]).expect(0);
    assert!(show.out.contains("dev"), "{}", show.out);
    bed.run(&["destroy", "--rehearse"]).expect(0);
}
