//! `support`: a text file for a bug report, which is whole where the cluster is not, and holds no secret.

use std::os::unix::fs::PermissionsExt;

use crate::bed::Bed;

const SETTINGS: &str = r#"
[components.traefik]
values = { dashboard = { password = "pl4nted-in-a-value", note = "https://me:pl4nted-in-a-url@example.com" } }
secrets = { "a.b" = "TRAEFIK_WORD" }
"#;

fn parts(report: &str) -> Vec<&str> {
    report
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect()
}

#[test]
fn a_report_tells_how_all_is_and_no_secret() {
    let bed = Bed::new();
    bed.write("windlass.toml", SETTINGS);
    bed.write(
        ".env",
        "TRAEFIK_WORD='pl4nted in a file'\nMINE=pl4nted-mine\nWINDLASS_KUBERNETES_VERSION=1.36.1\n",
    );
    bed.run(&["setup", "kind", "--rehearse"]).expect(0);
    // What an application says in its log is out of windlass's hands, unless it knows the secret or its shape.
    let ran = bed.run(&["support", "--rehearse"]).expect(0);
    assert_eq!(ran.out, "HERE/windlass-support-dot.txt\n");
    assert!(
        ran.err.ends_with("read it before you share it\n"),
        "{}",
        ran.err
    );
    let path = bed.here().join("windlass-support-dot.txt");
    let mode = std::fs::metadata(path)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let report = bed.text("windlass-support-dot.txt").expect("a report");
    assert!(!report.contains("pl4nted"), "{report}");
    let found = parts(&report);
    for part in [
        "about",
        "settings",
        "doctor",
        "resources",
        "status",
        "inventory",
        "conditions",
        "events in flux-system",
        "pods in traefik",
    ] {
        assert!(found.contains(&part), "{part}: {found:?}");
        assert!(ran.err.contains(&format!("  {part}\n")), "{}", ran.err);
    }
    for said in [
        concat!("windlass ", env!("CARGO_PKG_VERSION")),
        "WINDLASS_KUBERNETES_VERSION",
        "TRAEFIK_WORD",
        "HelmRelease flux-system/traefik\n  Ready=True InstallSucceeded",
        "\"step\":\"component/traefik\"",
        "passed",
    ] {
        assert!(report.contains(said), "{said}:\n{report}");
    }
    // It is never written over.
    let again = bed.run(&["support", "--rehearse"]).expect(1);
    assert!(
        again
            .err
            .ends_with("hint: move it away, or name another file: --destination FILE\n"),
        "{}",
        again.err
    );
    bed.run(&["support", "--rehearse", "--destination", "other.txt"])
        .expect(0);
}

#[test]
fn a_cluster_that_does_not_answer_is_told_as_missing() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    bed.write(
        "faults.toml",
        "[[request]]\nstatus = 503\nmessage = \"etcd is gone\"\n",
    );
    let ran = bed
        .run(&["support", "--rehearse", "--rehearse-faults", "faults.toml"])
        .expect(0);
    assert!(
        ran.err
            .contains("  what is in the cluster: missing, cannot reach the Kubernetes API"),
        "{}",
        ran.err
    );
    let report = bed.text("windlass-support-dot.txt").expect("a report");
    assert!(report.contains("etcd is gone"), "{report}");
    assert!(
        parts(&report).iter().any(|part| part.starts_with("run ")),
        "{report}"
    );

    // Without a cluster, without runs, with files that are not in order.
    let bed = Bed::new();
    bed.write("windlass.toml", "[clusters\n");
    bed.write(".env", "MINE='pl4nted-half\nrest-of-pl4nted\n");
    let ran = bed.run(&["support", "--rehearse"]).expect(0);
    assert!(ran.err.contains("  settings: missing, "), "{}", ran.err);
    assert!(
        ran.err.contains("  runs: missing, there are none"),
        "{}",
        ran.err
    );
    bed.write("windlass.toml", "");
    bed.write(".env", "");
    let ran = bed
        .run(&["support", "--rehearse", "--destination", "b.txt"])
        .expect(0);
    assert!(
        ran.err
            .contains("  status: missing, there is no cluster dot at kind"),
        "{}",
        ran.err
    );
    for name in ["windlass-support-dot.txt", "b.txt"] {
        let report = bed.text(name).expect("a report");
        assert!(!report.contains("pl4nted"), "{report}");
    }
}
