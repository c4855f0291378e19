//! `install`: one component after the other, into a cluster that is there.

use serde_json::Value;

use crate::bed::{Bed, Ran};

const FLUX_ONLY: &[&str] = &["setup", "kind", "--rehearse", "--only", "flux"];

/// Returns the rows of `windlass install` alone, as JSON.
pub(crate) fn list(bed: &Bed) -> Vec<Value> {
    let ran = bed.run(&["install", "--rehearse", "-o", "json"]).expect(0);
    serde_json::from_str(&ran.out).expect("JSON")
}

pub(crate) fn row(bed: &Bed, name: &str) -> Value {
    let mut rows = list(bed).into_iter();
    rows.find(|row| row["component"] == name).expect("a row")
}

#[track_caller]
pub(crate) fn says(ran: &Ran, text: &str) {
    assert!(
        ran.out.contains(text) || ran.err.contains(text),
        "{text} is missing\n--- stdout\n{}\n--- stderr\n{}",
        ran.out,
        ran.err
    );
}

#[test]
fn without_a_cluster_the_list_says_that_it_does_not_know() {
    let bed = Bed::new();
    let ran = bed.run(&["install", "--rehearse"]).expect(0);
    says(
        &ran,
        "what is installed is not known: there is no kind cluster \"dot\"",
    );
    let traefik = row(&bed, "traefik");
    assert_eq!(traefik["present"], Value::Null);
    assert_eq!(traefik["available"], "41.3.0");
    assert!(!bed.here().join("rehearsal").exists());
}

#[test]
fn a_component_comes_with_what_it_needs_and_is_left_alone_afterwards() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    assert_eq!(row(&bed, "flux")["present"], false);
    let plan = bed
        .run(&[
            "install",
            "traefik",
            "--rehearse",
            "--dry-run",
            "-o",
            "json",
        ])
        .expect(0);
    let plan: Value = serde_json::from_str(&plan.out).expect("JSON");
    let steps: Vec<&str> = plan["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["id"].as_str())
        .collect();
    assert_eq!(
        steps,
        ["kube/inventory", "component/flux", "component/traefik"]
    );
    let first = bed
        .run(&["install", "traefik", "cert-manager", "--rehearse"])
        .expect(0);
    says(&first, "component/flux");
    let flux = row(&bed, "flux");
    assert_eq!(
        (&flux["installed"], &flux["health"]),
        (&"2.9.4".into(), &"ready".into())
    );
    assert_eq!(flux["installer"], "windlass");

    let again = bed.run(&["install", "traefik", "--rehearse"]).expect(0);
    says(&again, "Flux 2.9.4 is there");
    assert!(!again.out.contains("made"), "{}", again.out);
    bed.run(&["status", "--rehearse"]).expect(0);
    bed.run(&["destroy", "kind", "--rehearse"]).expect(0);
}

#[test]
fn what_is_installed_otherwise_is_not_changed_by_an_install() {
    let bed = Bed::new();
    bed.run(FLUX_ONLY).expect(0);
    bed.write("values.yaml", "logs:\n  general: { level: DEBUG }\n");
    bed.run(&[
        "install",
        "traefik",
        "--values",
        "values.yaml",
        "--rehearse",
    ])
    .expect(0);
    // The same again is right; without the values it is left alone; others are refused.
    bed.run(&["install", "traefik", "-f", "values.yaml", "--rehearse"])
        .expect(0);
    let left = bed.run(&["install", "traefik", "--rehearse"]).expect(0);
    says(
        &left,
        "traefik is installed and left alone, with other values; to bring it into line: windlass upgrade traefik",
    );
    says(&left, "there is nothing to install");
    for (flags, differs) in [
        (["--set", "logs.general.level=INFO"], "with other values"),
        (["--version", "41.2.0"], "at version 41.3.0 and not 41.2.0"),
        (["--namespace", "edge"], "in namespace traefik and not edge"),
    ] {
        let ran = bed
            .run(&[&["install", "traefik", "--rehearse"], &flags[..]].concat())
            .expect(1);
        says(&ran, &format!("traefik is installed, {differs}"));
    }
}

#[test]
fn mistakes_are_told_before_anything_is_asked() {
    let bed = Bed::new();
    bed.write("list.yaml", "- a\n");
    bed.write("broken.yaml", "a: [\n");
    for (args, message) in [
        (&["treafik"][..], "did you mean traefik?"),
        (
            &["traefik", "cert-manager", "--set", "a=b"],
            "are about one component",
        ),
        (&["--set", "a=b"], "are about one component"),
        (
            &["traefik", "--set", "ports.web.hostPort=http"],
            "components.traefik.values.ports.web.hostPort is a string: it must be a number",
        ),
        (&["traefik", "--set", "a[x]=1"], "cannot read --set a[x]=…"),
        (
            &["traefik", "--set-secret", "a=b c"],
            "it is not the name of a variable",
        ),
        (
            &["traefik", "--values", "nowhere.yaml"],
            "there is no such file",
        ),
        (
            &["traefik", "--values", "list.yaml"],
            "it is no mapping of names to values",
        ),
        (
            &["traefik", "--values", "broken.yaml"],
            "cannot use the values in broken.yaml",
        ),
        (&["traefik", "--version", "^41"], "is not a version"),
        (&["traefik", "--export", "--dry-run"], "cannot be used with"),
    ] {
        let ran = bed
            .run(&[&["install", "--rehearse"], args].concat())
            .expect(2);
        says(&ran, message);
    }
    bed.write(
        "windlass.toml",
        "[components.traefik]\nvalues = { ingressClass = true }\n",
    );
    let ran = bed.run(&["setup", "kind", "--rehearse"]).expect(2);
    says(
        &ran,
        "components.traefik.values.ingressClass is true or false: it must be a map",
    );
    assert_eq!(bed.list(), ["broken.yaml", "list.yaml", "windlass.toml"]);
}

#[test]
fn an_export_prints_the_objects_and_asks_no_cluster() {
    let bed = Bed::new();
    let args = [
        "install",
        "traefik",
        "--export",
        "--version",
        "40.0.0",
        "--namespace",
        "edge",
    ];
    let more = [
        "--set",
        "ports.web.hostPort=null,extra={a,b}",
        "--set-secret",
        "hub.token=HUB",
    ];
    let ran = bed
        .finish(
            bed.command(&[&args[..], &more].concat())
                .env("HUB", "planted-secret"),
        )
        .expect(0);
    says(
        &ran,
        "Flux is needed and not among these: windlass install flux",
    );
    assert!(!ran.out.contains("planted"), "{}", ran.out);
    let objects: Vec<Value> = serde_saphyr::from_multiple(&ran.out).expect("YAML");
    let kinds: Vec<_> = objects
        .iter()
        .map(|object| object["kind"].clone())
        .collect();
    assert_eq!(
        kinds,
        ["Namespace", "Secret", "OCIRepository", "HelmRelease"]
    );
    assert_eq!(objects[1]["stringData"]["value-0"], "${HUB}");
    assert_eq!(objects[2]["spec"]["ref"]["tag"], "40.0.0");
    let spec = &objects[3]["spec"];
    assert_eq!(spec["targetNamespace"], "edge");
    // Kept, so that the chart takes its own value away too.
    assert_eq!(
        spec["values"]["ports"]["web"],
        serde_json::json!({ "hostPort": null })
    );
    assert_eq!(spec["values"]["extra"], serde_json::json!(["a", "b"]));
    assert!(bed.list().is_empty());
}

#[test]
fn values_are_laid_over_each_other() {
    let bed = Bed::new();
    bed.write(
        "windlass.toml",
        "[components.traefik.values]\nports = { web = { hostPort = 8081 } }\ningressClass = { isDefaultClass = false }\n\
         own = { toml = 1, file = 1, set = 1, text = 1, list = [1, 2] }\n",
    );
    bed.write(
        "first.yaml",
        "own: { file: 0, set: 2, list: [3], gone: yes please }\n",
    );
    bed.write("second.yaml", "own: { file: 2 }\n");
    let args = [
        "install",
        "traefik",
        "--export",
        "--provider",
        "kind",
        "-f",
        "first.yaml",
        "--values",
        "second.yaml",
        "--set",
        "own.set=3,own.gone=null",
        "--set-string",
        "own.text=4",
    ];
    let ran = bed.run(&args).expect(0);
    let objects: Vec<Value> = serde_saphyr::from_multiple(&ran.out).expect("YAML");
    let values = &objects.last().expect("a release")["spec"]["values"];
    // Ours, the provider's, windlass.toml's, those of the files, and those of the flags.
    assert_eq!(values["ingressClass"]["enabled"], true);
    assert_eq!(values["ports"]["websecure"]["hostPort"], 443);
    assert_eq!(values["ports"]["web"]["hostPort"], 8081);
    assert_eq!(values["ingressClass"]["isDefaultClass"], false);
    assert_eq!(
        values["own"],
        serde_json::json!({ "toml": 1, "file": 2, "set": 3, "text": "4", "list": [3], "gone": null })
    );
}

#[test]
fn ingress_is_the_controller_that_there_is_by_default() {
    let bed = Bed::new();
    bed.run(FLUX_ONLY).expect(0);
    says(
        &bed.run(&["install", "ingress", "--rehearse"]).expect(0),
        "install Traefik 41.3.0",
    );
    let again = ["install", "ingress", "--rehearse", "--dry-run"];
    says(
        &bed.run(&again).expect(0),
        "makes nothing: it is there, and as it is wanted",
    );
    bed.run(&["uninstall", "ingress", "--rehearse"]).expect(0);
    assert_eq!(row(&bed, "traefik")["present"], false);
}

#[test]
fn a_secret_reaches_the_cluster_and_no_file() {
    let bed = Bed::new();
    bed.run(FLUX_ONLY).expect(0);
    let args = [
        "install",
        "traefik",
        "--rehearse",
        "--set-secret",
        "hub.token=HUB",
    ];
    says(
        &bed.run(&args).expect(2),
        "secret values are wanted and not set: HUB",
    );
    bed.finish(bed.command(&args).env("HUB", "planted-secret-value"))
        .expect(0);
    let mut folders = vec![bed.here()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => {
                    let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file"))
                        .into_owned();
                    assert!(!text.contains("planted-secret"), "{}", path.display());
                }
            }
        }
    }
}

#[test]
fn a_cluster_of_others_is_named_by_its_kubeconfig() {
    let bed = Bed::new();
    let _served = bed.serve();
    bed.run(FLUX_ONLY).expect(0);
    let given = [
        "--rehearse",
        "--kubeconfig",
        "rehearsal/kubeconfig-dot.yaml",
    ];
    let ran = bed
        .run(&[&["install", "traefik"], &given[..]].concat())
        .expect(0);
    says(&ran, "install in cluster dot on kind");
    assert_eq!(row(&bed, "traefik")["installed"], "41.3.0");
    let wrong = bed
        .run(&[&["install", "traefik"], &given[..], &["--context", "nope"]].concat())
        .expect(2);
    says(&wrong, "it has the contexts windlass-dot");
    let own = bed
        .run(&["install", "traefik", "--rehearse", "--context", "mine"])
        .expect(2);
    says(&own, "a rehearsal leaves your own kubeconfig alone");
    // What is not in the rehearsal's world is not touched by it.
    let other = bed.text("rehearsal/kubeconfig-dot.yaml").expect("a file");
    bed.write(
        "other.yaml",
        other.replace("/clusters/dot", "/clusters/other"),
    );
    let ran = bed.run(&[
        "install",
        "traefik",
        "--rehearse",
        "--kubeconfig",
        "other.yaml",
    ]);
    assert_ne!(ran.code, 0, "{}", ran.out);
}
